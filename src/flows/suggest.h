// From connections that were seen to the network policies that let just these pass. Pure.
//
// Pods are grouped by their namespace and the labels that their workload gives them (not those that tell one pod of it
// from another). Each group that sent or received gets one policy that isolates it in both directions and lets pass
// what was seen. Answers need no rule, nor does what a pod and its own node say to each other.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/text.h"
#include "model/snapshot.h"

namespace bailey::flows {

// One connection, as a flow record has it.
struct SeenFlow {
  std::string source;  // "pod/NS/NAME", "node/NAME" or the address
  std::string destination;
  model::Address source_address;
  model::Address destination_address;
  model::Port port;  // of the destination
};

struct Suggestion {
  struct Policy {
    std::shared_ptr<const model::NetworkPolicy> object;
    std::size_t flows = 0;  // that need it
  };
  std::vector<Policy> policies;      // ascending by namespace and name
  std::vector<base::Message> notes;  // what no policy can say
};

// `snapshot` holds the pods with their labels and nodes.
Suggestion suggest(const std::vector<SeenFlow>& seen, const model::Snapshot& snapshot);

std::span<const base::Text> texts();

}  // namespace bailey::flows
