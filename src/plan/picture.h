// The address space as bars: what a drawing on a terminal or in a page shows, without any drawing.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "plan/ranges.h"

namespace bailey::plan {

// A range and how its addresses are used. `used` + `planned` + `reserved` + `free` = the size of the prefix, unless
// `missing` addresses do not fit.
struct Bar {
  std::string name;
  model::Prefix prefix;
  std::uint64_t used = 0;     // today
  std::uint64_t planned = 0;  // more of them at full scale, during an upgrade
  std::uint64_t reserved = 0;
  std::uint64_t free = 0;
  std::uint64_t missing = 0;
  bool proposed = false;
};

// One VNet, or the pod range of a cluster (then with a single bar, in addresses of its blocks).
struct Space {
  std::string name;                     // "VirtualNetwork/hub", "Cluster/shop"
  std::vector<model::Prefix> prefixes;  // IPv4
  std::uint64_t size = 0;
  std::uint64_t allotted = 0;  // to its subnets
  std::vector<Bar> bars;       // ascending by prefix
};

// VNets by name, those that are proposed too, then pod ranges. `needs` are the subnets in which something lies.
std::vector<Space> spaces(const model::Snapshot& snapshot, std::span<const ClusterPlan> plans,
                          std::span<const SubnetPlan> needs, std::span<const Proposal> proposals);

}  // namespace bailey::plan
