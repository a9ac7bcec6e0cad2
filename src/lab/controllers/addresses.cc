// Addresses of network interfaces and nodes. (The nodes' ranges for pods are only kept here; ranges.cc makes them fit.)
//
// Four rounds, so that no address is ever given twice and none moves without cause:
//   1. what files say: interfaces, nodes, load balancers, gateways, API servers;
//   2. what earlier completions decided and round 1 did not take, and what pods had a moment ago;
//   3. what pods are pinned to (inside of a range that round 2 kept it stays reserved there);
//   4. everything that is still missing: interfaces by name, then nodes in the order of their clusters, pools and
//      numbers. Where the subnet has nothing left, it comes out of what nodes have in reserve for pods.
// A node takes an address of each family of its subnet, or nothing.
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
        AddressPool& pool = draft.subnets[{{vnet->meta.name, subnet.name}, prefix.family()}].free;
        if (auto usable = usable_addresses(prefix)) pool.add(*usable);
      }
}

AddressPool* pool_of(Draft& draft, const SubnetRef& subnet, Family family) {
  SubnetAddresses* addresses = addresses_of(draft, subnet, family);
  return addresses ? &addresses->free : nullptr;
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
    for (Family family : families)
      if (SubnetAddresses* addresses = addresses_of(draft, node->subnet, family); addresses && vnet_model)
        addresses->add_share(node->meta.name).limit = node->max_pods;
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
  if (!unit.has_ranges) return;
  for (const AddressRange& range : unit.node->pod_ranges) {
    SubnetAddresses* addresses = addresses_of(draft, unit.subnet, range.first.family());
    if (!addresses || !addresses->free.take(range)) continue;
    NodeShare* share = addresses->find(unit.node->meta.name);
    share->given.release(range);
    share->own.release(range);
  }
}

