// NetworkPolicies as the maps of a node's packet path. Pure: Snapshot in, map contents out.
//
//   ipcache    address -> identity, by the longest prefix
//   endpoints  pod of the node -> the set of policies it is under, for each direction whether that isolates it
//   entries    (set, direction, identity, protocol, port by prefix) -> the rule that allows it
//
// An identity is what rules can tell addresses apart by: the pod's namespace with its labels, the pod's labels and
// named ports, and the narrowest block of an ipBlock that holds the address. Pods that are alike share one, and
// endpoints under the same policies share their entries, so the maps grow with how many kinds of pods there are and not
// with pods, and a packet costs a fixed number of lookups however many rules there are. A range of ports is written as
// the prefixes that cover it.
//
// Semantics are those of kubernetes.io/docs/concepts/services-networking/network-policies; what that leaves open is
// decided as reach/policy.h says. evaluate() does with the maps what the programs in the kernel do.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/snapshot.h"

namespace bailey::datapath {

using Identity = std::uint32_t;
inline constexpr Identity any_identity = 0;      // of entries that hold for every peer
inline constexpr Identity own_node = 1;          // always reaches its pods, and they it
inline constexpr Identity first_identity = 256;  // below are those with a meaning of their own

// Numbers by key. What has a number keeps it as long as it is asked for.
class Numbers {
 public:
  explicit Numbers(std::uint32_t first) : next_(first) {}
  std::uint32_t of(const std::string& key);
  // Forgets all others. Their numbers do not come back: packets of who had them may still be under way.
  void keep_only(const std::function<bool(std::uint32_t)>& is_used);

 private:
  std::map<std::string, std::uint32_t> rows_;
  std::uint32_t next_;
};

// Whoever takes up maps that are in use gives numbers beyond those in them.
struct Ids {
  Numbers identities{first_identity};
  Numbers policies{1};  // NetworkPolicies as they are written, with their names
  Numbers sets{1};      // of policies under which an endpoint can be
};

enum class Direction : std::uint8_t { ingress, egress };

// As in the key of the map: `port` with the bits beyond `port_bits` clear; protocol and port_bits 0 hold for every
// protocol, ICMP too.
struct PolicyKey {
  std::uint32_t set = 0;
  Direction direction = Direction::ingress;
  Identity identity = any_identity;
  std::uint8_t protocol = 0;  // IP protocol number
  std::uint16_t port = 0;
  std::uint8_t port_bits = 0;
  friend auto operator<=>(const PolicyKey&, const PolicyKey&) = default;
};

struct Endpoint {
  std::uint32_t set = 0;
  std::array<bool, 2> isolated{};  // by Direction: without an entry it is denied
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// Which rule let a packet pass: of the policy with this number, in its direction.
struct Rule {
  std::uint32_t policy = 0;
  std::uint32_t rule = 0;
  friend bool operator==(const Rule&, const Rule&) = default;
};

struct Maps {
  std::map<model::Prefix, Identity> ipcache;
  std::map<model::ObjectRef, Endpoint> endpoints;  // of the node's pods
  std::map<PolicyKey, Rule> entries;
  std::map<std::uint32_t, model::ObjectRef> policies;  // by number
  friend bool operator==(const Maps&, const Maps&) = default;
};

// The maps for the pods of a node, from one snapshot to the next. What a number means never changes: a pod whose labels
// change, or whose namespace's do, gets another identity, and a policy that is written anew another number. So an
// entry is true for ever, and a change from one state to the next is complete once addresses and endpoints refer to
// the new numbers.
class Compiler {
 public:
  explicit Compiler(std::string node, Ids ids = {});
  Compiler(Compiler&&) noexcept;
  Compiler& operator=(Compiler&&) noexcept;
  ~Compiler();

  // The snapshot is complete: pods have their addresses. What did not change since the last call is not looked at
  // again; the outcome is that of a first call with the same numbers. The maps stay as they are until the next call.
  const Maps& compile(const model::Snapshot& snapshot);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

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

// What the maps say of the first packet of a connection at one end: as it enters its destination, or leaves its source,
// which is `pod`. A pod that is no endpoint lets everything pass.
Verdict evaluate(const Maps& maps, const model::ObjectRef& pod, Direction direction, const Packet& packet);

// The prefixes (port, bits) that cover first..last, at most 30.
struct PortPrefix {
  std::uint16_t port = 0;
  std::uint8_t bits = 16;
  friend auto operator<=>(const PortPrefix&, const PortPrefix&) = default;
};
std::vector<PortPrefix> port_prefixes(std::uint16_t first, std::uint16_t last);

}  // namespace bailey::datapath
