// Address ranges that are taken, and free ones for what a plan lacks.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "plan/plan.h"

namespace bailey::plan {

// A range that nothing new may overlap, and whose it is: "VirtualNetwork/hub", "OnPremisesNetwork/office",
// "Cluster/shop"; "" for ranges that AKS or Azure keep (AKS, configure Azure CNI; virtual networks FAQ).
struct Taken {
  model::Prefix prefix;
  std::string owner;
};
// IPv4 only: address spaces, on-premises networks and what is learned from them, pod, service and docker bridge ranges,
// then the kept ones. Ascending by prefix.
std::vector<Taken> taken_ranges(const model::Snapshot& snapshot);

// The lowest prefix of this length in `area` that overlaps nothing of `taken`.
std::optional<model::Prefix> lowest_free(const model::Prefix& area, int length, std::span<const Taken> taken);

// A range that is proposed for something that has none, or one that is too small.
struct Proposal {
  enum class What : std::uint8_t { subnet, pods, services };
  What what = What::subnet;
  std::string cluster;
  model::SubnetRef subnet;  // What::subnet: the subnet it is for
  model::Prefix prefix;
  std::string vnet;                                // What::subnet: the VNet that it goes into
  std::optional<model::Prefix> new_address_space;  // that the VNet must be given for it
};
std::string_view name(Proposal::What what);  // "subnet", "pods", "services"

// One for each need of the plans that nothing given meets: within the VNet's address space where there is room, else
// from the private ranges, 10.0.0.0/8 first, then 172.16.0.0/12, then 192.168.0.0/16. No two overlap. A need for which
// no room is left at all has none.
std::vector<Proposal> propose(const model::Snapshot& snapshot, std::span<const ClusterPlan> plans);

// The snapshot as it would be with the proposals: subnets in their VNets, pod and service ranges in their clusters, and
// a VNet for each cluster that brings none.
model::Snapshot with_proposals(const model::Snapshot& snapshot, std::span<const Proposal> proposals);

}  // namespace bailey::plan
