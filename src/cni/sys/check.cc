#include "cni/sys/check.h"

#include <algorithm>
#include <optional>

#include "cni/sys/wiring.h"

namespace bailey::cni::sys {
namespace {

// Collects what is not as prevResult says.
class Check {
 public:
  Check(const Environment& environment, const Config& config, const AddResult& expected)
      : environment_(environment), config_(config), expected_(expected) {}

  base::Status look(netlink::Socket& node, netlink::Socket& pod, ipam::sys::Leases& leases) {
    if (base::Status done = look_at_links(node, pod); !done.ok()) return done;
    if (base::Status done = look_at_pod(pod); !done.ok()) return done;
    base::Status done = config_.model == NetworkModel::vnet ? look_at_routes(node) : look_at_bridge(node);
    return done.ok() ? look_at_leases(leases) : done;
  }
  const std::vector<std::string>& differences() const { return differences_; }

 private:
  void differs(std::string what) { differences_.push_back(std::move(what)); }

  void look_at_link(const std::optional<netlink::Link>& link, const Interface& interface) {
    if (!link) return differs("interface " + interface.name + " is missing");
    std::optional<netlink::Mac> mac = netlink::parse_mac(interface.mac);
    if (mac && *mac != link->mac)
      differs("interface " + interface.name + " has MAC " + netlink::mac_text(link->mac) + ", not " + interface.mac);
    if (!link->up) differs("interface " + interface.name + " is down");
  }

  base::Status look_at_links(netlink::Socket& node, netlink::Socket& pod) {
    std::string host_name = host_link_name(environment_.container_id, environment_.ifname);
    bool pod_seen = false;
    bool host_seen = false;
    for (std::size_t i = 0; i < expected_.interfaces.size(); ++i) {
      const Interface& interface = expected_.interfaces[i];
      bool of_pod = interface.name == environment_.ifname && interface.sandbox == environment_.netns;
      bool of_host = interface.name == host_name && interface.sandbox.empty();
      if (!of_pod && !of_host) continue;  // another plugin's
      auto link = (of_pod ? pod : node).link(interface.name);
      if (!link.ok()) return link.error();
      look_at_link(link.value(), interface);
      if (of_pod) {
        pod_seen = true;
        pod_interface_ = i;
        if (link.value()) pod_link_ = link.value()->index;
      } else {
        host_seen = true;
        if (link.value()) host_link_ = *link.value();
      }
    }
    if (!pod_seen) differs("prevResult has no interface " + environment_.ifname + " in " + environment_.netns);
    if (!host_seen) differs("prevResult has no interface " + host_name + " of the node");
    return {};
  }

  base::Status look_at_pod(netlink::Socket& pod) {
    base::Result<std::vector<netlink::InterfaceAddress>> addresses = pod.addresses();
    if (!addresses.ok()) return addresses.error();
    for (const Ip& ip : expected_.ips) {
      if (ip.interface != pod_interface_) continue;
      ours_.push_back(ip.address);
      netlink::InterfaceAddress wanted{pod_link_, ip.address, ip.prefix_length};
      if (std::find(addresses->begin(), addresses->end(), wanted) == addresses->end())
        differs("address " + ip.address.text() + "/" + std::to_string(ip.prefix_length) + " is missing on " +
                environment_.ifname);
    }
    if (ours_.empty()) differs("prevResult has no address of " + environment_.ifname);
    base::Result<std::vector<netlink::Route>> routes = pod.routes();
    if (!routes.ok()) return routes.error();
    for (const RouteEntry& entry : expected_.routes) {
      bool there = std::any_of(routes->begin(), routes->end(), [&](const netlink::Route& route) {
        return route.destination == entry.destination && (!entry.gateway || route.gateway == entry.gateway);
      });
      if (!there)
        differs("route to " + entry.destination.text() + (entry.gateway ? " via " + entry.gateway->text() : "") +
                " is missing in the pod");
    }
    return {};
  }

  base::Status look_at_routes(netlink::Socket& node) {
    base::Result<std::vector<netlink::Route>> routes = node.routes();
    if (!routes.ok()) return routes.error();
    for (const model::Address& address : ours_) {
      bool there = std::any_of(routes->begin(), routes->end(), [&](const netlink::Route& route) {
        return route.destination == model::Prefix::host(address) && route.link_index == host_link_.index;
      });
      if (!there) differs("the node's route to " + address.text() + " is missing");
    }
    return {};
  }

  base::Status look_at_bridge(netlink::Socket& node) {
    base::Result<std::optional<netlink::Link>> bridge = node.link(config_.bridge);
    if (!bridge.ok()) return bridge.error();
    if (!bridge.value() || bridge.value()->kind != "bridge") {
      differs("bridge " + config_.bridge + " is missing");
      return {};
    }
    if (!bridge.value()->up) differs("bridge " + config_.bridge + " is down");
    if (host_link_.index != 0 && host_link_.master != bridge.value()->index)
      differs("interface " + host_link_.name + " is no port of " + config_.bridge);
    base::Result<std::vector<netlink::InterfaceAddress>> addresses = node.addresses();
    if (!addresses.ok()) return addresses.error();
    for (const Ip& ip : expected_.ips) {
      if (ip.interface != pod_interface_ || !ip.gateway) continue;
      netlink::InterfaceAddress wanted{bridge.value()->index, *ip.gateway, ip.prefix_length};
      if (std::find(addresses->begin(), addresses->end(), wanted) == addresses->end())
        differs("address " + ip.gateway->text() + "/" + std::to_string(ip.prefix_length) + " is missing on " +
                config_.bridge);
    }
    return {};
  }

  base::Status look_at_leases(ipam::sys::Leases& leases) {
    base::Result<std::vector<ipam::sys::Lease>> list = leases.list();
    if (!list.ok()) return list.error();
    for (const model::Address& address : ours_) {
      bool there = std::any_of(list->begin(), list->end(), [&](const ipam::sys::Lease& lease) {
        return lease.address == address && lease.owner.container == environment_.container_id &&
               lease.owner.ifname == environment_.ifname;
      });
      if (!there) differs("the lease of " + address.text() + " is missing or another's");
    }
    return {};
  }

  const Environment& environment_;
  const Config& config_;
  const AddResult& expected_;
  std::vector<std::string> differences_;
  std::optional<std::size_t> pod_interface_ = SIZE_MAX;  // matches no address until it is found
  int pod_link_ = 0;
  netlink::Link host_link_;
  std::vector<model::Address> ours_;
};

}  // namespace

base::Result<std::vector<std::string>> find_differences(const Environment& environment, const Config& config,
                                                        const AddResult& expected, netlink::Socket& node,
                                                        netlink::Socket& pod, ipam::sys::Leases& leases) {
  Check check(environment, config, expected);
  if (base::Status looked = check.look(node, pod, leases); !looked.ok()) return looked.error();
  return check.differences();
}

}  // namespace bailey::cni::sys
