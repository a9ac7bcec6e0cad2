// Free ranges by first fit: a candidate that overlaps something jumps behind it, so the search takes one step for each
// range that is taken and not one for each candidate.
#include "plan/ranges.h"

#include <algorithm>
#include <map>
#include <set>

#include "model/resolve/peering.h"

namespace bailey::plan {
namespace {

using model::Cluster;
using model::Family;
using model::Kind;
using model::Prefix;
using model::Snapshot;
using model::SubnetRef;
using model::Uint128;
using model::VirtualNetwork;

// Ranges that clusters and VNets must keep out of, and the docker bridge's usual one.
constexpr const char* kept_ranges[] = {"127.0.0.0/8",   "169.254.0.0/16", "168.63.129.16/32", "172.17.0.0/16",
                                       "172.30.0.0/16", "172.31.0.0/16",  "192.0.2.0/24",     "224.0.0.0/4"};
constexpr const char* private_ranges[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"};
constexpr int new_space_length = 16;  // a VNet of this size leaves room beside the first subnet
constexpr int service_length = 16;    // AKS' default, as are the two areas below
constexpr const char* service_area = "10.0.0.0/16";
constexpr const char* pod_area = "10.244.0.0/16";

Prefix known(const char* text) { return *Prefix::parse(text); }

class Search {
 public:
  explicit Search(const Snapshot& snapshot) : snapshot_(snapshot), taken_(taken_ranges(snapshot)) {}

  // Of the private ranges, `favourite` first.
  std::optional<Prefix> anywhere(int length, const char* favourite = nullptr) {
    std::vector<Prefix> areas;
    if (favourite) areas.push_back(known(favourite));
    for (const char* area : private_ranges) areas.push_back(known(area));
    for (const Prefix& area : areas)
      if (auto found = length < area.length() ? std::nullopt : lowest_free(area, length, taken_)) return found;
    return std::nullopt;
  }

  // Room between the subnets of a VNet that no other range reaches into.
  std::optional<Prefix> within(const VirtualNetwork& vnet, int length) {
    std::vector<Taken> taken;
    for (const Taken& each : taken_)
      if (each.owner != vnet.meta.ref().text()) taken.push_back(each);
    for (const model::Subnet& subnet : vnet.subnets)
      for (const Prefix& prefix : subnet.prefixes) taken.push_back({prefix, ""});
    for (const Proposal& earlier : proposals) taken.push_back({earlier.prefix, ""});
    for (const Prefix& space : vnet.address_space)
      if (space.family() == Family::v4 && length >= space.length())
        if (auto found = lowest_free(space, length, taken)) return found;
    return std::nullopt;
  }

  void add(Proposal proposal) {
    taken_.push_back({proposal.prefix, "proposal"});
    proposals.push_back(std::move(proposal));
  }

  void subnet(const ClusterPlan& plan, const SubnetPlan& need) {
    if ((need.given && need.fits()) || !need.smallest) return;
    const auto* vnet = snapshot_.find<VirtualNetwork>(Kind::VirtualNetwork, need.subnet.vnet);
    Proposal out{Proposal::What::subnet, plan.cluster, need.subnet, {}, need.subnet.vnet, std::nullopt};
    std::optional<Prefix> found = vnet ? within(*vnet, *need.smallest) : std::nullopt;
    if (!vnet) {
      out.vnet = need.name.substr(0, need.name.find('/'));
      out.subnet = {out.vnet, need.name.substr(need.name.find('/') + 1)};
    }
    if (!found) {
      // The whole of a new address space is kept clear, the subnet is its first part.
      std::optional<Prefix> space = anywhere(std::min(*need.smallest, new_space_length));
      if (!space) space = anywhere(*need.smallest);
      if (!space) return;
      taken_.push_back({*space, "proposal"});
      out.new_address_space = space;
      found = Prefix(space->address(), *need.smallest);
    }
    out.prefix = *found;
    add(std::move(out));
  }

  void pods(const ClusterPlan& plan, const PodRangePlan& need) {
    if (need.given_ipv6 && !need.given) return;
    if ((need.given && *need.utilisation <= 1.0) || !need.smallest) return;
    if (auto found = anywhere(*need.smallest, pod_area))
      add({Proposal::What::pods, plan.cluster, {}, *found, "", std::nullopt});
  }

  void services(const ClusterPlan& plan) {
    const auto* cluster = snapshot_.find<Cluster>(Kind::Cluster, plan.cluster);
    if (cluster && !cluster->service_cidrs.empty()) return;
    if (auto found = anywhere(service_length, service_area))
      add({Proposal::What::services, plan.cluster, {}, *found, "", std::nullopt});
  }

  std::vector<Proposal> proposals;

 private:
  const Snapshot& snapshot_;
  std::vector<Taken> taken_;
};

void put_subnet(const Snapshot& snapshot, const Proposal& proposal,
                std::map<std::string, std::shared_ptr<VirtualNetwork>>& vnets) {
  auto& vnet = vnets[proposal.vnet];
  if (!vnet) {
    const auto* given = snapshot.find<VirtualNetwork>(Kind::VirtualNetwork, proposal.vnet);
    vnet = given ? std::make_shared<VirtualNetwork>(*given) : std::make_shared<VirtualNetwork>();
    vnet->meta.kind = Kind::VirtualNetwork;
    vnet->meta.name = proposal.vnet;
    const auto* owner = snapshot.find<Cluster>(Kind::Cluster, proposal.cluster);
    if (!given && owner) vnet->resource_group = owner->resource_group;
  }
  if (proposal.new_address_space) vnet->address_space.push_back(*proposal.new_address_space);
  for (model::Subnet& subnet : vnet->subnets) {
    if (subnet.name != proposal.subnet.subnet) continue;
    std::erase_if(subnet.prefixes, [](const Prefix& prefix) { return prefix.family() == Family::v4; });
    subnet.prefixes.insert(subnet.prefixes.begin(), proposal.prefix);
    return;
  }
  model::Subnet subnet;
  subnet.name = proposal.subnet.subnet;
  subnet.prefixes = {proposal.prefix};
  vnet->subnets.push_back(std::move(subnet));
}

void put_range(std::vector<Prefix>& ranges, const Prefix& prefix) {
  std::erase_if(ranges, [](const Prefix& each) { return each.family() == Family::v4; });
  ranges.insert(ranges.begin(), prefix);
}

}  // namespace

std::string_view name(Proposal::What what) {
  constexpr std::string_view names[] = {"subnet", "pods", "services"};
  return names[static_cast<int>(what)];
}

std::vector<Taken> taken_ranges(const Snapshot& snapshot) {
  std::vector<Taken> out;
  auto add = [&](const Prefix& prefix, const model::Meta& meta) {
    if (prefix.family() == Family::v4 && prefix.length() > 0) out.push_back({prefix, meta.ref().text()});
  };
  for (const auto& vnet : snapshot.all<VirtualNetwork>()) {
    for (const Prefix& prefix : vnet->address_space) add(prefix, vnet->meta);
    for (const model::Subnet& subnet : vnet->subnets)
      for (const Prefix& prefix : subnet.prefixes) add(prefix, vnet->meta);
  }
  for (const auto& network : snapshot.all<model::OnPremisesNetwork>())
    for (const Prefix& prefix : network->address_space) add(prefix, network->meta);
  for (const auto& connection : snapshot.all<model::GatewayConnection>())
    for (const Prefix& prefix : connection->routes) add(prefix, connection->meta);
  for (const auto& cluster : snapshot.all<Cluster>()) {
    for (const auto* ranges : {&cluster->pod_cidrs, &cluster->service_cidrs})
      for (const Prefix& prefix : *ranges) add(prefix, cluster->meta);
    if (cluster->docker_bridge_cidr) add(*cluster->docker_bridge_cidr, cluster->meta);
  }
  for (const char* range : kept_ranges) out.push_back({known(range), ""});
  std::stable_sort(out.begin(), out.end(), [](const Taken& a, const Taken& b) { return a.prefix < b.prefix; });
  return out;
}

std::optional<Prefix> lowest_free(const Prefix& area, int length, std::span<const Taken> taken) {
  if (length < area.length() || length > area.address().bits()) return std::nullopt;
  Uint128 size = Prefix(area.address(), length).size();
  for (Uint128 offset = 0; offset < area.size();) {
    Prefix candidate(area.at(offset), length);
    auto hit =
        std::find_if(taken.begin(), taken.end(), [&](const Taken& each) { return each.prefix.overlaps(candidate); });
    if (hit == taken.end()) return candidate;
    // Behind what is in the way, at the next multiple of the size.
    if (hit->prefix.contains(area)) return std::nullopt;
    Uint128 behind = hit->prefix.last().number() - area.first().number() + 1;
    offset = (behind + size - 1) / size * size;
  }
  return std::nullopt;
}

std::vector<Proposal> propose(const Snapshot& snapshot, std::span<const ClusterPlan> plans) {
  Search search(snapshot);
  std::set<std::string> seen;  // clusters may share a subnet
  for (const ClusterPlan& plan : plans)
    for (const SubnetPlan& need : plan.subnets)
      if (seen.insert(need.name).second) search.subnet(plan, need);
  for (const ClusterPlan& plan : plans) {
    if (plan.pod_range) search.pods(plan, *plan.pod_range);
    search.services(plan);
  }
  return std::move(search.proposals);
}

Snapshot with_proposals(const Snapshot& snapshot, std::span<const Proposal> proposals) {
  std::map<std::string, std::shared_ptr<VirtualNetwork>> vnets;
  std::map<std::string, std::shared_ptr<Cluster>> clusters;
  auto cluster_of = [&](const std::string& name) {
    auto& cluster = clusters[name];
    const auto* given = snapshot.find<Cluster>(Kind::Cluster, name);
    if (!cluster && given) cluster = std::make_shared<Cluster>(*given);
    return cluster;
  };
  for (const Proposal& proposal : proposals) {
    auto cluster = cluster_of(proposal.cluster);
    if (!cluster) continue;
    switch (proposal.what) {
      case Proposal::What::subnet:
        put_subnet(snapshot, proposal, vnets);
        if (cluster->subnet.empty()) cluster->subnet = proposal.subnet;
        break;
      case Proposal::What::pods: put_range(cluster->pod_cidrs, proposal.prefix); break;
      case Proposal::What::services:
        put_range(cluster->service_cidrs, proposal.prefix);
        if (!cluster->dns_service_address) cluster->dns_service_address = proposal.prefix.at(10);
        break;
    }
  }
  std::vector<model::Event> events;
  for (const auto& [name, vnet] : vnets)
    events.push_back({model::Event::Type::modified, std::shared_ptr<const VirtualNetwork>(vnet)});
  for (const auto& [name, cluster] : clusters)
    if (cluster) events.push_back({model::Event::Type::modified, std::shared_ptr<const Cluster>(cluster)});
  return model::reduce(snapshot, events);
}

}  // namespace bailey::plan
