// BAS: who reaches nodes, and from where.
#include <algorithm>
#include <set>

#include "plan/check/facts.h"
#include "plan/check/rule.h"
#include "plan/check/traffic.h"

namespace bailey::plan::check {
namespace {

using namespace model;

constexpr std::uint16_t remote_ports[] = {22, 3389};

bool is_internet(const std::string& source) {
  if (source == "*" || source == "Internet") return true;
  std::optional<Prefix> prefix = Prefix::parse(source);
  return prefix && is_public(*prefix);
}

// The groups before nodes, with the subnet that they protect.
struct Guard {
  const NetworkSecurityGroup* group;
  const Subnet* subnet;
};
std::vector<Guard> guards(const Facts& facts) {
  std::vector<Guard> out;
  std::set<const void*> seen;
  for (const Use& use : facts.uses())
    if (const auto* group = use.subnet ? facts.security_group(use.subnet->network_security_group) : nullptr)
      if (seen.insert(group).second) out.push_back({group, use.subnet});
  for (const auto& nic : facts.now().all<NetworkInterface>()) {
    const auto* group = nic->node.empty() ? nullptr : facts.security_group(nic->network_security_group);
    const VirtualNetwork* vnet = group ? facts.network(nic->subnet.vnet) : nullptr;
    const Subnet* subnet = vnet ? vnet->find(nic->subnet.subnet) : nullptr;
    if (subnet && seen.insert(group).second) out.push_back({group, subnet});
  }
  return out;
}

void bas_01(const Facts& facts, Findings& report) {
  for (const auto& node : facts.now().all<Node>())
    if (!node->external_addresses.empty())
      report.add(node->meta, "status.addresses", {node->external_addresses[0].text()});
  for (const auto& nic : facts.now().all<NetworkInterface>())
    if (!nic->node.empty() && nic->public_address)
      report.add(nic->meta, "spec.publicAddress", {nic->public_address->text()});
  for (const Guard& guard : guards(facts)) {
    std::set<std::size_t> told;
    for (std::uint16_t port : remote_ports) {
      Traffic traffic;
      traffic.port = port;
      traffic.here = guard.subnet;
      Decision decision = decide(*guard.group, traffic);
      if (decision.allow && decision.rule && told.insert(decision.index).second)
        report.add(guard.group->meta, item("spec.rules", decision.index), {decision.rule->name, std::to_string(port)},
                   1);
    }
  }
}

// The prefixes of the subnets in which bastions for these networks lie; empty without a bastion.
std::vector<Prefix> bastion_prefixes(const Facts& facts, const Cluster& cluster) {
  std::vector<Prefix> out;
  std::set<std::string> near;
  for (const VirtualNetwork* vnet : facts.networks_of(cluster)) {
    near.insert(vnet->meta.name);
    for (const std::string& peer : facts.peers(vnet->meta.name)) near.insert(peer);
  }
  for (const auto& bastion : facts.now().all<Bastion>()) {
    const VirtualNetwork* vnet = near.contains(bastion->vnet) ? facts.network(bastion->vnet) : nullptr;
    const Subnet* subnet = vnet ? vnet->find(bastion->subnet) : nullptr;
    if (subnet) out.insert(out.end(), subnet->prefixes.begin(), subnet->prefixes.end());
  }
  return out;
}

void bas_02(const Facts& facts, Findings& report) {
  for (const auto& cluster : facts.now().all<Cluster>()) {
    std::vector<Prefix> known = bastion_prefixes(facts, *cluster);
    std::set<const Subnet*> seen;
    if (known.empty()) continue;
    for (const Use* use : facts.uses_of(*cluster)) {
      if (!use->subnet || !seen.insert(use->subnet).second) continue;
      const NetworkSecurityGroup* group = facts.security_group(use->subnet->network_security_group);
      if (!group) {
        report.add(cluster->meta, use->field, {use->ref.text(), text_of(known)}, 2);
        continue;
      }
      Admitted way = admitted(*group, 22, *use->subnet, known);
      for (const Admitted::From& from : way.rules)
        if (!is_internet(from.source))
          report.add(group->meta, item("spec.rules", from.index),
                     {group->rules[from.index].name, from.source, text_of(known)});
      if (way.open) report.add(group->meta, "spec.rules", {use->ref.text(), text_of(known)}, 1);
    }
  }
}

void bas_03(const Facts& facts, Findings& report) {
  std::set<std::string> networks;
  for (const Use& use : facts.uses()) networks.insert(use.ref.vnet);
  if (networks.empty()) return;
  for (const auto& bastion : facts.now().all<Bastion>()) {
    if (networks.contains(bastion->vnet)) {
      report.add(bastion->meta, "spec.virtualNetwork", {bastion->vnet});
      continue;
    }
    std::vector<std::string> peers = facts.peers(bastion->vnet);
    bool peered =
        std::any_of(peers.begin(), peers.end(), [&](const std::string& peer) { return networks.contains(peer); });
    if (!peered) report.add(bastion->meta, "spec.virtualNetwork", {bastion->vnet, *networks.begin()}, 1);
  }
}

void bas_04(const Facts& facts, Findings& report) {
  for (const auto& bastion : facts.now().all<Bastion>()) {
    const VirtualNetwork* vnet = facts.network(bastion->vnet);
    const Subnet* subnet = vnet ? vnet->find(bastion->subnet) : nullptr;
    if (!subnet) continue;
    std::string where = bastion->vnet + "/" + bastion->subnet;
    const NetworkSecurityGroup* group = facts.security_group(subnet->network_security_group);
    if (!group) {
      report.add(bastion->meta, "spec.subnet", {where});
      continue;
    }
    for (const Admitted::From& from : admitted(*group, 22, *subnet, {}).rules) {
      std::optional<Prefix> prefix = Prefix::parse(from.source);
      bool wide = prefix && is_public(*prefix) && prefix->length() < (prefix->family() == Family::v4 ? 16 : 32);
      if (from.source == "*" || from.source == "Internet" || wide)
        report.add(group->meta, item("spec.rules", from.index), {group->rules[from.index].name, from.source, where}, 1);
    }
  }
}

void bas_05(const Facts& facts, Findings& report) {
  bool offices = !facts.now().all<OnPremisesNetwork>().empty();
  for (const auto& bastion : facts.now().all<Bastion>()) {
    if (bastion->public_address)
      report.add(bastion->meta, "spec.publicAddress", {bastion->public_address->text()});
    else if (offices && facts.connections(bastion->vnet).empty())
      report.add(bastion->meta, "spec.virtualNetwork", {bastion->vnet}, 1);
  }
}

void bas_06(const Facts& facts, Findings& report) {
  for (const auto& grant : facts.now().all<AccessGrant>())
    if (grant->not_after.empty()) report.add(grant->meta, "spec", {grant->user});
}

}  // namespace

const std::vector<Rule>& bastion_rules() {
  static const std::vector<Rule> rules = {
      {.id = "BAS-01",
       .source = pages::best_practices,
       .statement = {"No node has a public address, and no rule admits SSH or RDP from the Internet to nodes.",
                     "노드에는 공용 주소가 없고, 인터넷에서 노드로 오는 SSH나 RDP를 허용하는 규칙이 없습니다."},
       .why = {"Remote access that is open to the Internet is tried within minutes.",
               "인터넷에 열린 원격 연결은 몇 분 안에 공격받습니다."},
       .forms = {{{"a node with the public address {0}", "공용 주소 {0}을(를) 가진 노드"},
                  {"Remove the public address; reach nodes by way of a Bastion.",
                   "공용 주소를 지우고 Bastion을 거쳐 노드에 연결하십시오."}},
                 {{"rule {0} admits port {1} from the Internet to nodes",
                   "{0} 규칙이 인터넷에서 노드의 포트 {1}을(를) 허용함"},
                  {"Write the prefix of the bastion's subnet as the source.",
                   "원본에 요새 호스트 서브넷의 프리픽스를 쓰십시오."}}},
       .check = bas_01},
      {.id = "BAS-02",
       .source = pages::best_practices,
       .statement = {"Nodes take SSH from the bastion's subnet only.",
                     "노드는 요새 호스트의 서브넷에서만 SSH를 받습니다."},
       .why = {"Without a rule the default ones let every peer and on-premises host reach SSH on nodes.",
               "규칙이 없으면 기본 규칙에 따라 모든 피어와 온-프레미스 호스트가 노드의 SSH에 닿습니다."},
       .forms = {{{"rule {0} admits SSH from {1}, and the bastion is in {2}",
                   "{0} 규칙이 {1}의 SSH를 허용함(요새 호스트는 {2})"},
                  {"Write {2} as the source of this rule.", "이 규칙의 원본에 {2}을(를) 쓰십시오."}},
                 {{"nothing stops SSH from the virtual network to nodes in {0}",
                   "가상 네트워크에서 {0}의 노드로 가는 SSH를 막는 규칙이 없음"},
                  {"Allow 22/tcp from {1}, and deny it from * at a higher priority number.",
                   "{1}에서 22/tcp를 허용하고, 더 큰 우선 순위 번호로 *에서 거부하십시오."}},
                 {{"subnet {0} has no security group, so SSH is open to peers and on-premises hosts",
                   "서브넷 {0}에 보안 그룹이 없어 피어와 온-프레미스 호스트에 SSH가 열림"},
                  {"Give it a networkSecurityGroup that allows 22/tcp from {1} and denies it from *.",
                   "{1}에서 22/tcp를 허용하고 *에서 거부하는 networkSecurityGroup을 주십시오."}}},
       .check = bas_02},
      {.id = "BAS-03",
       .severity = Severity::warning,
       .source = pages::best_practices,
       .statement = {"The bastion lies in a management network of its own, peered with the cluster's.",
                     "요새 호스트는 클러스터의 네트워크와 피어링된 별도의 관리 네트워크에 둡니다."},
       .why = {"Who takes over a pod is then not yet beside the bastion.",
               "파드를 장악당해도 요새 호스트와는 분리됩니다."},
       .forms = {{{"the bastion is in {0}, as the cluster is", "요새 호스트가 클러스터와 같은 {0}에 있음"},
                  {"Put it into a VirtualNetwork for management, and peer the two.",
                   "관리용 VirtualNetwork에 두고 두 네트워크를 피어링하십시오."}},
                 {{"{0} is not peered with {1}, in which the cluster is",
                   "{0}이(가) 클러스터가 있는 {1}와(과) 피어링되지 않음"},
                  {"Add a NetworkPeering in each direction.", "방향마다 NetworkPeering을 더하십시오."}}},
       .check = bas_03},
      {.id = "BAS-04",
       .source = pages::best_practices,
       .statement = {"The bastion's subnet has a security group that admits SSH from known ranges only.",
                     "요새 호스트의 서브넷에는 알려진 범위의 SSH만 허용하는 보안 그룹이 있습니다."},
       .why = {"The bastion is the one door to all nodes.", "요새 호스트는 모든 노드로 통하는 하나뿐인 문입니다."},
       .forms = {{{"subnet {0} has no security group", "서브넷 {0}에 보안 그룹이 없음"},
                  {"Give it a networkSecurityGroup that admits 22/tcp from the ranges of VPN, ExpressRoute or offices.",
                   "VPN, ExpressRoute, 사무실 범위에서만 22/tcp를 허용하는 networkSecurityGroup을 주십시오."}},
                 {{"rule {0} admits SSH from {1} to {2}", "{0} 규칙이 {1}에서 {2}(으)로 가는 SSH를 허용함"},
                  {"Write the ranges of VPN, ExpressRoute or offices as the source.",
                   "원본에 VPN, ExpressRoute, 사무실의 범위를 쓰십시오."}}},
       .check = bas_04},
      {.id = "BAS-05",
       .severity = Severity::warning,
       .source = pages::best_practices,
       .statement = {"The management network is reached by VPN or ExpressRoute, not over the open Internet.",
                     "관리 네트워크에는 공개 인터넷이 아니라 VPN이나 ExpressRoute로 연결합니다."},
       .why = {"What the Internet cannot reach it cannot attack.", "인터넷에서 닿지 못하면 공격할 수도 없습니다."},
       .forms = {{{"a bastion with the public address {0}", "공용 주소 {0}을(를) 가진 요새 호스트"},
                  {"Remove publicAddress, and connect offices by a NetworkGateway.",
                   "publicAddress를 지우고 NetworkGateway로 사무실을 연결하십시오."}},
                 {{"no gateway leads from on-premises networks to {0}",
                   "온-프레미스 네트워크에서 {0}(으)로 가는 게이트웨이가 없음"},
                  {"Add a NetworkGateway and a GatewayConnection, or use those of a peer (useRemoteGateways).",
                   "NetworkGateway와 GatewayConnection을 더하거나 피어의 것을 쓰십시오(useRemoteGateways)."}}},
       .check = bas_05},
      {.id = "BAS-06",
       .severity = Severity::info,
       .source = pages::best_practices,
       .statement = {"Most work goes through the API server; access to nodes is for maintenance, and ends.",
                     "대부분의 작업은 API 서버로 하며, 노드 접근은 유지 관리용이고 끝나는 시각이 있습니다."},
       .why = {"Access that never ends becomes the daily way, and is forgotten when people leave.",
               "끝이 없는 접근 권한은 일상적인 길이 되고, 사람이 떠난 뒤에도 남습니다."},
       .forms = {{{"the grant of {0} never ends", "{0}의 접근 권한에 끝이 없음"},
                  {"Write the end of the maintenance in spec.to.", "유지 관리가 끝나는 시각을 spec.to에 쓰십시오."}}},
       .check = bas_06},
  };
  return rules;
}

}  // namespace bailey::plan::check
