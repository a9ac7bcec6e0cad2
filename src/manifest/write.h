// Values -> YAML text that load() and every other reader of YAML reads back as the same values.
#pragma once

#include <span>
#include <string>

#include "base/json.h"

namespace bailey::manifest {

// Block style, two blanks a level; lists of scalars on one line where they are short. Ends with a line end.
std::string yaml_of(const base::Json& value);

// Several documents, `---` between them.
std::string yaml_of_all(std::span<const base::Json> documents);

}  // namespace bailey::manifest
