// The catalogue as a page: one table a group, and a section for what is not checked.
#include <map>

#include "plan/check/rule.h"

namespace bailey::plan::check {
namespace {

struct Group {
  std::string_view prefix;
  std::string_view title;
};
constexpr Group groups[] = {
    {"MOD", "Network model"},
    {"IP", "Addresses"},
    {"CID", "Ranges"},
    {"RT", "Routes of kubenet"},
    {"LB", "Load balancing"},
    {"ING", "Ingress"},
    {"WAF", "Web application firewall"},
    {"POL", "Network policy"},
    {"BAS", "Access to nodes"},
    {"ID", "Identity"},
    {"CHG", "Changes of a running cluster"},
};

std::string cell(std::string_view text) {
  std::string out;
  for (char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

// How a row is checked, in a word or two.
std::string how(const Rule& rule) {
  std::string out;
  auto add = [&](std::string_view word) { out += (out.empty() ? "" : ", ") + std::string(word); };
  if (!rule.unchecked.en.empty()) add("not checked");
  if (rule.profiles == Profiles::classic) add("classic only");
  if (rule.profiles == Profiles::current) add("current only");
  if (rule.compares) add("with --previous");
  if (!rule.mistakes.empty()) add(rule.check ? "partly input errors" : "input errors");
  return out;
}

std::string name_of(std::string_view url) { return std::string(url.substr(url.find_last_of('/', url.size() - 2) + 1)); }

}  // namespace

std::string page() {
  std::string out =
      "# Rules of `bailey check`\n\n"
      "Made from the catalogue by `bailey check --rules -o markdown`; a test compares. `bailey check --rules --lang "
      "ko` prints the\n"
      "same in Korean. Each rule that is checked has a failing and a passing example in `examples/rules`.\n\n"
      "Severity decides the exit status: with an error it is 1. *Input errors* keep a manifest from being realised: "
      "they end with\n"
      "status 2, carry a code of their own, and name the rule in `rule`. *With --previous* marks rules that compare "
      "with what runs\n"
      "today. A rule holds in both profiles unless it says otherwise.\n";
  for (const Group& group : groups) {
    out += "\n## " + std::string(group.title) +
           "\n\n| id | severity | rule | why | source | |\n|---|---|---|---|---|---|\n";
    for (const Rule* rule : catalogue()) {
      if (rule->id.substr(0, rule->id.find('-')) != group.prefix) continue;
      out += "| " + std::string(rule->id) + " | " + std::string(name(rule->severity)) + " | " +
             cell(rule->statement.en) + " | " + cell(rule->why.en) + " | [" + name_of(rule->source) + "](" +
             std::string(rule->source) + ") | " + how(*rule) + " |\n";
    }
  }
  out += "\n## Not checked\n\n";
  for (const Rule* rule : catalogue())
    if (!rule->unchecked.en.empty())
      out += "- " + std::string(rule->id) + ": " + std::string(rule->unchecked.en) + "\n";
  return out;
}

}  // namespace bailey::plan::check
