// Everything here is found by scanning tables that are already sorted, so the result depends on the set of
// objects and not on the order in which they came. Numbers are hashes of names: a subnet keeps its table and an
// interface its device whatever else comes and goes, so an unrelated change touches neither.
#include "fabric/topology.h"

#include <algorithm>

#include "base/check.h"
#include "base/strings.h"
#include "fabric/route.h"

namespace bailey::fabric {
namespace {

using model::Kind;
using model::resolve::Interface;
using model::resolve::Peer;

model::Address fixed(const char* text) { return *model::Address::parse(text); }

// The position of an interface among its owner's; empty where the owner does not list it.
std::optional<std::size_t> position(const model::LabHost& host, const std::string& interface) {
  auto at = std::find(host.interfaces.begin(), host.interfaces.end(), interface);
  if (at == host.interfaces.end()) return std::nullopt;
  return static_cast<std::size_t>(at - host.interfaces.begin());
}

}  // namespace

model::Address fabric_v4() { return fixed("169.254.1.1"); }
model::Address router_v4() { return fixed("169.254.1.2"); }
model::Address fabric_v6() { return fixed("fe80::1"); }
model::Address router_v6() { return fixed("fe80::2"); }

void Numbers::assign() {
  std::set<std::uint32_t> taken;
  for (auto& [name, number] : numbers_) {
    std::uint32_t offset = static_cast<std::uint32_t>(base::fnv1a(name) % count_);
    while (!taken.insert(offset).second) offset = (offset + 1) % count_;
    number = first_ + offset;
  }
}

std::uint32_t Numbers::of(const std::string& name) const {
  auto found = numbers_.find(name);
  if (found == numbers_.end()) base::fail_check("a number that was not asked for", name);
  return found->second;
}

std::string device_name(char kind, const std::string& name) {
  constexpr char digits[] = "0123456789abcdef";
  std::uint64_t hash = base::fnv1a(name);
  std::string out(1, kind);
  for (int i = 0; i < 14; ++i) out += digits[(hash >> (4 * i)) & 15];
  return out;
}

std::string fabric_device(const std::string& interface_name) { return device_name('n', interface_name); }

MacAddress owner_mac(const std::vector<model::Address>& addresses, const std::string& name) {
  for (const model::Address& address : addresses) {
    if (!address.is_v4()) continue;
    std::string_view bytes = address.wire();
    auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
    return {0x02, 0x00, byte(0), byte(1), byte(2), byte(3)};
  }
  std::uint64_t hash = base::fnv1a(name);
  auto byte = [&](int i) { return static_cast<std::uint8_t>(hash >> (8 * i)); };
  return {0x02, 0x01, byte(0), byte(1), byte(2), byte(3)};
}

std::optional<model::Address> NicPort::address(model::Family family) const {
  for (const model::Address& own : nic.addresses)
    if (own.family() == family) return own;
  return std::nullopt;
}

Topology::Topology(const model::Snapshot& snapshot) : snapshot_(snapshot) {
  find_nics();
  find_routers();
  number();
}

void Topology::find_nics() {
  std::map<std::string, std::size_t> of_node;
  for (Interface& nic : model::resolve::interfaces(snapshot_)) {
    const model::VirtualNetwork* network = vnet(nic.subnet.vnet);
    if (nic.owner == Interface::Owner::none || !network || !network->find(nic.subnet.subnet)) continue;
    NicPort port;
    if (nic.owner == Interface::Owner::node) {
      const auto* node = snapshot_.find<model::Node>(Kind::Node, nic.owner_name);
      // A Windows node takes addresses and has no namespace; one that may not join its subnet has no address.
      if (!node || node->os == model::Os::windows || node->addresses.empty()) continue;
      port.host = "node/" + nic.owner_name;
      port.index = of_node[nic.owner_name]++;
    } else {
      const auto* host = snapshot_.find<model::LabHost>(Kind::LabHost, nic.owner_name);
      std::optional<std::size_t> index = host ? position(*host, nic.name) : std::nullopt;
      if (!index) continue;
      port.host = "host/" + nic.owner_name;
      port.index = *index;
    }
    port.device = fabric_device(nic.name);
    port.owner_device = "eth" + std::to_string(port.index);
    subnets_.insert(nic.subnet);
    vnets_.insert(nic.subnet.vnet);
    port.nic = std::move(nic);
    nics_.push_back(std::move(port));
  }
}

void Topology::find_routers() {
  for (const auto& connection : snapshot_.all<model::GatewayConnection>()) {
    const auto* gateway = snapshot_.find<model::NetworkGateway>(Kind::NetworkGateway, connection->gateway);
    if (!gateway || !vnet(gateway->subnet.vnet)) continue;
    if (!snapshot_.find<model::OnPremisesNetwork>(Kind::OnPremisesNetwork, connection->on_premises_network)) continue;
    gateways_.push_back({connection.get(), gateway, "onprem/" + connection->on_premises_network,
                         device_name('g', connection->meta.name)});
  }
  for (const auto& host : snapshot_.all<model::LabHost>()) {
    RouterHost out{host.get(), internet_host, device_name('h', host->meta.name)};
    if (host->network == model::LabHost::Network::interfaces) continue;
    if (host->network == model::LabHost::Network::on_premises) {
      if (!snapshot_.find<model::OnPremisesNetwork>(Kind::OnPremisesNetwork, host->on_premises_network)) continue;
      out.router = "onprem/" + host->on_premises_network;
    } else {
      has_internet_ = true;
    }
    router_hosts_.push_back(std::move(out));
  }
}

void Topology::number() {
  for (const model::SubnetRef& subnet : subnets_) {
    tables_.want("subnet " + subnet.text());
    marks_.want("subnet " + subnet.text());
  }
  for (const std::string& name : vnets_) {
    tables_.want("delivery " + name);
    tables_.want("forwarded " + name);
    marks_.want("return " + name);
  }
  for (const NicPort& port : nics_) {
    if (!port.nic.ip_forwarding) continue;
    tables_.want("appliance " + port.nic.name);
    tables_.want("via " + port.nic.name);
    for (const char* kind : {"own ", "inner ", "foreign ", "via "}) marks_.want(kind + port.nic.name);
  }
  for (const std::string& name : gateway_names()) {
    tables_.want("gateway " + name);
    tables_.want("gateway-delivery " + name);
    marks_.want("gateway " + name);
  }
  for (const auto& network : snapshot_.all<model::VirtualNetwork>()) zones_.want(network->meta.name);
  tables_.assign();
  marks_.assign();
  zones_.assign();
}

std::uint16_t Topology::internet_zone(const std::string& vnet) const {
  return static_cast<std::uint16_t>(zones_.of(vnet));
}

std::vector<const NicPort*> Topology::nics_of(const std::string& vnet) const {
  std::vector<const NicPort*> out;
  for (const NicPort& port : nics_)
    if (port.vnet() == vnet) out.push_back(&port);
  return out;
}

const NicPort* Topology::appliance(const std::string& vnet, const model::Address& address) const {
  auto find_in = [&](const std::string& name) -> const NicPort* {
    for (const NicPort& port : nics_)
      if (port.vnet() == name && port.nic.ip_forwarding && port.address(address.family()) == address) return &port;
    return nullptr;
  };
  if (const NicPort* own = find_in(vnet)) return own;
  for (const Peer& peer : reachable_peers(vnet))
    if (const NicPort* found = find_in(peer.vnet)) return found;
  return nullptr;
}

const GatewayPort* Topology::gateway_port(const std::string& connection) const {
  for (const GatewayPort& port : gateways_)
    if (port.connection->meta.name == connection) return &port;
  return nullptr;
}

const model::VirtualNetwork* Topology::vnet(const std::string& name) const {
  return snapshot_.find<model::VirtualNetwork>(Kind::VirtualNetwork, name);
}

std::vector<Peer> Topology::reachable_peers(const std::string& vnet) const {
  std::vector<Peer> out = model::resolve::connected_peers(snapshot_, vnet);
  std::erase_if(out, [](const Peer& peer) { return !peer.access || !peer.theirs->allow_virtual_network_access; });
  return out;
}

std::vector<std::string> Topology::transit_peers(const std::string& vnet) const {
  std::vector<std::string> out;
  for (const Peer& peer : model::resolve::connected_peers(snapshot_, vnet)) {
    std::vector<GatewayRoute> routes = gateway_routes(snapshot_, peer.vnet);
    bool own = std::any_of(routes.begin(), routes.end(), [](const GatewayRoute& route) { return route.peer.empty(); });
    if (peer.lends_gateway && !own) out.push_back(peer.vnet);
  }
  return out;
}

std::set<std::string> Topology::gateway_names() const {
  std::set<std::string> out;
  for (const GatewayPort& port : gateways_) out.insert(port.gateway->meta.name);
  return out;
}

}  // namespace bailey::fabric
