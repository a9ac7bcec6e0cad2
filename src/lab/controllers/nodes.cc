// Pools become Nodes, unless Nodes were given for their cluster: then just those exist and are completed.
//
// A node may join its subnet where the cluster's identity has the permission, or needs none
// (model/resolve/permissions.h). What may not be realised is remembered in draft.denied_nodes and stays without
// addresses; the node object remains, not ready, so that people see what they asked for.
#include <algorithm>

#include "base/strings.h"
#include "lab/controllers/draft.h"
#include "model/resolve/permissions.h"

namespace bailey::lab::controllers {
namespace {

using model::Cluster;
using model::Node;
using model::NodePool;

constexpr std::uint32_t nodes_limit = 1000;  // of one cluster; AKS allows 1,000 nodes in a pool

const std::string* label(const Node& node, const char* key) {
  auto at = node.meta.labels.find(key);
  return at == node.meta.labels.end() ? nullptr : &at->second;
}

const NodePool* pool_named(const Cluster& cluster, const std::string& wanted) {
  for (const NodePool& pool : cluster.node_pools)
    if (pool.name == wanted) return &pool;
  return nullptr;
}

std::string pool_label(const Node& node) {
  for (const char* key : {"agentpool", "kubernetes.azure.com/agentpool"})
    if (const std::string* pool = label(node, key)) return *pool;
  return node.pool;
}

// A given node says its cluster by label, or by a pool that only one cluster has.
const Cluster* cluster_of_node(Draft& draft, const Node& node) {
  const auto& clusters = draft.now().all<Cluster>();
  if (!label(node, cluster_label) && clusters.size() > 1) {
    std::string pool = pool_label(node);
    const Cluster* only = nullptr;
    int count = 0;
    for (const auto& cluster : clusters)
      if (!pool.empty() && pool_named(*cluster, pool)) {
        only = cluster.get();
        ++count;
      }
    if (count == 1) return only;
  }
  return draft.now().find<Cluster>(Kind::Cluster, draft.tell_cluster_of(node.meta));
}

void set_missing(model::Labels& labels, const std::string& key, const std::string& value) {
  if (!value.empty()) labels.try_emplace(key, value);
}

void complete_labels(Node& node, const NodePool* pool) {
  model::Labels& labels = node.meta.labels;
  set_missing(labels, "kubernetes.io/hostname", node.meta.name);
  set_missing(labels, "kubernetes.io/os", node.os == model::Os::linux ? "linux" : "windows");
  set_missing(labels, "kubernetes.io/arch", "amd64");
  set_missing(labels, "agentpool", node.pool);
  set_missing(labels, "kubernetes.azure.com/agentpool", node.pool);
  if (pool)
    for (const auto& [key, value] : pool->labels) set_missing(labels, key, value);
}

const model::Subnet* find_subnet(const Snapshot& now, const SubnetRef& ref) {
  const auto* vnet = now.find<model::VirtualNetwork>(Kind::VirtualNetwork, ref.vnet);
  return vnet ? vnet->find(ref.subnet) : nullptr;
}

bool holds(const model::Subnet& subnet, const Address& address) {
  return std::any_of(subnet.prefixes.begin(), subnet.prefixes.end(),
                     [&](const Prefix& prefix) { return prefix.contains(address); });
}

// The interface that overrides the node's implicit one.
std::shared_ptr<const model::NetworkInterface> interface_of(const Snapshot& now, const std::string& node) {
  for (const auto& nic : now.all<model::NetworkInterface>())
    if (nic->node == node) return nic;
  return nullptr;
}

// Where the node's interface is: as an overriding NetworkInterface says, as its pool says, or the only subnet that
// holds the address it was given with.
SubnetRef subnet_of_node(const Snapshot& now, const Node& node, const SubnetRef& usual) {
  if (auto nic = interface_of(now, node.meta.name)) return nic->subnet;
  if (node.addresses.empty()) return usual;
  const model::Subnet* subnet = find_subnet(now, usual);
  if (subnet && holds(*subnet, node.addresses.front())) return usual;
  std::optional<SubnetRef> only;
  for (const auto& vnet : now.all<model::VirtualNetwork>())
    for (const model::Subnet& candidate : vnet->subnets) {
      if (!holds(candidate, node.addresses.front())) continue;
      if (only) return usual;
      only = SubnetRef{vnet->meta.name, candidate.name};
    }
  return only.value_or(usual);
}

void place_in_subnet(const Snapshot& now, const Cluster& cluster, const NodePool* pool, Node& node) {
  node.cluster = cluster.meta.name;
  if (pool && node.pool.empty()) node.pool = pool->name;
  node.subnet = subnet_of_node(now, node, pool && !pool->subnet.empty() ? pool->subnet : cluster.subnet);
  complete_labels(node, pool);
}

void complete_given(Draft& draft, const Cluster& cluster, const std::shared_ptr<const Node>& given) {
  auto node = std::make_shared<Node>(*given);
  node->pool = pool_label(*given);
  const NodePool* pool = pool_named(cluster, node->pool);
  if (!pool && !node->pool.empty()) pool = nullptr;
  if (node->pool.empty() && cluster.node_pools.size() == 1) pool = &cluster.node_pools.front();
  if (const std::string* os = label(*node, "kubernetes.io/os"))
    node->os = *os == "windows" ? model::Os::windows : model::Os::linux;
  // 110 is what a Node has that does not say (the kubelet's default); the pool of a vnet cluster knows better.
  if (node->max_pods == Node{}.max_pods && cluster.network_model == model::NetworkModel::vnet)
    node->max_pods = pool && pool->max_pods ? *pool->max_pods : 30;
  place_in_subnet(draft.now(), cluster, pool, *node);
  if (node->os == model::Os::windows) {
    draft.denied_nodes.insert(node->meta.name);
    draft.condition(node->meta.ref(), "Realised", "WindowsNotRealised",
                    {"controllers.windows-node", {node->meta.name}});
  }
  draft.put(node);
}

void expand_pool(Draft& draft, const Cluster& cluster, const NodePool& pool, std::uint32_t& room) {
  ObjectRef ref = cluster.meta.ref();
  if (pool.os == model::Os::windows) {
    draft.condition(ref, "Realised", "WindowsNotRealised",
                    {"controllers.windows-pool", {pool.name, std::to_string(pool.count)}});
    return;
  }
  std::uint32_t count = std::min(pool.count, room);
  if (count < pool.count)
    draft.condition(ref, "Realised", "TooManyNodes",
                    {"controllers.too-many-nodes",
                     {cluster.meta.name, pool.name, std::to_string(pool.count), std::to_string(nodes_limit)}});
  room -= count;
  for (std::uint32_t i = 0; i < count; ++i) {
    std::string wanted = cluster.meta.name + "-" + pool.name + "-" + std::to_string(i);
    auto node = draft.generate<Node>(Kind::Node, "", draft.free_name(Kind::Node, "", wanted), false);
    node->meta.source = cluster.meta.source;
    node->pool = pool.name;
    node->os = pool.os;
    node->taints = pool.taints;
    node->max_pods = pool.max_pods.value_or(30);
    if (draft.now().all<Cluster>().size() > 1) node->meta.labels[cluster_label] = cluster.meta.name;
    place_in_subnet(draft.now(), cluster, &pool, *node);
    draft.put(node);
  }
  draft.commit();
}

void deny(Draft& draft, const std::vector<std::shared_ptr<const Node>>& nodes) {
  for (const auto& node : nodes) draft.denied_nodes.insert(node->meta.name);
}

// One answer for each subnet that nodes of the cluster want to join.
void check_subnets(Draft& draft, const Cluster& cluster) {
  std::map<SubnetRef, std::vector<std::shared_ptr<const Node>>> by_subnet;
  for (const auto& node : draft.now().all<Node>())
    if (node->cluster == cluster.meta.name && !draft.denied_nodes.contains(node->meta.name))
      by_subnet[node->subnet].push_back(node);
  for (const auto& [subnet, nodes] : by_subnet) {
    const model::Subnet* found = find_subnet(draft.now(), subnet);
    if (!found || found->prefixes.empty()) {
      deny(draft, nodes);
      draft.condition(cluster.meta.ref(), "Joined", "SubnetMissing",
                      {"controllers.subnet-missing", {cluster.meta.name, subnet.text()}});
      continue;
    }
    if (model::resolve::permission_implied(draft.now(), cluster, subnet)) continue;
    std::vector<std::string> missing = model::resolve::missing_actions(draft.now(), cluster, subnet);
    if (missing.empty()) continue;
    deny(draft, nodes);
    draft.condition(cluster.meta.ref(), "Joined", "PermissionMissing",
                    {"controllers.permission-missing",
                     {cluster.meta.name, subnet.text(), model::resolve::principal(cluster), base::join(missing, ", "),
                      "VirtualNetwork/" + subnet.vnet + "/subnets/" + subnet.subnet}});
  }
}

}  // namespace

void make_nodes(Draft& draft) {
  std::set<std::string> with_nodes;
  for (const auto& node : std::vector(draft.now().all<Node>().rows())) {
    const Cluster* cluster = cluster_of_node(draft, *node);
    if (!cluster) {
      draft.denied_nodes.insert(node->meta.name);
      continue;
    }
    with_nodes.insert(cluster->meta.name);
    complete_given(draft, *cluster, node);
  }
  draft.commit();
  for (const auto& cluster : std::vector(draft.now().all<Cluster>().rows())) {
    std::uint32_t room = nodes_limit;
    for (const NodePool& pool : cluster->node_pools)
      if (!with_nodes.contains(cluster->meta.name)) expand_pool(draft, *cluster, pool, room);
    check_subnets(draft, *cluster);
  }
}

}  // namespace bailey::lab::controllers
