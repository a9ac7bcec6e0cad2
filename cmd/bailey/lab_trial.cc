// lab test: the rows of an expectations file, tried against a lab. Reachability rows go to the lab in one request;
// command rows run this very program, and labs that they start under a name that begins with the lab's own and "-"
// are ended with the run. The last line is "N passed, N failed, N pending" in every language.
#include <sys/wait.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <set>

#include "commands.h"
#include "diagnostics.h"
#include "files.h"
#include "io/child.h"
#include "io/loop.h"
#include "lab/expectations/expectations.h"
#include "options.h"
#include "progress.h"
#include "tree.h"

extern char** environ;

namespace bailey::cli {
namespace {

using base::Json;
using lab::CommandExpectation;
using lab::Expectation;
using lab::Outcome;
using lab::ReachExpectation;
using lab::Verdict;

struct TrialOptions {
  std::string name = "default";
  std::vector<std::string> paths;
  int timeout_ms = 300;
  Format format = Format::text;
};

// One row and what came of it.
struct Row {
  Expectation expectation;
  std::string file;
  Outcome outcome;
};

std::string with_lab(std::string word, const std::string& lab) {
  for (std::size_t at = word.find("{lab}"); at != std::string::npos; at = word.find("{lab}", at + lab.size()))
    word.replace(at, 5, lab);
  return word;
}

// Runs a command of this program, in English, since rows look at what it prints: the answer {exit, stdout}, in
// which stdout is all that a user would see.
Json run_program(const CommandExpectation& row, const std::string& lab, const Session& session) {
  if (row.command.front() != "bailey") return Json::object();
  io::Command command;
  command.path = session.program;
  for (std::size_t i = 1; i < row.command.size(); ++i) command.arguments.push_back(with_lab(row.command[i], lab));
  command.timeout_ms = 60000;
  for (char** entry = environ; *entry; ++entry)
    if (!std::string_view(*entry).starts_with("LC_") && !std::string_view(*entry).starts_with("LANG="))
      command.environment.emplace_back(*entry);
  auto loop = io::Loop::create();
  if (!loop) return Json::object();
  Json answer = Json::object();
  base::Status started = io::start(**loop, command, [&](io::Finished finished) {
    answer.set("exit", WIFEXITED(finished.status) ? WEXITSTATUS(finished.status) : 128 + WTERMSIG(finished.status));
    answer.set("stdout", finished.output + finished.errors);
    (*loop)->stop();
  });
  if (started) (*loop)->run();
  return answer;
}

class Trial {
 public:
  Trial(const TrialOptions& options, Session& session) : options_(options), session_(session) {}

  // False when the lab itself cannot be asked; that has been reported then.
  bool run(std::vector<Row>& rows) {
    auto is_reach = [](const Row& row) { return std::holds_alternative<ReachExpectation>(row.expectation.what); };
    if (std::any_of(rows.begin(), rows.end(), is_reach) && !read_status()) return false;
    std::set<std::string> labs_before = labs();
    std::vector<Json> answers = probe(rows);
    {
      ProgressLine progress(session_.text("cli.testing"), session_);
      auto start = std::chrono::steady_clock::now();
      for (std::size_t i = 0; i < rows.size(); ++i) {
        rows[i].outcome = judge(rows[i].expectation, answers[i]);
        double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
        if (session_.err_is_terminal()) progress.show({session_.text("cli.testing-rows"), i + 1, rows.size(), ms});
      }
    }
    for (const std::string& name : labs())
      if (!labs_before.contains(name) && name.starts_with(options_.name + "-")) session_.engine.down(name);
    return true;
  }

 private:
  bool read_status() {
    auto answer = session_.engine.request(options_.name, Json::object().set("verb", "status"), {});
    if (auto* failure = std::get_if<lab::Failure>(&answer)) {
      report(*failure, {}, options_.format, session_);
      return false;
    }
    status_ = std::get<Json>(answer);
    return true;
  }

  std::set<std::string> labs() {
    std::set<std::string> out;
    auto answer = session_.engine.list();
    if (const Json* list = std::get_if<Json>(&answer))
      for (const Json& lab : (*list)["labs"].items()) out.insert(lab["name"].as_string());
    return out;
  }

