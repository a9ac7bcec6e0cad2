// The fabric's own routes and rules.
//
//   table                  looked up by packets that              holds
//   subnet V/S             an interface of the subnet sends       effective routes; throw = go on to delivery
//   appliance NIC          a forwarding interface sends           the same, without routes to itself
//   delivery V             come from V                            each address of V and of the peers it may reach
//   forwarded V            come from V, originate elsewhere       the same, less peers that refuse such packets
//   gateway G              come from on-premises through G        effective routes of its subnet, nothing outwards
//   gateway-delivery G     the same                               each address of its VNet and of transit peers
//   via NIC                answer what an appliance forwarded     everything by way of the appliance
//
// A packet looks into one of the first column's tables at priority 100 and one of the delivery tables at 200;
// the rule at 300 drops what is left. Packets without a mark see the main table, in which only the gateway
// addresses stand: that is how the fabric answers ARP for them and for nothing else.
#include <algorithm>

#include "fabric/route.h"
#include "fabric/topology.h"

namespace bailey::fabric {
namespace {

using model::Address;
using model::Family;
using model::NextHopType;
using model::Prefix;
using model::resolve::Peer;
using Type = KernelRoute::Type;

constexpr Family both_families[] = {Family::v4, Family::v6};

KernelRoute plain(std::uint32_t table, const Prefix& destination, Type type) {
  KernelRoute route;
  route.table = table;
  route.destination = destination;
  route.type = type;
  return route;
}

KernelRoute via(std::uint32_t table, const Prefix& destination, const std::string& device, const Address& gateway) {
  KernelRoute route = plain(table, destination, Type::unicast);
  route.device = device;
  route.gateway = gateway;
  route.onlink = true;
  return route;
}

KernelRoute via_router(std::uint32_t table, const Prefix& destination, const std::string& device) {
  return via(table, destination, device, destination.address().is_v4() ? router_v4() : router_v6());
}

bool holds(const std::vector<Prefix>& space, const Prefix& prefix) {
  return std::any_of(space.begin(), space.end(), [&](const Prefix& own) { return own.contains(prefix); });
}

class Tables {
 public:
  Tables(const Topology& topology, HostNetwork& out) : topology_(topology), out_(out) {}

  void run() {
    for (const model::SubnetRef& subnet : topology_.subnets()) add_subnet(subnet);
    for (const std::string& vnet : topology_.vnets()) add_vnet(vnet);
    for (const NicPort& port : topology_.nics())
      if (port.nic.ip_forwarding) add_appliance(port);
    for (const std::string& gateway : topology_.gateway_names()) add_gateway(gateway);
    for (Family family : both_families)
      out_.rules.push_back({.family = family, .priority = 300, .mark = mark_bit, .mark_mask = mark_bit});
    add_own_addresses();
  }

 private:
  // Packets with the mark look into the tables, in this order.
  void look_up(std::uint32_t mark, std::initializer_list<std::string> tables) {
    std::uint32_t priority = 100;
    for (const std::string& table : tables) {
      for (Family family : both_families)
        out_.rules.push_back({.family = family,
                              .priority = priority,
                              .mark = mark,
                              .mark_mask = ~std::uint32_t{0},
                              .table = topology_.table(table)});
      priority += 100;
    }
  }

  void add_subnet(const model::SubnetRef& subnet) {
    std::string name = "subnet " + subnet.text();
    add_effective_routes(topology_.table(name), subnet, nullptr);
    look_up(topology_.mark(name), {name, "delivery " + subnet.vnet});
  }

  void add_vnet(const std::string& vnet) {
    std::vector<std::string> all{vnet};
    std::vector<std::string> forwarded{vnet};
    for (const Peer& peer : topology_.reachable_peers(vnet)) {
      all.push_back(peer.vnet);
      if (peer.theirs->allow_forwarded_traffic) forwarded.push_back(peer.vnet);  // the receiving side decides
    }
    add_delivery(topology_.table("delivery " + vnet), all);
    add_delivery(topology_.table("forwarded " + vnet), forwarded);
    look_up(topology_.mark("return " + vnet), {"delivery " + vnet});
  }

