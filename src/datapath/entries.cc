// A set is written in the order of its policies: of two rules that allow the same, the first is named.
#include "datapath/entries.h"

#include <algorithm>
#include <set>

namespace bailey::datapath {
namespace {

using model::NetworkPolicy;
using model::Pod;
using model::PolicyPeer;
using model::PolicyPort;
using model::PolicyRule;
using model::Prefix;
using model::Protocol;

std::string selector_text(const model::LabelSelector& selector) {
  std::string out = text_of(selector.match_labels);
  for (const auto& expression : selector.expressions) {
    out += part(expression.key) + std::to_string(static_cast<int>(expression.op));
    for (const std::string& value : expression.values) out += part(value);
    out += ";";
  }
  return out;
}

std::string peer_text(const PolicyPeer& peer) {
  std::string out = "p";
  if (peer.pod_selector) out += "pods" + selector_text(*peer.pod_selector);
  if (peer.namespace_selector) out += "spaces" + selector_text(*peer.namespace_selector);
  if (!peer.ip_block) return out;
  out += "block" + peer.ip_block->cidr.text();
  for (const Prefix& hole : peer.ip_block->except) out += "-" + hole.text();
  return out;
}

bool held_by(const Class& kind, const Prefix& block) {
  return kind.block && block.family() == kind.block->family() && block.length() <= kind.block->length() &&
         block.contains(kind.block->address());
}

bool includes(const std::string& ns, const PolicyPeer& peer, const Class& other) {
  if (peer.ip_block) {
    const auto& except = peer.ip_block->except;
    return held_by(other, peer.ip_block->cidr) &&
           std::none_of(except.begin(), except.end(), [&](const Prefix& hole) { return held_by(other, hole); });
  }
  if (!other.pod || (!peer.namespace_selector && !peer.pod_selector)) return false;
  const model::Meta& meta = other.pod->meta;
  bool fits = peer.namespace_selector ? peer.namespace_selector->matches(other.namespace_labels) : meta.ns == ns;
  return fits && (!peer.pod_selector || peer.pod_selector->matches(meta.labels));
}

std::vector<PortPrefix> prefixes(const PolicyPort& port, const Pod* target) {
  if (!port.port) return {{0, 0}};
  if (port.port->name.empty())
    return port_prefixes(port.port->number, port.end_port == 0 ? port.port->number : port.end_port);
  std::vector<PortPrefix> out;
  if (!target) return out;
  for (const model::ContainerPort& own : target->spec.ports)
    if (own.name == port.port->name && own.protocol == port.protocol) out.push_back({own.port, 16});
  return out;
}

bool names_ports(const PolicyRule& rule) {
  return std::any_of(rule.ports.begin(), rule.ports.end(),
                     [](const PolicyPort& port) { return port.port && !port.port->name.empty(); });
}

}  // namespace

std::uint8_t number_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::tcp: return 6;
    case Protocol::udp: return 17;
    case Protocol::sctp: return 132;
    case Protocol::icmp: return 1;  // of both families: no rule with ports holds for either
  }
  return 0;
}

std::string part(const std::string& text) { return std::to_string(text.size()) + ":" + text; }

std::string text_of(const model::Labels& labels) {
  std::string out = "{";
  for (const auto& [key, value] : labels) out += part(key) + part(value);
  return out + "}";
}

std::string text_of(const NetworkPolicy& policy) {
  std::string out = part(policy.meta.ns) + part(policy.meta.name);
  for (const auto* rules : {&policy.ingress_rules, &policy.egress_rules}) {
    out += "|";
    for (const PolicyRule& rule : *rules) {
      out += "r";
      for (const PolicyPeer& peer : rule.peers) out += peer_text(peer);
      for (const PolicyPort& port : rule.ports) {
        out += "o" + std::to_string(static_cast<int>(port.protocol));
        if (port.port) out += part(port.port->name) + std::to_string(port.port->number);
        out += "-" + std::to_string(port.end_port);
      }
    }
  }
  return out;
}

std::string text_of_ports(const Pod& pod) {
  std::set<std::string> ports;
  for (const model::ContainerPort& port : pod.spec.ports)
    if (!port.name.empty())
      ports.insert(part(port.name) + std::to_string(port.port) + std::string(name(port.protocol)));
  std::string out = "ports";
  for (const std::string& port : ports) out += part(port);
  return out;
}

template <typename Action>
void EntryWriter::each_rule(const Action& action) const {
  for (std::size_t i = 0; i < 2; ++i)
    for (const Member& member : set_.members[i]) {
      const auto& rules = i == 0 ? member.policy->ingress_rules : member.policy->egress_rules;
      for (std::uint32_t n = 0; n < rules.size(); ++n)
        action(*member.policy, rules[n], static_cast<Direction>(i), Rule{member.number, n});
    }
}

// `target`: whose named ports are meant; null: it has none.
void EntryWriter::add(const PolicyRule& rule, PolicyKey key, const Rule& by, const Pod* target) {
  if (rule.ports.empty()) entries_.emplace(key, by);
  for (const PolicyPort& port : rule.ports) {
    key.protocol = number_of(port.protocol);
    for (const PortPrefix& prefix : prefixes(port, target)) {
      key.port = prefix.port;
      key.port_bits = prefix.bits;
      entries_.emplace(key, by);
    }
  }
}

void EntryWriter::write_common() {
  each_rule([&](const NetworkPolicy&, const PolicyRule& rule, Direction direction, const Rule& by) {
    if (!rule.peers.empty()) return;
    // A name means nothing at what is no pod; numbers beside it do, at everything.
    add(rule, {number_, direction, any_identity}, by, direction == Direction::ingress ? set_.own.get() : nullptr);
  });
}

void EntryWriter::write(Identity identity, const Class& kind) {
  each_rule([&](const NetworkPolicy& policy, const PolicyRule& rule, Direction direction, const Rule& by) {
    bool fits = rule.peers.empty() ? direction == Direction::egress && names_ports(rule)
                                   : std::any_of(rule.peers.begin(), rule.peers.end(), [&](const PolicyPeer& peer) {
                                       return includes(policy.meta.ns, peer, kind);
                                     });
    const Pod* target = direction == Direction::ingress ? set_.own.get() : kind.pod.get();
    if (fits) add(rule, {number_, direction, identity}, by, target);
  });
}

}  // namespace bailey::datapath
