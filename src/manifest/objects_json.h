// Objects -> Kubernetes JSON that load() reads back, for a peer that gets them over a socket.
#pragma once

#include "base/json.h"
#include "model/snapshot.h"

namespace bailey::manifest {

// A Namespace, Node, Pod or NetworkPolicy as its manifest; null for every other kind and for no object. load() of its
// text gives an object that is equal in what network policy looks at: names, labels, annotations, whether it is being
// deleted; a pod's node, host network, ports, phase, readiness and addresses; a node's addresses, pod CIDRs and
// readiness; all of a policy. Left out: what only scheduling reads (selectors and tolerations of pods, taints), the
// place of a node in its cloud (subnet, ranges), and where the object was written.
base::Json json_of(const model::AnyObject& object);

}  // namespace bailey::manifest
