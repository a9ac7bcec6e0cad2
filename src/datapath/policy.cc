// Kinds of addresses come first: of every pod, and of every block that a policy names, with the block that holds it
// most closely. The blocks that hold an address are the ancestors of that one, so it stands for all of them. Then each
// policy of each endpoint's kind is written out for the identities that its peers include.
#include "datapath/policy.h"

#include <algorithm>
#include <set>

#include "base/check.h"
#include "model/resolve/services.h"

namespace bailey::datapath {
namespace {

using model::Kind;
using model::NetworkPolicy;
using model::Pod;
using model::PolicyPeer;
using model::PolicyPort;
using model::PolicyRule;
using model::Prefix;
using model::Protocol;

constexpr const char* name_label = "kubernetes.io/metadata.name";

std::uint8_t number_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::tcp: return 6;
    case Protocol::udp: return 17;
    case Protocol::sctp: return 132;
    case Protocol::icmp: return 1;  // of both families: no rule with ports holds for either
  }
  return 0;
}

// What rules tell addresses apart by.
struct Class {
  const Pod* pod = nullptr;    // any of those alike; null: no pod
  std::vector<Prefix> blocks;  // that hold the address
};

// Length and text, so that no two lists of parts have one spelling.
std::string part(const std::string& text) { return std::to_string(text.size()) + ":" + text; }

std::string kind_of(const Pod& pod) {
  std::string out = part(pod.meta.ns);
  for (const auto& [key, value] : pod.meta.labels) out += part(key) + part(value);
  std::set<std::string> ports;
  for (const model::ContainerPort& port : pod.spec.ports)
    if (!port.name.empty())
      ports.insert(part(port.name) + std::to_string(port.port) + std::string(name(port.protocol)));
  out += "|";
  for (const std::string& port : ports) out += part(port);
  return out;
}

// All blocks of all policies, and those that hold an address or another block.
class Blocks {
 public:
  explicit Blocks(const model::Snapshot& snapshot) {
    for (const auto& policy : snapshot.all<NetworkPolicy>())
      for (const std::vector<PolicyRule>* rules : {&policy->ingress_rules, &policy->egress_rules})
        for (const PolicyRule& rule : *rules)
          for (const PolicyPeer& peer : rule.peers) {
            if (!peer.ip_block) continue;
            all_.insert(peer.ip_block->cidr);
            all_.insert(peer.ip_block->except.begin(), peer.ip_block->except.end());
          }
    for (const Prefix& block : all_) lengths_[block.family()].insert(block.length());
  }

  const std::set<Prefix>& all() const { return all_; }

  // Widest first.
  std::vector<Prefix> holding(const Prefix& inner) const {
    std::vector<Prefix> out;
    auto lengths = lengths_.find(inner.family());
    if (lengths == lengths_.end()) return out;
    for (int length : lengths->second) {
      if (length > inner.length()) break;
      Prefix wider(inner.address(), length);
      if (all_.contains(wider)) out.push_back(wider);
    }
    return out;
  }

 private:
  std::set<Prefix> all_;
  std::map<model::Family, std::set<int>> lengths_;
};

bool includes_namespace(const model::Snapshot& snapshot, const model::LabelSelector& selector, const std::string& ns) {
  const auto* object = snapshot.find<model::Namespace>(Kind::Namespace, ns);
  model::Labels labels = object ? object->meta.labels : model::Labels();
  labels[name_label] = ns;
  return selector.matches(labels);
}

bool includes(const model::Snapshot& snapshot, const std::string& ns, const PolicyPeer& peer, const Class& other) {
  if (peer.ip_block) {
    auto held_by = [&](const Prefix& block) {
      return std::find(other.blocks.begin(), other.blocks.end(), block) != other.blocks.end();
    };
    const auto& except = peer.ip_block->except;
    return held_by(peer.ip_block->cidr) && std::none_of(except.begin(), except.end(), held_by);
  }
  if (!other.pod || (!peer.namespace_selector && !peer.pod_selector)) return false;
  const model::Meta& meta = other.pod->meta;
  bool fits = peer.namespace_selector ? includes_namespace(snapshot, *peer.namespace_selector, meta.ns) : meta.ns == ns;
  return fits && (!peer.pod_selector || peer.pod_selector->matches(meta.labels));
}

class Compiler {
 public:
  Compiler(const model::Snapshot& snapshot, const std::string& node, Ids& ids)
      : snapshot_(snapshot), node_(node), ids_(ids), blocks_(snapshot) {}

