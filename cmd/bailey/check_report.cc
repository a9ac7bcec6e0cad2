#include "check_report.h"

#include "table.h"

namespace bailey::cli {
namespace {

using base::Json;
using plan::check::Profiles;
using plan::check::Rule;
using plan::check::Severity;

Paint paint_of(Severity severity) {
  if (severity == Severity::error) return Paint::red;
  return severity == Severity::warning ? Paint::yellow : Paint::blue;
}

std::string_view word_id(Severity severity) {
  if (severity == Severity::error) return "cli.error";
  return severity == Severity::warning ? "cli.warning" : "cli.info";
}

std::string rule_text(const Rule& rule, const char* part, const Session& session) {
  return session.text("rule." + std::string(rule.id) + "." + part);
}

Json profiles_of(const Rule& rule) {
  Json out = Json::array();
  if (rule.profiles != Profiles::current) out.push("classic");
  if (rule.profiles != Profiles::classic) out.push("current");
  return out;
}

}  // namespace

CheckRow row_of(const plan::check::Finding& finding, const Session& session) {
  CheckRow row;
  row.rule = finding.rule->id;
  row.severity = finding.rule->severity;
  row.object = finding.object;
  row.field = finding.field;
  row.file = finding.file;
  row.position = finding.position;
  row.message = session.text(finding.message);
  row.mend = session.text(finding.mend);
  row.source = finding.rule->source;
  return row;
}

CheckRow row_of(const model::InputError& error, const Session& session) {
  Json parts = error_json(error, session);
  CheckRow row;
  row.rule = error.code;
  row.severity = error.severity == model::InputError::Severity::error ? Severity::error : Severity::warning;
  row.object = error.object;
  row.field = error.field;
  row.file = error.file;
  row.position = error.position;
  row.message = session.text("cli.expected-found", {parts["expected"].as_string(), parts["found"].as_string()});
  row.mend = parts["mend"].as_string();
  if (const Rule* rule = plan::check::rule_of(error)) row.source = rule->source;
  return row;
}

std::string row_text(const CheckRow& row, const Excerpts& excerpts, const Session& session, bool color) {
  std::string place = row.file;
  if (row.position.line > 0)
    place += ":" + std::to_string(row.position.line) + ":" + std::to_string(row.position.column);
  if (!place.empty()) place += ": ";
  std::string subject = row.object + (row.field.empty() || row.object.empty() ? "" : " ") + row.field;
  std::string out = painted(place, Paint::bold, color) +
                    painted(session.text(word_id(row.severity)) + ": ", paint_of(row.severity), color) + row.message;
  if (!subject.empty()) out += " (" + subject + ")";
  out += painted(" [" + row.rule + "]", Paint::dim, color) + "\n";
  if (!row.mend.empty()) out += "  " + row.mend + "\n";
  return out + excerpts.at(row.file, row.position, color);
}

Json row_json(const CheckRow& row) {
  Json out = Json::object();
  out.set("rule", row.rule).set("severity", plan::check::name(row.severity)).set("object", row.object);
  out.set("field", row.field).set("file", row.file);
  out.set("line", row.position.line).set("column", row.position.column);
  return out.set("message", row.message).set("mend", row.mend).set("source", row.source);
}

std::string rules_text(const Session& session, bool color) {
  std::vector<TableRow> rows;
  for (const Rule* rule : plan::check::catalogue()) {
    std::string note;
    if (rule->profiles != Profiles::both) note = rule->profiles == Profiles::classic ? "classic" : "current";
    if (rule->compares) note += std::string(note.empty() ? "" : ", ") + "--previous";
    if (!rule->unchecked.en.empty()) note = session.text("cli.check.not-checked");
    rows.push_back({{std::string(rule->id)},
                    {session.text(word_id(rule->severity)), paint_of(rule->severity)},
                    {note, Paint::dim},
                    {rule_text(*rule, "statement", session)}});
  }
  return table({session.text("cli.check.rule"), session.text("cli.check.severity"), session.text("cli.check.when"),
                session.text("cli.check.statement")},
               rows, color);
}

Json rules_json(const Session& session) {
  Json rules = Json::array();
  for (const Rule* rule : plan::check::catalogue()) {
    Json row = Json::object();
    row.set("rule", rule->id).set("severity", plan::check::name(rule->severity)).set("profiles", profiles_of(*rule));
    row.set("statement", rule_text(*rule, "statement", session)).set("why", rule_text(*rule, "why", session));
    row.set("source", rule->source).set("checked", rule->unchecked.en.empty()).set("compares", rule->compares);
    if (!rule->unchecked.en.empty()) row.set("reason", rule_text(*rule, "unchecked", session));
    rules.push(row);
  }
  return Json::object().set("rules", rules);
}

}  // namespace bailey::cli
