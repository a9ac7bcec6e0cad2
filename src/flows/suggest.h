// The least that NetworkPolicies must allow for traffic that has been seen.
#pragma once

#include <span>
#include <vector>

#include "base/text.h"
#include "flows/flow.h"
#include "model/snapshot.h"

namespace bailey::flows {

struct Suggested {
  model::NetworkPolicy policy;
  std::size_t flows = 0;  // how many of those given need it
};

struct Suggestions {
  std::vector<Suggested> policies;   // ascending by namespace and name
  std::vector<base::Message> notes;  // what could not be expressed; each once
};

// Policies for the allowed ones among `flows`; denied ones are passed over. Pods come from the snapshot; those of one
// namespace whose labels are equal are a group, labels that a controller gives each pod or revision left out
// (pod-template-hash and the like). Each group that sent or received gets one policy of both types, which selects it
// and no other pod of the snapshot. Peers are groups, or blocks of just the addresses seen where no labelled pod has
// them. Between two pods the receiver's record counts. Nothing is needed for replies, for a pod and its own node, and
// within a pod. ICMP cannot be allowed by itself and pods without labels cannot be selected: both are told in the
// notes.
Suggestions suggest(std::span<const Flow> flows, const model::Snapshot& snapshot);

// The labels of a pod that outlive it.
model::Labels stable_labels(const model::Labels& labels);

}  // namespace bailey::flows
