// The arithmetic that `settle` rests on: `left_` starts as everything that no file, no pin and no node's own address
// holds fast, and is reduced by each pod and each address admitted. Ranges may be moved between nodes as needed apart
// from addresses that pods hold, and these pods are admitted first. So what was admitted can always be served.
#include "lab/controllers/subnet.h"

#include <algorithm>
#include <tuple>

#include "base/check.h"

namespace bailey::lab::controllers {

using model::Address;
using model::AddressRange;
using model::Uint128;

namespace {

constexpr Uint128 minus_one = ~Uint128{0};

AddressRange only(const Address& address) { return {address, address}; }

}  // namespace

NodeShare& SubnetAddresses::add_share(const std::string& node) {
  by_node_.emplace(node, shares_.size());
  return shares_.emplace_back(NodeShare{.node = node});
}

NodeShare* SubnetAddresses::find(const std::string& node) {
  auto at = by_node_.find(node);
  return at == by_node_.end() ? nullptr : &shares_[at->second];
}

void SubnetAddresses::remove_share(const std::string& node) {
  NodeShare* share = find(node);
  if (!share) return;
  for (const AddressRange& range : share->own.free_ranges()) release(range);
  shares_.erase(shares_.begin() + (share - shares_.data()));
  by_node_.clear();
  for (std::size_t i = 0; i < shares_.size(); ++i) by_node_[shares_[i].node] = i;
}

Uint128 SubnetAddresses::usable(const AddressPool& part) const {
  auto inside = std::count_if(pinned.begin(), pinned.end(), [&](const Address& pin) { return part.has(pin); });
  return part.free() - static_cast<Uint128>(inside);
}

Uint128 SubnetAddresses::excess(const NodeShare& share) const {
  Uint128 has = usable(share.own);
  return has > share.needed ? has - share.needed : 0;
}

Uint128 SubnetAddresses::lacking(const NodeShare& share) const {
  Uint128 has = usable(share.own);
  return has < share.needed ? share.needed - has : 0;
}

bool SubnetAddresses::may_leave(const NodeShare& share, const Address& address) const {
  return share.own.has(address) && !share.given.has(address) && !share.held.contains(address) &&
         !pinned.contains(address);
}

// What of a node's ranges nobody has, had lately, or is promised.
AddressPool SubnetAddresses::loose(const NodeShare& share) const {
  AddressPool out = share.own;
  for (const AddressRange& range : share.given.free_ranges()) out.take_within(range);
  for (const Address& address : share.held) out.take(address);
  for (const Address& address : pinned) out.take(address);
  for (const Address& address : cooling) out.take(address);
  return out;
}

// Takes up to `count` loose addresses out of a node's ranges: from the ends of ranges first, then out of the longest
// runs, so that few pieces remain.
std::vector<AddressRange> SubnetAddresses::cut(NodeShare& share, Uint128 count) {
  struct Run {
    AddressRange range;
    bool from_start;  // it begins a range but does not end it
    bool at_edge;
  };
  std::vector<Run> runs;
  for (const AddressRange& range : loose(share).free_ranges()) {
    bool before = share.own.has(range.first.plus(minus_one));
    bool after = share.own.has(range.last.plus(1));
    runs.push_back({range, !before && after, !before || !after});
  }
  std::stable_sort(runs.begin(), runs.end(), [](const Run& a, const Run& b) {
    return std::make_tuple(!a.at_edge, b.range.size(), b.range.first) <
           std::make_tuple(!b.at_edge, a.range.size(), a.range.first);
  });
  std::vector<AddressRange> out;
  for (const Run& run : runs) {
    if (count == 0) break;
    Uint128 size = std::min(run.range.size(), count);
    AddressRange part = run.from_start ? AddressRange{run.range.first, run.range.first.plus(size - 1)}
                                       : AddressRange{run.range.last.plus(minus_one * (size - 1)), run.range.last};
    share.own.take(part);
    out.push_back(part);
    count -= size;
  }
  return out;
}

Uint128 SubnetAddresses::cut_and_release(NodeShare& share, Uint128 count) {
  Uint128 released = 0;
  for (const AddressRange& range : cut(share, count)) {
    release(range);
    released += range.size();
  }
  return released;
}

void SubnetAddresses::release(const AddressRange& range) {
  free.release(range);
  if (planned_) open_.release(range);
}

void SubnetAddresses::keep_room(const NodeShare& share) {
  std::vector<AddressRange> ranges = share.own.free_ranges();
  Uint128 has = usable(share.own);
  if (ranges.empty() || has >= share.limit) return;
  AddressRange room{ranges.back().last.plus(1), ranges.back().last.plus(share.limit - has)};
  if (room.first < room.last || room.first == room.last) open_.take_within(room);
}

void SubnetAddresses::plan_room() {
  open_ = free;
  planned_ = true;
  for (const NodeShare& share : shares_) keep_room(share);
}

bool SubnetAddresses::take(const Address& address) {
  if (!free.take(address)) return false;
  if (planned_) open_.take_within(only(address));
  if (counting_) --left_;
  return true;
}

std::optional<Address> SubnetAddresses::take_one() {
  if (counting_ && left_ == 0) return std::nullopt;
  if (!planned_) plan_room();
  std::optional<Address> address = open_.take_lowest();
  if (address)
    base::check(free.take(*address), "what is open is free");
  else
    address = free.take_lowest();
  if (!address) address = take_reserve();
  if (!address) address = take_coolest();
  if (address && counting_) --left_;
  return address;
}

std::optional<Address> SubnetAddresses::take_reserve() {
  NodeShare* richest = nullptr;
  Uint128 most = 0;
  for (NodeShare& share : shares_) {
    Uint128 count = loose(share).free();
    if (count <= most) continue;
    most = count;
    richest = &share;
  }
  if (!richest) return std::nullopt;
  return cut(*richest, 1).front().first;
}

std::optional<Address> SubnetAddresses::take_coolest() {
  if (!resting.empty()) {
    Address address = resting.front();
    resting.erase(resting.begin());
    return address;
  }
  for (const Address& address : cooling)
    for (NodeShare& share : shares_)
      if (may_leave(share, address)) {
        share.own.take(address);
        return address;
      }
  return std::nullopt;
}

void SubnetAddresses::release_set_aside() {
  for (const Address& address : set_aside) {
    release(only(address));
    if (counting_) ++left_;
  }
  set_aside.clear();
}

void SubnetAddresses::open_admission() {
  counting_ = true;
  left_ = free.free() + resting.size();
  for (NodeShare& share : shares_) {
    share.given_usable = usable(share.given);
    left_ += usable(share.own) - share.given_usable;
  }
}

bool SubnetAddresses::admits(const NodeShare& share, const std::optional<Address>& held) const {
  if (held && (pinned.contains(*held) || share.given.has(*held))) return true;
  return left_ > 0 || (!held && share.given_used < share.given_usable);
}

void SubnetAddresses::admit(NodeShare& share, const std::optional<Address>& held) {
  if (held && pinned.contains(*held)) {
    ++share.covered;
    return;
  }
  ++share.needed;
  bool of_given = held ? share.given.has(*held) : share.given_used < share.given_usable;
  if (of_given)
    ++share.given_used;
  else
    --left_;
}

void SubnetAddresses::give_back_surplus(NodeShare& share) {
  Uint128 has = usable(share.own);
  Uint128 most = std::max(share.limit, share.needed);
  if (has <= std::min(share.needed + give_back_above, most)) return;
  cut_and_release(share, has - std::min(share.needed + warm_reserve, most));
}

// Out of other nodes' reserves, the largest first.
void SubnetAddresses::collect(Uint128 missing) {
  std::vector<std::pair<Uint128, NodeShare*>> donors;
  for (NodeShare& share : shares_)
    if (Uint128 surplus = excess(share); surplus > 0) donors.emplace_back(surplus, &share);
  std::stable_sort(donors.begin(), donors.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  for (auto& [surplus, share] : donors) {
    if (missing == 0) return;
    missing -= cut_and_release(*share, std::min(surplus, missing));
  }
}

void SubnetAddresses::collect_coolest(Uint128 missing) {
  for (; missing > 0 && !resting.empty(); --missing) {
    release(only(resting.front()));
    resting.erase(resting.begin());
  }
  for (auto address = cooling.begin(); missing > 0 && address != cooling.end(); ++address)
    for (NodeShare& share : shares_) {
      if (!may_leave(share, *address) || excess(share) == 0) continue;
      share.own.take(*address);
      release(only(*address));
      --missing;
      break;
    }
}

void SubnetAddresses::give(NodeShare& share, const AddressRange& range) {
  base::check(free.take(range), "a range is laid where nobody is");
  open_.take_within(range);
  share.own.release(range);
}

void SubnetAddresses::extend(NodeShare& share, Uint128& count) {
  std::vector<AddressRange> ranges = share.own.free_ranges();
  for (auto range = ranges.rbegin(); range != ranges.rend() && count > 0; ++range) {
    std::optional<AddressRange> run = free.run_at(range->last.plus(1));
    if (!run) continue;
    Uint128 size = std::min(run->size(), count);
    give(share, {run->first, run->first.plus(size - 1)});
    count -= size;
  }
  ranges = share.own.free_ranges();
  for (auto range = ranges.begin(); range != ranges.end() && count > 0; ++range) {
    std::optional<AddressRange> run = open_.run_at(range->first.plus(minus_one));
    if (!run) continue;
    Uint128 size = std::min(run->size(), count);
    give(share, {run->last.plus(minus_one * (size - 1)), run->last});
    count -= size;
  }
}

void SubnetAddresses::lay_new(NodeShare& share, Uint128 count) {
  Uint128 has = usable(share.own);
  Uint128 room = std::max(count, share.limit > has ? share.limit - has : 0);
  std::optional<Address> first = open_.find_run(room);
  if (!first) first = open_.find_run(count);
  if (first) return give(share, {*first, first->plus(count - 1)});
  for (const AddressRange& range : free.take_run(count)) {
    open_.take_within(range);
    share.own.release(range);
  }
}

void SubnetAddresses::grow(NodeShare& share, Uint128 count) {
  if (count == 0) return;
  extend(share, count);
  if (count > 0) lay_new(share, count);
  keep_room(share);
}

// Everybody's share of what is free grows evenly.
void SubnetAddresses::top_up() {
  std::vector<std::pair<Uint128, Uint128>> orders(shares_.size());  // wanted, granted
  Uint128 available = free.free();
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    const NodeShare& share = shares_[i];
    Uint128 most = std::max(share.limit, share.needed);
    Uint128 has = usable(share.own);
    if (has < std::min(share.needed + refill_below, most))
      orders[i].first = std::min(share.needed + warm_reserve, most) - has;
  }
  for (unsigned round = 0; round < warm_reserve && available > 0; ++round)
    for (auto& [wanted, granted] : orders) {
      if (granted >= wanted || available == 0) continue;
      ++granted;
      --available;
    }
  for (std::size_t i = 0; i < shares_.size(); ++i) grow(shares_[i], orders[i].second);
}

void SubnetAddresses::settle() {
  for (NodeShare& share : shares_) give_back_surplus(share);
  plan_room();
  Uint128 missing = 0;
  for (const NodeShare& share : shares_) missing += lacking(share);
  if (missing > free.free()) collect(missing - free.free());
  if (missing > free.free()) collect_coolest(missing - free.free());
  base::check(missing <= free.free(), "every admitted pod can have an address");
  for (NodeShare& share : shares_) grow(share, lacking(share));
  top_up();
}

std::vector<AddressRange> SubnetAddresses::drawn_ranges(const NodeShare& share) const {
  AddressPool out = share.own;
  for (const Address& address : pinned)
    if (!share.held.contains(address)) out.take(address);
  return out.free_ranges();
}

}  // namespace bailey::lab::controllers
