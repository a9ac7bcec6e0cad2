// The rule catalogue: published guidance on the network of a cluster as one table, and what a snapshot breaks of it.
//
// A rule is a row of that table: an id that never changes, a severity, what it says and why in two languages, the page
// that says so, and a predicate. Predicates look at a snapshot (some at an earlier one too) and report findings; they
// are pure, and near linear in the size of the snapshot. Rows that objects cannot show have a reason instead of a
// predicate. What model::validate() and manifest::load() refuse as an input error is never found twice: the row
// names the mistake (`mistakes`), and rule_of() leads from it to the row.
//
// Guidance changed over time, so it is read by a profile: `classic` is the text of 2018, `current` that of January
// 2026.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "model/snapshot.h"
#include "model/source.h"

namespace bailey::plan::check {

enum class Severity : std::uint8_t { error, warning, info };
enum class Profile : std::uint8_t { classic, current };
enum class Profiles : std::uint8_t { both, classic, current };  // in which of them a rule holds

std::string_view name(Severity severity);                  // "error", "warning", "info"
std::string_view name(Profile profile);                    // "classic", "current"
std::optional<Profile> profile_of(std::string_view text);  // the reverse

struct Words {
  std::string_view en;
  std::string_view ko;
};

// What a finding says: a message and a mend over the same arguments {0}, {1}, ...
struct Form {
  Words message;
  Words mend;
};

// A word that findings put into a message, as an argument that begins with "@" (base/text.h).
struct Word {
  std::string_view name;
  Words words;
};

// An input error that means the same as a rule: its code, the kind of the object, and how its field begins (indices
// left out: "spec.nodePools.maxPods").
struct Mistake {
  std::string_view code;
  model::Kind kind = model::Kind::Namespace;
  std::string_view field;
};

class Facts;     // facts.h
class Findings;  // rule.h
using Predicate = void (*)(const Facts&, Findings&);

struct Rule {
  std::string_view id;  // "CID-08"
  Severity severity = Severity::error;
  Profiles profiles = Profiles::both;
  std::string_view source;  // URL of the page
  Words statement;          // what should be so; a sentence
  Words why;
  std::vector<Form> forms;
  Predicate check = nullptr;
  bool compares = false;          // needs the earlier snapshot
  std::vector<Mistake> mistakes;  // found as input errors
  Words unchecked;                // why objects cannot show it; empty where they can
  std::vector<Word> words;
};

// Every rule, ascending by group and number. Lives as long as the program.
std::span<const Rule* const> catalogue();
const Rule* find(std::string_view id);
bool holds_in(const Rule& rule, Profile profile);

// A change of one field that mends a finding without a choice: `value` is written at `field` of the object.
struct Fix {
  std::string field;
  std::string value;
};

struct Finding {
  const Rule* rule = nullptr;
  std::string object;  // "Cluster/east"
  std::string field;
  std::string file;
  model::Position position;
  base::Message message;
  base::Message mend;
  std::optional<Fix> fix;
};

struct Options {
  Profile profile = Profile::current;
  const model::Snapshot* previous = nullptr;  // what runs today; rules about a change need it
  std::string time = {};                      // "2026-01-31T09:00:00Z"; empty: nothing is judged by the clock
};

// All findings, by file and position, then rule. The findings' rules live as long as the program.
std::vector<Finding> findings(const model::Snapshot& snapshot, const Options& options);

// The rule that says the same as an input error; null where none does.
const Rule* rule_of(const model::InputError& error);

// Texts of the rules: rule.ID.statement, .why, .message-N, .mend-N, .unchecked.
std::span<const base::Text> texts();

// The catalogue as a Markdown page (docs/rules.md).
std::string page();

}  // namespace bailey::plan::check
