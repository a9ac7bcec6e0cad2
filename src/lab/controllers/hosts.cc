// Hosts outside of clusters, and every address that the Internet sees.
//
// The ranges are those that are set aside for documentation (RFC 5737, RFC 3849): no lab can be mistaken for a
// real network, and none of them is part of a private range that a user plans with.
#include <algorithm>

#include "lab/controllers/draft.h"

namespace bailey::lab::controllers {
namespace {

using model::LabHost;
using model::OnPremisesNetwork;
using model::VirtualNetwork;

constexpr const char* internet_host = "internet";

struct PublicRange {
  const char* first;
  const char* last;
};
constexpr PublicRange internet_ranges[] = {{"198.51.100.10", "198.51.100.254"},
                                           {"2001:db8:200::a", "2001:db8:200::ffff"}};
constexpr PublicRange outbound_ranges[] = {{"203.0.113.10", "203.0.113.254"},
                                           {"2001:db8:100::10", "2001:db8:100::ffff"}};

AddressPool pool_of(const PublicRange& range) {
  AddressPool pool;
  pool.add({*Address::parse(range.first), *Address::parse(range.last)});
  return pool;
}

bool any_v6(const std::vector<Prefix>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [](const Prefix& p) { return p.family() == Family::v6; });
}
bool any_v6(const std::vector<Address>& addresses) {
  return std::any_of(addresses.begin(), addresses.end(), [](const Address& a) { return a.is_v6(); });
}

bool uses_v6(const Snapshot& now) {
  for (const auto& vnet : now.all<VirtualNetwork>())
    if (any_v6(vnet->address_space)) return true;
  for (const auto& network : now.all<OnPremisesNetwork>())
    if (any_v6(network->address_space)) return true;
  for (const auto& cluster : now.all<model::Cluster>())
    if (any_v6(cluster->pod_cidrs)) return true;
  for (const auto& pod : now.all<model::Pod>())
    if (any_v6(pins(*pod))) return true;
  for (const auto& host : now.all<LabHost>())
    if (any_v6(host->addresses)) return true;
  return false;
}

using Pools = std::map<Family, AddressPool>;

// Addresses that files give and that the Internet may see.
std::vector<Address> given_public(const Snapshot& now) {
  std::vector<Address> out;
  auto add = [&](const auto& more) { out.insert(out.end(), more.begin(), more.end()); };
  auto add_one = [&](const std::optional<Address>& address) {
    if (address) out.push_back(*address);
  };
  for (const auto& nic : now.all<model::NetworkInterface>()) add_one(nic->public_address);
  for (const auto& gateway : now.all<model::NetworkGateway>()) add_one(gateway->public_address);
  for (const auto& bastion : now.all<model::Bastion>()) add_one(bastion->public_address);
  for (const auto& gateway : now.all<model::ApplicationGateway>()) add(gateway->addresses);
  for (const auto& node : now.all<model::Node>()) add(node->external_addresses);
  for (const auto& host : now.all<LabHost>()) add(host->addresses);
  for (const auto& vnet : now.all<VirtualNetwork>()) add(vnet->outbound_addresses);
  for (const auto& service : now.all<model::Service>()) {
    add(service->load_balancer_addresses);
    add(service->external_addresses);
  }
  constexpr unsigned longest = 256;  // as many as the ranges here have
  for (const auto& balancer : now.all<model::LoadBalancer>())
    for (const AddressRange& range : balancer->addresses)
      for (model::Uint128 i = 0; i < longest && range.first.plus(i) <= range.last; ++i) add_one(range.first.plus(i));
  return out;
}

// Hosts that say no address at all get one of each family of `pools`.
void assign_hosts(Draft& draft, const std::vector<const LabHost*>& hosts, Pools& pools) {
  for (const Address& address : given_public(draft.now()))
    if (auto at = pools.find(address.family()); at != pools.end()) at->second.take(address);
  std::map<std::string, std::optional<Address>> given;
  auto key = [](const LabHost& host, Family family) { return "LabHost/" + host.meta.name + "/" + name(family); };
  for (auto& [family, pool] : pools)
    for (const LabHost* host : hosts)
      if (host->addresses.empty()) given[key(*host, family)] = draft.keep(key(*host, family), pool);
  for (const LabHost* host : hosts) {
    if (!host->addresses.empty()) continue;
    auto completed = std::make_shared<LabHost>(*host);
    for (auto& [family, pool] : pools) {
      std::optional<Address>& address = given[key(*host, family)];
      if (!address) address = draft.assign(key(*host, family), pool);
      if (address) completed->addresses.push_back(*address);
    }
    if (completed->addresses.empty())
      draft.condition(host->meta.ref(), "AddressAssigned", "NetworkFull",
                      {"controllers.network-full", {host->meta.name}});
    draft.put(completed);
  }
}

void assign_on_premises(Draft& draft, const OnPremisesNetwork& network) {
  Pools pools;
  for (const Prefix& prefix : network.address_space)
    if (auto usable = usable_addresses(prefix)) pools[prefix.family()].add(*usable);
  std::vector<const LabHost*> hosts;
  for (const auto& host : draft.now().all<LabHost>())
    if (host->network == LabHost::Network::on_premises && host->on_premises_network == network.meta.name)
      hosts.push_back(host.get());
  assign_hosts(draft, hosts, pools);
}

void assign_internet(Draft& draft) {
  Pools pools;
  pools[Family::v4] = pool_of(internet_ranges[0]);
  if (uses_v6(draft.now())) pools[Family::v6] = pool_of(internet_ranges[1]);
  std::vector<const LabHost*> hosts;
  for (const auto& host : draft.now().all<LabHost>())
    if (host->network == LabHost::Network::internet) hosts.push_back(host.get());
  // The host that is always there has always the same address.
  std::stable_partition(hosts.begin(), hosts.end(), [](const LabHost* h) { return h->meta.name == internet_host; });
  assign_hosts(draft, hosts, pools);
}

void assign_outbound(Draft& draft) {
  Pools pools;
  for (Family family : families) pools[family] = pool_of(outbound_ranges[static_cast<int>(family)]);
  const Snapshot& now = draft.now();
  for (const Address& address : given_public(now)) pools[address.family()].take(address);

  struct Want {
    const VirtualNetwork* vnet;
    Family family;
    std::string key;
    std::optional<Address> address;
  };
  std::vector<Want> wants;
  for (const auto& vnet : now.all<VirtualNetwork>())
    for (Family family : families) {
      bool in_space = std::any_of(vnet->address_space.begin(), vnet->address_space.end(),
                                  [&](const Prefix& p) { return p.family() == family; });
      if (in_space && !has(vnet->outbound_addresses, family))
        wants.push_back({vnet.get(), family, "VirtualNetwork/" + vnet->meta.name + "/" + name(family), {}});
    }
  for (Want& want : wants) want.address = draft.keep(want.key, pools[want.family]);
  std::map<const VirtualNetwork*, std::shared_ptr<VirtualNetwork>> changed;
  for (Want& want : wants) {
    if (!want.address) want.address = draft.assign(want.key, pools[want.family]);
    if (!want.address) {
      draft.condition(want.vnet->meta.ref(), "AddressAssigned", "NetworkFull",
                      {"controllers.network-full", {want.vnet->meta.name}});
      continue;
    }
    auto& copy = changed[want.vnet];
    if (!copy) copy = std::make_shared<VirtualNetwork>(*want.vnet);
    copy->outbound_addresses.push_back(*want.address);
  }
  for (auto& [vnet, copy] : changed) draft.put(copy);
}

void make_on_premises_hosts(Draft& draft, const OnPremisesNetwork& network) {
  for (const model::OnPremisesHost& given : network.hosts) {
    if (draft.now().find<LabHost>(Kind::LabHost, given.name)) {
      draft.condition(network.meta.ref(), "Accepted", "NameTaken", {"controllers.host-name-taken", {given.name}});
      continue;
    }
    auto host = draft.generate<LabHost>(Kind::LabHost, "", given.name, false);
    host->meta.source = network.meta.source;
    host->network = LabHost::Network::on_premises;
    host->on_premises_network = network.meta.name;
    host->addresses = given.addresses;
    host->listeners = given.listeners;
    if (host->listeners.empty()) host->listeners = {{80, model::Protocol::tcp}};
    draft.put(host);
    draft.commit();
  }
}

}  // namespace

void make_hosts(Draft& draft) {
  for (const auto& network : std::vector(draft.now().all<OnPremisesNetwork>().rows()))
    make_on_premises_hosts(draft, *network);
  if (draft.now().find<LabHost>(Kind::LabHost, internet_host)) return;
  auto host = draft.generate<LabHost>(Kind::LabHost, "", internet_host, false);
  host->listeners = {{80, model::Protocol::tcp}, {443, model::Protocol::tcp}};
  draft.put(host);
}

void assign_public_addresses(Draft& draft) {
  for (const auto& network : draft.now().all<OnPremisesNetwork>()) assign_on_premises(draft, *network);
  assign_internet(draft);
  draft.commit();
  assign_outbound(draft);
}

}  // namespace bailey::lab::controllers
