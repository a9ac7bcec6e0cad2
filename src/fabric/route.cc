// Candidates are gathered source by source, sorted so that of equal prefixes the winner comes first, and the
// rest are marked inactive. Three rules go beyond "longest prefix, then User, VirtualNetworkGateway, Default":
//   - A gateway's route inside the space of the VNet or of a peer is inactive: system routes for those are
//     preferred even if the gateway's is more specific.
//   - The None route of a reserved range disappears where the space of the VNet or of a peer is or includes the
//     range, and where the user overrides the default route of its family.
//   - Where several connections bring one prefix, the VNet's own gateway comes before a peer's, and ExpressRoute
//     before VPN.
// Invariant: exactly one candidate of each distinct prefix is active, or none where only gateways inside a
// preferred space bring it.
//
// Source: learn.microsoft.com/azure/virtual-network/virtual-networks-udr-overview.
#include "fabric/route.h"

#include <algorithm>
#include <tuple>

#include "model/resolve/peering.h"

namespace bailey::fabric {
namespace {

using model::Family;
using model::Kind;
using model::NextHopType;
using model::Prefix;
using model::resolve::Peer;
using Source = EffectiveRoute::Source;

// RFC 1918, RFC 6598; unique local addresses (RFC 4193) are what IPv6 has in their place.
std::vector<Prefix> reserved_ranges() {
  std::vector<Prefix> out;
  for (const char* text : {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"})
    out.push_back(*Prefix::parse(text));
  return out;
}

struct Candidate {
  EffectiveRoute route;
  // Among routes of one prefix and source: smaller wins.
  std::tuple<int, std::string, int, std::string, std::size_t> order;
};

class Collector {
 public:
  Collector(const model::Snapshot& snapshot, const model::VirtualNetwork& vnet, const model::Subnet& subnet)
      : snapshot_(snapshot), vnet_(vnet), peers_(model::resolve::connected_peers(snapshot, vnet.meta.name)) {
    table_ = snapshot.find<model::RouteTable>(Kind::RouteTable, subnet.route_table);
  }

  std::vector<EffectiveRoute> run() {
    add_spaces();
    add_defaults();
    if (!table_ || !table_->disable_gateway_route_propagation) add_gateways();
    add_user_routes();
    return chosen();
  }

 private:
  void add(EffectiveRoute route, decltype(Candidate::order) order = {}) {
    candidates_.push_back({std::move(route), std::move(order)});
  }

  void add_spaces() {
    for (const Prefix& prefix : vnet_.address_space) {
      preferred_.push_back(prefix);
      add({.prefix = prefix, .next_hop_type = NextHopType::vnet_local, .object = vnet_.meta.ref()});
    }
    for (const Peer& peer : peers_) {
      const auto* remote = snapshot_.find<model::VirtualNetwork>(Kind::VirtualNetwork, peer.vnet);
      if (!peer.access || !remote) continue;
      for (const Prefix& prefix : remote->address_space) {
        preferred_.push_back(prefix);
        add({.prefix = prefix,
             .next_hop_type = NextHopType::vnet_peering,
             .object = peer.ours->meta.ref(),
             .peer = peer.vnet},
            {1, peer.vnet, 0, "", 0});
      }
    }
  }

  bool in_preferred_space(const Prefix& prefix) const {
    return std::any_of(preferred_.begin(), preferred_.end(),
                       [&](const Prefix& space) { return space.contains(prefix); });
  }

  bool user_overrides_default(Family family) const {
    return table_ && std::any_of(table_->routes.begin(), table_->routes.end(),
                                 [&](const model::UserRoute& route) { return route.prefix == Prefix::any(family); });
  }

  void add_defaults() {
    for (Family family : {Family::v4, Family::v6})
      add({.prefix = Prefix::any(family), .next_hop_type = NextHopType::internet, .object = vnet_.meta.ref()},
          {2, "", 0, "", 0});
    for (const Prefix& range : reserved_ranges())
      if (!in_preferred_space(range) && !user_overrides_default(range.family()))
        add({.prefix = range, .next_hop_type = NextHopType::none, .object = vnet_.meta.ref()}, {2, "", 0, "", 0});
  }

  void add_gateways() {
    for (const GatewayRoute& route : gateway_routes(snapshot_, vnet_.meta.name)) {
      const model::GatewayConnection& connection = *route.connection;
      int type = connection.type == model::GatewayType::express_route ? 0 : 1;
      EffectiveRoute out{.prefix = route.prefix,
                         .source = Source::gateway,
                         .next_hop_type = NextHopType::virtual_network_gateway,
                         .object = connection.meta.ref(),
                         .peer = route.peer};
      out.active = !in_preferred_space(route.prefix);
      add(std::move(out), {route.peer.empty() ? 0 : 1, route.peer, type, connection.meta.name, 0});
    }
  }

  void add_user_routes() {
    if (!table_) return;
    for (std::size_t i = 0; i < table_->routes.size(); ++i) {
      const model::UserRoute& route = table_->routes[i];
      add({.prefix = route.prefix,
           .source = Source::user,
           .next_hop_type = route.next_hop_type,
           .next_hop_address = route.next_hop_address,
           .name = route.name,
           .object = table_->meta.ref()},
          {0, "", 0, "", i});
    }
  }

  std::vector<EffectiveRoute> chosen() {
    std::sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) {
      return std::tuple(a.route.prefix, !a.route.active, a.route.source, a.order) <
             std::tuple(b.route.prefix, !b.route.active, b.route.source, b.order);
    });
    std::vector<EffectiveRoute> out;
    for (Candidate& candidate : candidates_) {
      if (!out.empty() && out.back().prefix == candidate.route.prefix) candidate.route.active = false;
      out.push_back(std::move(candidate.route));
    }
    return out;
  }

  const model::Snapshot& snapshot_;
  const model::VirtualNetwork& vnet_;
  std::vector<Peer> peers_;
  const model::RouteTable* table_ = nullptr;
  std::vector<Prefix> preferred_;  // spaces whose system routes win over a gateway's more specific ones
  std::vector<Candidate> candidates_;
};

void add_routes_of(const model::Snapshot& snapshot, const std::string& vnet, const std::string& peer,
                   std::vector<GatewayRoute>& out) {
  for (const auto& gateway : snapshot.all<model::NetworkGateway>()) {
    if (gateway->subnet.vnet != vnet) continue;
    for (const auto& connection : snapshot.all<model::GatewayConnection>()) {
      if (connection->gateway != gateway->meta.name) continue;
      for (const Prefix& prefix : connection_routes(snapshot, *connection))
        out.push_back({prefix, gateway.get(), connection.get(), peer});
    }
  }
}

bool has_gateway(const model::Snapshot& snapshot, const std::string& vnet) {
  for (const auto& gateway : snapshot.all<model::NetworkGateway>())
    if (gateway->subnet.vnet == vnet) return true;
  return false;
}

}  // namespace

std::string_view name(Source source) {
  switch (source) {
    case Source::user: return "User";
    case Source::gateway: return "VirtualNetworkGateway";
    case Source::system: break;
  }
  return "Default";
}

std::vector<Prefix> connection_routes(const model::Snapshot& snapshot, const model::GatewayConnection& connection) {
  const auto* network =
      snapshot.find<model::OnPremisesNetwork>(Kind::OnPremisesNetwork, connection.on_premises_network);
  std::vector<Prefix> out = connection.routes.empty() && network ? network->address_space : connection.routes;
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::vector<GatewayRoute> gateway_routes(const model::Snapshot& snapshot, const std::string& vnet) {
  std::vector<GatewayRoute> out;
  add_routes_of(snapshot, vnet, "", out);
  if (has_gateway(snapshot, vnet)) return out;  // Azure: a VNet with a gateway of its own cannot use a remote one
  for (const Peer& peer : model::resolve::connected_peers(snapshot, vnet))
    if (peer.uses_its_gateway) add_routes_of(snapshot, peer.vnet, peer.vnet, out);
  return out;
}

std::vector<EffectiveRoute> effective_routes(const model::Snapshot& snapshot, const model::SubnetRef& subnet) {
  const auto* vnet = snapshot.find<model::VirtualNetwork>(Kind::VirtualNetwork, subnet.vnet);
  const model::Subnet* found = vnet ? vnet->find(subnet.subnet) : nullptr;
  if (!found) return {};
  return Collector(snapshot, *vnet, *found).run();
}

const EffectiveRoute* longest_match(const std::vector<EffectiveRoute>& routes, const model::Address& destination) {
  const EffectiveRoute* best = nullptr;
  for (const EffectiveRoute& route : routes)
    if (route.active && route.prefix.contains(destination) && (!best || route.prefix.length() > best->prefix.length()))
      best = &route;
  return best;
}

}  // namespace bailey::fabric
