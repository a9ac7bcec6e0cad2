// IP: are there enough addresses, now, during an upgrade and at full size?
//
// In the vnet model a node takes one address for itself and maxPods for its pods when it joins. Each subnet is judged
// once, by the first of these that does not fit: the nodes of today and one more (IP-01), the surge that upgrades ask
// for (IP-06), full size with internal front ends and other interfaces (IP-02), a node of headroom for Windows (IP-14);
// and where all of it fits, more than 80 % is told too (IP-05).
#include <algorithm>
#include <set>

#include "plan/check/facts.h"
#include "plan/check/rule.h"
#include "plan/plan.h"

namespace bailey::plan::check {
namespace {

using namespace model;

bool is_flat(const Cluster& cluster) { return cluster.network_model == NetworkModel::vnet; }

std::uint64_t pods_of_node(const Cluster& cluster, const NodePool& pool) {
  return pool.max_pods.value_or(static_cast<std::uint32_t>(default_pods(model_of(cluster.network_model))));
}

std::string number(std::uint64_t value) { return std::to_string(value); }

// The smallest prefix with that many addresses besides the reserved ones, as text.
std::string smallest(std::uint64_t needed) {
  return "/" + number(static_cast<std::uint64_t>(smallest_prefix(needed).value_or(shortest_subnet)));
}

// A subnet with nodes in it, and how many addresses they take.
struct Demand {
  const VirtualNetwork* network = nullptr;
  const Subnet* subnet = nullptr;
  SubnetRef ref;
  const Cluster* cluster = nullptr;
  std::uint64_t usable = 0;   // IPv4 addresses besides the reserved ones
  std::uint64_t today = 0;    // with one more node in each pool
  std::uint64_t upgrade = 0;  // with the surge of each pool
  std::uint64_t full = 0;     // at maxCount, with surge, front ends and other interfaces
  std::uint64_t windows = 0;  // what one more node of each Windows pool takes
  std::uint64_t nodes = 0;    // nodes at full size, with surge
  std::string field() const {
    return item("spec.subnets", static_cast<std::size_t>(subnet - network->subnets.data())) + ".prefix";
  }
};

void add_pool(Demand& demand, const Cluster& cluster, const NodePool& pool) {
  Model model = model_of(cluster.network_model);
  std::uint64_t pods = pods_of_node(cluster, pool);
  std::uint32_t most = most_nodes(pool);
  demand.today += needed_addresses(model, std::uint64_t{pool.count} + 1, pods);
  demand.upgrade += needed_addresses(model, std::uint64_t{pool.count} + surge_nodes(pool, pool.count), pods);
  demand.nodes += std::uint64_t{most} + surge_nodes(pool, most);
  if (pool.os == Os::windows) demand.windows += needed_addresses(model, 1, pods);
}

// The subnets of clusters of one kind of model. What full size takes is the figure that `bailey plan` prints, without
// the headroom for Windows, which has a rule of its own.
std::vector<Demand> demands(const Facts& facts, bool flat) {
  std::map<SubnetRef, Demand> by_subnet;
  for (const Use& use : facts.uses()) {
    if (!use.subnet || !use.pool || is_flat(*use.cluster) != flat) continue;
    Demand& demand = by_subnet[use.ref];
    demand.network = use.network;
    demand.subnet = use.subnet;
    demand.ref = use.ref;
    demand.cluster = use.cluster;
    add_pool(demand, *use.cluster, *use.pool);
  }
  std::vector<Demand> out;
  for (const SubnetPlan& planned : facts.planned()) {
    auto at = by_subnet.find(planned.subnet);
    if (at == by_subnet.end() || !planned.given || planned.given->family() != Family::v4) continue;
    Demand& demand = at->second;
    demand.usable = usable_addresses(*planned.given);
    demand.full = planned.needed - std::min(planned.needed, demand.windows);
    out.push_back(demand);
  }
  return out;
}

bool fits_now(const Demand& demand) { return demand.today <= demand.usable; }
bool fits_upgrade(const Demand& demand) { return fits_now(demand) && demand.upgrade <= demand.usable; }
bool fits_full(const Demand& demand) { return fits_upgrade(demand) && demand.full <= demand.usable; }

void add_demand(Findings& report, const Demand& demand, std::uint64_t needed) {
  report.add(demand.network->meta, demand.field(),
             {demand.ref.text(), number(needed), number(demand.usable), smallest(std::max(needed, demand.full))});
}

void ip_01(const Facts& facts, Findings& report) {
  for (const Demand& demand : demands(facts, true))
    if (!fits_now(demand)) add_demand(report, demand, demand.today);
}

void ip_02(const Facts& facts, Findings& report) {
  for (const Demand& demand : demands(facts, true))
    if (fits_upgrade(demand) && !fits_full(demand)) add_demand(report, demand, demand.full);
}

void ip_05(const Facts& facts, Findings& report) {
  for (const Demand& demand : demands(facts, true))
    if (fits_full(demand) && demand.full * 100 > demand.usable * 80)
      report.add(demand.network->meta, demand.field(),
                 {demand.ref.text(), number(demand.full * 100 / demand.usable), number(demand.full),
                  number(demand.usable), smallest(demand.full * 100 / 80)});
}

void ip_06(const Facts& facts, Findings& report) {
  for (const Demand& demand : demands(facts, true))
    if (fits_now(demand) && !fits_upgrade(demand)) add_demand(report, demand, demand.upgrade);
}

void ip_14(const Facts& facts, Findings& report) {
  for (const Demand& demand : demands(facts, true))
    if (demand.windows > 0 && fits_full(demand) && demand.full + demand.windows > demand.usable)
      add_demand(report, demand, demand.full + demand.windows);
}

// visit(cluster, field of the pool, pool)
template <typename Visit>
void pools(const Facts& facts, Visit visit) {
  for (const auto& cluster : facts.now().all<Cluster>())
    for (std::size_t i = 0; i < cluster->node_pools.size(); ++i)
      visit(*cluster, item("spec.nodePools", i), cluster->node_pools[i]);
}

void ip_07(const Facts& facts, Findings& report) {
  pools(facts, [&](const Cluster& cluster, const std::string& field, const NodePool& pool) {
    if (!is_flat(cluster) && pods_of_node(cluster, pool) > most_pods(Model::kubenet))
      report.add(cluster.meta, field + ".maxPods", {pool.name, number(*pool.max_pods)});
  });
}

void ip_08(const Facts& facts, Findings& report) {
  pools(facts, [&](const Cluster& cluster, const std::string& field, const NodePool& pool) {
    if (!pool.max_pods) report.add(cluster.meta, field, {pool.name, number(pods_of_node(cluster, pool))});
  });
}

void ip_09(const Facts& facts, Findings& report) {
  pools(facts, [&](const Cluster& cluster, const std::string& field, const NodePool& pool) {
    std::uint64_t each = pods_of_node(cluster, pool);
    std::uint64_t nodes = pool.count;
    if (each < 30 && nodes > 0 && nodes * each < 30)
      report.add(
          cluster.meta, field + ".maxPods",
          {pool.name, number(nodes), number(each), number((30 + nodes - 1) / nodes), number((29 + each) / each)});
  });
}

const NodePool* earlier_pool(const Facts& facts, const Cluster& cluster, const NodePool& pool) {
  const Cluster* before = facts.before().find<Cluster>(cluster.meta.ref());
  if (!before || before->network_model != cluster.network_model) return nullptr;
  for (const NodePool& each : before->node_pools)
    if (each.name == pool.name) return &each;
  return nullptr;
}

void ip_10(const Facts& facts, Findings& report) {
  pools(facts, [&](const Cluster& cluster, const std::string& field, const NodePool& pool) {
    const NodePool* before = earlier_pool(facts, cluster, pool);
    if (!before || pods_of_node(cluster, *before) == pods_of_node(cluster, pool)) return;
    report.add(cluster.meta, field + ".maxPods",
               {pool.name, number(pods_of_node(cluster, *before)), number(pods_of_node(cluster, pool))});
  });
}

// A pod that ends keeps its address for some seconds, so jobs need room for those that come after.
void ip_11(const Facts& facts, Findings& report) {
  const Cluster* flat = nullptr;
  std::uint64_t room = 0;
  std::uint64_t nodes = 0;
  pools(facts, [&](const Cluster& cluster, const std::string&, const NodePool& pool) {
    if (!is_flat(cluster)) return;
    flat = &cluster;
    nodes += most_nodes(pool);
    room += most_nodes(pool) * pods_of_node(cluster, pool);
  });
  if (!flat) return;
  std::uint64_t steady = 0;
  std::uint64_t coming = 0;
  const Pods* largest = nullptr;
  for (const Pods& pods : facts.pods()) {
    bool job = pods.meta->kind == Kind::Job;
    (job ? coming : steady) += pods.meta->kind == Kind::DaemonSet ? nodes : pods.count;
    if (job && (!largest || pods.count > largest->count)) largest = &pods;
  }
  if (largest && steady + 2 * coming > room)
    report.add(*largest->meta, "spec.parallelism", {number(steady), number(coming), number(room)});
}

void ip_12(const Facts& facts, Findings& report) {
  constexpr std::uint64_t most = most_vnet_addresses;
  std::map<const VirtualNetwork*, std::uint64_t> in_use;
  for (const Demand& demand : demands(facts, true)) in_use[demand.network] += demand.full;
  for (const auto& [network, needed] : in_use)
    if (needed > most) report.add(network->meta, "spec.addressSpace", {number(needed), number(most)});
}

// Blocks of 256 IPv4 or 2^64 IPv6 addresses that fit into a pod range.
std::uint64_t blocks_in(const Prefix& range) {
  int block = range.family() == Family::v4 ? pod_block_length : 64;
  int bits = std::min(block - range.length(), 40);
  return bits < 0 ? 1 : std::uint64_t{1} << bits;
}

void ip_15(const Facts& facts, Findings& report) {
  for (const Demand& demand : demands(facts, false))
    if (demand.nodes > demand.usable)
      report.add(demand.network->meta, demand.field(),
                 {demand.ref.text(), number(demand.nodes), number(demand.usable), smallest(demand.nodes)});
  for (const auto& cluster : facts.now().all<Cluster>()) {
    if (is_flat(*cluster)) continue;
    std::uint64_t nodes = 0;
    for (const NodePool& pool : cluster->node_pools) {
      std::uint32_t most = most_nodes(pool);
      nodes += std::uint64_t{most} + surge_nodes(pool, most);
    }
    for (std::size_t i = 0; i < cluster->pod_cidrs.size(); ++i)
      if (nodes > blocks_in(cluster->pod_cidrs[i]))
        report.add(cluster->meta, range_field(*cluster, "podCIDR", i),
                   {cluster->pod_cidrs[i].text(), number(blocks_in(cluster->pod_cidrs[i])), number(nodes)}, 1);
  }
}

void ip_16(const Facts& facts, Findings& report) {
  for (const auto& cluster : facts.now().all<Cluster>()) {
    const Cluster* before = facts.before().find<Cluster>(cluster->meta.ref());
    bool same_model = before && before->network_model == cluster->network_model;
    if (same_model && !before->pod_cidrs.empty() && before->pod_cidrs != cluster->pod_cidrs)
      report.add(cluster->meta, range_field(*cluster, "podCIDR", 0),
                 {text_of(before->pod_cidrs), cluster->pod_cidrs.empty() ? "-" : text_of(cluster->pod_cidrs)});
  }
}

// A node's block is 256 addresses, or the whole range where that is smaller; three of them are not for pods.
void ip_17(const Facts& facts, Findings& report) {
  pools(facts, [&](const Cluster& cluster, const std::string& field, const NodePool& pool) {
    if (is_flat(cluster)) return;
    for (const Prefix& range : cluster.pod_cidrs) {
      if (range.family() != Family::v4) continue;
      Prefix block(range.address(), std::max(range.length(), pod_block_length));
      std::uint64_t size = static_cast<std::uint64_t>(block.size());
      std::uint64_t usable = size > 3 ? size - 3 : 0;
      if (pods_of_node(cluster, pool) > usable)
        report.add(cluster.meta, field + ".maxPods",
                   {pool.name, number(pods_of_node(cluster, pool)), block.text(), number(usable)});
    }
  });
}

constexpr Form too_small = {{"subnet {0} needs {1} addresses and has {2} for use",
                             "서브넷 {0}에 주소 {1}개가 필요한데 쓸 수 있는 것은 {2}개임"},
                            {"Give it a prefix of {3} or larger, or lower count, maxCount or maxPods.",
                             "{3} 이상 크기의 프리픽스를 주거나 count, maxCount, maxPods를 줄이십시오."}};

}  // namespace

const std::vector<Rule>& address_rules() {
  static const std::vector<Rule> rules = {
      {.id = "IP-01",
       .source = pages::azure_cni,
       .statement = {"In the vnet model a subnet holds each node, one more, and maxPods pods on each.",
                     "vnet 모델의 서브넷은 모든 노드와 하나의 추가 노드, 그리고 노드마다 maxPods개의 파드를 담습니다."},
       .why = {"A node takes these addresses when it joins, and cannot join without; (50 + 1) nodes with 30 pods are "
               "1,581.",
               "노드는 참가할 때 이 주소를 모두 받으며, 없으면 참가하지 못합니다. 파드 30개인 노드 (50 + 1)개는 "
               "1,581개입니다."},
       .forms = {too_small},
       .check = ip_01},
      {.id = "IP-02",
       .source = pages::azure_cni,
       .statement = {"The subnet holds the cluster at maxCount too, with internal load balancers and other interfaces.",
                     "서브넷은 maxCount까지 늘어난 클러스터와 내부 부하 분산 장치, 다른 인터페이스도 담습니다."},
       .why = {"Otherwise scaling out fails when it is needed most.",
               "그렇지 않으면 가장 필요할 때 스케일 아웃이 실패합니다."},
       .forms = {too_small},
       .check = ip_02},
      {.id = "IP-03",
       .source = pages::networks,
       .statement = {"Nobody has one of the five addresses that a subnet loses: the first four and the last.",
                     "서브넷에서 예약된 다섯 주소(처음 네 개와 마지막)는 아무도 쓰지 않습니다."},
       .why = {"Azure keeps them for itself: network, gateway, DNS and broadcast.",
               "Azure가 네트워크, 게이트웨이, DNS, 브로드캐스트용으로 예약합니다."},
       .mistakes = {{"reserved-address", Kind::NetworkInterface, "spec.addresses"},
                    {"reserved-address", Kind::Node, "status.addresses"},
                    {"reserved-address", Kind::LoadBalancer, "spec.addresses"}}},
      {.id = "IP-04",
       .source = pages::networks,
       .statement = {"A subnet is between /29 and /8; an IPv6 one is /64.",
                     "서브넷은 /29부터 /8까지이며 IPv6는 /64입니다."},
       .why = {"Azure refuses other sizes.", "Azure가 다른 크기를 거부합니다."},
       .mistakes = {{"subnet-size", Kind::VirtualNetwork, "spec.subnets"}}},
      {.id = "IP-05",
       .severity = Severity::warning,
       .source = pages::planning,
       .statement = {"At full size at most 80 % of a subnet is taken.",
                     "최대 크기에서 서브넷의 80 %까지만 사용합니다."},
       .why = {"The rest is for growth that nobody planned.", "나머지는 계획하지 않은 증가를 위한 여유입니다."},
       .forms = {{{"subnet {0} is {1} % full at most: {2} of {3} addresses",
                   "서브넷 {0}의 최대 사용률이 {1} %임({3}개 중 {2}개)"},
                  {"Give it a prefix of {4} or larger.", "{4} 이상 크기의 프리픽스를 주십시오."}}},
       .check = ip_05},
      {.id = "IP-06",
       .source = pages::planning,
       .statement = {"The subnet holds the surge nodes of an upgrade, with maxPods pods on each.",
                     "서브넷은 업그레이드 때 더해지는 노드와 그 maxPods개의 파드를 담습니다."},
       .why = {"maxSurge nodes join before old ones leave; without addresses the upgrade stops.",
               "기존 노드가 떠나기 전에 maxSurge만큼의 노드가 참가하므로, 주소가 없으면 업그레이드가 멈춥니다."},
       .forms = {{too_small.message,
                  {"Give it a prefix of {3} or larger, or lower maxSurge.",
                   "{3} 이상 크기의 프리픽스를 주거나 maxSurge를 줄이십시오."}}},
       .check = ip_06},
      {.id = "IP-07",
       .source = pages::azure_cni,
       .statement = {"maxPods is 10 to 250, with kubenet 10 to 110.",
                     "maxPods는 10부터 250까지, kubenet에서는 110까지입니다."},
       .why = {"These are the limits of the network models.", "네트워크 모델의 한도입니다."},
       .forms = {{{"pool {0} has maxPods: {1} with kubenet", "kubenet 풀 {0}의 maxPods가 {1}임"},
                  {"Write maxPods: 110 or less.", "maxPods: 110 이하로 쓰십시오."}}},
       .check = ip_07,
       .mistakes = {{"out-of-range", Kind::Cluster, "spec.nodePools.maxPods"}}},
      {.id = "IP-08",
       .severity = Severity::info,
       .source = pages::azure_cni,
       .statement = {"A pool states maxPods; the default is 30, with kubenet 110.",
                     "풀에 maxPods를 씁니다. 기본값은 30이며 kubenet에서는 110입니다."},
       .why = {"It decides how many addresses a node takes, and cannot be changed later.",
               "노드가 받는 주소 수를 정하며 나중에 바꿀 수 없습니다."},
       .forms = {{{"pool {0} has the default maxPods: {1}", "풀 {0}의 maxPods가 기본값 {1}임"},
                  {"Write maxPods: {1} to say that it is meant.", "의도한 값이면 maxPods: {1}(으)로 쓰십시오."}}},
       .check = ip_08},
      {.id = "IP-09",
       .source = pages::azure_cni,
       .statement = {"A pool with maxPods below 30 holds at least 30 pods in all.",
                     "maxPods가 30보다 작은 풀은 모두 합해 30개 이상의 파드를 담습니다."},
       .why = {"The system's own pods need that room; with 10 it takes three nodes.",
               "시스템 파드에 필요한 공간입니다. maxPods가 10이면 노드 세 개가 필요합니다."},
       .forms = {{{"pool {0} holds {1} x {2} pods", "풀 {0}은(는) 파드를 {1} x {2}개 담음"},
                  {"Write maxPods: {3} or more, or count: {4} or more.",
                   "maxPods: {3} 이상이나 count: {4} 이상으로 쓰십시오."}}},
       .check = ip_09},
      {.id = "IP-10",
       .severity = Severity::warning,
       .source = pages::azure_cni,
       .statement = {"maxPods of a running pool stays as it is.", "운영 중인 풀의 maxPods는 바꾸지 않습니다."},
       .why = {"It is fixed when the pool is created.", "풀을 만들 때 정해집니다."},
       .forms = {{{"maxPods of pool {0} changes from {1} to {2}", "풀 {0}의 maxPods가 {1}에서 {2}(으)로 바뀜"},
                  {"Keep maxPods: {1} for it, add a pool with maxPods: {2}, and drain this one.",
                   "maxPods: {1}을(를) 유지하고 maxPods: {2}인 풀을 더한 뒤 이 풀을 비우십시오."}}},
       .check = ip_10,
       .compares = true},
      {.id = "IP-11",
       .severity = Severity::warning,
       .source = pages::azure_cni,
       .statement = {"Where pods come and go, nodes have spare addresses for those that just left.",
                     "파드가 자주 바뀌면 노드에 방금 떠난 파드의 몫만큼 여유 주소가 있습니다."},
       .why = {"An address is free again only some seconds after its pod ended.",
               "주소는 파드가 끝나고 몇 초 뒤에야 다시 쓸 수 있습니다."},
       .forms =
           {{{"{0} pods that stay and {1} of jobs, whose successors come before the addresses are free: more than {2}",
              "상시 파드 {0}개와 작업 파드 {1}개가 있어, 주소가 풀리기 전에 다음 파드가 오면 {2}개를 넘음"},
             {"Lower parallelism, or raise maxPods or maxCount of a new pool.",
              "parallelism을 줄이거나 새 풀의 maxPods나 maxCount를 늘리십시오."}}},
       .check = ip_11},
      {.id = "IP-12",
       .source = pages::azure_cni,
       .statement = {"A virtual network has at most 65,536 addresses in use.",
                     "가상 네트워크에서 사용하는 주소는 65,536개까지입니다."},
       .why = {"This is Azure's limit for private addresses of one network.",
               "한 네트워크의 개인 주소에 대한 Azure의 한도입니다."},
       .forms = {{{"up to {0} addresses in use, and {1} at most", "최대 {0}개의 주소를 사용해 한도 {1}개를 넘음"},
                  {"Spread clusters over several networks, or use a model in which pods take no such addresses.",
                   "클러스터를 여러 네트워크에 나누거나 파드가 이 주소를 쓰지 않는 모델을 쓰십시오."}}},
       .check = ip_12},
      {.id = "IP-13",
       .severity = Severity::info,
       .source = pages::kubenet,
       .statement = {"A /24 holds 251 kubenet nodes with 27,610 pods, or 8 nodes with 240 pods in the vnet model.",
                     "/24에는 kubenet 노드 251개(파드 27,610개) 또는 vnet 모델 노드 8개(파드 240개)가 들어갑니다."},
       .why = {"It shows what the choice of the model costs.", "모델 선택에 따른 비용을 보여 줍니다."},
       .unchecked = {"It is a comparison, which `plan --compare` prints; tests hold its figures.",
                     "`plan --compare`가 출력하는 비교이며, 수치는 테스트로 확인합니다."}},
      {.id = "IP-14",
       .severity = Severity::warning,
       .source = pages::best_practices,
       .statement = {"A subnet with Windows pools has room for one more Windows node.",
                     "Windows 풀이 있는 서브넷에는 Windows 노드 하나의 여유가 더 있습니다."},
       .why = {"Windows nodes get their patches by upgrades, so surge nodes come every month.",
               "Windows 노드는 업그레이드로 패치를 받으므로 매달 추가 노드가 필요합니다."},
       .forms = {too_small},
       .check = ip_14},
      {.id = "IP-15",
       .source = pages::kubenet,
       .statement = {"With kubenet the subnet holds every node and the surge, and the pod range a /24 for each.",
                     "kubenet에서 서브넷은 추가 노드를 포함한 모든 노드를, 파드 범위는 노드마다 /24를 담습니다."},
       .why = {"The blocks have a fixed size; a node without one gets no pods.",
               "블록 크기는 고정이며 블록이 없는 노드에는 파드가 없습니다."},
       .forms = {{{"subnet {0} needs {1} addresses for nodes and has {2} for use",
                   "서브넷 {0}에 노드용 주소 {1}개가 필요한데 쓸 수 있는 것은 {2}개임"},
                  {"Give it a prefix of {3} or larger, or lower maxCount.",
                   "{3} 이상 크기의 프리픽스를 주거나 maxCount를 줄이십시오."}},
                 {{"pod range {0} has {1} blocks for up to {2} nodes",
                   "파드 범위 {0}의 블록은 {1}개인데 노드가 최대 {2}개임"},
                  {"Choose a larger podCIDR, such as a /16 with 256 blocks.",
                   "블록이 256개인 /16처럼 더 큰 podCIDR을 선택하십시오."}}},
       .check = ip_15},
      {.id = "IP-16",
       .source = pages::kubenet,
       .statement = {"The pod range of a running cluster stays as it is.",
                     "운영 중인 클러스터의 파드 범위는 바꾸지 않습니다."},
       .why = {"Every pod and route would change, so it is sized for the most nodes at creation.",
               "모든 파드와 경로가 바뀌므로 만들 때 최대 노드 수에 맞춰 정합니다."},
       .forms = {{{"podCIDR changes from {0} to {1}", "podCIDR이 {0}에서 {1}(으)로 바뀜"},
                  {"Keep {0}, or create a new cluster.", "{0}을(를) 유지하거나 새 클러스터를 만드십시오."}}},
       .check = ip_16,
       .compares = true},
      {.id = "IP-17",
       .source = pages::overlay,
       .statement = {"maxPods fits the node's block of the pod range.", "maxPods는 노드의 파드 블록에 들어갑니다."},
       .why = {"A /24 has 253 addresses for pods, smaller blocks fewer.",
               "/24에는 파드용 주소가 253개 있고 더 작은 블록에는 더 적습니다."},
       .forms = {{{"pool {0} has maxPods: {1}, and its block {2} holds {3}",
                   "풀 {0}의 maxPods가 {1}인데 블록 {2}에는 {3}개만 들어감"},
                  {"Choose a podCIDR of /24 or larger, or lower maxPods to {3}.",
                   "/24 이상 크기의 podCIDR을 선택하거나 maxPods를 {3}(으)로 줄이십시오."}}},
       .check = ip_17},
  };
  return rules;
}

}  // namespace bailey::plan::check
