// The maps of the packet path against reach, which judges policies as they are written, on random clusters.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "datapath/policy.h"
#include "model/resolve/services.h"
#include "random_cluster.h"
#include "reach/policy.h"

namespace bailey {
namespace {

using datapath::Direction;
using model::Address;
using model::Pod;
using model::Port;
using model::Protocol;

constexpr int clusters = 2000;
constexpr int changes_each = 2;
constexpr int packets_each = 20;

class PolicyMapsAgainstReach : public ::testing::Test {
 protected:
  explicit PolicyMapsAgainstReach() : dice_(31) {}

  struct Peer {
    Address address;
    const Pod* pod = nullptr;  // null: no pod, or one on its host's network
  };

  void read(const model::Snapshot& snapshot) {
    peers_.clear();
    maps_.clear();
    for (const auto& pod : snapshot.all<Pod>())
      if (!pod->spec.host_network && !pod->finished())
        for (const Address& address : model::resolve::pod_addresses(snapshot, *pod))
          peers_.push_back({address, pod.get()});
    pods_ = peers_.size();
    for (const auto& node : snapshot.all<model::Node>())
      for (const Address& address : node->addresses) peers_.push_back({address, nullptr});
    // Both sides of every edge of every block.
    for (const auto& policy : snapshot.all<model::NetworkPolicy>())
      for (const auto* rules : {&policy->ingress_rules, &policy->egress_rules})
        for (const model::PolicyRule& rule : *rules)
          for (const model::PolicyPeer& peer : rule.peers)
            if (peer.ip_block) {
              note_edges(peer.ip_block->cidr);
              for (const model::Prefix& hole : peer.ip_block->except) note_edges(hole);
            }
    for (const char* text : {"192.0.2.1", "2001:db8::1", "10.200.0.1"})
      peers_.push_back({*Address::parse(text), nullptr});
  }

  void note_edges(const model::Prefix& block) {
    for (const Address& address : {block.first(), block.last(), block.last().plus(1), block.first().plus(-1)}) {
      const Peer* known = nullptr;
      for (const Peer& peer : peers_)
        if (peer.address == address) known = &peer;
      if (!known) peers_.push_back({address, nullptr});
    }
  }

  Port random_port() {
    static const std::vector<std::uint16_t> numbers{80, 81, 82, 53, 50, 1, 65535, 8080};
    auto protocol = dice_.chance(60) ? Protocol::tcp : static_cast<Protocol>(dice_.below(4));
    if (protocol == Protocol::icmp) return {0, protocol};
    return {dice_.chance(60) ? dice_.of(numbers) : static_cast<std::uint16_t>(49 + dice_.below(75)), protocol};
  }

  // The numbers of before are kept: what they once meant must not show.
  void change(RandomCluster& cluster) {
    if (dice_.chance(50) && !cluster.policies.empty()) {
      model::NetworkPolicy& policy = cluster.policies[dice_.below(cluster.policies.size())];
      policy = random_policy(dice_, cluster, policy.meta.name);
    }
    if (dice_.chance(60) && !cluster.pods.empty())
      cluster.pods[dice_.below(cluster.pods.size())].meta.labels["app"] = dice_.of(std::vector<std::string>{"x", "y"});
    if (dice_.chance(30) && !cluster.namespaces.empty())
      cluster.namespaces[dice_.below(cluster.namespaces.size())].meta.labels["env"] =
          dice_.of(std::vector<std::string>{"dev", "prod"});
  }

  // A pod and a peer of one family; whatever kind the peer is.
  void compare(const model::Snapshot& snapshot, Direction direction) {
    if (pods_ == 0) return;
    const Peer own = peers_[dice_.below(pods_)];
    const Peer other = dice_.of(peers_);
    if (own.address.family() != other.address.family()) return;
    Port port = random_port();
    bool inwards = direction == Direction::ingress;
    auto way = inwards ? reach::PolicyDirection::ingress : reach::PolicyDirection::egress;
    auto policies = reach::selecting(snapshot, *own.pod, way);
    const auto* node = snapshot.find<model::Node>(model::Kind::Node, own.pod->spec.node_name);
    bool of_node =
        node && std::find(node->addresses.begin(), node->addresses.end(), other.address) != node->addresses.end();
    // The bridge's address is the node's own.
    for (const model::Prefix& block : node ? node->pod_cidrs : std::vector<model::Prefix>())
      of_node = of_node || block.first().plus(1) == other.address;
    bool exempt = own.address == other.address || of_node;
    reach::PolicyChoice choice =
        reach::choose(snapshot, policies, way, {other.pod, other.address}, inwards ? own.pod : other.pod, port);
    const datapath::Maps& maps = maps_of(snapshot, own.pod->spec.node_name);
    datapath::Packet packet{inwards ? other.address : own.address, inwards ? own.address : other.address, port};
    datapath::Verdict verdict = datapath::evaluate(maps, own.pod->meta.ref(), direction, packet);
    EXPECT_EQ(verdict.allow, choice.allow || exempt)
        << own.pod->meta.ref().text() << (inwards ? " from " : " to ") << other.address.text() << " " << port.text();
    ++compared_[verdict.allow ? (verdict.by ? "by rule" : "open") : "denied"];
    if (!verdict.by) return;
    // What the maps name must let it pass by itself.
    const model::ObjectRef& named = maps.policies.at(verdict.by->policy);
    const auto* policy = snapshot.find<model::NetworkPolicy>(named);
    ASSERT_NE(policy, nullptr);
    model::NetworkPolicy alone = *policy;
    auto& rules = inwards ? alone.ingress_rules : alone.egress_rules;
    rules = {rules.at(verdict.by->rule)};
    EXPECT_TRUE(
        reach::choose(snapshot, {&alone}, way, {other.pod, other.address}, inwards ? own.pod : other.pod, port).allow)
        << named.text() << " rule " << verdict.by->rule;
  }

