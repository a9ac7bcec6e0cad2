// Which route a packet takes that leaves a network interface: the naive evaluator.
//
// It answers what Azure's "next hop" and "effective routes" answer, straight from the objects, one destination at
// a time. It shares only model/resolve with the fabric's compiler, whose slow twin it is.
// Source: learn.microsoft.com, virtual network traffic routing.
#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "model/endpoint_name.h"
#include "model/resolve/interfaces.h"
#include "model/snapshot.h"

namespace bailey::reach {

struct RouteDecision {
  enum class Source : std::uint8_t { system, user, gateway };
  model::NextHopType next_hop_type = model::NextHopType::none;
  std::optional<model::Address> next_hop_address;  // virtual appliance
  Source source = Source::system;
  model::Prefix prefix;
  model::ObjectRef object;  // what decides: RouteTable, VirtualNetwork, NetworkPeering or GatewayConnection
  std::string rule;         // name of the user's route
  std::string file;
  model::Position position;
};

// "Default", "User", "VirtualNetworkGateway".
std::string_view name(RouteDecision::Source source);

// The interface a packet of this endpoint leaves by: nic/N itself; the first one of node/N, of host/N, or of the
// node of a pod; the one that holds an address. Empty where there is none (hosts of the Internet, for example).
std::optional<model::resolve::Interface> interface_of(const model::Snapshot& snapshot,
                                                      const model::EndpointName& endpoint);

// The route for packets from a subnet to a destination. Empty where the subnet does not exist.
std::optional<RouteDecision> route(const model::Snapshot& snapshot, const model::SubnetRef& from,
                                   const model::Address& destination);

// {next_hop_type, next_hop_address, source, prefix, decided_by[]{object, rule, file, line}}; next_hop_address is
// null where there is none.
base::Json to_json(const RouteDecision& decision);

}  // namespace bailey::reach