  lab::Answer<Json> ask(Json rows) {
    Json request =
        Json::object().set("verb", "probe").set("timeout_ms", options_.timeout_ms).set("rows", std::move(rows));
    return session_.engine.request(options_.name, request, {});
  }

  // The answer to each row; null for rows that are no probes. One name that does not exist fails a whole request,
  // so then the rows are asked for one by one, and those that fail have no answer.
  std::vector<Json> probe(const std::vector<Row>& rows) {
    std::vector<Json> out(rows.size());
    std::vector<std::size_t> asked;
    Json all = Json::array();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (!std::holds_alternative<ReachExpectation>(rows[i].expectation.what)) continue;
      asked.push_back(i);
      all.push(lab::question(rows[i].expectation));
    }
    if (asked.empty()) return out;
    auto together = ask(all);
    const Json* answers = std::get_if<Json>(&together);
    bool whole = answers && (*answers)["rows"].items().size() == asked.size();
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (whole) {
        out[asked[i]] = (*answers)["rows"].items()[i];
        continue;
      }
      auto one = ask(Json::Array{lab::question(rows[asked[i]].expectation)});
      if (auto* failure = std::get_if<lab::Failure>(&one))
        out[asked[i]] = Json::object().set("failure", session_.text(failure->message));
      else if (const Json::Array& list = std::get<Json>(one)["rows"].items(); !list.empty())
        out[asked[i]] = list[0];
    }
    return out;
  }

  Outcome judge(const Expectation& row, const Json& answer) {
    if (const auto* command = std::get_if<CommandExpectation>(&row.what))
      return lab::judge(row, run_program(*command, options_.name, session_), {});
    Outcome outcome = lab::judge(row, answer, lab::facts_of(status_, row));
    if (answer.has("failure")) outcome.reason = {answer["failure"].as_string(), {}};
    return outcome;
  }

  const TrialOptions& options_;
  Session& session_;
  Json status_;
};

// The command that shows a row, as a user would type it.
std::string shown_by(const Row& row, const std::string& lab) {
  std::string out;
  if (const auto* command = std::get_if<CommandExpectation>(&row.expectation.what))
    for (const std::string& word : command->command) {
      std::string text = with_lab(word, lab);
      out += (out.empty() ? "" : " ") + (text.find(' ') == std::string::npos ? text : "'" + text + "'");
    }
  if (const auto* reach = std::get_if<ReachExpectation>(&row.expectation.what)) {
    out = "bailey lab probe" + (lab == "default" ? "" : " --name " + lab);
    out += " --from " + reach->from.text() + " --to " + reach->to.text() + " --port " + reach->port.text();
    if (reach->family) out += *reach->family == model::Family::v4 ? " --family 4" : " --family 6";
  }
  return out;
}

std::string title(const Row& row, const Session& session) {
  const std::string& statement = row.expectation.statement.in(session.lang);
  if (!statement.empty()) return statement;
  std::string out = row.expectation.id;
  if (const auto* reach = std::get_if<ReachExpectation>(&row.expectation.what))
    out += ": " + reach->from.text() + " → " + reach->to.text() + " " + reach->port.text() +
           (reach->allow ? " allow" : " deny");
  return out;
}

// Why a row failed, or why it is pending.
std::string detail(const Row& row, const Session& session) {
  if (row.outcome.verdict == Verdict::passed) return "";
  bool pending = row.outcome.verdict == Verdict::pending && row.expectation.pending;
  return pending ? row.expectation.pending->in(session.lang) : session.text(row.outcome.reason);
}

void print_text(const std::vector<Row>& rows, const TrialOptions& options, Session& session) {
  bool color = session.out_color();
  for (const Row& row : rows) {
    Verdict verdict = row.outcome.verdict;
    Paint paint = verdict == Verdict::passed ? Paint::green : verdict == Verdict::failed ? Paint::red : Paint::yellow;
    session.out(painted(session.text("cli.test." + std::string(lab::name(verdict))), paint, color) + "  " +
                title(row, session) + "\n");
    std::string command = shown_by(row, options.name);
    bool has_statement = !row.expectation.statement.en.empty();
    if (!command.empty() && has_statement) session.out("        " + painted(command, Paint::dim, color) + "\n");
    if (std::string more = detail(row, session); !more.empty())
      session.out("        " + painted(more, paint, color) + "\n");
  }
}

