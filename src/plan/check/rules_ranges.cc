// CID: ranges of networks, pods and services, and what they must not meet. What makes a destination ambiguous within
// one cluster's network is an input error (model/validate_ranges.cc); here are the ranges that only others would miss.
#include <algorithm>
#include <set>

#include "plan/check/facts.h"
#include "plan/check/rule.h"

namespace bailey::plan::check {
namespace {

using namespace model;

struct Overlap {
  std::size_t ours;  // index of our range
  Prefix theirs;
};

std::optional<Overlap> first_overlap(const std::vector<Prefix>& ours, const std::vector<Prefix>& theirs) {
  for (std::size_t i = 0; i < ours.size(); ++i)
    for (const Prefix& other : theirs)
      if (ours[i].overlaps(other)) return Overlap{i, other};
  return std::nullopt;
}

// What is connected to a cluster's networks but is not one of them: peers, and on-premises networks.
struct Neighbour {
  std::string name;
  const std::vector<Prefix>* ranges;
};
std::vector<Neighbour> surroundings(const Facts& facts, const Cluster& cluster) {
  std::vector<Neighbour> out;
  std::set<std::string> seen;
  std::vector<const VirtualNetwork*> own = facts.networks_of(cluster);
  for (const VirtualNetwork* vnet : own) seen.insert(vnet->meta.ref().text());
  for (const VirtualNetwork* vnet : own) {
    for (const std::string& peer : facts.peers(vnet->meta.name))
      if (const VirtualNetwork* other = facts.network(peer); other && seen.insert(other->meta.ref().text()).second)
        out.push_back({other->meta.ref().text(), &other->address_space});
    for (const Connection& far : facts.connections(vnet->meta.name))
      if (seen.insert(far.network->meta.ref().text()).second)
        out.push_back({far.network->meta.ref().text(), &far.network->address_space});
  }
  return out;
}

void overlap_surroundings(const Facts& facts, Findings& report, const Cluster& cluster,
                          const std::vector<Prefix>& ranges, std::string_view field) {
  if (ranges.empty()) return;
  for (const Neighbour& far : surroundings(facts, cluster))
    if (std::optional<Overlap> hit = first_overlap(ranges, *far.ranges))
      report.add(cluster.meta, range_field(cluster, field, hit->ours),
                 {ranges[hit->ours].text(), hit->theirs.text(), far.name});
}

const std::vector<Prefix>& pod_ranges(const Cluster& cluster) {
  static const std::vector<Prefix> none;
  return cluster.network_model == NetworkModel::kubenet ? cluster.pod_cidrs : none;
}

void cid_01(const Facts& facts, Findings& report) {
  for (const auto& cluster : facts.now().all<Cluster>())
    overlap_surroundings(facts, report, *cluster, cluster->service_cidrs, "serviceCIDR");
}

void cid_02(const Facts& facts, Findings& report) {
  for (const auto& cluster : facts.now().all<Cluster>())
    overlap_surroundings(facts, report, *cluster, pod_ranges(*cluster), "podCIDR");
}

void cid_03(const Facts& facts, Findings& report) {
  static const std::vector<Prefix> kept = {*Prefix::parse("169.254.0.0/16"), *Prefix::parse("172.30.0.0/16"),
                                           *Prefix::parse("172.31.0.0/16"), *Prefix::parse("192.0.2.0/24")};
  std::set<const VirtualNetwork*> networks;
  for (const auto& cluster : facts.now().all<Cluster>()) {
    if (std::optional<Overlap> hit = first_overlap(cluster->service_cidrs, kept))
      report.add(cluster->meta, range_field(*cluster, "serviceCIDR", hit->ours),
                 {cluster->service_cidrs[hit->ours].text(), hit->theirs.text()});
    if (std::optional<Overlap> hit = first_overlap(pod_ranges(*cluster), kept))
      report.add(cluster->meta, range_field(*cluster, "podCIDR", hit->ours),
                 {cluster->pod_cidrs[hit->ours].text(), hit->theirs.text()});
    for (const VirtualNetwork* vnet : facts.networks_of(*cluster)) networks.insert(vnet);
  }
  for (const VirtualNetwork* vnet : networks)
    if (std::optional<Overlap> hit = first_overlap(vnet->address_space, kept))
      report.add(vnet->meta, item("spec.addressSpace", hit->ours),
                 {vnet->address_space[hit->ours].text(), hit->theirs.text()});
}

void cid_05(const Facts& facts, Findings& report) {
  for (const auto& cluster : facts.now().all<Cluster>())
    for (std::size_t i = 0; i < cluster->service_cidrs.size(); ++i) {
      const Prefix& range = cluster->service_cidrs[i];
      bool v4 = range.family() == Family::v4;
      if (v4 ? range.length() > 12 : range.length() >= 108) continue;
      report.add(cluster->meta, range_field(*cluster, "serviceCIDR", i), {range.text(), v4 ? "/13" : "/108"});
    }
}

void cid_06(const Facts& facts, Findings& report) {
  for (const auto& cluster : facts.now().all<Cluster>())
    for (const Prefix& range : cluster->service_cidrs)
      if (cluster->dns_service_address && range.family() == Family::v4 &&
          *cluster->dns_service_address == range.last()) {
        std::string usual = range.at(range.size() > 11 ? 10 : 2).text();
        report.add(cluster->meta, "spec.dnsServiceIP", {range.last().text(), range.text(), usual}).fix =
            Fix{"spec.dnsServiceIP", usual};
      }
}

void cid_07(const Facts& facts, Findings& report) {
  for (const auto& cluster : facts.now().all<Cluster>())
    for (const Prefix& range : cluster->service_cidrs) {
      const std::optional<Address>& dns = cluster->dns_service_address;
      if (!dns || !range.contains(*dns) || range.size() <= 11 || *dns == range.at(10)) continue;
      if (*dns == range.first() || *dns == range.at(1) || (dns->is_v4() && *dns == range.last())) continue;  // CID-06
      report.add(cluster->meta, "spec.dnsServiceIP", {dns->text(), range.at(10).text()});
    }
}

void cid_08(const Facts& facts, Findings& report) {
  for (const auto& cluster : facts.now().all<Cluster>()) {
    if (!cluster->docker_bridge_cidr) continue;
    std::vector<Prefix> bridge = {*cluster->docker_bridge_cidr};
    auto against = [&](const std::vector<Prefix>& ranges, const std::string& name) {
      std::optional<Overlap> hit = first_overlap(bridge, ranges);
      if (hit) report.add(cluster->meta, "spec.dockerBridgeCIDR", {bridge[0].text(), hit->theirs.text(), name});
    };
    for (const VirtualNetwork* vnet : facts.networks_of(*cluster))
      against(vnet->address_space, vnet->meta.ref().text());
    for (const Neighbour& far : surroundings(facts, *cluster)) against(*far.ranges, far.name);
    against(pod_ranges(*cluster), "podCIDR");
    against(cluster->service_cidrs, "serviceCIDR");
  }
}

// Who announces all of 10.0.0.0/8 draws away what belongs to networks inside of it.
void cid_09(const Facts& facts, Findings& report) {
  const Prefix ten = *Prefix::parse("10.0.0.0/8");
  auto announces = [&](const std::vector<Prefix>& ranges) {
    return std::any_of(ranges.begin(), ranges.end(), [&](const Prefix& range) { return range.contains(ten); });
  };
  std::set<const VirtualNetwork*> seen;
  for (const Use& use : facts.uses()) {
    if (!use.network || !seen.insert(use.network).second) continue;
    for (const Connection& far : facts.connections(use.network->meta.name)) {
      bool by_route = announces(far.connection->routes);
      if (!by_route && !announces(far.network->address_space)) continue;
      for (std::size_t i = 0; i < use.network->address_space.size(); ++i)
        if (ten.contains(use.network->address_space[i]))
          report.add(use.network->meta, item("spec.addressSpace", i),
                     {use.network->address_space[i].text(),
                      by_route ? far.connection->meta.ref().text() : far.network->meta.ref().text()});
    }
  }
}

// Ranges of cluster networks, swept in order of their first addresses: each meets the widest one that is still open.
void cid_10(const Facts& facts, Findings& report) {
  struct Row {
    Prefix range;
    const VirtualNetwork* vnet;
    std::size_t index;
  };
  std::set<const VirtualNetwork*> networks;
  for (const Use& use : facts.uses())
    if (use.network && use.cluster->network_model == NetworkModel::vnet) networks.insert(use.network);
  std::vector<Row> rows;
  for (const VirtualNetwork* vnet : networks)
    for (std::size_t i = 0; i < vnet->address_space.size(); ++i) rows.push_back({vnet->address_space[i], vnet, i});
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    if (a.range.first() != b.range.first()) return a.range.first() < b.range.first();
    return std::tuple(a.range.length(), a.vnet->meta.name) < std::tuple(b.range.length(), b.vnet->meta.name);
  });
  const Row* open = nullptr;
  for (const Row& row : rows) {
    if (open && open->range.overlaps(row.range) && open->vnet != row.vnet &&
        !facts.has_peering(open->vnet->meta.name, row.vnet->meta.name) &&
        !facts.has_peering(row.vnet->meta.name, open->vnet->meta.name))
      report.add(row.vnet->meta, item("spec.addressSpace", row.index),
                 {row.range.text(), open->range.text(), open->vnet->meta.ref().text()});
    if (!open || row.range.last() > open->range.last()) open = &row;
  }
}