  Maps run() {
    for (const auto& policy : snapshot_.all<NetworkPolicy>()) {
      index_.emplace(policy.get(), static_cast<std::uint32_t>(out_.policies.size()));
      out_.policies.push_back(policy->meta.ref());
    }
    find_identities();
    for (const auto& pod : snapshot_.all<Pod>())
      if (pod->spec.node_name == node_ && has_network(*pod)) add_endpoint(*pod);
    ids_.identities.sweep();
    ids_.policies.sweep();
    return std::move(out_);
  }

 private:
  static bool has_network(const Pod& pod) { return !pod.spec.host_network && !pod.finished(); }

  Identity identity(const Pod* pod, const Prefix& at) {
    Class kind{pod, blocks_.holding(at)};
    std::string key = pod ? "pod " + kind_of(*pod) : "net ";
    key += "|" + (kind.blocks.empty() ? std::string("-") : kind.blocks.back().text());
    Identity number = ids_.identities.of(key);
    classes_.emplace(number, std::move(kind));
    return number;
  }

  void find_identities() {
    for (model::Family family : {model::Family::v4, model::Family::v6})
      out_.ipcache[Prefix::any(family)] = identity(nullptr, Prefix::any(family));
    for (const Prefix& block : blocks_.all()) out_.ipcache[block] = identity(nullptr, block);
    for (const auto& pod : snapshot_.all<Pod>()) {
      if (!has_network(*pod)) continue;
      for (const model::Address& address : model::resolve::pod_addresses(snapshot_, *pod))
        out_.ipcache[Prefix::host(address)] = identity(pod.get(), Prefix::host(address));
    }
    const auto* node = snapshot_.find<model::Node>(Kind::Node, node_);
    if (!node) return;
    for (const model::Address& address : node->addresses) out_.ipcache[Prefix::host(address)] = own_node;
  }

  void add_endpoint(const Pod& pod) {
    Endpoint endpoint;
    std::array<std::vector<const NetworkPolicy*>, 2> policies;
    for (const auto& policy : snapshot_.all<NetworkPolicy>()) {
      if (policy->meta.ns != pod.meta.ns || !policy->pod_selector.matches(pod.meta.labels)) continue;
      if (policy->ingress) policies[0].push_back(policy.get());
      if (policy->egress) policies[1].push_back(policy.get());
    }
    std::string key;
    for (std::size_t i = 0; i < 2; ++i) {
      endpoint.isolated[i] = !policies[i].empty();
      key += i == 0 ? "in" : "out";
      for (const NetworkPolicy* policy : policies[i]) key += part(policy->meta.ns) + part(policy->meta.name);
    }
    // Named ports are those of the pod that receives.
    if (endpoint.isolated[0]) key += kind_of(pod);
    endpoint.policy = ids_.policies.of(key);
    for (const model::Address& address : model::resolve::pod_addresses(snapshot_, pod))
      out_.endpoints[address] = endpoint;
    if (!written_.insert(endpoint.policy).second) return;
    for (std::size_t i = 0; i < 2; ++i)
      for (const NetworkPolicy* policy : policies[i]) write(*policy, static_cast<Direction>(i), endpoint.policy, pod);
  }

  void write(const NetworkPolicy& policy, Direction direction, std::uint32_t number, const Pod& own) {
    const auto& rules = direction == Direction::ingress ? policy.ingress_rules : policy.egress_rules;
    for (std::uint32_t i = 0; i < rules.size(); ++i) {
      Rule rule{index_.at(&policy), i};
      bool by_name = direction == Direction::egress &&
                     std::any_of(rules[i].ports.begin(), rules[i].ports.end(),
                                 [](const PolicyPort& port) { return port.port && !port.port->name.empty(); });
      if (rules[i].peers.empty() && !by_name) {
        add(rules[i], {number, direction, any_identity}, rule, direction == Direction::ingress ? &own : nullptr);
        continue;
      }
      for (const auto& [identity, kind] : classes_) {
        bool fits = rules[i].peers.empty() ||
                    std::any_of(rules[i].peers.begin(), rules[i].peers.end(), [&](const PolicyPeer& peer) {
                      return includes(snapshot_, policy.meta.ns, peer, kind);
                    });
        if (fits) add(rules[i], {number, direction, identity}, rule, direction == Direction::ingress ? &own : kind.pod);
      }
      // A name means nothing at what is no pod; numbers beside it do, at everything.
      if (rules[i].peers.empty()) add(rules[i], {number, direction, any_identity}, rule, nullptr);
    }
  }

