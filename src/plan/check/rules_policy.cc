// POL: network policies, and security groups where they meet pods.
#include <algorithm>
#include <set>

#include "plan/check/facts.h"
#include "plan/check/rule.h"
#include "plan/check/traffic.h"

namespace bailey::plan::check {
namespace {

using namespace model;

// The best place to speak of a namespace: its object, or the first pods in it.
const Meta& place_of(const Facts& facts, const std::string& ns, const Pods& first) {
  const Namespace* object = facts.now().find<Namespace>(Kind::Namespace, ns);
  return object && !object->meta.source->file().empty() ? object->meta : *first.meta;
}

bool is_system(const std::string& ns) { return ns.starts_with("kube-"); }

bool denies_all_ingress(const NetworkPolicy& policy) {
  return policy.pod_selector.empty() && policy.ingress && policy.ingress_rules.empty();
}

void pol_01(const Facts& facts, Findings& report) {
  for (const auto& [ns, first] : facts.namespaces())
    if (!is_system(ns) && !facts.policies().contains(ns)) report.add(place_of(facts, ns, *first), "metadata", {ns});
}

void pol_05(const Facts& facts, Findings& report) {
  for (const auto& [ns, policies] : facts.policies()) {
    if (is_system(ns) || std::any_of(policies.begin(), policies.end(),
                                     [](const NetworkPolicy* policy) { return denies_all_ingress(*policy); }))
      continue;
    auto first = facts.namespaces().find(ns);
    if (first != facts.namespaces().end()) report.add(policies.front()->meta, "metadata.name", {ns});
  }
}

// The policies that concern a cluster: those of namespaces that name it or name none.
std::vector<const NetworkPolicy*> policies_in(const Facts& facts, const Cluster& cluster) {
  std::vector<const NetworkPolicy*> out;
  for (const auto& [ns, policies] : facts.policies()) {
    const Namespace* object = facts.now().find<Namespace>(Kind::Namespace, ns);
    const Labels none;
    const Labels& labels = object ? object->meta.labels : none;
    auto at = labels.find("bailey.dev/cluster");
    if (at == labels.end() || at->second == cluster.meta.name) out.insert(out.end(), policies.begin(), policies.end());
  }
  return out;
}

void pol_02(const Facts& facts, Findings& report) {
  for (const auto& cluster : facts.now().all<Cluster>()) {
    if (!cluster->network_policy.empty() && cluster->network_policy != "none") continue;
    std::vector<const NetworkPolicy*> policies = policies_in(facts, *cluster);
    if (!policies.empty())
      report.add(cluster->meta, "spec.networkPolicy",
                 {std::to_string(policies.size()), policies.front()->meta.ref().text()});
  }
}

std::string engine_of(const Cluster& cluster) {
  return cluster.network_policy.empty() ? "none" : cluster.network_policy;
}

void pol_03(const Facts& facts, Findings& report) {
  for (const auto& cluster : facts.now().all<Cluster>()) {
    const Cluster* before = facts.before().find<Cluster>(cluster->meta.ref());
    if (before && engine_of(*before) != engine_of(*cluster))
      report.add(cluster->meta, "spec.networkPolicy", {engine_of(*before), engine_of(*cluster)});
  }
}

bool on_windows(const Pods& pods) {
  auto at = pods.spec->node_selector.find("kubernetes.io/os");
  return at != pods.spec->node_selector.end() && at->second == "windows";
}

void pol_04(const Facts& facts, Findings& report) {
  for (const auto& [ns, policies] : facts.policies())
    for (const NetworkPolicy* policy : policies)
      for (const Pods* pods : facts.selected(ns, policy->pod_selector))
        if (on_windows(*pods)) {
          report.add(policy->meta, "spec.podSelector", {pods->meta->ref().text()});
          break;
        }
  for (const auto& cluster : facts.now().all<Cluster>())
    for (std::size_t i = 0; i < cluster->node_pools.size(); ++i)
      if (cluster->node_pools[i].os == Os::windows && !policies_in(facts, *cluster).empty())
        report.add(cluster->meta, item("spec.nodePools", i) + ".os", {cluster->node_pools[i].name}, 1);
}

// The ranges in which pods and nodes of a cluster have their addresses.
std::vector<Prefix> cluster_ranges(const Facts& facts, const Cluster& cluster) {
  std::vector<Prefix> out = cluster.network_model == NetworkModel::kubenet ? cluster.pod_cidrs : std::vector<Prefix>{};
  for (const Use* use : facts.uses_of(cluster))
    if (use->subnet) out.insert(out.end(), use->subnet->prefixes.begin(), use->subnet->prefixes.end());
  return out;
}

// Security groups of a cluster's subnets, each once.
std::vector<std::pair<const NetworkSecurityGroup*, const Use*>> groups_of(const Facts& facts, const Cluster& cluster) {
  std::vector<std::pair<const NetworkSecurityGroup*, const Use*>> out;
  std::set<const NetworkSecurityGroup*> seen;
  for (const Use* use : facts.uses_of(cluster))
    if (const auto* group = use->subnet ? facts.security_group(use->subnet->network_security_group) : nullptr)
      if (seen.insert(group).second) out.emplace_back(group, use);
  return out;
}

void pol_06(const Facts& facts, Findings& report) {
  for (const auto& cluster : facts.now().all<Cluster>()) {
    std::vector<Prefix> ranges = cluster_ranges(facts, *cluster);
    // 0: not of the cluster, 1: a whole range of it, 2: a part of one
    auto kind_of = [&](const std::vector<std::string>& ends) {
      int kind = 0;
      for (const std::string& end : ends) {
        std::optional<Prefix> prefix = Prefix::parse(end);
        auto holds = [&](const Prefix& range) { return prefix && range.contains(*prefix); };
        auto at = std::find_if(ranges.begin(), ranges.end(), holds);
        if (at == ranges.end()) return 0;
        kind = std::max(kind, *at == *prefix ? 1 : 2);
      }
      return kind;
    };
    for (const auto& [group, use] : groups_of(facts, *cluster))
      for (std::size_t i = 0; i < group->rules.size(); ++i) {
        int source = kind_of(group->rules[i].source_prefixes);
        int destination = kind_of(group->rules[i].destination_prefixes);
        if (source != 0 && destination != 0 && source + destination > 2)
          report.add(group->meta, item("spec.rules", i), {group->rules[i].name, cluster->meta.ref().text()});
      }
  }
}

void pol_07(const Facts& facts, Findings& report) {
  for (const auto& cluster : facts.now().all<Cluster>()) {
    if (cluster->network_model != NetworkModel::kubenet) continue;
    Subnet pods;
    pods.prefixes = cluster->pod_cidrs;
    for (const auto& [group, use] : groups_of(facts, *cluster)) {
      std::set<std::size_t> told;
      struct Pair {
        const Subnet* from;
        const Subnet* to;
        const char* words;
      };
      for (const Pair& pair :
           {Pair{use->subnet, use->subnet, "@rule.POL-07.nodes-to-nodes"},
            Pair{use->subnet, &pods, "@rule.POL-07.nodes-to-pods"}, Pair{&pods, &pods, "@rule.POL-07.pods-to-pods"}}) {
        if (pair.from->prefixes.empty() || pair.to->prefixes.empty()) continue;
        Traffic traffic;
        traffic.far = Traffic::Far::prefix;
        traffic.prefix = pair.from->prefixes.front();
        traffic.here = pair.to;
        Decision decision = decide(*group, traffic);
        if (!decision.allow && decision.rule && told.insert(decision.index).second)
          report.add(group->meta, item("spec.rules", decision.index), {decision.rule->name, pair.words});
      }
    }
  }
}

// The traps of POL-08, each over one list of rules ("ingress" or "egress") of a policy.
class Traps {
 public:
  Traps(const Facts& facts, Findings& report) : facts_(facts), report_(report) {
    for (const auto& cluster : facts.now().all<Cluster>())
      for (const Prefix& range : cluster_ranges(facts, *cluster)) ranges_.push_back(range);
    for (const auto& service : facts.now().all<Service>())
      for (const Pods* pods : facts.behind(*service)) services_[pods].push_back(service.get());
  }

