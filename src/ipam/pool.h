// The addresses that one node may hand out to its pods, and the choice of the next one. Pure.
//
// A pool is a list of ranges of one or both families, searched in the order in which they are given. Of a range
// "first-last" every address is usable. Of a prefix the network address (in IPv6 the subnet-router anycast
// address, RFC 4291 section 2.6.1), the first host address (the gateway) and, in IPv4, the broadcast address are
// not; prefixes of one or two addresses have none of these (RFC 3021).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/address.h"

namespace bailey::ipam {

class Pool {
 public:
  // Fails on text that is no range, on host bits, on overlap, and on an empty list. Error.object is the entry.
  static base::Result<Pool> parse(const std::vector<std::string>& texts);

  bool has(model::Family family) const { return !of(family).empty(); }
  std::vector<model::Family> families() const;  // v4 first

  enum class Place : std::uint8_t { usable, reserved, outside };
  Place place(const model::Address& address) const;
  // Usable addresses; saturates at 2^128 - 1.
  model::Uint128 size(model::Family family) const;
  // The entries of this family as they were given, joined by ", ".
  std::string text(model::Family family) const;
  // The prefixes among the entries of this family, with their gateway (the first host address).
  struct Block {
    model::Prefix prefix;
    model::Address gateway;
  };
  std::vector<Block> blocks(model::Family family) const;
  // The entries of this family that have no gateway: first-last ranges and prefixes of one or two addresses.
  std::vector<std::string> without_gateway(model::Family family) const;

  // The first usable address after `last` (in the pool's order, then from its beginning) for which `taken` says
  // no. Empty when all are taken. Asks `taken` at most once for each address.
  std::optional<model::Address> next_free(model::Family family, const std::optional<model::Address>& last,
                                          const std::function<bool(const model::Address&)>& taken) const;

 private:
  struct Entry {
    std::string text;
    model::AddressRange whole;
    model::AddressRange usable;
    std::optional<Block> block;
  };
  std::vector<const Entry*> of(model::Family family) const;
  std::vector<Entry> entries_;
};

// Decimal digits.
std::string count_text(model::Uint128 count);

}  // namespace bailey::ipam
