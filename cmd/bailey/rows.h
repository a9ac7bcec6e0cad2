// Rows {id?, from, to, port, family?} from a file: a YAML list, a JSON list, JSON lines, or a document whose one
// key (`rows`, `cases` or `expect`) holds the list.
#pragma once

#include <vector>

#include "base/json.h"
#include "manifest/manifest.h"
#include "model/source.h"
#include "session.h"

namespace bailey::cli {

struct Rows {
  std::vector<base::Json> rows;
  std::vector<model::InputError> errors;
};

Rows parse_rows(const manifest::Document& document);

}  // namespace bailey::cli
