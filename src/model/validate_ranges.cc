// Ranges that would make a destination ambiguous: peered networks, networks on both sides of a gateway, and what a
// cluster keeps for pods and services inside its own network.
#include <algorithm>
#include <set>

#include "model/validate_report.h"

namespace bailey::model {
namespace {

struct Clash {
  Prefix ours;
  Prefix theirs;
};

std::optional<Clash> overlap(const std::vector<Prefix>& ours, const std::vector<Prefix>& theirs) {
  for (const Prefix& a : ours)
    for (const Prefix& b : theirs)
      if (a.overlaps(b)) return Clash{a, b};
  return std::nullopt;
}

base::Message found(const Clash& clash, std::string ours, std::string theirs) {
  return {"model.found-overlap", {clash.ours.text(), std::move(ours), clash.theirs.text(), std::move(theirs)}};
}

void overlapping(Report& report, const Meta& meta, std::string path, const Clash& clash, std::string ours,
                 std::string theirs) {
  report.error(meta, std::move(path), "overlap", {"model.expected-disjoint", {}},
               found(clash, std::move(ours), std::move(theirs)), {"model.mend-range", {}});
}

void check_peerings(const Snapshot& snapshot, Report& report) {
  std::set<std::pair<std::string, std::string>> seen;  // once for a pair of networks
  for (const auto& peering : snapshot.all<NetworkPeering>()) {
    const auto* from = snapshot.find<VirtualNetwork>(Kind::VirtualNetwork, peering->from);
    const auto* to = snapshot.find<VirtualNetwork>(Kind::VirtualNetwork, peering->to);
    if (!from || !to || from == to || !seen.insert(std::minmax(peering->from, peering->to)).second) continue;
    if (std::optional<Clash> clash = overlap(from->address_space, to->address_space))
      overlapping(report, peering->meta, "spec.to", *clash, from->meta.ref().text(), to->meta.ref().text());
  }
}

void check_connections(const Snapshot& snapshot, Report& report) {
  for (const auto& connection : snapshot.all<GatewayConnection>()) {
    const auto* gateway = snapshot.find<NetworkGateway>(Kind::NetworkGateway, connection->gateway);
    const auto* network = snapshot.find<OnPremisesNetwork>(Kind::OnPremisesNetwork, connection->on_premises_network);
    const auto* vnet = gateway ? snapshot.find<VirtualNetwork>(Kind::VirtualNetwork, gateway->subnet.vnet) : nullptr;
    if (!vnet || !network) continue;
    if (std::optional<Clash> clash = overlap(network->address_space, vnet->address_space))
      overlapping(report, connection->meta, "spec.onPremisesNetwork", *clash, network->meta.ref().text(),
                  vnet->meta.ref().text());
  }
}

// The field in which a cluster's range stands, whichever of the two spellings was used.
std::string range_path(const Cluster& cluster, const std::string& single, const std::vector<Prefix>& ranges,
                       const Prefix& range) {
  Position at = cluster.meta.source->at("spec." + single);
  if (at != cluster.meta.source->at("spec")) return "spec." + single;
  auto index = std::find(ranges.begin(), ranges.end(), range) - ranges.begin();
  return "spec." + single + "s[" + std::to_string(index) + "]";
}

std::vector<const VirtualNetwork*> networks_of(const Snapshot& snapshot, const Cluster& cluster) {
  std::set<std::string> names = {cluster.subnet.vnet};
  for (const NodePool& pool : cluster.node_pools) names.insert(pool.subnet.vnet);
  std::vector<const VirtualNetwork*> out;
  for (const std::string& name : names)
    if (const auto* vnet = snapshot.find<VirtualNetwork>(Kind::VirtualNetwork, name)) out.push_back(vnet);
  return out;
}

void check_dns(const Cluster& cluster, Report& report) {
  if (!cluster.dns_service_address || cluster.service_cidrs.empty()) return;
  const Address& dns = *cluster.dns_service_address;
  auto usual = [](const Prefix& range) { return range.at(range.size() > 11 ? 10 : 2).text(); };
  auto holds = [&](const Prefix& prefix) { return prefix.contains(dns); };
  auto at = std::find_if(cluster.service_cidrs.begin(), cluster.service_cidrs.end(), holds);
  std::string list;
  for (const Prefix& prefix : cluster.service_cidrs) list += (list.empty() ? "" : ", ") + prefix.text();
  if (at == cluster.service_cidrs.end()) {
    report.error(cluster.meta, "spec.dnsServiceIP", "outside-range", {"model.expected-dns-inside", {list}},
                 {"model.found-text", {dns.text()}}, {"model.mend-write", {usual(cluster.service_cidrs[0])}});
    return;
  }
  bool first = dns == at->at(1) || dns == at->first();
  if (first)
    report.error(cluster.meta, "spec.dnsServiceIP", "reserved-address", {"model.expected-dns-not-first", {}},
                 {"model.found-text", {dns.text()}}, {"model.mend-write", {usual(*at)}});
}

void check_cluster(const Snapshot& snapshot, const Cluster& cluster, Report& report) {
  bool kubenet = cluster.network_model == NetworkModel::kubenet;
  std::string own = cluster.meta.ref().text();
  const std::vector<Prefix> pods = kubenet ? cluster.pod_cidrs : std::vector<Prefix>{};
  if (std::optional<Clash> clash = overlap(cluster.service_cidrs, pods))
    overlapping(report, cluster.meta, range_path(cluster, "serviceCIDR", cluster.service_cidrs, clash->ours), *clash,
                "serviceCIDR", "podCIDR");
  for (const VirtualNetwork* vnet : networks_of(snapshot, cluster)) {
    if (std::optional<Clash> clash = overlap(cluster.service_cidrs, vnet->address_space))
      overlapping(report, cluster.meta, range_path(cluster, "serviceCIDR", cluster.service_cidrs, clash->ours), *clash,
                  "serviceCIDR", vnet->meta.ref().text());
    if (std::optional<Clash> clash = overlap(pods, vnet->address_space))
      overlapping(report, cluster.meta, range_path(cluster, "podCIDR", pods, clash->ours), *clash, "podCIDR",
                  vnet->meta.ref().text());
    // Pods of two kubenet clusters in one network are reached by the routes of the same network.
    for (const auto& other : snapshot.all<Cluster>()) {
      bool earlier = other->meta.name < cluster.meta.name && other->network_model == NetworkModel::kubenet && kubenet;
      std::vector<const VirtualNetwork*> theirs =
          earlier ? networks_of(snapshot, *other) : std::vector<const VirtualNetwork*>{};
      if (std::find(theirs.begin(), theirs.end(), vnet) == theirs.end()) continue;
      if (std::optional<Clash> clash = overlap(pods, other->pod_cidrs))
        overlapping(report, cluster.meta, range_path(cluster, "podCIDR", pods, clash->ours), *clash, own,
                    other->meta.ref().text());
    }
  }
  check_dns(cluster, report);
}

}  // namespace

void check_ranges(const Snapshot& snapshot, Report& report) {
  check_peerings(snapshot, report);
  check_connections(snapshot, report);
  for (const auto& cluster : snapshot.all<Cluster>()) check_cluster(snapshot, *cluster, report);
}

}  // namespace bailey::model
