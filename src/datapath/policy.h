// NetworkPolicies as the maps of a node's packet path. Pure: Snapshot in, map contents out.
//
//   ipcache    address -> identity, by the longest prefix
//   endpoints  pod of the node -> the policy it is under, for each direction whether that isolates it
//   entries    (policy, direction, identity, protocol, port by prefix) -> allowed
//
// An identity is what rules can tell addresses apart by: the pod's namespace, labels and named ports, and the blocks of
// ipBlocks that hold the address. Pods that are alike share one, and endpoints under the same policies share their
// entries, so the maps grow with how many kinds of pods there are and not with pods, and a packet costs a fixed
// number of lookups however many rules there are. A range of ports is written as the prefixes that cover it.
//
// Semantics are those of kubernetes.io/docs/concepts/services-networking/network-policies; what that leaves open is
// decided as reach/policy.h says. evaluate() does with the maps what the programs in the kernel do.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/snapshot.h"

namespace bailey::datapath {

using Identity = std::uint32_t;
inline constexpr Identity any_identity = 0;      // of entries that hold for every peer
inline constexpr Identity own_node = 1;          // always reaches its pods, and they it
inline constexpr Identity first_identity = 256;  // below are those with a meaning of their own

// Numbers by key. Stable: what has a number keeps it, so that a restart does not reshuffle what maps in the kernel
// hold.
class Numbers {
 public:
  explicit Numbers(std::uint32_t first) : next_(first) {}
  // What is known from before; later numbers come after it.
  void keep(const std::string& key, std::uint32_t number);
  std::uint32_t of(const std::string& key);
  // Forgets the keys that were not asked for since the last call. Their numbers do not come back: packets of who had
  // them may still be under way.
  void sweep();

 private:
  struct Row {
    std::uint32_t number = 0;
    bool used = true;
  };
  std::map<std::string, Row> rows_;
  std::set<std::uint32_t> kept_;
  std::uint32_t next_;
};

struct Ids {
  Numbers identities{first_identity};
  Numbers policies{1};
};

enum class Direction : std::uint8_t { ingress, egress };

// As in the key of the map: `port` with the bits beyond `port_bits` clear; protocol and port_bits 0 hold for every
// protocol, ICMP too.
struct PolicyKey {
  std::uint32_t policy = 0;
  Direction direction = Direction::ingress;
  Identity identity = any_identity;
  std::uint8_t protocol = 0;  // IP protocol number
  std::uint16_t port = 0;
  std::uint8_t port_bits = 0;
  friend auto operator<=>(const PolicyKey&, const PolicyKey&) = default;
};

struct Endpoint {
  std::uint32_t policy = 0;
  std::array<bool, 2> isolated{};  // by Direction: without an entry it is denied
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// Which rule let a packet pass: policies[policy], rules[rule] of its direction.
struct Rule {
  std::uint32_t policy = 0;  // index in Maps::policies
  std::uint32_t rule = 0;
  friend bool operator==(const Rule&, const Rule&) = default;
};

struct Maps {
  std::map<model::Prefix, Identity> ipcache;
  std::map<model::Address, Endpoint> endpoints;  // of the node's pods
  std::map<PolicyKey, Rule> entries;
  std::vector<model::ObjectRef> policies;  // ascending
  friend bool operator==(const Maps&, const Maps&) = default;
};

// For the pods of a node, by its name. The snapshot is complete: pods have their addresses.
Maps compile(const model::Snapshot& snapshot, const std::string& node, Ids& ids);

struct Packet {
  model::Address source;
  model::Address destination;
  model::Port port;  // of the destination; ICMP: number 0
};

struct Verdict {
  bool allow = true;
  bool isolated = false;
  std::optional<Rule> by;  // what lets an isolated endpoint's packet pass
};

// What the maps say of the first packet of a connection at one end: as it enters its destination, or leaves its source.
// An address that is no endpoint lets everything pass.
Verdict evaluate(const Maps& maps, Direction direction, const Packet& packet);

// The prefixes (port, bits) that cover first..last, at most 30.
struct PortPrefix {
  std::uint16_t port = 0;
  std::uint8_t bits = 16;
  friend auto operator<=>(const PortPrefix&, const PortPrefix&) = default;
};
std::vector<PortPrefix> port_prefixes(std::uint16_t first, std::uint16_t last);

}  // namespace bailey::datapath
