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

std::string names(const std::vector<std::string_view>& all) {
  std::string out;
  for (std::string_view name : all) out.append(out.empty() ? "" : ", ").append(name);
  return out;
}

// Endpoints by workload, under numbers: there are pairs in millions.
struct Groups {
  std::vector<std::string> names;  // ascending
  std::vector<std::size_t> of;     // by endpoint
};

Groups groups_of(const reach::Matrix& matrix) {
  std::map<std::string, std::size_t> numbers;
  std::vector<std::string> each;
  for (std::size_t i = 0; i < matrix.size(); ++i) numbers[each.emplace_back(reach::group_of(matrix, i))] = 0;
  Groups out;
  for (auto& [name, number] : numbers) {
    number = out.names.size();
    out.names.push_back(name);
  }
  for (const std::string& name : each) out.of.push_back(numbers.at(name));
  return out;
}

// What reaches one target on one port: of each group how many pairs there are, and how many are allowed.
struct Reached {
  std::uint32_t allowed = 0;
  std::uint32_t pairs = 0;
};
using Targets = std::map<std::pair<std::size_t, model::Port>, std::vector<Reached>>;  // by group and port

Targets targets_of(reach::Matrix& matrix, const Groups& groups) {
  Targets out;
  for (std::size_t to = 0; to < matrix.size(); ++to)
    for (const model::Port& port : matrix.ports(to)) {
      std::vector<Reached>& reached = out[{groups.of[to], port}];
      reached.resize(groups.names.size());
      for (std::size_t from = 0; from < matrix.size(); ++from) {
        if (from == to) continue;
        Reached& count = reached[groups.of[from]];
        count.allowed += matrix.verdict(from, to, port).allow ? 1 : 0;
        ++count.pairs;
      }
    }
  return out;
}

Cell reached_cell(const std::vector<Reached>& reached, const Groups& groups, const Session& session) {
  std::vector<std::string_view> all;
  std::vector<std::string_view> not_at_all;
  std::vector<std::string> in_part;
  for (std::size_t i = 0; i < reached.size(); ++i) {
    if (reached[i].pairs == 0) continue;
    if (reached[i].allowed == 0)
      not_at_all.push_back(groups.names[i]);
    else if (reached[i].allowed == reached[i].pairs)
      all.push_back(groups.names[i]);
    else
      in_part.push_back(groups.names[i] + " (" + std::to_string(reached[i].allowed) + "/" +
                        std::to_string(reached[i].pairs) + ")");
  }
  std::vector<std::string_view> some(in_part.begin(), in_part.end());
  if (not_at_all.empty() && some.empty())
    return {session.text("cli.reach.by-all", {std::to_string(all.size())}), Paint::green};
  if (all.empty() && some.empty()) return {session.text("cli.reach.by-none"), Paint::red};
  bool mostly = not_at_all.size() < all.size() && some.empty();
  if (mostly) return {session.text("cli.reach.by-all-but", {names(not_at_all)})};
  all.insert(all.end(), some.begin(), some.end());
  std::sort(all.begin(), all.end());
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

std::string lab_steps_text(const Json& told, const Session& session) {
  bool allow = told["verdict"].as_string() == "allow";
  bool color = session.out_color();
  std::string out = painted(session.text(allow ? "cli.reach.allow" : "cli.reach.deny"), paint_of_verdict(allow), color);
  out += "  " + told["from"].as_string() + " -> " + told["to"].as_string() + " " +
         (told["port"].is_int() ? told["port"].dump() : told["port"].as_string()) + "\n";
  std::vector<TableRow> rows;
  for (const Json& step : told["steps"].items()) {
    bool passes = step["verdict"].as_string() == "allow";
    std::string where = step["object"].as_string();
    if (!where.empty() && !step["rule"].as_string().empty()) where += " " + step["rule"].as_string();
    rows.push_back({{passes ? "  +" : "  -", paint_of_verdict(passes)},
                    {step["hop"].as_string()},
                    {step["stage"].as_string(), Paint::cyan},
                    {session.text(message_of(step["message"]))},
                    {where, Paint::dim}});
  }
  std::string text = rows.empty() ? "" : table({"", "", "", "", ""}, rows, color);
  out += text.substr(text.find('\n') + 1);
  bool agree = told["agree"].as_bool();
  std::string line =
      session.text(agree ? "cli.explain.agree" : "cli.explain.disagree", {told["packets"]["result"].as_string()});
  return out + "  " + painted(line, agree ? Paint::green : Paint::red, color) + "\n";
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
  Groups groups = groups_of(matrix);
  for (const auto& [target, reached] : targets_of(matrix, groups))
    rows.push_back({{groups.names[target.first]}, {target.second.text()}, reached_cell(reached, groups, session)});
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
  Groups groups = groups_of(matrix);
  Json by_groups = Json::array();
  for (const auto& [target, reached] : targets_of(matrix, groups))
    for (std::size_t i = 0; i < reached.size(); ++i) {
      if (reached[i].pairs == 0) continue;
      by_groups.push(Json::object()
                         .set("from", groups.names[i])
                         .set("to", groups.names[target.first])
                         .set("port", target.second.text())
                         .set("pairs", std::uint64_t{reached[i].pairs})
                         .set("allowed", std::uint64_t{reached[i].allowed}));
    }
  Json out = Json::object().set("endpoints", std::move(endpoints)).set("groups", std::move(by_groups));
  if (count > most_rows) return out.set("rows", Json::array()).set("rows_omitted", count);
  Json rows = Json::array();
  each_row(matrix, [&](const Json& row) { rows.push(row); });
  return out.set("rows", std::move(rows));
}

}  // namespace bailey::cli
