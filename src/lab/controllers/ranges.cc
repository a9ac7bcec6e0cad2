// The nodes' ranges for pods, after pods were placed: what each node needs, then SubnetAddresses moves ranges.
//
// The node object gets its ranges without the addresses in them that pods are pinned to, so that the node's own
// address management cannot give those to another pod; the assignments keep the ranges whole.
#include <algorithm>

#include "lab/controllers/draft.h"

namespace bailey::lab::controllers {
namespace {

using model::Node;
using model::Pod;

bool is_placed(const Pod& pod) { return !pod.finished() && pod.phase != "Pending" && !pod.spec.node_name.empty(); }

// Who of those that hold an address of their node's ranges go on to do so. What the others had cools.
void note_held(Draft& draft, SubnetAddresses& addresses) {
  std::vector<std::set<Address>> before;
  for (NodeShare& share : addresses.shares()) before.push_back(std::exchange(share.held, {}));
  for (const auto& [ref, use] : draft.in_use.held) {
    const Pod* pod = draft.now().find<Pod>(ref);
    NodeShare* share = addresses.find(use.node);
    if (!pod || !share || !is_placed(*pod) || !draws(*pod) || pod->spec.node_name != use.node) continue;
    for (const Address& address : use.addresses)
      if (share->own.has(address)) share->held.insert(address);
  }
  for (std::size_t i = 0; i < before.size(); ++i)
    for (const Address& address : before[i])
      if (!addresses.shares()[i].held.contains(address)) addresses.cooling.push_back(address);
}

// Pods that take no address of its ranges leave the less room for those that do.
void set_limits(Draft& draft) {
  std::map<std::string, std::uint32_t> others;
  for (const auto& pod : draft.now().all<Pod>())
    if (is_placed(*pod) && !draws(*pod)) ++others[pod->spec.node_name];
  for (auto& [key, addresses] : draft.subnets)
    for (NodeShare& share : addresses.shares()) {
      const Node* node = draft.now().find<Node>(Kind::Node, share.node);
      share.limit = node->max_pods - std::min(others[share.node] + share.covered, node->max_pods);
    }
}

void put_ranges(Draft& draft) {
  for (const auto& row : draft.now().all<Node>()) {
    std::vector<AddressRange> ranges;
    for (Family family : families) {
      SubnetAddresses* addresses = addresses_of(draft, row->subnet, family);
      const NodeShare* share = addresses ? addresses->find(row->meta.name) : nullptr;
      if (!share) continue;
      std::size_t piece = 0;
      for (const AddressRange& range : share->own.free_ranges())
        draft.next.ranges[range_key(row->meta.name, family, piece++)] = range;
      for (const AddressRange& range : addresses->drawn_ranges(*share)) ranges.push_back(range);
    }
    if (ranges == row->pod_ranges) continue;
    auto node = std::make_shared<Node>(*row);
    node->pod_ranges = std::move(ranges);
    draft.put(node);
  }
}

// What all nodes of a subnet would need at once, as a planner who sets addresses aside for maxPods counts it.
struct Demand {
  std::size_t nodes = 0;
  model::Uint128 addresses = 0;
};

Demand demand_of(const Draft& draft, const SubnetRef& subnet) {
  Demand out;
  for (const auto& node : draft.now().all<Node>()) {
    if (node->subnet != subnet || draft.denied_nodes.contains(node->meta.name)) continue;
    const auto* cluster = draft.now().find<model::Cluster>(Kind::Cluster, node->cluster);
    bool vnet_model = cluster && cluster->network_model == model::NetworkModel::vnet;
    ++out.nodes;
    out.addresses += 1 + (vnet_model ? model::Uint128{node->max_pods} : 0);
  }
  return out;
}

void tell_use(Draft& draft, const SubnetRef& subnet, Family family, const SubnetAddresses& addresses) {
  Demand demand = demand_of(draft, subnet);
  if (demand.nodes == 0) return;
  SubnetUse use{subnet,
                family,
                addresses.free.size(),
                0,
                addresses.pinned.size(),
                addresses.free.free() + addresses.resting.size()};
  for (const auto& node : draft.now().all<Node>())
    if (node->subnet == subnet && !draft.denied_nodes.contains(node->meta.name))
      use.nodes += static_cast<unsigned>(std::count_if(node->addresses.begin(), node->addresses.end(),
                                                       [&](const Address& a) { return addresses.free.holds(a); }));
  for (const NodeShare& share : addresses.shares()) {
    use.pods_reserved += share.own.free();
    for (const Address& pin : addresses.pinned)
      if (share.own.has(pin)) --use.pods_reserved;
  }
  model::Uint128 theirs = use.nodes + use.pods_reserved + use.free;
  if (demand.addresses > theirs && !addresses.shares().empty())
    draft.condition({Kind::VirtualNetwork, "", subnet.vnet}, "AddressAssigned", "SubnetTight",
                    {"controllers.subnet-tight",
                     {subnet.text(), std::to_string(demand.nodes), count_text(demand.addresses), count_text(theirs)}},
                    true);
  draft.uses.push_back(use);
}

}  // namespace

void settle_ranges(Draft& draft) {
  for (auto& [key, addresses] : draft.subnets) note_held(draft, addresses);
  set_limits(draft);
  for (auto& [key, addresses] : draft.subnets) addresses.settle();
  put_ranges(draft);
  for (auto& [key, addresses] : draft.subnets) tell_use(draft, key.first, key.second, addresses);
}

}  // namespace bailey::lab::controllers
