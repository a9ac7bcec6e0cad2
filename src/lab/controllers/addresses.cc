// Addresses of network interfaces and nodes, and the nodes' ranges for pods.
//
// Four rounds, so that no address is ever given twice and none moves without cause:
//   1. what files say: interfaces, nodes, load balancers, gateways, API servers;
//   2. what earlier completions decided and round 1 did not take;
//   3. what pods are pinned to (inside of a range that round 2 kept it stays reserved there, see scheduler.cc);
//   4. everything that is still missing, lowest free first: interfaces by name, then nodes in the order of their
//      clusters, pools and numbers.
// A node takes an address of each family of its subnet and, under the vnet model, as many secondary addresses as
// it may hold pods: contiguous if there is room, in pieces otherwise. It gets all of that or nothing.
#include <algorithm>

#include "lab/controllers/draft.h"
#include "lab/controllers/kubenet.h"

namespace bailey::lab::controllers {
namespace {

using model::Cluster;
using model::NetworkInterface;
using model::Node;

void make_pools(Draft& draft) {
  for (const auto& vnet : draft.now().all<model::VirtualNetwork>())
    for (const model::Subnet& subnet : vnet->subnets)
      for (const Prefix& prefix : subnet.prefixes) {
        AddressPool& pool = draft.subnets[{{vnet->meta.name, subnet.name}, prefix.family()}];
        if (auto usable = usable_addresses(prefix)) pool.add(*usable);
      }
}

AddressPool* pool_of(Draft& draft, const SubnetRef& subnet, Family family) {
  auto at = draft.subnets.find({subnet, family});
  return at == draft.subnets.end() ? nullptr : &at->second;
}

bool in_subnet(const Snapshot& now, const SubnetRef& ref, const Address& address) {
  const auto* vnet = now.find<model::VirtualNetwork>(Kind::VirtualNetwork, ref.vnet);
  const model::Subnet* subnet = vnet ? vnet->find(ref.subnet) : nullptr;
  return subnet && std::any_of(subnet->prefixes.begin(), subnet->prefixes.end(),
                               [&](const Prefix& prefix) { return prefix.contains(address); });
}

// One owner of addresses in a subnet: a NetworkInterface, or a node with the interface that overrides its own.
struct Unit {
  std::shared_ptr<NetworkInterface> nic;
  std::shared_ptr<Node> node;
  SubnetRef subnet;
  bool has_ranges = false;  // vnet model
  bool failed = false;

