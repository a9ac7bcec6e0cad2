// lab conn: connections that are held open, to see what cuts them.
#include <CLI/CLI.hpp>

#include "commands.h"
#include "diagnostics.h"
#include "options.h"
#include "render.h"

namespace bailey::cli {
namespace {

using base::Json;

struct ConnOptions {
  std::string name = "default";
  std::string action;
  std::string id;
  RowOptions row;
  Format format = Format::text;
};

void connect(const ConnOptions& options, Session& session) {
  Json request = Json::object().set("verb", "conn").set("action", options.action);
  if (options.action != "list") {
    if (options.id.empty()) return report_usage(session.text("cli.argument-missing", {"ID"}), options.format, session);
    request.set("id", options.id);
  } else if (!options.id.empty()) {
    request.set("id", options.id);
  }
  if (options.action == "open") {
    RowOrMistake row = row_of(options.row, session);
    if (!row.row) return report_usage(row.mistake, options.format, session);
    for (const auto& [key, value] : row.row->members()) request.set(key, value);
  } else if (options.row.any()) {
    return report_usage(session.text("cli.only-with-open"), options.format, session);
  }
  auto answer = session.engine.request(options.name, request, {});
  if (auto* failure = std::get_if<lab::Failure>(&answer)) return report(*failure, {}, options.format, session);
  const Json& document = std::get<Json>(answer);
  if (options.format == Format::json)
    session.out_json("conn", document);
  else
    session.out(connections_text(document, session, session.out_color()));
  // open and send ask whether the connection works; close and list do not.
  if (options.action == "open" || options.action == "send")
    for (const Json& row : document["connections"].items())
      if (row["id"].as_string() == options.id && row["state"].as_string() != "open") session.status = exit_status::no;
}

}  // namespace

void add_lab_conn(CLI::App& parent, Session& session) {
  auto options = std::make_shared<ConnOptions>();
  CLI::App* command = parent.add_subcommand("conn", session.text("cli.help.conn"));
  add_name(*command, options->name, session);
  command->add_option("ACTION", options->action, session.text("cli.option.conn-action"))
      ->required()
      ->check(CLI::IsMember({"open", "send", "close", "list"}))
      ->type_name("open|send|close|list");
  command->add_option("ID", options->id, session.text("cli.option.conn-id"))->type_name("");
  add_row(*command, options->row, session);
  add_format(*command, options->format, {Format::text, Format::json}, session);
  command->callback([options, &session] { connect(*options, session); });
}

}  // namespace bailey::cli