std::string xml(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out;
}

std::string junit(const std::vector<Row>& rows, const lab::Summary& summary, const TrialOptions& options,
                  const Session& session) {
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"" +
                    xml("lab " + options.name) + "\" tests=\"" + std::to_string(rows.size()) + "\" failures=\"" +
                    std::to_string(summary.failed) + "\" skipped=\"" + std::to_string(summary.pending) + "\">\n";
  for (const Row& row : rows) {
    out += "<testcase classname=\"" + xml(row.file) + "\" name=\"" + xml(row.expectation.id) + "\"";
    std::string more = xml(detail(row, session));
    if (row.outcome.verdict == Verdict::passed)
      out += "/>\n";
    else if (row.outcome.verdict == Verdict::failed)
      out += "><failure message=\"" + more + "\"/></testcase>\n";
    else
      out += "><skipped message=\"" + more + "\"/></testcase>\n";
  }
  return out + "</testsuite>\n</testsuites>\n";
}

Json document_of(const std::vector<Row>& rows, const lab::Summary& summary, const TrialOptions& options,
                 const Session& session) {
  Json list = Json::array();
  for (const Row& row : rows) {
    Json json = Json::object().set("id", row.expectation.id).set("result", lab::name(row.outcome.verdict));
    json.set("statement", title(row, session))
        .set("command", shown_by(row, options.name))
        .set("detail", detail(row, session));
    json.set("file", row.file).set("line", row.expectation.position.line);
    list.push(std::move(json));
  }
  Json counts =
      Json::object().set("passed", summary.passed).set("failed", summary.failed).set("pending", summary.pending);
  return Json::object().set("rows", list).set("summary", counts);
}

void test(const TrialOptions& options, Session& session) {
  auto documents = read_inputs(options.paths, session, true);
  Format errors_as = options.format == Format::json ? Format::json : Format::text;
  if (!documents) return report_usage(documents.error(), errors_as, session);
  std::vector<Row> rows;
  std::vector<model::InputError> errors;
  for (const manifest::Document& document : *documents) {
    Tree tree = tree_of(document);
    errors.insert(errors.end(), tree.errors.begin(), tree.errors.end());
    if (!tree.errors.empty()) continue;
    lab::Expectations parsed = lab::parse_expectations(tree.json, document.file, &tree.source);
    errors.insert(errors.end(), parsed.errors.begin(), parsed.errors.end());
    for (Expectation& row : parsed.rows) rows.push_back({std::move(row), document.file, {}});
  }
  if (!errors.empty()) return report(errors, *documents, errors_as, session);
  if (!Trial(options, session).run(rows)) return;
  lab::Summary summary;
  for (const Row& row : rows) summary.count(row.outcome.verdict);
  if (!summary.ok()) session.status = exit_status::no;
  if (options.format == Format::json) return session.out_json("test", document_of(rows, summary, options, session));
  if (options.format == Format::junit) return session.out(junit(rows, summary, options, session));
  print_text(rows, options, session);
  session.out(std::to_string(summary.passed) + " passed, " + std::to_string(summary.failed) + " failed, " +
              std::to_string(summary.pending) + " pending\n");
}

}  // namespace

void add_lab_test(CLI::App& parent, Session& session) {
  auto options = std::make_shared<TrialOptions>();
  CLI::App* command = parent.add_subcommand("test", session.text("cli.help.test"));
  add_name(*command, options->name, session);
  add_files(*command, options->paths, true, session);
  add_duration(*command, "--timeout", options->timeout_ms, "cli.option.timeout", session);
  add_format(*command, options->format, {Format::text, Format::json, Format::junit}, session);
  command->callback([options, &session] { test(*options, session); });
}

}  // namespace bailey::cli