  // `target`: whose named ports are meant; null: it has none.
  void add(const PolicyRule& rule, PolicyKey key, const Rule& by, const Pod* target) {
    if (rule.ports.empty()) out_.entries.emplace(key, by);
    for (const PolicyPort& port : rule.ports) {
      key.protocol = number_of(port.protocol);
      for (const PortPrefix& prefix : prefixes(port, target)) {
        key.port = prefix.port;
        key.port_bits = prefix.bits;
        out_.entries.emplace(key, by);
      }
    }
  }

  static std::vector<PortPrefix> prefixes(const PolicyPort& port, const Pod* target) {
    if (!port.port) return {{0, 0}};
    if (port.port->name.empty())
      return port_prefixes(port.port->number, port.end_port == 0 ? port.port->number : port.end_port);
    std::vector<PortPrefix> out;
    if (!target) return out;
    for (const model::ContainerPort& own : target->spec.ports)
      if (own.name == port.port->name && own.protocol == port.protocol) out.push_back({own.port, 16});
    return out;
  }

  const model::Snapshot& snapshot_;
  const std::string& node_;
  Ids& ids_;
  Blocks blocks_;
  std::map<Identity, Class> classes_;
  std::map<const NetworkPolicy*, std::uint32_t> index_;
  std::set<std::uint32_t> written_;  // policies whose entries stand
  Maps out_;
};

Identity identity_of(const Maps& maps, const model::Address& address) {
  for (int length = address.bits(); length >= 0; --length)
    if (auto row = maps.ipcache.find(Prefix(address, length)); row != maps.ipcache.end()) return row->second;
  return any_identity;
}

// The longest prefix of the port, as the kernel's trie finds it.
const Rule* look_up(const Maps& maps, PolicyKey key, std::uint16_t port) {
  for (int bits = 16; bits >= 0; --bits) {
    key.port_bits = static_cast<std::uint8_t>(bits);
    key.port = static_cast<std::uint16_t>(bits == 0 ? 0 : port & (0xffff << (16 - bits)));
    if (auto row = maps.entries.find(key); row != maps.entries.end()) return &row->second;
  }
  return nullptr;
}

}  // namespace

void Numbers::keep(const std::string& key, std::uint32_t number) {
  rows_[key] = {number, false};
  kept_.insert(number);
}

std::uint32_t Numbers::of(const std::string& key) {
  auto [row, fresh] = rows_.try_emplace(key);
  row->second.used = true;
  if (!fresh) return row->second.number;
  while (kept_.contains(next_)) ++next_;
  row->second.number = next_++;
  return row->second.number;
}

void Numbers::sweep() {
  for (auto row = rows_.begin(); row != rows_.end();) {
    bool used = std::exchange(row->second.used, false);
    row = used ? std::next(row) : rows_.erase(row);
  }
}

std::vector<PortPrefix> port_prefixes(std::uint16_t first, std::uint16_t last) {
  std::vector<PortPrefix> out;
  std::uint32_t at = first;
  while (at <= last) {
    std::uint32_t size = 1;
    while (at % (size * 2) == 0 && at + size * 2 - 1 <= last && size < 65536) size *= 2;
    std::uint8_t bits = 16;
    for (std::uint32_t s = size; s > 1; s /= 2) --bits;
    out.push_back({static_cast<std::uint16_t>(at), bits});
    at += size;
  }
  return out;
}

Maps compile(const model::Snapshot& snapshot, const std::string& node, Ids& ids) {
  return Compiler(snapshot, node, ids).run();
}

Verdict evaluate(const Maps& maps, Direction direction, const Packet& packet) {
  bool inwards = direction == Direction::ingress;
  const model::Address& own = inwards ? packet.destination : packet.source;
  const model::Address& other = inwards ? packet.source : packet.destination;
  auto endpoint = maps.endpoints.find(own);
  if (endpoint == maps.endpoints.end()) return {};
  Verdict out;
  out.isolated = endpoint->second.isolated[static_cast<std::size_t>(direction)];
  Identity identity = identity_of(maps, other);
  if (!out.isolated || own == other || identity == own_node) return out;
  std::uint8_t protocol = number_of(packet.port.protocol);
  for (Identity each : {identity, any_identity})
    for (std::uint8_t of : {protocol, std::uint8_t{0}}) {
      const Rule* rule = look_up(maps, {endpoint->second.policy, direction, each, of}, packet.port.number);
      if (!rule) continue;
      out.by = *rule;
      return out;
    }
  out.allow = false;
  return out;
}

}  // namespace bailey::datapath
