// LB: what layer 4 is for, and its limits.
#include <algorithm>
#include <set>

#include "plan/check/facts.h"
#include "plan/check/rule.h"
#include "plan/check/traffic.h"

namespace bailey::plan::check {
namespace {

using namespace model;

bool is_balanced(const Service& service) { return service.type == ServiceType::load_balancer; }

void lb_01(const Facts& facts, Findings& report) {
  for (const auto& service : facts.now().all<Service>())
    if (is_balanced(*service) && is_web(*service) && !facts.fronts_controller(*service))
      report.add(service->meta, "spec.type", {service->meta.ns + "/" + service->meta.name});
}

// Nodes with an address that the Internet reaches: the first of them, as text.
std::optional<std::string> public_node(const Facts& facts) {
  for (const auto& node : facts.now().all<Node>())
    if (!node->external_addresses.empty()) return "Node/" + node->meta.name;
  for (const auto& nic : facts.now().all<NetworkInterface>())
    if (!nic->node.empty() && nic->public_address) return "Node/" + nic->node;
  return std::nullopt;
}

void lb_02(const Facts& facts, Findings& report) {
  std::optional<std::string> node = public_node(facts);
  if (!node) return;
  for (const auto& service : facts.now().all<Service>())
    if (service->type == ServiceType::node_port) report.add(service->meta, "spec.type", {*node});
}

void lb_03(const Facts& facts, Findings& report) {
  for (const auto& service : facts.now().all<Service>())
    if (is_balanced(*service) && service->load_balancer_source_ranges.empty() && !is_internal(facts, *service) &&
        !facts.fronts_controller(*service))
      report.add(service->meta, "spec.type");
}

// Which cluster a service belongs to: its label, or its namespace's; "" where neither says.
std::string cluster_name(const Facts& facts, const Service& service) {
  auto own = service.meta.labels.find("bailey.dev/cluster");
  if (own != service.meta.labels.end()) return own->second;
  const Namespace* ns = facts.now().find<Namespace>(Kind::Namespace, service.meta.ns);
  if (!ns) return "";
  auto at = ns->meta.labels.find("bailey.dev/cluster");
  return at == ns->meta.labels.end() ? "" : at->second;
}

void lb_04(const Facts& facts, Findings& report) {
  constexpr std::size_t most = 300;
  std::map<std::string, std::size_t> rules;
  std::set<std::string> told;
  for (const auto& service : facts.now().all<Service>()) {
    if (!is_balanced(*service)) continue;
    std::string cluster = cluster_name(facts, *service);
    std::size_t& count = rules[cluster];
    count += service->ports.size();
    if (count > most && told.insert(cluster).second)
      report.add(service->meta, "spec.ports", {std::to_string(count), std::to_string(most)});
  }
}

// By default each node of a small pool gets 1,024 ports of the 64,000 that an outbound address has.
void lb_05(const Facts& facts, Findings& report) {
  constexpr std::uint64_t ports_of_node = 1024;
  constexpr std::uint64_t ports_of_address = 64000;
  for (const auto& cluster : facts.now().all<Cluster>()) {
    std::uint64_t nodes = 0;
    for (const NodePool& pool : cluster->node_pools) {
      std::uint32_t most = most_nodes(pool);
      nodes += most + surge_nodes(pool, most);
    }
    bool own_path = false;
    for (const Use* use : facts.uses_of(*cluster))
      if (const RouteTable* table = use->subnet ? facts.route_table(use->subnet->route_table) : nullptr)
        for (const UserRoute& route : table->routes)
          own_path = own_path || (route.prefix.length() == 0 && route.next_hop_type != NextHopType::internet);
    if (nodes * ports_of_node > ports_of_address && !own_path)
      report.add(cluster->meta, "spec.nodePools",
                 {std::to_string(nodes), std::to_string(ports_of_address / nodes), std::to_string(ports_of_node)});
  }
}

// Traffic arrives at nodes with the client's address and, by probe, with that of the balancer itself.
void lb_06(const Facts& facts, Findings& report) {
  const Service* open = nullptr;
  for (const auto& service : facts.now().all<Service>())
    if (is_balanced(*service) && !is_internal(facts, *service) && !service->ports.empty() && !open)
      open = service.get();
  std::set<const Subnet*> seen;
  for (const Use& use : facts.uses()) {
    if (!use.subnet || !open || !seen.insert(use.subnet).second) continue;
    const NetworkSecurityGroup* group = facts.security_group(use.subnet->network_security_group);
    if (!group) continue;
    Traffic traffic;
    traffic.far = Traffic::Far::balancer;
    traffic.here = use.subnet;
    Decision probe = decide(*group, traffic);
    if (!probe.allow && probe.rule)
      report.add(group->meta, item("spec.rules", probe.index), {probe.rule->name, use.ref.text()});
    traffic.far = Traffic::Far::internet;
    bool admits = false;
    for (const ServicePort& port : open->ports)
      for (std::uint16_t number : {port.port, port.node_port, port.target.number}) {
        traffic.port = number;
        traffic.protocol = port.protocol;
        admits = admits || (number != 0 && decide(*group, traffic).allow);
      }
    if (!admits)
      report.add(group->meta, "spec.rules",
                 {use.ref.text(), open->meta.ref().text(), std::to_string(open->ports[0].port)}, 1);
  }
}

}  // namespace

const std::vector<Rule>& balancing_rules() {
  static const std::vector<Rule> rules = {
      {.id = "LB-01",
       .severity = Severity::warning,
       .source = pages::best_practices,
       .statement = {"An HTTP application is published by an Ingress, not by a load balancer of its own.",
                     "HTTP 애플리케이션은 전용 부하 분산 장치가 아니라 수신(Ingress)으로 게시합니다."},
       .why = {"A load balancer sees ports, not URLs, and takes an address for each application.",
               "부하 분산 장치는 URL이 아니라 포트만 보며 애플리케이션마다 주소가 하나씩 필요합니다."},
       .forms = {{{"web service {0} takes a load balancer of its own",
                   "웹 서비스 {0}이(가) 전용 부하 분산 장치를 사용함"},
                  {"Write type: ClusterIP, and add an Ingress that leads to it.",
                   "type: ClusterIP로 쓰고 이 서비스로 가는 Ingress를 더하십시오."}}},
       .check = lb_01},
      {.id = "LB-02",
       .severity = Severity::warning,
       .source = pages::best_practices,
       .statement = {"No node port is open where nodes have public addresses.",
                     "노드에 공용 주소가 있으면 노드 포트를 열지 않습니다."},
       .why = {"The port is then reached from the Internet, past every balancer and gateway.",
               "그러면 부하 분산 장치와 게이트웨이를 거치지 않고 인터넷에서 닿습니다."},
       .forms = {{{"a node port, and {0} has a public address", "노드 포트를 쓰는데 {0}에 공용 주소가 있음"},
                  {"Write type: ClusterIP, or take the public address from the node.",
                   "type: ClusterIP로 쓰거나 노드의 공용 주소를 없애십시오."}}},
       .check = lb_02},
      {.id = "LB-03",
       .severity = Severity::warning,
       .source = pages::balancer,
       .statement = {"A public load balancer says who may connect.",
                     "공용 부하 분산 장치에는 연결할 수 있는 원본을 정합니다."},
       .why = {"Without source ranges the whole Internet may connect.",
               "원본 범위가 없으면 인터넷 전체가 연결할 수 있습니다."},
       .forms = {{{"a public load balancer without loadBalancerSourceRanges",
                   "loadBalancerSourceRanges가 없는 공용 부하 분산 장치"},
                  {"Add loadBalancerSourceRanges, or make it internal.",
                   "loadBalancerSourceRanges를 더하거나 내부용으로 바꾸십시오."}}},
       .check = lb_03},
      {.id = "LB-04",
       .source = pages::balancers,
       .statement = {"Services of one cluster need at most 300 rules of a load balancer.",
                     "한 클러스터의 서비스는 부하 분산 장치 규칙을 300개까지만 사용합니다."},
       .why = {"A network interface takes part in 300 inbound rules of a Standard load balancer.",
               "네트워크 인터페이스는 표준 부하 분산 장치의 인바운드 규칙 300개까지만 참여합니다."},
       .forms = {{{"{0} ports of load balancers so far, and {1} at most",
                   "부하 분산 장치의 포트가 {0}개로 최대 {1}개를 넘음"},
                  {"Publish applications by an Ingress, or use several load balancers.",
                   "애플리케이션을 Ingress로 게시하거나 부하 분산 장치를 여러 개 쓰십시오."}}},
       .check = lb_04},
      {.id = "LB-05",
       .severity = Severity::warning,
       .source = pages::balancer,
       .statement = {"Outbound addresses have ports for every node: 1,024 each, of 64,000 for an address.",
                     "아웃바운드 주소에는 노드마다 쓸 포트가 있습니다(주소당 64,000개 중 노드당 1,024개)."},
       .why = {"A node without free ports cannot open connections to the Internet.",
               "남은 포트가 없는 노드는 인터넷에 새로 연결하지 못합니다."},
       .forms = {{{"up to {0} nodes, {1} ports for each instead of {2}",
                   "노드가 최대 {0}개여서 노드당 포트가 {2}개가 아니라 {1}개임"},
                  {"Send 0.0.0.0/0 to an appliance or NAT gateway, or lower maxCount.",
                   "0.0.0.0/0을 어플라이언스나 NAT 게이트웨이로 보내거나 maxCount를 줄이십시오."}}},
       .check = lb_05,
       .mistakes = {{"out-of-range", Kind::LoadBalancer, "spec.idleTimeoutMinutes"}}},
      {.id = "LB-06",
       .severity = Severity::warning,
       .source = pages::balancer_concepts,
       .statement = {"Security groups of nodes admit what the load balancer sends, and its probes.",
                     "노드의 보안 그룹은 부하 분산 장치가 보내는 트래픽과 상태 프로브를 허용합니다."},
       .why = {"A Standard load balancer is closed until a rule opens it, and without probes no node counts as alive.",
               "표준 부하 분산 장치는 규칙으로 열기 전까지 닫혀 있고, 프로브가 막히면 어떤 노드도 살아 있는 것으로 "
               "보지 않습니다."},
       .forms = {{{"rule {0} stops the probes of the load balancer in {1}",
                   "{0} 규칙이 {1}에서 부하 분산 장치의 프로브를 막음"},
                  {"Allow source AzureLoadBalancer at a lower priority number than this rule.",
                   "이 규칙보다 작은 우선 순위 번호로 원본 AzureLoadBalancer를 허용하십시오."}},
                 {{"nothing admits the Internet to {1} (port {2}) in {0}",
                   "{0}에서 인터넷의 {1}(포트 {2}) 연결을 허용하는 규칙이 없음"},
                  {"Add an inbound rule that allows port {2} from those who may connect, such as Internet.",
                   "연결할 원본(예: Internet)에서 포트 {2}을(를) 허용하는 인바운드 규칙을 더하십시오."}}},
       .check = lb_06},
  };
  return rules;
}

}  // namespace bailey::plan::check
