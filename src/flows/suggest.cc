#include "flows/suggest.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/strings.h"

namespace bailey::flows {
namespace {

using model::Kind;
using model::Pod;
using model::Prefix;

constexpr const char* name_label = "kubernetes.io/metadata.name";
constexpr std::size_t longest_name = 63;

// Labels that differ between pods of one workload, or from one rollout to the next.
bool is_of_one_pod(const std::string& key) {
  static const std::set<std::string> keys = {"pod-template-hash",
                                             "controller-revision-hash",
                                             "pod-template-generation",
                                             "statefulset.kubernetes.io/pod-name",
                                             "apps.kubernetes.io/pod-index",
                                             "batch.kubernetes.io/job-name",
                                             "batch.kubernetes.io/controller-uid",
                                             "batch.kubernetes.io/job-completion-index",
                                             "job-name",
                                             "controller-uid"};
  return keys.contains(key);
}

struct Group {
  std::string ns;
  model::Labels labels;
  friend auto operator<=>(const Group&, const Group&) = default;
};

Group group_of(const Pod& pod) {
  Group out{pod.meta.ns, pod.meta.labels};
  std::erase_if(out.labels, [](const auto& label) { return is_of_one_pod(label.first); });
  return out;
}

// The other end as a rule can name it: a group, or an address.
struct Peer {
  std::optional<Group> group;
  std::optional<Prefix> block;
  friend auto operator<=>(const Peer&, const Peer&) = default;
};

struct Needs {
  std::map<Peer, std::set<model::Port>> ingress;
  std::map<Peer, std::set<model::Port>> egress;
  std::size_t flows = 0;
};

// Pairs of halves become their whole, as long as there are any.
std::set<Prefix> merged(std::set<Prefix> blocks) {
  for (bool again = true; again;) {
    again = false;
    for (const Prefix& block : blocks) {
      if (block.length() == 0) continue;
      Prefix whole(block.address(), block.length() - 1);
      Prefix low(whole.address(), block.length());
      Prefix high(whole.last(), block.length());
      if (!blocks.contains(low) || !blocks.contains(high)) continue;
      blocks.erase(low);
      blocks.erase(high);
      blocks.insert(whole);
      again = true;
      break;
    }
  }
  return blocks;
}

std::vector<model::PolicyRule> rules_of(const std::string& ns, const std::map<Peer, std::set<model::Port>>& needs) {
  std::map<std::set<model::Port>, std::pair<std::set<Group>, std::set<Prefix>>> by_ports;
  for (const auto& [peer, ports] : needs) {
    auto& [groups, blocks] = by_ports[ports];
    if (peer.group) groups.insert(*peer.group);
    if (peer.block) blocks.insert(*peer.block);
  }
  std::vector<model::PolicyRule> out;
  for (const auto& [ports, peers] : by_ports) {
    model::PolicyRule rule;
    for (const model::Port& port : ports) rule.ports.push_back({model::PortRef{port.number, ""}, 0, port.protocol});
    for (const Group& group : peers.first) {
      model::PolicyPeer& peer = rule.peers.emplace_back();
      peer.pod_selector.emplace().match_labels = group.labels;
      if (group.ns != ns) peer.namespace_selector.emplace().match_labels[name_label] = group.ns;
    }
    for (const Prefix& block : merged(peers.second)) rule.peers.emplace_back().ip_block = model::IpBlock{block, {}};
    out.push_back(std::move(rule));
  }
  return out;
}

// A DNS label made of what tells the group apart best.
std::string name_of(const Group& group, std::set<std::string>& taken) {
  std::string word;
  for (const char* key : {"app.kubernetes.io/name", "app", "k8s-app", "name"})
    if (auto label = group.labels.find(key); label != group.labels.end() && word.empty()) word = label->second;
  if (word.empty())
    word = group.labels.begin()->second.empty() ? group.labels.begin()->first : group.labels.begin()->second;
  std::string name = "suggested-";
  for (char c : word) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    name += plain ? c : '-';
  }
  name = name.substr(0, longest_name - 4);
  while (name.back() == '-') name.pop_back();
  std::string out = name;
  for (int i = 2; !taken.insert(group.ns + "/" + out).second; ++i) out = name + "-" + std::to_string(i);
  return out;
}

class Collector {
 public:
  explicit Collector(const model::Snapshot& snapshot) : snapshot_(snapshot) {}

