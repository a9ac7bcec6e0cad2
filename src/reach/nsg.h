// What a network security group says about a packet, rule by rule in the order of their priorities.
//
// Source: learn.microsoft.com, network security groups overview, how network security groups filter traffic,
// service tags, application security groups. A group's default rules stand behind its own:
//   inbound   65000 AllowVnetInBound, 65001 AllowAzureLoadBalancerInBound, 65500 DenyAllInBound
//   outbound  65000 AllowVnetOutBound, 65001 AllowInternetOutBound, 65500 DenyAllOutBound
#pragma once

#include <string>
#include <vector>

#include "model/resolve/interfaces.h"
#include "model/snapshot.h"
#include "reach/decision.h"

namespace bailey::reach {

// The port that a client's side of a connection has: one that systems hand out by themselves. Rules on source ports are
// judged by it.
inline constexpr std::uint16_t client_port = 50000;

// A packet at a security group. The interfaces are those that the addresses belong to, null for addresses outside;
// application security groups are theirs.
struct NsgPacket {
  model::Address source;
  model::Address destination;
  model::Port port;  // of the destination
  const model::resolve::Interface* source_interface = nullptr;
  const model::resolve::Interface* destination_interface = nullptr;
};

struct NsgVerdict {
  bool allow = true;
  Decider by;
};

// `subnet` is where the group is applied; what the tag VirtualNetwork means depends on it.
NsgVerdict verdict(const model::Snapshot& snapshot, const model::NetworkSecurityGroup& group,
                   model::SecurityRule::Direction direction, const model::SubnetRef& subnet, const NsgPacket& packet);

// The prefixes that the tag VirtualNetwork stands for in a subnet: the VNet's own space, those of peers with access,
// what gateways bring, the prefixes of the subnet's route table, and the platform's address 168.63.129.16.
std::vector<model::Prefix> virtual_network_tag(const model::Snapshot& snapshot, const model::SubnetRef& subnet);

}  // namespace bailey::reach
