#include "reach_text.h"

#include <algorithm>
#include <map>
#include <set>

#include "reach/diff.h"
#include "table.h"

namespace bailey::cli {
namespace {

using base::Json;

constexpr std::size_t most_rows = 20000;  // of one JSON document

Paint paint_of_verdict(bool allow) { return allow ? Paint::green : Paint::red; }

std::string verdict_word(bool allow, const Session& session) {
  return session.text(allow ? "cli.reach.allow" : "cli.reach.deny");
}

std::string head_line(const Json& row, const reach::Answer& answer, const Session& session) {
  std::string out = painted(verdict_word(answer.allow, session), paint_of_verdict(answer.allow), session.out_color());
  out += "  " + row["from"].as_string() + " -> " + row["to"].as_string() + " " + row["port"].as_string();
  if (answer.endpoints > 1)
    out += "  " + session.text("cli.reach.endpoints",
                               {std::to_string(answer.endpoints_reached), std::to_string(answer.endpoints)});
  return out + "\n";
}

std::string why_text(const reach::Answer& answer, const Session& session) {
  for (const reach::Step& step : answer.steps)
    if (!step.allow) return "  " + session.text(step.note) + "\n";
  return "";
}

std::string seen_text(const reach::Answer& answer, const Session& session) {
  if (!answer.allow || !answer.source_seen) return "";
  return "  " + session.text("cli.reach.seen", {answer.answered_by, answer.source_seen->text()}) + "\n";
}

std::string names(const std::set<std::string>& set) {
  std::string out;
  for (const std::string& name : set) out += (out.empty() ? "" : ", ") + name;
  return out;
}

// What reaches one target on one port, by workloads.
struct Reached {
  std::map<std::string, std::pair<std::size_t, std::size_t>> by;  // group -> allowed, pairs
};
using Targets = std::map<std::pair<std::string, model::Port>, Reached>;

Targets targets_of(reach::Matrix& matrix) {
  Targets out;
  std::vector<std::string> groups;
  for (std::size_t i = 0; i < matrix.size(); ++i) groups.push_back(reach::group_of(matrix, i));
  for (std::size_t to = 0; to < matrix.size(); ++to)
    for (const model::Port& port : matrix.ports(to)) {
      Reached& reached = out[{groups[to], port}];
      for (std::size_t from = 0; from < matrix.size(); ++from) {
        if (from == to) continue;
        auto& [allowed, pairs] = reached.by[groups[from]];
        allowed += matrix.verdict(from, to, port).allow ? 1 : 0;
        ++pairs;
      }
    }
  return out;
}

Cell reached_cell(const Reached& reached, const Session& session) {
  std::set<std::string> all;
  std::set<std::string> some;
  std::set<std::string> not_at_all;
  for (const auto& [group, count] : reached.by) {
    if (count.first == 0)
      not_at_all.insert(group);
    else if (count.first == count.second)
      all.insert(group);
    else
      some.insert(group + " (" + std::to_string(count.first) + "/" + std::to_string(count.second) + ")");
  }
  if (not_at_all.empty() && some.empty())
    return {session.text("cli.reach.by-all", {std::to_string(all.size())}), Paint::green};
  if (all.empty() && some.empty()) return {session.text("cli.reach.by-none"), Paint::red};
  bool mostly = not_at_all.size() < all.size() && some.empty();
  if (mostly) return {session.text("cli.reach.by-all-but", {names(not_at_all)})};
  all.merge(some);
  return {names(all)};
}

}  // namespace

std::optional<reach::Question> question_of(const Json& row) {
  auto from = model::EndpointName::parse(row["from"].as_string());
  auto to = model::EndpointName::parse(row["to"].as_string());
  std::string port_text = row["port"].is_int() ? std::to_string(row["port"].as_int()) : row["port"].as_string();
  auto port = model::Port::parse(port_text);
  if (!from || !to || !port) return std::nullopt;
  reach::Question out{*from, *to, *port, std::nullopt};
  std::string family = row["family"].is_int() ? std::to_string(row["family"].as_int()) : row["family"].as_string();
  if (family == "4") out.family = model::Family::v4;
  if (family == "6") out.family = model::Family::v6;
  return out;
}

Json row_json(const Json& row, const reach::Answer& answer) {
  Json out = row;
  Json found = reach::to_json(answer);
  for (const auto& [key, value] : found.members()) out.set(key, value);
  return out;
}

std::string decider_text(const Json& by) {
  std::string out = by["object"].as_string();
  if (const std::string& rule = by["rule"].as_string(); !rule.empty()) out += " " + rule;
  if (const std::string& file = by["file"].as_string(); !file.empty())
    out += "  " + file + (by["line"].as_int() > 0 ? ":" + std::to_string(by["line"].as_int()) : "");
  return out;
}

std::string answer_text(const Json& row, const reach::Answer& answer, const Session& session) {
  std::string out = head_line(row, answer, session) + why_text(answer, session) + seen_text(answer, session);
  for (const reach::Decider& by : answer.decided_by)
    out += "  " + session.text("cli.reach.decided-by", {decider_text(reach::to_json(by))}) + "\n";
  return out;
}

std::string steps_text(const Json& row, const reach::Answer& answer, const Session& session) {
  std::vector<TableRow> rows;
  bool reply = false;
  bool color = session.out_color();
  std::string out = head_line(row, answer, session);
  auto flush = [&] {
    std::string text = rows.empty() ? "" : table({"", "", "", "", ""}, rows, color);
    out += text.substr(text.find('\n') + 1);  // its head says nothing
    rows.clear();
  };
  for (const reach::Step& step : answer.steps) {
    if (step.reply && !reply) {
      flush();
      out += "  " + session.text("cli.reach.reply") + "\n";
      reply = true;
    }
    std::string where;
    if (!step.by.empty()) where = decider_text(reach::to_json(step.by.front()));
    rows.push_back({{step.allow ? "  +" : "  -", paint_of_verdict(step.allow)},
                    {step.hop},
                    {std::string(reach::name(step.stage)), Paint::cyan},
                    {session.text(step.note)},
                    {where, Paint::dim}});
  }
  flush();
  return out + seen_text(answer, session);
}

std::string url_text(const reach::Url& url, const reach::UrlAnswer& answer, const Session& session) {
  bool good = answer.good();
  std::string out =
      painted(std::to_string(answer.status), paint_of_verdict(good), session.out_color()) + "  " + url.text;
  out += "\n  " + session.text(answer.note) + "\n";
  for (const reach::Decider& by : answer.decided_by)
    out += "  " + session.text("cli.reach.decided-by", {decider_text(reach::to_json(by))}) + "\n";
  for (const std::string& endpoint : answer.endpoints) out += "  " + endpoint + "\n";
  return out;
}

std::string rows_text(const Json& list, const Session& session) {
  std::vector<TableRow> rows;
  std::size_t allowed = 0;
  for (const Json& row : list.items()) {
    bool allow = row["verdict"].as_string() == "allow";
    allowed += allow ? 1 : 0;
    const Json::Array& by = row["decided_by"].items();
    rows.push_back({{row["id"].is_string() ? row["id"].as_string()
                     : row.has("id")       ? row["id"].dump()
                                           : ""},
                    {row["from"].as_string()},
                    {row["to"].as_string()},
                    {row["port"].is_string() ? row["port"].as_string() : row["port"].dump()},
                    {verdict_word(allow, session), paint_of_verdict(allow)},
                    {row["source_seen"].as_string(), Paint::cyan},
                    {row["answered_by"].as_string()},
                    {by.empty() ? "" : decider_text(by.front()), Paint::dim}});
  }
  if (rows.empty()) return session.text("cli.no-rows") + "\n";
  std::vector<std::string> head;
  for (const char* id : {"id", "from", "to", "port", "result", "source-seen", "answered-by", "decided-by"})
    head.push_back(session.text(std::string("cli.head.") + id));
  return table(head, rows, session.out_color()) +
         session.text("cli.reach.summary", {std::to_string(allowed), std::to_string(rows.size() - allowed)}) + "\n";
}

std::string judged_text(const Json& row, const Session& session) {
  bool failed = row["result"].as_string() == "failed";
  std::string word = session.text("cli.test." + row["result"].as_string());
  std::string out = painted(word, failed ? Paint::red : Paint::yellow, session.out_color());
  out += "  " + row["id"].as_string() + ": " + row["from"].as_string() + " -> " + row["to"].as_string() + " " +
         row["port"].as_string() + "\n        " + row["detail"].as_string() + "\n";
  for (const Json& by : row["decided_by"].items())
    out += "        " + session.text("cli.reach.decided-by", {decider_text(by)}) + "\n";
  return out;
}

std::string matrix_text(reach::Matrix& matrix, const Session& session) {
  if (matrix.size() < 2) return session.text("cli.reach.nobody") + "\n";
  std::vector<TableRow> rows;
  for (const auto& [target, reached] : targets_of(matrix))
    rows.push_back({{target.first}, {target.second.text()}, reached_cell(reached, session)});
  std::vector<std::string> head;
  for (const char* id : {"to", "port", "reached-by"}) head.push_back(session.text(std::string("cli.head.") + id));
  return table(head, rows, session.out_color()) + session.text("cli.reach.matrix", {std::to_string(matrix.size())}) +
         "\n";
}

void each_row(reach::Matrix& matrix, const std::function<void(const Json&)>& visit) {
  for (std::size_t from = 0; from < matrix.size(); ++from)
    for (std::size_t to = 0; to < matrix.size(); ++to) {
      if (from == to) continue;
      for (const model::Port& port : matrix.ports(to)) {
        const reach::Verdict& verdict = matrix.verdict(from, to, port);
        Json row = Json::object().set("from", matrix.endpoint(from).text()).set("to", matrix.endpoint(to).text());
        row.set("port", port.text()).set("verdict", verdict.allow ? "allow" : "deny");
        visit(row.set("decided_by", reach::to_json(verdict.decided_by)));
      }
    }
}

// Millions of rows say the same of other names: what stands behind the names is written once for each verdict and port.
void matrix_lines(reach::Matrix& matrix, const std::function<void(std::string_view)>& write) {
  constexpr std::size_t chunk = std::size_t{1} << 18;  // bytes
  std::vector<std::string> names;
  for (std::size_t i = 0; i < matrix.size(); ++i) names.push_back(Json(matrix.endpoint(i).text()).dump());
  std::map<std::pair<const reach::Verdict*, model::Port>, std::string> tails;
  std::string head = Json::object().set("schema", "bailey.dev/reach/v1").dump();
  head.back() = ',';
  std::string out;
  for (std::size_t from = 0; from < matrix.size(); ++from) {
    std::string start = head + "\"from\":" + names[from] + ",\"to\":";
    for (std::size_t to = 0; to < matrix.size(); ++to) {
      if (from == to) continue;
      for (const model::Port& port : matrix.ports(to)) {
        const reach::Verdict& verdict = matrix.verdict(from, to, port);
        std::string& tail = tails[{&verdict, port}];
        if (tail.empty()) {
          Json row = Json::object().set("port", port.text()).set("verdict", verdict.allow ? "allow" : "deny");
          tail = row.set("decided_by", reach::to_json(verdict.decided_by)).dump() + "\n";
          tail.front() = ',';
        }
        out.append(start).append(names[to]).append(tail);
      }
      if (out.size() < chunk) continue;
      write(out);
      out.clear();
    }
  }
  write(out);
}

Json matrix_json(reach::Matrix& matrix) {
  Json endpoints = Json::array();
  std::size_t count = 0;
  for (std::size_t i = 0; i < matrix.size(); ++i) {
    endpoints.push(matrix.endpoint(i).text());
    count += matrix.ports(i).size() * (matrix.size() - 1);
  }
  Json groups = Json::array();
  for (const auto& [target, reached] : targets_of(matrix))
    for (const auto& [from, counts] : reached.by)
      groups.push(Json::object()
                      .set("from", from)
                      .set("to", target.first)
                      .set("port", target.second.text())
                      .set("pairs", counts.second)
                      .set("allowed", counts.first));
  Json out = Json::object().set("endpoints", std::move(endpoints)).set("groups", std::move(groups));
  if (count > most_rows) return out.set("rows", Json::array()).set("rows_omitted", count);
  Json rows = Json::array();
  each_row(matrix, [&](const Json& row) { rows.push(row); });
  return out.set("rows", std::move(rows));
}

}  // namespace bailey::cli
