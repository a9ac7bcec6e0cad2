// The same drawing as one HTML page with inline SVG. Every text from a manifest is escaped; colours are classes, so
// that light and dark are one style sheet.
#include <fmt/format.h>

#include <algorithm>

#include "plan.h"
#include "table.h"

namespace bailey::cli {
namespace {

constexpr int page_width = 960;
constexpr int prefix_left = 210;
constexpr int bar_left = 370;
constexpr int bar_width = 400;
constexpr int row_height = 30;
constexpr std::size_t name_room = 25;    // characters of the first column,
constexpr std::size_t prefix_room = 23;  // and of the second

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  return out;
}

// The first `room` characters (of UTF-8), the last of them "…" where some are left out.
std::string shortened(std::string_view text, std::size_t room) {
  std::size_t count = 0;
  std::size_t cut = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    if (++count == room) cut = i;
  }
  return count <= room ? std::string(text) : std::string(text.substr(0, cut)) + "…";
}

constexpr const char* style = R"(:root{color-scheme:light dark;--ink:#1c2733;--soft:#5b6b7b;--page:#fff;--used:#1f5fa8;
--planned:#6fa8dc;--reserved:#8a8f98;--free:#e4e9ee;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--ink:#e8edf2;--soft:#9aa9b8;--page:#12181f;--used:#7db4f0;--planned:#3d6f9f;
--reserved:#7a828c;--free:#2a333d;--bad:#ff8a80}}
body{margin:2rem auto;max-width:62rem;padding:0 1rem;background:var(--page);color:var(--ink);
font:15px/1.5 system-ui,"Noto Sans KR","Apple SD Gothic Neo","Malgun Gothic",sans-serif}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.25rem .8rem .25rem 0;border-bottom:1px solid var(--free)}th{color:var(--soft);font-weight:500}
td.n,th.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}td.n+td:not(.n),th.n+th:not(.n){padding-left:1.2rem}
svg{width:100%;height:auto}text{fill:var(--ink);font-size:14px}
text.soft{fill:var(--soft);font-size:12px}.subnets{fill:var(--soft)}.used{fill:var(--used)}.planned{fill:var(--planned)}.reserved{fill:var(--reserved)}
.free{fill:var(--free)}.bad{fill:var(--bad);color:var(--bad)}
)";

class Picture {
 public:
  explicit Picture(const Session& session) : session_(session) {}

  std::string draw(const std::vector<plan::Space>& spaces) {
    for (const plan::Space& space : spaces) draw(space);
    legend();
    std::string title = escaped(session_.text("cli.plan.page.drawing"));
    return fmt::format(
               R"(<svg viewBox="0 0 {} {}" role="img" aria-labelledby="drawing"><title id="drawing">{}</title>)",
               page_width, y_ + 6, title) +
           "\n" + body_ + "</svg>\n";
  }