std::vector<Family> families_of(const std::vector<Prefix>& ranges) {
  std::vector<Family> out;
  for (const Prefix& range : ranges) out.push_back(range.family());
  return out;
}

std::string words_of(const std::vector<Family>& families) {
  std::string out;
  for (Family family : families) out += (out.empty() ? "" : ", ") + std::string(family == Family::v4 ? "IPv4" : "IPv6");
  return out;
}

void cid_11(const Facts& facts, Findings& report) {
  std::set<Family> served;
  bool all_say = true;
  for (const auto& cluster : facts.now().all<Cluster>()) {
    std::vector<Family> services = families_of(cluster->service_cidrs);
    std::vector<Family> pods = families_of(pod_ranges(*cluster));
    served.insert(services.begin(), services.end());
    all_say = all_say && !services.empty();
    if (!services.empty() && !pods.empty() && services != pods)
      report.add(cluster->meta, range_field(*cluster, "podCIDR", 0), {words_of(pods), words_of(services)});
  }
  if (!all_say || served.empty()) return;
  for (const auto& service : facts.now().all<Service>())
    for (std::size_t i = 0; i < service->families.size(); ++i)
      if (!served.contains(service->families[i]))
        report.add(service->meta, item("spec.ipFamilies", i), {words_of({service->families[i]})}, 1);
}

