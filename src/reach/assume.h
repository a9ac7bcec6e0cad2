// What objects alone cannot know, as a node would do it: the addresses that its pods get when they start.
#pragma once

#include "model/snapshot.h"

namespace bailey::reach {

// The snapshot with an address of each family of its node for every pod that has none: the first ones free of the
// node's ranges (vnet) or blocks (kubenet, whose first address is the bridge's), pods in the order of their names. Pods
// that have finished, wait for a node, share its network or ask for certain addresses stay as they are, and so do those
// for which nothing is left.
model::Snapshot with_pod_addresses(const model::Snapshot& snapshot);

}  // namespace bailey::reach