  void add_appliance(const NicPort& port) {
    const std::string& name = port.nic.name;
    add_effective_routes(topology_.table("appliance " + name), port.nic.subnet, &port);
    look_up(topology_.mark("own " + name), {"appliance " + name, "delivery " + port.vnet()});
    look_up(topology_.mark("inner " + name), {"appliance " + name, "delivery " + port.vnet()});
    look_up(topology_.mark("foreign " + name), {"appliance " + name, "forwarded " + port.vnet()});
    for (const Address& address : port.nic.addresses)
      out_.routes.push_back(via(topology_.table("via " + name), Prefix::any(address.family()), port.device, address));
    look_up(topology_.mark("via " + name), {"via " + name});
  }

  void add_gateway(const std::string& name) {
    std::uint32_t table = topology_.table("gateway " + name);
    const auto* gateway = topology_.snapshot().find<model::NetworkGateway>(model::Kind::NetworkGateway, name);
    const std::string& vnet = gateway->subnet.vnet;
    for (const EffectiveRoute& route : effective_routes(topology_.snapshot(), gateway->subnet)) {
      if (!route.active) continue;
      bool outwards =
          route.next_hop_type == NextHopType::internet || route.next_hop_type == NextHopType::virtual_network_gateway;
      out_.routes.push_back(outwards ? plain(table, route.prefix, Type::blackhole) : of(table, route, vnet, nullptr));
    }
    std::vector<std::string> behind = topology_.transit_peers(vnet);
    behind.push_back(vnet);
    add_delivery(topology_.table("gateway-delivery " + name), behind);
    look_up(topology_.mark("gateway " + name), {"gateway " + name, "gateway-delivery " + name});
  }

  void add_effective_routes(std::uint32_t table, const model::SubnetRef& subnet, const NicPort* self) {
    std::vector<EffectiveRoute> routes = effective_routes(topology_.snapshot(), subnet);
    for (const EffectiveRoute& route : routes) {
      if (!route.active) continue;
      out_.routes.push_back(of(table, route, subnet.vnet, self));
      bool by_user = route.source == EffectiveRoute::Source::user;
      if (by_user && route.next_hop_type == NextHopType::virtual_network_gateway)
        add_gateway_choice(table, routes, route, subnet.vnet);
    }
  }

  // An effective route as the kernel has it. `self` is the appliance whose packets these are.
  KernelRoute of(std::uint32_t table, const EffectiveRoute& route, const std::string& vnet, const NicPort* self) {
    KernelRoute nowhere = plain(table, route.prefix, Type::blackhole);
    switch (route.next_hop_type) {
      case NextHopType::none: return nowhere;
      case NextHopType::vnet_peering: return plain(table, route.prefix, Type::throw_);
      case NextHopType::vnet_local:
        // The delivery table also has the peers' addresses, which a user's route of this type must not reach.
        return holds(topology_.vnet(vnet)->address_space, route.prefix) ? plain(table, route.prefix, Type::throw_)
                                                                        : nowhere;
      case NextHopType::internet:
        return topology_.has_internet() ? via_router(table, route.prefix, "internet") : nowhere;
      case NextHopType::virtual_appliance: return to_appliance(nowhere, route, vnet, self);
      case NextHopType::virtual_network_gateway: {
        const GatewayPort* port = route.source == EffectiveRoute::Source::gateway
                                      ? topology_.gateway_port(route.object.name)
                                      : widest_connection(route.prefix, vnet);
        return port ? via_router(table, route.prefix, port->device) : nowhere;
      }
    }
    return nowhere;
  }

  KernelRoute to_appliance(const KernelRoute& nowhere, const EffectiveRoute& route, const std::string& vnet,
                           const NicPort* self) const {
    if (!route.next_hop_address || route.next_hop_address->family() != route.prefix.family()) return nowhere;
    const NicPort* appliance = topology_.appliance(vnet, *route.next_hop_address);
    // To itself would be a loop: the appliance sends it, and gets it again.
    if (!appliance || appliance == self) return nowhere;
    return via(nowhere.table, route.prefix, appliance->device, *route.next_hop_address);
  }

