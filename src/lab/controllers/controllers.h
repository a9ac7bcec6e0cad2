// What the control plane of a cluster would do, purely: from the objects that were given to the objects that
// a network is realised from.
//
//   given Snapshot + earlier Assignments  ->  completed Snapshot + Assignments + conditions
//
// Completed means: a cluster exists (a default one where none is given), pools have become Nodes with addresses
// and pod ranges, workloads have become Pods on nodes, every NetworkInterface and LabHost has its addresses,
// VNets have outbound addresses, Services have cluster addresses, EndpointSlices exist. Generated objects carry
// meta.generated. Earlier assignments are an input, so nothing moves without cause: a node keeps its address, a
// pod its node, a service its address, as long as that is still valid.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "model/snapshot.h"

namespace bailey::lab {

// Decisions that outlive one completion. Keys are "Node/NAME/v4", "Pod/NS/NAME", "Service/NS/NAME/v4", ...
// Plain values: a caller keeps those of the last completion and hands them to the next one.
struct Assignments {
  std::map<std::string, model::Address> addresses;
  // "Node/NAME/v4", "Node/NAME/v4/1", ...: the node's ranges for pods, with what pods are pinned to inside of them
  std::map<std::string, model::AddressRange> ranges;
  std::map<std::string, std::string> nodes;    // "Pod/NS/NAME" -> node
  std::map<std::string, std::uint16_t> ports;  // "Service/NS/NAME/80/tcp" -> node port
  friend bool operator==(const Assignments&, const Assignments&) = default;
};

// What pods have in fact. The address management of their nodes decides that, not a completion, so the network tells
// it.
struct InUse {
  struct Held {
    std::string node;
    std::vector<model::Address> addresses;
  };
  std::map<model::ObjectRef, Held> held;  // by pods; those with hostNetwork are left out
  std::vector<model::Address> cooling;    // let go a moment ago and better not given to others yet; oldest first
};

// Something about an object that is not as its author wished, or worth to know.
struct Condition {
  model::ObjectRef object;
  std::string type;  // "Scheduled", "AddressAssigned", "Joined", "Realised", "Accepted"
  bool status = false;
  std::string reason;  // "NodesFull", "SubnetFull", "PermissionMissing", "WindowsNotRealised"; docs/lab.md has all
  base::Message message;
};

struct CompleteOptions {
  bool fill = false;  // make what manifests name but lack: Services, pods behind selectors, self-signed Secrets
  std::optional<model::NetworkModel> network_model;  // overrides every Cluster's
};

// How the addresses of one family in a subnet with nodes are used. What is left of `size` belongs to others.
struct SubnetUse {
  model::SubnetRef subnet;
  model::Family family = model::Family::v4;
  model::Uint128 size = 0;           // without those that Azure keeps
  model::Uint128 nodes = 0;          // nodes' own
  model::Uint128 pods_reserved = 0;  // in nodes' ranges, or pods are pinned to them
  model::Uint128 free = 0;
};

struct Completion {
  model::Snapshot snapshot;
  Assignments assignments;
  std::vector<Condition> conditions;
  std::vector<model::ObjectRef> made;  // by default or by --fill: listed for the user
  std::vector<SubnetUse> subnets;      // by name, v4 first
};

// Deterministic: equal arguments give equal completions. Never fails: what cannot be done becomes a condition, and
// everything else goes on. Objects that an earlier completion generated (meta.generated) are dropped from `given` and
// made anew. A node without addresses is not to be realised (its subnet is full, or may not be joined, or it runs
// Windows), nor is a pod whose phase is Pending, Succeeded or Failed.
// Under the vnet model a node's ranges have an address for each of its pods and some in reserve (subnet.h). An address
// that a pod holds stays in the ranges of its node as long as the pod stays there; one that cools stays unless another
// pod would have to wait for an address.
// Unchanged objects keep their pointers. The generation is that of `given`, or one more.
Completion complete(const model::Snapshot& given, const Assignments& earlier, const CompleteOptions& options,
                    const InUse& in_use = {});

// What the network gave to pods, fed back: Pod.addresses of each pod named, and the EndpointSlices that follow. Pods
// that are not named keep what they have; names that do not exist are passed over.
model::Snapshot settle(const model::Snapshot& completed,
                       const std::map<model::ObjectRef, std::vector<model::Address>>& pod_addresses);

}  // namespace bailey::lab
