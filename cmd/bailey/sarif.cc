// SARIF 2.1.0 (OASIS Standard, 27 March 2020), as code review tools take it: one run, whose driver lists the rules, and
// a result for each row. A result's fingerprint is made of what does not move when lines above are edited. The driver
// has no informationUri: no page is known that would be it.
#include <map>

#include "base/strings.h"
#include "check_report.h"
#include "commands.h"

namespace bailey::cli {
namespace {

using base::Json;
using plan::check::Rule;
using plan::check::Severity;

std::string_view level_of(Severity severity) {
  if (severity == Severity::info) return "note";
  return severity == Severity::error ? "error" : "warning";
}

Json text_json(const std::string& text) { return Json::object().set("text", text); }

// A file's name as a URI reference (RFC 3986): everything unusual by percent, a backslash too, which is a character of
// a name like any other. A colon would make a scheme of what stands before it.
std::string uri_of(std::string file) {
  if (file == "<stdin>") return "stdin";
  while (file.starts_with("./")) file.erase(0, file.find_first_not_of('/', 1));
  std::string out = file.starts_with("/") ? "file://" : "";
  for (unsigned char c : file) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                 c == '_' || c == '~' || c == '/';
    constexpr char digits[] = "0123456789ABCDEF";
    if (plain)
      out += static_cast<char>(c);
    else
      out += std::string{'%', digits[c / 16], digits[c % 16]};
  }
  return out;
}

std::string hexadecimal(std::uint64_t value) {
  std::string out(16, '0');
  for (std::size_t i = 16; i-- > 0; value /= 16) out[i] = "0123456789abcdef"[value % 16];
  return out;
}

Json rule_json(const Rule& rule, const Session& session) {
  std::string id = "rule." + std::string(rule.id) + ".";
  Json out = Json::object();
  out.set("id", rule.id).set("shortDescription", text_json(session.text(id + "statement")));
  out.set("fullDescription", text_json(session.text(id + "why"))).set("helpUri", rule.source);
  out.set("help", text_json(session.text(id + "statement") + " " + session.text(id + "why")));
  out.set("defaultConfiguration", Json::object().set("level", level_of(rule.severity)));
  return out;
}

// Mistakes of the input have codes in place of rules.
Json code_json(const CheckRow& row) {
  std::string words = row.rule;
  for (char& c : words)
    if (c == '-') c = ' ';
  Json out = Json::object();
  out.set("id", row.rule).set("shortDescription", text_json(words)).set("fullDescription", text_json(words));
  if (!row.source.empty()) out.set("helpUri", row.source);
  return out.set("defaultConfiguration", Json::object().set("level", level_of(row.severity)));
}

Json location_of(const CheckRow& row) {
  Json artifact = Json::object().set("uri", uri_of(row.file));
  if (!row.file.starts_with("/")) artifact.set("uriBaseId", "SRCROOT");
  Json physical = Json::object().set("artifactLocation", artifact);
  if (row.position.line > 0)
    physical.set("region", Json::object().set("startLine", row.position.line).set("startColumn", row.position.column));
  Json out = Json::object().set("physicalLocation", physical);
  if (!row.object.empty()) {
    std::string name = row.object + (row.field.empty() ? "" : " " + row.field);
    out.set("logicalLocations", Json::Array{Json::object().set("fullyQualifiedName", name).set("kind", "resource")});
  }
  return out;
}

Json result_of(const CheckRow& row, std::size_t rule_index) {
  std::string text = row.message + (row.mend.empty() ? "" : ". " + row.mend);
  Json out = Json::object();
  out.set("ruleId", row.rule).set("ruleIndex", rule_index).set("level", level_of(row.severity));
  out.set("message", text_json(text));
  if (!row.file.empty()) out.set("locations", Json::Array{location_of(row)});
  std::string stable = row.rule + "\n" + row.file + "\n" + row.object + "\n" + row.field + "\n" + row.message;
  out.set("partialFingerprints", Json::object().set("baileyFinding/v1", hexadecimal(base::fnv1a(stable))));
  return out;
}

}  // namespace

Json sarif_log(const std::vector<CheckRow>& rows, bool complete, const Session& session) {
  Json rules = Json::array();
  std::map<std::string, std::size_t, std::less<>> index;
  for (const Rule* rule : plan::check::catalogue()) {
    index.emplace(rule->id, rules.items().size());
    rules.push(rule_json(*rule, session));
  }
  Json results = Json::array();
  for (const CheckRow& row : rows) {
    auto [at, fresh] = index.emplace(row.rule, rules.items().size());
    if (fresh) rules.push(code_json(row));
    results.push(result_of(row, at->second));
  }
  Json driver = Json::object();
  driver.set("name", "bailey").set("semanticVersion", version).set("rules", rules);
  Json base = Json::object().set("SRCROOT", Json::object().set("description", text_json("where the program ran")));
  Json run = Json::object();
  run.set("tool", Json::object().set("driver", driver));
  run.set("invocations", Json::Array{Json::object().set("executionSuccessful", complete)});
  run.set("language", session.lang == base::Lang::ko ? "ko-KR" : "en-US");
  run.set("columnKind", "unicodeCodePoints").set("originalUriBaseIds", base).set("results", results);
  Json log = Json::object();
  log.set("$schema", "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json");
  return log.set("version", "2.1.0").set("runs", Json::Array{run});
}

}  // namespace bailey::cli
