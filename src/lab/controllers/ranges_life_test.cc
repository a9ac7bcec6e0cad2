// A long life of ranges: random edits, one after the other, with a network beside that gives pods random addresses of
// their nodes' ranges as address management does. After each edit everything is counted anew, naively.
#include <random>

#include "lab/controllers/objects_for_test.h"

namespace bailey::lab::controllers {
namespace {

using model::Node;
using model::Pod;
using model::Uint128;

// The completion and what it came from, taken apart into plain sets of addresses of one subnet and family.
struct Census {
  std::set<Address> usable;
  std::map<std::string, std::set<Address>> ranges;  // whole, of the assignments
  std::map<std::string, std::set<Address>> drawn;   // what the node's address management may give
  std::set<Address> pins;
  std::set<Address> others;  // nodes' own, interfaces, load balancers
  std::map<std::string, std::size_t> needed;

  std::set<Address> free() const {
    std::set<Address> out = usable;
    for (const auto& [node, own] : ranges)
      for (const Address& address : own) out.erase(address);
    for (const Address& address : pins) out.erase(address);
    for (const Address& address : others) out.erase(address);
    return out;
  }
};

void add_all(const AddressRange& range, std::set<Address>& out) {
  for (Address at = range.first; at <= range.last; at = at.plus(1)) out.insert(at);
}

// Node by node, of an assignment; and how many pieces there are.
std::map<std::string, std::set<Address>> ranges_of(const Assignments& assignments, Family family, std::size_t& pieces) {
  std::map<std::string, std::set<Address>> out;
  for (const auto& [key, range] : assignments.ranges) {
    if (!key.starts_with("Node/") || range.first.family() != family) continue;
    add_all(range, out[key.substr(5, key.find('/', 5) - 5)]);
    ++pieces;
  }
  return out;
}

std::string text_of(const Assignments& assignments) {
  std::string out;
  for (const auto& [key, address] : assignments.addresses) out += key + " " + address.text() + "\n";
  for (const auto& [key, range] : assignments.ranges) out += key + " " + range.text() + "\n";
  for (const auto& [key, node] : assignments.nodes) out += key + " " + node + "\n";
  return out;
}

class Life {
 public:
  explicit Life(unsigned seed) : random_(seed) { dual_ = one_in(3); }

  void step() {
    edit();
    Snapshot given = model::snapshot_of(objects());
    Assignments before = assignments_;
    Completion done = complete(given, assignments_, {}, in_use_);
    for (Family family : families)
      if (family == Family::v4 || dual_) check(done, before, family);
    // Whoever found nothing because pods that go had it may find it the next time; all others stay as they are.
    bool failed = std::any_of(done.conditions.begin(), done.conditions.end(), [](const Condition& condition) {
      return condition.object.kind != Kind::Pod && condition.reason == "SubnetFull";
    });
    Completion again = complete(given, done.assignments, {}, in_use_);
    if (!failed) {
      EXPECT_EQ(text_of(again.assignments), text_of(done.assignments)) << "nothing moves without cause";
    }
    if (one_in(5)) {
      EXPECT_EQ(text_of(complete(given, before, {}, in_use_).assignments), text_of(done.assignments));
    }
    assignments_ = done.assignments;
    realise(done.snapshot);
  }

  std::size_t pieces = 0;
  std::size_t shares = 0;
  std::size_t given_back = 0;
  std::size_t waited = 0;

 private:
  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }
  bool one_in(unsigned n) { return below(n) == 0; }

  void edit() {
    if (one_in(2)) {  // time passes
      unsigned count = below(static_cast<unsigned>(in_use_.cooling.size()) + 1);
      in_use_.cooling.erase(in_use_.cooling.begin(), in_use_.cooling.begin() + count);
    }
    switch (below(9)) {
      case 0: nodes_ = 1 + below(5); break;
      case 1: max_pods_ = 10 + below(30); break;
      case 2: interfaces_ = below(4); break;
      case 3: claimed_ = one_in(2) ? 0 : 4 + below(58); break;
      case 4: balancer_ = !balancer_; break;
      case 5: length_ = one_in(6) ? 25 : one_in(2) ? 26 : 27; break;
      case 6: pods_.clear(); break;
      default: edit_pods();
    }
  }

