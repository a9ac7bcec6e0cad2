// Pods are placed on nodes: a table of filters says which nodes could take a pod, and of these the one with the
// fewest pods is taken, ties by name. The filters are those of the Kubernetes scheduler that touch what a lab has.
//
// Order: pods that an earlier completion placed, as long as their place still fits: those that hold an address of their
// node's ranges, then the others, by name; then those that name their node; then all others by name. What is named or
// placed is not filtered by taints or labels again (Kubernetes: IgnoredDuringExecution), but must find room; a
// NoExecute taint drives pods off.
//
// Invariants: a node never holds more pods than maxPods. Under the vnet model its subnet has an address of each family
// for every pod that was placed (SubnetAddresses counts them; ranges.cc then hands out just these); under kubenet its
// block has. A pod that finds no address anywhere waits and says for which subnet.
#include <algorithm>
#include <array>

#include "lab/controllers/draft.h"

namespace bailey::lab::controllers {
namespace {

using model::Node;
using model::Pod;

// What a node of the vnet model draws from, in one family.
struct Source {
  Family family = Family::v4;
  SubnetAddresses* addresses = nullptr;
  NodeShare* share = nullptr;
};

struct Place {
  std::shared_ptr<const Node> node;
  std::vector<model::Taint> taints;
  std::size_t pods = 0;  // all that run on it
  std::vector<Source> sources;
  std::size_t block_used = 0;  // kubenet: addresses of its block
  std::size_t block_size = 0;
  std::set<std::pair<std::uint16_t, model::Protocol>> host_ports;

  bool realised() const { return !node->addresses.empty(); }
};

enum class Obstacle : std::uint8_t { none, selector, taint, full, host_port, pin, not_realised, no_address };
constexpr std::size_t obstacles = 8;

struct Candidate {
  std::shared_ptr<const Pod> pod;
  std::string cluster;
  std::vector<Address> pins;
  std::string key;  // of its assignment
  const InUse::Held* held = nullptr;

  // The address of this family that it has, out of the node's own ranges.
  std::optional<Address> held_of(const Place& place, const Source& source) const {
    if (!held || !pins.empty() || held->node != place.node->meta.name) return std::nullopt;
    for (const Address& address : held->addresses)
      if (address.family() == source.family && source.share->own.has(address)) return address;
    return std::nullopt;
  }
};

std::vector<AddressRange> ranges_of(const Node& node) {
  std::vector<AddressRange> out = node.pod_ranges;
  for (const Prefix& cidr : node.pod_cidrs) out.push_back({cidr.first(), cidr.last()});
  return out;
}

// Addresses for pods in the node's blocks: the smaller of both families, where it has both. Network, bridge and
// broadcast address of a block are no pod's.
std::size_t block_size(const Node& node) {
  model::Uint128 smallest = node.pod_cidrs.empty() ? 0 : UINT32_MAX;
  for (const Prefix& cidr : node.pod_cidrs)
    smallest = std::min(smallest, cidr.size() > 3 ? cidr.size() - 3 : model::Uint128{0});
  return static_cast<std::size_t>(smallest);
}

bool within(const std::vector<AddressRange>& ranges, const Address& address) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const AddressRange& range) { return range.contains(address); });
}

std::set<std::pair<std::uint16_t, model::Protocol>> host_ports(const model::PodSpec& spec) {
  std::set<std::pair<std::uint16_t, model::Protocol>> out;
  for (const model::ContainerPort& port : spec.ports)
    if (std::uint16_t number = spec.host_network ? port.port : port.host_port) out.insert({number, port.protocol});
  return out;
}

class Scheduler {
 public:
  explicit Scheduler(Draft& draft) : draft_(draft) {
    for (const auto& node : draft.now().all<Node>()) {
      Place place;
      place.node = node;
      place.taints = all_taints(*node);
      place.block_size = block_size(*node);
      for (Family family : families)
        if (SubnetAddresses* addresses = addresses_of(draft, node->subnet, family))
          if (NodeShare* share = addresses->find(node->meta.name)) place.sources.push_back({family, addresses, share});
      places_.push_back(std::move(place));
    }
    for (auto& [key, addresses] : draft.subnets) addresses.open_admission();
    for (Place& place : places_) {
      by_name_[place.node->meta.name] = &place;
      by_cluster_[place.node->cluster].push_back(&place);
    }
  }