// Peers of one network among themselves: its routes could not tell them apart, although they are no peers.
void cid_12(const Facts& facts, Findings& report) {
  struct Row {
    Prefix range;
    const NetworkPeering* peering;
  };
  std::map<std::string, std::vector<Row>> by_network;
  for (const auto& peering : facts.now().all<NetworkPeering>())
    if (const VirtualNetwork* to = facts.network(peering->to))
      for (const Prefix& range : to->address_space) by_network[peering->from].push_back({range, peering.get()});
  for (auto& [network, rows] : by_network) {
    std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
      return std::tuple(a.range.first(), a.range.length()) < std::tuple(b.range.first(), b.range.length());
    });
    for (std::size_t i = 1; i < rows.size(); ++i) {
      const Row& a = rows[i - 1];
      const Row& b = rows[i];
      if (a.peering->to == b.peering->to || !a.range.overlaps(b.range)) continue;
      if (facts.has_peering(a.peering->to, b.peering->to) || facts.has_peering(b.peering->to, a.peering->to)) continue;
      report.add(b.peering->meta, "spec.to", {b.range.text(), b.peering->to, a.range.text(), a.peering->to, network});
    }
  }
}

void cid_14(const Facts& facts, Findings& report) {
  for (const auto& peering : facts.now().all<NetworkPeering>())
    if (!facts.has_peering(peering->to, peering->from))
      report.add(peering->meta, "spec.to", {peering->from, peering->to});
}

}  // namespace

