// Pods are placed on nodes: a table of filters says which nodes could take a pod, and of these the one with the
// fewest pods is taken, ties by name. The filters are those of the Kubernetes scheduler that touch what a lab has.
//
// Order: pods that an earlier completion placed, by name, as long as their place still fits; then those that name
// their node; then all others by name. What is named or placed is not filtered by taints or labels again
// (Kubernetes: IgnoredDuringExecution), but must find room; a NoExecute taint drives pods off.
//
// Invariants: a node never holds more pods than maxPods; pods without hostNetwork never outnumber the addresses of
// its ranges; an address that a pod is pinned to is taken out of its node's ranges, so that the node's own address
// management cannot give it to another pod.
#include <algorithm>
#include <array>

#include "lab/controllers/draft.h"

namespace bailey::lab::controllers {
namespace {

using model::Node;
using model::Pod;

struct Place {
  std::shared_ptr<const Node> node;
  std::vector<model::Taint> taints;
  std::size_t pods = 0;    // all that run on it
  std::size_t ranged = 0;  // those that take an address of its ranges
  std::size_t ranged_capacity = 0;
  std::set<std::pair<std::uint16_t, model::Protocol>> host_ports;
  std::vector<AddressRange> pinned;  // within its ranges

  bool realised() const { return !node->addresses.empty(); }
};

enum class Obstacle : std::uint8_t { none, selector, taint, full, host_port, pin, not_realised };
constexpr std::size_t obstacles = 7;

struct Candidate {
  std::shared_ptr<const Pod> pod;
  std::string cluster;
  std::vector<Address> pins;
  std::string key;  // of its assignment
};

std::vector<AddressRange> ranges_of(const Node& node) {
  std::vector<AddressRange> out = node.pod_ranges;
  for (const Prefix& cidr : node.pod_cidrs) out.push_back({cidr.first(), cidr.last()});
  return out;
}

// Addresses for pods: the smaller of both families, where the node has both.
std::size_t capacity_of(const Node& node) {
  std::map<Family, model::Uint128> sizes;
  for (const AddressRange& range : node.pod_ranges) sizes[range.first.family()] += range.size();
  // Network, bridge and broadcast address of a block are no pod's.
  for (const Prefix& cidr : node.pod_cidrs) sizes[cidr.family()] += cidr.size() > 3 ? cidr.size() - 3 : 0;
  model::Uint128 smallest = sizes.empty() ? 0 : UINT32_MAX;
  for (const auto& [family, size] : sizes) smallest = std::min(smallest, size);
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
      place.ranged_capacity = capacity_of(*node);
      places_.push_back(std::move(place));
    }
    for (Place& place : places_) {
      by_name_[place.node->meta.name] = &place;
      by_cluster_[place.node->cluster].push_back(&place);
    }
  }

  void run() {
    std::vector<Candidate> candidates;
    for (const auto& pod : draft_.now().all<Pod>())
      if (!pod->finished()) candidates.push_back(candidate(pod));
    std::vector<const Candidate*> rest;
    for (const Candidate& candidate : candidates)
      if (!place_as_before(candidate)) rest.push_back(&candidate);
    for (const Candidate* candidate : rest)
      if (!candidate->pod->spec.node_name.empty()) place_as_named(*candidate);
    for (const Candidate* candidate : rest)
      if (candidate->pod->spec.node_name.empty()) place_anywhere(*candidate);
    for (Place& place : places_)
      if (!place.pinned.empty()) reserve_pins(place);
  }

 private:
  Candidate candidate(const std::shared_ptr<const Pod>& pod) {
    return {pod, draft_.cluster_of(pod->meta), usable_pins(*pod), "Pod/" + pod->meta.ns + "/" + pod->meta.name};
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
    return at != draft_.subnets.end() && at->second.holds(address);
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

  bool takes_range(const Candidate& candidate) const { return !candidate.pod->spec.host_network; }

  Obstacle room(const Candidate& candidate, const Place& place) const {
    if (!place.realised()) return Obstacle::not_realised;
    for (const Address& pin : candidate.pins)
      if (!reaches(place, pin)) return Obstacle::pin;
    if (place.pods >= place.node->max_pods) return Obstacle::full;
    if (takes_range(candidate) && candidate.pins.empty() && place.ranged >= place.ranged_capacity)
      return Obstacle::full;
    for (const auto& port : host_ports(candidate.pod->spec))
      if (place.host_ports.contains(port)) return Obstacle::host_port;
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
    for (auto [at, end] = used_pins_.equal_range(pin); at != end; ++at)
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
      default:
        return leave(candidate, "Scheduled", "NodesFull",
                     {"controllers.node-full", {text(candidate), named, std::to_string(at->second->node->max_pods)}});
    }
  }

  void place_anywhere(const Candidate& candidate) {
    if (leave_for_pins(candidate)) return;
    std::array<std::size_t, obstacles> counts{};
    Place* best = nullptr;
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
    }
    if (best)
      put(candidate, *best);
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
    if (takes_range(candidate) && candidate.pins.empty()) ++place.ranged;
    for (const auto& port : host_ports(pod->spec)) place.host_ports.insert(port);
    for (const Address& pin : candidate.pins) {
      used_pins_.emplace(pin, std::make_pair(place.node->subnet.vnet, pod->meta.ref()));
      if (!within(place.node->pod_ranges, pin)) continue;
      place.pinned.push_back({pin, pin});
      if (place.ranged_capacity > 0) --place.ranged_capacity;
    }
    draft_.next.nodes[candidate.key] = place.node->meta.name;
    draft_.put(pod);
  }

  void reserve_pins(const Place& place) {
    auto node = std::make_shared<Node>(*place.node);
    AddressPool left;
    for (const AddressRange& range : node->pod_ranges) left.add(range);
    for (const AddressRange& pin : place.pinned) left.take(pin);
    node->pod_ranges = left.free_ranges();
    draft_.put(node);
  }

  Draft& draft_;
  std::vector<Place> places_;
  std::map<std::string, Place*> by_name_;
  std::map<std::string, std::vector<Place*>> by_cluster_;
  std::multimap<Address, std::pair<std::string, ObjectRef>> used_pins_;  // VNet and pod
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
