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

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "model/snapshot.h"

namespace bailey::lab {

// Decisions that outlive one completion. Keys are "Node/NAME/v4", "Pod/NS/NAME", "Service/NS/NAME/v4", ...
struct Assignments {
  std::map<std::string, model::Address> addresses;
  std::map<std::string, model::AddressRange> ranges;  // "Node/NAME/v4": the node's pod range
  std::map<std::string, std::string> nodes;           // "Pod/NS/NAME" -> node
  friend bool operator==(const Assignments&, const Assignments&) = default;
};

// Something about an object that is not as its author wished, or worth to know.
struct Condition {
  model::ObjectRef object;
  std::string type;    // "Scheduled", "AddressAssigned", "Joined", "Realised", "Accepted"
  bool status = false;
  std::string reason;  // "PoolFull", "SubnetFull", "PermissionMissing", "WindowsNotRealised"
  base::Message message;
};

struct CompleteOptions {
  bool fill = false;  // make what manifests name but lack: Services, pods behind selectors, self-signed Secrets
  std::optional<model::NetworkModel> network_model;  // overrides every Cluster's
};

struct Completion {
  model::Snapshot snapshot;
  Assignments assignments;
  std::vector<Condition> conditions;
  std::vector<model::ObjectRef> made;  // by default or by --fill: listed for the user
};

Completion complete(const model::Snapshot& given, const Assignments& earlier, const CompleteOptions& options);

}  // namespace bailey::lab
