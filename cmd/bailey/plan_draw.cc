// The address space as bars on a terminal.
#include <algorithm>

#include "plan.h"
#include "table.h"

namespace bailey::cli {
namespace {

struct Ink {
  const char* utf8;
  const char* ascii;
  Paint paint;
};
constexpr Ink used_ink = {"█", "#", Paint::blue};
constexpr Ink planned_ink = {"▓", "+", Paint::cyan};
constexpr Ink reserved_ink = {"▒", "r", Paint::dim};
constexpr Ink free_ink = {"░", ".", Paint::dim};

std::string cells(const Ink& ink, std::size_t count, const Session& session) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += session.utf8 ? ink.utf8 : ink.ascii;
  return painted(out, ink.paint, session.out_color());
}

// Cells for each part: proportional, but what exists at all has at least one, at the cost of the widest.
std::vector<std::size_t> shares(const std::vector<std::uint64_t>& parts, std::size_t width) {
  std::uint64_t sum = 0;
  for (std::uint64_t part : parts) sum += part;
  std::vector<std::size_t> out(parts.size(), 0);
  std::size_t total = 0;
  for (std::size_t i = 0; i < parts.size() && sum > 0; ++i) {
    auto exact = static_cast<double>(parts[i]) / static_cast<double>(sum) * static_cast<double>(width);
    out[i] = parts[i] == 0 ? 0 : std::max<std::size_t>(1, static_cast<std::size_t>(exact + 0.5));
    total += out[i];
  }
  if (sum == 0) return out;
  auto widest = std::max_element(out.begin(), out.end());
  *widest = *widest + width > total ? *widest + width - total : 1;
  return out;
}

std::string bar_text(const std::vector<std::pair<Ink, std::uint64_t>>& parts, std::size_t width,
                     const Session& session) {
  std::vector<std::uint64_t> counts;
  for (const auto& part : parts) counts.push_back(part.second);
  std::vector<std::size_t> cell_counts = shares(counts, width);
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (cell_counts[i] > 0) out += cells(parts[i].first, cell_counts[i], session);
  return out;
}

struct DrawnRow {
  std::string name;
  std::string prefix;
  std::vector<std::pair<Ink, std::uint64_t>> parts;
  std::string note;
};

std::string padded(std::string text, std::size_t width) {
  std::size_t used = display_width(text);
  return text.append(used < width ? width - used : 0, ' ');
}

std::vector<DrawnRow> drawn_rows(const plan::Space& space, const Session& session) {
  std::vector<DrawnRow> out;
  std::string prefixes;
  for (const model::Prefix& prefix : space.prefixes) prefixes += (prefixes.empty() ? "" : " ") + prefix.text();
  bool pods = space.name.starts_with("Cluster/");
  std::uint64_t allotted = std::min(space.allotted, space.size);
  if (!pods)
    out.push_back({space.name,
                   prefixes,
                   {{planned_ink, allotted}, {free_ink, space.size - allotted}},
                   session.text("cli.plan.free", {count_text(space.size - allotted)})});
  for (const plan::Bar& bar : space.bars) {
    std::string note = bar.missing ? session.text("cli.plan.too-small", {count_text(bar.missing)})
                                   : session.text("cli.plan.free", {count_text(bar.free)});
    if (bar.proposed) note += ", " + session.text("cli.plan.proposed");
    out.push_back(
        {pods ? space.name + " podCIDR" : "  " + bar.name,
         bar.prefix.text(),
         {{used_ink, bar.used}, {planned_ink, bar.planned}, {reserved_ink, bar.reserved}, {free_ink, bar.free}},
         note});
  }
  return out;
}

std::string legend(const Session& session) {
  auto part = [&](const Ink& ink, std::string_view text) { return cells(ink, 1, session) + " " + session.text(text); };
  return part(used_ink, "cli.plan.legend.used") + "   " + part(planned_ink, "cli.plan.legend.planned") + "   " +
         part(reserved_ink, "cli.plan.legend.reserved") + "   " + part(free_ink, "cli.plan.legend.free") + "\n";
}

}  // namespace

std::string plan_drawing(const std::vector<plan::Space>& spaces, const Session& session) {
  std::vector<DrawnRow> rows;
  for (const plan::Space& space : spaces)
    for (DrawnRow& row : drawn_rows(space, session)) rows.push_back(std::move(row));
  if (rows.empty()) return "";
  std::size_t name_width = 0, prefix_width = 0, note_width = 0;
  for (const DrawnRow& row : rows) {
    name_width = std::max(name_width, display_width(row.name));
    prefix_width = std::max(prefix_width, display_width(row.prefix));
    note_width = std::max(note_width, display_width(row.note));
  }
  std::size_t rest = name_width + prefix_width + note_width + 6;
  std::size_t width = std::clamp<std::size_t>(session.columns > rest ? session.columns - rest : 0, 10, 60);
  std::string out;
  for (const DrawnRow& row : rows)
    out += padded(row.name, name_width) + "  " + padded(row.prefix, prefix_width) + "  " +
           bar_text(row.parts, width, session) + "  " + row.note + "\n";
  return out + legend(session);
}

}  // namespace bailey::cli
