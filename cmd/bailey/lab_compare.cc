// lab compare: the same questions to two labs, side by side: two network models, or before and after a change.
//
// Each row is asked `--rounds` times in each lab, in turns, so that a busy moment of the machine hits both; the time
// shown is the median. The exit status is 0 when all could be asked, whether the answers agree or not.
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

// One lab of the two and what it answered, a list of answers for each round.
struct Side {
  std::string name;
  Json status;
  std::vector<Json> rounds;
};

// The median of what was measured; null where nothing was.
Json median_time(const Side& side, std::size_t row) {
  std::vector<std::int64_t> times;
  for (const Json& round : side.rounds)
    if (const Json& time = round["rows"].items()[row]["rtt_us"]; time.is_int()) times.push_back(time.as_int());
  if (times.empty()) return {};
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

Json compare_document(const std::vector<Side>& sides) {
  Json labs = Json::array();
  for (const Side& side : sides) {
    Json lab = Json::object().set("name", side.name).set("clusters", side.status["clusters"]);
    labs.push(lab.set("subnets", side.status["subnets"]));
  }
  Json rows = Json::array();
  std::size_t count = sides[0].rounds[0]["rows"].items().size();
  for (std::size_t i = 0; i < count; ++i) {
    const Json& asked = sides[0].rounds[0]["rows"].items()[i];
    Json row = Json::object();
    for (const char* key : {"id", "from", "to", "port", "family"})
      if (asked.has(key)) row.set(key, asked[key]);
    Json answers = Json::array();
    for (const Side& side : sides) {
      const Json& answer = side.rounds[0]["rows"].items()[i];
      Json out = Json::object().set("lab", side.name).set("result", answer["result"]);
      out.set("source_seen", answer["source_seen"]).set("hops", answer["hops"]);
      answers.push(out.set("rtt_us", median_time(side, i)).set("dropped_at", answer["dropped_at"]));
    }
    rows.push(row.set("answers", std::move(answers)));
  }
  return Json::object().set("labs", std::move(labs)).set("rows", std::move(rows));
}

// False: a failure was reported.
bool ask(Side& side, const Json& request, const CompareOptions& options, Session& session) {
  auto answer = session.engine.request(side.name, request, {});
  if (auto* failure = std::get_if<lab::Failure>(&answer)) {
    report(*failure, {}, options.format, session);
    return false;
  }
  side.rounds.push_back(std::move(std::get<Json>(answer)));
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

  std::vector<Side> sides{{options.names[0], {}, {}}, {options.names[1], {}, {}}};
  Json request = Json::object().set("verb", "probe").set("rows", rows).set("hops", true);
  for (Side& side : sides) {
    auto status = session.engine.request(side.name, Json::object().set("verb", "status"), {});
    if (auto* failure = std::get_if<lab::Failure>(&status)) return report(*failure, *read, options.format, session);
    side.status = std::get<Json>(status);
    if (!ask(side, request, options, session)) return;
  }
  request.set("hops", false);
  for (int round = 1; round < options.rounds; ++round)
    for (Side& side : sides)
      if (!ask(side, request, options, session)) return;
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
