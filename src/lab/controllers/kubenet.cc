#include "lab/controllers/kubenet.h"

#include <algorithm>
#include <map>
#include <set>

namespace bailey::lab::controllers {
namespace {

using model::Cluster;
using model::Node;
using model::RouteTable;

bool is_kubenet(const Cluster& cluster) { return cluster.network_model == model::NetworkModel::kubenet; }

bool realised(const Node& node) { return !node.addresses.empty(); }

std::string key(const Node& node, Family family) { return "Node/" + node.meta.name + "/pods/" + name(family); }

// The blocks of one pod range and who took which.
struct Blocks {
  Prefix range;
  int length = 0;
  std::set<Prefix> taken;
  model::Uint128 next = 0;  // offset of the lowest block that was not looked at yet; none is given back meanwhile

  explicit Blocks(const Prefix& pods) : range(pods) {
    length = std::max(pods.length(), pods.family() == Family::v4 ? 24 : 64);
  }
  bool free(const Prefix& block) const {
    return range.contains(block) &&
           std::none_of(taken.begin(), taken.end(), [&](const Prefix& other) { return other.overlaps(block); });
  }
  std::optional<Prefix> take_lowest() {
    model::Uint128 size = Prefix(range.address(), length).size();
    while (next < range.size()) {
      Prefix block(range.at(next), length);
      next += size;
      if (!free(block)) continue;
      taken.insert(block);
      return block;
    }
    return std::nullopt;
  }
};

bool has_pod_cidr(const Node& node, Family family) {
  return std::any_of(node.pod_cidrs.begin(), node.pod_cidrs.end(),
                     [&](const Prefix& p) { return p.family() == family; });
}

void unrealise(Node& node) {
  node.addresses.clear();
  node.pod_cidrs.clear();
  node.ready = false;
}

void fail(Draft& draft, Node& node, const Prefix& range) {
  unrealise(node);
  draft.condition(node.meta.ref(), "AddressAssigned", "PodRangeFull",
                  {"controllers.pod-range-full", {node.meta.name, range.text()}});
}

// As pools have them, by number: node-10 after node-9.
std::vector<std::shared_ptr<Node>> realised_nodes(const Draft& draft, const Cluster& cluster) {
  std::vector<std::shared_ptr<Node>> nodes;
  for (const auto& node : draft.now().all<Node>())
    if (node->cluster == cluster.meta.name && realised(*node)) nodes.push_back(std::make_shared<Node>(*node));
  std::stable_sort(nodes.begin(), nodes.end(),
                   [](const auto& a, const auto& b) { return a->meta.name.size() < b->meta.name.size(); });
  return nodes;
}

void assign_blocks(Draft& draft, const Prefix& range, std::vector<std::shared_ptr<Node>>& nodes) {
  Blocks blocks(range);
  Family family = range.family();
  for (const auto& node : nodes) blocks.taken.insert(node->pod_cidrs.begin(), node->pod_cidrs.end());
  auto give = [&](Node& node, const Prefix& block) {
    node.pod_cidrs.push_back(block);
    draft.next.ranges[key(node, family)] = {block.first(), block.last()};
  };
  for (auto& node : nodes) {
    auto earlier = draft.earlier.ranges.find(key(*node, family));
    if (has_pod_cidr(*node, family) || earlier == draft.earlier.ranges.end()) continue;
    std::vector<Prefix> block = earlier->second.prefixes();
    if (block.size() != 1 || block[0].length() != blocks.length || !blocks.free(block[0])) continue;
    blocks.taken.insert(block[0]);
    give(*node, block[0]);
  }
  for (auto& node : nodes) {
    if (has_pod_cidr(*node, family) || !realised(*node)) continue;
    if (std::optional<Prefix> block = blocks.take_lowest())
      give(*node, *block);
    else
      fail(draft, *node, range);
  }
}

}  // namespace

void assign_pod_cidrs(Draft& draft) {
  for (const auto& cluster : draft.now().all<Cluster>()) {
    if (!is_kubenet(*cluster)) continue;
    std::vector<std::shared_ptr<Node>> nodes = realised_nodes(draft, *cluster);
    for (const Prefix& range : cluster->pod_cidrs) assign_blocks(draft, range, nodes);
    for (auto& node : nodes) draft.put(node);
  }
}

namespace {

// The table that a subnet's routes go to; a new one is attached to the subnet.
std::string table_of(Draft& draft, const Cluster& cluster, const SubnetRef& ref) {
  const auto* vnet = draft.now().find<model::VirtualNetwork>(Kind::VirtualNetwork, ref.vnet);
  const model::Subnet* subnet = vnet ? vnet->find(ref.subnet) : nullptr;
  if (!subnet) return "";
  if (!subnet->route_table.empty()) return subnet->route_table;
  std::string wanted = cluster.meta.name + "-routes";
  const RouteTable* own = draft.now().find<RouteTable>(Kind::RouteTable, wanted);
  std::string table_name = own && own->meta.generated ? wanted : draft.free_name(Kind::RouteTable, "", wanted);
  if (!own || !own->meta.generated) draft.put(draft.generate<RouteTable>(Kind::RouteTable, "", table_name, true));
  auto changed = std::make_shared<model::VirtualNetwork>(*vnet);
  for (model::Subnet& candidate : changed->subnets)
    if (candidate.name == ref.subnet) candidate.route_table = table_name;
  draft.put(changed);
  draft.commit();
  return table_name;
}

// The routes to a node's blocks that a table lacks.
std::vector<model::UserRoute> missing_routes(const Node& node, const RouteTable& table) {
  std::vector<model::UserRoute> out;
  for (const Prefix& block : node.pod_cidrs) {
    auto next_hop = std::find_if(node.addresses.begin(), node.addresses.end(),
                                 [&](const Address& a) { return a.family() == block.family(); });
    bool there = std::any_of(table.routes.begin(), table.routes.end(),
                             [&](const model::UserRoute& route) { return route.prefix == block; });
    if (next_hop == node.addresses.end() || there) continue;
    std::string route_name = node.meta.name + "-" + name(block.family());
    out.push_back({route_name, block, model::NextHopType::virtual_appliance, *next_hop});
  }
  return out;
}

using Tables = std::map<std::string, std::shared_ptr<RouteTable>>;

// All of a node's routes in all tables, or none: without them other nodes do not find its pods.
bool add_routes(Draft& draft, const Node& node, Tables& tables) {
  for (const auto& [table_name, table] : tables) {
    std::size_t wanted = table->routes.size() + missing_routes(node, *table).size();
    if (wanted <= model::most_routes) continue;
    draft.condition(
        node.meta.ref(), "AddressAssigned", "RouteTableFull",
        {"controllers.route-table-full",
         {node.meta.name, table_name, std::to_string(table->routes.size()), std::to_string(model::most_routes)}});
    return false;
  }
  for (const auto& [table_name, table] : tables)
    for (model::UserRoute& route : missing_routes(node, *table)) table->routes.push_back(std::move(route));
  return true;
}

}  // namespace

void make_pod_routes(Draft& draft) {
  for (const auto& cluster : std::vector(draft.now().all<Cluster>().rows())) {
    if (!is_kubenet(*cluster)) continue;
    std::vector<std::shared_ptr<Node>> nodes = realised_nodes(draft, *cluster);
    std::set<SubnetRef> subnets;
    for (const auto& node : nodes) subnets.insert(node->subnet);
    Tables tables;
    for (const SubnetRef& subnet : subnets) {
      std::string table_name = table_of(draft, *cluster, subnet);
      if (const auto* before = draft.now().find<RouteTable>(Kind::RouteTable, table_name))
        tables[table_name] = std::make_shared<RouteTable>(*before);
    }
    for (const auto& node : nodes) {
      if (add_routes(draft, *node, tables)) continue;
      unrealise(*node);
      draft.put(node);
    }
    for (const auto& [table_name, table] : tables) draft.put(table);
    draft.commit();
  }
}

}  // namespace bailey::lab::controllers