  void add(const SeenFlow& flow) {
    const Pod* source = pod(flow.source);
    const Pod* destination = pod(flow.destination);
    if (!source && !destination) return;
    if (flow.port.protocol == model::Protocol::icmp) {
      note({"flows.icmp", {flow.source, flow.destination}});
      return;
    }
    if (destination && flow.source != "node/" + destination->spec.node_name)
      need(*destination, &Needs::ingress, peer(source, flow.source_address), flow.port);
    if (source && flow.destination != "node/" + source->spec.node_name)
      need(*source, &Needs::egress, peer(destination, flow.destination_address), flow.port);
  }

  Suggestion finish() {
    Suggestion out;
    std::set<std::string> taken;
    for (const auto& [group, needs] : needs_) {
      auto policy = std::make_shared<model::NetworkPolicy>();
      policy->meta.kind = Kind::NetworkPolicy;
      policy->meta.ns = group.ns;
      policy->meta.name = name_of(group, taken);
      policy->pod_selector.match_labels = group.labels;
      policy->ingress = policy->egress = true;
      policy->ingress_rules = rules_of(group.ns, needs.ingress);
      policy->egress_rules = rules_of(group.ns, needs.egress);
      out.policies.push_back({std::move(policy), needs.flows});
    }
    std::sort(out.policies.begin(), out.policies.end(),
              [](const auto& a, const auto& b) { return a.object->meta.ref() < b.object->meta.ref(); });
    out.notes = std::move(notes_);
    return out;
  }

 private:
  const Pod* pod(const std::string& name) const {
    std::vector<std::string_view> parts = base::split(name, '/');
    if (parts.size() != 3 || parts[0] != "pod") return nullptr;
    const Pod* found = snapshot_.find<Pod>({Kind::Pod, std::string(parts[1]), std::string(parts[2])});
    return found && !found->spec.host_network ? found : nullptr;
  }

  // A group without labels cannot be named: its selector would be everybody's.
  static Peer peer(const Pod* pod, const model::Address& address) {
    if (pod)
      if (Group group = group_of(*pod); !group.labels.empty()) return {std::move(group), std::nullopt};
    return {std::nullopt, Prefix::host(address)};
  }

  void need(const Pod& own, std::map<Peer, std::set<model::Port>> Needs::*direction, Peer other,
            const model::Port& port) {
    Group group = group_of(own);
    if (group.labels.empty()) return note({"flows.no-labels", {"pod/" + own.meta.ns + "/" + own.meta.name}});
    Needs& needs = needs_[std::move(group)];
    (needs.*direction)[std::move(other)].insert(port);
    ++needs.flows;
  }

  void note(base::Message message) {
    if (std::find(notes_.begin(), notes_.end(), message) == notes_.end()) notes_.push_back(std::move(message));
  }

  const model::Snapshot& snapshot_;
  std::map<Group, Needs> needs_;
  std::vector<base::Message> notes_;
};

}  // namespace

Suggestion suggest(const std::vector<SeenFlow>& seen, const model::Snapshot& snapshot) {
  Collector collector(snapshot);
  for (const SeenFlow& flow : seen) collector.add(flow);
  return collector.finish();
}

std::span<const base::Text> texts() {
  static const std::vector<base::Text> all = {
      {"flows.icmp", "{0} sent ICMP to {1}; a policy lets ICMP pass only by a rule without ports, so none is suggested",
       "{0}이(가) {1}에 ICMP를 보냈습니다. 정책은 포트 없는 규칙으로만 ICMP를 허용하므로 제안하지 않습니다"},
      {"flows.no-labels", "{0} has no labels of its own, so no policy can select it alone; give it one",
       "{0}에 자신의 레이블이 없어 어떤 정책도 이 파드만 선택할 수 없습니다. 레이블을 주세요"},
  };
  return all;
}

}  // namespace bailey::flows