  void edit_pods() {
    unsigned count = 1 + below(30);
    bool add = one_in(2);
    for (unsigned i = 0; i < count; ++i) {
      std::string name = "p" + std::to_string(below(60));
      pods_.erase(name);
      if (!add) continue;
      auto object = pod("default", name);
      object->spec.host_network = one_in(12);
      if (one_in(12)) object->pinned_addresses = {addr("10.1.0." + std::to_string(4 + below(60)))};
      if (one_in(8)) object->spec.node_name = "aks-p-" + std::to_string(below(4));
      if (one_in(20)) object->phase = "Succeeded";
      pods_[name] = object;
    }
  }

  Objects objects() {
    std::vector<std::string> space = {"10.1.0.0/" + std::to_string(length_)};
    if (dual_) space.push_back("fd01::/120");  // small enough to be counted address by address
    Objects out = {vnet("hub", space), cluster("aks", "hub/nodes", {pool("p", nodes_, max_pods_)})};
    for (unsigned i = 0; i < interfaces_; ++i) out.push_back(nic("nic" + std::to_string(i), "hub/nodes"));
    if (claimed_ != 0) out.push_back(nic("claimed", "hub/nodes", {"10.1.0." + std::to_string(claimed_)}));
    for (const auto& [name, object] : pods_) out.push_back(object);
    if (balancer_) {
      auto balancer = make<model::LoadBalancer>(Kind::LoadBalancer, "", "inside");
      balancer->internal = true;
      balancer->subnet = {"hub", "nodes"};
      out.push_back(balancer);
      auto front = service("front");
      front->type = model::ServiceType::load_balancer;
      front->meta.annotations = {{"service.beta.kubernetes.io/azure-load-balancer-internal", "true"}};
      out.push_back(front);
    }
    return out;
  }

  static bool placed(const Pod& pod) {
    return !pod.finished() && pod.phase != "Pending" && !pod.spec.node_name.empty();
  }
  static bool drawing(const Pod& pod) { return placed(pod) && !pod.spec.host_network && pod.pinned_addresses.empty(); }

  Census census(const Completion& done, Family family) const {
    Census out;
    const auto& now = done.snapshot;
    const auto* network = now.find<model::VirtualNetwork>(Kind::VirtualNetwork, "hub");
    for (const Prefix& prefix : network->subnets[0].prefixes)
      if (prefix.family() == family) add_all(*usable_addresses(prefix), out.usable);
    auto own = [&](const std::vector<Address>& addresses, std::set<Address>& into) {
      for (const Address& address : addresses)
        if (address.family() == family) {
          EXPECT_TRUE(into.insert(address).second) << address.text() << " twice";
        }
    };
    for (const auto& node : now.all<Node>()) {
      own(node->addresses, out.others);
      for (const AddressRange& range : node->pod_ranges)
        if (range.first.family() == family) add_all(range, out.drawn[node->meta.name]);
    }
    for (const auto& interface : now.all<model::NetworkInterface>()) own(interface->addresses, out.others);
    for (const auto& service : now.all<model::Service>()) own(service->load_balancer_addresses, out.others);
    std::size_t ignored = 0;
    out.ranges = ranges_of(done.assignments, family, ignored);
    for (const auto& row : now.all<Pod>()) {
      for (const Address& pin :
           row->finished() || row->spec.host_network ? std::vector<Address>{} : row->pinned_addresses)
        if (pin.family() == family && out.usable.contains(pin)) out.pins.insert(pin);
      if (drawing(*row)) ++out.needed[row->spec.node_name];
    }
    return out;
  }

  void check(const Completion& done, const Assignments& before, Family family) {
    Census now = census(done, family);
    check_disjoint(now);
    check_pods(done, now, family);
    check_sizes(done, now, before, family);
    check_waiting(done, now, family);
  }

  static void check_disjoint(const Census& now) {
    std::map<Address, std::string> owners;
    for (const Address& address : now.others) owners[address] = "others";
    for (const auto& [node, own] : now.ranges)
      for (const Address& address : own) {
        EXPECT_TRUE(now.usable.contains(address)) << address.text();
        auto [at, fresh] = owners.emplace(address, node);
        EXPECT_TRUE(fresh) << address.text() << " of " << node << " and " << at->second;
      }
    for (const auto& [node, own] : now.drawn)
      for (const Address& address : own) EXPECT_TRUE(now.ranges.at(node).contains(address)) << address.text();
  }

  // A pod that was pinned and now draws is made anew, as is one that moves.
  bool keeps(const ObjectRef& ref, const InUse::Held& held, const Pod* now) const {
    return now && drawing(*now) && !was_pinned_.contains(ref) && now->spec.node_name == held.node;
  }