  void run() {
    std::vector<Candidate> candidates;
    for (const auto& pod : draft_.now().all<Pod>())
      if (!pod->finished()) candidates.push_back(candidate(pod));
    std::stable_partition(candidates.begin(), candidates.end(), [&](const Candidate& each) { return holds(each); });
    std::vector<const Candidate*> rest;
    for (const Candidate& candidate : candidates)
      if (!place_as_before(candidate)) rest.push_back(&candidate);
    std::stable_sort(rest.begin(), rest.end(),
                     [](const Candidate* a, const Candidate* b) { return a->pod->meta.ref() < b->pod->meta.ref(); });
    for (const Candidate* candidate : rest)
      if (!candidate->pod->spec.node_name.empty()) place_as_named(*candidate);
    for (const Candidate* candidate : rest)
      if (candidate->pod->spec.node_name.empty()) place_anywhere(*candidate);
    tell_waiting();
  }

 private:
  Candidate candidate(const std::shared_ptr<const Pod>& pod) {
    auto held = draft_.in_use.held.find(pod->meta.ref());
    return {pod, draft_.cluster_of(pod->meta), usable_pins(*pod), "Pod/" + pod->meta.ns + "/" + pod->meta.name,
            held == draft_.in_use.held.end() ? nullptr : &held->second};
  }

  // Whether it was placed where it has all the addresses that it would get now.
  bool holds(const Candidate& candidate) const {
    auto earlier = draft_.earlier.nodes.find(candidate.key);
    if (!candidate.held || earlier == draft_.earlier.nodes.end() || earlier->second != candidate.held->node)
      return false;
    if (!candidate.pins.empty()) return candidate.held->addresses == candidate.pins;
    auto place = by_name_.find(candidate.held->node);
    return place != by_name_.end() &&
           std::all_of(place->second->sources.begin(), place->second->sources.end(),
                       [&](const Source& source) { return candidate.held_of(*place->second, source).has_value(); });
  }

  // The pod's pins; those of its status are dropped where they are of another network than the lab's.
  std::vector<Address> usable_pins(const Pod& pod) {
    std::vector<Address> wanted = pins(pod);
    if (!pod.pinned_addresses.empty()) return wanted;
    for (const Address& address : wanted) {
      bool usable = std::any_of(places_.begin(), places_.end(),
                                [&](const Place& place) { return place.realised() && reaches(place, address); });
      if (usable) continue;
      draft_.condition(pod.meta.ref(), "AddressAssigned", "AddressOutsideSubnet",
                       {"controllers.pod-address-replaced", {pod.meta.ref().text(), address.text()}});
      return {};
    }
    return wanted;
  }

  bool in_subnet(const Place& place, const Address& address) const {
    auto at = draft_.subnets.find({place.node->subnet, address.family()});
    return at != draft_.subnets.end() && at->second.free.holds(address);
  }

  // Whether a pod of this node could have the address: out of its ranges, or of its subnet and of nobody's ranges.
  bool reaches(const Place& place, const Address& address) const {
    if (within(ranges_of(*place.node), address)) return true;
    if (!place.node->pod_cidrs.empty() || !in_subnet(place, address)) return false;
    for (const Place& other : places_)
      if (other.node->subnet == place.node->subnet &&
          (within(other.node->pod_ranges, address) || owns(*other.node, address)))
        return false;
    return true;
  }
  static bool owns(const Node& node, const Address& address) {
    return std::find(node.addresses.begin(), node.addresses.end(), address) != node.addresses.end();
  }

  bool draws(const Candidate& candidate) const { return !candidate.pod->spec.host_network && candidate.pins.empty(); }
  // A node without range and block has nothing to offer.
  bool has_address(const Candidate& candidate, const Place& place) const {
    if (place.sources.empty()) return place.block_used < place.block_size;
    return std::all_of(place.sources.begin(), place.sources.end(), [&](const Source& source) {
      return source.addresses->admits(*source.share, candidate.held_of(place, source));
    });
  }

