// Changes of a running lab: what to ask for, and how to show what came of it.
#pragma once

#include <string_view>
#include <vector>

#include "base/json.h"
#include "manifest/manifest.h"
#include "session.h"

namespace bailey::cli {

// The request {verb: "apply", documents[], allow_unknown}.
base::Json apply_request(const std::vector<manifest::Document>& documents, bool allow_unknown);

// What leads from one set of files to another. Null where there is nothing to do; `errors` are those of `after`.
struct Change {
  base::Json apply;
  base::Json remove;
  std::vector<model::InputError> errors;
};
Change change_between(const std::vector<manifest::Document>& before, const std::vector<manifest::Document>& after,
                      const manifest::Options& options);

// Shows the answer to "apply" or "delete".
void show_change(const base::Json& document, std::string_view verb, Format format, Session& session);

}  // namespace bailey::cli
