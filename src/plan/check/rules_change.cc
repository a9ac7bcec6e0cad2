// CHG: what cannot be changed on a running cluster. These compare with an earlier snapshot (--previous).
#include <set>

#include "plan/check/facts.h"
#include "plan/check/rule.h"

namespace bailey::plan::check {
namespace {

using namespace model;

struct Changed {
  const Cluster* now;
  const Cluster* before;
};
std::vector<Changed> surviving(const Facts& facts) {
  std::vector<Changed> out;
  for (const auto& cluster : facts.now().all<Cluster>())
    if (const Cluster* before = facts.before().find<Cluster>(cluster->meta.ref()))
      out.push_back({cluster.get(), before});
  return out;
}

std::string word(NetworkModel model) { return std::string(name(model)); }

void chg_01(const Facts& facts, Findings& report) {
  for (const Changed& each : surviving(facts))
    if (each.now->network_model != each.before->network_model)
      report.add(each.now->meta, "spec.networkModel",
                 {word(each.before->network_model), word(each.now->network_model)});
}

void chg_02(const Facts& facts, Findings& report) {
  for (const Changed& each : surviving(facts)) {
    if (!each.before->service_cidrs.empty() && each.before->service_cidrs != each.now->service_cidrs)
      report.add(each.now->meta, range_field(*each.now, "serviceCIDR", 0),
                 {text_of(each.before->service_cidrs), text_of(each.now->service_cidrs)});
  }
}

void chg_03(const Facts& facts, Findings& report) {
  for (const Changed& each : surviving(facts))
    if (each.before->dns_service_address && each.now->dns_service_address &&
        *each.before->dns_service_address != *each.now->dns_service_address)
      report.add(each.now->meta, "spec.dnsServiceIP",
                 {each.before->dns_service_address->text(), each.now->dns_service_address->text()});
}

const NodePool* pool_named(const Cluster& cluster, const std::string& name) {
  for (const NodePool& pool : cluster.node_pools)
    if (pool.name == name) return &pool;
  return nullptr;
}

// visit(cluster, index of the pool now, pool now, pool before)
template <typename Visit>
void each_pool(const Facts& facts, Visit visit) {
  for (const Changed& each : surviving(facts))
    for (std::size_t i = 0; i < each.now->node_pools.size(); ++i)
      if (const NodePool* before = pool_named(*each.before, each.now->node_pools[i].name))
        visit(each, i, each.now->node_pools[i], *before);
}

const SubnetRef& home_of(const Cluster& cluster, const NodePool& pool) {
  return pool.subnet.empty() ? cluster.subnet : pool.subnet;
}

void chg_04(const Facts& facts, Findings& report) {
  each_pool(facts, [&](const Changed& each, std::size_t i, const NodePool& now, const NodePool& before) {
    const SubnetRef& old_home = home_of(*each.before, before);
    const SubnetRef& new_home = home_of(*each.now, now);
    if (!old_home.empty() && old_home != new_home)
      report.add(each.now->meta, now.subnet.empty() ? "spec.subnet" : item("spec.nodePools", i) + ".subnet",
                 {now.name, old_home.text(), new_home.empty() ? "-" : new_home.text()});
  });
}

void chg_05(const Facts& facts, Findings& report) {
  each_pool(facts, [&](const Changed& each, std::size_t i, const NodePool& now, const NodePool& before) {
    auto os = [](Os value) { return std::string(value == Os::linux ? "linux" : "windows"); };
    if (now.os != before.os)
      report.add(each.now->meta, item("spec.nodePools", i) + ".os", {now.name, os(before.os), os(now.os)});
  });
}

// A subnet with nodes in it keeps its prefixes; the network keeps the ranges that hold them.
void chg_06(const Facts& facts, Findings& report) {
  std::set<SubnetRef> seen;
  for (const Changed& each : surviving(facts))
    for (const Use* use : facts.uses_of(*each.now)) {
      if (!use->network || !use->subnet || !seen.insert(use->ref).second) continue;
      const auto* before = facts.before().find<VirtualNetwork>(Kind::VirtualNetwork, use->ref.vnet);
      const Subnet* old = before ? before->find(use->ref.subnet) : nullptr;
      if (!old || old->prefixes == use->subnet->prefixes) continue;
      std::size_t index = static_cast<std::size_t>(use->subnet - use->network->subnets.data());
      report.add(use->network->meta, item("spec.subnets", index) + ".prefix",
                 {use->ref.text(), text_of(old->prefixes), text_of(use->subnet->prefixes)});
    }
}

}  // namespace

const std::vector<Rule>& change_rules() {
  static const std::vector<Rule> rules = {
      {.id = "CHG-01",
       .source = pages::legacy,
       .statement = {"A running cluster keeps its network model.",
                     "운영 중인 클러스터의 네트워크 모델은 바꾸지 않습니다."},
       .why = {"Every node and pod would change its address at once.", "모든 노드와 파드의 주소가 한꺼번에 바뀝니다."},
       .forms = {{{"networkModel changes from {0} to {1}", "networkModel이 {0}에서 {1}(으)로 바뀜"},
                  {"Keep networkModel: {0}, or create a new cluster and move the applications.",
                   "networkModel: {0}을(를) 유지하거나 새 클러스터를 만들어 애플리케이션을 옮기십시오."}}},
       .check = chg_01,
       .compares = true},
      {.id = "CHG-02",
       .source = pages::azure_cni,
       .statement = {"A running cluster keeps its service range.",
                     "운영 중인 클러스터의 서비스 범위는 바꾸지 않습니다."},
       .why = {"Services keep the addresses that they were given at creation.",
               "서비스는 만들 때 받은 주소를 유지합니다."},
       .forms = {{{"the service range changes from {0} to {1}", "서비스 범위가 {0}에서 {1}(으)로 바뀜"},
                  {"Keep {0}, or create a new cluster.", "{0}을(를) 유지하거나 새 클러스터를 만드십시오."}}},
       .check = chg_02,
       .compares = true},
      {.id = "CHG-03",
       .source = pages::azure_cni,
       .statement = {"A running cluster keeps the address of its DNS service.",
                     "운영 중인 클러스터의 DNS 서비스 주소는 바꾸지 않습니다."},
       .why = {"Pods that run have the old address in their resolv.conf.",
               "실행 중인 파드의 resolv.conf에는 예전 주소가 있습니다."},
       .forms = {{{"the DNS service moves from {0} to {1}", "DNS 서비스가 {0}에서 {1}(으)로 바뀜"},
                  {"Keep dnsServiceIP: {0}", "dnsServiceIP: {0}을(를) 유지하십시오."}}},
       .check = chg_03,
       .compares = true},
      {.id = "CHG-04",
       .source = pages::azure_cni,
       .statement = {"A running pool stays in its subnet.", "운영 중인 풀은 서브넷을 옮기지 않습니다."},
       .why = {"Nodes cannot leave the subnet that they joined.", "노드는 참가한 서브넷을 떠날 수 없습니다."},
       .forms = {{{"pool {0} moves from {1} to {2}", "풀 {0}이(가) {1}에서 {2}(으)로 옮겨짐"},
                  {"Keep subnet: {1} for it, add a pool in the other subnet, and drain this one.",
                   "subnet: {1}을(를) 유지하고 다른 서브넷에 풀을 더한 뒤 이 풀을 비우십시오."}}},
       .check = chg_04,
       .compares = true},
      {.id = "CHG-05",
       .source = pages::azure_cni,
       .statement = {"A running pool keeps its operating system.", "운영 중인 풀의 운영 체제는 바꾸지 않습니다."},
       .why = {"It is chosen with the pool's image.", "풀의 이미지와 함께 정해집니다."},
       .forms = {{{"pool {0} changes from {1} to {2}", "풀 {0}이(가) {1}에서 {2}(으)로 바뀜"},
                  {"Keep os: {1} for it, and add a pool with os: {2}.",
                   "os: {1}을(를) 유지하고 os: {2}인 풀을 더하십시오."}}},
       .check = chg_05,
       .compares = true},
      {.id = "CHG-06",
       .source = pages::networks,
       .statement = {"A subnet with nodes in it keeps its prefixes.",
                     "노드가 있는 서브넷의 프리픽스는 바꾸지 않습니다."},
       .why = {"Azure refuses to change a subnet that is in use.", "Azure는 사용 중인 서브넷의 변경을 거부합니다."},
       .forms = {{{"subnet {0} changes from {1} to {2}", "서브넷 {0}이(가) {1}에서 {2}(으)로 바뀜"},
                  {"Keep {1}, and put new pools into another subnet.",
                   "{1}을(를) 유지하고 새 풀은 다른 서브넷에 두십시오."}}},
       .check = chg_06,
       .compares = true},
  };
  return rules;
}

}  // namespace bailey::plan::check
