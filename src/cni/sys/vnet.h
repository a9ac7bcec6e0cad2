// Wiring a pod in the `vnet` model: the pod's address is the VNet's, reached without translation.
//
//   pod:  eth0 10.240.0.17/32          169.254.1.1 dev eth0, default via 169.254.1.1
//           |                          (IPv6: default via fe80::1 dev eth0)
//   node: bl…  ee:ee:ee:ee:ee:ee       10.240.0.17 dev bl… scope link, protocol 65
//
// The node routes for its pods; no two pods share a link. Who the gateway and the pod are on the link is written
// into the neighbour tables of both sides, so that no packet waits for ARP or NDP.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cni/protocol.h"
#include "ipam/pool.h"
#include "model/address.h"
#include "netlink/netlink.h"

namespace bailey::cni::sys {

inline constexpr std::uint8_t route_protocol = 65;  // of the routes to pods; the fabric's are 64
inline constexpr netlink::Mac host_mac = {0xee, 0xee, 0xee, 0xee, 0xee, 0xee};
model::Address pod_gateway(model::Family family);  // 169.254.1.1, fe80::1

// "bl" and 12 hexadecimal digits; the same for the same container and interface.
std::string host_link_name(const std::string& container, const std::string& ifname);
// A locally administered address derived from the same two.
netlink::Mac pod_mac(const std::string& container, const std::string& ifname);

struct Attachment {
  std::string ifname;
  std::string host_name;
  netlink::Mac mac{};
  std::uint32_t mtu = 0;
  std::vector<model::Address> addresses;
  std::vector<RouteEntry> routes;  // in the pod
};

// MTU of the device by which the node reaches the rest of the world: that of its default route, otherwise that of
// an address of its own, otherwise 1500. Pods' own links are not looked at.
base::Result<std::uint32_t> uplink_mtu(netlink::Socket& node);

// Makes the link and everything on it. On failure what was made may be left; unwire() removes it.
base::Status wire(netlink::Socket& node, netlink::Socket& pod, int pod_namespace, const Attachment& attachment);
// What is not there is fine. Routes and neighbours go with the link.
base::Status unwire(netlink::Socket& node, const std::string& host_name);

// The routes that a pod with these addresses needs on its only interface.
std::vector<RouteEntry> pod_routes(const std::vector<model::Address>& addresses);

}  // namespace bailey::cni::sys
