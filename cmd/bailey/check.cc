// check: what is wrong with manifests, without a network. Mistakes that keep a manifest from being realised are
// input errors (exit 2); what the rule catalogue finds is a finding (exit 1 where one is an error).
#include <CLI/CLI.hpp>
#include <algorithm>
#include <ctime>

#include "check_report.h"
#include "commands.h"
#include "diagnostics.h"
#include "files.h"
#include "model/validate.h"
#include "options.h"
#include "plan/check/check.h"

namespace bailey::cli {
namespace {

using base::Json;
using manifest::Document;
using model::InputError;
namespace rules = plan::check;

struct CheckOptions {
  std::vector<std::string> paths;
  std::vector<std::string> previous;
  std::string profile = "current";
  bool fix = false;
  bool rules = false;
  bool allow_unknown = false;
  Format format = Format::text;
};

struct Checked {
  std::vector<InputError> errors;
  std::vector<rules::Finding> findings;
  std::size_t objects = 0;
  std::map<std::string, std::size_t> unknown_kinds;
};

// "2026-01-31T09:00:00Z"
std::string time_now() {
  std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text, length};
}

// A warning of the reader that a rule tells better.
bool told_by_rule(const InputError& error, const std::vector<rules::Finding>& findings) {
  const rules::Rule* rule = rules::rule_of(error);
  return rule && error.severity == InputError::Severity::warning &&
         std::any_of(findings.begin(), findings.end(), [&](const rules::Finding& finding) {
           return finding.rule == rule && finding.object == error.object;
         });
}

Checked checked(const std::vector<Document>& documents, const CheckOptions& options, const model::Snapshot* previous) {
  manifest::Loaded loaded = manifest::load(documents, {options.allow_unknown});
  Checked out{loaded.errors, {}, loaded.objects.size(), loaded.unknown_kinds};
  // Objects that could not be read would look like dangling references, so the whole is judged on whole inputs.
  if (!loaded.ok()) return out;
  model::Snapshot snapshot = model::snapshot_of(loaded.objects);
  out.findings = rules::findings(snapshot, {rules::profile_of(options.profile).value(), previous, time_now()});
  std::erase_if(out.errors, [&](const InputError& error) { return told_by_rule(error, out.findings); });
  std::vector<InputError> relations = model::validate(snapshot);
  out.errors.insert(out.errors.end(), relations.begin(), relations.end());
  return out;
}

// Warnings of the reader and findings of rules, by place.
std::vector<CheckRow> finding_rows(const Checked& result, const Session& session) {
  std::vector<CheckRow> rows;
  for (const InputError& error : result.errors)
    if (error.severity == InputError::Severity::warning) rows.push_back(row_of(error, session));
  for (const rules::Finding& finding : result.findings) rows.push_back(row_of(finding, session));
  std::stable_sort(rows.begin(), rows.end(), [](const CheckRow& a, const CheckRow& b) {
    return std::tie(a.file, a.position) < std::tie(b.file, b.position);
  });
  return rows;
}

struct Counts {
  std::size_t errors = 0;
  std::size_t warnings = 0;
  std::size_t infos = 0;
};

Counts counts_of(const Checked& result) {
  Counts out;
  for (const InputError& error : result.errors)
    ++(error.severity == InputError::Severity::error ? out.errors : out.warnings);
  for (const rules::Finding& finding : result.findings) {
    rules::Severity severity = finding.rule->severity;
    ++(severity == rules::Severity::error     ? out.errors
       : severity == rules::Severity::warning ? out.warnings
                                              : out.infos);
  }
  return out;
}

void set_status(const Checked& result, Session& session) {
  bool failed = std::any_of(result.findings.begin(), result.findings.end(), [](const rules::Finding& finding) {
    return finding.rule->severity == rules::Severity::error;
  });
  if (any_error(result.errors))
    session.status = exit_status::usage;
  else if (failed)
    session.status = exit_status::no;
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

// What is mended without a choice: fixes of findings, and the one DNS address that an error asks for.
std::map<std::string, std::vector<manifest::FieldValue>> values_to_set(const Checked& result) {
  std::map<std::string, std::vector<manifest::FieldValue>> out;
  for (const rules::Finding& finding : result.findings)
    if (finding.fix) out[finding.file].push_back({finding.object, finding.fix->field, finding.fix->value});
  for (const InputError& error : result.errors)
    if (error.field == "spec.dnsServiceIP" && error.mend.id == "model.mend-write" && error.mend.args.size() == 1)
      out[error.file].push_back({error.object, error.field, error.mend.args[0]});
  return out;
}

void set_values(const Checked& result, Mending& mending) {
  std::map<std::string, std::vector<manifest::FieldValue>> values = values_to_set(result);
  for (Document& document : mending.documents) {
    auto at = values.find(document.file);
    if (at == values.end()) continue;
    manifest::Mended one = manifest::set_fields(document, at->second);
    if (!one.changed) continue;
    document.text = one.text;
    mending.changed = true;
    mending.mended.insert(mending.mended.end(), one.mended.begin(), one.mended.end());
  }
}

Json document_of(const Checked& result, const Session& session) {
  Json errors = Json::array();
  for (const InputError& error : result.errors) {
    if (error.severity != InputError::Severity::error) continue;
    const rules::Rule* rule = rules::rule_of(error);
    errors.push(error_json(error, session).set("rule", rule ? rule->id : std::string_view()));
  }
  Json findings = Json::array();
  for (const CheckRow& row : finding_rows(result, session)) findings.push(row_json(row));
  Counts counts = counts_of(result);
  Json summary = Json::object();
  summary.set("objects", result.objects).set("errors", counts.errors);
  summary.set("warnings", counts.warnings).set("infos", counts.infos);
  Json unknown = Json::object();
  for (const auto& [kind, count] : result.unknown_kinds) unknown.set(kind, count);
  return Json::object()
      .set("errors", errors)
      .set("findings", findings)
      .set("summary", summary)
      .set("unknown_kinds", unknown);
}

void say_summary(const Checked& result, Session& session) {
  Counts counts = counts_of(result);
  session.out(session.text("cli.check.summary", {std::to_string(result.objects), std::to_string(counts.errors),
                                                 std::to_string(counts.warnings), std::to_string(counts.infos)}) +
              "\n");
  for (const auto& [kind, count] : result.unknown_kinds)
    session.out(session.text("cli.check.unknown-kind", {kind, std::to_string(count)}) + "\n");
}

// --fix: the mended manifests on stdout, what was and is wrong with them on stderr.
void fix(const CheckOptions& options, const std::vector<Document>& documents, Session& session) {
  Mending mending = mended(documents);
  set_values(checked(mending.documents, options, nullptr), mending);
  Checked after = checked(mending.documents, options, nullptr);
  if (any_error(after.errors)) session.status = exit_status::usage;
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

void print_rules(const CheckOptions& options, Session& session) {
  if (options.format == Format::json) return session.out_json("rules", rules_json(session));
  if (options.format == Format::markdown) return session.out(rules::page());
  session.out(rules_text(session, session.out_color()));
}

// What runs today. Its mistakes are not ours to judge, but what cannot be read cannot be compared either.
std::optional<model::Snapshot> earlier(const CheckOptions& options, Session& session) {
  auto documents = read_inputs(options.previous, session);
  if (!documents) {
    report_usage(documents.error(), options.format, session);
    return std::nullopt;
  }
  manifest::Loaded loaded = manifest::load(*documents, {options.allow_unknown});
  if (!loaded.ok()) {
    report(loaded.errors, *documents, options.format, session);
    return std::nullopt;
  }
  return model::snapshot_of(loaded.objects);
}

void report_checked(const CheckOptions& options, const std::vector<Document>& documents, const Checked& result,
                    Session& session) {
  set_status(result, session);
  if (options.format == Format::json) return session.out_json("check", document_of(result, session));
  if (options.format == Format::sarif) {
    std::vector<CheckRow> rows;
    for (const InputError& error : result.errors)
      if (error.severity == InputError::Severity::error) rows.push_back(row_of(error, session));
    for (CheckRow& row : finding_rows(result, session)) rows.push_back(std::move(row));
    return session.out(sarif_log(rows, !any_error(result.errors), session).dump(2) + "\n");
  }
  report(result.errors, documents, Format::text, session);
  Excerpts excerpts(documents);
  for (const rules::Finding& finding : result.findings)
    session.out(row_text(row_of(finding, session), excerpts, session, session.out_color()));
  say_summary(result, session);
}

// Options that make no sense together or alone; "" where all is well.
std::string misuse(const CheckOptions& options, const Session& session) {
  auto together = [&](const char* a, const char* b) { return session.text("cli.check.no-combination", {a, b}); };
  if (options.rules) {
    if (options.fix) return together("--fix", "--rules");
    return options.format == Format::sarif ? together("-o sarif", "--rules") : "";
  }
  if (options.paths.empty()) return session.text("cli.argument-missing", {"--filename"});
  if (options.format == Format::markdown) return session.text("cli.bad-format", {"text|json|sarif", "markdown"});
  if (options.fix && options.format == Format::sarif) return together("-o sarif", "--fix");
  if (options.fix && !options.previous.empty()) return together("--previous", "--fix");
  return "";
}

void check(const CheckOptions& options, Session& session) {
  if (std::string text = misuse(options, session); !text.empty()) return report_usage(text, options.format, session);
  if (options.rules) return print_rules(options, session);
  auto documents = read_inputs(options.paths, session);
  if (!documents) return report_usage(documents.error(), options.format, session);
  if (options.fix) return fix(options, *documents, session);
  std::optional<model::Snapshot> previous;
  if (!options.previous.empty()) {
    previous = earlier(options, session);
    if (!previous) return;
  }
  report_checked(options, *documents, checked(*documents, options, previous ? &*previous : nullptr), session);
}

}  // namespace

void add_check(CLI::App& parent, Session& session) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* command = parent.add_subcommand("check", session.text("cli.help.check"));
  add_files(*command, options->paths, false, session);
  command->add_option("--profile", options->profile, session.text("cli.option.profile"))
      ->check(CLI::IsMember({"classic", "current"}))
      ->type_name("classic|current")
      ->capture_default_str();
  command->add_option("--previous", options->previous, session.text("cli.option.previous"))
      ->type_name("PATH")
      ->allow_extra_args(false);
  command->add_flag("--fix", options->fix, session.text("cli.option.fix"));
  command->add_flag("--rules", options->rules, session.text("cli.option.rules"));
  command->add_flag("--allow-unknown", options->allow_unknown, session.text("cli.option.allow-unknown"));
  add_format(*command, options->format, {Format::text, Format::json, Format::sarif, Format::markdown}, session);
  command->callback([options, &session] { check(*options, session); });
}

}  // namespace bailey::cli
