#include "cni/sys/wiring.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.h"
#include "io/fd.h"
#include "netlink/detached.h"

namespace bailey::cni::sys {
namespace {

constexpr int loopback_index = 1;  // the first device of every network namespace
constexpr std::uint32_t default_mtu = 1500;

bool kernel_has_v6() { return ::access("/proc/sys/net/ipv6", F_OK) == 0; }

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

base::Status make_pair(netlink::Socket& node, int pod_namespace, const Attachment& attachment) {
  netlink::VethEnd pod_end{attachment.ifname, pod_namespace, attachment.mac, true};
  netlink::VethEnd host_end{attachment.host_name, -1, host_mac, false};
  base::Status made = node.create_veth(pod_end, host_end, attachment.mtu);
  if (made.ok() || made.error().code != EEXIST) return made;
  // The name is of this attachment alone: an ADD that was killed left it, or the pod's namespace is still going away.
  if (base::Status removed = disconnect(node, attachment.host_name); !removed.ok()) return removed;
  return node.create_veth(pod_end, host_end, attachment.mtu);
}

}  // namespace

model::Address router_v6() {
  return model::Address::from_number(model::Family::v6, (model::Uint128{0xfe80} << 112) + 1);
}

std::string host_link_name(const std::string& container, const std::string& ifname) {
  constexpr char digits[] = "0123456789abcdef";
  std::uint64_t hash = base::fnv1a(container + "/" + ifname);
  std::string name = "bl";
  for (int shift = 44; shift >= 0; shift -= 4) name += digits[(hash >> shift) & 15];
  return name;
}

netlink::Mac mac_of(const std::string& text) {
  std::uint64_t hash = base::fnv1a(text);
  netlink::Mac mac{};
  for (std::uint8_t& byte : mac) {
    byte = static_cast<std::uint8_t>(hash);
    hash >>= 8;
  }
  mac[0] = static_cast<std::uint8_t>((mac[0] & 0xfc) | 2);
  return mac;
}

bool has(const std::vector<Ip>& ips, model::Family family) {
  return std::any_of(ips.begin(), ips.end(), [&](const Ip& ip) { return ip.address.family() == family; });
}

base::Result<std::uint32_t> uplink_mtu(netlink::Socket& node) {
  // Addresses for documentation (RFC 5737, RFC 3849): only a default route leads to them.
  for (const char* nowhere : {"192.0.2.1", "2001:db8::1"}) {
    base::Result<netlink::Route> route = node.lookup(*model::Address::parse(nowhere), std::nullopt, "");
    if (!route.ok()) continue;
    base::Result<std::optional<netlink::Link>> link = node.link(route->link_index);
    if (!link.ok()) return link.error();
    if (link.value()) return route->mtu != 0 ? std::min(route->mtu, link.value()->mtu) : link.value()->mtu;
  }
  base::Result<std::vector<netlink::Link>> links = node.links();
  if (!links.ok()) return links.error();
  base::Result<std::vector<netlink::InterfaceAddress>> addresses = node.addresses();
  if (!addresses.ok()) return addresses.error();
  for (const netlink::Link& link : links.value()) {
    bool of_pods = link.mac == host_mac || (link.kind == "bridge" && link.mac[0] == 0x0a && link.mac[1] == 0x58);
    if (link.index == loopback_index || of_pods || !link.up) continue;
    for (const netlink::InterfaceAddress& each : addresses.value()) {
      bool link_local = each.address.is_v6() && (each.address.number() >> 118) == (0xfe80 >> 6);
      if (each.link_index == link.index && !link_local) return link.mtu;
    }
  }
  return default_mtu;
}

base::Status enable_forwarding(const std::vector<Ip>& ips) {
  const std::pair<model::Family, const char*> switches[] = {
      {model::Family::v4, "/proc/sys/net/ipv4/ip_forward"},
      {model::Family::v6, "/proc/sys/net/ipv6/conf/all/forwarding"},
  };
  for (const auto& [family, path] : switches) {
    if (!has(ips, family)) continue;
    base::Result<std::string> value = io::read_file(path, 16);
    if (value.ok() && value->starts_with("1")) continue;
    if (base::Status written = io::write_existing(path, "1"); !written.ok()) return written;
  }
  return {};
}

netlink::Batch pod_requests(const Attachment& attachment, int link_index, const netlink::Mac& gateway_mac) {
  netlink::Batch batch;
  batch.set_up(loopback_index);
  if (!has(attachment.ips, model::Family::v6) && kernel_has_v6()) batch.set_automatic_v6(link_index, false);
  for (const Ip& ip : attachment.ips) batch.add_address({link_index, ip.address, ip.prefix_length});
  for (const Ip& ip : attachment.ips)
    if (ip.gateway) batch.add_neighbour({link_index, *ip.gateway, gateway_mac, false});
  for (const RouteEntry& entry : attachment.routes) {
    netlink::Route route;
    route.destination = entry.destination;
    route.link_index = link_index;
    route.gateway = entry.gateway;
    route.link_scope = entry.link_scope;
    route.protocol = route_protocol;
    batch.add_route(route);
  }
  return batch;
}

base::Status connect(netlink::Socket& node, netlink::Socket& pod, int pod_namespace, const Attachment& attachment,
                     const Requests& pod_side, const Requests& node_side) {
  if (base::Status made = make_pair(node, pod_namespace, attachment); !made.ok()) return made;
  base::Result<int> pod_end = pod.index_of(attachment.ifname);
  if (!pod_end.ok()) return pod_end.error();
  base::Result<int> node_end = node.index_of(attachment.host_name);
  if (!node_end.ok()) return node_end.error();
  if (attachment.guard)
    if (base::Status guarded = attachment.guard(*node_end); !guarded.ok()) return guarded;

  bool v6 = has(attachment.ips, model::Family::v6);
  if (base::Status set = pod.run(pod_side(*pod_end)); !set.ok())
    return explain(set.error(), "the pod's network namespace", v6);
  netlink::Batch node_batch;
  if (kernel_has_v6()) node_batch.set_automatic_v6(*node_end, false);
  node_batch.append(node_side(*node_end));
  if (base::Status set = node.run(node_batch); !set.ok())
    return explain(set.error(), "the node's network namespace", v6);
  // ADD promises a network that works: both ends can send, and the pod's IPv6 addresses are taken.
  base::Status settled = pod.settle(attachment.ifname);
  if (settled.ok()) settled = node.settle(attachment.host_name);
  for (const Ip& ip : attachment.ips)
    if (settled.ok()) settled = pod.settle(ip.address);
  return settled;
}

base::Status disconnect(netlink::Socket& node, const std::string& host_name) {
  base::Status deleted = node.delete_link(host_name);
  if (!deleted.ok() && deleted.error().code != ENODEV) return deleted;
  return {};
}

base::Status disconnect_detached(const std::string& host_name) {
  base::Status deleted = netlink::delete_link_detached(host_name);
  if (!deleted.ok() && deleted.error().code != ENODEV) return deleted;
  return {};
}

}  // namespace bailey::cni::sys
