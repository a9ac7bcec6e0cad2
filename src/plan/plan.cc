// Gathers who needs addresses of which subnet, then sizes each subnet.
//
// One subnet may hold pools of several clusters, load balancers and plain interfaces, so needs are gathered for the
// whole snapshot and a cluster then takes the rows of its own subnets.
#include "plan/plan.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace bailey::plan {
namespace {

using model::Cluster;
using model::Kind;
using model::Prefix;
using model::Snapshot;
using model::SubnetRef;

constexpr const char* internal_annotation = "service.beta.kubernetes.io/azure-load-balancer-internal";
constexpr const char* subnet_annotation = "service.beta.kubernetes.io/azure-load-balancer-internal-subnet";

// Published for subnets that hold nothing else.
constexpr int least_gateway_subnet = 27;
constexpr int least_bastion_subnet = 26;
constexpr int least_front_subnet = 24;
constexpr std::uint64_t gateway_instances = 2;  // a pair
constexpr std::uint64_t bastion_instances = 2;
constexpr std::uint64_t front_instances = 125;  // an Application Gateway v2 at full scale

// A subnet, or the generated network of a cluster without one.
struct Place {
  SubnetRef subnet;
  std::string owner;  // the cluster
  friend auto operator<=>(const Place&, const Place&) = default;
};

Place place_of(const Cluster& cluster, const SubnetRef& pool_subnet) {
  const SubnetRef& subnet = pool_subnet.empty() ? cluster.subnet : pool_subnet;
  return subnet.empty() ? Place{{}, cluster.meta.name} : Place{subnet, ""};
}

// A cluster that names no pool has one of two nodes, as the control plane of the lab makes it.
std::vector<model::NodePool> pools_of(const Cluster& cluster) {
  if (!cluster.node_pools.empty()) return cluster.node_pools;
  model::NodePool pool;
  pool.name = "default";
  pool.count = 2;
  return {pool};
}

const std::string* annotation(const model::Meta& meta, const char* key) {
  auto at = meta.annotations.find(key);
  return at == meta.annotations.end() ? nullptr : &at->second;
}

class Needs {
 public:
  // `special` is planned in `model` instead of its own.
  Needs(const Snapshot& snapshot, const Cluster* special, Model model)
      : snapshot_(snapshot), special_(special), model_(model) {
    for (const auto& cluster : snapshot_.all<Cluster>()) add_cluster(*cluster);
    if (special_ && !snapshot_.find<Cluster>(Kind::Cluster, special_->meta.name)) add_cluster(*special_);
    interfaces();
    load_balancers();
    services();
    front_ends();
  }

  SubnetPlan size(const Place& place) const {
    SubnetPlan out;
    out.subnet = place.subnet;
    out.name = place.subnet.empty() ? place.owner + "-vnet/nodes" : place.subnet.text();
    if (auto at = needs_.find(place); at != needs_.end()) out.needs = at->second;
    std::stable_sort(out.needs.begin(), out.needs.end(), [](const Need& a, const Need& b) {
      return std::tie(a.what, a.object) < std::tie(b.what, b.object);
    });
    for (const Need& need : out.needs) {
      out.needed += need.count;
      out.needed_now += need.count_now;
    }
    if (auto at = least_.find(place); at != least_.end()) out.minimum = at->second;
    find_given(out);
    out.smallest = smallest_prefix(out.needed);
    if (out.smallest && out.minimum) out.smallest = std::min(*out.smallest, *out.minimum);
    if (!out.given) return out;
    if (out.given->family() == model::Family::v6) out.smallest = 64;
    auto usable = static_cast<double>(usable_addresses(*out.given));
    out.utilisation = usable > 0 ? static_cast<double>(out.needed) / usable : static_cast<double>(out.needed);
    out.utilisation_now = usable > 0 ? static_cast<double>(out.needed_now) / usable : *out.utilisation;
    return out;
  }

  std::vector<SubnetPlan> all() const {
    std::vector<SubnetPlan> named;
    std::vector<SubnetPlan> generated;
    for (const auto& [place, needs] : needs_) (place.subnet.empty() ? generated : named).push_back(size(place));
    named.insert(named.end(), generated.begin(), generated.end());
    return named;
  }

 private:
  void add(const Place& place, Need::What what, std::string object, std::uint64_t count) {
    if (count > 0) needs_[place].push_back({what, std::move(object), "", count, count});
  }
  void at_least(const Place& place, int length) {
    auto [at, added] = least_.emplace(place, length);
    at->second = std::min(at->second, length);
  }

