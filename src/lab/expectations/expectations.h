// The expectations file: what must be seen in a lab, row by row, and whether an answer is what a row expects.
//
//   expect:
//   - {from: pod/shop/web, to: svc/shop/db, port: 5432/tcp, verdict: allow, source_seen: pod}
//   - {http: {from: host/internet, url: "https://myapp.com/blog", status: 200, answered_by: svc/default/blogservice}}
//   - {command: [bailey, check, -f, examples], exit: 1, stdout_has: [overlap]}
//   - {pending: "security groups", from: host/office, to: nic/node-1, port: 22/tcp, verdict: deny}
//
// Each row may have an id (unique; its number, counted from 1, where it has none), a statement (a text, or one in
// each language {en, ko}) and `pending` (why it cannot pass yet). A pending row that passes is a failure: it must
// lose its mark. Nothing here asks a question; callers do, and bring the answers.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "model/endpoint_name.h"
#include "model/object.h"
#include "model/source.h"

namespace bailey::lab {

// A text that the file's author wrote, in one or both languages.
struct Statement {
  std::string en;
  std::string ko;
  const std::string& in(base::Lang lang) const { return lang == base::Lang::ko ? ko : en; }
  friend bool operator==(const Statement&, const Statement&) = default;
};

struct ReachExpectation {
  model::EndpointName from;
  model::EndpointName to;
  model::Port port;
  std::optional<model::Family> family;
  bool allow = true;
  std::string source_seen;  // "", "pod", "node", or an address
  std::string answered_by;  // "", or an endpoint name
  std::string decided_by;   // "", or an object: "NetworkSecurityGroup/nodes"
};

struct HttpExpectation {
  model::EndpointName from;
  std::string url;  // http:// or https://
  std::string method = "GET";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  int status = 200;
  std::string answered_by;
};

struct CommandExpectation {
  std::vector<std::string> command;  // program and arguments; no shell
  int exit = 0;
  std::vector<std::string> stdout_has;
  std::vector<std::string> stdout_lacks;
};

struct Expectation {
  std::string id;
  Statement statement;
  std::optional<Statement> pending;  // why
  // monostate: a pending row that only states something.
  std::variant<std::monostate, ReachExpectation, HttpExpectation, CommandExpectation> what;
  std::string field;  // its place in the file: "expect[2]"
  model::Position position;
};

struct Expectations {
  std::vector<Expectation> rows;          // those without an error, in order
  std::vector<model::InputError> errors;  // all mistakes of all rows
};

// `document` is the whole file: {expect: [...]} or the list alone. `file` names it in errors; `positions` (when
// given) knows where its fields stand, by paths such as "expect[2].port".
Expectations parse_expectations(const base::Json& document, const std::string& file,
                                const model::Source* positions = nullptr);

// The row to probe (or to reason about): {id, from, to, port, family?}.
base::Json question(const Expectation& row);

// What a comparison needs to know besides the answer.
struct Facts {
  std::vector<model::Address> pod;        // addresses of the pod that asks; empty for others
  std::vector<model::Address> node;       // addresses of its node, or of the node that asks
  std::vector<std::string> service_pods;  // "pod/NS/NAME" behind the service that should answer
};
// Out of the document that `lab status` gives.
Facts facts_of(const base::Json& status, const Expectation& row);

enum class Verdict : std::uint8_t { passed, failed, pending };
std::string_view name(Verdict verdict);  // "passed", ...

struct Outcome {
  Verdict verdict = Verdict::failed;
  base::Message reason;  // of a failed row; of a pending one why it does not pass yet
};

// `answer` by the kind of row: the probe row {result, source_seen, answered_by, dropped_at, decided_by?} or the one of
// reach {verdict, ...} · {status, answered_by} or {error} · {exit, stdout}. An answer without its main key is none,
// and no row passes without an answer, not even one that expects a denial.
Outcome judge(const Expectation& row, const base::Json& answer, const Facts& facts);

struct Summary {
  std::size_t passed = 0;
  std::size_t failed = 0;
  std::size_t pending = 0;
  void count(Verdict verdict);
  bool ok() const { return failed == 0; }
  base::Message message() const;  // "N passed, N failed, N pending"
};

std::span<const base::Text> expectation_texts();

}  // namespace bailey::lab
