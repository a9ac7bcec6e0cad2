// lab apply, lab delete.
#include "lab_change.h"

#include <CLI/CLI.hpp>
#include <set>

#include "base/strings.h"
#include "commands.h"
#include "diagnostics.h"
#include "files.h"
#include "options.h"
#include "progress.h"
#include "render.h"

namespace bailey::cli {
namespace {

using base::Json;

struct ChangeOptions {
  std::string name = "default";
  std::vector<std::string> paths;
  std::vector<std::string> refs;
  bool allow_unknown = false;
  Format format = Format::text;
};

Json documents_json(const std::vector<manifest::Document>& documents) {
  Json list = Json::array();
  for (const manifest::Document& document : documents)
    list.push(Json::object().set("file", document.file).set("text", document.text));
  return list;
}

void ask(const ChangeOptions& options, const Json& request, const std::vector<manifest::Document>& documents,
         Session& session) {
  auto answer = session.engine.request(options.name, request, {});
  if (auto* failure = std::get_if<lab::Failure>(&answer)) return report(*failure, documents, options.format, session);
  Json& document = std::get<Json>(answer);
  const std::string& verb = request["verb"].as_string();
  Json remarks = verb == "apply" ? report_remarks(documents, {options.allow_unknown}, options.format, session) : Json();
  if (!remarks.items().empty()) document.set("errors", std::move(remarks));
  show_change(document, verb, options.format, session);
}

void apply(const ChangeOptions& options, Session& session) {
  auto documents = read_inputs(options.paths, session);
  if (!documents) return report_usage(documents.error(), options.format, session);
  ask(options, apply_request(*documents, options.allow_unknown), *documents, session);
}

// "KIND/NS/NAME" in its full spelling, or what is wrong with it.
std::string checked_ref(const std::string& text, std::string& mistake, const Session& session) {
  if (auto ref = model::ObjectRef::parse(text)) return ref->text();
  std::string kind = text.substr(0, text.find('/'));
  mistake = session.text("cli.bad-ref", {text});
  if (!model::kind_of(kind)) {
    std::vector<std::string_view> known;
    for (const model::KindInfo& info : model::kinds()) known.push_back(info.name);
    if (std::string near = base::nearest(kind, known); !near.empty())
      mistake += " " + session.text("cli.did-you-mean", {near});
  }
  return "";
}

void remove(const ChangeOptions& options, Session& session) {
  if (options.paths.empty() == options.refs.empty())
    return report_usage(session.text("cli.refs-or-files"), options.format, session);
  if (!options.paths.empty()) {
    auto documents = read_inputs(options.paths, session);
    if (!documents) return report_usage(documents.error(), options.format, session);
    return ask(options, Json::object().set("verb", "delete").set("documents", documents_json(*documents)), *documents,
               session);
  }
  Json refs = Json::array();
  for (const std::string& text : options.refs) {
    std::string mistake;
    std::string ref = checked_ref(text, mistake, session);
    if (!mistake.empty()) return report_usage(mistake, options.format, session);
    refs.push(ref);
  }
  ask(options, Json::object().set("verb", "delete").set("refs", refs), {}, session);
}

}  // namespace

Json apply_request(const std::vector<manifest::Document>& documents, bool allow_unknown) {
  return Json::object()
      .set("verb", "apply")
      .set("documents", documents_json(documents))
      .set("allow_unknown", allow_unknown);
}

Change change_between(const std::vector<manifest::Document>& before, const std::vector<manifest::Document>& after,
                      const manifest::Options& options) {
  manifest::Loaded then = manifest::load(before, options);
  manifest::Loaded now = manifest::load(after, options);
  Change change;
  change.errors = now.errors;
  change.apply = apply_request(after, options.allow_unknown);
  std::set<model::ObjectRef> kept;
  for (const model::AnyObject& object : now.objects) kept.insert(model::meta(object).ref());
  Json refs = Json::array();
  for (const model::AnyObject& object : then.objects)
    if (model::ObjectRef ref = model::meta(object).ref(); !kept.contains(ref)) refs.push(ref.text());
  if (!refs.items().empty()) change.remove = Json::object().set("verb", "delete").set("refs", refs);
  return change;
}

void show_change(const Json& document, std::string_view verb, Format format, Session& session) {
  if (format == Format::json) return session.out_json(verb, document);
  const Json::Array& objects = document[verb == "delete" ? "deleted" : "applied"].items();
  session.out(session.text(verb == "delete" ? "cli.deleted" : "cli.applied",
                           {std::to_string(document["generation"].as_int()), std::to_string(objects.size()),
                            duration_text(document["converged_ms"].as_double())}) +
              "\n");
  constexpr std::size_t most_shown = 10;
  for (std::size_t i = 0; i < objects.size() && i < most_shown; ++i) session.out("  " + objects[i].as_string() + "\n");
  if (objects.size() > most_shown)
    session.out("  " + session.text("cli.more", {std::to_string(objects.size() - most_shown)}) + "\n");
  session.out(conditions_text(document["conditions"], session, session.out_color()));
}

void add_lab_apply(CLI::App& parent, Session& session) {
  auto options = std::make_shared<ChangeOptions>();
  CLI::App* command = parent.add_subcommand("apply", session.text("cli.help.apply"));
  add_name(*command, options->name, session);
  add_files(*command, options->paths, true, session);
  command->add_flag("--allow-unknown", options->allow_unknown, session.text("cli.option.allow-unknown"));
  add_format(*command, options->format, {Format::text, Format::json}, session);
  command->callback([options, &session] { apply(*options, session); });
}

void add_lab_delete(CLI::App& parent, Session& session) {
  auto options = std::make_shared<ChangeOptions>();
  CLI::App* command = parent.add_subcommand("delete", session.text("cli.help.delete"));
  add_name(*command, options->name, session);
  command->add_option("OBJECT", options->refs, session.text("cli.option.refs"))->type_name("");
  add_files(*command, options->paths, false, session);
  add_format(*command, options->format, {Format::text, Format::json}, session);
  command->callback([options, &session] { remove(*options, session); });
}

}  // namespace bailey::cli
