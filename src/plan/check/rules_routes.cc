// RT: the user-defined routes that lead to kubenet pods.
#include <algorithm>
#include <set>

#include "plan/check/facts.h"
#include "plan/check/rule.h"

namespace bailey::plan::check {
namespace {

using namespace model;

std::vector<const Cluster*> kubenet_clusters(const Facts& facts) {
  std::vector<const Cluster*> out;
  for (const auto& cluster : facts.now().all<Cluster>())
    if (cluster->network_model == NetworkModel::kubenet) out.push_back(cluster.get());
  return out;
}

// Nodes at their most, with those that an upgrade adds.
void rt_01(const Facts& facts, Findings& report) {
  for (const Cluster* cluster : kubenet_clusters(facts)) {
    std::uint64_t nodes = 0;
    for (const NodePool& pool : cluster->node_pools) {
      std::uint32_t most = most_nodes(pool);
      nodes += most + surge_nodes(pool, most);
    }
    if (nodes > most_routes)
      report.add(cluster->meta, "spec.nodePools", {std::to_string(nodes), std::to_string(most_routes)});
  }
}

// The route table that the user gave the subnet of a cluster's pool, if any.
const RouteTable* table_of(const Facts& facts, const Cluster& cluster, const std::string& pool) {
  for (const Use* use : facts.uses_of(cluster))
    if (use->subnet && (pool.empty() || !use->pool || use->pool->name == pool))
      return facts.route_table(use->subnet->route_table);
  return nullptr;
}

void rt_02(const Facts& facts, Findings& report) {
  std::set<std::string> kubenet_nodes;
  for (const auto& node : facts.now().all<Node>()) {
    const Cluster* cluster = facts.cluster_of(*node);
    if (!cluster || cluster->network_model != NetworkModel::kubenet) continue;
    kubenet_nodes.insert(node->meta.name);
    const RouteTable* table = table_of(facts, *cluster, node->pool);
    if (!table) continue;  // the cluster's own table, which it keeps itself
    for (const Prefix& block : node->pod_cidrs) {
      auto leads = [&](const UserRoute& route) {
        return route.prefix.contains(block) && route.next_hop_address &&
               std::find(node->addresses.begin(), node->addresses.end(), *route.next_hop_address) !=
                   node->addresses.end();
      };
      if (std::none_of(table->routes.begin(), table->routes.end(), leads))
        report.add(node->meta, "spec.podCIDR",
                   {table->meta.name, block.text(), node->addresses.empty() ? "?" : node->addresses[0].text()});
    }
  }
  // Nodes that a cluster makes are named after it and their pool.
  std::vector<std::string> made;
  for (const Cluster* cluster : kubenet_clusters(facts))
    for (const NodePool& pool : cluster->node_pools) made.push_back(cluster->meta.name + "-" + pool.name + "-");
  for (const auto& nic : facts.now().all<NetworkInterface>()) {
    if (nic->node.empty() || nic->ip_forwarding) continue;
    bool known =
        kubenet_nodes.contains(nic->node) ||
        std::any_of(made.begin(), made.end(), [&](const std::string& head) { return nic->node.starts_with(head); });
    if (known) report.add(nic->meta, "spec.ipForwarding", {nic->node}, 1).fix = Fix{"spec.ipForwarding", "true"};
  }
}

void rt_03(const Facts& facts, Findings& report) {
  std::set<std::string> seen;
  for (const Cluster* cluster : kubenet_clusters(facts))
    for (const Use* use : facts.uses_of(*cluster)) {
      const RouteTable* table = use->subnet ? facts.route_table(use->subnet->route_table) : nullptr;
      if (!table || !seen.insert(table->meta.name).second) continue;
      std::vector<std::size_t> rows;
      for (std::size_t i = 0; i < table->routes.size(); ++i)
        for (const Prefix& range : cluster->pod_cidrs)
          if (range.contains(table->routes[i].prefix)) rows.push_back(i);
      std::sort(rows.begin(), rows.end(), [&](std::size_t a, std::size_t b) {
        const Prefix& x = table->routes[a].prefix;
        const Prefix& y = table->routes[b].prefix;
        return std::tuple(x.first(), x.length(), a) < std::tuple(y.first(), y.length(), b);
      });
      for (std::size_t i = 1; i < rows.size(); ++i) {
        const UserRoute& a = table->routes[rows[i - 1]];
        const UserRoute& b = table->routes[rows[i]];
        if (a.prefix.overlaps(b.prefix) && a.next_hop_address != b.next_hop_address)
          report.add(table->meta, item("spec.routes", rows[i]), {b.name, b.prefix.text(), a.name, a.prefix.text()});
      }
    }
}

// Rules elsewhere that ask for the addresses of kubenet pods never match: they see the node.
void rt_04(const Facts& facts, Findings& report) {
  std::vector<const Cluster*> clusters = kubenet_clusters(facts);
  if (clusters.empty()) return;
  std::set<std::string> own;
  for (const Cluster* cluster : clusters)
    for (const Use* use : facts.uses_of(*cluster))
      if (use->subnet) own.insert(use->subnet->network_security_group);
  auto owner = [&](const Prefix& prefix) -> const Cluster* {
    for (const Cluster* cluster : clusters)
      for (const Prefix& range : cluster->pod_cidrs)
        if (range.contains(prefix)) return cluster;
    return nullptr;
  };
  for (const auto& group : facts.now().all<NetworkSecurityGroup>()) {
    if (own.contains(group->meta.name)) continue;
    for (std::size_t i = 0; i < group->rules.size(); ++i)
      for (const std::string& source : group->rules[i].source_prefixes) {
        std::optional<Prefix> prefix = Prefix::parse(source);
        const Cluster* cluster = prefix ? owner(*prefix) : nullptr;
        if (cluster && group->rules[i].direction == SecurityRule::Direction::inbound)
          report.add(group->meta, item("spec.rules", i),
                     {group->rules[i].name, prefix->text(), cluster->meta.ref().text()});
      }
  }
}

}  // namespace

const std::vector<Rule>& route_rules() {
  static const std::vector<Rule> rules = {
      {.id = "RT-01",
       .source = pages::kubenet,
       .statement = {"A kubenet cluster has at most 400 nodes, those of an upgrade included.",
                     "kubenet 클러스터의 노드는 업그레이드 중의 노드를 포함해 400개 이하입니다."},
       .why = {"Each node needs a route, and a route table holds 400.",
               "노드마다 경로가 필요한데 경로 테이블에는 400개만 들어갑니다."},
       .forms = {{{"up to {0} nodes, and {1} routes at most", "노드가 최대 {0}개인데 경로는 최대 {1}개임"},
                  {"Lower maxCount or maxSurge, or write networkModel: vnet.",
                   "maxCount나 maxSurge를 줄이거나 networkModel: vnet으로 쓰십시오."}}},
       .check = rt_01,
       .mistakes = {{"too-many", Kind::RouteTable, "spec.routes"}}},
      {.id = "RT-02",
       .source = pages::kubenet,
       .statement = {"A kubenet subnet has a route to each node's pods, and its nodes forward.",
                     "kubenet 서브넷에는 노드마다 파드로 가는 경로가 있고 노드는 IP를 전달합니다."},
       .why = {"Pods of other nodes are reached by these routes alone.", "다른 노드의 파드에는 이 경로로만 닿습니다."},
       .forms = {{{"RouteTable/{0} has no route for {1} to {2}", "RouteTable/{0}에 {2}(으)로 가는 {1}의 경로가 없음"},
                  {"Add a route {prefix: {1}, nextHopType: VirtualAppliance, nextHopAddress: {2}} to RouteTable/{0}.",
                   "RouteTable/{0}에 경로 {prefix: {1}, nextHopType: VirtualAppliance, nextHopAddress: {2}}을(를) "
                   "더하십시오."}},
                 {{"the interface of the kubenet node {0} does not forward",
                   "kubenet 노드 {0}의 인터페이스가 IP를 전달하지 않음"},
                  {"Write ipForwarding: true", "ipForwarding: true로 쓰십시오."}}},
       .check = rt_02},
      {.id = "RT-03",
       .source = pages::kubenet,
       .statement = {"A route table of one's own never has two routes for one block of pods.",
                     "직접 만든 경로 테이블에 한 파드 블록의 경로를 두 개 두지 않습니다."},
       .why = {"Pods of one node would be sought at another; the cluster keeps these routes itself.",
               "한 노드의 파드를 다른 노드에서 찾게 됩니다. 이 경로는 클러스터가 직접 관리합니다."},
       .forms = {{{"route {0} ({1}) and route {2} ({3}) lead to different nodes",
                   "{0}({1}) 경로와 {2}({3}) 경로가 서로 다른 노드로 감"},
                  {"Remove one of the two.", "둘 중 하나를 지우십시오."}}},
       .check = rt_03},
      {.id = "RT-04",
       .severity = Severity::warning,
       .source = pages::kubenet,
       .statement = {"Rules outside of a kubenet cluster name its nodes, not its pods, as the source.",
                     "kubenet 클러스터 밖의 규칙은 원본으로 파드가 아니라 노드를 씁니다."},
       .why = {"What leaves the cluster has the node's address; a rule for pods' addresses never matches.",
               "클러스터를 나가는 트래픽은 노드의 주소를 가지므로 파드 주소의 규칙은 절대 일치하지 않습니다."},
       .forms = {{{"rule {0} asks for source {1}, which are pods of {2} (kubenet)",
                   "{0} 규칙의 원본 {1}은(는) {2}(kubenet)의 파드임"},
                  {"Write the prefix of the nodes' subnet as the source.",
                   "노드 서브넷의 프리픽스를 원본으로 쓰십시오."}}},
       .check = rt_04},
  };
  return rules;
}

}  // namespace bailey::plan::check
