// What both network models share: the veth pair of an attachment, its names, and making and removing it.
//
//   pod:  IFNAME        the addresses of the pod
//           |
//   node: bl…           what is at this end is the model's: a route for each address (vnet.h) or a bridge (kubenet.h)
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cni/protocol.h"
#include "model/address.h"
#include "netlink/netlink.h"

namespace bailey::cni::sys {

inline constexpr std::uint8_t route_protocol = 65;  // of routes in pods and to pods; the fabric's are 64
inline constexpr netlink::Mac host_mac = {0xee, 0xee, 0xee, 0xee, 0xee, 0xee};

// fe80::1, the router on every link to a pod: a router asks for neighbours with its link-local address.
model::Address router_v6();

// "bl" and 12 hexadecimal digits; the same for the same container and interface.
std::string host_link_name(const std::string& container, const std::string& ifname);
// A locally administered address derived from a text.
netlink::Mac mac_of(const std::string& text);

struct Attachment {
  std::string ifname;
  std::string host_name;
  netlink::Mac mac{};  // the pod's side
  std::uint32_t mtu = 0;
  std::vector<Ip> ips;             // without interface
  std::vector<RouteEntry> routes;  // in the pod
  // Called with the index of the node's end once the pair is made and before it is up; may be empty. Its error ends
  // connect().
  std::function<base::Status(int)> guard;
};

bool has(const std::vector<Ip>& ips, model::Family family);

// MTU of the way by which the node reaches the rest of the world: that of its default route where the route has one,
// otherwise that of the route's device; without a default route that of a device with an address, otherwise 1500.
// Pods' own links are not looked at.
base::Result<std::uint32_t> uplink_mtu(netlink::Socket& node);

// A node routes for its pods: switches the forwarding of these families on where it is off, for the calling thread's
// network namespace.
base::Status enable_forwarding(const std::vector<Ip>& ips);

// What a model does with one end of the pair, whose index it is given.
using Requests = std::function<netlink::Batch(int link_index)>;
// Makes the pair and runs both ends' requests, the pod's first: when the node's end comes up and the link gets its
// carrier, all is ready. Returns when packets pass. On failure what was made may be left; disconnect() removes it.
base::Status connect(netlink::Socket& node, netlink::Socket& pod, int pod_namespace, const Attachment& attachment,
                     const Requests& pod_side, const Requests& node_side);
// What is not there is fine. Routes and neighbours go with the link.
base::Status disconnect(netlink::Socket& node, const std::string& host_name);
// The same in the calling thread's network namespace, without the kernel's last wait (netlink/detached.h). The name may
// be used again at once.
base::Status disconnect_detached(const std::string& host_name);

// The pod's side in any model: addresses, routes, and the gateways' MAC address, so that no packet waits for ARP or
// NDP.
netlink::Batch pod_requests(const Attachment& attachment, int link_index, const netlink::Mac& gateway_mac);

}  // namespace bailey::cni::sys
