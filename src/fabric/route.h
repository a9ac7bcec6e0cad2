// Effective routes of a subnet (Azure: virtual network traffic routing).
//
// Candidates are the VNet's own space, the spaces of its connected peers, what gateways bring, the default
// routes (0.0.0.0/0 to the Internet, private and shared ranges to None) and the user's routes. The most specific
// prefix wins; of equal prefixes User comes before VirtualNetworkGateway before Default; a system route of
// the VNet or of a peering wins over a more specific one of a gateway. A user's 0.0.0.0/0 (::/0) also takes away
// the None routes of its family.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <vector>

#include "model/snapshot.h"

namespace bailey::fabric {

struct EffectiveRoute {
  enum class Source : std::uint8_t { user, gateway, system };  // in this order of preference
  model::Prefix prefix;
  Source source = Source::system;
  model::NextHopType next_hop_type = model::NextHopType::none;
  std::optional<model::Address> next_hop_address;  // virtual appliance
  std::string name;                                // of the user's route
  model::ObjectRef object;                         // RouteTable, VirtualNetwork, NetworkPeering, GatewayConnection
  std::string peer;    // vnet_peering: the peer; gateway by transit: the VNet of the gateway
  bool active = true;  // false: another route with the same prefix wins
  friend auto operator<=>(const EffectiveRoute&, const EffectiveRoute&) = default;
};

// "Default", "User", "VirtualNetworkGateway".
std::string_view name(EffectiveRoute::Source source);

// Every candidate, ascending by prefix, the active one of equal prefixes first. Both families. Empty for a subnet
// that does not exist.
std::vector<EffectiveRoute> effective_routes(const model::Snapshot& snapshot, const model::SubnetRef& subnet);

// The active route with the longest prefix that holds the destination; null where there is none.
const EffectiveRoute* longest_match(const std::vector<EffectiveRoute>& routes, const model::Address& destination);

// What the gateways that serve a VNet bring: its own, or else those of peers by transit. Pointers live as long as
// the snapshot.
struct GatewayRoute {
  model::Prefix prefix;
  const model::NetworkGateway* gateway = nullptr;
  const model::GatewayConnection* connection = nullptr;
  std::string peer;  // the VNet of the gateway, where it is a peer's
};
std::vector<GatewayRoute> gateway_routes(const model::Snapshot& snapshot, const std::string& vnet);

// The prefixes behind a connection: its own, or the whole space of its network. Sorted.
std::vector<model::Prefix> connection_routes(const model::Snapshot& snapshot,
                                             const model::GatewayConnection& connection);

}  // namespace bailey::fabric