  // The addresses of this family that pods hold and keep, of one node or of all.
  std::set<Address> kept_addresses(const Completion& done, const Census& now, Family family, const std::string& node) {
    std::set<Address> out;
    for (const auto& [ref, held] : in_use_.held) {
      const Pod* row = done.snapshot.find<Pod>(ref);
      if (!keeps(ref, held, row) || (!node.empty() && node != held.node)) continue;
      for (const Address& address : held.addresses)
        if (address.family() == family && now.usable.contains(address) && !now.others.contains(address))
          out.insert(address);
    }
    return out;
  }

  // Who holds an address keeps it unless a file claims it; all others can get one.
  void check_pods(const Completion& done, const Census& now, Family family) {
    for (const auto& [ref, held] : in_use_.held) {
      const Pod* row = done.snapshot.find<Pod>(ref);
      if (!keeps(ref, held, row)) continue;
      for (const Address& address : held.addresses)
        if (address.family() == family && now.usable.contains(address) && !now.others.contains(address)) {
          EXPECT_TRUE(now.drawn.at(held.node).contains(address)) << ref.text() << " lost " << address.text();
        }
    }
    for (const auto& [node, count] : now.needed) {
      auto drawn = now.drawn.find(node);
      ASSERT_TRUE(drawn != now.drawn.end()) << node;
      EXPECT_LE(count, drawn->second.size()) << node;
    }
  }

  std::set<Address> cooling(const Completion& done, const Census& now, Family family) {
    std::set<Address> out(in_use_.cooling.begin(), in_use_.cooling.end());
    for (const auto& [ref, held] : in_use_.held) out.insert(held.addresses.begin(), held.addresses.end());
    for (const Address& address : kept_addresses(done, now, family, "")) out.erase(address);
    return out;
  }

  // Reserves are ready as long as there is something; surplus is given back; what cools leaves a range last.
  void check_sizes(const Completion& done, const Census& now, const Assignments& before, Family family) {
    std::set<Address> cool = cooling(done, now, family);
    std::size_t free = 0;
    for (const Address& address : now.free()) free += !cool.contains(address);
    std::size_t loose = 0;
    for (const auto& node : done.snapshot.all<Node>()) {
      if (node->addresses.empty()) continue;
      const std::set<Address> none;
      auto at = now.ranges.find(node->meta.name);
      const std::set<Address>& own = at == now.ranges.end() ? none : at->second;
      std::set<Address> kept = kept_addresses(done, now, family, node->meta.name);
      std::size_t usable = 0;
      std::size_t rigid = 0;  // neither cooling nor held: could be given back
      for (const Address& address : own) {
        if (now.pins.contains(address) && !kept.contains(address)) continue;
        ++usable;
        rigid += !cool.contains(address) && !kept.contains(address);
      }
      auto needs = now.needed.find(node->meta.name);
      std::size_t needed = needs == now.needed.end() ? 0 : needs->second;
      std::size_t others = 0;
      for (const auto& row : done.snapshot.all<Pod>())
        others += placed(*row) && !drawing(*row) && row->spec.node_name == node->meta.name;
      std::size_t limit = node->max_pods - others;
      std::size_t least = free == 0 ? needed : std::min<std::size_t>(needed + refill_below, limit);
      std::size_t most = rigid == 0 ? usable : std::min<std::size_t>(needed + give_back_above, limit);
      EXPECT_GE(usable, least) << node->meta.name;
      EXPECT_LE(usable, most) << node->meta.name;
      loose += std::min(rigid, usable - std::min(usable, needed));
      ++shares;
    }
    std::size_t ignored = 0;
    ranges_of(done.assignments, family, pieces);
    for (const auto& [node, own] : ranges_of(before, family, ignored)) {
      if (!now.ranges.contains(node)) continue;
      for (const Address& address : own) {
        if (!now.usable.contains(address) || now.ranges.at(node).contains(address)) continue;
        ++given_back;
        if (!cool.contains(address) || address == addr("10.1.0." + std::to_string(claimed_ == 0 ? 1 : claimed_)))
          continue;
        EXPECT_EQ(free, 0u) << address.text() << " cools and left " << node << " while others are free";
        EXPECT_EQ(loose, 0u) << address.text() << " cools and left " << node << " while reserves are left";
      }
    }
  }

