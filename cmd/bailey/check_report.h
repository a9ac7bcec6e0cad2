// What `check` found, as rows of one shape, and the forms in which they are given: text, JSON, SARIF.
#pragma once

#include <string>
#include <vector>

#include "diagnostics.h"
#include "manifest/manifest.h"
#include "model/source.h"
#include "plan/check/check.h"
#include "session.h"

namespace bailey::cli {

// A finding of a rule, a warning of the reader, or an input error; texts are in the user's language.
struct CheckRow {
  std::string rule;  // "CID-08"; of what no rule says the mistake's code
  plan::check::Severity severity = plan::check::Severity::error;
  std::string object;
  std::string field;
  std::string file;
  model::Position position;
  std::string message;
  std::string mend;
  std::string source;  // URL; "" where the rule has no page
};

CheckRow row_of(const plan::check::Finding& finding, const Session& session);
CheckRow row_of(const model::InputError& error, const Session& session);

// "file:line:column: warning: message (object field) [rule]", the mend, and the line.
std::string row_text(const CheckRow& row, const Excerpts& excerpts, const Session& session, bool color);
// {rule, severity, object, field, file, line, column, message, mend, source}
base::Json row_json(const CheckRow& row);

// A SARIF 2.1.0 log with one run: every rule of the catalogue, and a result for each row. `complete` says whether the
// input could be judged as a whole.
base::Json sarif_log(const std::vector<CheckRow>& rows, bool complete, const Session& session);

// `check --rules`.
std::string rules_text(const Session& session, bool color);
base::Json rules_json(const Session& session);

}  // namespace bailey::cli
