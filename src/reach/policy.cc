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

const char* field_of(PolicyDirection direction) {
  return direction == PolicyDirection::ingress ? "spec.ingress" : "spec.egress";
}

}  // namespace

model::Labels namespace_labels(const model::Snapshot& snapshot, const std::string& ns) {
  const auto* object = snapshot.find<model::Namespace>(Kind::Namespace, ns);
  model::Labels labels = object ? object->meta.labels : model::Labels{};
  labels["kubernetes.io/metadata.name"] = ns;
  return labels;
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
                            ? peer.namespace_selector->matches(namespace_labels(snapshot, other.pod->meta.ns))
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

PolicyVerdict verdict(const model::Snapshot& snapshot, const std::vector<const NetworkPolicy*>& policies,
                      PolicyDirection direction, const PolicyPeerView& peer, const model::Pod* target,
                      const model::Port& port) {
  PolicyVerdict out;
  out.isolated = !policies.empty();
  if (!out.isolated) return out;
  for (const NetworkPolicy* policy : policies) {
    const auto& rules = direction == PolicyDirection::ingress ? policy->ingress_rules : policy->egress_rules;
    for (std::size_t i = 0; i < rules.size(); ++i) {
      if (!rule_matches(snapshot, *policy, rules[i], peer, target, port)) continue;
      std::string field = std::string(field_of(direction)) + "[" + std::to_string(i) + "]";
      out.by.push_back(decider(*policy, field, field));
      return out;
    }
  }
  out.allow = false;
  for (const NetworkPolicy* policy : policies) out.by.push_back(decider(*policy, "", field_of(direction)));
  return out;
}

}  // namespace bailey::reach
