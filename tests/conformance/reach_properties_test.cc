// What must hold between the answers about two networks of which one was made from the other, and between the matrix
// and single questions. On random networks with fixed seeds.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "random_cluster.h"
#include "reach/matrix.h"
#include "reach/reach.h"

namespace bailey {
namespace {

using model::EndpointName;
using model::Family;
using model::Kind;
using model::Port;
using model::Protocol;
using reach::Answer;

struct Asked {
  EndpointName from;
  EndpointName to;
  Port port;
  Family family = Family::v4;
  std::string text() const {
    return from.text() + " to " + to.text() + " " + port.text() + (family == Family::v4 ? " IPv4" : " IPv6");
  }
};

// Some of all that can be asked in the families of a network, always the same ones.
std::vector<Asked> questions(const model::Snapshot& snapshot) {
  std::vector<Asked> out;
  std::size_t count = 0;
  reach::World world(snapshot);
  std::vector<EndpointName> ends = world.endpoints();
  std::set<Family> families;
  for (const EndpointName& end : ends) {
    reach::Place place = *world.find(end);
    for (const model::Address& own : place.addresses) families.insert(own.family());
  }
  for (const EndpointName& from : ends)
    for (const EndpointName& to : ends)
      for (const Port& port : {Port{80, Protocol::tcp}, Port{81, Protocol::tcp}, Port{53, Protocol::udp}})
        for (Family family : families)
          if (count++ % 5 == 0) out.push_back({from, to, port, family});
  return out;
}

Answer ask(const reach::Reach& reach, const Asked& asked) {
  auto answer = reach.ask({asked.from, asked.to, asked.port, asked.family});
  if (const auto* found = std::get_if<Answer>(&answer)) return *found;
  ADD_FAILURE() << "no endpoint: " << asked.text();
  return {};
}

bool by_policy(const Answer& answer) { return answer.reason == "ingress-denied" || answer.reason == "egress-denied"; }

std::set<std::string> objects_of(const Answer& answer) {
  std::set<std::string> out;
  for (const reach::Decider& by : answer.decided_by) out.insert(by.object.text());
  return out;
}

// Asks both networks everything that can be asked of the first one.
using Compare = std::function<void(const Answer& before, const Answer& after, const std::string& where)>;
void compare(const model::Snapshot& before, const model::Snapshot& after, int round, const Compare& check) {
  reach::Reach first(before);
  reach::Reach second(after);
  for (const Asked& asked : questions(before))
    check(ask(first, asked), ask(second, asked), "network " + std::to_string(round) + ", " + asked.text());
}

constexpr int rounds = 12;

template <typename List>
void shuffle_rules(Dice& dice, List& rules) {
  dice.shuffle(rules);
  for (model::PolicyRule& rule : rules) {
    dice.shuffle(rule.peers);
    dice.shuffle(rule.ports);
    for (model::PolicyPeer& peer : rule.peers)
      if (peer.ip_block) dice.shuffle(peer.ip_block->except);
  }
}

TEST(ReachProperties, OrderMeansNothing) {
  Dice dice(101);
  for (int round = 0; round < rounds; ++round) {
    RandomCluster cluster = random_cluster(dice);
    RandomCluster shuffled = cluster;
    for (model::NetworkPolicy& policy : shuffled.policies) {
      shuffle_rules(dice, policy.ingress_rules);
      shuffle_rules(dice, policy.egress_rules);
    }
    for (model::NetworkSecurityGroup& group : shuffled.groups) {
      dice.shuffle(group.rules);
      for (model::SecurityRule& rule : group.rules) {
        dice.shuffle(rule.source_prefixes);
        dice.shuffle(rule.destination_prefixes);
      }
    }
    for (model::RouteTable& table : shuffled.tables) dice.shuffle(table.routes);
    std::vector<model::AnyObject> objects = shuffled.objects();
    dice.shuffle(objects);
    compare(cluster.snapshot(), model::snapshot_of(objects), round,
            [](const Answer& before, const Answer& after, const std::string& where) {
              ASSERT_EQ(before.allow, after.allow) << where;
              ASSERT_EQ(before.reason, after.reason) << where;
              ASSERT_EQ(before.source_seen, after.source_seen) << where;
              ASSERT_EQ(objects_of(before), objects_of(after)) << where;
            });
  }
}

// A rule for everyone in a policy that is there, or a further policy that lets everyone through to pods that one
// isolates already: neither closes anything.
TEST(ReachProperties, AllowingMoreClosesNothing) {
  Dice dice(202);
  int opened = 0;
  for (int round = 0; round < 2 * rounds; ++round) {
    RandomCluster cluster = random_cluster(dice);
    if (cluster.policies.empty()) cluster.policies.push_back(random_policy(dice, cluster, "q0"));
    RandomCluster wider = cluster;
    model::NetworkPolicy& policy = wider.policies[dice.below(wider.policies.size())];
    if (dice.chance(50)) {
      if (policy.ingress) policy.ingress_rules.emplace_back();
      if (policy.egress) policy.egress_rules.emplace_back();
    } else {
      model::NetworkPolicy more = policy;
      more.meta.name = dice.chance(50) ? "aaa" : "zzz";
      more.ingress_rules.assign(policy.ingress ? 1 : 0, {});
      more.egress_rules.assign(policy.egress ? 1 : 0, {});
      wider.policies.push_back(std::move(more));
    }
    compare(cluster.snapshot(), wider.snapshot(), round,
            [&](const Answer& before, const Answer& after, const std::string& where) {
              ASSERT_TRUE(after.allow || !before.allow) << where;
              opened += after.allow && !before.allow ? 1 : 0;
              if (before.allow == after.allow) return;
              ASSERT_TRUE(by_policy(before)) << where << ": " << before.reason;
            });
  }
  EXPECT_GT(opened, 20);
}

TEST(ReachProperties, WithoutPoliciesOnlyTheNetworkDecides) {
  Dice dice(303);
  int opened = 0;
  for (int round = 0; round < 2 * rounds; ++round) {
    RandomCluster cluster = random_cluster(dice);
    RandomCluster open = cluster;
    open.policies.clear();
    compare(cluster.snapshot(), open.snapshot(), round,
            [&](const Answer& before, const Answer& after, const std::string& where) {
              ASSERT_FALSE(by_policy(after)) << where;
              ASSERT_TRUE(after.allow || !before.allow) << where;
              opened += after.allow && !before.allow ? 1 : 0;
              // What the network denies it denies with policies as well, unless one of them did so before.
              ASSERT_TRUE(after.allow || by_policy(before) || before.reason == after.reason)
                  << where << ": " << before.reason << ", then " << after.reason;
            });
  }
  EXPECT_GT(opened, 20);
}

// Names are only names: objects get others, in another order.
struct Renaming {
  std::map<std::string, std::string> spaces{{"a", "zulu"}, {"b", "mike"}, {"c", "alfa"}};
  std::string other(const std::string& name) const { return (name.back() % 2 == 0 ? "z" : "a") + name; }