  std::vector<Address>& addresses() { return node ? node->addresses : nic->addresses; }
  ObjectRef ref() const { return node ? node->meta.ref() : nic->meta.ref(); }
  std::string key(Family family) const {
    return std::string(node ? "Node/" : "NetworkInterface/") + ref().name + "/" + name(family);
  }
  std::string range_key(Family family, std::size_t piece) const {
    return key(family) + (piece == 0 ? "" : "/" + std::to_string(piece));
  }
  model::Uint128 range_size(Family family) const {
    model::Uint128 total = 0;
    for (const AddressRange& range : node->pod_ranges)
      if (range.first.family() == family) total += range.size();
    return total;
  }
};

// Clusters, pools and numbers in their order; given nodes by name.
std::vector<std::shared_ptr<const Node>> nodes_in_order(const Snapshot& now) {
  std::vector<std::shared_ptr<const Node>> nodes = now.all<Node>().rows();
  auto place = [&](const Node& node) {
    const Cluster* cluster = now.find<Cluster>(Kind::Cluster, node.cluster);
    std::size_t pool = 0;
    if (cluster && node.meta.generated)
      while (pool < cluster->node_pools.size() && cluster->node_pools[pool].name != node.pool) ++pool;
    return std::make_tuple(node.cluster, pool, node.meta.generated ? node.meta.name.size() : 0);
  };
  std::stable_sort(nodes.begin(), nodes.end(), [&](const auto& a, const auto& b) { return place(*a) < place(*b); });
  return nodes;
}

std::vector<Unit> make_units(Draft& draft) {
  const Snapshot& now = draft.now();
  std::map<std::string, std::shared_ptr<NetworkInterface>> of_nodes;
  std::vector<Unit> units;
  for (const auto& row : now.all<NetworkInterface>()) {
    auto nic = std::make_shared<NetworkInterface>(*row);
    if (!nic->node.empty() && of_nodes.emplace(nic->node, nic).second && now.find<Node>(Kind::Node, nic->node))
      continue;
    units.push_back({nic, nullptr, nic->subnet, false, false});
  }
  for (const auto& row : nodes_in_order(now)) {
    auto node = std::make_shared<Node>(*row);
    auto nic = of_nodes.find(node->meta.name);
    std::shared_ptr<NetworkInterface> own = nic == of_nodes.end() ? nullptr : nic->second;
    if (draft.denied_nodes.contains(node->meta.name)) {
      node->addresses.clear();
      node->pod_ranges.clear();
      node->ready = false;
      draft.put(node);
      // Its interface remains somebody's wish for an address.
      if (own) units.push_back({own, nullptr, own->subnet, false, false});
      continue;
    }
    const Cluster* cluster = now.find<Cluster>(Kind::Cluster, node->cluster);
    bool vnet_model = cluster && cluster->network_model == model::NetworkModel::vnet;
    if (own && !own->addresses.empty()) node->addresses = own->addresses;
    units.push_back({own, node, node->subnet, vnet_model, false});
  }
  return units;
}

// Round 1.
void take_given(Draft& draft, Unit& unit) {
  std::erase_if(unit.addresses(), [&](const Address& address) {
    AddressPool* pool = pool_of(draft, unit.subnet, address.family());
    bool taken = pool && pool->take(address);
    if (taken || !unit.node || unit.nic) return false;
    bool inside = in_subnet(draft.now(), unit.subnet, address);
    if (inside && !(pool && pool->holds(address))) return false;  // a kept address such as .1: theirs to say
    draft.condition(unit.ref(), "AddressAssigned", inside ? "AddressTaken" : "AddressOutsideSubnet",
                    {inside ? "controllers.node-address-taken" : "controllers.node-address-outside",
                     {unit.ref().name, address.text(), unit.subnet.text()}});
    return true;
  });
  if (!unit.node) return;
  if (!unit.has_ranges) unit.node->pod_ranges.clear();
  std::erase_if(unit.node->pod_ranges, [&](const AddressRange& range) {
    AddressPool* pool = pool_of(draft, unit.subnet, range.first.family());
    return !pool || !pool->take(range);
  });
}

void take_elsewhere(Draft& draft, const Address& address) {
  for (auto& [key, pool] : draft.subnets)
    if (key.second == address.family()) pool.take(address);
}

void take_range(Draft& draft, const SubnetRef& subnet, const AddressRange& range) {
  AddressPool* pool = pool_of(draft, subnet, range.first.family());
  if (!pool || pool->take(range)) return;
  constexpr unsigned longest = 65536;  // a range that reaches into something else: as far as it is free
  for (model::Uint128 i = 0; i < longest && range.first.plus(i) <= range.last; ++i) pool->take(range.first.plus(i));
}

void take_given_of_others(Draft& draft) {
  const Snapshot& now = draft.now();
  for (const auto& balancer : now.all<model::LoadBalancer>())
    for (const AddressRange& range : balancer->addresses) take_range(draft, balancer->subnet, range);
  for (const auto& gateway : now.all<model::ApplicationGateway>())
    for (const Address& address : gateway->addresses) take_range(draft, gateway->subnet, {address, address});
  for (const auto& cluster : now.all<Cluster>())
    if (cluster->api_server.private_address) take_elsewhere(draft, *cluster->api_server.private_address);
  for (const auto& service : now.all<model::Service>()) {
    for (const Address& address : service->load_balancer_addresses) take_elsewhere(draft, address);
    if (service->load_balancer_address) take_elsewhere(draft, *service->load_balancer_address);
  }
}

// Round 2.
void keep_ranges(Draft& draft, Unit& unit, Family family, AddressPool& pool) {
  model::Uint128 wanted = unit.node->max_pods;
  for (std::size_t piece = 0; unit.range_size(family) < wanted; ++piece) {
    auto at = draft.earlier.ranges.find(unit.range_key(family, piece));
    if (at == draft.earlier.ranges.end()) return;
    AddressRange range = at->second;
    model::Uint128 lacking = wanted - unit.range_size(family);
    if (range.size() > lacking) range.last = range.first.plus(lacking - 1);
    if (pool.take(range)) unit.node->pod_ranges.push_back(range);
  }
}

void keep_earlier(Draft& draft, Unit& unit) {
  for (Family family : families) {
    AddressPool* pool = pool_of(draft, unit.subnet, family);
    if (!pool) continue;
    if (!has(unit.addresses(), family))
      if (auto address = draft.keep(unit.key(family), *pool)) unit.addresses().push_back(*address);
    if (unit.has_ranges) keep_ranges(draft, unit, family, *pool);
  }
}

// Round 4.
void fail(Draft& draft, Unit& unit, const AddressPool& pool, model::Uint128 lacking) {
  unit.failed = true;
  model::Uint128 needed = unit.has_ranges ? model::Uint128{unit.node->max_pods} + 1 : 1;
  draft.condition(
      unit.ref(), "AddressAssigned", "SubnetFull",
      {"controllers.subnet-full",
       {unit.ref().name, unit.subnet.text(), count_text(needed), count_text(lacking), count_text(pool.free())}});
  if (!unit.node) return;
  for (Family family : families) {
    AddressPool* other = pool_of(draft, unit.subnet, family);
    auto at = draft.next.addresses.find(unit.key(family));
    if (at != draft.next.addresses.end()) {
      if (other) other->release({at->second, at->second});
      draft.next.addresses.erase(at);
    }
    for (const AddressRange& range : unit.node->pod_ranges)
      if (range.first.family() == family && other) other->release(range);
  }
  unit.node->addresses.clear();
  unit.node->pod_ranges.clear();
  unit.node->ready = false;
}

void assign_fresh(Draft& draft, Unit& unit) {
  for (Family family : families) {
    AddressPool* pool = pool_of(draft, unit.subnet, family);
    if (!pool) continue;
    model::Uint128 own = has(unit.addresses(), family) ? 0 : 1;
    model::Uint128 pods = unit.has_ranges ? unit.node->max_pods - unit.range_size(family) : 0;
    if (pool->free() < own + pods) return fail(draft, unit, *pool, own + pods);
    if (own != 0) unit.addresses().push_back(*draft.assign(unit.key(family), *pool));
    if (pods == 0) continue;
    for (const AddressRange& range : pool->take_run(pods)) unit.node->pod_ranges.push_back(range);
  }
}

void remember_ranges(Draft& draft, const Unit& unit) {
  std::map<Family, std::size_t> pieces;
  for (const AddressRange& range : unit.node->pod_ranges) {
    Family family = range.first.family();
    draft.next.ranges[unit.range_key(family, pieces[family]++)] = range;
  }
}

void finish(Draft& draft, Unit& unit) {
  if (unit.node) {
    std::sort(unit.node->addresses.begin(), unit.node->addresses.end());
    std::sort(unit.node->pod_ranges.begin(), unit.node->pod_ranges.end());
    if (unit.nic) unit.nic->addresses = unit.node->addresses;
    remember_ranges(draft, unit);
    draft.put(unit.node);
  }
  if (unit.nic) draft.put(unit.nic);
}

}  // namespace

std::vector<Address> pins(const model::Pod& pod) {
  if (pod.spec.host_network || pod.finished()) return {};
  if (!pod.pinned_addresses.empty()) return pod.pinned_addresses;
  return pod.meta.generated ? std::vector<Address>{} : pod.addresses;
}

void assign_addresses(Draft& draft) {
  make_pools(draft);
  std::vector<Unit> units = make_units(draft);
  for (Unit& unit : units) take_given(draft, unit);
  take_given_of_others(draft);
  for (Unit& unit : units) keep_earlier(draft, unit);
  for (const auto& pod : draft.now().all<model::Pod>())
    for (const Address& address : pins(*pod)) take_elsewhere(draft, address);
  for (Unit& unit : units) assign_fresh(draft, unit);
  for (Unit& unit : units) finish(draft, unit);
  draft.commit();
  assign_pod_cidrs(draft);
  draft.commit();
  make_pod_routes(draft);
}

}  // namespace bailey::lab::controllers
