// One pass over each table: who claims which NetworkInterface, then the objects, then the nodes that have none.
//
// A node may own several NetworkInterface objects; the first by name is its primary one and carries what the
// implicit interface would: the node's own addresses where the object has none, and the addresses of its pods.
// Of two owners of one interface the node comes before a LabHost, and of two LabHosts the first by name.
#include "model/resolve/interfaces.h"

#include <algorithm>
#include <map>
#include <set>

namespace bailey::model::resolve {
bool is_kubenet(const Snapshot& snapshot, const Node& node) {
  const Cluster* cluster = snapshot.find<Cluster>(Kind::Cluster, node.cluster);
  return cluster && cluster->network_model == NetworkModel::kubenet;
}

namespace {

using PodsByNode = std::map<std::string, std::vector<const Pod*>>;

PodsByNode pinned_pods(const Snapshot& snapshot) {
  PodsByNode out;
  for (const auto& pod : snapshot.all<Pod>())
    if (!pod->pinned_addresses.empty() && !pod->finished() && !pod->spec.host_network && !pod->spec.node_name.empty())
      out[pod->spec.node_name].push_back(pod.get());
  return out;
}

void add_address(std::vector<Address>& addresses, const Address& address) {
  for (const Address& other : addresses)
    if (other.family() == address.family()) return;
  addresses.push_back(address);
}

// What a node gives to its primary interface.
void add_node(const Snapshot& snapshot, const Node& node, const PodsByNode& pinned, Interface& out) {
  if (out.subnet.empty()) out.subnet = node.subnet;
  for (const Address& address : node.addresses) add_address(out.addresses, address);
  if (!out.public_address && !node.external_addresses.empty()) out.public_address = node.external_addresses[0];
  if (is_kubenet(snapshot, node)) {
    out.ip_forwarding = true;  // pods have addresses that the VNet does not know
    return;
  }
  out.pod_ranges = node.pod_ranges;
  auto pods = pinned.find(node.meta.name);
  if (pods == pinned.end()) return;
  for (const Pod* pod : pods->second)
    for (const Address& address : pod->pinned_addresses)
      if (!out.holds(address)) out.pod_addresses.push_back(address);
  std::sort(out.pod_addresses.begin(), out.pod_addresses.end());
}

Interface of_object(const NetworkInterface& object) {
  Interface out;
  out.name = object.meta.name;
  out.subnet = object.subnet;
  for (const Address& address : object.addresses) add_address(out.addresses, address);
  out.ip_forwarding = object.ip_forwarding;
  out.public_address = object.public_address;
  out.network_security_group = object.network_security_group;
  out.application_security_groups = object.application_security_groups;
  out.object = object.meta.ref();
  return out;
}

std::map<std::string, std::string> claims_of_hosts(const Snapshot& snapshot) {
  std::map<std::string, std::string> out;
  for (const auto& host : snapshot.all<LabHost>())
    if (host->network == LabHost::Network::interfaces)
      for (const std::string& name : host->interfaces) out.emplace(name, host->meta.name);
  return out;
}

// The node that owns the object: the one it names, or one of the same name where nobody else claims it.
const Node* node_of(const Snapshot& snapshot, const NetworkInterface& object, bool claimed_by_host) {
  if (!object.node.empty()) return snapshot.find<Node>(Kind::Node, object.node);
  return claimed_by_host ? nullptr : snapshot.find<Node>(Kind::Node, object.meta.name);
}

}  // namespace

bool Interface::holds(const Address& address) const {
  auto is_it = [&](const Address& own) { return own == address; };
  return std::any_of(addresses.begin(), addresses.end(), is_it) ||
         std::any_of(pod_addresses.begin(), pod_addresses.end(), is_it) ||
         std::any_of(pod_ranges.begin(), pod_ranges.end(), [&](const AddressRange& r) { return r.contains(address); });
}

bool Interface::owns(const Address& address) const { return ip_forwarding || holds(address); }

std::vector<Interface> interfaces(const Snapshot& snapshot) {
  std::map<std::string, std::string> hosts = claims_of_hosts(snapshot);
  PodsByNode pinned = pinned_pods(snapshot);
  std::set<std::string> names;
  std::set<std::string> nodes_seen;
  std::vector<Interface> out;
  for (const auto& object : snapshot.all<NetworkInterface>()) {
    Interface next = of_object(*object);
    auto host = hosts.find(next.name);
    if (const Node* node = node_of(snapshot, *object, host != hosts.end())) {
      next.owner = Interface::Owner::node;
      next.owner_name = node->meta.name;
      if (nodes_seen.insert(node->meta.name).second) add_node(snapshot, *node, pinned, next);
    } else if (host != hosts.end()) {
      next.owner = Interface::Owner::lab_host;
      next.owner_name = host->second;
    }
    names.insert(next.name);
    out.push_back(std::move(next));
  }
  for (const auto& node : snapshot.all<Node>()) {
    // A foreign NetworkInterface with the node's name is refused by validation; here the object wins.
    if (nodes_seen.contains(node->meta.name) || names.contains(node->meta.name)) continue;
    Interface next;
    next.name = node->meta.name;
    next.owner = Interface::Owner::node;
    next.owner_name = node->meta.name;
    next.object = node->meta.ref();
    add_node(snapshot, *node, pinned, next);
    out.push_back(std::move(next));
  }
  std::sort(out.begin(), out.end(), [](const Interface& a, const Interface& b) { return a.name < b.name; });
  return out;
}

}  // namespace bailey::model::resolve
