#include "plan/ranges.h"

#include <gtest/gtest.h>

#include <random>

#include "plan/advice.h"
#include "plan/picture.h"

namespace bailey::plan {
namespace {

using model::Kind;
using model::Prefix;

Prefix range(const char* text) { return *Prefix::parse(text); }

// Every aligned candidate, one after the other.
std::optional<Prefix> slow_lowest(const Prefix& area, int length, const std::vector<Taken>& taken) {
  for (std::uint64_t i = 0; i < std::uint64_t{1} << (length - area.length()); ++i) {
    Prefix candidate(area.at(static_cast<model::Uint128>(i) << (32 - length)), length);
    bool clear = true;
    for (const Taken& each : taken)
      clear = clear && (each.prefix.last() < candidate.first() || candidate.last() < each.prefix.first());
    if (clear) return candidate;
  }
  return std::nullopt;
}

TEST(Ranges, LowestFreeEqualsTryingAll) {
  std::mt19937 random(20260101);
  for (int round = 0; round < 10000; ++round) {
    std::vector<Taken> taken;
    for (unsigned i = random() % 12; i > 0; --i)
      taken.push_back({Prefix(model::Address::v4(0x0a000000u + static_cast<std::uint32_t>(random() % 70000)),
                              18 + static_cast<int>(random() % 15)),
                       ""});
    int length = 16 + static_cast<int>(random() % 9);
    ASSERT_EQ(lowest_free(range("10.0.0.0/16"), length, taken), slow_lowest(range("10.0.0.0/16"), length, taken))
        << round;
  }
}

TEST(Ranges, NothingFitsIntoWhatIsTakenOrTooSmall) {
  EXPECT_EQ(lowest_free(range("10.0.0.0/16"), 24, std::vector<Taken>{{range("10.0.0.0/8"), ""}}), std::nullopt);
  EXPECT_EQ(lowest_free(range("10.0.0.0/16"), 15, std::vector<Taken>{}), std::nullopt);
}

class Proposed : public testing::Test {
 protected:
  Proposed() {
    cluster->meta.kind = Kind::Cluster;
    cluster->meta.name = "c";
    model::NodePool pool;
    pool.name = "p";
    pool.count = 50;
    pool.max_pods = 30;
    pool.max_surge = "1";
    cluster->node_pools = {pool};
    vnet->meta.kind = Kind::VirtualNetwork;
    vnet->meta.name = "v";
    vnet->address_space = {range("10.1.0.0/16")};
    vnet->subnets = {{"nodes", {range("10.1.0.0/24")}, "", "", ""}};
    office->meta.kind = Kind::OnPremisesNetwork;
    office->meta.name = "office";
    office->address_space = {range("10.0.0.0/16")};
  }
  std::vector<Proposal> proposals() { return propose(snapshot(), plan(snapshot())); }
  model::Snapshot snapshot() { return model::snapshot_of({cluster, vnet, office}); }
  std::shared_ptr<model::Cluster> cluster = std::make_shared<model::Cluster>();
  std::shared_ptr<model::VirtualNetwork> vnet = std::make_shared<model::VirtualNetwork>();
  std::shared_ptr<model::OnPremisesNetwork> office = std::make_shared<model::OnPremisesNetwork>();
};

TEST_F(Proposed, ASubnetThatIsTooSmallGetsRoomInItsVnet) {
  cluster->subnet = {"v", "nodes"};
  auto found = proposals();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].prefix, range("10.1.8.0/21"));  // the first /21 beside 10.1.0.0/24
  EXPECT_FALSE(found[0].new_address_space);
  EXPECT_EQ(found[1].what, Proposal::What::services);
  EXPECT_EQ(found[1].prefix, range("10.2.0.0/16"));  // 10.0 is the office, 10.1 the VNet
}

TEST_F(Proposed, ANewAddressSpaceWhereTheVnetIsFull) {
  cluster->subnet = {"v", "nodes"};
  vnet->address_space = {range("10.1.0.0/22")};
  auto found = proposals();
  EXPECT_EQ(found[0].new_address_space, range("10.2.0.0/16"));
  EXPECT_EQ(found[0].prefix, range("10.2.0.0/21"));
}

TEST_F(Proposed, AWholeNetworkForAClusterWithoutOne) {
  cluster->network_model = model::NetworkModel::kubenet;
  office->address_space = {range("10.0.0.0/8")};
  auto found = proposals();
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].subnet.text(), "c-vnet/nodes");
  EXPECT_EQ(found[0].prefix, range("172.16.0.0/26"));  // 51 nodes
  EXPECT_EQ(found[1].prefix, range("172.18.0.0/18"));  // past 172.17, the docker bridge
  EXPECT_EQ(found[2].prefix, range("172.19.0.0/16"));
  model::Snapshot whole = with_proposals(snapshot(), found);
  std::vector<ClusterPlan> again = plan(whole);
  EXPECT_EQ(again[0].subnets[0].given, range("172.16.0.0/26"));
  EXPECT_TRUE(again[0].subnets[0].fits());
  EXPECT_TRUE(propose(whole, again).empty());
}

TEST_F(Proposed, BarsAddUpToTheirPrefix) {
  cluster->subnet = {"v", "nodes"};
  cluster->node_pools[0].count = 4;
  auto plans = plan(snapshot());
  auto drawn = spaces(snapshot(), plans, plan_subnets(snapshot()), {});
  ASSERT_EQ(drawn.size(), 1u);
  const Bar& bar = drawn[0].bars.at(0);
  EXPECT_EQ(bar.used, 124u);
  EXPECT_EQ(bar.planned, 31u);
  EXPECT_EQ(bar.reserved, 5u);
  EXPECT_EQ(bar.used + bar.planned + bar.reserved + bar.free, 256u);
}

class Advised : public Proposed {
 protected:
  Advice of(Purpose purpose) {
    model::Snapshot all = snapshot();
    Facts facts = facts_of(all, *cluster, purpose);
    return advise(facts, compare(all, *cluster, facts));
  }
  static bool says(const Advice& advice, std::string_view code) {
    for (const Reason& reason : advice.because)
      if (reason.code == code) return true;
    return false;
  }
};

TEST_F(Advised, ProductionTakesVnetWhereAddressesSuffice) {
  cluster->subnet = {"v", "nodes"};
  Advice advice = of(Purpose::production);
  EXPECT_EQ(advice.model, Model::vnet);
  EXPECT_TRUE(says(advice, "addresses-suffice"));
}

TEST_F(Advised, ShortAddressesMeanOverlayAndNotKubenet) {
  cluster->subnet = {"v", "nodes"};
  vnet->address_space = {range("10.1.0.0/24")};
  Advice advice = of(Purpose::production);
  EXPECT_EQ(advice.model, Model::overlay);
  EXPECT_TRUE(says(advice, "addresses-short"));
  EXPECT_TRUE(says(advice, "kubenet-retires"));
}

TEST_F(Advised, DevelopmentTakesKubenetUnlessSomethingRulesItOut) {
  EXPECT_EQ(of(Purpose::development).model, Model::kubenet);
  cluster->node_pools[0].os = model::Os::windows;
  Advice windows = of(Purpose::development);
  EXPECT_EQ(windows.model, Model::vnet);
  EXPECT_TRUE(says(windows, "kubenet-excluded"));
  cluster->node_pools[0].os = model::Os::linux;
  cluster->node_pools[0].count = 500;
  EXPECT_EQ(of(Purpose::test).model, Model::vnet);  // more than 400 routes
}

}  // namespace
}  // namespace bailey::plan
