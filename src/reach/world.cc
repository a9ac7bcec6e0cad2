#include "reach/world.h"

#include <algorithm>

#include "model/resolve/services.h"

namespace bailey::reach {

using model::Address;
using model::EndpointName;
using model::Kind;
using model::LabHost;
using model::resolve::Interface;

std::string Place::name() const {
  if (type == Type::pod || (pod && type == Type::node)) return "pod/" + pod->meta.ns + "/" + pod->meta.name;
  if (type == Type::node) return "node/" + node->meta.name;
  if (host) return "host/" + host->meta.name;
  if (type == Type::interface) return "nic/" + nic->name;
  return addresses.empty() ? "" : addresses.front().text();
}

const Address* Place::address(model::Family family) const {
  for (const Address& own : addresses)
    if (own.family() == family) return &own;
  return nullptr;
}

bool Place::has(const Address& address) const {
  return std::find(addresses.begin(), addresses.end(), address) != addresses.end();
}

bool is_private(const Address& address) {
  static const std::vector<model::Prefix> ranges = [] {
    std::vector<model::Prefix> out;
    for (const char* text : {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16",
                             "127.0.0.0/8", "fc00::/7", "fe80::/10", "::1/128"})
      out.push_back(*model::Prefix::parse(text));
    return out;
  }();
  return std::any_of(ranges.begin(), ranges.end(), [&](const model::Prefix& range) { return range.contains(address); });
}

World::World(const model::Snapshot& snapshot) : snapshot_(snapshot), interfaces_(model::resolve::interfaces(snapshot)) {
  for (std::size_t i = 0; i < interfaces_.size(); ++i) {
    const Interface& nic = interfaces_[i];
    if (nic.owner == Interface::Owner::node) interface_of_node_.emplace(nic.owner_name, i);
  }
  for (const auto& host : snapshot.all<LabHost>()) {
    if (host->network != LabHost::Network::interfaces) continue;
    for (const std::string& name : host->interfaces)
      for (std::size_t i = 0; i < interfaces_.size(); ++i)
        if (interfaces_[i].name == name) interface_of_host_.emplace(host->meta.name, i);
  }
  for (const auto& pod : snapshot.all<model::Pod>()) {
    if (pod->finished() || pod->spec.host_network) continue;
    for (const Address& address : model::resolve::pod_addresses(snapshot, *pod))
      pods_.emplace(std::make_pair(pod->spec.node_name, address), pod.get());
  }
  for (const auto& service : snapshot.all<model::Service>()) {
    for (const Address& address : service->load_balancer_addresses) services_.emplace(address, service.get());
    for (const Address& address : service->external_addresses) services_.emplace(address, service.get());
    for (const Address& address : service->cluster_addresses) cluster_services_.emplace(address, service.get());
    for (const model::ServicePort& port : service->ports)
      if (port.node_port != 0) node_ports_.emplace(model::Port{port.node_port, port.protocol}, service.get());
  }
}

std::optional<Place> World::find(const EndpointName& name) const {
  using Type = EndpointName::Type;
  switch (name.type) {
    case Type::pod: {
      const auto* pod = snapshot_.find<model::Pod>({Kind::Pod, name.ns, name.name});
      return pod ? std::optional(place(*pod)) : std::nullopt;
    }
    case Type::node: {
      const auto* node = snapshot_.find<model::Node>(Kind::Node, name.name);
      return node ? std::optional(place(*node)) : std::nullopt;
    }
    case Type::host: {
      const auto* host = snapshot_.find<LabHost>(Kind::LabHost, name.name);
      return host ? std::optional(place(*host)) : std::nullopt;
    }
    case Type::nic:
      for (const Interface& nic : interfaces_)
        if (nic.name == name.name)
          return nic.addresses.empty() ? std::optional(Place{}) : behind(nic, nic.addresses.front());
      return std::nullopt;
    case Type::address: return find_by_address(*name.address);
    case Type::service: break;
  }
  return std::nullopt;
}

std::optional<Place> World::find_by_address(const Address& address) const {
  for (const Interface& nic : interfaces_)
    if (nic.holds(address)) return behind(nic, address);
  for (const auto& [key, pod] : pods_)
    if (key.second == address) return place(*pod);
  if (const Interface* nic = interface_with_public(address))
    for (const Address& own : nic->addresses)
      if (own.family() == address.family()) return behind(*nic, own);
  for (const auto& network : snapshot_.all<model::OnPremisesNetwork>()) {
    Place there = on_premises(network->meta.name, address);
    if (there.type == Place::Type::on_premises) return there;
  }
  return on_internet(address);
}

Place World::place(const model::Pod& pod) const {
  Place out;
  out.node = snapshot_.find<model::Node>(Kind::Node, pod.spec.node_name);
  out.nic = interface_of_node(pod.spec.node_name);
  out.type = pod.spec.host_network ? Place::Type::node : Place::Type::pod;
  out.pod = &pod;
  out.addresses = model::resolve::pod_addresses(snapshot_, pod);
  return out;
}

Place World::place(const model::Node& node) const {
  Place out;
  out.type = Place::Type::node;
  out.node = &node;
  out.nic = interface_of_node(node.meta.name);
  out.addresses = node.addresses;
  return out;
}

Place World::place(const LabHost& host) const {
  Place out;
  out.host = &host;
  out.addresses = host.addresses;
  if (host.network == LabHost::Network::internet) {
    out.type = Place::Type::internet;
  } else if (host.network == LabHost::Network::on_premises) {
    out.type = Place::Type::on_premises;
    out.network = host.on_premises_network;
  } else {
    out.type = Place::Type::host;
    auto at = interface_of_host_.find(host.meta.name);
    if (at != interface_of_host_.end()) out.nic = &interfaces_[at->second];
    out.addresses.clear();
    for (const std::string& name : host.interfaces)
      for (const Interface& nic : interfaces_)
        if (nic.name == name) out.addresses.insert(out.addresses.end(), nic.addresses.begin(), nic.addresses.end());
  }
  return out;
}

Place World::behind(const Interface& nic, const Address& address) const {
  if (nic.owner == Interface::Owner::node) {
    if (const model::Pod* pod = pod_at(nic.owner_name, address)) return place(*pod);
    const auto* node = snapshot_.find<model::Node>(Kind::Node, nic.owner_name);
    Place out = place(*node);
    if (out.has(address)) return out;
    out = Place{};
    out.nic = &nic;
    out.addresses = {address};
    return out;  // a secondary address that no pod has
  }
  Place out;
  out.nic = &nic;
  out.addresses = nic.addresses;
  out.type = Place::Type::interface;
  if (nic.owner != Interface::Owner::lab_host) return out;
  out.type = Place::Type::host;
  out.host = snapshot_.find<LabHost>(Kind::LabHost, nic.owner_name);
  return out;
}

Place World::on_premises(const std::string& network, const Address& address) const {
  Place out;
  out.addresses = {address};
  out.network = network;
  for (const auto& host : snapshot_.all<LabHost>()) {
    if (host->network != LabHost::Network::on_premises || host->on_premises_network != network) continue;
    Place there = place(*host);
    if (there.has(address)) return there;
  }
  const auto* object = snapshot_.find<model::OnPremisesNetwork>(Kind::OnPremisesNetwork, network);
  if (!object) return out;
  for (const model::Prefix& prefix : object->address_space)
    if (prefix.contains(address)) out.type = Place::Type::on_premises;
  for (const model::OnPremisesHost& host : object->hosts)
    if (std::find(host.addresses.begin(), host.addresses.end(), address) != host.addresses.end())
      out.on_premises_host = &host;
  return out;
}

Place World::on_internet(const Address& address) const {
  for (const auto& host : snapshot_.all<LabHost>()) {
    if (host->network != LabHost::Network::internet) continue;
    Place there = place(*host);
    if (there.has(address)) return there;
  }
  Place out;
  out.addresses = {address};
  if (!is_private(address)) out.type = Place::Type::internet;
  return out;
}

const Interface* World::interface_of_node(const std::string& node) const {
  auto at = interface_of_node_.find(node);
  return at == interface_of_node_.end() ? nullptr : &interfaces_[at->second];
}

// Interfaces' own addresses come before the pods behind others.
const Interface* World::interface_with(const std::string& vnet, const Address& address) const {
  const Interface* by_pods = nullptr;
  for (const Interface& nic : interfaces_) {
    if (nic.subnet.vnet != vnet || nic.owner == Interface::Owner::none) continue;
    if (std::find(nic.addresses.begin(), nic.addresses.end(), address) != nic.addresses.end()) return &nic;
    if (!by_pods && nic.holds(address)) by_pods = &nic;
  }
  return by_pods;
}

const Interface* World::interface_with_public(const Address& address) const {
  for (const Interface& nic : interfaces_)
    if (nic.public_address == address) return &nic;
  return nullptr;
}

const model::VirtualNetwork* World::vnet(const std::string& name) const {
  return snapshot_.find<model::VirtualNetwork>(Kind::VirtualNetwork, name);
}

const model::Subnet* World::subnet(const model::SubnetRef& ref) const {
  const model::VirtualNetwork* network = vnet(ref.vnet);
  return network ? network->find(ref.subnet) : nullptr;
}

const model::Service* World::service_at(const Address& address) const {
  auto at = services_.find(address);
  return at == services_.end() ? nullptr : at->second;
}

const model::Service* World::service_with_cluster_address(const Address& address) const {
  auto at = cluster_services_.find(address);
  return at == cluster_services_.end() ? nullptr : at->second;
}

const model::Service* World::service_with_node_port(const model::Port& port) const {
  auto at = node_ports_.find(port);
  return at == node_ports_.end() ? nullptr : at->second;
}

const model::Pod* World::pod_at(const std::string& node, const Address& address) const {
  auto at = pods_.find({node, address});
  return at == pods_.end() ? nullptr : at->second;
}

std::optional<Address> World::address_of(const model::Node& node, model::Family family) {
  for (const Address& address : node.addresses)
    if (address.family() == family) return address;
  return std::nullopt;
}

std::vector<EndpointName> World::endpoints() const {
  std::vector<EndpointName> out;
  for (const auto& pod : snapshot_.all<model::Pod>())
    if (!pod->finished() && !model::resolve::pod_addresses(snapshot_, *pod).empty())
      out.push_back({EndpointName::Type::pod, pod->meta.ns, pod->meta.name, std::nullopt});
  for (const auto& node : snapshot_.all<model::Node>())
    if (node->os == model::Os::linux && !node->addresses.empty())
      out.push_back({EndpointName::Type::node, "", node->meta.name, std::nullopt});
  for (const auto& host : snapshot_.all<LabHost>())
    out.push_back({EndpointName::Type::host, "", host->meta.name, std::nullopt});
  return out;
}

}  // namespace bailey::reach
