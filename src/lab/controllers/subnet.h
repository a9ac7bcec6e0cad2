// SubnetAddresses: who has which addresses of one family in one subnet, and what its nodes have of them for their pods
// (the ranges of the vnet model).
//
// A node gets ranges on demand and gives them back. What its pods need comes first, for all nodes; a reserve stands
// ready beyond that, so that a pod never waits for an address while the subnet has one. A range grows where it
// stands: new ranges are laid where they can grow to all that their node may ever take, as long as there is such
// room, and anything else keeps out of that room.
//
// The order of use is that of a completion: what is said and what is kept; `take_one` for nodes and interfaces that
// lack an address; `open_admission`, `admit` for each pod, and `take_one` for what else is asked for; `settle`, which
// moves ranges so that every admitted pod has its address.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lab/controllers/pool.h"

namespace bailey::lab::controllers {

// Addresses beyond those of its pods that a node has ready. They are topped up when less than half are left and given
// back when there are more than twice as many, so that a pod more or less moves nothing.
inline constexpr unsigned warm_reserve = 8;
inline constexpr unsigned refill_below = warm_reserve / 2;
inline constexpr unsigned give_back_above = 2 * warm_reserve;

struct NodeShare {
  std::string node;
  model::Uint128 limit = 0;       // of addresses for pods that it may come to need
  AddressPool given;              // part of `own` that a file says: never given back
  AddressPool own;                // its ranges
  std::set<model::Address> held;  // by pods that go on to run there; they stay in its ranges
  model::Uint128 given_usable = 0;
  model::Uint128 given_used = 0;  // admitted pods that the given ranges carry
  model::Uint128 needed = 0;      // admitted pods, apart from these:
  std::uint32_t covered = 0;      // admitted pods that hold an address that another pod is pinned to
};

class SubnetAddresses {
 public:
  AddressPool free;                       // nobody's
  std::set<model::Address> pinned;        // pods are pinned to them: in no use for others
  std::vector<model::Address> resting;    // nobody's, but let go a moment ago; oldest first, taken out of `free`
  std::vector<model::Address> cooling;    // let go a moment ago; within ranges too; oldest first
  std::vector<model::Address> set_aside;  // taken out of `free` for one who is served later

  NodeShare& add_share(const std::string& node);
  NodeShare* find(const std::string& node);
  void remove_share(const std::string& node);  // its ranges are nobody's then
  std::vector<NodeShare>& shares() { return shares_; }
  const std::vector<NodeShare>& shares() const { return shares_; }

  // For a node, an interface, a load balancer: lowest free and outside of the room that ranges may grow into; lowest
  // free; then out of what nodes have in reserve; then what rests. Empty where all are in use.
  std::optional<model::Address> take_one();
  // A particular one, if it is nobody's.
  bool take(const model::Address& address);
  // What was set aside is nobody's from now on.
  void release_set_aside();

  // From here on every address that a pod or `take_one` takes is counted.
  void open_admission();
  // Whether one more pod on the node can have an address. A pod that holds one of the node's ranges always can, if
  // these are admitted first.
  bool admits(const NodeShare& share, const std::optional<model::Address>& held) const;
  void admit(NodeShare& share, const std::optional<model::Address>& held);
  model::Uint128 left() const { return left_; }  // addresses that could still be admitted, given ranges apart

  // Surplus goes back, needs are met, reserves are filled. `held` of each share is set before.
  void settle();

  // Of the node's ranges, those that its pods may draw from: without what other pods are pinned to.
  std::vector<model::AddressRange> drawn_ranges(const NodeShare& share) const;

 private:
  model::Uint128 usable(const AddressPool& part) const;
  model::Uint128 excess(const NodeShare& share) const;
  model::Uint128 lacking(const NodeShare& share) const;
  AddressPool loose(const NodeShare& share) const;
  bool may_leave(const NodeShare& share, const model::Address& address) const;
  std::vector<model::AddressRange> cut(NodeShare& share, model::Uint128 count);
  model::Uint128 cut_and_release(NodeShare& share, model::Uint128 count);
  void release(const model::AddressRange& range);
  void keep_room(const NodeShare& share);
  void plan_room();
  std::optional<model::Address> take_reserve();
  std::optional<model::Address> take_coolest();
  void give_back_surplus(NodeShare& share);
  void collect(model::Uint128 missing);
  void collect_coolest(model::Uint128 missing);
  void grow(NodeShare& share, model::Uint128 count);
  void extend(NodeShare& share, model::Uint128& count);
  void lay_new(NodeShare& share, model::Uint128 count);
  void give(NodeShare& share, const model::AddressRange& range);
  void top_up();

  std::vector<NodeShare> shares_;
  std::map<std::string, std::size_t> by_node_;
  AddressPool open_;  // part of `free` that no range may come to grow into; as of plan_room()
  bool planned_ = false;
  bool counting_ = false;
  model::Uint128 left_ = 0;
};

}  // namespace bailey::lab::controllers
