// The fabric: what moves packets between subnets, VNets, on-premises networks and the Internet.
//
//   hosts ── veth ──┐                                   ┌── veth ── onprem/NAME ── veth ── hosts
//   nodes ── veth ──┤ fabric: a table for each subnet,  ├
//   appliances ─────┘ a delivery table for each VNet    └── veth ── internet ── veth ── hosts
//
// Routed, never bridged: one veth pair and one /32 (or /128) for each network interface. The packet of an
// interface is looked up in its subnet's table, which holds the effective routes that Azure documents for it
// (system, peering, gateway, user), most specific first. A route that ends in the VNet or a peer is a `throw`:
// the lookup goes on in the VNet's delivery table, which holds one route for each address of the VNet and of
// its connected peers. So a user-defined route decides before the last hop does, appliances in a peered VNet
// work, and VNets with equal address spaces stand side by side.
//
// compile() is pure and deterministic; fabric/sys makes the kernel equal to what it says.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/snapshot.h"

namespace bailey::fabric {

// Hosts by the name under which the lab keeps their namespace: "fabric", "internet", "onprem/NAME", "node/NAME",
// "host/NAME".
using HostName = std::string;
using MacAddress = std::array<std::uint8_t, 6>;

// A veth pair.
struct CableEnd {
  HostName host;
  std::string device;
  MacAddress mac{};
  friend auto operator<=>(const CableEnd&, const CableEnd&) = default;
};
struct Cable {
  CableEnd a;
  CableEnd b;
  std::uint32_t mtu = 1500;
  friend auto operator<=>(const Cable&, const Cable&) = default;
};

struct DeviceAddress {
  std::string device;
  model::Address address;
  int prefix_length = 32;
  friend auto operator<=>(const DeviceAddress&, const DeviceAddress&) = default;
};

struct KernelRoute {
  std::uint32_t table = 254;
  model::Prefix destination;
  enum class Type : std::uint8_t { unicast, blackhole, throw_ } type = Type::unicast;
  std::string device;                     // unicast only
  std::optional<model::Address> gateway;  // may be of the other family
  bool onlink = false;
  std::optional<model::Address> preferred_source;
  friend auto operator<=>(const KernelRoute&, const KernelRoute&) = default;
};

struct KernelRule {
  model::Family family = model::Family::v4;
  std::uint32_t priority = 0;
  std::string incoming;
  std::uint32_t table = 0;  // 0: blackhole
  friend auto operator<=>(const KernelRule&, const KernelRule&) = default;
};

// Everything of one namespace that the fabric owns. All vectors are sorted.
struct HostNetwork {
  std::vector<DeviceAddress> addresses;
  std::vector<KernelRoute> routes;
  std::vector<KernelRule> rules;
  // Below /proc/sys/net: "ipv4/ip_forward" -> "1".
  std::map<std::string, std::string> settings;
  friend bool operator==(const HostNetwork&, const HostNetwork&) = default;
};

// What nftables does in the fabric, as data; fabric/sys turns it into one atomic transaction.
struct Filter {
  // Packets from an interface whose source is none of its own addresses are dropped, unless it forwards.
  struct SourceCheck {
    std::string device;
    std::vector<model::AddressRange> allowed;
    std::string object;  // named in drops: "NetworkInterface/web"
    friend bool operator==(const SourceCheck&, const SourceCheck&) = default;
  };
  // Packets that leave to the Internet: source prefix -> public address, first match wins.
  struct SourceNat {
    std::string device_in;
    std::vector<model::AddressRange> sources;  // empty: all of the device
    model::Address to;
    friend bool operator==(const SourceNat&, const SourceNat&) = default;
  };
  // Packets from the Internet to a public address -> the interface's own.
  struct DestinationNat {
    model::Address from;
    model::Address to;
    std::uint16_t zone = 0;
    friend bool operator==(const DestinationNat&, const DestinationNat&) = default;
  };
  // Connection tracking zone of each device: VNets that may overlap are kept apart.
  std::map<std::string, std::uint16_t> zones;
  // Zone of replies from the Internet, by public address.
  std::map<model::Address, std::uint16_t> public_zones;
  std::vector<SourceCheck> source_checks;
  std::vector<SourceNat> source_nat;
  std::vector<DestinationNat> destination_nat;
  std::string internet_device;  // "" where there is none
  friend bool operator==(const Filter&, const Filter&) = default;
};

struct Desired {
  std::vector<Cable> cables;
  std::map<HostName, HostNetwork> hosts;
  Filter filter;  // of host "fabric"
  friend bool operator==(const Desired&, const Desired&) = default;
};

// What the fabric should be for a completed snapshot (every address assigned).
Desired compile(const model::Snapshot& snapshot);

// The device of an interface at the fabric's side, and at its owner's side ("eth0", "eth1", ... in the order in
// which the owner lists its interfaces).
std::string fabric_device(const std::string& interface_name);

}  // namespace bailey::fabric