  const datapath::Maps& maps_of(const model::Snapshot& snapshot, const std::string& node) {
    auto known = maps_.find(node);
    if (known != maps_.end()) return *known->second;
    auto compiler = compilers_.try_emplace(node, node).first;
    const datapath::Maps& maps = compiler->second.compile(snapshot);
    if (dice_.chance(30)) expect_as_from_scratch(maps, datapath::Compiler(node).compile(snapshot));
    return *maps_.emplace(node, &maps).first->second;
  }

  // Equal but for the numbers.
  static void expect_as_from_scratch(const datapath::Maps& maps, const datapath::Maps& scratch) {
    std::map<std::uint32_t, std::uint32_t> identities{{datapath::any_identity, datapath::any_identity}};
    std::map<std::uint32_t, std::uint32_t> sets;
    std::map<std::uint32_t, std::uint32_t> policies;
    std::map<model::ObjectRef, std::uint32_t> by_name;
    for (const auto& [number, ref] : scratch.policies) by_name.emplace(ref, number);
    ASSERT_EQ(maps.ipcache.size(), scratch.ipcache.size());
    for (const auto& [prefix, identity] : maps.ipcache) {
      auto same = scratch.ipcache.find(prefix);
      ASSERT_NE(same, scratch.ipcache.end()) << prefix.text();
      EXPECT_EQ(identities.try_emplace(identity, same->second).first->second, same->second) << prefix.text();
    }
    ASSERT_EQ(maps.endpoints.size(), scratch.endpoints.size());
    for (const auto& [pod, endpoint] : maps.endpoints) {
      const datapath::Endpoint& same = scratch.endpoints.at(pod);
      EXPECT_EQ(endpoint.isolated, same.isolated) << pod.text();
      EXPECT_EQ(sets.try_emplace(endpoint.set, same.set).first->second, same.set) << pod.text();
    }
    for (const auto& [number, ref] : maps.policies) policies[number] = by_name.at(ref);
    // Where two pods claim one address, one of them has an identity that no address leads to.
    std::set<std::uint32_t> seen{datapath::any_identity};
    for (const auto& [prefix, identity] : scratch.ipcache) seen.insert(identity);
    std::map<datapath::PolicyKey, datapath::Rule> renumbered;
    for (const auto& [entry, rule] : maps.entries) {
      if (!identities.contains(entry.identity)) continue;
      datapath::PolicyKey key = entry;
      key.set = sets.at(key.set);
      key.identity = identities.at(key.identity);
      renumbered.emplace(key, datapath::Rule{policies.at(rule.policy), rule.rule});
    }
    std::map<datapath::PolicyKey, datapath::Rule> wanted = scratch.entries;
    std::erase_if(wanted, [&](const auto& entry) { return !seen.contains(entry.first.identity); });
    EXPECT_EQ(renumbered, wanted);
  }

  Dice dice_;
  std::vector<Peer> peers_;  // pods first
  std::size_t pods_ = 0;
  std::map<std::string, datapath::Compiler> compilers_;  // each of one cluster, by node
  std::map<std::string, const datapath::Maps*> maps_;    // of this snapshot
  std::map<std::string, std::size_t> compared_;
};

TEST_F(PolicyMapsAgainstReach, OnRandomClusters) {
  for (int i = 0; i < clusters && !HasFailure(); ++i) {
    SCOPED_TRACE("cluster " + std::to_string(i));
    RandomCluster cluster = random_cluster(dice_);
    if (i % 4 == 0) compilers_.clear();  // else from one cluster to quite another
    for (int step = 0; step <= changes_each; ++step) {
      if (step > 0) change(cluster);
      model::Snapshot snapshot = cluster.snapshot();
      read(snapshot);
      for (int packet = 0; packet < packets_each; ++packet)
        compare(snapshot, packet % 2 == 0 ? Direction::ingress : Direction::egress);
    }
  }
  for (const char* outcome : {"by rule", "open", "denied"}) EXPECT_GT(compared_[outcome], 3000u) << outcome;
  RecordProperty("compared", std::to_string(compared_["by rule"] + compared_["open"] + compared_["denied"]));
}

}  // namespace
}  // namespace bailey