  void look_at(const NetworkPolicy& policy, const std::vector<PolicyRule>& rules, bool ingress);
  void dns(const std::vector<const NetworkPolicy*>& policies);

 private:
  void peers(const NetworkPolicy& policy, const PolicyRule& rule, const std::string& field, bool ingress);
  void ports(const NetworkPolicy& policy, const PolicyRule& rule, const std::string& field,
             const std::vector<const Pods*>& pods);

  const Facts& facts_;
  Findings& report_;
  std::vector<Prefix> ranges_;
  std::map<const Pods*, std::vector<const Service*>> services_;
};

void Traps::peers(const NetworkPolicy& policy, const PolicyRule& rule, const std::string& field, bool ingress) {
  for (std::size_t j = 0; j < rule.peers.size(); ++j) {
    const PolicyPeer& peer = rule.peers[j];
    std::string at = item(field + (ingress ? ".from" : ".to"), j);
    if (peer.ip_block)
      for (const Prefix& range : ranges_)
        if (range.contains(peer.ip_block->cidr)) {
          report_.add(policy.meta, at + ".ipBlock.cidr", {peer.ip_block->cidr.text(), range.text()});
          break;
        }
    bool everyone = peer.namespace_selector && peer.namespace_selector->empty() &&
                    (!peer.pod_selector || peer.pod_selector->empty());
    if (ingress && everyone) report_.add(policy.meta, at + ".namespaceSelector", {}, 1);
  }
}

// A policy sees traffic after the service's translation, so it must name the port of the pod.
void Traps::ports(const NetworkPolicy& policy, const PolicyRule& rule, const std::string& field,
                  const std::vector<const Pods*>& pods) {
  for (std::size_t j = 0; j < rule.ports.size(); ++j) {
    const PolicyPort& port = rule.ports[j];
    if (!port.port || port.port->number == 0) continue;
    const ServicePort* meant = nullptr;
    const Service* by = nullptr;
    bool listens = false;
    for (const Pods* each : pods) {
      for (const ContainerPort& open : each->spec->ports)
        listens = listens || (open.protocol == port.protocol && open.port >= port.port->number &&
                              open.port <= std::max(port.end_port, port.port->number));
      auto services = services_.find(each);
      if (services == services_.end()) continue;
      for (const Service* service : services->second)
        for (const ServicePort& row : service->ports)
          if (row.port == port.port->number && row.protocol == port.protocol && row.target.number != row.port &&
              !meant) {
            meant = &row;
            by = service;
          }
    }
    if (!meant || listens) continue;
    std::string target = meant->target.name.empty() ? std::to_string(meant->target.number) : meant->target.name;
    report_.add(policy.meta, item(field + ".ports", j) + ".port",
                {std::to_string(port.port->number), by->meta.ref().text(), target}, 2);
  }
}

void Traps::look_at(const NetworkPolicy& policy, const std::vector<PolicyRule>& rules, bool ingress) {
  bool has_ports = std::any_of(rules.begin(), rules.end(), [](const PolicyRule& rule) { return !rule.ports.empty(); });
  std::vector<const Pods*> own;
  if (ingress && has_ports) own = facts_.selected(policy.meta.ns, policy.pod_selector);
  for (std::size_t i = 0; i < rules.size(); ++i) {
    std::string field = item(ingress ? "spec.ingress" : "spec.egress", i);
    peers(policy, rules[i], field, ingress);
    if (rules[i].ports.empty()) {
      if (ingress && rules[i].peers.empty() && policy.pod_selector.empty()) report_.add(policy.meta, field, {}, 3);
      continue;
    }
    if (ingress) {
      ports(policy, rules[i], field, own);
      continue;
    }
    std::vector<const Pods*> far;
    for (const PolicyPeer& peer : rules[i].peers)
      if (peer.pod_selector && !peer.namespace_selector)
        for (const Pods* pods : facts_.selected(policy.meta.ns, *peer.pod_selector)) far.push_back(pods);
    ports(policy, rules[i], field, far);
  }
}

bool admits_dns(const NetworkPolicy& policy) {
  return std::any_of(policy.egress_rules.begin(), policy.egress_rules.end(), [](const PolicyRule& rule) {
    return rule.ports.empty() || std::any_of(rule.ports.begin(), rule.ports.end(), [](const PolicyPort& port) {
             if (port.protocol != Protocol::udp) return false;
             if (!port.port) return true;
             if (!port.port->name.empty()) return port.port->name.starts_with("dns");
             return port.port->number <= 53 && 53 <= std::max(port.end_port, port.port->number);
           });
  });
}

// Policies add up: another one for all pods, or for the same ones, may admit what this one lacks.
void Traps::dns(const std::vector<const NetworkPolicy*>& policies) {
  std::vector<const NetworkPolicy*> admitting;
  for (const NetworkPolicy* policy : policies)
    if (policy->egress && admits_dns(*policy)) admitting.push_back(policy);
  bool for_all = std::any_of(admitting.begin(), admitting.end(),
                             [](const NetworkPolicy* policy) { return policy->pod_selector.empty(); });
  if (for_all) return;
  for (const NetworkPolicy* policy : policies) {
    if (!policy->egress || admits_dns(*policy)) continue;
    bool helped = std::any_of(admitting.begin(), admitting.end(),
                              [&](const NetworkPolicy* other) { return other->pod_selector == policy->pod_selector; });
    if (!helped) report_.add(policy->meta, "spec.egress", {}, 4);
  }
}

void pol_08(const Facts& facts, Findings& report) {
  if (facts.policies().empty()) return;
  Traps traps(facts, report);
  for (const auto& [ns, policies] : facts.policies()) {
    for (const NetworkPolicy* policy : policies) {
      traps.look_at(*policy, policy->ingress_rules, true);
      traps.look_at(*policy, policy->egress_rules, false);
    }
    traps.dns(policies);
  }
}

}  // namespace

const std::vector<Rule>& policy_rules() {
  static const std::vector<Rule> rules = {
      {.id = "POL-01",
       .severity = Severity::warning,
       .source = pages::best_practices,
       .statement = {"A namespace with pods has network policies.",
                     "파드가 있는 네임스페이스에는 네트워크 정책이 있습니다."},
       .why = {"By default every pod may reach every other one.", "기본적으로 모든 파드가 서로 연결할 수 있습니다."},
       .forms = {{{"namespace {0} has pods and no network policy: all traffic is allowed",
                   "네임스페이스 {0}에 파드는 있지만 네트워크 정책이 없어 모든 트래픽이 허용됨"},
                  {"Add a NetworkPolicy that denies by default, and one for each traffic that is wanted.",
                   "기본 거부 NetworkPolicy와 필요한 트래픽마다 하나씩 정책을 더하십시오."}}},
       .check = pol_01},
      {.id = "POL-02",
       .source = pages::policies,
       .statement = {"Where there are network policies, the cluster has an engine that enforces them.",
                     "네트워크 정책이 있으면 클러스터에 이를 적용하는 엔진이 있습니다."},
       .why = {"Without an engine policies are accepted and do nothing.",
               "엔진이 없으면 정책이 받아들여지기만 하고 아무 일도 하지 않습니다."},
       .forms = {{{"no policy engine, and {0} policies ({1})", "정책 엔진이 없는데 정책이 {0}개 있음({1})"},
                  {"Write networkPolicy: bailey (or azure, calico).",
                   "networkPolicy: bailey(또는 azure, calico)로 쓰십시오."}}},
       .check = pol_02},
      {.id = "POL-03",
       .profiles = Profiles::classic,
       .source = pages::policies,
       .statement = {"The policy engine is chosen when the cluster is created, and stays.",
                     "정책 엔진은 클러스터를 만들 때 정하고 바꾸지 않습니다."},
       .why = {"It cannot be enabled or exchanged on a running cluster (guidance of 2018).",
               "운영 중인 클러스터에서는 켜거나 바꿀 수 없습니다(2018년 지침)."},
       .forms = {{{"the engine changes from {0} to {1} on a running cluster",
                   "운영 중인 클러스터의 엔진이 {0}에서 {1}(으)로 바뀜"},
                  {"Keep networkPolicy: {0}, or create a new cluster.",
                   "networkPolicy: {0}을(를) 유지하거나 새 클러스터를 만드십시오."}}},
       .check = pol_03,
       .compares = true},
      {.id = "POL-04",
       .severity = Severity::warning,
       .profiles = Profiles::classic,
       .source = pages::best_practices,
       .statement = {"Network policies are for Linux nodes and pods only.",
                     "네트워크 정책은 Linux 노드와 파드에만 사용합니다."},
       .why = {"Nothing enforces them on Windows (guidance of 2018).", "Windows에서는 적용되지 않습니다(2018년 지침)."},
       .forms = {{{"the policy selects {0}, which runs on Windows", "정책이 Windows에서 실행되는 {0}을(를) 선택함"},
                  {"Protect these pods by a security group, or run them on Linux.",
                   "이 파드를 보안 그룹으로 보호하거나 Linux에서 실행하십시오."}},
                 {{"policies do not reach pods of the Windows pool {0}",
                   "정책이 Windows 풀 {0}의 파드에 적용되지 않음"},
                  {"Keep what needs policies on Linux pools (nodeSelector kubernetes.io/os: linux).",
                   "정책이 필요한 것은 Linux 풀에 두십시오(nodeSelector kubernetes.io/os: linux)."}}},
       .check = pol_04},
      {.id = "POL-05",
       .severity = Severity::warning,
       .source = pages::policies,
       .statement = {"Each namespace denies by default, and then allows.",
                     "네임스페이스마다 기본으로 거부하고 필요한 것을 허용합니다."},
       .why = {"Pods that no policy selects stay open; a new one would be forgotten.",
               "어떤 정책도 선택하지 않은 파드는 열려 있으며, 새 파드는 잊히기 쉽습니다."},
       .forms = {{{"namespace {0} has policies, but none that denies by default",
                   "네임스페이스 {0}에 정책이 있지만 기본 거부 정책이 없음"},
                  {"Add a NetworkPolicy with podSelector: {} and policyTypes: [Ingress], and no rules.",
                   "podSelector: {}와 policyTypes: [Ingress]만 있고 규칙이 없는 NetworkPolicy를 더하십시오."}}},
       .check = pol_05},
      {.id = "POL-06",
       .severity = Severity::warning,
       .source = pages::concepts,
       .statement = {"Traffic between pods is filtered by network policies, not by security groups.",
                     "파드 사이의 트래픽은 보안 그룹이 아니라 네트워크 정책으로 거릅니다."},
       .why = {"Pods change their addresses, and security groups see none that stays on its node.",
               "파드의 주소는 바뀌며, 보안 그룹은 같은 노드 안의 트래픽을 보지 못합니다."},
       .forms = {{{"rule {0} filters between addresses within {1}", "{0} 규칙이 {1} 안의 주소 사이를 거름"},
                  {"Write a NetworkPolicy that selects the pods by labels instead.",
                   "레이블로 파드를 선택하는 NetworkPolicy를 대신 쓰십시오."}}},
       .check = pol_06},
      {.id = "POL-07",
       .source = pages::overlay,
       .statement = {"Security groups of nodes let nodes and pods reach each other.",
                     "노드의 보안 그룹은 노드와 파드가 서로 연결하도록 허용합니다."},
       .why = {"Where pods have a range of their own, its traffic passes the subnet's group too.",
               "파드에 별도의 범위가 있으면 그 트래픽도 서브넷의 보안 그룹을 지납니다."},
       .forms = {{{"rule {0} stops traffic {1}", "{0} 규칙이 {1} 트래픽을 막음"},
                  {"Allow the subnet and the pod range among themselves at a lower priority number.",
                   "더 작은 우선 순위 번호로 서브넷과 파드 범위 사이를 허용하십시오."}}},
       .check = pol_07,
       .words = {{"nodes-to-nodes", {"between nodes", "노드 사이의"}},
                 {"nodes-to-pods", {"from nodes to pods", "노드에서 파드로 가는"}},
                 {"pods-to-pods", {"between pods", "파드 사이의"}}}},
      {.id = "POL-08",
       .severity = Severity::warning,
       .source = pages::kubernetes_policies,
       .statement =
           {"Policies avoid the usual traps: address blocks for pods, service ports, selectors that open all, egress "
            "without DNS.",
            "정책은 흔한 함정을 피합니다: 파드에 쓴 주소 블록, 서비스 포트, 모두를 여는 선택기, DNS 없는 송신."},
       .why = {"Each is accepted and means something else than it seems to.",
               "모두 받아들여지지만 보이는 것과 다르게 동작합니다."},
       .forms = {{{"ipBlock {0} lies in {1}, where pods and nodes change their addresses",
                   "ipBlock {0}이(가) 파드와 노드의 주소가 바뀌는 {1} 안에 있음"},
                  {"Write podSelector or namespaceSelector instead; ipBlock is for what lies outside.",
                   "podSelector나 namespaceSelector를 쓰십시오. ipBlock은 클러스터 밖의 주소에 씁니다."}},
                 {{"an empty namespaceSelector: every pod of every namespace",
                   "빈 namespaceSelector: 모든 네임스페이스의 모든 파드"},
                  {"Select by labels, such as kubernetes.io/metadata.name.",
                   "kubernetes.io/metadata.name과 같은 레이블로 선택하십시오."}},
                 {{"port {0} is that of {1}; its pods listen on {2}",
                   "포트 {0}은(는) {1}의 포트이며 파드는 {2}에서 받음"},
                  {"Write port: {2}, since policies see the pod's own port.",
                   "정책은 파드의 포트를 보므로 port: {2}(으)로 쓰십시오."}},
                 {{"an empty rule for all pods of the namespace: everything is let in",
                   "네임스페이스의 모든 파드에 대한 빈 규칙: 모두 허용됨"},
                  {"Remove the rule to deny by default, or say who may connect (from) and where (ports).",
                   "기본 거부라면 규칙을 지우고, 아니면 누가(from) 어디에(ports) 연결할 수 있는지 쓰십시오."}},
                 {{"egress is narrowed, and nothing lets these pods ask DNS (53/udp)",
                   "송신을 제한했지만 이 파드들의 DNS 조회(53/udp)를 허용하는 규칙이 없음"},
                  {"Add an egress rule with ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}].",
                   "ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]인 송신 규칙을 더하십시오."}}},
       .check = pol_08,
       .mistakes = {{"not-allowed", Kind::NetworkPolicy, "spec.ingress.ports.endPort"},
                    {"not-allowed", Kind::NetworkPolicy, "spec.egress.ports.endPort"}}},
  };
  return rules;
}

}  // namespace bailey::plan::check