void take_elsewhere(Draft& draft, const Address& address) {
  for (auto& [key, addresses] : draft.subnets)
    if (key.second == address.family()) addresses.free.take(address);
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
void keep_ranges(Draft& draft, Unit& unit, Family family, SubnetAddresses& addresses) {
  NodeShare* share = addresses.find(unit.node->meta.name);
  for (std::size_t piece = 0;; ++piece) {
    auto at = draft.earlier.ranges.find(range_key(unit.node->meta.name, family, piece));
    if (at == draft.earlier.ranges.end()) return;
    if (at->second.first.family() != family) continue;
    // A file may have claimed something inside of it meanwhile; pods hold addresses of the rest.
    for (const AddressRange& part : addresses.free.take_within(at->second)) share->own.release(part);
  }
}

void keep_earlier(Draft& draft, Unit& unit) {
  for (Family family : families) {
    SubnetAddresses* addresses = addresses_of(draft, unit.subnet, family);
    if (!addresses) continue;
    if (!has(unit.addresses(), family))
      if (auto address = draft.keep(unit.key(family), addresses->free)) unit.addresses().push_back(*address);
    if (unit.has_ranges) keep_ranges(draft, unit, family, *addresses);
  }
}

// Internal load balancers draw from their subnet too, but Services are served after everybody else.
void set_aside_for_services(Draft& draft) {
  for (const auto& service : draft.now().all<model::Service>()) {
    if (service->type != model::ServiceType::load_balancer) continue;
    for (Family family : families) {
      auto earlier = draft.earlier.addresses.find(balancer_key(service->meta, family));
      if (earlier == draft.earlier.addresses.end()) continue;
      for (const auto& balancer : draft.now().all<model::LoadBalancer>()) {
        if (!balancer->internal || !balancer->addresses.empty()) continue;
        SubnetAddresses* addresses = addresses_of(draft, balancer->subnet, family);
        if (addresses && addresses->free.take(earlier->second)) addresses->set_aside.push_back(earlier->second);
      }
    }
  }
}

// Takes out of `free` what pods have or had; nobody else shall get it as long as there is something else.
void rest(SubnetAddresses& addresses, const Address& address) {
  if (addresses.free.take(address)) addresses.resting.push_back(address);
}

void note_in_use(Draft& draft) {
  std::vector<Address> cooling = draft.in_use.cooling;
  for (const auto& [ref, held] : draft.in_use.held) {
    const auto* pod = draft.now().find<model::Pod>(ref);
    bool stays = pod && !pod->finished() && !pod->spec.host_network;
    if (!stays) cooling.insert(cooling.end(), held.addresses.begin(), held.addresses.end());
    const auto* node = draft.now().find<Node>(Kind::Node, held.node);
    for (auto& [key, addresses] : draft.subnets) {
      if (node && key.first.vnet != node->subnet.vnet) continue;
      NodeShare* share = addresses.find(held.node);
      for (const Address& address : held.addresses) {
        if (share && stays && share->own.has(address)) share->held.insert(address);
        rest(addresses, address);  // its node is gone, or has other ranges
      }
    }
  }
  for (const Address& address : cooling)
    for (auto& [key, addresses] : draft.subnets) {
      if (!addresses.free.holds(address)) continue;
      addresses.cooling.push_back(address);
      rest(addresses, address);
    }
}

// Round 3.
void take_pins(Draft& draft) {
  for (const auto& pod : draft.now().all<model::Pod>())
    for (const Address& address : pins(*pod))
      for (auto& [key, addresses] : draft.subnets)
        if (addresses.free.holds(address)) {
          addresses.free.take(address);
          std::erase(addresses.resting, address);
          addresses.pinned.insert(address);
        }
}

// Round 4.
void fail(Draft& draft, Unit& unit, const SubnetAddresses& full) {
  unit.failed = true;
  draft.condition(unit.ref(), "AddressAssigned", "SubnetFull",
                  {"controllers.subnet-full", {unit.ref().name, unit.subnet.text(), count_text(full.free.size())}});
  if (!unit.node) return;
  for (Family family : families) {
    SubnetAddresses* addresses = addresses_of(draft, unit.subnet, family);
    auto at = draft.next.addresses.find(unit.key(family));
    if (at != draft.next.addresses.end()) {
      if (addresses) addresses->free.release({at->second, at->second});
      draft.next.addresses.erase(at);
    }
    if (addresses) addresses->remove_share(unit.node->meta.name);
  }
  unit.node->addresses.clear();
  unit.node->ready = false;
}

void assign_fresh(Draft& draft, Unit& unit) {
  for (Family family : families) {
    SubnetAddresses* addresses = addresses_of(draft, unit.subnet, family);
    if (!addresses || has(unit.addresses(), family)) continue;
    std::optional<Address> address = addresses->take_one();
    if (!address) return fail(draft, unit, *addresses);
    unit.addresses().push_back(*address);
    draft.next.addresses[unit.key(family)] = *address;
  }
}

void finish(Draft& draft, Unit& unit) {
  if (unit.node) {
    std::sort(unit.node->addresses.begin(), unit.node->addresses.end());
    if (unit.nic) unit.nic->addresses = unit.node->addresses;
    unit.node->pod_ranges.clear();
    for (Family family : families)
      if (SubnetAddresses* addresses = addresses_of(draft, unit.subnet, family))
        if (const NodeShare* share = addresses->find(unit.node->meta.name))
          for (const AddressRange& range : share->own.free_ranges()) unit.node->pod_ranges.push_back(range);
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

bool draws(const model::Pod& pod) { return !pod.spec.host_network && pod.pinned_addresses.empty(); }

std::string range_key(const std::string& node, Family family, std::size_t piece) {
  return "Node/" + node + "/" + name(family) + (piece == 0 ? "" : "/" + std::to_string(piece));
}

SubnetAddresses* addresses_of(Draft& draft, const SubnetRef& subnet, Family family) {
  auto at = draft.subnets.find({subnet, family});
  return at == draft.subnets.end() ? nullptr : &at->second;
}

void assign_addresses(Draft& draft) {
  make_pools(draft);
  std::vector<Unit> units = make_units(draft);
  for (Unit& unit : units) take_given(draft, unit);
  take_given_of_others(draft);
  for (Unit& unit : units) keep_earlier(draft, unit);
  set_aside_for_services(draft);
  note_in_use(draft);
  take_pins(draft);
  for (Unit& unit : units) assign_fresh(draft, unit);
  for (Unit& unit : units) finish(draft, unit);
  draft.commit();
  assign_pod_cidrs(draft);
  draft.commit();
  make_pod_routes(draft);
}

}  // namespace bailey::lab::controllers
