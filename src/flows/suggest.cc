#include "flows/suggest.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "base/strings.h"
#include "model/endpoint_name.h"

namespace bailey::flows {
namespace {

using model::Address;
using model::Labels;
using model::LabelSelector;

struct Group {
  std::string ns;
  Labels labels;
  friend auto operator<=>(const Group&, const Group&) = default;
};

struct Peer {
  std::optional<Group> group;
  Address address;  // where there is no group
  friend auto operator<=>(const Peer&, const Peer&) = default;
};

using Needs = std::map<Peer, std::set<model::Port>>;

struct Need {
  Needs ingress;
  Needs egress;
  std::size_t flows = 0;
};

class Suggester {
 public:
  explicit Suggester(const model::Snapshot& snapshot) : snapshot_(snapshot) {
    for (const auto& pod : snapshot.all<model::Pod>())
      if (!pod->spec.host_network) groups_.insert({pod->meta.ns, stable_labels(pod->meta.labels)});
  }

  void add(const Flow& flow);
  Suggestions take();

 private:
  struct End {
    const model::Pod* pod = nullptr;
    bool gone = false;
    Peer peer;
  };
  End end_of(const std::string& name, const Address& address);
  bool own_node(const model::Pod& pod, const std::string& name, const Address& address) const;
  LabelSelector selector_of(const Group& group) const;
  model::PolicyPeer peer_of(const std::string& ns, const Group& group) const;
  std::vector<model::PolicyRule> rules_of(const std::string& ns, const Needs& needs) const;
  void note(base::Message message) {
    if (std::find(notes_.begin(), notes_.end(), message) == notes_.end()) notes_.push_back(std::move(message));
  }