  Obstacle room(const Candidate& candidate, const Place& place) const {
    if (!place.realised()) return Obstacle::not_realised;
    for (const Address& pin : candidate.pins)
      if (!reaches(place, pin)) return Obstacle::pin;
    if (place.pods >= place.node->max_pods) return Obstacle::full;
    for (const auto& port : host_ports(candidate.pod->spec))
      if (place.host_ports.contains(port)) return Obstacle::host_port;
    if (draws(candidate) && !has_address(candidate, place))
      return place.sources.empty() ? Obstacle::full : Obstacle::no_address;
    return Obstacle::none;
  }

  Obstacle obstacle(const Candidate& candidate, const Place& place) const {
    const model::PodSpec& spec = candidate.pod->spec;
    if (!selects(spec, *place.node)) return Obstacle::selector;
    for (const model::Taint& taint : place.taints)
      if (taint.effect != "PreferNoSchedule" && !tolerates(spec, taint)) return Obstacle::taint;
    return room(candidate, place);
  }

  static bool driven_off(const Candidate& candidate, const Place& place) {
    return std::any_of(place.node->taints.begin(), place.node->taints.end(), [&](const model::Taint& taint) {
      return taint.effect == "NoExecute" && !tolerates(candidate.pod->spec, taint);
    });
  }

  bool place_as_before(const Candidate& candidate) {
    auto earlier = draft_.earlier.nodes.find(candidate.key);
    if (earlier == draft_.earlier.nodes.end()) return false;
    auto at = by_name_.find(earlier->second);
    const std::string& named = candidate.pod->spec.node_name;
    if (at == by_name_.end() || (!named.empty() && named != earlier->second)) return false;
    Place& place = *at->second;
    if (place.node->cluster != candidate.cluster) return false;
    if (named.empty() && (!selects(candidate.pod->spec, *place.node) || driven_off(candidate, place))) return false;
    if (room(candidate, place) != Obstacle::none || !pins_are_free(candidate)) return false;
    put(candidate, place);
    return true;
  }

  // Whether no other pod, interface or host has what this one is pinned to.
  bool pins_are_free(const Candidate& candidate) const {
    return std::none_of(candidate.pins.begin(), candidate.pins.end(),
                        [&](const Address& pin) { return !holder(candidate, pin).empty(); });
  }

  std::string holder(const Candidate& candidate, const Address& pin) const {
    std::set<std::string> vnets;
    for (const Place& place : places_)
      if (place.node->cluster == candidate.cluster) vnets.insert(place.node->subnet.vnet);
    for (auto [at, end] = used_.equal_range(pin); at != end; ++at)
      if (vnets.contains(at->second.first)) return at->second.second.text();
    for (const auto& nic : draft_.now().all<model::NetworkInterface>())
      if (vnets.contains(nic->subnet.vnet) &&
          std::find(nic->addresses.begin(), nic->addresses.end(), pin) != nic->addresses.end())
        return nic->meta.ref().text();
    for (const Place& place : places_)
      if (vnets.contains(place.node->subnet.vnet) && owns(*place.node, pin)) return place.node->meta.ref().text();
    return "";
  }

  void place_as_named(const Candidate& candidate) {
    const std::string& named = candidate.pod->spec.node_name;
    auto at = by_name_.find(named);
    if (at == by_name_.end())
      return leave(candidate, "Scheduled", "NodeMissing", {"controllers.node-missing", {text(candidate), named}});
    if (leave_for_pins(candidate)) return;
    switch (room(candidate, *at->second)) {
      case Obstacle::none: return put(candidate, *at->second);
      case Obstacle::not_realised:
        return leave(candidate, "Scheduled", "NodeNotRealised",
                     {"controllers.node-not-realised", {text(candidate), named}});
      case Obstacle::pin: return leave_pin_elsewhere(candidate);
      case Obstacle::host_port:
        return leave(candidate, "Scheduled", "HostPortTaken",
                     {"controllers.host-port-taken", {text(candidate), named}});
      case Obstacle::no_address: return wait_for_address(candidate, *at->second);
      default:
        return leave(candidate, "Scheduled", "NodesFull",
                     {"controllers.node-full", {text(candidate), named, std::to_string(at->second->node->max_pods)}});
    }
  }

