// lab status, lab list, lab logs: what there is to see.
#include <CLI/CLI.hpp>

#include "commands.h"
#include "diagnostics.h"
#include "options.h"
#include "render.h"

namespace bailey::cli {
namespace {

using base::Json;

struct StatusOptions {
  std::string name = "default";
  std::string host;
  Format format = Format::text;
};

// Writes the answer as a document or, for people, by `text`.
template <typename Render>
void show(const lab::Answer<Json>& answer, std::string_view thing, Format format, Session& session, Render text) {
  if (const auto* failure = std::get_if<lab::Failure>(&answer)) return report(*failure, {}, format, session);
  const Json& document = std::get<Json>(answer);
  if (format == Format::json) return session.out_json(thing, document);
  session.out(text(document));
}

std::string log_text(const Json& document) {
  std::string out;
  for (const Json& line : document["lines"].items()) out += (line.is_string() ? line.as_string() : line.dump()) + "\n";
  return out;
}

}  // namespace

void add_lab_status(CLI::App& parent, Session& session) {
  auto options = std::make_shared<StatusOptions>();
  CLI::App* command = parent.add_subcommand("status", session.text("cli.help.status"));
  add_name(*command, options->name, session);
  add_format(*command, options->format, {Format::text, Format::json}, session);
  command->callback([options, &session] {
    auto answer = session.engine.request(options->name, Json::object().set("verb", "status"), {});
    show(answer, "status", options->format, session,
         [&](const Json& document) { return status_text(document, session, session.out_color()); });
  });
}

void add_lab_list(CLI::App& parent, Session& session) {
  auto options = std::make_shared<StatusOptions>();
  CLI::App* command = parent.add_subcommand("list", session.text("cli.help.list"));
  add_format(*command, options->format, {Format::text, Format::json}, session);
  command->callback([options, &session] {
    show(session.engine.list(), "list", options->format, session,
         [&](const Json& document) { return labs_text(document, session, session.out_color()); });
  });
}

void add_lab_logs(CLI::App& parent, Session& session) {
  auto options = std::make_shared<StatusOptions>();
  CLI::App* command = parent.add_subcommand("logs", session.text("cli.help.logs"));
  add_name(*command, options->name, session);
  command->add_option("HOST", options->host, session.text("cli.option.host"))->required()->type_name("");
  add_format(*command, options->format, {Format::text, Format::json}, session);
  command->callback([options, &session] {
    auto answer =
        session.engine.request(options->name, Json::object().set("verb", "logs").set("host", options->host), {});
    show(answer, "logs", options->format, session, log_text);
  });
}

}  // namespace bailey::cli
