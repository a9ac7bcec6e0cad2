// lab exec: a command in the network of a host or pod; its exit status is ours. lab down: the end of a lab.
#include <CLI/CLI.hpp>

#include "commands.h"
#include "diagnostics.h"
#include "model/endpoint_name.h"
#include "options.h"
#include "progress.h"

namespace bailey::cli {
namespace {

using base::Json;

struct ExecOptions {
  std::string name = "default";
  std::string endpoint;
};

void exec(const ExecOptions& options, Session& session) {
  if (session.tail.empty()) return report_usage(session.text("cli.no-command"), Format::text, session);
  auto answer = session.engine.exec(options.name, options.endpoint, session.tail);
  if (auto* failure = std::get_if<lab::Failure>(&answer)) return report(*failure, {}, Format::text, session);
  session.status = std::get<int>(answer);
}

struct DownOptions {
  std::string name = "default";
  bool all = false;
  bool named = false;
  Format format = Format::text;
};

void down(const DownOptions& options, Session& session) {
  std::vector<std::string> names = {options.name};
  if (options.all) {
    if (options.named) return report_usage(session.text("cli.name-or-all"), options.format, session);
    auto answer = session.engine.list();
    if (auto* failure = std::get_if<lab::Failure>(&answer)) return report(*failure, {}, options.format, session);
    names.clear();
    for (const Json& lab : std::get<Json>(answer)["labs"].items()) names.push_back(lab["name"].as_string());
  }
  Json ended = Json::array();
  for (const std::string& name : names) {
    auto answer = session.engine.down(name);
    if (auto* failure = std::get_if<lab::Failure>(&answer)) return report(*failure, {}, options.format, session);
    ended.push(name);
    if (options.format == Format::text) session.out(session.text("cli.ended", {name}) + "\n");
  }
  if (options.format == Format::json) session.out_json("down", Json::object().set("ended", ended));
}

}  // namespace

void add_lab_exec(CLI::App& parent, Session& session) {
  auto options = std::make_shared<ExecOptions>();
  CLI::App* command = parent.add_subcommand("exec", session.text("cli.help.exec"));
  add_name(*command, options->name, session);
  command->add_option("ENDPOINT", options->endpoint, session.text("cli.option.endpoint"))->required()->type_name("");
  command->callback([options, &session] { exec(*options, session); });
}

void add_lab_down(CLI::App& parent, Session& session) {
  auto options = std::make_shared<DownOptions>();
  CLI::App* command = parent.add_subcommand("down", session.text("cli.help.down"));
  add_name(*command, options->name, session);
  command->add_flag("--all", options->all, session.text("cli.option.all"));
  add_format(*command, options->format, {Format::text, Format::json}, session);
  command->callback([options, command, &session] {
    options->named = command->count("--name") > 0;
    down(*options, session);
  });
}

}  // namespace bailey::cli
