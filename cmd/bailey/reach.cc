// reach: answers from the objects alone, without a network and without root. So far: which route a packet takes.
#include "reach/route.h"

#include <CLI/CLI.hpp>

#include "commands.h"
#include "diagnostics.h"
#include "files.h"
#include "model/resolve/interfaces.h"
#include "model/validate.h"
#include "options.h"
#include "render.h"

namespace bailey::cli {
namespace {

using base::Json;

struct ReachOptions {
  std::vector<std::string> paths;
  bool route = false;
  std::string from;
  std::string to;
  Format format = Format::text;
};

// The objects of the files as a running cluster would complete them (nodes, addresses); empty when they are wrong.
std::optional<model::Snapshot> objects_of(const ReachOptions& options, Session& session) {
  auto documents = read_inputs(options.paths, session);
  if (!documents) {
    report_usage(documents.error(), options.format, session);
    return std::nullopt;
  }
  manifest::Loaded loaded = manifest::load(*documents, {});
  std::vector<model::InputError> errors = loaded.errors;
  model::Snapshot given = model::snapshot_of(loaded.objects);
  if (loaded.ok()) {
    std::vector<model::InputError> relations = model::validate(given);
    errors.insert(errors.end(), relations.begin(), relations.end());
  }
  report(errors, *documents, options.format, session);
  if (any_error(errors)) return std::nullopt;
  return session.engine.complete(given);
}

std::string interface_names(const model::Snapshot& snapshot) {
  std::string names;
  for (const model::resolve::Interface& each : model::resolve::interfaces(snapshot))
    names += (names.empty() ? "nic/" : ", nic/") + each.name;
  return names;
}

void route(const ReachOptions& options, Session& session) {
  auto from = model::EndpointName::parse(options.from);
  auto to = model::Address::parse(options.to);
  if (!options.route || !from || !to) return report_usage(session.text("cli.route-needs"), options.format, session);
  std::optional<model::Snapshot> snapshot = objects_of(options, session);
  if (!snapshot) return;
  auto interface = reach::interface_of(*snapshot, *from);
  auto decision = interface ? reach::route(*snapshot, interface->subnet, *to) : std::nullopt;
  if (!decision)
    return report_usage(session.text("cli.no-interface", {options.from, interface_names(*snapshot)}), options.format,
                        session);
  Json document = reach::to_json(*decision);
  document.set("from", from->text()).set("to", to->text());
  if (options.format == Format::json)
    session.out_json("route", document);
  else
    session.out(route_text(document, session));
}

}  // namespace

void add_reach(CLI::App& parent, Session& session) {
  auto options = std::make_shared<ReachOptions>();
  CLI::App* command = parent.add_subcommand("reach", session.text("cli.help.reach"));
  add_files(*command, options->paths, true, session);
  command->add_flag("--route", options->route, session.text("cli.option.route"));
  command->add_option("--from", options->from, session.text("cli.option.route-from"))->type_name("nic/NAME");
  command->add_option("--to", options->to, session.text("cli.option.route-to"))->type_name("ADDRESS");
  add_format(*command, options->format, {Format::text, Format::json}, session);
  command->callback([options, &session] { route(*options, session); });
}

}  // namespace bailey::cli