 private:
  // What has no room is cut off and shown in full under the pointer.
  void text(int x, std::string_view content, std::string_view css = "", std::size_t room = std::string_view::npos) {
    std::string shown = shortened(content, room);
    std::string title = shown == content ? "" : "<title>" + escaped(content) + "</title>";
    body_ += fmt::format(R"(<text x="{}" y="{}"{}>{}{}</text>)", x, y_ + 18,
                         css.empty() ? "" : fmt::format(R"( class="{}")", css), title, escaped(shown)) +
             "\n";
  }
  void bar(const std::vector<std::pair<std::string_view, std::uint64_t>>& parts) {
    double sum = 0;
    for (const auto& part : parts) sum += static_cast<double>(part.second);
    double x = bar_left;
    for (const auto& [css, count] : parts) {
      if (count == 0 || sum == 0) continue;
      double width = static_cast<double>(count) / sum * bar_width;
      body_ +=
          fmt::format(R"(<rect class="{}" x="{:.1f}" y="{}" width="{:.1f}" height="18"><title>{}: {}</title></rect>)",
                      css, x, y_ + 4, std::max(width, 1.0),
                      escaped(session_.text("cli.plan.legend." + std::string(css))), count_text(count)) +
          "\n";
      x += width;
    }
  }
  void draw(const plan::Space& space) {
    bool pods = space.name.starts_with("Cluster/");
    std::string prefixes;
    for (const model::Prefix& prefix : space.prefixes) prefixes += (prefixes.empty() ? "" : " ") + prefix.text();
    std::uint64_t allotted = std::min(space.allotted, space.size);
    text(0, space.name, "", name_room);
    text(prefix_left, prefixes, "soft", prefix_room);
    if (!pods) {
      bar({{"subnets", allotted}, {"free", space.size - allotted}});
      text(bar_left + bar_width + 12, session_.text("cli.plan.free", {count_text(space.size - allotted)}), "soft");
    }
    y_ += row_height;
    for (const plan::Bar& each : space.bars) {
      text(16, each.name, "", name_room - 2);
      text(prefix_left, each.prefix.text(), "soft", prefix_room);
      bar({{"used", each.used}, {"planned", each.planned}, {"reserved", each.reserved}, {"free", each.free}});
      std::string note = each.missing ? session_.text("cli.plan.too-small", {count_text(each.missing)})
                                      : session_.text("cli.plan.free", {count_text(each.free)});
      if (each.proposed) note += ", " + session_.text("cli.plan.proposed");
      text(bar_left + bar_width + 12, note, each.missing ? "bad" : "soft");
      y_ += row_height;
    }
    y_ += 8;
  }
  void legend() {
    int x = 0;
    for (const char* css : {"subnets", "used", "planned", "reserved", "free"}) {
      body_ += fmt::format(R"(<rect class="{}" x="{}" y="{}" width="14" height="14"/>)", css, x, y_ + 6) + "\n";
      text(x + 20, session_.text(std::string("cli.plan.legend.") + css), "soft");
      x += 185;
    }
    y_ += row_height;
  }

  const Session& session_;
  std::string body_;
  int y_ = 0;
};

std::string table_html(const PlanAnswer& answer, const Session& session) {
  auto head = [&](const char* id, bool figure) {
    return fmt::format("<th{}>{}</th>", figure ? " class=\"n\"" : "", escaped(session.text(id)));
  };
  std::string out = "<table><thead><tr>" + head("cli.plan.head.subnet", false) + head("cli.plan.head.needed", true) +
                    head("cli.plan.head.reserved", true) + head("cli.plan.head.smallest", true) +
                    head("cli.plan.head.given", false) + head("cli.plan.head.now", true) +
                    head("cli.plan.head.full", true) + "</tr></thead><tbody>\n";
  for (const plan::SubnetPlan& subnet : answer.subnets)
    out += fmt::format(
        "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td>"
        "<td class=\"n\">{}</td><td class=\"n{}\">{}</td></tr>\n",
        escaped(subnet.name), count_text(subnet.needed), count_text(subnet.reserved), length_text(subnet.smallest),
        subnet.given ? subnet.given->text() : "-", subnet.utilisation_now ? share_text(*subnet.utilisation_now) : "-",
        subnet.fits() ? "" : " bad", subnet.utilisation ? share_text(*subnet.utilisation) : "-");
  return out + "</tbody></table>\n";
}

}  // namespace

std::string plan_page(const PlanAnswer& answer, const Session& session) {
  std::string title = escaped(session.text("cli.plan.page.title"));
  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{}</title>\n<style>\n",
      session.lang == base::Lang::ko ? "ko" : "en", title);
  out += style;
  out += "</style>\n</head>\n<body>\n<h1>" + title + "</h1>\n";
  out += Picture(session).draw(answer.spaces) + table_html(answer, session);
  for (std::size_t i = 0; i < answer.clusters.size(); ++i) {
    const plan::Advice& advice = answer.advices[i];
    out += fmt::format("<h2>Cluster/{}: {}</h2>\n<ul>\n", escaped(answer.clusters[i].cluster),
                       escaped(session.text("cli.plan.advised", {std::string(name(advice.model))})));
    for (const plan::Reason& reason : advice.because) out += "<li>" + escaped(session.text(reason.message)) + "</li>\n";
    out += "</ul>\n";
  }
  return out + "</body>\n</html>\n";
}

}  // namespace bailey::cli
