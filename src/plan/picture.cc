#include "plan/picture.h"

#include <algorithm>
#include <map>

namespace bailey::plan {
namespace {

using model::Family;
using model::Prefix;

std::uint64_t size_of(const Prefix& prefix) { return static_cast<std::uint64_t>(prefix.size()); }

Bar bar_of(std::string name, const Prefix& prefix, const SubnetPlan* need) {
  Bar out;
  out.name = std::move(name);
  out.prefix = prefix;
  std::uint64_t left = size_of(prefix);
  auto take = [&](std::uint64_t wanted) {
    std::uint64_t taken = std::min(wanted, left);
    left -= taken;
    out.missing += wanted - taken;
    return taken;
  };
  out.reserved = take(reserved_addresses);
  if (need) {
    out.used = take(need->needed_now);
    out.planned = take(need->needed - need->needed_now);
  }
  out.free = left;
  return out;
}

const SubnetPlan* need_of(std::span<const SubnetPlan> needs, const model::SubnetRef& ref) {
  auto at = std::find_if(needs.begin(), needs.end(), [&](const SubnetPlan& need) {
    return need.subnet == ref || (need.subnet.empty() && need.name == ref.text());
  });
  return at == needs.end() ? nullptr : &*at;
}

Bar pods_bar(const std::string& name, const Prefix& prefix, const ClusterPlan& plan, bool proposed) {
  Bar out;
  out.name = name;
  out.prefix = prefix;
  std::uint64_t now = 0;
  for (const PoolPlan& pool : plan.pools) now += pool.nodes_now * pod_block_addresses;
  std::uint64_t size = size_of(prefix);
  out.used = std::min(now, size);
  out.planned = std::min(plan.pod_range->needed - now, size - out.used);
  out.free = size - out.used - out.planned;
  out.missing = plan.pod_range->needed - out.used - out.planned;
  out.proposed = proposed;
  return out;
}

}  // namespace

std::vector<Space> spaces(const model::Snapshot& snapshot, std::span<const ClusterPlan> plans,
                          std::span<const SubnetPlan> needs, std::span<const Proposal> proposals) {
  std::map<std::string, Space> vnets;
  for (const auto& vnet : snapshot.all<model::VirtualNetwork>()) {
    Space& space = vnets[vnet->meta.name];
    for (const Prefix& prefix : vnet->address_space)
      if (prefix.family() == Family::v4) space.prefixes.push_back(prefix);
    for (const model::Subnet& subnet : vnet->subnets)
      for (const Prefix& prefix : subnet.prefixes)
        if (prefix.family() == Family::v4)
          space.bars.push_back(bar_of(subnet.name, prefix, need_of(needs, {vnet->meta.name, subnet.name})));
  }
  for (const Proposal& proposal : proposals) {
    if (proposal.what != Proposal::What::subnet) continue;
    Space& space = vnets[proposal.vnet];
    if (proposal.new_address_space) space.prefixes.push_back(*proposal.new_address_space);
    space.bars.push_back(bar_of(proposal.subnet.subnet, proposal.prefix, need_of(needs, proposal.subnet)));
    space.bars.back().proposed = true;
  }
  std::vector<Space> out;
  for (auto& [name, space] : vnets) {
    space.name = "VirtualNetwork/" + name;
    for (const Prefix& prefix : space.prefixes) space.size += size_of(prefix);
    for (const Bar& bar : space.bars) space.allotted += size_of(bar.prefix);
    std::stable_sort(space.bars.begin(), space.bars.end(),
                     [](const Bar& a, const Bar& b) { return a.prefix < b.prefix; });
    if (!space.prefixes.empty()) out.push_back(std::move(space));
  }
  for (const ClusterPlan& plan : plans) {
    if (!plan.pod_range) continue;
    std::optional<Prefix> range = plan.pod_range->given;
    bool proposed = false;
    for (const Proposal& each : proposals)
      if (each.what == Proposal::What::pods && each.cluster == plan.cluster && !range) {
        range = each.prefix;
        proposed = true;
      }
    if (!range) continue;
    Space space{"Cluster/" + plan.cluster, {*range}, size_of(*range), 0, {}};
    space.bars.push_back(pods_bar("podCIDR", *range, plan, proposed));
    space.allotted = space.bars[0].used + space.bars[0].planned;
    out.push_back(std::move(space));
  }
  return out;
}

}  // namespace bailey::plan
