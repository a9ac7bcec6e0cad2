#include "reach/policy.h"

#include <algorithm>

namespace bailey::reach {
namespace {

using model::Kind;
using model::NetworkPolicy;
using model::PolicyPeer;
using model::PolicyPort;
using model::PolicyRule;
using model::Protocol;

bool port_matches(const PolicyPort& wanted, const model::Pod* target, const model::Port& port) {
  if (wanted.protocol != port.protocol) return false;
  if (!wanted.port) return true;
  if (!wanted.port->name.empty()) {
    if (!target) return false;
    return std::any_of(target->spec.ports.begin(), target->spec.ports.end(), [&](const model::ContainerPort& own) {
      return own.name == wanted.port->name && own.protocol == port.protocol && own.port == port.number;
    });
  }
  std::uint16_t last = wanted.end_port == 0 ? wanted.port->number : wanted.end_port;
  return wanted.port->number <= port.number && port.number <= last;
}

bool rule_matches(const model::Snapshot& snapshot, const NetworkPolicy& policy, const PolicyRule& rule,
                  const PolicyPeerView& other, const model::Pod* target, const model::Port& port) {
  bool peers = rule.peers.empty() || std::any_of(rule.peers.begin(), rule.peers.end(), [&](const PolicyPeer& peer) {
                 return includes(snapshot, policy.meta.ns, peer, other);
               });
  if (!peers) return false;
  return rule.ports.empty() || std::any_of(rule.ports.begin(), rule.ports.end(), [&](const PolicyPort& wanted) {
           return port_matches(wanted, target, port);
         });
}

constexpr const char* name_label = "kubernetes.io/metadata.name";

const char* field_of(PolicyDirection direction) {
  return direction == PolicyDirection::ingress ? "spec.ingress" : "spec.egress";
}

}  // namespace

bool includes_namespace(const model::Snapshot& snapshot, const model::LabelSelector& selector, const std::string& ns) {
  static const model::Labels none_given;
  const auto* object = snapshot.find<model::Namespace>(Kind::Namespace, ns);
  const model::Labels& given = object ? object->meta.labels : none_given;
  auto is_name = [](const std::string& key) { return key == name_label; };
  bool asks_name = std::any_of(selector.match_labels.begin(), selector.match_labels.end(),
                               [&](const auto& label) { return is_name(label.first); }) ||
                   std::any_of(selector.expressions.begin(), selector.expressions.end(),
                               [&](const auto& expression) { return is_name(expression.key); });
  if (!asks_name) return selector.matches(given);
  model::Labels labels = given;
  labels[name_label] = ns;
  return selector.matches(labels);
}

bool includes(const model::Snapshot& snapshot, const std::string& ns, const PolicyPeer& peer,
              const PolicyPeerView& other) {
  if (peer.ip_block) {
    if (!peer.ip_block->cidr.contains(other.address)) return false;
    return std::none_of(peer.ip_block->except.begin(), peer.ip_block->except.end(),
                        [&](const model::Prefix& hole) { return hole.contains(other.address); });
  }
  if (!other.pod || (!peer.namespace_selector && !peer.pod_selector)) return false;
  bool namespace_fits = peer.namespace_selector
                            ? includes_namespace(snapshot, *peer.namespace_selector, other.pod->meta.ns)
                            : other.pod->meta.ns == ns;
  return namespace_fits && (!peer.pod_selector || peer.pod_selector->matches(other.pod->meta.labels));
}

std::vector<const NetworkPolicy*> selecting(const model::Snapshot& snapshot, const model::Pod& pod,
                                            PolicyDirection direction) {
  std::vector<const NetworkPolicy*> out;
  if (pod.spec.host_network) return out;
  const auto& table = snapshot.all<NetworkPolicy>();
  for (auto at = table.lower({Kind::NetworkPolicy, pod.meta.ns, ""}); at != table.end(); ++at) {
    const NetworkPolicy& policy = **at;
    if (policy.meta.ns != pod.meta.ns) break;
    bool speaks = direction == PolicyDirection::ingress ? policy.ingress : policy.egress;
    if (speaks && policy.pod_selector.matches(pod.meta.labels)) out.push_back(&policy);
  }
  return out;
}

PolicyChoice choose(const model::Snapshot& snapshot, const std::vector<const NetworkPolicy*>& policies,
                    PolicyDirection direction, const PolicyPeerView& peer, const model::Pod* target,
                    const model::Port& port) {
  for (const NetworkPolicy* policy : policies) {
    const auto& rules = direction == PolicyDirection::ingress ? policy->ingress_rules : policy->egress_rules;
    for (std::size_t i = 0; i < rules.size(); ++i)
      if (rule_matches(snapshot, *policy, rules[i], peer, target, port)) return {true, policy, i};
  }
  return {policies.empty(), nullptr, 0};
}

PolicyVerdict verdict(const model::Snapshot& snapshot, const std::vector<const NetworkPolicy*>& policies,
                      PolicyDirection direction, const PolicyPeerView& peer, const model::Pod* target,
                      const model::Port& port) {
  return in_words(choose(snapshot, policies, direction, peer, target, port), policies, direction);
}

PolicyVerdict in_words(const PolicyChoice& choice, const std::vector<const NetworkPolicy*>& policies,
                       PolicyDirection direction) {
  PolicyVerdict out{!policies.empty(), choice.allow, {}};
  if (choice.policy) {
    std::string field = std::string(field_of(direction)) + "[" + std::to_string(choice.rule) + "]";
    out.by.push_back(decider(*choice.policy, field, field));
  }
  if (!choice.allow)
    for (const NetworkPolicy* policy : policies) out.by.push_back(decider(*policy, "", field_of(direction)));
  return out;
}

}  // namespace bailey::reach