  const model::Snapshot& snapshot_;
  std::set<Group> groups_;  // of every pod, also of those without labels
  std::map<Group, Need> needs_;
  std::vector<base::Message> notes_;
};

Suggester::End Suggester::end_of(const std::string& name, const Address& address) {
  End out;
  out.peer.address = address;
  auto parsed = model::EndpointName::parse(name);
  if (!parsed || parsed->type != model::EndpointName::Type::pod) return out;
  const auto* pod = snapshot_.find<model::Pod>(model::ObjectRef{model::Kind::Pod, parsed->ns, parsed->name});
  out.gone = !pod;
  if (!pod || pod->spec.host_network) return out;  // the latter is its node, which has an address and no labels
  out.pod = pod;
  Labels labels = stable_labels(pod->meta.labels);
  if (!labels.empty()) out.peer.group = Group{pod->meta.ns, std::move(labels)};
  return out;
}

bool Suggester::own_node(const model::Pod& pod, const std::string& name, const Address& address) const {
  if (pod.spec.node_name.empty()) return false;
  if (name == "node/" + pod.spec.node_name) return true;
  const auto* node = snapshot_.find<model::Node>(model::Kind::Node, pod.spec.node_name);
  if (!node) return false;
  // Under kubenet its pods see it as the address of their bridge, the first of its block.
  bool bridge = std::any_of(node->pod_cidrs.begin(), node->pod_cidrs.end(),
                            [&](const model::Prefix& block) { return block.first().plus(1) == address; });
  return bridge || std::find(node->addresses.begin(), node->addresses.end(), address) != node->addresses.end();
}

void Suggester::add(const Flow& flow) {
  if (!flow.allow || flow.event == Flow::Event::deny) return;
  End source = end_of(flow.source, flow.source_address);
  End destination = end_of(flow.destination, flow.destination_address);
  for (const auto& [end, name] : {std::pair{&source, &flow.source}, {&destination, &flow.destination}})
    if (end->gone) note({"flows.pod-gone", {*name}});
  // What a pod may send can still be denied where it arrives; there it is told again.
  if (flow.direction == Flow::Direction::egress && destination.pod) return;
  if (source.gone || destination.gone || (!source.pod && !destination.pod) || source.pod == destination.pod) return;
  if (source.pod && own_node(*source.pod, flow.destination, flow.destination_address)) return;
  if (destination.pod && own_node(*destination.pod, flow.source, flow.source_address)) return;
  for (const End* end : {&source, &destination})
    if (end->pod && !end->peer.group) note({"flows.no-labels", {end->pod->meta.ref().text()}});
  if (flow.port.protocol == model::Protocol::icmp) return note({"flows.icmp", {flow.source, flow.destination}});
  auto need = [&](const End& own, const End& other, Needs Need::*way) {
    if (!own.peer.group) return;
    Need& needed = needs_[*own.peer.group];
    (needed.*way)[other.peer].insert(flow.port);
    if (&own == &source || source.peer.group != destination.peer.group) ++needed.flows;
  };
  need(source, destination, &Need::egress);
  need(destination, source, &Need::ingress);
}

// Others may have the same labels and more. Each of them has a key that this group lacks.
LabelSelector Suggester::selector_of(const Group& group) const {
  LabelSelector out;
  out.match_labels = group.labels;
  for (auto other = groups_.lower_bound({group.ns, {}}); other != groups_.end() && other->ns == group.ns; ++other) {
    if (*other == group || !out.matches(other->labels)) continue;
    for (const auto& [key, value] : other->labels)
      if (!group.labels.contains(key)) {
        out.expressions.push_back({key, LabelSelector::Operator::does_not_exist, {}});
        break;
      }
  }
  return out;
}

model::PolicyPeer Suggester::peer_of(const std::string& ns, const Group& group) const {
  model::PolicyPeer out;
  out.pod_selector = selector_of(group);
  if (group.ns == ns) return out;
  out.namespace_selector.emplace();
  out.namespace_selector->match_labels["kubernetes.io/metadata.name"] = group.ns;
  return out;
}

// The fewest blocks of exactly these, ascending.
std::vector<model::Prefix> blocks_of(const std::set<Address>& addresses) {
  std::vector<model::AddressRange> ranges;
  for (const Address& address : addresses) {
    bool next = !ranges.empty() && ranges.back().last.family() == address.family() &&
                ranges.back().last.plus(1) == address && ranges.back().last < address;
    if (next)
      ranges.back().last = address;
    else
      ranges.push_back({address, address});
  }
  std::vector<model::Prefix> out;
  for (const model::AddressRange& range : ranges)
    for (const model::Prefix& prefix : range.prefixes()) out.push_back(prefix);
  return out;
}

std::vector<model::PolicyRule> Suggester::rules_of(const std::string& ns, const Needs& needs) const {
  std::map<std::set<model::Port>, std::set<Peer>> by_ports;
  for (const auto& [peer, ports] : needs) by_ports[ports].insert(peer);
  std::vector<model::PolicyRule> out;
  for (const auto& [ports, peers] : by_ports) {
    model::PolicyRule rule;
    std::set<Address> addresses;
    for (const Peer& peer : peers) {
      if (peer.group)
        rule.peers.push_back(peer_of(ns, *peer.group));
      else
        addresses.insert(peer.address);
    }
    for (const model::Prefix& block : blocks_of(addresses)) {
      rule.peers.emplace_back();
      rule.peers.back().ip_block = model::IpBlock{block, {}};
    }
    for (const model::Port& port : ports) rule.ports.push_back({model::PortRef{port.number, ""}, 0, port.protocol});
    out.push_back(std::move(rule));
  }
  return out;
}

std::string name_of(const Labels& labels) {
  const std::string* value = nullptr;
  for (const char* key : {"app.kubernetes.io/name", "app", "k8s-app", "name"})
    if (auto at = labels.find(key); !value && at != labels.end() && !at->second.empty()) value = &at->second;
  if (!value) value = labels.begin()->second.empty() ? &labels.begin()->first : &labels.begin()->second;
  std::string out;
  for (char c : *value) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (plain || (!out.empty() && out.back() != '-')) out += plain ? c : '-';
  }
  while (out.ends_with('-')) out.pop_back();
  return "suggested-" + (out.empty() ? "pods" : out);
}

Suggestions Suggester::take() {
  Suggestions out;
  std::set<std::pair<std::string, std::string>> taken;
  for (const auto& [group, need] : needs_) {
    model::NetworkPolicy policy;
    policy.meta.kind = model::Kind::NetworkPolicy;
    policy.meta.ns = group.ns;
    std::string base = name_of(group.labels);
    policy.meta.name = base;
    for (int i = 2; !taken.insert({group.ns, policy.meta.name}).second; ++i)
      policy.meta.name = base + "-" + std::to_string(i);
    policy.pod_selector = selector_of(group);
    policy.ingress = policy.egress = true;
    policy.ingress_rules = rules_of(group.ns, need.ingress);
    policy.egress_rules = rules_of(group.ns, need.egress);
    out.policies.push_back({std::move(policy), need.flows});
  }
  std::sort(out.policies.begin(), out.policies.end(), [](const Suggested& a, const Suggested& b) {
    return std::tie(a.policy.meta.ns, a.policy.meta.name) < std::tie(b.policy.meta.ns, b.policy.meta.name);
  });
  std::sort(notes_.begin(), notes_.end(), [](const base::Message& a, const base::Message& b) {
    return std::tie(a.id, a.args) < std::tie(b.id, b.args);
  });
  out.notes = std::move(notes_);
  return out;
}

}  // namespace

Labels stable_labels(const Labels& labels) {
  static constexpr std::string_view of_each[] = {"pod-template-hash", "controller-revision-hash",
                                                 "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index",
                                                 "pod-template-generation"};
  Labels out;
  for (const auto& [key, value] : labels) {
    bool fleeting = std::find(std::begin(of_each), std::end(of_each), key) != std::end(of_each) ||
                    key.ends_with("job-name") || key.ends_with("controller-uid") ||
                    key.ends_with("job-completion-index");
    if (!fleeting) out.emplace(key, value);
  }
  return out;
}

Suggestions suggest(std::span<const Flow> flows, const model::Snapshot& snapshot) {
  Suggester suggester(snapshot);
  for (const Flow& flow : flows) suggester.add(flow);
  return suggester.take();
}

}  // namespace bailey::flows
