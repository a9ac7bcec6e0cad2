// lab probe: who reaches whom, tried with real packets. One row, the rows of a file, or every pair.
//
// Asked for one row, the exit status is the answer: 0 open, 1 not. For many rows there is no one answer, and the
// status is 0 when they were all tried. With --prove each is asked of reach as well (lab_prove.h).
#include <CLI/CLI.hpp>

#include "commands.h"
#include "diagnostics.h"
#include "files.h"
#include "lab_prove.h"
#include "options.h"
#include "render.h"
#include "rows.h"

namespace bailey::cli {
namespace {

using base::Json;

struct ProbeOptions {
  std::string name = "default";
  RowOptions row;
  std::string cases;
  int timeout_ms = 300;
  bool hops = false;
  bool prove = false;
  std::vector<std::string> paths;
  std::string report;
  Format format = Format::text;
};

// What is wrong with the options together; "" where nothing is.
std::string mistake_in(const ProbeOptions& options, const Session& session) {
  if (!options.prove && !options.paths.empty()) return session.text("cli.prove.only-with", {"-f"});
  if (!options.prove && !options.report.empty()) return session.text("cli.prove.only-with", {"--report"});
  if (options.prove && options.hops) return session.text("cli.prove.without", {"--hops"});
  if (options.prove && options.format == Format::jsonl) return session.text("cli.prove.without", {"-o jsonl"});
  bool two_labs = !options.paths.empty() && options.name != "default";
  return two_labs ? session.text("cli.prove.name-or-files") : "";
}

void probe(const ProbeOptions& options, Session& session) {
  if (std::string mistake = mistake_in(options, session); !mistake.empty())
    return report_usage(mistake, options.format, session);
  Json request = Json::object().set("verb", "probe").set("timeout_ms", options.timeout_ms);
  if (options.hops) request.set("hops", true);
  bool one_row = options.row.any();
  std::vector<manifest::Document> documents;
  if (one_row && !options.cases.empty()) return report_usage(session.text("cli.row-or-cases"), options.format, session);
  if (one_row) {
    RowOrMistake row = row_of(options.row, session);
    if (!row.row) return report_usage(row.mistake, options.format, session);
    request.set("rows", Json::Array{*row.row});
  } else if (!options.cases.empty()) {
    auto read = read_inputs({options.cases}, session);
    if (!read) return report_usage(read.error(), options.format, session);
    documents = std::move(*read);
    Json rows = Json::array();
    std::vector<model::InputError> errors;
    for (const manifest::Document& document : documents) {
      Rows parsed = parse_rows(document);
      for (Json& row : parsed.rows) rows.push(std::move(row));
      errors.insert(errors.end(), parsed.errors.begin(), parsed.errors.end());
    }
    if (!errors.empty()) return report(errors, documents, options.format, session);
    request.set("rows", rows);
  }
  if (options.prove)
    return prove({options.name, options.paths, request["rows"], options.timeout_ms, options.report, options.format},
                 session);
  auto answer = session.engine.request(options.name, request, {});
  if (auto* failure = std::get_if<lab::Failure>(&answer)) return report(*failure, documents, options.format, session);
  const Json& document = std::get<Json>(answer);
  if (options.format == Format::json) {
    session.out_json("probe", document);
  } else if (options.format == Format::jsonl) {
    for (const Json& row : document["rows"].items()) session.out_json("probe", row, true);
  } else {
    session.out(probe_text(document, session, session.out_color()));
  }
  const Json::Array& rows = document["rows"].items();
  if (one_row && !(rows.size() == 1 && rows[0]["result"].as_string() == "open")) session.status = exit_status::no;
}

}  // namespace

void add_lab_probe(CLI::App& parent, Session& session) {
  auto options = std::make_shared<ProbeOptions>();
  CLI::App* command = parent.add_subcommand("probe", session.text("cli.help.probe"));
  add_name(*command, options->name, session);
  add_row(*command, options->row, session);
  add_duration(*command, "--timeout", options->timeout_ms, "cli.option.timeout", session);
  command->add_option("--cases", options->cases, session.text("cli.option.cases"))->type_name("FILE");
  command->add_flag("--hops", options->hops, session.text("cli.option.hops"));
  command->add_flag("--prove", options->prove, session.text("cli.option.prove"));
  command->add_option("-f", options->paths, session.text("cli.option.prove-files"))->type_name("PATH");
  command->add_option("--report", options->report, session.text("cli.option.prove-report"))->type_name("DIR");
  add_format(*command, options->format, {Format::text, Format::json, Format::jsonl}, session);
  command->callback([options, &session] { probe(*options, session); });
}

}  // namespace bailey::cli