  void add_cluster(const Cluster& cluster) {
    bool is_special = special_ && special_->meta.name == cluster.meta.name;
    const Cluster& given = is_special ? *special_ : cluster;
    Model model = is_special ? model_ : model_of(cluster.network_model);
    for (const model::NodePool& pool : pools_of(given)) {
      PoolPlan sized = plan_pool(model, pool);
      needs_[place_of(given, pool.subnet)].push_back(
          {Need::What::pool, given.meta.ref().text(), pool.name, sized.addresses, sized.addresses_now});
    }
    if (!given.api_server.private_address) return;
    if (std::optional<Place> place = place_holding(given, *given.api_server.private_address))
      add(*place, Need::What::api, given.meta.ref().text(), 1);
  }

  // The subnet of the cluster's own VNet in which an address lies.
  std::optional<Place> place_holding(const Cluster& cluster, const model::Address& address) const {
    SubnetRef ref = cluster.subnet;
    for (const model::NodePool& pool : cluster.node_pools)
      if (ref.empty()) ref = pool.subnet;
    const auto* vnet = snapshot_.find<model::VirtualNetwork>(Kind::VirtualNetwork, ref.vnet);
    if (!vnet) return std::nullopt;
    for (const model::Subnet& subnet : vnet->subnets)
      for (const Prefix& prefix : subnet.prefixes)
        if (prefix.contains(address)) return Place{{vnet->meta.name, subnet.name}, ""};
    return std::nullopt;
  }

  void interfaces() {
    for (const auto& nic : snapshot_.all<model::NetworkInterface>())
      if (nic->node.empty()) add({nic->subnet, ""}, Need::What::interface, nic->meta.ref().text(), 1);
  }

  // A load balancer with a pool keeps it whole; one without draws an address for each Service.
  void load_balancers() {
    for (const auto& balancer : snapshot_.all<model::LoadBalancer>()) {
      if (!balancer->internal || balancer->subnet.empty()) continue;
      model::Uint128 count = 0;
      for (const model::AddressRange& range : balancer->addresses)
        if (range.first.is_v4()) count += range.size();
      add({balancer->subnet, ""}, Need::What::load_balancer, balancer->meta.ref().text(),
          static_cast<std::uint64_t>(count));
    }
  }

  void services() {
    for (const auto& service : snapshot_.all<model::Service>()) {
      const std::string* internal = annotation(service->meta, internal_annotation);
      if (service->type != model::ServiceType::load_balancer || !internal || *internal != "true") continue;
      if (std::optional<Place> place = place_of_service(*service))
        add(*place, Need::What::service, service->meta.ref().text(), 1);
    }
  }

  // Where an internal Service has its front end; empty where a load balancer's own pool gives it.
  std::optional<Place> place_of_service(const model::Service& service) const {
    std::string_view wanted = service.load_balancer_class;
    if (wanted.starts_with("bailey.dev/")) wanted.remove_prefix(11);
    for (const auto& balancer : snapshot_.all<model::LoadBalancer>()) {
      if (wanted.empty() ? !balancer->internal : balancer->meta.name != wanted) continue;
      if (!balancer->internal || !balancer->addresses.empty() || balancer->subnet.empty()) return std::nullopt;
      return Place{balancer->subnet, ""};
    }
    const Cluster* cluster = cluster_of(service.meta);
    if (!cluster) return std::nullopt;
    SubnetRef first = cluster->node_pools.empty() ? SubnetRef{} : cluster->node_pools.front().subnet;
    Place place = place_of(*cluster, cluster->subnet.empty() ? first : cluster->subnet);
    if (const std::string* subnet = annotation(service.meta, subnet_annotation); subnet && !place.subnet.empty())
      place.subnet.subnet = *subnet;
    return place;
  }

  const Cluster* cluster_of(const model::Meta& meta) const {
    auto at = meta.labels.find("bailey.dev/cluster");
    if (at != meta.labels.end()) return snapshot_.find<Cluster>(Kind::Cluster, at->second);
    const auto& clusters = snapshot_.all<Cluster>();
    return clusters.empty() ? nullptr : clusters.begin()->get();
  }