  void apply(RandomCluster& cluster) const {
    for (model::Namespace& ns : cluster.namespaces) ns.meta.name = spaces.at(ns.meta.name);
    auto move = [&](auto& list) {
      for (auto& each : list) {
        each.meta.name = other(each.meta.name);
        each.meta.ns = spaces.at(each.meta.ns);
      }
    };
    move(cluster.pods);
    move(cluster.policies);
    move(cluster.services);
  }
  EndpointName apply(EndpointName name) const {
    if (name.type != EndpointName::Type::pod) return name;
    return {name.type, spaces.at(name.ns), other(name.name), std::nullopt};
  }
};

TEST(ReachProperties, NamesMeanNothing) {
  Dice dice(404);
  Renaming renaming;
  for (int round = 0; round < rounds; ++round) {
    RandomCluster cluster = random_cluster(dice);
    RandomCluster renamed = cluster;
    renaming.apply(renamed);
    model::Snapshot before = cluster.snapshot();
    model::Snapshot after = renamed.snapshot();
    reach::Reach first(before);
    reach::Reach second(after);
    for (const Asked& asked : questions(before)) {
      Answer one = ask(first, asked);
      Answer two = ask(second, {renaming.apply(asked.from), renaming.apply(asked.to), asked.port, asked.family});
      ASSERT_EQ(one.allow, two.allow) << round << " " << asked.text();
      ASSERT_EQ(one.reason, two.reason) << round << " " << asked.text();
      ASSERT_EQ(one.source_seen, two.source_seen) << round << " " << asked.text();
      ASSERT_EQ(one.steps.size(), two.steps.size()) << round << " " << asked.text();
    }
  }
}

// Without policies and security groups: who is reached under his own address and answered can ask as well.
TEST(ReachProperties, WaysWithoutTranslationGoBothWays) {
  Dice dice(505);
  int swapped = 0;
  for (int round = 0; round < 2 * rounds; ++round) {
    RandomCluster cluster = random_cluster(dice);
    cluster.policies.clear();
    for (model::NetworkSecurityGroup& group : cluster.groups) {
      group.rules.clear();
      for (auto direction : {model::SecurityRule::Direction::inbound, model::SecurityRule::Direction::outbound}) {
        model::SecurityRule everything;
        everything.priority = 100;
        everything.direction = direction;
        everything.allow = true;
        group.rules.push_back(everything);
      }
    }
    model::Snapshot snapshot = cluster.snapshot();
    reach::Reach reach(snapshot);
    for (const Asked& asked : questions(snapshot)) {
      Answer there = ask(reach, asked);
      std::optional<reach::Place> from = reach.world().find(asked.from);
      if (!there.allow || !there.source_seen || !from->has(*there.source_seen)) continue;
      Answer back = ask(reach, {asked.to, asked.from, asked.port, asked.family});
      // A kubenet pod that asks is translated, and reached by nobody outside: its way is another one.
      std::optional<reach::Place> to = reach.world().find(asked.to);
      if (cluster.kubenet && (from->in_pod() || to->in_pod())) continue;
      ASSERT_TRUE(back.allow) << round << " " << asked.text() << ": " << back.reason;
      ++swapped;
    }
  }
  EXPECT_GT(swapped, 500);
}

// Object and rule of what decides, too.
void compare_matrix(const model::Snapshot& snapshot, Family family, int round, std::map<std::string, int>& seen) {
  reach::Matrix matrix(snapshot, family);
  reach::Reach reach(snapshot);
  std::vector<reach::Place> places;  // of the world that is asked
  for (std::size_t i = 0; i < matrix.size(); ++i) places.push_back(*reach.world().find(matrix.endpoint(i)));
  for (std::size_t from = 0; from < matrix.size(); ++from)
    for (std::size_t to = 0; to < matrix.size(); ++to) {
      if (from == to) continue;
      for (const Port& port : matrix.ports(to)) {
        const reach::Verdict& quick = matrix.verdict(from, to, port);
        reach::Verdict slow = reach::verdict_of(reach, places[from], places[to], *places[to].address(family), port);
        auto where = [&] {
          return "network " + std::to_string(round) + ", " +
                 Asked{matrix.endpoint(from), matrix.endpoint(to), port, family}.text();
        };
        ASSERT_EQ(quick.allow, slow.allow) << where() << ": " << quick.reason << ", " << slow.reason;
        ASSERT_EQ(quick.reason, slow.reason) << where();
        ASSERT_EQ(quick.source, slow.source) << where();
        ASSERT_EQ(quick.decided_by, slow.decided_by)
            << where() << ": " << reach::to_json(quick.decided_by).dump() << reach::to_json(slow.decided_by).dump();
        ++seen[slow.allow ? "allow" : slow.reason];
      }
    }
}

// Where a network has both families each is asked, of the same objects.
TEST(ReachProperties, MatrixAnswersAsSingleQuestions) {
  Dice dice(606);
  std::map<Family, std::map<std::string, int>> seen;
  std::map<std::vector<Family>, int> networks;
  for (int round = 0; round < 200; ++round) {
    RandomCluster cluster = random_cluster(dice);
    model::Snapshot snapshot = cluster.snapshot();
    ++networks[cluster.families];
    for (Family family : cluster.families) compare_matrix(snapshot, family, round, seen[family]);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_EQ(networks.size(), 3u);
  for (const auto& [families, count] : networks) EXPECT_GT(count, 40) << families.size();
  // The input reaches every kind of answer often enough to mean something.
  for (auto& [family, answers] : seen)
    for (const char* answer : {"allow", "nsg", "ingress-denied", "egress-denied", "route-none", "private-address",
                               "no-gateway", "no-public-address", "peering-initiated"})
      EXPECT_GT(answers[answer], 20) << answer << (family == Family::v4 ? " IPv4" : " IPv6");
}

}  // namespace
}  // namespace bailey