  // The connection whose most specific prefix includes all of `prefix`.
  const GatewayPort* widest_connection(const Prefix& prefix, const std::string& vnet) const {
    const GatewayRoute* best = nullptr;
    std::vector<GatewayRoute> routes = gateway_routes(topology_.snapshot(), vnet);
    for (const GatewayRoute& route : routes)
      if (route.prefix.contains(prefix) && (!best || route.prefix.length() > best->prefix.length())) best = &route;
    return best ? topology_.gateway_port(best->connection->meta.name) : nullptr;
  }

  // What the gateway does with packets that a user's route sends to it: each of its prefixes within that route, as
  // far as no more specific effective route stands in between.
  void add_gateway_choice(std::uint32_t table, const std::vector<EffectiveRoute>& routes, const EffectiveRoute& user,
                          const std::string& vnet) {
    for (const GatewayRoute& candidate : gateway_routes(topology_.snapshot(), vnet)) {
      if (!user.prefix.contains(candidate.prefix) || user.prefix == candidate.prefix) continue;
      const EffectiveRoute* nearest = nullptr;
      for (const EffectiveRoute& route : routes)
        if (route.active && route.prefix.contains(candidate.prefix) &&
            (!nearest || route.prefix.length() > nearest->prefix.length()))
          nearest = &route;
      const GatewayPort* port = topology_.gateway_port(candidate.connection->meta.name);
      if (nearest == &user && port) out_.routes.push_back(via_router(table, candidate.prefix, port->device));
    }
  }

  // Of one destination the first entry stays: interfaces come before the pods behind others.
  void add_delivery(std::uint32_t table, const std::vector<std::string>& vnets) {
    for (const std::string& vnet : vnets) {
      const std::vector<Prefix>& space = topology_.vnet(vnet)->address_space;
      for (const NicPort* port : topology_.nics_of(vnet)) {
        for (const Address& address : port->nic.addresses) {
          if (!holds(space, Prefix::host(address))) continue;
          KernelRoute route = plain(table, Prefix::host(address), Type::unicast);
          route.device = port->device;
          out_.routes.push_back(std::move(route));
        }
      }
    }
    for (const std::string& vnet : vnets)
      for (const NicPort* port : topology_.nics_of(vnet)) add_pods(table, *port);
  }

  void add_pods(std::uint32_t table, const NicPort& port) {
    const std::vector<Prefix>& space = topology_.vnet(port.vnet())->address_space;
    auto add = [&](const Prefix& prefix) {
      std::optional<Address> node = port.address(prefix.family());
      if (node && holds(space, prefix)) out_.routes.push_back(via(table, prefix, port.device, *node));
    };
    for (const Address& address : port.nic.pod_addresses) add(Prefix::host(address));
    for (const model::AddressRange& range : port.nic.pod_ranges)
      for (const Prefix& prefix : range.prefixes()) add(prefix);
  }

  void add_own_addresses() {
    out_.addresses.push_back({"lo", fabric_v4(), 32});
    for (const NicPort& port : topology_.nics()) out_.addresses.push_back({port.device, fabric_v6(), 64});
    for (const GatewayPort& port : topology_.gateways()) out_.addresses.push_back({port.device, fabric_v6(), 64});
    if (topology_.has_internet()) out_.addresses.push_back({"internet", fabric_v6(), 64});
    for (const model::SubnetRef& subnet : topology_.subnets()) {
      for (const Prefix& prefix : topology_.vnet(subnet.vnet)->find(subnet.subnet)->prefixes) {
        if (prefix.family() != Family::v4 || prefix.is_host()) continue;
        KernelRoute gateway = plain(main_table, Prefix::host(prefix.at(1)), Type::local);
        gateway.device = "lo";
        out_.routes.push_back(std::move(gateway));
      }
    }
  }

  const Topology& topology_;
  HostNetwork& out_;
};

}  // namespace

void add_tables(const Topology& topology, Desired& out) { Tables(topology, out.hosts[fabric_host]).run(); }

}  // namespace bailey::fabric