  // A pod waits for an address only where a family of its node's subnet has none that is not needed.
  void check_waiting(const Completion& done, const Census& now, Family family) {
    if (family != Family::v4) return;
    bool waits = false;
    for (const Condition& condition : done.conditions)
      waits = waits || (condition.object.kind == Kind::Pod && condition.reason == "SubnetFull");
    if (!waits) return;
    ++waited;
    std::size_t spare = now.free().size();
    for (const auto& [node, own] : now.ranges) {
      std::size_t usable = 0;
      std::set<Address> kept = kept_addresses(done, now, family, node);
      for (const Address& address : own) usable += !now.pins.contains(address) || kept.contains(address);
      auto needs = now.needed.find(node);
      spare += usable - std::min(usable, needs == now.needed.end() ? 0 : needs->second);
    }
    EXPECT_EQ(spare, 0u) << "somebody waits, and this many are not needed";
  }

  // What the network does: pods that are gone or moved or lost their address go, then new ones come.
  void realise(const Snapshot& now) {
    auto drawn = [&](const std::string& name, const Address& address) {
      const Node* node = now.find<Node>(Kind::Node, name);
      return node && std::any_of(node->pod_ranges.begin(), node->pod_ranges.end(),
                                 [&](const AddressRange& range) { return range.contains(address); });
    };
    std::set<Address> used;
    for (auto at = in_use_.held.begin(); at != in_use_.held.end();) {
      const Pod* row = now.find<Pod>(at->first);
      bool stays = row && placed(*row) && row->spec.node_name == at->second.node &&
                   was_pinned_.contains(at->first) != drawing(*row);
      if (stays && drawing(*row))
        for (const Address& address : at->second.addresses) stays = stays && drawn(at->second.node, address);
      else
        stays = stays && row->pinned_addresses == at->second.addresses;
      if (stays) used.insert(at->second.addresses.begin(), at->second.addresses.end());
      if (!stays)
        in_use_.cooling.insert(in_use_.cooling.end(), at->second.addresses.begin(), at->second.addresses.end());
      at = stays ? std::next(at) : in_use_.held.erase(at);
    }
    for (const auto& row : now.all<Pod>()) {
      if (!placed(*row) || row->spec.host_network || in_use_.held.contains(row->meta.ref())) continue;
      std::vector<Address> got = row->pinned_addresses;
      for (Family family : families)
        if (row->pinned_addresses.empty() && (family == Family::v4 || dual_))
          got.push_back(choose(*now.find<Node>(Kind::Node, row->spec.node_name), family, used));
      for (const Address& address : got) {
        EXPECT_TRUE(used.insert(address).second) << address.text() << " is in use, and wanted by " << row->meta.name;
        std::erase(in_use_.cooling, address);
      }
      in_use_.held[row->meta.ref()] = {row->spec.node_name, got};
      was_pinned_.erase(row->meta.ref());
      if (!row->pinned_addresses.empty()) was_pinned_.insert(row->meta.ref());
    }
  }

  Address choose(const Node& node, Family family, const std::set<Address>& used) {
    std::vector<Address> free;
    for (const AddressRange& range : node.pod_ranges)
      for (Address at = range.first; range.first.family() == family && at <= range.last; at = at.plus(1))
        if (!used.contains(at)) free.push_back(at);
    EXPECT_FALSE(free.empty()) << node.meta.name << " has no address for its pod";
    return free.empty() ? Address() : free[below(static_cast<unsigned>(free.size()))];
  }

  std::mt19937 random_;
  bool dual_ = false;
  unsigned nodes_ = 2;
  unsigned max_pods_ = 20;
  unsigned interfaces_ = 0;
  unsigned claimed_ = 0;
  int length_ = 26;
  bool balancer_ = false;
  std::map<std::string, std::shared_ptr<Pod>> pods_;
  Assignments assignments_;
  InUse in_use_;
  std::set<ObjectRef> was_pinned_;  // of those that hold something
};

TEST(RangesLife, EveryInvariantHoldsAfterEveryEdit) {
  std::size_t pieces = 0;
  std::size_t shares = 0;
  std::size_t given_back = 0;
  std::size_t waited = 0;
  for (unsigned seed = 0; seed < 12 && !testing::Test::HasFailure(); ++seed) {
    Life life(seed);
    for (int step = 0; step < 40 && !testing::Test::HasFailure(); ++step) {
      SCOPED_TRACE("seed " + std::to_string(seed) + " step " + std::to_string(step));
      life.step();
    }
    pieces += life.pieces;
    shares += life.shares;
    given_back += life.given_back;
    waited += life.waited;
  }
  EXPECT_GT(given_back, 100u) << "addresses went back";
  EXPECT_GT(waited, 3u) << "subnets ran dry";
  printf("ranges: %.2f pieces a node, %zu addresses given back, %zu steps with waiting pods\n",
         static_cast<double>(pieces) / static_cast<double>(shares), given_back, waited);
}

}  // namespace
}  // namespace bailey::lab::controllers
