// Addresses: inside their subnet, not one that Azure keeps, and one owner in each routed domain. A domain is a virtual
// network, an on-premises network, or the Internet; the same address in two of them is two addresses.
#include <algorithm>

#include "model/validate_report.h"

namespace bailey::model {
namespace {

std::string list_of(const std::vector<Prefix>& prefixes) {
  std::string out;
  for (const Prefix& prefix : prefixes) out += (out.empty() ? "" : ", ") + prefix.text();
  return out;
}

std::string indexed(std::string_view path, std::size_t index) {
  return std::string(path) + "[" + std::to_string(index) + "]";
}

class Addresses {
 public:
  Addresses(const Snapshot& snapshot, Report& report) : snapshot_(snapshot), report_(report) {}

  void interfaces();
  void nodes();
  void hosts();
  void pods();
  void internet();
  void balancers();

 private:
  // Remembers the owner; reports an address that somebody has already.
  void claim(const std::string& domain, const Address& address, const Meta& meta, std::string path,
             std::string owner = "") {
    if (owner.empty()) owner = meta.ref().text();
    auto [at, fresh] = owners_.emplace(std::pair{domain, address}, owner);
    if (fresh || at->second == owner) return;
    report_.error(meta, std::move(path), "duplicate-address", {"model.expected-free", {}},
                  {"model.found-taken", {address.text(), at->second}}, {"model.mend-other-address", {}});
  }
  bool in_subnet(const Meta& meta, const std::string& path, const SubnetRef& ref, const Address& address);

