// lab up: a lab from manifests. With --watch the command stays and applies every change of the files; a bad edit
// is reported and changes nothing, and Ctrl-C ends the watching while the lab goes on (`lab down` ends it).
#include <CLI/CLI.hpp>
#include <algorithm>

#include "commands.h"
#include "diagnostics.h"
#include "files.h"
#include "lab_change.h"
#include "options.h"
#include "progress.h"
#include "render.h"
#include "watch.h"

namespace bailey::cli {
namespace {

using base::Json;
using manifest::Document;

struct UpCommandOptions {
  std::string name = "default";
  std::vector<std::string> paths;
  bool fill = false;
  bool allow_unknown = false;
  bool watch = false;
  std::string network_model;
  int wait_ms = 10000;
  Format format = Format::text;
};

std::string up_text(const Json& document, const Session& session, bool color) {
  std::string out = headline(document["status"], session, color);
  std::string made;
  for (const Json& ref : document["made"].items()) made += "  " + ref.as_string() + "\n";
  if (!made.empty()) out += session.text("cli.made") + "\n" + made;
  return out + conditions_text(document["conditions"], session, color);
}

bool start(const UpCommandOptions& options, const std::vector<Document>& documents, Session& session) {
  lab::UpOptions up;
  up.name = options.name;
  up.documents = documents;
  up.manifest.allow_unknown = options.allow_unknown;
  up.complete.fill = options.fill;
  if (options.network_model == "vnet") up.complete.network_model = model::NetworkModel::vnet;
  if (options.network_model == "kubenet") up.complete.network_model = model::NetworkModel::kubenet;
  up.wait_ms = options.wait_ms;
  ProgressLine progress(session.text("cli.starting", {options.name}), session);
  lab::Answer<Json> answer = session.engine.up(up, progress.callback());
  progress.finish();
  if (auto* failure = std::get_if<lab::Failure>(&answer)) {
    report(*failure, documents, options.format, session);
    return false;
  }
  Json& document = std::get<Json>(answer);
  Json remarks = report_remarks(documents, up.manifest, options.format, session);
  if (!remarks.items().empty()) document.set("errors", std::move(remarks));
  if (options.format == Format::json)
    session.out_json("up", document);
  else
    session.out(up_text(document, session, session.out_color()));
  return true;
}

// Applies what the files say now. Objects that stood in the files before and no longer do are deleted, but only
// when every file could be read as a whole: an object that is broken for a moment must not vanish.
void apply_again(const UpCommandOptions& options, std::vector<Document>& before, Session& session) {
  auto read = read_inputs(options.paths, session);
  if (!read) return report_usage(read.error(), options.format, session);
  std::vector<Document> now = std::move(*read);
  if (std::equal(now.begin(), now.end(), before.begin(), before.end(),
                 [](const Document& a, const Document& b) { return a.file == b.file && a.text == b.text; }))
    return;
  Change change = change_between(before, now, {options.allow_unknown});
  if (!change.errors.empty()) report(change.errors, now, options.format, session);
  if (any_error(change.errors)) return;
  before = now;
  for (const Json& request : {change.apply, change.remove}) {
    if (request.is_null()) continue;
    auto answer = session.engine.request(options.name, request, {});
    if (auto* failure = std::get_if<lab::Failure>(&answer)) return report(*failure, now, options.format, session);
    show_change(std::get<Json>(answer), request["verb"].as_string(), options.format, session);
  }
}

void watch(const UpCommandOptions& options, std::vector<Document> documents, Session& session) {
  auto failed = [&](const base::Error& error) {
    report({lab::Failure::Class::machine, {"cli.cannot-watch", {error.text()}}, {}}, {}, options.format, session);
  };
  session.err(session.text("cli.watching") + "\n");
  while (true) {
    base::Result<Watcher> watcher = Watcher::create(options.paths);
    if (!watcher) return failed(watcher.error());
    // What changed while nobody watched is picked up here, not by the next event.
    apply_again(options, documents, session);
    base::Result<bool> changed = watcher->wait();
    if (!changed) return failed(changed.error());
    if (!*changed) break;
  }
  session.status = exit_status::done;
  session.err("\n" + session.text("cli.watch-ended", {options.name}) + "\n");
}

void up(const UpCommandOptions& options, Session& session) {
  if (options.watch && std::find(options.paths.begin(), options.paths.end(), "-") != options.paths.end())
    return report_usage(session.text("cli.watch-stdin"), options.format, session);
  auto documents = read_inputs(options.paths, session);
  if (!documents) return report_usage(documents.error(), options.format, session);
  if (!start(options, *documents, session) || !options.watch) return;
  if (base::Status blocked = block_signals(); !blocked)
    return report({lab::Failure::Class::machine, {"cli.cannot-watch", {blocked.error().text()}}, {}}, {},
                  options.format, session);
  watch(options, std::move(*documents), session);
}

}  // namespace

void add_lab_up(CLI::App& parent, Session& session) {
  auto options = std::make_shared<UpCommandOptions>();
  CLI::App* command = parent.add_subcommand("up", session.text("cli.help.up"));
  add_name(*command, options->name, session);
  add_files(*command, options->paths, true, session);
  command->add_flag("--fill", options->fill, session.text("cli.option.fill"));
  command->add_option("--network-model", options->network_model, session.text("cli.option.network-model"))
      ->check(CLI::IsMember({"vnet", "kubenet"}))
      ->type_name("vnet|kubenet");
  command->add_flag("--watch", options->watch, session.text("cli.option.watch"));
  add_duration(*command, "--wait", options->wait_ms, "cli.option.wait", session);
  command->add_flag("--allow-unknown", options->allow_unknown, session.text("cli.option.allow-unknown"));
  add_format(*command, options->format, {Format::text, Format::json}, session);
  command->callback([options, &session] { up(*options, session); });
}

}  // namespace bailey::cli