  void place_anywhere(const Candidate& candidate) {
    if (leave_for_pins(candidate)) return;
    std::array<std::size_t, obstacles> counts{};
    Place* best = nullptr;
    Place* dry = nullptr;
    auto rank = [&](const Place& place) {
      bool unwanted = std::any_of(place.taints.begin(), place.taints.end(), [&](const model::Taint& taint) {
        return taint.effect == "PreferNoSchedule" && !tolerates(candidate.pod->spec, taint);
      });
      return std::make_pair(unwanted, place.pods);
    };
    for (Place* place : by_cluster_[candidate.cluster]) {
      Obstacle found = obstacle(candidate, *place);
      ++counts[static_cast<std::size_t>(found)];
      if (found == Obstacle::none && (!best || rank(*place) < rank(*best))) best = place;
      if (found == Obstacle::no_address && (!dry || rank(*place) < rank(*dry))) dry = place;
    }
    if (best)
      put(candidate, *best);
    else if (dry)
      wait_for_address(candidate, *dry);
    else
      leave_unschedulable(candidate, counts);
  }

  void leave_unschedulable(const Candidate& candidate, const std::array<std::size_t, obstacles>& counts) {
    auto count = [&](Obstacle which) { return counts[static_cast<std::size_t>(which)]; };
    const model::Labels& selector = candidate.pod->spec.node_selector;
    auto os = selector.find("kubernetes.io/os");
    if (os != selector.end() && os->second == "windows")
      return leave(candidate, "Scheduled", "WindowsNotRealised", {"controllers.windows-pod", {text(candidate)}});
    std::size_t nodes = 0;
    for (std::size_t n : counts) nodes += n;
    if (nodes > 0 && count(Obstacle::pin) > 0 && count(Obstacle::full) == 0) return leave_pin_elsewhere(candidate);
    std::string reason = nodes == 0                          ? "NoNodes"
                         : count(Obstacle::full) > 0         ? "NodesFull"
                         : count(Obstacle::host_port) > 0    ? "HostPortTaken"
                         : count(Obstacle::taint) > 0        ? "NodesTainted"
                         : count(Obstacle::not_realised) > 0 ? "NodeNotRealised"
                                                             : "NoNodeMatches";
    std::vector<std::string> args = {text(candidate), std::to_string(nodes)};
    for (Obstacle which :
         {Obstacle::full, Obstacle::selector, Obstacle::taint, Obstacle::host_port, Obstacle::not_realised})
      args.push_back(std::to_string(count(which)));
    leave(candidate, "Scheduled", reason, {nodes == 0 ? "controllers.no-nodes" : "controllers.unschedulable", args});
  }

  bool leave_for_pins(const Candidate& candidate) {
    for (const Address& pin : candidate.pins) {
      std::string who = holder(candidate, pin);
      if (who.empty()) continue;
      leave(candidate, "AddressAssigned", "AddressTaken",
            {"controllers.pin-taken", {text(candidate), pin.text(), who}});
      return true;
    }
    return false;
  }

  void leave_pin_elsewhere(const Candidate& candidate) {
    std::string addresses;
    for (const Address& pin : candidate.pins) addresses += (addresses.empty() ? "" : ", ") + pin.text();
    bool somewhere = std::any_of(places_.begin(), places_.end(), [&](const Place& place) {
      return std::all_of(candidate.pins.begin(), candidate.pins.end(),
                         [&](const Address& pin) { return reaches(place, pin); });
    });
    leave(candidate, "AddressAssigned", somewhere ? "AddressOfAnotherNode" : "AddressOutsideSubnet",
          {somewhere ? "controllers.pin-elsewhere" : "controllers.pin-outside", {text(candidate), addresses}});
  }

  static std::string text(const Candidate& candidate) { return candidate.pod->meta.ref().text(); }

  void leave(const Candidate& candidate, std::string type, std::string reason, base::Message message) {
    draft_.condition(candidate.pod->meta.ref(), std::move(type), std::move(reason), std::move(message));
    auto pod = std::make_shared<Pod>(*candidate.pod);
    pod->phase = "Pending";
    pod->ready = false;
    pod->addresses.clear();
    draft_.put(pod);
  }

