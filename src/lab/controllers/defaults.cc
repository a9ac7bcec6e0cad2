// Clusters: what their authors left out (AKS defaults), and the VNet of those that bring none.
//
// Every range that a cluster needs is first looked for among the earlier decisions, for all clusters, and only then
// chosen anew: so a range stays as long as it overlaps nothing, whatever else is added. `occupied` holds every
// range that is connected to anything: VNets, on-premises networks, pod and docker bridge ranges. Service ranges
// are private to a cluster, so that two clusters may use the same one; they only must not cover what is connected.
#include <algorithm>
#include <functional>

#include "lab/controllers/draft.h"
#include "model/resolve/permissions.h"

namespace bailey::lab::controllers {
namespace {

using model::Cluster;
using model::VirtualNetwork;

constexpr const char* default_cluster = "lab";

bool needs_cluster(const Snapshot& now) {
  return !now.all<model::Node>().empty() || !now.all<model::Pod>().empty() || !now.all<model::Workload>().empty() ||
         !now.all<model::Service>().empty() || !now.all<model::EndpointSlice>().empty() ||
         !now.all<model::Ingress>().empty() || !now.all<model::NetworkPolicy>().empty() ||
         !now.all<model::Gateway>().empty() || !now.all<model::HTTPRoute>().empty();
}

Prefix prefix(const char* text) { return *Prefix::parse(text); }

bool has_family(const std::vector<Prefix>& prefixes, Family family) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const Prefix& p) { return p.family() == family; });
}

// Candidates, best first.
std::vector<Prefix> vnet_candidates(Family family) {
  std::vector<Prefix> out;
  if (family == Family::v6) {
    for (unsigned i = 0; i < 256; ++i)
      out.push_back(Prefix(prefix("fd00:224::/48").address().plus(model::Uint128{i} << 80), 48));
    return out;
  }
  out.push_back(prefix("10.224.0.0/12"));
  const Prefix areas[] = {prefix("10.0.0.0/8"), prefix("172.16.0.0/12"), prefix("192.168.0.0/16")};
  for (int length = 12; length <= 16; ++length)
    for (const Prefix& area : areas)
      for (model::Uint128 offset = 0; length >= area.length() && offset < area.size();
           offset += Prefix(area.address(), length).size())
        out.push_back(Prefix(area.at(offset), length));
  return out;
}

std::vector<Prefix> series(Prefix first, int step_length, int count) {
  std::vector<Prefix> out;
  for (int i = 0; i < count; ++i) {
    model::Uint128 step = model::Uint128{1} << (first.address().bits() - step_length);
    out.push_back(Prefix(first.address().plus(step * static_cast<unsigned>(i)), first.length()));
  }
  return out;
}

// Private /16 blocks: 10.0.0.0/8 first, as AKS has its defaults there.
std::vector<Prefix> private_blocks() {
  std::vector<Prefix> out = series(prefix("10.0.0.0/16"), 16, 256);
  for (const Prefix& block : series(prefix("172.16.0.0/16"), 16, 16)) out.push_back(block);
  out.push_back(prefix("192.168.0.0/16"));
  return out;
}

std::vector<Prefix> service_candidates(Family family) {
  return family == Family::v6 ? series(prefix("fd00:10::/112"), 32, 64) : private_blocks();
}

std::vector<Prefix> pod_candidates(Family family) {
  if (family == Family::v6) return series(prefix("fd00:244::/56"), 32, 64);
  std::vector<Prefix> out = private_blocks();
  out.insert(out.begin(), prefix("10.244.0.0/16"));
  return out;
}

// A range that a cluster lacks.
struct Need {
  enum class What : std::uint8_t { vnet, pods, services } what = What::vnet;
  Family family = Family::v4;
  std::string cluster;
  std::optional<Prefix> chosen;

  std::string key() const {
    constexpr const char* words[] = {"vnet", "pods", "services"};
    return "Cluster/" + cluster + "/" + words[static_cast<int>(what)] + "/" + name(family);
  }
};

struct Ranges {
  std::vector<Prefix> occupied;
  std::map<std::string, std::vector<Prefix>> services;  // by cluster

  bool free(const Need& need, const Prefix& candidate) const {
    auto clear = [&](const std::vector<Prefix>& others) {
      return std::none_of(others.begin(), others.end(), [&](const Prefix& other) { return other.overlaps(candidate); });
    };
    if (!clear(occupied)) return false;
    if (need.what == Need::What::services) return true;
    return std::all_of(services.begin(), services.end(), [&](const auto& entry) { return clear(entry.second); });
  }
  void take(Need& need, const Prefix& chosen) {
    need.chosen = chosen;
    if (need.what == Need::What::services)
      services[need.cluster].push_back(chosen);
    else
      occupied.push_back(chosen);
  }
};

