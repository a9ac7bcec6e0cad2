// Free space is kept as intervals, not as addresses: an IPv6 subnet costs no more than a /29, and because
// allocation is lowest first there are few of them.
#include "lab/controllers/pool.h"

#include <algorithm>
#include <iterator>

namespace bailey::lab::controllers {

using model::Address;
using model::AddressRange;
using model::Uint128;

std::optional<AddressRange> usable_addresses(const model::Prefix& prefix) {
  constexpr int kept = 5;
  if (prefix.size() <= kept) return std::nullopt;
  return AddressRange{prefix.at(4), prefix.last().plus(~Uint128{0})};
}

void AddressPool::add(const AddressRange& usable) {
  // Overlapping prefixes are an input error that is told elsewhere; here they must not free an address twice.
  for (const AddressRange& other : usable_)
    if (other.contains(usable.first) || usable.contains(other.first)) return;
  usable_.push_back(usable);
  release(usable);
}

bool AddressPool::holds(const Address& address) const {
  return std::any_of(usable_.begin(), usable_.end(),
                     [&](const AddressRange& range) { return range.contains(address); });
}

bool AddressPool::take(const AddressRange& range) {
  auto at = free_.upper_bound(range.first);
  if (at == free_.begin()) return false;
  --at;
  auto [first, last] = *at;
  if (last < range.last) return false;
  free_.erase(at);
  if (first < range.first) free_.emplace(first, range.first.plus(~Uint128{0}));
  if (range.last < last) free_.emplace(range.last.plus(1), last);
  return true;
}

std::vector<AddressRange> AddressPool::take_within(const AddressRange& range) {
  std::vector<AddressRange> taken;
  auto at = free_.upper_bound(range.first);
  if (at != free_.begin() && !(std::prev(at)->second < range.first)) --at;
  for (; at != free_.end() && !(range.last < at->first); ++at)
    taken.push_back({std::max(at->first, range.first), std::min(at->second, range.last)});
  for (const AddressRange& part : taken) take(part);
  return taken;
}

std::optional<AddressRange> AddressPool::run_at(const Address& address) const {
  auto at = free_.upper_bound(address);
  if (at == free_.begin() || std::prev(at)->second < address) return std::nullopt;
  --at;
  return AddressRange{at->first, at->second};
}

std::optional<Address> AddressPool::find_run(Uint128 count) const {
  for (const auto& [first, last] : free_)
    if (AddressRange{first, last}.size() >= count) return first;
  return std::nullopt;
}

std::optional<Address> AddressPool::take_lowest() {
  if (free_.empty()) return std::nullopt;
  Address lowest = free_.begin()->first;
  take(lowest);
  return lowest;
}

std::vector<AddressRange> AddressPool::take_run(Uint128 count) {
  if (count == 0) return {};
  for (const auto& [first, last] : free_) {
    AddressRange run{first, first.plus(count - 1)};
    if (AddressRange{first, last}.size() < count) continue;
    take(run);
    return {run};
  }
  if (free() < count) return {};
  std::vector<AddressRange> pieces;
  while (count > 0) {
    auto [first, last] = *free_.begin();
    Uint128 size = std::min(AddressRange{first, last}.size(), count);
    pieces.push_back({first, first.plus(size - 1)});
    take(pieces.back());
    count -= size;
  }
  return pieces;
}

void AddressPool::release(const AddressRange& range) {
  Address first = range.first;
  Address last = range.last;
  auto after = free_.upper_bound(first);
  if (after != free_.end() && after->first == last.plus(1)) {
    last = after->second;
    after = free_.erase(after);
  }
  if (after != free_.begin() && std::prev(after)->second.plus(1) == first) {
    first = std::prev(after)->first;
    free_.erase(std::prev(after));
  }
  free_.emplace(first, last);
}

std::vector<AddressRange> AddressPool::free_ranges() const {
  std::vector<AddressRange> out;
  for (const auto& [first, last] : free_) out.push_back({first, last});
  return out;
}

Uint128 AddressPool::free() const {
  Uint128 total = 0;
  for (const auto& [first, last] : free_) total += AddressRange{first, last}.size();
  return total;
}

Uint128 AddressPool::size() const {
  Uint128 total = 0;
  for (const AddressRange& range : usable_) total += range.size();
  return total;
}

}  // namespace bailey::lab::controllers
