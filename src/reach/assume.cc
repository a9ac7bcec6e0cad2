#include "reach/assume.h"

#include <map>
#include <set>

#include "model/resolve/interfaces.h"
#include "model/resolve/services.h"

namespace bailey::reach {
namespace {

using model::Address;
using model::AddressRange;
using model::Kind;

// Gives out the addresses of one node in ascending order.
class Dispenser {
 public:
  Dispenser(const model::Snapshot& snapshot, const model::Node& node) {
    if (!model::resolve::is_kubenet(snapshot, node)) {
      ranges_ = node.pod_ranges;
      return;
    }
    for (const model::Prefix& block : node.pod_cidrs) {
      bool v4 = block.family() == model::Family::v4;
      if (block.size() < 4) continue;
      // Neither the network's nor the bridge's, and no broadcast address.
      ranges_.push_back({block.at(2), v4 ? block.at(block.size() - 2) : block.last()});
    }
  }

  void take(const Address& address) { taken_.insert(address); }

  std::optional<Address> next(model::Family family) {
    for (AddressRange& range : ranges_) {
      if (range.first.family() != family) continue;
      while (!spent_.contains(&range)) {
        Address here = range.first;
        if (here == range.last)
          spent_.insert(&range);
        else
          range.first = here.plus(1);
        if (taken_.insert(here).second) return here;
      }
    }
    return std::nullopt;
  }

 private:
  std::vector<AddressRange> ranges_;
  std::set<const AddressRange*> spent_;
  std::set<Address> taken_;
};

bool wants_addresses(const model::Pod& pod) {
  return !pod.finished() && !pod.spec.host_network && pod.phase != "Pending" && pod.addresses.empty() &&
         pod.pinned_addresses.empty() && !pod.spec.node_name.empty();
}

}  // namespace

model::Snapshot with_pod_addresses(const model::Snapshot& snapshot) {
  std::map<std::string, Dispenser> nodes;
  for (const auto& node : snapshot.all<model::Node>()) nodes.try_emplace(node->meta.name, snapshot, *node);
  for (const auto& pod : snapshot.all<model::Pod>()) {
    auto at = nodes.find(pod->spec.node_name);
    if (at == nodes.end() || pod->finished()) continue;
    for (const Address& address : model::resolve::pod_addresses(snapshot, *pod)) at->second.take(address);
  }
  std::vector<model::Event> events;
  for (const auto& pod : snapshot.all<model::Pod>()) {
    auto at = nodes.find(pod->spec.node_name);
    if (at == nodes.end() || !wants_addresses(*pod)) continue;
    auto given = std::make_shared<model::Pod>(*pod);
    for (model::Family family : {model::Family::v4, model::Family::v6})
      if (auto address = at->second.next(family)) given->addresses.push_back(*address);
    if (given->addresses.empty()) continue;
    events.push_back({model::Event::Type::modified, model::AnyObject(std::shared_ptr<const model::Pod>(given))});
  }
  return model::reduce(snapshot, events);
}

}  // namespace bailey::reach