const std::vector<Rule>& range_rules() {
  static const std::vector<Rule> rules = {
      {.id = "CID-01",
       .source = pages::azure_cni,
       .statement = {"The service range overlaps no network of the cluster, no peer and no on-premises network.",
                     "서비스 범위는 클러스터의 네트워크, 피어, 온-프레미스 네트워크와 겹치지 않습니다."},
       .why = {"Nodes take what goes to the service range for services; real hosts there cannot be reached.",
               "노드는 서비스 범위로 가는 트래픽을 서비스로 처리하므로 그 범위의 실제 호스트에 닿지 못합니다."},
       .forms = {{{"service range {0} overlaps {1} of {2}", "서비스 범위 {0}이(가) {2}의 {1}와(과) 겹침"},
                  {"Choose a serviceCIDR that no connected network has.",
                   "연결된 어느 네트워크에도 없는 serviceCIDR을 선택하십시오."}}},
       .check = cid_01,
       .mistakes = {{"overlap", Kind::Cluster, "spec.serviceCIDR"}}},
      {.id = "CID-02",
       .source = pages::kubenet,
       .statement = {"The pod range overlaps no network, no peer, no on-premises network and not the service range.",
                     "파드 범위는 네트워크, 피어, 온-프레미스 네트워크, 서비스 범위와 겹치지 않습니다."},
       .why = {"What overlaps is taken for pods, and replies go astray.",
               "겹치는 주소는 파드로 취급되어 응답이 엉뚱한 곳으로 갑니다."},
       .forms = {{{"pod range {0} overlaps {1} of {2}", "파드 범위 {0}이(가) {2}의 {1}와(과) 겹침"},
                  {"Choose a podCIDR that no connected network has.",
                   "연결된 어느 네트워크에도 없는 podCIDR을 선택하십시오."}}},
       .check = cid_02,
       .mistakes = {{"overlap", Kind::Cluster, "spec.podCIDR"}}},
      {.id = "CID-03",
       .source = pages::azure_cni,
       .statement = {"No range is in 169.254.0.0/16, 172.30.0.0/16, 172.31.0.0/16 or 192.0.2.0/24.",
                     "어떤 범위도 169.254.0.0/16, 172.30.0.0/16, 172.31.0.0/16, 192.0.2.0/24에 두지 않습니다."},
       .why = {"The managed control plane uses these ranges itself.",
               "관리형 컨트롤 플레인이 이 범위를 직접 사용합니다."},
       .forms = {{{"{0} overlaps the kept range {1}", "{0}이(가) 예약된 범위 {1}와(과) 겹침"},
                  {"Choose another private range, such as one in 10.0.0.0/8.",
                   "10.0.0.0/8 안의 범위처럼 다른 개인 범위를 선택하십시오."}}},
       .check = cid_03},
      {.id = "CID-04",
       .source = pages::networks,
       .statement = {"A virtual network keeps out of multicast, broadcast, loopback, link-local and 168.63.129.16.",
                     "가상 네트워크는 멀티캐스트, 브로드캐스트, 루프백, 링크 로컬, 168.63.129.16을 쓰지 않습니다."},
       .why = {"Azure refuses such an address space.", "Azure가 그런 주소 공간을 거부합니다."},
       .mistakes = {{"reserved-range", Kind::VirtualNetwork, "spec.addressSpace"}}},
      {.id = "CID-05",
       .source = pages::azure_cni,
       .statement = {"The service range is smaller than /12; an IPv6 one is /108 or smaller.",
                     "서비스 범위는 /12보다 작으며, IPv6 범위는 /108 이하의 크기입니다."},
       .why = {"The API server refuses larger ranges.", "API 서버가 더 큰 범위를 거부합니다."},
       .forms = {{{"service range {0} is too large", "서비스 범위 {0}이(가) 너무 큼"},
                  {"Write a range of {1} or smaller, such as 10.0.0.0/16 or fd00:10::/112.",
                   "10.0.0.0/16이나 fd00:10::/112처럼 {1} 이하 크기의 범위를 쓰십시오."}}},
       .check = cid_05},
      {.id = "CID-06",
       .source = pages::azure_cni,
       .statement = {"The DNS service has an address within the service range that is not the first and not the last.",
                     "DNS 서비스 IP는 서비스 범위 안에 있으며 첫 주소도 마지막 주소도 아닙니다."},
       .why = {"The first address is the API server's (kubernetes.default); the last is the range's broadcast address.",
               "첫 주소는 API 서버(kubernetes.default)의 것이고 마지막은 브로드캐스트 주소입니다."},
       .forms = {{{"DNS service address {0} is the last of {1}", "DNS 서비스 주소 {0}은(는) {1}의 마지막 주소임"},
                  {"Write dnsServiceIP: {2}", "dnsServiceIP: {2}(으)로 쓰십시오."}}},
       .check = cid_06,
       .mistakes = {{"outside-range", Kind::Cluster, "spec.dnsServiceIP"},
                    {"reserved-address", Kind::Cluster, "spec.dnsServiceIP"}}},
      {.id = "CID-07",
       .severity = Severity::info,
       .source = pages::kubenet,
       .statement = {"By convention the DNS service has the tenth address of the service range.",
                     "관례상 DNS 서비스 IP는 서비스 범위의 .10 주소입니다."},
       .why = {"Whoever looks for the DNS service looks there first.",
               "사람들은 DNS 서비스를 그 주소에서 먼저 찾습니다."},
       .forms = {{{"DNS service address {0}, usually {1}", "DNS 서비스 주소 {0}(보통 {1})"},
                  {"Write dnsServiceIP: {1} for a new cluster; leave a running one as it is.",
                   "새 클러스터에는 dnsServiceIP: {1}(으)로 쓰고, 운영 중인 클러스터는 그대로 두십시오."}}},
       .check = cid_07},
      {.id = "CID-08",
       .severity = Severity::warning,
       .source = pages::azure_cni,
       .statement = {"The docker bridge overlaps no connected network, no pod range and no service range.",
                     "Docker 브리지 주소는 연결된 네트워크, 파드 범위, 서비스 범위와 겹치지 않습니다."},
       .why = {"Each node has the bridge; what overlaps cannot be reached from nodes.",
               "노드마다 이 브리지가 있으므로 겹치는 주소는 노드에서 닿지 못합니다."},
       .forms = {{{"dockerBridgeCIDR {0} overlaps {1} of {2}", "dockerBridgeCIDR {0}이(가) {2}의 {1}와(과) 겹침"},
                  {"Choose a range that nobody has; 172.17.0.1/16 is the default.",
                   "아무도 쓰지 않는 범위를 선택하십시오. 기본값은 172.17.0.1/16입니다."}}},
       .check = cid_08},
      {.id = "CID-09",
       .severity = Severity::warning,
       .source = pages::kubenet,
       .statement = {"Where the office announces 10.0.0.0/8, clusters lie elsewhere.",
                     "사무실이 10.0.0.0/8을 알리면 클러스터는 다른 범위에 둡니다."},
       .why = {"Two owners of one range differ sooner or later, and routes of the office may win.",
               "한 범위를 둘이 쓰면 언젠가 어긋나며 사무실의 경로가 이길 수 있습니다."},
       .forms = {{{"{0} lies in 10.0.0.0/8, which {1} announces", "{0}은(는) {1}이(가) 알리는 10.0.0.0/8 안에 있음"},
                  {"Choose a range outside, such as one in 172.16.0.0/16, or have narrower routes announced.",
                   "172.16.0.0/16처럼 밖의 범위를 선택하거나 더 좁은 경로를 알리게 하십시오."}}},
       .check = cid_09},
      {.id = "CID-10",
       .severity = Severity::warning,
       .source = pages::azure_cni,
       .statement =
           {"Networks of clusters with the vnet model repeat no range; service and docker ranges may.",
            "vnet 모델 클러스터의 네트워크는 범위를 반복하지 않습니다. 서비스와 Docker 범위는 반복해도 됩니다."},
       .why = {"Networks that overlap can never be peered.", "겹치는 네트워크는 나중에 피어링할 수 없습니다."},
       .forms = {{{"{0} overlaps {1} of {2}, in which another cluster lies",
                   "{0}이(가) 다른 클러스터가 있는 {2}의 {1}와(과) 겹침"},
                  {"Give each of the two networks a range of its own.", "두 네트워크에 서로 다른 범위를 주십시오."}}},
       .check = cid_10},
      {.id = "CID-11",
       .source = pages::overlay,
       .statement = {"In dual stack, ranges of pods and services have the same families in the same order.",
                     "이중 스택에서는 파드 범위와 서비스 범위의 주소 체계와 순서가 같습니다."},
       .why = {"The first family is the primary one, of nodes, pods and services alike.",
               "첫 번째 주소 체계가 노드, 파드, 서비스 모두의 기본입니다."},
       .forms = {{{"pod ranges are {0}, service ranges {1}", "파드 범위는 {0}, 서비스 범위는 {1}"},
                  {"List the ranges of both in the same order, one of each family.",
                   "둘의 범위를 같은 순서로 주소 체계마다 하나씩 쓰십시오."}},
                 {{"{0}, in which no cluster has a service range", "어느 클러스터에도 서비스 범위가 없는 {0}"},
                  {"Remove {0} here, or add a service range of that family to the cluster.",
                   "여기에서 {0}을(를) 지우거나 클러스터에 그 주소 체계의 서비스 범위를 더하십시오."}}},
       .check = cid_11},
      {.id = "CID-12",
       .source = pages::peering,
       .statement = {"Networks that are peered, and peers of one network, do not overlap.",
                     "피어링된 네트워크, 그리고 한 네트워크의 피어들은 서로 겹치지 않습니다."},
       .why = {"No route could tell which of the two is meant; peering is not transitive.",
               "어느 쪽을 뜻하는지 경로가 구별할 수 없습니다. 피어링은 전이되지 않습니다."},
       .forms = {{{"{0} of {1} overlaps {2} of {3}; both are peers of {4}",
                   "{1}의 {0}이(가) {3}의 {2}와(과) 겹침(둘 다 {4}의 피어)"},
                  {"Choose another range for one of the two.", "둘 중 하나에 다른 범위를 선택하십시오."}}},
       .check = cid_12,
       .mistakes = {{"overlap", Kind::NetworkPeering, "spec.to"},
                    {"overlap", Kind::GatewayConnection, "spec.onPremisesNetwork"},
                    {"overlap", Kind::VirtualNetwork, "spec"}}},
      {.id = "CID-13",
       .source = pages::best_practices,
       .statement = {"Each cluster lies in a subnet of its own; pools of one cluster may share one.",
                     "클러스터마다 자체 서브넷에 둡니다. 한 클러스터의 풀들은 서브넷을 함께 써도 됩니다."},
       .why = {"Clusters that share a subnet take addresses from each other, and cannot be told apart by rules.",
               "서브넷을 함께 쓰는 클러스터는 서로 주소를 빼앗고 규칙으로 구별되지 않습니다."},
       .forms = {{{"subnet {0}, in which {1} is too", "{1}도 사용하는 서브넷 {0}"},
                  {"Give this cluster a subnet of its own, and name it here.",
                   "이 클러스터를 위한 서브넷을 따로 만들어 여기에 쓰십시오."}}},
       .check = clusters_share_subnet},
      {.id = "CID-14",
       .severity = Severity::warning,
       .source = pages::peering,
       .statement = {"A peering exists in both directions.", "피어링은 양방향으로 만듭니다."},
       .why = {"One direction alone is Initiated: nothing passes.",
               "한 방향만 있으면 Initiated 상태로 아무것도 통하지 않습니다."},
       .forms = {{{"{0} is peered with {1}, but not {1} with {0}", "{0}에서 {1}(으)로만 피어링되고 반대 방향이 없음"},
                  {"Add a NetworkPeering with from: {1} and to: {0}.",
                   "from: {1}, to: {0}인 NetworkPeering을 더하십시오."}}},
       .check = cid_14},
  };
  return rules;
}

}  // namespace bailey::plan::check
