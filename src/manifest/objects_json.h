// Objects -> JSON as Kubernetes writes it, which load() reads back to the same object, as far as network policy looks
// at it. For who tells another process of objects.
#pragma once

#include "base/json.h"
#include "model/snapshot.h"

namespace bailey::manifest {

// Of a Namespace, Node, Pod or NetworkPolicy; null of any other.
base::Json json_of(const model::AnyObject& object);

}  // namespace bailey::manifest
