// The fabric's filter in the terms of nftables, and the way from one state of it to the next.
//
// Each device has a chain of its own, which a map leads to, so that a packet meets the rules of its device alone and a
// change of one interface is a chain and a few elements. Everything lives in the table "bailey-fabric" of family inet.
// Commands are those of libnftables-json(5).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "fabric/fabric.h"

namespace bailey::fabric {

inline constexpr std::string_view nft_family = "inet";
inline constexpr std::string_view nft_table = "bailey-fabric";

struct Ruleset {
  struct Counter {
    std::string reason;  // "source-check", "route", "no-public-address", "not-routed", "asymmetric"
    std::string object;
    friend bool operator==(const Counter&, const Counter&) = default;
  };
  struct Chain {
    base::Json hook;  // type, hook, prio, policy; null for a chain that is only jumped to
    std::vector<base::Json> rules;
    friend bool operator==(const Chain&, const Chain&) = default;
  };
  struct Set {
    base::Json declaration;                      // type, map, flags
    std::map<std::string, base::Json> elements;  // by their text, so that they have an order
    friend bool operator==(const Set&, const Set&) = default;
  };
  std::map<std::string, Counter> counters;
  std::map<std::string, Chain> chains;
  std::map<std::string, Set> sets;
  bool empty() const { return chains.empty(); }
  friend bool operator==(const Ruleset&, const Ruleset&) = default;
};

// Empty for a filter without classes. `internet_index` is the index of the filter's Internet device in its namespace, 0
// where it has none.
Ruleset ruleset(const Filter& filter, unsigned internet_index);

// {"nftables": [...]}: one transaction that turns `from` into `to`. Null where there is nothing to do.
base::Json transaction(const Ruleset& from, const Ruleset& to);
// The same from whatever the kernel has: the table is made anew. Counters begin with the packets given.
base::Json replacement(const Ruleset& to, const std::map<std::string, std::uint64_t>& packets);

}  // namespace bailey::fabric
