// A YAML or JSON file as a Json value that knows where its fields stand.
#pragma once

#include <vector>

#include "base/json.h"
#include "manifest/manifest.h"
#include "model/source.h"

namespace bailey::cli {

struct Tree {
  base::Json json;
  model::Source source;  // positions by paths such as "expect[2].port"
  std::vector<model::InputError> errors;
};

// The one document of a file; further documents are an error.
Tree tree_of(const manifest::Document& document);

}  // namespace bailey::cli
