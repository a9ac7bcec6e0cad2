// Wiring a pod in the `vnet` model: the pod's address is the VNet's, reached without translation.
//
//   pod:  eth0 10.240.0.17/32          169.254.1.1 dev eth0, default via 169.254.1.1
//           |                          (IPv6: default via fe80::1 dev eth0)
//   node: bl…  ee:ee:ee:ee:ee:ee       10.240.0.17 dev bl… scope link, protocol 65
//
// The node routes for its pods; no two pods share a link. Who the gateway and the pod are on the link is written
// into the neighbour tables of both sides.
#pragma once

#include <vector>

#include "cni/sys/wiring.h"

namespace bailey::cni::sys::vnet {

model::Address gateway(model::Family family);  // 169.254.1.1, fe80::1

// Fills ips and routes for the addresses that the pod got.
void plan(Attachment& attachment, const std::vector<model::Address>& addresses);

base::Status wire(netlink::Socket& node, netlink::Socket& pod, int pod_namespace, const Attachment& attachment);

}  // namespace bailey::cni::sys::vnet
