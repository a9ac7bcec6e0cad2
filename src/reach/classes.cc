// A class is a text that holds all there is to know of a member; equal texts are one class.
//
// The texts are built of small numbers: which policies select it, which distinct peers include it, which atom of the
// address space it is in. Peers that read alike are evaluated once, and only once for each distinct set of labels.
#include "reach/classes.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "reach/policy.h"

namespace bailey::reach {
namespace {

using model::Address;
using model::LabelSelector;
using model::NetworkPolicy;
using model::PolicyPeer;
using model::Prefix;

std::string text_of(const LabelSelector& selector) {
  std::string out;
  for (const auto& [key, value] : selector.match_labels) out += key + "=" + value + ",";
  for (const LabelSelector::Expression& expression : selector.expressions) {
    out += expression.key + "?" + std::to_string(static_cast<int>(expression.op));
    for (const std::string& value : expression.values) out += ":" + value;
    out += ",";
  }
  return out;
}

std::string text_of(const std::optional<LabelSelector>& selector) {
  return selector ? "{" + text_of(*selector) + "}" : "-";
}

std::string text_of(const model::Labels& labels) {
  std::string out;
  for (const auto& [key, value] : labels) out += key + "=" + value + "\n";
  return out;
}

// The distinct selecting peers of all policies. One without namespace selector means its policy's namespace.
struct SelectorPeer {
  std::string ns;
  PolicyPeer peer;
};

class PolicyFacts {
 public:
  explicit PolicyFacts(const World& world) : world_(world) {
    std::map<std::string, SelectorPeer> peers;
    for (const auto& policy : world.snapshot().all<NetworkPolicy>()) {
      for (const auto* rules : {&policy->ingress_rules, &policy->egress_rules})
        for (const model::PolicyRule& rule : *rules) {
          for (const PolicyPeer& peer : rule.peers) gather(*policy, peer, peers);
          for (const model::PolicyPort& port : rule.ports)
            if (port.port && !port.port->name.empty()) named_ports_.insert(port.port->name);
        }
    }
    for (auto& [text, peer] : peers) peers_.push_back(std::move(peer));
    atoms_.finish();
  }

  std::string of(const Place& place, const Address& address) {
    std::string out = std::to_string(atoms_.of(address));
    // Node addresses are told apart one by one: each is its own pods' own node.
    if (place.type != Place::Type::pod) return out + "|" + place.name();
    // Where it leaves with its node's address, that is what blocks of addresses are held against.
    if (place.node)
      if (auto node = World::address_of(*place.node, address.family())) out += "|" + std::to_string(atoms_.of(*node));
    out += "|" + labels_fact(*place.pod) + "|";
    for (const model::ContainerPort& port : place.pod->spec.ports)
      if (named_ports_.contains(port.name))
        out +=
            port.name + "=" + std::to_string(port.port) + "/" + std::to_string(static_cast<int>(port.protocol)) + ",";
    return out;
  }

 private:
  void gather(const NetworkPolicy& policy, const PolicyPeer& peer, std::map<std::string, SelectorPeer>& peers) {
    if (peer.ip_block) {
      atoms_.add(peer.ip_block->cidr);
      for (const Prefix& hole : peer.ip_block->except) atoms_.add(hole);
      return;
    }
    std::string ns = peer.namespace_selector ? "" : policy.meta.ns;
    peers.emplace(ns + "|" + text_of(peer.namespace_selector) + "|" + text_of(peer.pod_selector),
                  SelectorPeer{policy.meta.ns, peer});
  }

  // What the labels and the namespace of a pod mean to policies: which select it, which peers include it.
  const std::string& labels_fact(const model::Pod& pod) {
    auto [at, fresh] = facts_.try_emplace(pod.meta.ns + "\n" + text_of(pod.meta.labels));
    if (!fresh) return at->second;
    std::string& out = at->second;
    for (PolicyDirection direction : {PolicyDirection::ingress, PolicyDirection::egress}) {
      for (const NetworkPolicy* policy : selecting(world_.snapshot(), pod, direction))
        out += policy->meta.ns + "/" + policy->meta.name + ",";
      out += ";";
    }
    PolicyPeerView view{&pod, {}};
    for (std::size_t i = 0; i < peers_.size(); ++i)
      if (includes(world_.snapshot(), peers_[i].ns, peers_[i].peer, view)) out += std::to_string(i) + ",";
    return out;
  }

