// Joins the groups into one table, and runs it.
#include <algorithm>
#include <map>
#include <tuple>

#include "plan/check/facts.h"
#include "plan/check/rule.h"

namespace bailey::plan::check {
namespace {

std::vector<const Rule*> joined() {
  std::vector<const Rule*> out;
  for (const std::vector<Rule>* group :
       {&model_rules(), &address_rules(), &range_rules(), &route_rules(), &balancing_rules(), &ingress_rules(),
        &firewall_rules(), &policy_rules(), &bastion_rules(), &identity_rules(), &change_rules()})
    for (const Rule& rule : *group) out.push_back(&rule);
  return out;
}

// "spec.nodePools[2].maxPods" -> "spec.nodePools.maxPods"
std::string without_indices(std::string_view field) {
  std::string out;
  bool inside = false;
  for (char c : field) {
    if (c == '[') inside = true;
    if (!inside) out += c;
    if (c == ']') inside = false;
  }
  return out;
}

std::string text_id(const Rule& rule, std::string_view part) {
  return "rule." + std::string(rule.id) + "." + std::string(part);
}

// A table of texts made from the rules; the ids are owned here.
struct Texts {
  std::vector<std::string> ids;
  std::vector<base::Text> rows;

  Texts() {
    std::vector<Words> words;
    for (const Rule* rule : catalogue()) {
      auto add = [&](const std::string& part, const Words& text) {
        if (text.en.empty()) return;
        ids.push_back(text_id(*rule, part));
        words.push_back(text);
      };
      add("statement", rule->statement);
      add("why", rule->why);
      add("unchecked", rule->unchecked);
      for (const Word& word : rule->words) add(std::string(word.name), word.words);
      for (std::size_t i = 0; i < rule->forms.size(); ++i) {
        add("message-" + std::to_string(i), rule->forms[i].message);
        add("mend-" + std::to_string(i), rule->forms[i].mend);
      }
    }
    for (std::size_t i = 0; i < ids.size(); ++i) rows.push_back({ids[i], words[i].en, words[i].ko});
  }
};

}  // namespace

std::string_view name(Severity severity) {
  switch (severity) {
    case Severity::error: return "error";
    case Severity::warning: return "warning";
    case Severity::info: return "info";
  }
  return "";
}

std::string_view name(Profile profile) { return profile == Profile::classic ? "classic" : "current"; }

std::optional<Profile> profile_of(std::string_view text) {
  for (Profile profile : {Profile::classic, Profile::current})
    if (name(profile) == text) return profile;
  return std::nullopt;
}

std::span<const Rule* const> catalogue() {
  static const std::vector<const Rule*> rules = joined();
  return rules;
}

const Rule* find(std::string_view id) {
  for (const Rule* rule : catalogue())
    if (rule->id == id) return rule;
  return nullptr;
}

bool holds_in(const Rule& rule, Profile profile) {
  return rule.profiles == Profiles::both || (rule.profiles == Profiles::classic) == (profile == Profile::classic);
}

Finding& Findings::add(const model::Meta& meta, std::string field, std::vector<std::string> args, std::size_t form) {
  Finding finding;
  finding.rule = rule_;
  finding.object = meta.ref().text();
  finding.file = meta.source->file();
  finding.position = meta.source->at(field);
  finding.field = std::move(field);
  finding.message = {text_id(*rule_, "message-" + std::to_string(form)), args};
  finding.mend = {text_id(*rule_, "mend-" + std::to_string(form)), std::move(args)};
  out_.push_back(std::move(finding));
  return out_.back();
}

std::vector<Finding> findings(const model::Snapshot& snapshot, const Options& options) {
  Facts facts(snapshot, options);
  std::vector<Finding> out;
  Findings report(out);
  for (const Rule* rule : catalogue()) {
    if (!rule->check || !holds_in(*rule, options.profile) || (rule->compares && !options.previous)) continue;
    report.begin(*rule);
    rule->check(facts, report);
  }
  std::stable_sort(out.begin(), out.end(), [](const Finding& a, const Finding& b) {
    return std::tie(a.file, a.position, a.rule->id, a.object, a.field) <
           std::tie(b.file, b.position, b.rule->id, b.object, b.field);
  });
  return out;
}

const Rule* rule_of(const model::InputError& error) {
  std::optional<model::ObjectRef> ref = model::ObjectRef::parse(error.object);
  if (!ref) return nullptr;
  std::string field = without_indices(error.field);
  for (const Rule* rule : catalogue())
    for (const Mistake& mistake : rule->mistakes)
      if (mistake.code == error.code && mistake.kind == ref->kind && field.starts_with(mistake.field)) return rule;
  return nullptr;
}

std::span<const base::Text> texts() {
  static const Texts table;
  return table.rows;
}

}  // namespace bailey::plan::check
