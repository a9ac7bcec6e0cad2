// What only clusters of the kubenet model have: a block of the pod range for each node, and routes to them.
#pragma once

#include "lab/controllers/draft.h"

namespace bailey::lab::controllers {

// Node.pod_cidrs of every node that has an address: a /24 or a /64 of the cluster's pod range, lowest free first.
void assign_pod_cidrs(Draft& draft);

// A user-defined route to each block by way of its node, in the table of the nodes' subnets. A subnet without a
// table gets a generated one (AKS: kubenet with a subnet of your own). A node whose routes
// do not fit into a table any more (model::most_routes) is not realised (RouteTableFull).
void make_pod_routes(Draft& draft);

}  // namespace bailey::lab::controllers