Ranges given_ranges(const Snapshot& now) {
  Ranges ranges;
  auto add = [&](const std::vector<Prefix>& more) {
    ranges.occupied.insert(ranges.occupied.end(), more.begin(), more.end());
  };
  for (const auto& vnet : now.all<VirtualNetwork>()) add(vnet->address_space);
  for (const auto& network : now.all<model::OnPremisesNetwork>()) add(network->address_space);
  for (const auto& cluster : now.all<Cluster>()) {
    add(cluster->pod_cidrs);
    if (cluster->docker_bridge_cidr) add({*cluster->docker_bridge_cidr});
    ranges.services[cluster->meta.name] = cluster->service_cidrs;
  }
  return ranges;
}

bool needs_vnet(const Cluster& cluster) {
  return cluster.subnet.empty() && std::any_of(cluster.node_pools.begin(), cluster.node_pools.end(),
                                               [](const model::NodePool& pool) { return pool.subnet.empty(); });
}

std::vector<const model::Subnet*> subnets_of(const Snapshot& now, const Cluster& cluster) {
  std::vector<const model::Subnet*> out;
  auto add = [&](const SubnetRef& ref) {
    const VirtualNetwork* vnet = now.find<VirtualNetwork>(Kind::VirtualNetwork, ref.vnet);
    if (const model::Subnet* subnet = vnet ? vnet->find(ref.subnet) : nullptr) out.push_back(subnet);
  };
  add(cluster.subnet);
  for (const model::NodePool& pool : cluster.node_pools) add(pool.subnet);
  return out;
}

// The families that a cluster asks for: those of its subnets, or of its own ranges where its VNet is to be made.
std::vector<Family> families_of(const Snapshot& now, const Cluster& cluster) {
  bool v4 = needs_vnet(cluster);
  bool v6 = has_family(cluster.service_cidrs, Family::v6) || has_family(cluster.pod_cidrs, Family::v6);
  for (const model::Subnet* subnet : subnets_of(now, cluster)) {
    v4 = v4 || has_family(subnet->prefixes, Family::v4);
    v6 = v6 || has_family(subnet->prefixes, Family::v6);
  }
  std::vector<Family> out;
  if (v4 || !v6) out.push_back(Family::v4);
  if (v6) out.push_back(Family::v6);
  return out;
}

std::vector<Need> needs_of(const Snapshot& now, const Cluster& cluster) {
  std::vector<Need> needs;
  for (Family family : families_of(now, cluster)) {
    auto need = [&](Need::What what) { needs.push_back({what, family, cluster.meta.name, std::nullopt}); };
    if (needs_vnet(cluster)) need(Need::What::vnet);
    if (cluster.network_model == model::NetworkModel::kubenet && cluster.pod_cidrs.empty()) need(Need::What::pods);
    if (cluster.service_cidrs.empty()) need(Need::What::services);
  }
  return needs;
}

std::vector<Prefix> candidates(const Need& need) {
  switch (need.what) {
    case Need::What::vnet: return vnet_candidates(need.family);
    case Need::What::pods: return pod_candidates(need.family);
    case Need::What::services: return service_candidates(need.family);
  }
  return {};
}

void choose_ranges(Draft& draft, std::vector<Need>& needs) {
  Ranges ranges = given_ranges(draft.now());
  for (Need& need : needs) {
    auto earlier = draft.earlier.ranges.find(need.key());
    if (earlier == draft.earlier.ranges.end()) continue;
    std::vector<Prefix> as_prefix = earlier->second.prefixes();
    if (as_prefix.size() == 1 && ranges.free(need, as_prefix[0])) ranges.take(need, as_prefix[0]);
  }
  // Service ranges first: they have their usual place, and a VNet can be anywhere.
  for (Need::What what : {Need::What::services, Need::What::pods, Need::What::vnet})
    for (Need& need : needs) {
      if (need.what != what || need.chosen) continue;
      for (const Prefix& candidate : candidates(need))
        if (!need.chosen && ranges.free(need, candidate)) ranges.take(need, candidate);
    }
  for (const Need& need : needs) {
    if (need.chosen)
      draft.next.ranges[need.key()] = {need.chosen->first(), need.chosen->last()};
    else
      draft.condition({Kind::Cluster, "", need.cluster}, "Realised", "NoFreeRange",
                      {"controllers.no-free-range", {need.cluster}});
  }
}

