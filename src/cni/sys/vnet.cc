#include "cni/sys/vnet.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.h"
#include "io/fd.h"

namespace bailey::cni::sys {
namespace {

constexpr int loopback_index = 1;  // the first device of every network namespace
constexpr std::uint32_t default_mtu = 1500;

std::uint64_t attachment_hash(const std::string& container, const std::string& ifname) {
  return base::fnv1a(container + "/" + ifname);
}

bool has(const std::vector<model::Address>& addresses, model::Family family) {
  return std::any_of(addresses.begin(), addresses.end(),
                     [&](const model::Address& address) { return address.family() == family; });
}

bool kernel_has_v6() { return ::access("/proc/sys/net/ipv6", F_OK) == 0; }

netlink::Batch pod_requests(const Attachment& attachment, int link, bool v6_kernel) {
  netlink::Batch batch;
  batch.set_up(loopback_index);
  bool v6 = has(attachment.addresses, model::Family::v6);
  if (!v6 && v6_kernel) batch.set_automatic_v6(link, false);
  for (const model::Address& address : attachment.addresses) batch.add_address({link, address, address.bits()});
  for (model::Family family : {model::Family::v4, model::Family::v6})
    if (has(attachment.addresses, family)) batch.add_neighbour({link, pod_gateway(family), host_mac, false});
  for (const RouteEntry& entry : attachment.routes) {
    netlink::Route route;
    route.destination = entry.destination;
    route.link_index = link;
    route.gateway = entry.gateway;
    route.link_scope = entry.link_scope;
    route.protocol = route_protocol;
    batch.add_route(route);
  }
  return batch;
}

netlink::Batch node_requests(const Attachment& attachment, int link, bool v6_kernel) {
  netlink::Batch batch;
  if (v6_kernel) batch.set_automatic_v6(link, false);
  // A pod sends from its own address only; what comes from another would be answered to somebody else.
  batch.set_v4_option(link, netlink::Batch::V4Option::rp_filter, 1);
  batch.set_v4_option(link, netlink::Batch::V4Option::proxy_arp, 0);
  if (has(attachment.addresses, model::Family::v6)) batch.add_address({link, pod_gateway(model::Family::v6), 64});
  batch.set_up(link);
  for (const model::Address& address : attachment.addresses) {
    netlink::Route route;
    route.destination = model::Prefix::host(address);
    route.link_index = link;
    route.link_scope = true;
    route.protocol = route_protocol;
    batch.add_neighbour({link, address, attachment.mac, false}).add_route(route);
  }
  return batch;
}

// The kernel says "Permission denied" where IPv6 is switched off.
base::Error explain(base::Error error, const std::string& where, bool v6) {
  bool disabled = error.code == EACCES || error.code == EPERM || error.code == EAFNOSUPPORT || error.code == ENODEV;
  if (v6 && disabled && error.object.find(':') != std::string::npos)
    error.cause +=
        "; IPv6 is disabled in " + where +
        ": set net.ipv6.conf.all.disable_ipv6 and net.ipv6.conf.default.disable_ipv6 to 0 there, or give the "
        "node no IPv6 podRanges";
  return error;
}

}  // namespace

model::Address pod_gateway(model::Family family) {
  if (family == model::Family::v4) return model::Address::v4(0xa9fe0101);  // 169.254.1.1
  return model::Address::from_number(model::Family::v6, (model::Uint128{0xfe80} << 112) + 1);
}

std::string host_link_name(const std::string& container, const std::string& ifname) {
  constexpr char digits[] = "0123456789abcdef";
  std::uint64_t hash = attachment_hash(container, ifname);
  std::string name = "bl";
  for (int shift = 44; shift >= 0; shift -= 4) name += digits[(hash >> shift) & 15];
  return name;
}

netlink::Mac pod_mac(const std::string& container, const std::string& ifname) {
  std::uint64_t hash = attachment_hash(container, ifname);
  netlink::Mac mac{};
  for (std::uint8_t& byte : mac) {
    byte = static_cast<std::uint8_t>(hash);
    hash >>= 8;
  }
  mac[0] = static_cast<std::uint8_t>((mac[0] & 0xfc) | 2);
  return mac;
}

std::vector<RouteEntry> pod_routes(const std::vector<model::Address>& addresses) {
  std::vector<RouteEntry> out;
  if (has(addresses, model::Family::v4)) {
    model::Address gateway = pod_gateway(model::Family::v4);
    out.push_back({model::Prefix::host(gateway), std::nullopt, true});
    out.push_back({model::Prefix::any(model::Family::v4), gateway, false});
  }
  if (has(addresses, model::Family::v6))
    out.push_back({model::Prefix::any(model::Family::v6), pod_gateway(model::Family::v6), false});
  return out;
}

base::Result<std::uint32_t> uplink_mtu(netlink::Socket& node) {
  // Addresses for documentation (RFC 5737, RFC 3849): only a default route leads to them.
  for (const char* nowhere : {"192.0.2.1", "2001:db8::1"}) {
    base::Result<netlink::Route> route = node.lookup(*model::Address::parse(nowhere), std::nullopt, "");
    if (!route.ok()) continue;
    base::Result<std::optional<netlink::Link>> link = node.link(route->link_index);
    if (!link.ok()) return link.error();
    if (link.value()) return link.value()->mtu;
  }
  base::Result<std::vector<netlink::Link>> links = node.links();
  if (!links.ok()) return links.error();
  base::Result<std::vector<netlink::InterfaceAddress>> addresses = node.addresses();
  if (!addresses.ok()) return addresses.error();
  for (const netlink::Link& link : links.value()) {
    if (link.index == loopback_index || link.mac == host_mac || !link.up) continue;
    for (const netlink::InterfaceAddress& each : addresses.value()) {
      bool link_local = each.address.is_v6() && (each.address.number() >> 118) == (0xfe80 >> 6);
      if (each.link_index == link.index && !link_local) return link.mtu;
    }
  }
  return default_mtu;
}

base::Status wire(netlink::Socket& node, netlink::Socket& pod, int pod_namespace, const Attachment& attachment) {
  netlink::VethEnd pod_end{attachment.ifname, pod_namespace, attachment.mac, true};
  netlink::VethEnd host_end{attachment.host_name, -1, host_mac, false};
  base::Status made = node.create_veth(pod_end, host_end, attachment.mtu);
  if (!made.ok() && made.error().code == EEXIST) {
    // The name is of this attachment alone: an ADD that was killed left it, or the pod's namespace is still going away.
    if (base::Status removed = unwire(node, attachment.host_name); !removed.ok()) return removed;
    made = node.create_veth(pod_end, host_end, attachment.mtu);
  }
  if (!made.ok()) return made;
  base::Result<std::optional<netlink::Link>> host = node.link(attachment.host_name);
  if (!host.ok()) return host.error();
  if (!host.value()) return base::system_error("find link", attachment.host_name, ENODEV);

  bool v6 = has(attachment.addresses, model::Family::v6);
  bool v6_kernel = kernel_has_v6();
  // The pod's side first: when the node's side comes up and the link gets its carrier, all is ready.
  if (base::Status set = pod.run(pod_requests(attachment, host.value()->peer_index, v6_kernel)); !set.ok())
    return explain(set.error(), "the pod's network namespace", v6);
  if (base::Status set = node.run(node_requests(attachment, host.value()->index, v6_kernel)); !set.ok())
    return explain(set.error(), "the node's network namespace", v6);
  // ADD promises a network that works: both ends can send, and the pod's IPv6 addresses are taken.
  base::Status settled = pod.settle(attachment.ifname);
  if (settled.ok()) settled = node.settle(attachment.host_name);
  for (const model::Address& address : attachment.addresses)
    if (settled.ok()) settled = pod.settle(address);
  if (!settled.ok()) return settled;
  // Routers are not learned from pods. Best effort: the kernel ignores advertisements anyway where it forwards.
  if (v6) (void)io::write_existing("/proc/sys/net/ipv6/conf/" + attachment.host_name + "/accept_ra", "0");
  return {};
}

base::Status unwire(netlink::Socket& node, const std::string& host_name) {
  base::Status deleted = node.delete_link(host_name);
  if (!deleted.ok() && deleted.error().code != ENODEV) return deleted;
  return {};
}

}  // namespace bailey::cni::sys