  void front_ends() {
    for (const auto& gateway : snapshot_.all<model::NetworkGateway>()) {
      Place place{gateway->subnet, ""};
      add(place, Need::What::gateway, gateway->meta.ref().text(), gateway_instances);
      at_least(place, least_gateway_subnet);
    }
    for (const auto& front : snapshot_.all<model::ApplicationGateway>()) {
      if (!front->in_front || front->subnet.empty()) continue;
      Place place{front->subnet, ""};
      add(place, Need::What::application_gateway, front->meta.ref().text(), front_instances + 1);
      at_least(place, least_front_subnet);
    }
    for (const auto& bastion : snapshot_.all<model::Bastion>()) {
      Place place{{bastion->vnet, bastion->subnet}, ""};
      add(place, Need::What::bastion, bastion->meta.ref().text(), bastion_instances);
      at_least(place, least_bastion_subnet);
    }
  }

  void find_given(SubnetPlan& out) const {
    const auto* vnet = snapshot_.find<model::VirtualNetwork>(Kind::VirtualNetwork, out.subnet.vnet);
    const model::Subnet* subnet = vnet ? vnet->find(out.subnet.subnet) : nullptr;
    if (!subnet) return;
    for (const Prefix& prefix : subnet->prefixes)
      (prefix.family() == model::Family::v4 ? out.given : out.given_ipv6) = prefix;
    if (!out.given) std::swap(out.given, out.given_ipv6);
  }

  const Snapshot& snapshot_;
  const Cluster* special_;
  Model model_;
  std::map<Place, std::vector<Need>> needs_;
  std::map<Place, int> least_;
};

PodRangePlan plan_pod_range(const Cluster& cluster, std::uint64_t blocks) {
  PodRangePlan out;
  out.blocks = blocks;
  out.needed = blocks * pod_block_addresses;
  out.smallest = smallest_pod_range(blocks);
  for (const Prefix& prefix : cluster.pod_cidrs)
    (prefix.family() == model::Family::v4 ? out.given : out.given_ipv6) = prefix;
  if (out.given) {
    auto held = static_cast<double>(out.given->size() / pod_block_addresses);
    out.utilisation = static_cast<double>(blocks) / std::max(held, 1.0);
  }
  return out;
}

ClusterPlan cluster_plan(const Needs& needs, const Cluster& cluster, Model model) {
  ClusterPlan out;
  out.cluster = cluster.meta.name;
  out.model = model;
  std::vector<Place> places;
  for (const model::NodePool& pool : pools_of(cluster)) {
    out.pools.push_back(plan_pool(model, pool));
    Place place = place_of(cluster, pool.subnet);
    out.pools.back().subnet = place.subnet;
    if (std::find(places.begin(), places.end(), place) == places.end()) places.push_back(place);
  }
  std::sort(places.begin(), places.end());
  for (const Place& place : places) out.subnets.push_back(needs.size(place));
  if (model != Model::vnet) out.pod_range = plan_pod_range(cluster, out.all_nodes());
  return out;
}

}  // namespace

PoolPlan plan_pool(Model model, const model::NodePool& pool) {
  PoolPlan out;
  out.name = pool.name;
  out.os = pool.os;
  out.nodes_now = pool.count;
  out.nodes = std::max(pool.count, pool.max_count.value_or(0));
  out.surge_nodes = surge_nodes(pool.max_surge, out.nodes).value_or(1);
  out.headroom_nodes = pool.os == model::Os::windows ? 1 : 0;
  out.max_pods = pool.max_pods ? std::uint64_t{*pool.max_pods} : default_pods(model);
  out.addresses_now = needed_addresses(model, out.nodes_now, out.max_pods);
  out.addresses = needed_addresses(model, out.all_nodes(), out.max_pods);
  out.subnet = pool.subnet;
  return out;
}

ClusterPlan plan_cluster(const Snapshot& snapshot, const Cluster& cluster, Model model) {
  return cluster_plan(Needs(snapshot, &cluster, model), cluster, model);
}

std::vector<ClusterPlan> plan(const Snapshot& snapshot) {
  Needs needs(snapshot, nullptr, Model::vnet);
  std::vector<ClusterPlan> out;
  for (const auto& cluster : snapshot.all<Cluster>())
    out.push_back(cluster_plan(needs, *cluster, model_of(cluster->network_model)));
  return out;
}

std::vector<SubnetPlan> plan_subnets(const Snapshot& snapshot) { return Needs(snapshot, nullptr, Model::vnet).all(); }

}  // namespace bailey::plan
