#include "reach/nsg.h"

#include <algorithm>

#include "model/resolve/peering.h"
#include "reach/world.h"

namespace bailey::reach {
namespace {

using model::Address;
using model::Kind;
using model::Prefix;
using model::SecurityRule;
using Bound = SecurityRule::Direction;

const Address& platform_address() {
  static const Address address = *Address::parse("168.63.129.16");  // probes, DNS and DHCP of the platform
  return address;
}

bool in_any(const std::vector<Prefix>& prefixes, const Address& address) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const Prefix& prefix) { return prefix.contains(address); });
}

void add_gateway_prefixes(const model::Snapshot& snapshot, const std::string& vnet, std::vector<Prefix>& out) {
  for (const auto& connection : snapshot.all<model::GatewayConnection>()) {
    const auto* gateway = snapshot.find<model::NetworkGateway>(Kind::NetworkGateway, connection->gateway);
    if (!gateway || gateway->subnet.vnet != vnet) continue;
    const auto* network =
        snapshot.find<model::OnPremisesNetwork>(Kind::OnPremisesNetwork, connection->on_premises_network);
    const std::vector<Prefix> nothing;
    const std::vector<Prefix>& brought =
        connection->routes.empty() ? (network ? network->address_space : nothing) : connection->routes;
    out.insert(out.end(), brought.begin(), brought.end());
  }
}

class Judge {
 public:
  Judge(const model::Snapshot& snapshot, const model::SubnetRef& subnet, const NsgPacket& packet)
      : packet_(packet), virtual_network_(virtual_network_tag(snapshot, subnet)) {}

  bool matches(const SecurityRule& rule) const {
    if (rule.protocol && *rule.protocol != packet_.port.protocol) return false;
    if (!ports_hold(rule.source_ports, client_port) || !ports_hold(rule.destination_ports, packet_.port.number))
      return false;
    return end_matches(rule.source_prefixes, rule.source_groups, packet_.source, packet_.source_interface) &&
           end_matches(rule.destination_prefixes, rule.destination_groups, packet_.destination,
                       packet_.destination_interface);
  }

  bool holds(const std::string& prefix_or_tag, const Address& address) const {
    if (prefix_or_tag == "*") return true;
    if (prefix_or_tag == "VirtualNetwork") return in_any(virtual_network_, address);
    if (prefix_or_tag == "AzureLoadBalancer") return address == platform_address();
    if (prefix_or_tag == "Internet") return !in_any(virtual_network_, address) && !is_private(address);
    auto prefix = Prefix::parse(prefix_or_tag);
    return prefix && prefix->contains(address);
  }

 private:
  // ICMP has no ports: only rules for all of them speak of it.
  bool ports_hold(const std::vector<SecurityRule::PortRange>& ranges, std::uint16_t port) const {
    if (ranges.empty()) return true;
    bool icmp = packet_.port.protocol == model::Protocol::icmp;
    return std::any_of(ranges.begin(), ranges.end(), [&](const SecurityRule::PortRange& range) {
      return icmp ? range.first == 0 && range.last == 65535 : range.first <= port && port <= range.last;
    });
  }

  bool end_matches(const std::vector<std::string>& prefixes, const std::vector<std::string>& groups,
                   const Address& address, const model::resolve::Interface* owner) const {
    if (prefixes.empty() && groups.empty()) return true;
    for (const std::string& prefix : prefixes)
      if (holds(prefix, address)) return true;
    if (!owner) return false;
    const std::vector<std::string>& member_of = owner->application_security_groups;
    return std::any_of(groups.begin(), groups.end(), [&](const std::string& group) {
      return std::find(member_of.begin(), member_of.end(), group) != member_of.end();
    });
  }

  const NsgPacket& packet_;
  std::vector<Prefix> virtual_network_;
};

NsgVerdict by_default(const model::NetworkSecurityGroup& group, Bound direction, const Judge& judge,
                      const NsgPacket& packet) {
  bool inbound = direction == Bound::inbound;
  auto says = [&](bool allow, const char* rule) { return NsgVerdict{allow, {group.meta.ref(), rule, "", {}}}; };
  if (judge.holds("VirtualNetwork", packet.source) && judge.holds("VirtualNetwork", packet.destination))
    return says(true, inbound ? "AllowVnetInBound" : "AllowVnetOutBound");
  if (inbound && judge.holds("AzureLoadBalancer", packet.source)) return says(true, "AllowAzureLoadBalancerInBound");
  if (!inbound && judge.holds("Internet", packet.destination)) return says(true, "AllowInternetOutBound");
  return says(false, inbound ? "DenyAllInBound" : "DenyAllOutBound");
}

}  // namespace

std::vector<Prefix> virtual_network_tag(const model::Snapshot& snapshot, const model::SubnetRef& subnet) {
  std::vector<Prefix> out{Prefix::host(platform_address())};
  const auto* vnet = snapshot.find<model::VirtualNetwork>(Kind::VirtualNetwork, subnet.vnet);
  if (!vnet) return out;
  out.insert(out.end(), vnet->address_space.begin(), vnet->address_space.end());
  add_gateway_prefixes(snapshot, subnet.vnet, out);
  for (const model::resolve::Peer& peer : model::resolve::connected_peers(snapshot, subnet.vnet)) {
    const auto* remote = snapshot.find<model::VirtualNetwork>(Kind::VirtualNetwork, peer.vnet);
    if (!peer.access || !remote) continue;
    out.insert(out.end(), remote->address_space.begin(), remote->address_space.end());
    if (peer.uses_its_gateway) add_gateway_prefixes(snapshot, peer.vnet, out);
  }
  const model::Subnet* own = vnet->find(subnet.subnet);
  const auto* table = own ? snapshot.find<model::RouteTable>(Kind::RouteTable, own->route_table) : nullptr;
  if (table)
    for (const model::UserRoute& route : table->routes) out.push_back(route.prefix);
  return out;
}

NsgVerdict verdict(const model::Snapshot& snapshot, const model::NetworkSecurityGroup& group, Bound direction,
                   const model::SubnetRef& subnet, const NsgPacket& packet) {
  Judge judge(snapshot, subnet, packet);
  const SecurityRule* first = nullptr;
  for (const SecurityRule& rule : group.rules)
    if (rule.direction == direction && (!first || rule.priority < first->priority) && judge.matches(rule))
      first = &rule;
  if (!first) return by_default(group, direction, judge, packet);
  auto index = static_cast<std::size_t>(first - group.rules.data());
  return {first->allow, decider(group, first->name, "spec.rules[" + std::to_string(index) + "]")};
}

}  // namespace bailey::reach
