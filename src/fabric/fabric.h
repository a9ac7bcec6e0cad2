// The fabric: what moves packets between subnets, VNets, on-premises networks and the Internet.
//
//   hosts ── veth ──┐                                   ┌── veth ── onprem/NAME ── veth ── hosts
//   nodes ── veth ──┤ fabric: a table for each subnet,  ├
//   appliances ─────┘ a delivery table for each VNet    └── veth ── internet ── veth ── hosts
//
// Routed, never bridged: one veth pair and one /32 (or /128) for each network interface. A packet that enters is
// given a mark by where it comes from (Filter::Entry); the mark selects the tables in which it is looked up. The
// first is its subnet's, which holds the effective routes that Azure documents for it (system, peering, gateway,
// user), most specific first. A route that ends in the VNet or a peer is a `throw`: the lookup goes on in the
// VNet's delivery table, which holds one route for each address of the VNet and of its connected peers. So a
// user-defined route decides before the last hop does, appliances in a peered VNet work, and VNets with equal
// address spaces stand side by side. What no table takes is dropped, without an answer, as Azure does.
//
// compile() is pure and deterministic; fabric/sys makes the kernel equal to what it says. Security groups will
// be judged in the filter's forward chain, between route and delivery.
#pragma once

#include <array>
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

// Who is at the other end. The fabric does answer ARP and neighbour discovery; these entries spare the first packet
// the question.
struct DeviceNeighbour {
  std::string device;
  model::Address address;
  MacAddress mac{};
  friend auto operator<=>(const DeviceNeighbour&, const DeviceNeighbour&) = default;
};

struct KernelRoute {
  std::uint32_t table = 254;
  model::Prefix destination;
  enum class Type : std::uint8_t { unicast, local, blackhole, throw_ } type = Type::unicast;
  std::string device;                     // unicast and local only
  std::optional<model::Address> gateway;  // may be of the other family
  bool onlink = false;
  std::optional<model::Address> preferred_source;
  friend auto operator<=>(const KernelRoute&, const KernelRoute&) = default;
};

// Packets with this mark (where `mark_mask` is set), or from this source, are looked up in `table`.
struct KernelRule {
  model::Family family = model::Family::v4;
  std::uint32_t priority = 0;
  std::uint32_t mark = 0;
  std::uint32_t mark_mask = 0;
  std::optional<model::Prefix> source;
  std::uint32_t table = 0;  // 0: blackhole
  friend auto operator<=>(const KernelRule&, const KernelRule&) = default;
};

// Everything of one namespace that the fabric owns. All vectors are sorted.
struct HostNetwork {
  std::vector<DeviceAddress> addresses;
  std::vector<DeviceNeighbour> neighbours;
  std::vector<KernelRoute> routes;
  std::vector<KernelRule> rules;
  // Below /proc/sys/net: "ipv4/ip_forward" -> "1".
  std::map<std::string, std::string> settings;
  friend bool operator==(const HostNetwork&, const HostNetwork&) = default;
};

// What nftables does in the fabric, as data; ruleset.h turns it into rules. All vectors are sorted.
//
// Connections are tracked only where that is needed, which is between a VNet and the Internet: in a zone for each VNet,
// since equal addresses may speak with the same host there. A packet that an appliance sends on to the Internet
// passes here twice, and is tracked and translated the second time only.
struct Filter {
  // Where a packet is looked up, by the mark it bears.
  struct Class {
    std::uint32_t mark = 0;
    std::uint16_t internet_zone = 0;  // of packets whose route leads to the Internet; 0: none may
    std::uint32_t return_mark = 0;    // of the replies that come from the Internet
    std::string object;               // named in drops: "VirtualNetwork/hub/subnets/web"
    // By an appliance for others: it has not seen the connections that came from the Internet past it, so their
    // replies end here.
    bool forwarded = false;
    friend bool operator==(const Class&, const Class&) = default;
  };
  // The class of packets that enter by a device: of the first group that holds the source, else `otherwise`.
  struct Entry {
    struct Group {
      std::vector<model::Prefix> sources;
      std::uint32_t mark = 0;
      friend bool operator==(const Group&, const Group&) = default;
    };
    std::string device;
    std::vector<Group> groups;
    std::uint32_t otherwise = 0;
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  // Packets from a device whose source is in none of the ranges are dropped.
  struct SourceCheck {
    std::string device;
    std::vector<model::AddressRange> allowed;
    std::string object;  // named in drops: "NetworkInterface/web"
    friend bool operator==(const SourceCheck&, const SourceCheck&) = default;
  };
  // Packets of a class that leave to the Internet: the sources given (empty: all others) get this address.
  struct SourceNat {
    std::uint32_t mark = 0;
    std::vector<model::AddressRange> sources;
    model::Address to;
    friend bool operator==(const SourceNat&, const SourceNat&) = default;
  };
  // Packets from the Internet to a public address: the zone of their connections, and where it has an interface
  // of its own, that one's address and the mark that leads there.
  struct Public {
    model::Address address;
    std::uint16_t zone = 0;
    std::uint32_t mark = 0;
    std::optional<model::Address> to;
    friend bool operator==(const Public&, const Public&) = default;
  };
  std::vector<Class> classes;
  std::vector<Entry> entries;
  std::vector<SourceCheck> source_checks;
  std::vector<SourceNat> source_nat;
  std::vector<Public> publics;
  std::string internet_device;  // "" where there is none
  friend bool operator==(const Filter&, const Filter&) = default;
};

struct Desired {
  std::vector<Cable> cables;
  std::map<HostName, HostNetwork> hosts;
  Filter filter;  // of host "fabric"
  friend bool operator==(const Desired&, const Desired&) = default;
};

// What the fabric should be for a completed snapshot (every address assigned). Every host that a cable names is a
// key of `hosts`.
Desired compile(const model::Snapshot& snapshot);

// The device of an interface at the fabric's side, and at its owner's side ("eth0", "eth1", ... in the order in
// which the owner lists its interfaces).
std::string fabric_device(const std::string& interface_name);

}  // namespace bailey::fabric