  const Snapshot& snapshot_;
  Report& report_;
  std::map<std::pair<std::string, Address>, std::string> owners_;
};

bool Addresses::in_subnet(const Meta& meta, const std::string& path, const SubnetRef& ref, const Address& address) {
  const VirtualNetwork* vnet = snapshot_.find<VirtualNetwork>(Kind::VirtualNetwork, ref.vnet);
  const Subnet* subnet = vnet ? vnet->find(ref.subnet) : nullptr;
  if (!subnet) return true;  // reported as a dangling reference
  auto holds = [&](const Prefix& prefix) { return prefix.contains(address); };
  auto at = std::find_if(subnet->prefixes.begin(), subnet->prefixes.end(), holds);
  if (at == subnet->prefixes.end()) {
    report_.error(meta, path, "outside-range",
                  {"model.expected-in-subnet", {list_of(subnet->prefixes) + " (" + ref.text() + ")"}},
                  {"model.found-text", {address.text()}}, {"model.mend-inside", {}});
    return false;
  }
  bool reserved = address < at->at(4) || address == at->last();
  if (!reserved) return true;
  report_.error(
      meta, path, "reserved-address", {"model.expected-usable", {}}, {"model.found-reserved", {address.text()}},
      {"model.mend-usable", {at->at(4).text(), Address::from_number(at->family(), at->last().number() - 1).text()}});
  return false;
}

void Addresses::interfaces() {
  for (const auto& nic : snapshot_.all<NetworkInterface>())
    for (std::size_t i = 0; i < nic->addresses.size(); ++i) {
      std::string path = indexed("spec.addresses", i);
      if (!in_subnet(nic->meta, path, nic->subnet, nic->addresses[i])) continue;
      claim("vnet/" + nic->subnet.vnet, nic->addresses[i], nic->meta, path,
            nic->node.empty() ? "" : "Node/" + nic->node);
    }
}

// Nodes live in the network of their cluster; without one they share a domain of their own.
void Addresses::nodes() {
  std::map<std::string, std::string> networks;
  for (const auto& cluster : snapshot_.all<Cluster>()) {
    std::string vnet = cluster->subnet.vnet;
    for (const NodePool& pool : cluster->node_pools)
      if (vnet.empty()) vnet = pool.subnet.vnet;
    networks[cluster->meta.name] = vnet;
  }
  for (const auto& node : snapshot_.all<Node>()) {
    if (node->meta.generated) continue;
    std::string domain = "nodes";
    if (networks.contains(node->cluster))
      domain = "vnet/" + networks[node->cluster];
    else if (node->cluster.empty() && networks.size() == 1)
      domain = "vnet/" + networks.begin()->second;
    for (const Address& address : node->addresses) claim(domain, address, node->meta, "status.addresses");
  }
}

void Addresses::hosts() {
  for (const auto& network : snapshot_.all<OnPremisesNetwork>())
    for (std::size_t i = 0; i < network->hosts.size(); ++i)
      for (std::size_t j = 0; j < network->hosts[i].addresses.size(); ++j)
        claim("onprem/" + network->meta.name, network->hosts[i].addresses[j], network->meta,
              indexed(indexed("spec.hosts", i) + ".addresses", j), "host/" + network->hosts[i].name);
  for (const auto& host : snapshot_.all<LabHost>()) {
    bool stands_for_another = host->meta.generated && host->network == LabHost::Network::on_premises;
    if (host->network == LabHost::Network::interfaces || stands_for_another) continue;
    bool internet = host->network == LabHost::Network::internet;
    const OnPremisesNetwork* network =
        internet ? nullptr : snapshot_.find<OnPremisesNetwork>(Kind::OnPremisesNetwork, host->on_premises_network);
    for (std::size_t i = 0; i < host->addresses.size(); ++i) {
      const Address& address = host->addresses[i];
      std::string path = indexed("spec.addresses", i);
      bool outside = network && std::none_of(network->address_space.begin(), network->address_space.end(),
                                             [&](const Prefix& prefix) { return prefix.contains(address); });
      if (outside)
        report_.error(
            host->meta, path, "outside-range",
            {"model.expected-in-space", {list_of(network->address_space) + " (" + network->meta.ref().text() + ")"}},
            {"model.found-text", {address.text()}}, {"model.mend-inside", {}});
      else
        claim(internet ? "internet" : "onprem/" + host->on_premises_network, address, host->meta, path);
    }
  }
}

void Addresses::pods() {
  for (const auto& pod : snapshot_.all<Pod>()) {
    if (pod->spec.host_network || pod->finished() || pod->meta.deleting) continue;
    auto cluster = pod->meta.labels.find("bailey.dev/cluster");
    std::string domain = "pods/" + (cluster == pod->meta.labels.end() ? "" : cluster->second);
    for (const Address& address : pod->pinned_addresses)
      claim(domain, address, pod->meta, "metadata.annotations.bailey.dev/addresses");
  }
}

void Addresses::internet() {
  for (const auto& nic : snapshot_.all<NetworkInterface>())
    if (nic->public_address) claim("internet", *nic->public_address, nic->meta, "spec.publicAddress");
  for (const auto& vnet : snapshot_.all<VirtualNetwork>())
    for (std::size_t i = 0; i < vnet->outbound_addresses.size(); ++i)
      claim("internet", vnet->outbound_addresses[i], vnet->meta, indexed("spec.outboundAddresses", i));
  for (const auto& gateway : snapshot_.all<NetworkGateway>())
    if (gateway->public_address) claim("internet", *gateway->public_address, gateway->meta, "spec.publicAddress");
  for (const auto& bastion : snapshot_.all<Bastion>())
    if (bastion->public_address) claim("internet", *bastion->public_address, bastion->meta, "spec.publicAddress");
}

void Addresses::balancers() {
  struct Taken {
    std::string domain;
    AddressRange range;
    std::string owner;
  };
  std::vector<Taken> taken;
  for (const auto& balancer : snapshot_.all<LoadBalancer>())
    for (std::size_t i = 0; i < balancer->addresses.size(); ++i) {
      const AddressRange& range = balancer->addresses[i];
      std::string path = indexed("spec.addresses", i);
      std::string domain = balancer->internal ? "vnet/" + balancer->subnet.vnet : "internet";
      if (balancer->internal && (!in_subnet(balancer->meta, path, balancer->subnet, range.first) ||
                                 !in_subnet(balancer->meta, path, balancer->subnet, range.last)))
        continue;
      auto clash = [&](const std::string& owner, const AddressRange& other) {
        report_.error(balancer->meta, path, "duplicate-address", {"model.expected-free", {}},
                      {"model.found-taken", {other.text(), owner}}, {"model.mend-other-address", {}});
      };
      auto owner = owners_.lower_bound({domain, range.first});
      if (owner != owners_.end() && owner->first.first == domain && range.contains(owner->first.second))
        clash(owner->second, {owner->first.second, owner->first.second});
      for (const Taken& other : taken)
        if (other.domain == domain && (other.range.contains(range.first) || range.contains(other.range.first)))
          clash(other.owner, other.range);
      taken.push_back({domain, range, balancer->meta.ref().text()});
    }
}

}  // namespace

void check_addresses(const Snapshot& snapshot, Report& report) {
  Addresses addresses(snapshot, report);
  addresses.interfaces();
  addresses.nodes();
  addresses.hosts();
  addresses.pods();
  addresses.internet();
  addresses.balancers();
}

}  // namespace bailey::model
