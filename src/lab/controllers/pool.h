// AddressPool: the free addresses of one family in one subnet or network, lowest first. What a node has for its pods
// is one too: there "free" means the node's.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "model/address.h"

namespace bailey::lab::controllers {

// The addresses of a subnet that may be handed out: Azure keeps the first four (network, gateway, two for DNS) and
// the last one, in both families. Empty where nothing is left (/30 and smaller).
std::optional<model::AddressRange> usable_addresses(const model::Prefix& prefix);

class AddressPool {
 public:
  AddressPool() = default;
  void add(const model::AddressRange& usable);  // passed over where it overlaps what was added before

  bool holds(const model::Address& address) const;  // free or taken
  // All of the range, or nothing and false.
  bool take(const model::AddressRange& range);
  bool take(const model::Address& address) { return take({address, address}); }
  // Whatever is free of the range, ascending.
  std::vector<model::AddressRange> take_within(const model::AddressRange& range);
  std::optional<model::Address> take_lowest();
  // The lowest contiguous run; where no run is long enough, the lowest pieces that add up. Empty where too few are
  // free.
  std::vector<model::AddressRange> take_run(model::Uint128 count);
  bool has(const model::Address& address) const { return run_at(address).has_value(); }  // free
  // The whole free run that the address is part of.
  std::optional<model::AddressRange> run_at(const model::Address& address) const;
  // The first address of the lowest free run of at least this many.
  std::optional<model::Address> find_run(model::Uint128 count) const;
  // Everything that is free, as the fewest ranges, ascending.
  std::vector<model::AddressRange> free_ranges() const;
  void release(const model::AddressRange& range);  // what was taken before
  model::Uint128 free() const;
  model::Uint128 size() const;  // free or taken

 private:
  std::vector<model::AddressRange> usable_;
  std::map<model::Address, model::Address> free_;  // first -> last of each free interval; disjoint, never adjacent
};

}  // namespace bailey::lab::controllers