void make_vnet(Draft& draft, Cluster& cluster, const std::vector<Need>& needs) {
  bool is_default = cluster.meta.generated && cluster.meta.name == default_cluster;
  std::string vnet_name =
      draft.free_name(Kind::VirtualNetwork, "", is_default ? default_cluster : cluster.meta.name + "-vnet");
  auto vnet = draft.generate<VirtualNetwork>(Kind::VirtualNetwork, "", vnet_name, true);
  vnet->resource_group = cluster.resource_group;
  model::Subnet nodes;
  nodes.name = "nodes";
  for (const Need& need : needs) {
    if (need.what != Need::What::vnet || need.cluster != cluster.meta.name || !need.chosen) continue;
    vnet->address_space.push_back(*need.chosen);
    nodes.prefixes.push_back(Prefix(need.chosen->address(), need.family == Family::v4 ? 16 : 64));
  }
  vnet->subnets.push_back(nodes);
  draft.put(vnet);
  cluster.subnet = {vnet_name, nodes.name};

  auto assignment = draft.generate<model::RoleAssignment>(
      Kind::RoleAssignment, "", draft.free_name(Kind::RoleAssignment, "", cluster.meta.name + "-network"), true);
  assignment->principal = model::resolve::principal(cluster);
  assignment->role = "Network Contributor";
  assignment->scope = "VirtualNetwork/" + vnet_name;
  draft.put(assignment);
}

void complete_cluster(Draft& draft, const Cluster& before, const std::vector<Need>& needs) {
  auto cluster = std::make_shared<Cluster>(before);
  for (const Need& need : needs) {
    if (need.cluster != before.meta.name || !need.chosen) continue;
    if (need.what == Need::What::pods) cluster->pod_cidrs.push_back(*need.chosen);
    if (need.what == Need::What::services) cluster->service_cidrs.push_back(*need.chosen);
  }
  if (!cluster->dns_service_address && !cluster->service_cidrs.empty()) {
    const Prefix& services = cluster->service_cidrs.front();
    cluster->dns_service_address = services.at(services.size() > 16 ? 10 : services.size() > 4 ? 2 : 0);
  }
  for (model::NodePool& pool : cluster->node_pools)
    if (!pool.max_pods) pool.max_pods = cluster->network_model == model::NetworkModel::vnet ? 30 : 110;
  if (needs_vnet(*cluster)) make_vnet(draft, *cluster, needs);
  draft.put(cluster);
}

}  // namespace

void complete_clusters(Draft& draft) {
  if (draft.now().all<Cluster>().empty() && needs_cluster(draft.now()))
    draft.put(draft.generate<Cluster>(Kind::Cluster, "", default_cluster, true));
  draft.commit();
  for (const auto& row : draft.now().all<Cluster>()) {
    auto cluster = std::make_shared<Cluster>(*row);
    if (draft.options.network_model) cluster->network_model = *draft.options.network_model;
    if (cluster->node_pools.empty()) {
      model::NodePool pool;
      pool.name = "default";
      pool.count = 2;
      cluster->node_pools.push_back(pool);
    }
    draft.put(cluster);
  }
  draft.commit();
  std::vector<Need> needs;
  for (const auto& cluster : draft.now().all<Cluster>())
    for (Need& need : needs_of(draft.now(), *cluster)) needs.push_back(std::move(need));
  choose_ranges(draft, needs);
  for (const auto& cluster : std::vector(draft.now().all<Cluster>().rows())) {
    complete_cluster(draft, *cluster, needs);
    draft.commit();  // the next one must see the names that are taken
  }
}

void complete_namespaces(Draft& draft) {
  std::set<std::string> wanted = {"default"};
  for (const model::AnyObject& object : draft.now().objects())
    if (model::info(meta(object).kind).namespaced) wanted.insert(meta(object).ns);
  for (const std::string& ns : wanted)
    if (!ns.empty() && !draft.now().find<model::Namespace>(Kind::Namespace, ns))
      draft.put(draft.generate<model::Namespace>(Kind::Namespace, "", ns, ns != "default"));
  draft.commit();
  // Kubernetes: automatic labelling, what policies select a namespace by name with.
  for (const auto& row : draft.now().all<model::Namespace>()) {
    auto at = row->meta.labels.find("kubernetes.io/metadata.name");
    if (at != row->meta.labels.end() && at->second == row->meta.name) continue;
    auto labelled = std::make_shared<model::Namespace>(*row);
    labelled->meta.labels["kubernetes.io/metadata.name"] = row->meta.name;
    draft.put(labelled);
  }
}

}  // namespace bailey::lab::controllers
