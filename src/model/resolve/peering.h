// The effective state of peerings (Azure: virtual network peering overview).
//
// A peering is an object for each direction. Traffic passes only where both directions exist; it is never
// transitive. Gateway transit needs allowGatewayTransit on the side that has the gateway and
// useRemoteGateways on the other.
#pragma once

#include <string>
#include <vector>

#include "model/snapshot.h"

namespace bailey::model::resolve {

enum class PeeringState : std::uint8_t {
  initiated,     // this direction exists, the other does not
  connected,     // both exist
  disconnected,  // this direction was connected and the other has been removed (needs history: see below)
};

// Initiated or Connected, from the objects alone.
PeeringState state(const Snapshot& snapshot, const NetworkPeering& peering);

struct Peer {
  std::string vnet;                   // the other side
  bool access = true;                 // allowVirtualNetworkAccess, of our side
  bool forwarded_traffic_in = false;  // our side accepts packets that did not originate in the peer
  bool uses_its_gateway = false;      // we use the peer's gateway, and the peer allows it
  bool lends_gateway = false;         // the peer uses ours, and we allow it
  const NetworkPeering* ours = nullptr;
  const NetworkPeering* theirs = nullptr;
};

// The connected peers of a VNet, ascending by name. Pointers live as long as the snapshot.
std::vector<Peer> connected_peers(const Snapshot& snapshot, const std::string& vnet);

}  // namespace bailey::model::resolve
