// MOD: which network model, and what it needs around it.
#include <algorithm>
#include <map>
#include <set>

#include "plan/check/facts.h"
#include "plan/check/rule.h"
#include "plan/check/traffic.h"

namespace bailey::plan::check {
namespace {

using namespace model;

bool is_kubenet(const Cluster& cluster) { return cluster.network_model == NetworkModel::kubenet; }

void mod_01(const Facts& facts, Findings& report) {
  for (const auto& cluster : facts.now().all<Cluster>()) {
    if (!is_kubenet(*cluster)) continue;
    for (const VirtualNetwork* vnet : facts.networks_of(*cluster)) {
      std::vector<std::string> peers = facts.peers(vnet->meta.name);
      std::vector<Connection> far = facts.connections(vnet->meta.name);
      if (peers.empty() && far.empty()) continue;
      std::string other = far.empty() ? "VirtualNetwork/" + peers[0] : far[0].network->meta.ref().text();
      report.add(cluster->meta, "spec.networkModel", {vnet->meta.ref().text(), other});
      break;
    }
  }
}

// Who counts on reaching pods by their own addresses: routes and rules that name them.
void mod_02(const Facts& facts, Findings& report) {
  for (const auto& cluster : facts.now().all<Cluster>()) {
    if (!is_kubenet(*cluster) || cluster->pod_cidrs.empty()) continue;
    auto of_pods = [&](const Prefix& prefix) {
      return std::any_of(cluster->pod_cidrs.begin(), cluster->pod_cidrs.end(),
                         [&](const Prefix& range) { return range.contains(prefix); });
    };
    std::set<std::string> own;
    for (const Use* use : facts.uses_of(*cluster))
      if (use->subnet) own.insert(use->subnet->route_table);
    for (const auto& table : facts.now().all<RouteTable>())
      for (std::size_t i = 0; i < table->routes.size(); ++i)
        if (of_pods(table->routes[i].prefix) && !own.contains(table->meta.name))
          report.add(table->meta, item("spec.routes", i) + ".prefix",
                     {table->routes[i].prefix.text(), cluster->meta.ref().text()});
  }
}

// A subnet that is nearly full or too small, in a network from which nobody outside reaches pods.
void mod_03(const Facts& facts, Findings& report) {
  std::map<SubnetRef, const SubnetPlan*> planned;
  for (const SubnetPlan& each : facts.planned()) planned.emplace(each.subnet, &each);
  for (const auto& cluster : facts.now().all<Cluster>()) {
    if (is_kubenet(*cluster)) continue;
    for (const Use* use : facts.uses_of(*cluster)) {
      auto at = planned.find(use->ref);
      bool tight = at != planned.end() && at->second->utilisation.value_or(0) > 0.8;
      if (!tight || !facts.peers(use->ref.vnet).empty() || !facts.connections(use->ref.vnet).empty()) continue;
      std::uint64_t nodes = 0;
      for (const NodePool& pool : cluster->node_pools) nodes += most_nodes(pool) + surge_nodes(pool, most_nodes(pool));
      report.add(cluster->meta, use->field,
                 {use->ref.text(), std::to_string(at->second->needed), std::to_string(nodes)});
      break;
    }
  }
}

void mod_04(const Facts& facts, Findings& report) {
  for (const auto& cluster : facts.now().all<Cluster>())
    if (is_kubenet(*cluster)) report.add(cluster->meta, "spec.networkModel");
}

// Clusters in one subnet: two of them are two findings, each at the later one by name.
void shared_subnets(const Facts& facts, Findings& report, bool with_kubenet) {
  std::map<SubnetRef, std::vector<const Use*>> by_subnet;
  for (const Use& use : facts.uses()) by_subnet[use.ref].push_back(&use);
  for (const auto& [ref, uses] : by_subnet) {
    const Cluster* first = uses.front()->cluster;
    const Cluster* last = first;
    for (const Use* use : uses) {
      if (use->cluster == first || use->cluster == last) continue;
      last = use->cluster;
      if ((is_kubenet(*first) || is_kubenet(*last)) == with_kubenet)
        report.add(last->meta, use->field, {ref.text(), first->meta.ref().text()});
    }
  }
}

void mod_05(const Facts& facts, Findings& report) { shared_subnets(facts, report, true); }

void mod_06(const Facts& facts, Findings& report) {
  for (const auto& cluster : facts.now().all<Cluster>()) {
    if (!is_kubenet(*cluster)) continue;
    for (std::size_t i = 0; i < cluster->node_pools.size(); ++i)
      if (cluster->node_pools[i].os == Os::windows)
        report.add(cluster->meta, item("spec.nodePools", i) + ".os", {cluster->node_pools[i].name});
    if (cluster->network_policy == "azure") report.add(cluster->meta, "spec.networkPolicy", {}, 1);
  }
}

void mod_07(const Facts& facts, Findings& report) {
  std::set<const Subnet*> seen;
  for (const Use& use : facts.uses())
    if (use.subnet && !use.subnet->delegation.empty() && seen.insert(use.subnet).second)
      report.add(use.cluster->meta, use.field, {use.ref.text(), use.subnet->delegation});
}

void mod_08(const Facts& facts, Findings& report) {
  for (const auto& cluster : facts.now().all<Cluster>())
    for (const VirtualNetwork* vnet : facts.networks_of(*cluster))
      if (!cluster->resource_group.empty() && vnet->resource_group == cluster->resource_group)
        report.add(cluster->meta, "spec.resourceGroup", {vnet->meta.ref().text(), cluster->resource_group});
}

// The default route of a node subnet leads nowhere, or its security group stops HTTPS to the Internet.
void mod_09(const Facts& facts, Findings& report) {
  std::set<const Subnet*> seen;
  for (const Use& use : facts.uses()) {
    if (!use.subnet || !seen.insert(use.subnet).second) continue;
    if (const RouteTable* table = facts.route_table(use.subnet->route_table))
      for (std::size_t i = 0; i < table->routes.size(); ++i)
        if (table->routes[i].prefix.length() == 0 && table->routes[i].next_hop_type == NextHopType::none)
          report.add(table->meta, item("spec.routes", i) + ".nextHopType",
                     {table->routes[i].prefix.text(), use.ref.text()});
    const NetworkSecurityGroup* group = facts.security_group(use.subnet->network_security_group);
    if (!group) continue;
    Traffic out;
    out.direction = SecurityRule::Direction::outbound;
    out.port = 443;
    out.here = use.subnet;
    Decision decision = decide(*group, out);
    if (!decision.allow && decision.rule)
      report.add(group->meta, item("spec.rules", decision.index), {decision.rule->name, use.ref.text()}, 1);
  }
}

// A gateway in front sends to pods by their addresses; with kubenet its subnet needs the routes to them.
void mod_10(const Facts& facts, Findings& report) {
  for (const auto& cluster : facts.now().all<Cluster>()) {
    if (!is_kubenet(*cluster)) continue;
    std::set<std::string> tables;
    std::set<SubnetRef> subnets;
    for (const Use* use : facts.uses_of(*cluster)) {
      subnets.insert(use->ref);
      if (use->subnet) tables.insert(use->subnet->route_table);
    }
    for (const auto& gateway : facts.now().all<ApplicationGateway>()) {
      if (!gateway->in_front || subnets.contains(gateway->subnet)) continue;
      const VirtualNetwork* vnet = facts.network(gateway->subnet.vnet);
      const Subnet* subnet = vnet ? vnet->find(gateway->subnet.subnet) : nullptr;
      if (!subnet || (!subnet->route_table.empty() && tables.contains(subnet->route_table))) continue;
      report.add(gateway->meta, "spec.subnet", {gateway->subnet.text(), cluster->meta.ref().text()});
    }
  }
}

}  // namespace

void clusters_share_subnet(const Facts& facts, Findings& report) { shared_subnets(facts, report, false); }

const std::vector<Rule>& model_rules() {
  static const std::vector<Rule> rules = {
      {.id = "MOD-01",
       .severity = Severity::warning,
       .source = pages::best_practices,
       .statement = {"A cluster in a network that is connected to others has the vnet model, not kubenet.",
                     "다른 네트워크와 연결된 네트워크의 클러스터에는 kubenet이 아니라 vnet 모델을 사용합니다."},
       .why =
           {"With kubenet pods hide behind their nodes, and every link to a peer or an office needs routes for them.",
            "kubenet에서는 파드가 노드 뒤에 숨으므로 피어나 사무실과 연결할 때마다 파드의 경로가 따로 필요합니다."},
       .forms = {{{"kubenet in {0}, which is connected to {1}", "{1}에 연결된 {0}에서 kubenet을 사용함"},
                  {"Write networkModel: vnet, and plan the subnet with `bailey plan`.",
                   "networkModel: vnet으로 쓰고 `bailey plan`으로 서브넷을 계획하십시오."}}},
       .check = mod_01},
      {.id = "MOD-02",
       .severity = Severity::warning,
       .source = pages::kubenet,
       .statement = {"Pods that others must reach directly have addresses of the virtual network.",
                     "다른 곳에서 직접 연결해야 하는 파드는 가상 네트워크의 주소를 가집니다."},
       .why = {"Addresses of kubenet pods exist only where the cluster's own routes are.",
               "kubenet 파드의 주소는 클러스터 자체의 경로가 있는 곳에서만 통합니다."},
       .forms = {{{"a route to {0}, which are pods of {1} (kubenet)", "{1}(kubenet)의 파드인 {0}(으)로 가는 경로"},
                  {"Use networkModel: vnet there, or reach the pods by a Service and drop the route.",
                   "그 클러스터에 networkModel: vnet을 쓰거나, 경로를 지우고 Service로 파드에 연결하십시오."}}},
       .check = mod_02},
      {.id = "MOD-03",
       .severity = Severity::info,
       .source = pages::kubenet,
       .statement = {"Where addresses are few and most traffic stays in the cluster, kubenet or an overlay is fine.",
                     "주소가 부족하고 트래픽이 대부분 클러스터 안에 머무르면 kubenet이나 오버레이로 충분합니다."},
       .why = {"Pods then take no addresses of the virtual network.",
               "그러면 파드가 가상 네트워크의 주소를 쓰지 않습니다."},
       .forms = {{{"subnet {0} is tight: {1} addresses in the vnet model, {2} for the nodes alone",
                   "서브넷 {0}이(가) 빠듯함: vnet 모델은 주소 {1}개, 노드만이면 {2}개"},
                  {"If nobody outside must reach pods, weigh kubenet or an overlay (`plan --compare`).",
                   "밖에서 파드에 직접 연결할 일이 없으면 kubenet이나 오버레이를 검토하십시오(`plan --compare`)."}}},
       .check = mod_03},
      {.id = "MOD-04",
       .severity = Severity::warning,
       .profiles = Profiles::current,
       .source = pages::legacy,
       .statement = {"New clusters do not begin with kubenet, which is retired on 31 March 2028.",
                     "2028년 3월 31일에 지원이 끝나는 kubenet으로 새 클러스터를 시작하지 않습니다."},
       .why = {"A cluster cannot change its model in place, so the move costs more the later it comes.",
               "모델은 운영 중에 바꿀 수 없으므로 늦게 옮길수록 비용이 커집니다."},
       .forms = {{{"kubenet, which is retired on 31 March 2028", "2028년 3월 31일에 지원이 끝나는 kubenet"},
                  {"Plan the move: networkModel: vnet, or an overlay where addresses are few.",
                   "이전을 계획하십시오: networkModel: vnet, 주소가 부족하면 오버레이."}}},
       .check = mod_04},
      {.id = "MOD-05",
       .source = pages::kubenet,
       .statement = {"A kubenet cluster has its subnet to itself.", "kubenet 클러스터는 서브넷을 혼자 사용합니다."},
       .why = {"Its routes belong to the subnet: the routes of two clusters would meet in one table.",
               "경로가 서브넷에 속하므로 두 클러스터의 경로가 한 테이블에서 충돌합니다."},
       .forms = {{{"subnet {0}, in which {1} is too", "{1}도 사용하는 서브넷 {0}"},
                  {"Give this cluster a subnet of its own, and name it here.",
                   "이 클러스터를 위한 서브넷을 따로 만들어 여기에 쓰십시오."}}},
       .check = mod_05},
      {.id = "MOD-06",
       .source = pages::kubenet,
       .statement = {"kubenet has neither Windows pools nor the azure policy engine.",
                     "kubenet에서는 Windows 풀과 azure 정책 엔진을 사용하지 않습니다."},
       .why = {"Both need pods with addresses of the virtual network.",
               "둘 다 가상 네트워크의 주소를 가진 파드가 필요합니다."},
       .forms = {{{"the Windows pool {0} in a kubenet cluster", "kubenet 클러스터의 Windows 풀 {0}"},
                  {"Write networkModel: vnet, or os: linux for this pool.",
                   "networkModel: vnet으로 쓰거나 이 풀을 os: linux로 쓰십시오."}},
                 {{"the azure policy engine in a kubenet cluster", "kubenet 클러스터의 azure 정책 엔진"},
                  {"Write networkPolicy: calico (or bailey), or networkModel: vnet.",
                   "networkPolicy: calico(또는 bailey)나 networkModel: vnet으로 쓰십시오."}}},
       .check = mod_06},
      {.id = "MOD-07",
       .source = pages::azure_cni,
       .statement = {"The subnet of nodes is not delegated to a service.",
                     "노드의 서브넷은 서비스에 위임하지 않습니다."},
       .why = {"A delegated subnet takes only the resources of that service.",
               "위임된 서브넷에는 그 서비스의 리소스만 둘 수 있습니다."},
       .forms = {{{"subnet {0}, which is delegated to {1}", "{1}에 위임된 서브넷 {0}"},
                  {"Name another subnet, or remove its delegation.", "다른 서브넷을 쓰거나 위임을 지우십시오."}}},
       .check = mod_07},
      {.id = "MOD-08",
       .severity = Severity::warning,
       .source = pages::best_practices,
       .statement = {"The virtual network and the cluster lie in separate resource groups.",
                     "가상 네트워크와 클러스터를 서로 다른 리소스 그룹에 둡니다."},
       .why = {"Who runs the cluster then need not own the network, and deleting the one leaves the other.",
               "클러스터 팀이 네트워크를 소유하지 않아도 되고, 하나를 지워도 다른 하나가 남습니다."},
       .forms = {{{"resource group {1}, which {0} has too", "{0}와(과) 같은 리소스 그룹 {1}"},
                  {"Put the cluster into a group of its own, and assign its identity a role on the subnet.",
                   "클러스터를 별도의 그룹에 두고 클러스터 ID에 서브넷의 역할을 할당하십시오."}}},
       .check = mod_08},
      {.id = "MOD-09",
       .source = pages::azure_cni,
       .statement = {"Nodes can reach the Internet, or leave by a path that is stated.",
                     "노드는 인터넷에 나갈 수 있거나, 정해진 경로로 나갑니다."},
       .why = {"Nodes fetch images and speak to the API server and the clock; without egress they never become ready.",
               "노드는 이미지를 받고 API 서버와 시간 서버에 연결하므로, 나가는 길이 없으면 준비되지 않습니다."},
       .forms = {{{"{0} leads nowhere (None) for the nodes in {1}", "{1}의 노드에서 {0}의 다음 홉이 없음(None)"},
                  {"Write nextHopType: VirtualAppliance with the address of a firewall, or remove the route.",
                   "방화벽 주소와 함께 nextHopType: VirtualAppliance로 쓰거나 경로를 지우십시오."}},
                 {{"rule {0} stops the nodes in {1} from reaching 443/tcp on the Internet",
                   "{0} 규칙이 {1}의 노드가 인터넷의 443/tcp에 연결하는 것을 막음"},
                  {"Allow what nodes need (443/tcp to Internet) at a lower priority number than this rule.",
                   "노드에 필요한 것(Internet의 443/tcp)을 이 규칙보다 작은 우선 순위 번호로 허용하십시오."}}},
       .check = mod_09},
      {.id = "MOD-10",
       .severity = Severity::warning,
       .source = pages::overlay,
       .statement = {"A gateway in front of the cluster sends only to addresses that it can reach.",
                     "클러스터 앞의 게이트웨이는 닿을 수 있는 주소로만 보냅니다."},
       .why = {"Pods outside of the virtual network's addresses are known only to subnets with the routes to them.",
               "가상 네트워크 밖의 파드 주소는 그 경로가 있는 서브넷에서만 알 수 있습니다."},
       .forms = {{{"the gateway's subnet {0} has no routes to the pods of {1} (kubenet)",
                   "게이트웨이의 서브넷 {0}에 {1}(kubenet) 파드로 가는 경로가 없음"},
                  {"Give that subnet the routeTable of the nodes' subnet, or send to a Service of type LoadBalancer.",
                   "그 서브넷에 노드 서브넷의 routeTable을 쓰거나 LoadBalancer 형식의 Service로 보내십시오."}}},
       .check = mod_10},
  };
  return rules;
}

}  // namespace bailey::plan::check
