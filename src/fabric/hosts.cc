// The far ends of the cables: nodes, plain hosts, on-premises routers and the Internet.
//
// An owner of network interfaces has its addresses as /32 and /128 and a default route through the first address
// of its subnet (fe80::1 for IPv6). Further interfaces answer from themselves: a rule for each of their addresses
// leads to a table of their own.
//
// A router knows its hosts and what lies behind the fabric, and drops all else silently. On-premises networks
// have no way to the Internet, and the Internet knows public addresses only.
#include "fabric/topology.h"

#include <algorithm>

#include "fabric/route.h"

namespace bailey::fabric {
namespace {

using model::Address;
using model::Family;
using model::Prefix;

constexpr MacAddress fabric_mac{0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc};
constexpr std::uint32_t first_source_rule = 1000;  // priority, and table, of an owner's interface 0

// All of them are given, so that what the machine has as its defaults does not leak in.
void add_settings(HostNetwork& host, bool forwards, bool infrastructure) {
  auto& settings = host.settings;
  settings["ipv4/ip_forward"] = forwards ? "1" : "0";
  settings["ipv6/conf/all/forwarding"] = forwards ? "1" : "0";
  for (const char* scope : {"all", "default"}) {
    std::string v4 = std::string("ipv4/conf/") + scope + "/";
    std::string v6 = std::string("ipv6/conf/") + scope + "/";
    settings[v4 + "rp_filter"] = "0";
    settings[v4 + "accept_redirects"] = "0";
    settings[v4 + "send_redirects"] = "0";  // else an appliance would tell its clients to go round it
    settings[v4 + "arp_ignore"] = "0";
    settings[v4 + "arp_filter"] = "0";
    // A VNet may have an address that is another one's gateway.
    settings[v4 + "accept_local"] = infrastructure ? "1" : "0";
    settings[v6 + "disable_ipv6"] = "0";
    settings[v6 + "accept_dad"] = "0";
    settings[v6 + "accept_ra"] = "0";
    settings[v6 + "accept_redirects"] = "0";
  }
  if (infrastructure) settings["ipv6/conf/default/addr_gen_mode"] = "1";  // no link-local but the given ones
}

KernelRoute default_route(Family family, const std::string& device, const Address& gateway,
                          std::uint32_t table = main_table) {
  KernelRoute route;
  route.table = table;
  route.destination = Prefix::any(family);
  route.device = device;
  route.gateway = gateway;
  route.onlink = true;
  return route;
}

// The first address of the interface's subnet, which Azure keeps for its gateway.
Address gateway_of(const Topology& topology, const NicPort& port, const Address& own) {
  if (own.is_v6()) return fabric_v6();
  const model::Subnet* subnet = topology.vnet(port.vnet())->find(port.nic.subnet.subnet);
  for (const Prefix& prefix : subnet->prefixes)
    if (prefix.contains(own) && !prefix.is_host()) return prefix.at(1);
  return fabric_v4();
}

void add_nic(const Topology& topology, const NicPort& port, Desired& out) {
  HostNetwork& owner = out.hosts[port.host];
  HostNetwork& fabric = out.hosts[fabric_host];
  MacAddress mac = owner_mac(port.nic.addresses, port.nic.name);
  out.cables.push_back({{fabric_host, port.device, fabric_mac}, {port.host, port.owner_device, mac}});
  std::uint32_t table = port.index == 0 ? main_table : first_source_rule + static_cast<std::uint32_t>(port.index);
  for (const Address& address : port.nic.addresses) {
    Address gateway = gateway_of(topology, port, address);
    owner.addresses.push_back({port.owner_device, address, address.bits()});
    owner.neighbours.push_back({port.owner_device, gateway, fabric_mac});
    fabric.neighbours.push_back({port.device, address, mac});
    owner.routes.push_back(default_route(address.family(), port.owner_device, gateway, table));
    if (table == main_table) continue;
    owner.rules.push_back(
        {.family = address.family(), .priority = table, .source = Prefix::host(address), .table = table});
  }
}

void add_router_host(const RouterHost& entry, Desired& out) {
  HostName name = "host/" + entry.host->meta.name;
  HostNetwork& host = out.hosts[name];
  HostNetwork& router = out.hosts[entry.router];
  add_settings(host, false, false);
  MacAddress router_mac = owner_mac({}, entry.device);
  MacAddress host_mac = owner_mac(entry.host->addresses, name);
  out.cables.push_back({{entry.router, entry.device, router_mac}, {name, "eth0", host_mac}});
  router.addresses.push_back({entry.device, router_v6(), 64});
  for (const Address& address : entry.host->addresses) {
    Address gateway = address.is_v4() ? router_v4() : router_v6();
    host.addresses.push_back({"eth0", address, address.bits()});
    host.neighbours.push_back({"eth0", gateway, router_mac});
    router.neighbours.push_back({entry.device, address, host_mac});
    host.routes.push_back(default_route(address.family(), "eth0", gateway));
    KernelRoute there;
    there.destination = Prefix::host(address);
    there.device = entry.device;
    router.routes.push_back(std::move(there));
  }
}

// A router's way to something behind the fabric.
void add_way(HostNetwork& router, const Prefix& prefix, const std::string& device) {
  KernelRoute route = default_route(prefix.family(), device, prefix.address().is_v4() ? fabric_v4() : fabric_v6());
  route.destination = prefix;
  router.routes.push_back(std::move(route));
}

void add_router_basics(HostNetwork& router) {
  add_settings(router, true, true);
  router.addresses.push_back({"lo", router_v4(), 32});
  for (Family family : {Family::v4, Family::v6}) {
    KernelRoute nowhere;
    nowhere.destination = Prefix::any(family);
    nowhere.type = KernelRoute::Type::blackhole;
    router.routes.push_back(std::move(nowhere));
  }
}

void add_router_cable(const HostName& host, const std::string& device, const std::string& router_device, Desired& out) {
  MacAddress router_mac = owner_mac({}, router_device);
  out.cables.push_back({{fabric_host, device, fabric_mac}, {host, router_device, router_mac}});
  HostNetwork& router = out.hosts[host];
  HostNetwork& fabric = out.hosts[fabric_host];
  router.addresses.push_back({router_device, router_v6(), 64});
  for (const Address& address : {fabric_v4(), fabric_v6()})
    router.neighbours.push_back({router_device, address, fabric_mac});
  for (const Address& address : {router_v4(), router_v6()}) fabric.neighbours.push_back({device, address, router_mac});
}

void add_gateway(const Topology& topology, const GatewayPort& port, Desired& out) {
  add_router_cable(port.host, port.device, port.device, out);
  const std::string& vnet = port.gateway->subnet.vnet;
  std::vector<std::string> behind = topology.transit_peers(vnet);
  behind.insert(behind.begin(), vnet);
  for (const std::string& name : behind)
    for (const Prefix& prefix : topology.vnet(name)->address_space) add_way(out.hosts[port.host], prefix, port.device);
}

void add_internet(const Topology& topology, Desired& out) {
  HostNetwork& internet = out.hosts[internet_host];
  add_router_basics(internet);
  add_router_cable(internet_host, "internet", "fabric", out);
  std::set<Address> known;
  for (const NicPort& port : topology.nics())
    if (port.nic.public_address) known.insert(*port.nic.public_address);
  for (const std::string& name : topology.vnets())
    known.insert(topology.vnet(name)->outbound_addresses.begin(), topology.vnet(name)->outbound_addresses.end());
  for (const Address& address : known) add_way(internet, Prefix::host(address), "fabric");
}

}  // namespace

void add_hosts(const Topology& topology, Desired& out) {
  std::map<HostName, bool> owners;
  for (const NicPort& port : topology.nics()) {
    bool& forwards = owners[port.host];
    forwards = forwards || port.nic.ip_forwarding || port.nic.owner == model::resolve::Interface::Owner::node;
    add_nic(topology, port, out);
  }
  for (const auto& [host, forwards] : owners) add_settings(out.hosts[host], forwards, false);

  add_settings(out.hosts[fabric_host], true, true);
  for (const auto& network : topology.snapshot().all<model::OnPremisesNetwork>())
    add_router_basics(out.hosts["onprem/" + network->meta.name]);
  for (const RouterHost& host : topology.router_hosts()) add_router_host(host, out);
  for (const GatewayPort& port : topology.gateways()) add_gateway(topology, port, out);
  if (topology.has_internet()) add_internet(topology, out);
}

}  // namespace bailey::fabric