  void put(const Candidate& candidate, Place& place) {
    auto pod = std::make_shared<Pod>(*candidate.pod);
    pod->spec.node_name = place.node->meta.name;
    if (pod->phase == "Pending") pod->phase.clear();  // whether it runs, the lab will know
    pod->addresses = candidate.pins;
    if (pod->spec.host_network)
      pod->addresses = place.node->addresses;
    else
      pod->pinned_addresses = candidate.pins;
    ++place.pods;
    if (draws(candidate)) draw(candidate, place);
    for (const auto& port : host_ports(pod->spec)) place.host_ports.insert(port);
    for (const Address& pin : candidate.pins) use(pin, place, candidate);
    draft_.next.nodes[candidate.key] = place.node->meta.name;
    draft_.put(pod);
  }

  void draw(const Candidate& candidate, Place& place) {
    ++place.block_used;
    for (const Source& source : place.sources) {
      std::optional<Address> held = candidate.held_of(place, source);
      source.addresses->admit(*source.share, held);
      if (held) use(*held, place, candidate);
    }
  }

  void use(const Address& address, const Place& place, const Candidate& candidate) {
    used_.emplace(address, std::make_pair(place.node->subnet.vnet, candidate.pod->meta.ref()));
  }

  void wait_for_address(const Candidate& candidate, Place& place) {
    for (const Source& source : place.sources)
      if (!source.addresses->admits(*source.share, candidate.held_of(place, source))) {
        waiting_.push_back({&candidate, &place, source});
        return;
      }
  }

  // Only when all are placed is it known how many lack an address.
  void tell_waiting() {
    std::map<const SubnetAddresses*, std::size_t> lacking;
    for (const Waiting& each : waiting_) ++lacking[each.source.addresses];
    for (const Waiting& each : waiting_) {
      const SubnetAddresses& addresses = *each.source.addresses;
      model::Uint128 needed = lacking[&addresses];
      for (const NodeShare& share : addresses.shares()) needed += share.needed;
      leave(*each.candidate, "AddressAssigned", "SubnetFull",
            {"controllers.pod-waits-for-address",
             {text(*each.candidate), each.place->node->meta.name, each.place->node->subnet.text(), count_text(needed),
              std::to_string(lacking[&addresses]), count_text(addresses.left())}});
    }
  }

  Draft& draft_;
  std::vector<Place> places_;
  std::map<std::string, Place*> by_name_;
  std::map<std::string, std::vector<Place*>> by_cluster_;
  std::multimap<Address, std::pair<std::string, ObjectRef>> used_;  // pinned or held: VNet and pod
  struct Waiting {
    const Candidate* candidate;
    const Place* place;
    Source source;  // the one that has nothing left
  };
  std::vector<Waiting> waiting_;
};

}  // namespace

bool selects(const model::PodSpec& pod, const Node& node) {
  return std::all_of(pod.node_selector.begin(), pod.node_selector.end(), [&](const auto& wanted) {
    auto at = node.meta.labels.find(wanted.first);
    return at != node.meta.labels.end() && at->second == wanted.second;
  });
}

bool tolerates(const model::PodSpec& pod, const model::Taint& taint) {
  return std::any_of(pod.tolerations.begin(), pod.tolerations.end(), [&](const model::Toleration& toleration) {
    if (!toleration.effect.empty() && toleration.effect != taint.effect) return false;
    if (!toleration.key.empty() && toleration.key != taint.key) return false;
    return toleration.op == "Exists" || (!toleration.key.empty() && toleration.value == taint.value);
  });
}

std::vector<model::Taint> all_taints(const Node& node) {
  std::vector<model::Taint> taints = node.taints;
  if (node.unschedulable) taints.push_back({"node.kubernetes.io/unschedulable", "", "NoSchedule"});
  // A node that could not be realised is told as such, not as one that is not ready.
  if (!node.ready && !node.addresses.empty()) taints.push_back({"node.kubernetes.io/not-ready", "", "NoSchedule"});
  return taints;
}

void schedule_pods(Draft& draft) { Scheduler(draft).run(); }

}  // namespace bailey::lab::controllers
