// What NetworkPolicies say about a connection at one of its ends, policy by policy as they are written.
//
// Source: kubernetes.io/docs/concepts/services-networking/network-policies and the API reference of
// networking.k8s.io/v1. Where Kubernetes leaves something open, this is what Bailey does:
//   - A pod always reaches itself, and a pod and its own node always reach each other.
//   - Pods on the host's network are their node: no policy selects them, and peers see only the node's address.
//   - An ipBlock holds every address in it, those of pods too.
//   - ICMP passes where a rule has no `ports`; a rule with ports speaks of TCP, UDP and SCTP alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/snapshot.h"
#include "reach/decision.h"

namespace bailey::reach {

enum class PolicyDirection : std::uint8_t { ingress, egress };

// The other end, as the packet shows it. `pod` is null where the packet does not bear the pod's own address.
struct PolicyPeerView {
  const model::Pod* pod = nullptr;
  model::Address address;
};

struct PolicyVerdict {
  bool isolated = false;  // at least one policy selects the pod in this direction
  bool allow = true;
  // The rule that lets it pass (the first, in the order of the policies); or, where it is denied, every policy that
  // isolates the pod. Empty where none does.
  std::vector<Decider> by;
};

// The policies that select the pod in a direction, ascending by name. None for pods on the host's network.
std::vector<const model::NetworkPolicy*> selecting(const model::Snapshot& snapshot, const model::Pod& pod,
                                                   PolicyDirection direction);

// The same as verdict() without words: the rule that lets it pass, or none.
struct PolicyChoice {
  bool allow = true;
  const model::NetworkPolicy* policy = nullptr;
  std::size_t rule = 0;
};
PolicyChoice choose(const model::Snapshot& snapshot, const std::vector<const model::NetworkPolicy*>& policies,
                    PolicyDirection direction, const PolicyPeerView& peer, const model::Pod* target,
                    const model::Port& port);

// What these policies, all of those that select a pod, say. `target` is the pod at the receiving end, whose ports a
// named port is looked up in; null where it is none.
PolicyVerdict verdict(const model::Snapshot& snapshot, const std::vector<const model::NetworkPolicy*>& policies,
                      PolicyDirection direction, const PolicyPeerView& peer, const model::Pod* target,
                      const model::Port& port);

PolicyVerdict in_words(const PolicyChoice& choice, const std::vector<const model::NetworkPolicy*>& policies,
                       PolicyDirection direction);

// Whether a peer of a rule in a policy of namespace `ns` includes the other end.
bool includes(const model::Snapshot& snapshot, const std::string& ns, const model::PolicyPeer& peer,
              const PolicyPeerView& other);

// Whether a selector of namespaces includes one. Each has the label kubernetes.io/metadata.name.
bool includes_namespace(const model::Snapshot& snapshot, const model::LabelSelector& selector, const std::string& ns);

}  // namespace bailey::reach
