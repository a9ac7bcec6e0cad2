// Peerings are few (a VNet has at most some hundred), so each question scans the table; nothing is cached.
#include "model/resolve/peering.h"

#include <algorithm>

namespace bailey::model::resolve {
namespace {

// The peering from -> to with the smallest name; null where there is none.
const NetworkPeering* direction(const Snapshot& snapshot, const std::string& from, const std::string& to) {
  for (const auto& row : snapshot.all<NetworkPeering>())
    if (row->from == from && row->to == to) return row.get();
  return nullptr;
}

bool exists(const Snapshot& snapshot, const std::string& vnet) {
  return snapshot.find<VirtualNetwork>(Kind::VirtualNetwork, vnet) != nullptr;
}

}  // namespace

PeeringState state(const Snapshot& snapshot, const NetworkPeering& peering) {
  bool both = peering.from != peering.to && exists(snapshot, peering.from) && exists(snapshot, peering.to) &&
              direction(snapshot, peering.to, peering.from);
  return both ? PeeringState::connected : PeeringState::initiated;
}

std::vector<Peer> connected_peers(const Snapshot& snapshot, const std::string& vnet) {
  std::vector<Peer> out;
  for (const auto& row : snapshot.all<NetworkPeering>()) {
    if (row->from != vnet || state(snapshot, *row) != PeeringState::connected) continue;
    const NetworkPeering* ours = direction(snapshot, vnet, row->to);
    if (ours != row.get()) continue;  // a second object for the same direction
    const NetworkPeering* theirs = direction(snapshot, row->to, vnet);
    Peer peer;
    peer.vnet = row->to;
    peer.access = ours->allow_virtual_network_access;
    peer.forwarded_traffic_in = ours->allow_forwarded_traffic;
    peer.uses_its_gateway = ours->use_remote_gateways && theirs->allow_gateway_transit;
    peer.lends_gateway = ours->allow_gateway_transit && theirs->use_remote_gateways;
    peer.ours = ours;
    peer.theirs = theirs;
    out.push_back(std::move(peer));
  }
  std::sort(out.begin(), out.end(), [](const Peer& a, const Peer& b) { return a.vnet < b.vnet; });
  return out;
}

}  // namespace bailey::model::resolve
