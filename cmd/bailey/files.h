// Reads what `-f` names: files, folders (recursively, *.yaml *.yml *.json, sorted by path) and "-", standard input.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "manifest/manifest.h"
#include "session.h"

namespace bailey::cli {

// At most 10,000 files and 256 MiB in all. Within folders, expectations files are passed over, or
// with `expectations` all others are; hidden files and folders always. A link is followed to a file, never to a folder.
base::Result<std::vector<manifest::Document>> read_inputs(const std::vector<std::string>& paths, const Session& session,
                                                          bool expectations = false);

// Whether the only top-level key of a YAML text is `expect`. Looks at the lines that start in column one, so that
// a folder can be sorted without parsing it.
bool is_expectations(std::string_view yaml);

}  // namespace bailey::cli
