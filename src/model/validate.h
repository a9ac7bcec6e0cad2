// Mistakes that only show when objects are seen together: dangling references, overlapping ranges, duplicate
// addresses, unusable combinations. Mistakes within one object are found by manifest/ when it is read.
#pragma once

#include <vector>

#include "model/snapshot.h"
#include "model/source.h"

namespace bailey::model {

// In a stable order (file, line). References into `snapshot` only; empty means it can be realised.
std::vector<InputError> validate(const Snapshot& snapshot);

}  // namespace bailey::model
