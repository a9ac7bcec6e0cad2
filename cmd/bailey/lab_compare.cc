// lab compare: the same questions to two labs, side by side: two network models, or before and after a change.
//
// All rows are asked at once, with their hops. What was open is then asked again `--rounds` times for the time it
// takes, one row after the other and in both labs in turns, so that no row waits for another and a busy moment of the
// machine hits both. The time shown is the median. The exit status is 0 when all could be asked, whatever the answers.
#include <CLI/CLI.hpp>
#include <algorithm>

#include "commands.h"
#include "diagnostics.h"
#include "files.h"
#include "options.h"
#include "render.h"
#include "rows.h"

namespace bailey::cli {
namespace {

using base::Json;

struct CompareOptions {
  std::vector<std::string> names;
  std::string cases;
  int rounds = 5;
  Format format = Format::text;
};

// One lab of the two, what it answered, and for each row the times that were measured.
struct Side {
  std::string name;
  Json status;
  Json answers;
  std::vector<std::vector<std::int64_t>> times_us;
};

Json median_of(std::vector<std::int64_t> times) {
  if (times.empty()) return {};
  auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

Json compare_document(const std::vector<Side>& sides) {
  Json labs = Json::array();
  for (const Side& side : sides) {
    Json lab = Json::object().set("name", side.name).set("clusters", side.status["clusters"]);
    labs.push(lab.set("subnets", side.status["subnets"]));
  }
  Json rows = Json::array();
  for (std::size_t i = 0; i < sides[0].answers.items().size(); ++i) {
    const Json& asked = sides[0].answers.items()[i];
    Json row = Json::object();
    for (const char* key : {"id", "from", "to", "port", "family"})
      if (asked.has(key)) row.set(key, asked[key]);
    Json answers = Json::array();
    for (const Side& side : sides) {
      const Json& answer = side.answers.items()[i];
      Json out = Json::object().set("lab", side.name).set("result", answer["result"]);
      out.set("source_seen", answer["source_seen"]).set("hops", answer["hops"]);
      answers.push(out.set("rtt_us", median_of(side.times_us[i])).set("dropped_at", answer["dropped_at"]));
    }
    rows.push(row.set("answers", std::move(answers)));
  }
  return Json::object().set("labs", std::move(labs)).set("rows", std::move(rows));
}

// The `rows` of a lab's answer to them, or nothing: then the failure was reported.
std::optional<Json> ask(const std::string& lab, const Json::Array& rows, bool hops, Format format, Session& session) {
  Json request = Json::object().set("verb", "probe").set("rows", rows).set("hops", hops);
  auto answer = session.engine.request(lab, request, {});
  if (auto* failure = std::get_if<lab::Failure>(&answer)) {
    report(*failure, {}, format, session);
    return std::nullopt;
  }
  return std::get<Json>(answer)["rows"];
}

// False: a failure was reported.
bool measure(std::vector<Side>& sides, const Json::Array& rows, const CompareOptions& options, Session& session) {
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (int round = 0; round < options.rounds; ++round) {
      for (Side& side : sides) {
        if (side.answers.items()[row]["result"].as_string() != "open") continue;
        std::optional<Json> answer = ask(side.name, {rows[row]}, false, options.format, session);
        if (!answer) return false;
        const Json& time = answer->items()[0]["rtt_us"];
        if (time.is_int()) side.times_us[row].push_back(time.as_int());
      }
    }
  }
  return true;
}

void compare(const CompareOptions& options, Session& session) {
  auto read = read_inputs({options.cases}, session);
  if (!read) return report_usage(read.error(), options.format, session);
  Json rows = Json::array();
  std::vector<model::InputError> errors;
  for (const manifest::Document& document : *read) {
    Rows parsed = parse_rows(document);
    for (Json& row : parsed.rows) rows.push(std::move(row));
    errors.insert(errors.end(), parsed.errors.begin(), parsed.errors.end());
  }
  if (!errors.empty()) return report(errors, *read, options.format, session);

  std::vector<Side> sides{{options.names[0], {}, {}, {}}, {options.names[1], {}, {}, {}}};
  for (Side& side : sides) {
    auto status = session.engine.request(side.name, Json::object().set("verb", "status"), {});
    if (auto* failure = std::get_if<lab::Failure>(&status)) return report(*failure, *read, options.format, session);
    side.status = std::get<Json>(status);
    std::optional<Json> answers = ask(side.name, rows.items(), true, options.format, session);
    if (!answers) return;
    side.answers = std::move(*answers);
    side.times_us.resize(side.answers.items().size());
  }
  if (!measure(sides, rows.items(), options, session)) return;
  Json document = compare_document(sides);
  if (options.format == Format::json) return session.out_json("lab-compare", document);
  session.out(compare_text(document, session, session.out_color()));
}

}  // namespace

void add_lab_compare(CLI::App& parent, Session& session) {
  auto options = std::make_shared<CompareOptions>();
  CLI::App* command = parent.add_subcommand("compare", session.text("cli.help.compare"));
  command->add_option("NAME", options->names, session.text("cli.option.two-labs"))
      ->required()
      ->expected(2)
      ->type_name("NAME");
  command->add_option("--cases", options->cases, session.text("cli.option.cases"))->required()->type_name("FILE");
  command->add_option("--rounds", options->rounds, session.text("cli.option.rounds"))->check(CLI::Range(1, 1000));
  add_format(*command, options->format, {Format::text, Format::json}, session);
  command->callback([options, &session] { compare(*options, session); });
}

}  // namespace bailey::cli
