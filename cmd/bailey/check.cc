// check: what is wrong with manifests, without a network. Mistakes that keep a manifest from being realised are
// input errors (exit 2); what could be better is a finding.
#include <CLI/CLI.hpp>

#include "commands.h"
#include "diagnostics.h"
#include "files.h"
#include "model/validate.h"
#include "options.h"

namespace bailey::cli {
namespace {

using base::Json;
using manifest::Document;
using model::InputError;

struct CheckOptions {
  std::vector<std::string> paths;
  bool fix = false;
  bool allow_unknown = false;
  Format format = Format::text;
};

struct Checked {
  std::vector<InputError> errors;
  std::size_t objects = 0;
  std::map<std::string, std::size_t> unknown_kinds;
};

Checked checked(const std::vector<Document>& documents, bool allow_unknown) {
  manifest::Loaded loaded = manifest::load(documents, {allow_unknown});
  Checked out{loaded.errors, loaded.objects.size(), loaded.unknown_kinds};
  // Objects that could not be read would look like dangling references, so relations are judged on whole inputs.
  if (loaded.ok()) {
    std::vector<InputError> relations = model::validate(model::snapshot_of(loaded.objects));
    out.errors.insert(out.errors.end(), relations.begin(), relations.end());
  }
  return out;
}

Json finding_json(const InputError& error, const Session& session) {
  Json parts = error_json(error, session);
  std::string message = session.text("cli.expected-found", {parts["expected"].as_string(), parts["found"].as_string()});
  Json out = Json::object();
  out.set("rule", error.code).set("severity", "warning").set("object", error.object).set("file", error.file);
  out.set("line", error.position.line).set("column", error.position.column).set("message", message);
  return out.set("mend", parts["mend"]).set("source", "");
}

struct Mending {
  std::vector<Document> documents;
  std::vector<InputError> mended;
  bool changed = false;
};

Mending mended(const std::vector<Document>& documents) {
  Mending out;
  for (const Document& document : documents) {
    manifest::Mended one = manifest::mend(document);
    out.changed |= one.changed;
    out.mended.insert(out.mended.end(), one.mended.begin(), one.mended.end());
    out.documents.push_back({document.file, one.changed ? one.text : document.text});
  }
  return out;
}

Json document_of(const Checked& result, const Session& session) {
  Json errors = Json::array();
  Json findings = Json::array();
  for (const InputError& error : result.errors) {
    if (error.severity == InputError::Severity::error)
      errors.push(error_json(error, session));
    else
      findings.push(finding_json(error, session));
  }
  Json summary = Json::object();
  summary.set("objects", result.objects).set("errors", errors.items().size());
  summary.set("warnings", findings.items().size()).set("infos", 0);
  Json unknown = Json::object();
  for (const auto& [kind, count] : result.unknown_kinds) unknown.set(kind, count);
  return Json::object()
      .set("errors", errors)
      .set("findings", findings)
      .set("summary", summary)
      .set("unknown_kinds", unknown);
}

void say_summary(const Checked& result, Session& session) {
  std::size_t errors = 0;
  for (const InputError& error : result.errors) errors += error.severity == InputError::Severity::error;
  session.out(session.text("cli.check.summary", {std::to_string(result.objects), std::to_string(errors),
                                                 std::to_string(result.errors.size() - errors)}) +
              "\n");
  for (const auto& [kind, count] : result.unknown_kinds)
    session.out(session.text("cli.check.unknown-kind", {kind, std::to_string(count)}) + "\n");
}

// --fix: the mended manifests on stdout, what was and is wrong with them on stderr.
void fix(const CheckOptions& options, const std::vector<Document>& documents, Session& session) {
  Mending mending = mended(documents);
  Checked after = checked(mending.documents, options.allow_unknown);
  if (options.format == Format::json) {
    Json files = Json::array();
    for (std::size_t i = 0; i < documents.size(); ++i)
      files.push(Json::object()
                     .set("file", documents[i].file)
                     .set("changed", mending.documents[i].text != documents[i].text)
                     .set("text", mending.documents[i].text));
    Json document = document_of(after, session);
    Json fixed = Json::array();
    for (const InputError& error : mending.mended) fixed.push(error_json(error, session));
    session.out_json("check", document.set("mended", fixed).set("files", files));
    if (any_error(after.errors)) session.status = exit_status::usage;
    return;
  }
  for (const InputError& error : mending.mended) {
    InputError note = error;
    note.severity = InputError::Severity::warning;
    session.err(error_text(note, documents, session, session.err_color()));
  }
  report(after.errors, mending.documents, Format::text, session);
  bool first = true;
  for (const Document& document : mending.documents) {
    if (!first && !document.text.starts_with("---")) session.out("---\n");
    first = false;
    session.out(document.text);
    if (!document.text.empty() && !document.text.ends_with("\n")) session.out("\n");
  }
}

void check(const CheckOptions& options, Session& session) {
  auto documents = read_inputs(options.paths, session);
  if (!documents) return report_usage(documents.error(), options.format, session);
  if (options.fix) return fix(options, *documents, session);
  Checked result = checked(*documents, options.allow_unknown);
  if (options.format == Format::json) {
    session.out_json("check", document_of(result, session));
    if (any_error(result.errors)) session.status = exit_status::usage;
    return;
  }
  report(result.errors, *documents, Format::text, session);
  say_summary(result, session);
}

}  // namespace

void add_check(CLI::App& parent, Session& session) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* command = parent.add_subcommand("check", session.text("cli.help.check"));
  add_files(*command, options->paths, true, session);
  command->add_flag("--fix", options->fix, session.text("cli.option.fix"));
  command->add_flag("--allow-unknown", options->allow_unknown, session.text("cli.option.allow-unknown"));
  add_format(*command, options->format, {Format::text, Format::json}, session);
  command->callback([options, &session] { check(*options, session); });
}

}  // namespace bailey::cli
