// Reading back what apply() once set. A veth link only tells the index of its peer, not its namespace; the names
// at both ends, which are hashes and addresses, settle which pair is which.
#include "fabric/sys/kernel.h"

#include <algorithm>

namespace bailey::fabric::sys {
namespace {

using netlink::RouteType;
using Type = KernelRoute::Type;

// Rules of an owner of several interfaces stand in this range of priorities.
constexpr std::uint32_t first_owner_rule = 1000;
constexpr std::uint32_t last_owner_rule = 1255;

const model::Address& link_local(int number) {
  static const model::Address one = *model::Address::parse("fe80::1");
  static const model::Address two = *model::Address::parse("fe80::2");
  return number == 1 ? one : two;
}

using LinksByName = std::map<std::string, netlink::Link>;

bool is_end(const LinksByName& links, const CableEnd& end, std::uint32_t mtu, int peer_index) {
  auto link = links.find(end.device);
  return link != links.end() && link->second.kind == "veth" && link->second.up && link->second.mtu == mtu &&
         link->second.mac == end.mac && link->second.peer_index == peer_index;
}

bool stands(const std::map<HostName, LinksByName>& links, const Cable& cable) {
  auto a = links.find(cable.a.host);
  auto b = links.find(cable.b.host);
  if (a == links.end() || b == links.end()) return false;
  auto end_a = a->second.find(cable.a.device);
  auto end_b = b->second.find(cable.b.device);
  if (end_a == a->second.end() || end_b == b->second.end()) return false;
  return is_end(a->second, cable.a, cable.mtu, end_b->second.index) &&
         is_end(b->second, cable.b, cable.mtu, end_a->second.index);
}

std::optional<KernelRoute> from_kernel(const netlink::Route& given, const std::map<int, std::string>& names) {
  netlink::Route route = netlink::normalised(given);
  KernelRoute out;
  switch (route.type) {
    case RouteType::unicast: out.type = Type::unicast; break;
    case RouteType::local: out.type = Type::local; break;
    case RouteType::blackhole: out.type = Type::blackhole; break;
    case RouteType::throw_: out.type = Type::throw_; break;
    default: return std::nullopt;
  }
  out.table = route.table;
  out.destination = route.destination;
  out.gateway = route.gateway;
  out.onlink = route.onlink;
  out.preferred_source = route.preferred_source;
  auto name = names.find(route.link_index);
  if (name != names.end()) out.device = name->second;
  return out;
}

std::optional<KernelRule> from_kernel(const netlink::Rule& given, bool infrastructure) {
  netlink::Rule rule = netlink::normalised(given);
  if (!infrastructure && (rule.priority < first_owner_rule || rule.priority > last_owner_rule)) return std::nullopt;
  if (!rule.incoming.empty() || rule.destination || rule.action == netlink::Rule::Action::unreachable)
    return std::nullopt;
  return KernelRule{rule.family, rule.priority, rule.mark, rule.mark_mask, rule.source, rule.table};
}

// Link-local addresses that the kernel made itself, and what others put on lo, are not the fabric's.
bool is_ours(const netlink::InterfaceAddress& address, const std::string& device) {
  const model::Prefix link_locals(link_local(1), 10);
  if (link_locals.contains(address.address))
    return address.address == link_local(1) || address.address == link_local(2);
  if (device != "lo") return true;
  return model::Prefix(*model::Address::parse("169.254.1.0"), 24).contains(address.address);
}

base::Status observe_host(Host& host, const HostName& name, const std::set<std::string>& devices, HostNetwork& out) {
  std::map<int, std::string> names;
  for (const auto& [device, index] : host.links) names[index] = device;
  base::Result<std::vector<netlink::InterfaceAddress>> addresses = host.socket.addresses();
  if (!addresses.ok()) return addresses.error();
  for (const netlink::InterfaceAddress& address : *addresses) {
    auto device = names.find(address.link_index);
    if (device == names.end() || !(device->second == "lo" || devices.contains(device->second))) continue;
    if (is_ours(address, device->second))
      out.addresses.push_back({device->second, address.address, address.prefix_length});
  }
  base::Result<std::vector<netlink::Neighbour>> neighbours = host.socket.neighbours();
  if (!neighbours.ok()) return neighbours.error();
  for (const netlink::Neighbour& neighbour : *neighbours) {
    auto device = names.find(neighbour.link_index);
    if (!neighbour.proxy && device != names.end() && devices.contains(device->second))
      out.neighbours.push_back({device->second, neighbour.address, neighbour.mac});
  }
  base::Result<std::vector<netlink::Route>> routes = host.socket.routes();
  if (!routes.ok()) return routes.error();
  for (const netlink::Route& route : *routes) {
    if (route.protocol != route_protocol) continue;
    if (auto known = from_kernel(route, names)) out.routes.push_back(std::move(*known));
  }
  base::Result<std::vector<netlink::Rule>> rules = host.socket.rules();
  if (!rules.ok()) return rules.error();
  for (const netlink::Rule& rule : *rules)
    if (auto known = from_kernel(rule, name == "fabric")) out.rules.push_back(std::move(*known));
  std::sort(out.addresses.begin(), out.addresses.end());
  std::sort(out.neighbours.begin(), out.neighbours.end());
  std::sort(out.routes.begin(), out.routes.end());
  std::sort(out.rules.begin(), out.rules.end());
  return {};
}

}  // namespace

bool is_infrastructure(const HostName& host) {
  return host == "fabric" || host == "internet" || host.starts_with("onprem/");
}

base::Status Host::read_links() {
  base::Result<std::vector<netlink::Link>> all = socket.links();
  if (!all.ok()) return all.error();
  links.clear();
  for (const netlink::Link& link : *all) links[link.name] = link.index;
  return {};
}

netlink::Route to_kernel(const KernelRoute& route, const Host& host) {
  netlink::Route out;
  out.table = route.table;
  out.destination = route.destination;
  switch (route.type) {
    case Type::unicast: out.type = RouteType::unicast; break;
    case Type::local: out.type = RouteType::local; break;
    case Type::blackhole: out.type = RouteType::blackhole; break;
    case Type::throw_: out.type = RouteType::throw_; break;
  }
  auto link = host.links.find(route.device);
  if (link != host.links.end()) out.link_index = link->second;
  out.gateway = route.gateway;
  out.onlink = route.onlink;
  out.preferred_source = route.preferred_source;
  out.link_scope = route.type == Type::unicast && !route.gateway;
  out.protocol = route_protocol;
  return out;
}

netlink::Rule to_kernel(const KernelRule& rule) {
  netlink::Rule out;
  out.family = rule.family;
  out.priority = rule.priority;
  out.mark = rule.mark;
  out.mark_mask = rule.mark_mask;
  out.source = rule.source;
  out.table = rule.table;
  if (rule.table == 0) out.action = netlink::Rule::Action::blackhole;
  return out;
}

base::Result<Observed> observe(Hosts& hosts, const Desired& desired) {
  Observed out;
  std::map<HostName, LinksByName> links;
  for (auto& [name, host] : hosts) {
    base::Result<std::vector<netlink::Link>> all = host.socket.links();
    if (!all.ok()) return all.error();
    host.links.clear();
    for (const netlink::Link& link : *all) {
      host.links[link.name] = link.index;
      links[name].emplace(link.name, link);
    }
  }
  std::map<HostName, std::set<std::string>> devices;
  for (const Cable& cable : desired.cables) {
    if (!stands(links, cable)) continue;
    out.state.cables.push_back(cable);
    devices[cable.a.host].insert(cable.a.device);
    devices[cable.b.host].insert(cable.b.device);
  }
  for (const auto& [name, of_host] : links)
    for (const auto& [device, link] : of_host)
      if (is_infrastructure(name) && link.kind == "veth" && !devices[name].contains(device))
        out.strays.emplace_back(name, device);
  for (auto& [name, host] : hosts) {
    base::Status read = observe_host(host, name, devices[name], out.state.hosts[name]);
    if (!read.ok()) return read.error();
  }
  return out;
}

}  // namespace bailey::fabric::sys
