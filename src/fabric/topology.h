// What compile() knows of a snapshot before it writes routes and rules: which cables there are, which VNets may
// reach which, and the numbers of tables, marks and zones. Internal to this folder.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "fabric/fabric.h"
#include "model/resolve/interfaces.h"
#include "model/resolve/peering.h"
#include "model/snapshot.h"

namespace bailey::fabric {

inline const HostName fabric_host = "fabric";
inline const HostName internet_host = "internet";

inline constexpr std::uint32_t main_table = 254;
// Every mark has this bit, so that one rule catches what no table took.
inline constexpr std::uint32_t mark_bit = 0x80000000u;

// Link-local addresses of the fabric and of the routers at its edge. Interfaces see the first address of their
// subnet as their gateway instead.
model::Address fabric_v4();
model::Address router_v4();
model::Address fabric_v6();  // fe80::1
model::Address router_v6();  // fe80::2

// Stable numbers from names: a hash, and where two names meet, the next free number in the order of the names.
class Numbers {
 public:
  Numbers(std::uint32_t first, std::uint32_t count) : first_(first), count_(count) {}
  void want(const std::string& name) { numbers_.emplace(name, 0); }
  void assign();
  std::uint32_t of(const std::string& name) const;

 private:
  std::uint32_t first_;
  std::uint32_t count_;
  std::map<std::string, std::uint32_t> numbers_;
};

// A network interface with a cable.
struct NicPort {
  model::resolve::Interface nic;
  HostName host;
  std::size_t index = 0;     // among its owner's: eth0, eth1, ...
  std::string device;        // the fabric's side
  std::string owner_device;  // the owner's side
  std::string vnet() const { return nic.subnet.vnet; }
  // Its own address of a family.
  std::optional<model::Address> address(model::Family family) const;
};

// A cable between the fabric and an on-premises router, for one connection of a gateway.
struct GatewayPort {
  const model::GatewayConnection* connection = nullptr;
  const model::NetworkGateway* gateway = nullptr;
  HostName host;
  std::string device;  // at both sides
};

// A plain host behind a router (the Internet's or an on-premises network's).
struct RouterHost {
  const model::LabHost* host = nullptr;
  HostName router;
  std::string device;  // the router's side
};

class Topology {
 public:
  explicit Topology(const model::Snapshot& snapshot);

  const model::Snapshot& snapshot() const { return snapshot_; }
  const std::vector<NicPort>& nics() const { return nics_; }  // ascending by interface name
  const std::vector<GatewayPort>& gateways() const { return gateways_; }
  const std::vector<RouterHost>& router_hosts() const { return router_hosts_; }
  bool has_internet() const { return has_internet_; }

  std::vector<const NicPort*> nics_of(const std::string& vnet) const;
  // The appliance that a user's route from `vnet` means: forwards, and is in the VNet or in a peer it may reach.
  const NicPort* appliance(const std::string& vnet, const model::Address& address) const;
  const GatewayPort* gateway_port(const std::string& connection) const;
  const model::VirtualNetwork* vnet(const std::string& name) const;
  // Peers to which packets of this VNet are delivered: connected, with access allowed by both.
  std::vector<model::resolve::Peer> reachable_peers(const std::string& vnet) const;
  // Peers that use this VNet's gateway.
  std::vector<std::string> transit_peers(const std::string& vnet) const;
  // Subnets that have at least one cable, ascending.
  const std::set<model::SubnetRef>& subnets() const { return subnets_; }
  const std::set<std::string>& vnets() const { return vnets_; }  // of these subnets
  std::set<std::string> gateway_names() const;                   // of gateways with a cable

  std::uint32_t table(const std::string& name) const { return tables_.of(name); }
  std::uint32_t mark(const std::string& name) const { return mark_bit | marks_.of(name); }
  std::uint16_t internet_zone(const std::string& vnet) const;

 private:
  void find_nics();
  void find_routers();
  void number();

  const model::Snapshot& snapshot_;
  std::vector<NicPort> nics_;
  std::vector<GatewayPort> gateways_;
  std::vector<RouterHost> router_hosts_;
  bool has_internet_ = false;
  std::set<model::SubnetRef> subnets_;
  std::set<std::string> vnets_;
  Numbers tables_{1024, 0x7ffffc00u};
  Numbers marks_{1, 0x7fffffffu};
  Numbers zones_{1, 65535};
};

// A MAC address that says the address it belongs to, or a hash where there is none.
MacAddress owner_mac(const std::vector<model::Address>& addresses, const std::string& name);
// "n", "g" or "h" and 14 hexadecimal digits: what fits in an interface name.
std::string device_name(char kind, const std::string& name);

// The parts of a Desired; each adds to it.
void add_hosts(const Topology& topology, Desired& out);   // cables, and what stands in the hosts at their far ends
void add_tables(const Topology& topology, Desired& out);  // routes and rules of the fabric
void add_filter(const Topology& topology, Desired& out);

}  // namespace bailey::fabric