  const World& world_;
  std::vector<SelectorPeer> peers_;
  std::set<std::string> named_ports_;
  std::unordered_map<std::string, std::string> facts_;
  Atoms atoms_;
};

// Everything that routes, security groups and gateways may ask of an address.
Atoms atoms_of_the_way(const model::Snapshot& snapshot) {
  Atoms out;
  auto add_all = [&](const std::vector<Prefix>& prefixes) {
    for (const Prefix& prefix : prefixes) out.add(prefix);
  };
  for (const auto& network : snapshot.all<model::VirtualNetwork>()) {
    add_all(network->address_space);
    for (const model::Subnet& subnet : network->subnets) add_all(subnet.prefixes);
  }
  for (const auto& table : snapshot.all<model::RouteTable>())
    for (const model::UserRoute& route : table->routes) {
      out.add(route.prefix);
      if (route.next_hop_address) out.add(Prefix::host(*route.next_hop_address));
    }
  for (const auto& group : snapshot.all<model::NetworkSecurityGroup>())
    for (const model::SecurityRule& rule : group->rules)
      for (const auto* list : {&rule.source_prefixes, &rule.destination_prefixes})
        for (const std::string& text : *list)
          if (auto prefix = Prefix::parse(text)) out.add(*prefix);
  for (const auto& connection : snapshot.all<model::GatewayConnection>()) add_all(connection->routes);
  for (const auto& network : snapshot.all<model::OnPremisesNetwork>()) add_all(network->address_space);
  for (const auto& cluster : snapshot.all<model::Cluster>()) {
    add_all(cluster->pod_cidrs);
    add_all(cluster->non_masquerade_cidrs);
  }
  out.finish();
  return out;
}

// How packets of a place enter the fabric, and what it is to others. Addresses that two VNets both have make an
// interface a class of its own.
std::string way_of(const Place& place, const Address& address, const Atoms& atoms,
                   const std::map<Address, int>& owners) {
  std::string out = std::to_string(static_cast<int>(place.type)) + "|" + std::to_string(atoms.of(address)) + "|";
  if (!place.nic) return out + place.network + "|" + (place.type == Place::Type::on_premises ? "" : place.name());
  const model::resolve::Interface& nic = *place.nic;
  auto shared = owners.find(address);
  bool alone = place.type == Place::Type::host || nic.ip_forwarding || (shared != owners.end() && shared->second > 1);
  out += nic.subnet.text() + "|" + nic.network_security_group + "|";
  for (const std::string& group : nic.application_security_groups) out += group + ",";
  out += "|" + (nic.public_address ? nic.public_address->text() : std::string("-")) + "|" + (alone ? nic.name : "");
  if (place.node) {
    out += "|" + place.node->cluster;
    bool both = World::address_of(*place.node, model::Family::v4) && World::address_of(*place.node, model::Family::v6);
    out += both ? "|2" : "|1";
  }
  return out;
}

std::uint32_t number_of(std::unordered_map<std::string, std::uint32_t>& numbers, std::string text) {
  auto next = static_cast<std::uint32_t>(numbers.size());
  return numbers.try_emplace(std::move(text), next).first->second;
}

}  // namespace

void Atoms::add(const Prefix& prefix) {
  starts_.push_back(prefix.first());
  starts_.push_back(prefix.last().plus(1));  // the end of a family wraps to its beginning, which splits nothing
}

void Atoms::finish() {
  std::sort(starts_.begin(), starts_.end());
  starts_.erase(std::unique(starts_.begin(), starts_.end()), starts_.end());
}

std::size_t Atoms::of(const Address& address) const {
  return static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end(), address) - starts_.begin());
}

Classes classify(const World& world, const std::vector<Place>& places, model::Family family) {
  PolicyFacts policies(world);
  Atoms atoms = atoms_of_the_way(world.snapshot());
  std::map<Address, int> owners;
  for (const model::resolve::Interface& nic : world.interfaces())
    for (const Address& address : nic.addresses) ++owners[address];
  Classes out;
  std::unordered_map<std::string, std::uint32_t> policy_numbers;
  std::unordered_map<std::string, std::uint32_t> way_numbers;
  for (const Place& place : places) {
    const Address& address = *place.address(family);
    out.policy.push_back(number_of(policy_numbers, policies.of(place, address)));
    out.way.push_back(number_of(way_numbers, way_of(place, address, atoms, owners)));
  }
  out.policy_count = policy_numbers.size();
  out.way_count = way_numbers.size();
  return out;
}

}  // namespace bailey::reach
