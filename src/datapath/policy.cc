// Kinds of addresses come first: of every pod, and of every block that a policy names. Then each set of policies that
// an endpoint is under is written out for the kinds that its peers include; of a set that stands already, for the new
// kinds only.
#include "datapath/policy.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "datapath/entries.h"
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

// The blocks of all policies.
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

  std::optional<Prefix> narrowest_around(const Prefix& inner) const {
    auto lengths = lengths_.find(inner.family());
    if (lengths == lengths_.end()) return std::nullopt;
    for (auto length = lengths->second.rbegin(); length != lengths->second.rend(); ++length) {
      if (*length > inner.length()) continue;
      Prefix wider(inner.address(), *length);
      if (all_.contains(wider)) return wider;
    }
    return std::nullopt;
  }

 private:
  std::set<Prefix> all_;
  std::map<model::Family, std::set<int>> lengths_;
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

std::uint32_t Numbers::of(const std::string& key) {
  auto [row, fresh] = rows_.try_emplace(key, next_);
  if (fresh) ++next_;
  return row->second;
}

void Numbers::keep_only(const std::function<bool(std::uint32_t)>& is_used) {
  std::erase_if(rows_, [&](const auto& row) { return !is_used(row.second); });
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

struct Compiler::State {
  std::string node;
  Ids ids;
  Maps maps;
  std::map<Identity, Class> classes;
  std::map<std::uint32_t, Set> sets;

  // What an earlier call found for objects that are still the same.
  struct KnownPod {
    std::shared_ptr<const Pod> pod;
    std::vector<std::pair<model::Address, Identity>> identities;
  };
  std::unordered_map<const Pod*, KnownPod> pods;
  std::unordered_map<const NetworkPolicy*, Member> policies;
  std::shared_ptr<const model::Table<model::Namespace>> namespaces;
  std::set<Prefix> blocks;
  std::set<std::uint32_t> written;  // sets whose entries stand

  Identity identity(const std::shared_ptr<const Pod>& pod, const model::Snapshot& snapshot, const Blocks& all,
                    const Prefix& at, std::map<Identity, Class>& fresh);
  std::map<Identity, Class> find_identities(const model::Snapshot& snapshot);
  void find_endpoints(const model::Snapshot& snapshot);
  std::uint32_t set_of(const std::shared_ptr<const Pod>& pod, std::array<std::vector<Member>, 2> members);
  void write(const std::map<Identity, Class>& used);
};

namespace {

model::Labels labels_of_namespace(const model::Snapshot& snapshot, const std::string& ns) {
  const auto* object = snapshot.find<model::Namespace>(Kind::Namespace, ns);
  model::Labels labels = object ? object->meta.labels : model::Labels();
  labels[name_label] = ns;
  return labels;
}

bool has_network(const Pod& pod) { return !pod.spec.host_network && !pod.finished(); }

}  // namespace

Identity Compiler::State::identity(const std::shared_ptr<const Pod>& pod, const model::Snapshot& snapshot,
                                   const Blocks& all, const Prefix& at, std::map<Identity, Class>& fresh) {
  Class kind{pod, {}, all.narrowest_around(at)};
  std::string key = "net";
  if (pod) {
    kind.namespace_labels = labels_of_namespace(snapshot, pod->meta.ns);
    key = part(pod->meta.ns) + text_of(kind.namespace_labels) + text_of(pod->meta.labels) + text_of_ports(*pod);
  }
  key += "|" + (kind.block ? kind.block->text() : std::string());
  Identity number = ids.identities.of(key);
  fresh.emplace(number, std::move(kind));
  return number;
}

// All identities that are in use; fills the ipcache.
std::map<Identity, Class> Compiler::State::find_identities(const model::Snapshot& snapshot) {
  Blocks all(snapshot);
  if (namespaces != snapshot.table<model::Namespace>() || blocks != all.all()) pods.clear();
  namespaces = snapshot.table<model::Namespace>();
  blocks = all.all();
  std::map<Identity, Class> used;
  maps.ipcache.clear();
  for (model::Family family : {model::Family::v4, model::Family::v6})
    maps.ipcache[Prefix::any(family)] = identity(nullptr, snapshot, all, Prefix::any(family), used);
  for (const Prefix& block : blocks) maps.ipcache[block] = identity(nullptr, snapshot, all, block, used);
  std::unordered_map<const Pod*, KnownPod> known;
  for (const auto& pod : snapshot.all<Pod>()) {
    if (!has_network(*pod)) continue;
    KnownPod row{pod, {}};
    if (auto before = pods.find(pod.get()); before != pods.end()) row = before->second;
    if (row.identities.empty())
      for (const model::Address& address : model::resolve::pod_addresses(snapshot, *pod))
        row.identities.emplace_back(address, identity(pod, snapshot, all, Prefix::host(address), used));
    for (const auto& [address, number] : row.identities) {
      maps.ipcache[Prefix::host(address)] = number;
      if (!used.contains(number)) used.emplace(number, classes.at(number));
    }
    known.emplace(pod.get(), std::move(row));
  }
  pods = std::move(known);
  const auto* own = snapshot.find<model::Node>(Kind::Node, node);
  if (!own) return used;
  for (const model::Address& address : own->addresses) maps.ipcache[Prefix::host(address)] = own_node;
  // Of a bridge that the pods are on (the first address of the block) the node speaks to them too.
  for (const Prefix& block : own->pod_cidrs) maps.ipcache[Prefix::host(block.first().plus(1))] = own_node;
  return used;
}

std::uint32_t Compiler::State::set_of(const std::shared_ptr<const Pod>& pod,
                                      std::array<std::vector<Member>, 2> members) {
  std::string key;
  for (const auto& list : members) {
    key += "|";
    for (const Member& member : list) key += std::to_string(member.number) + ",";
  }
  // Named ports are those of the pod that receives.
  if (!members[0].empty()) key += text_of_ports(*pod);
  std::uint32_t number = ids.sets.of(key);
  Set& set = sets[number];
  set.used = true;
  if (set.own) return number;
  set.own = pod;
  set.members = std::move(members);
  return number;
}

void Compiler::State::find_endpoints(const model::Snapshot& snapshot) {
  decltype(policies) known;
  maps.policies.clear();
  for (const auto& policy : snapshot.all<NetworkPolicy>()) {
    auto before = policies.find(policy.get());
    Member member = before != policies.end() ? before->second : Member{policy, ids.policies.of(text_of(*policy))};
    maps.policies.emplace(member.number, policy->meta.ref());
    known.emplace(policy.get(), std::move(member));
  }
  policies = std::move(known);
  maps.endpoints.clear();
  for (auto& [number, set] : sets) set.used = false;
  const auto& all = snapshot.all<NetworkPolicy>();
  for (const auto& pod : snapshot.all<Pod>()) {
    if (pod->spec.node_name != node || !has_network(*pod)) continue;
    std::array<std::vector<Member>, 2> members;
    for (auto at = all.lower({Kind::NetworkPolicy, pod->meta.ns, ""}); at != all.end(); ++at) {
      const NetworkPolicy& policy = **at;
      if (policy.meta.ns != pod->meta.ns) break;
      if (!policy.pod_selector.matches(pod->meta.labels)) continue;
      if (policy.ingress) members[0].push_back(policies.at(&policy));
      if (policy.egress) members[1].push_back(policies.at(&policy));
    }
    Endpoint endpoint{0, {!members[0].empty(), !members[1].empty()}};
    endpoint.set = set_of(pod, std::move(members));
    maps.endpoints.emplace(pod->meta.ref(), endpoint);
  }
}

void Compiler::State::write(const std::map<Identity, Class>& used) {
  auto is_gone = [&](const auto& entry) {
    const PolicyKey& key = entry.first;
    auto set = sets.find(key.set);
    return set == sets.end() || !set->second.used || (key.identity != any_identity && !used.contains(key.identity));
  };
  std::set<std::uint32_t> standing;
  bool lost = false;
  for (const auto& [identity, kind] : classes) lost = lost || !used.contains(identity);
  for (const auto& [number, set] : sets) lost = lost || !set.used;
  if (lost) std::erase_if(maps.entries, is_gone);
  std::erase_if(sets, [](const auto& set) { return !set.second.used; });
  for (auto& [number, set] : sets) {
    EntryWriter writer(maps.entries, number, set);
    bool stands = written.contains(number);
    if (!stands) writer.write_common();
    for (const auto& [identity, kind] : used)
      if (!stands || !classes.contains(identity)) writer.write(identity, kind);
    standing.insert(number);
  }
  written = std::move(standing);
  classes = used;
}

Compiler::Compiler(std::string node, Ids ids) : state_(std::make_unique<State>()) {
  state_->node = std::move(node);
  state_->ids = std::move(ids);
}
Compiler::Compiler(Compiler&&) noexcept = default;
Compiler& Compiler::operator=(Compiler&&) noexcept = default;
Compiler::~Compiler() = default;

const Maps& Compiler::compile(const model::Snapshot& snapshot) {
  std::map<Identity, Class> used = state_->find_identities(snapshot);
  state_->find_endpoints(snapshot);
  state_->write(used);
  state_->ids.identities.keep_only([&](std::uint32_t number) { return used.contains(number); });
  state_->ids.policies.keep_only([&](std::uint32_t number) { return state_->maps.policies.contains(number); });
  state_->ids.sets.keep_only([&](std::uint32_t number) { return state_->sets.contains(number); });
  return state_->maps;
}

Verdict evaluate(const Maps& maps, const model::ObjectRef& pod, Direction direction, const Packet& packet) {
  const model::Address& other = direction == Direction::ingress ? packet.source : packet.destination;
  auto endpoint = maps.endpoints.find(pod);
  if (endpoint == maps.endpoints.end()) return {};
  Verdict out;
  out.isolated = endpoint->second.isolated[static_cast<std::size_t>(direction)];
  Identity identity = identity_of(maps, other);
  if (!out.isolated || packet.source == packet.destination || identity == own_node) return out;
  std::uint8_t protocol = number_of(packet.port.protocol);
  for (Identity each : {identity, any_identity})
    for (std::uint8_t of : {protocol, std::uint8_t{0}}) {
      const Rule* rule = look_up(maps, {endpoint->second.set, direction, each, of}, packet.port.number);
      if (!rule) continue;
      out.by = *rule;
      return out;
    }
  out.allow = false;
  return out;
}

}  // namespace bailey::datapath
