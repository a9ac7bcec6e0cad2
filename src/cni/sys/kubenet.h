// Wiring a pod in the `kubenet` model: the pod's address is of the node's block, which only the cluster knows.
//
//   pod:  eth0 10.244.1.5/24           default via 10.244.1.1
//           |
//   node: bl…, port of the bridge bailey0 10.244.1.1/24
//
// Pods of one node reach each other over the bridge; the node routes everything else. The bridge has a MAC address of
// its own, not that of one of its ports, and pods' MAC addresses follow from their addresses: whoever remembers an
// address finds its next owner by the same MAC.
#pragma once

#include <string>
#include <vector>

#include "cni/sys/wiring.h"
#include "ipam/pool.h"

namespace bailey::cni::sys::kubenet {

struct Bridge {
  std::string name;
  std::vector<ipam::Pool::Block> blocks;  // the bridge has their gateways
  std::uint32_t mtu = 0;                  // when it is made
};

Bridge bridge_of(const std::string& name, const ipam::Pool& pool, std::uint32_t mtu);

// 0a:58 and the IPv4 address; for a pod without one, derived from its first address.
netlink::Mac pod_mac(const std::vector<model::Address>& addresses);

// Fills ips and routes for the addresses that the pod got.
void plan(Attachment& attachment, const Bridge& bridge, const std::vector<model::Address>& addresses);

// Fails with EEXIST where the name is of another kind of device.
base::Status check_name(netlink::Socket& node, const std::string& name);

// Makes the bridge, or completes one that is there: other addresses on it stay. Gives back what it is like now. Fails
// as check_name does.
base::Result<netlink::Link> ensure_bridge(netlink::Socket& node, const Bridge& bridge);

// Takes away what the bridge has of blocks that are the node's no more: addresses, and without any block the bridge
// itself. For who owns the node as a whole; the plugin, called for one pod, leaves others' addresses alone. A bridge
// that is not there is fine.
base::Status trim_bridge(netlink::Socket& node, const std::string& name, const std::vector<model::Prefix>& blocks);

base::Status wire(netlink::Socket& node, netlink::Socket& pod, int pod_namespace, const Attachment& attachment,
                  const netlink::Link& bridge);

}  // namespace bailey::cni::sys::kubenet
