#include "plan/plan.h"

#include <gtest/gtest.h>

#include <random>

namespace bailey::plan {
namespace {

using model::Kind;
using model::Prefix;

template <typename T>
std::shared_ptr<T> made(Kind kind, const std::string& name) {
  auto out = std::make_shared<T>();
  out->meta.kind = kind;
  out->meta.name = name;
  return out;
}

model::NodePool pool_of(std::uint32_t count, std::uint32_t max_pods, std::string surge) {
  model::NodePool out;
  out.name = "pool";
  out.count = count;
  out.max_pods = max_pods;
  out.max_surge = std::move(surge);
  return out;
}

// configure-azure-cni: (number of nodes + surge) + (number of nodes + surge) * maximum pods per node.
TEST(Sizes, FiguresOfTheAzureCniPage) {
  EXPECT_EQ(needed_addresses(Model::vnet, 51, 30), 1581u);
  EXPECT_EQ(smallest_prefix(1581), 21);
  EXPECT_EQ(needed_addresses(Model::vnet, 61, 30), 1891u);
  EXPECT_EQ(smallest_prefix(1891), 21);
}

// configure-kubenet compares what a /24 holds in the two models.
TEST(Sizes, FiguresOfTheKubenetPage) {
  std::uint64_t usable = usable_addresses(*Prefix::parse("10.0.0.0/24"));
  EXPECT_EQ(usable, 251u);
  Capacity kubenet = capacity(Model::kubenet, usable, 110);
  EXPECT_EQ(kubenet.nodes, 251u);
  EXPECT_EQ(kubenet.pods, 27610u);
  Capacity vnet = capacity(Model::vnet, usable, 30);
  EXPECT_EQ(vnet.nodes, 8u);
  EXPECT_EQ(vnet.pods, 240u);
  EXPECT_EQ(capacity(Model::kubenet, 2043, 110).nodes, 400u);  // routes of a table
}

TEST(Sizes, Surge) {
  EXPECT_EQ(surge_nodes("3", 50), 3u);
  EXPECT_EQ(surge_nodes("33%", 50), 17u);
  EXPECT_EQ(surge_nodes("33%", 1), 1u);
  EXPECT_EQ(surge_nodes("1%", 0), 1u);
  EXPECT_EQ(surge_nodes("100%", 7), 7u);
  EXPECT_EQ(surge_nodes("", 11), 2u);  // 10%
  for (const char* wrong : {"0", "0%", "abc", "101%", "-1", "1.5", "%", " 1", "33 %", "1001"})
    EXPECT_EQ(surge_nodes(wrong, 5), std::nullopt) << wrong;
}

TEST(Sizes, EdgesOfPrefixes) {
  EXPECT_EQ(smallest_prefix(0), 29);
  EXPECT_EQ(smallest_prefix(3), 29);
  EXPECT_EQ(smallest_prefix(4), 28);
  EXPECT_EQ(smallest_prefix(251), 24);
  EXPECT_EQ(smallest_prefix(252), 23);
  EXPECT_EQ(smallest_prefix((1u << 24) - 5), 8);
  EXPECT_EQ(smallest_prefix((1u << 24) - 4), std::nullopt);
  EXPECT_EQ(smallest_pod_range(1), 24);
  EXPECT_EQ(smallest_pod_range(2), 23);
  EXPECT_EQ(smallest_pod_range(51), 18);
  EXPECT_EQ(smallest_pod_range(65536), 8);
  EXPECT_EQ(smallest_pod_range(65537), std::nullopt);
  EXPECT_EQ(usable_addresses(*Prefix::parse("10.0.0.0/30")), 0u);
}

// Counts one address after the other while a pool is deployed, scaled out and upgraded, then doubles a subnet until it
// is large enough: the same answer without a formula.
std::uint64_t rolled_out(Model model, const model::NodePool& pool, std::uint64_t max_pods) {
  std::uint64_t nodes = pool.count;
  while (pool.max_count && nodes < *pool.max_count) ++nodes;
  std::string digits = pool.max_surge.substr(0, pool.max_surge.find('%'));
  std::uint64_t extra = std::stoull(digits);
  if (pool.max_surge.ends_with('%')) {
    std::uint64_t share = extra * nodes;  // in hundredths of a node; every node begun counts
    for (extra = 0; extra * 100 < share;) ++extra;
    if (extra == 0) extra = 1;
  }
  if (pool.os == model::Os::windows) ++extra;
  std::uint64_t addresses = 0;
  for (std::uint64_t node = 0; node < nodes + extra; ++node) {
    ++addresses;
    for (std::uint64_t pod = 0; model == Model::vnet && pod < max_pods; ++pod) ++addresses;
  }
  return addresses;
}

TEST(Property, FormulaEqualsARollOut) {
  std::mt19937 random(20180601);
  auto between = [&](std::uint32_t least, std::uint32_t most) {
    return least + static_cast<std::uint32_t>(random() % (most - least + 1));
  };
  for (int round = 0; round < 10000; ++round) {
    auto model = static_cast<Model>(between(0, 2));
    model::NodePool pool = pool_of(between(0, 60), between(10, model == Model::kubenet ? 110 : 250), "");
    pool.max_surge = between(0, 1) ? std::to_string(between(1, 20)) : std::to_string(between(1, 100)) + "%";
    if (between(0, 1)) pool.max_count = pool.count + between(0, 40);
    if (between(0, 3) == 0) pool.os = model::Os::windows;
    PoolPlan sized = plan_pool(model, pool);
    ASSERT_EQ(sized.addresses, rolled_out(model, pool, *pool.max_pods)) << round;
    int length = 29;
    for (std::uint64_t size = 8; size - 5 < sized.addresses; size *= 2) --length;
    ASSERT_EQ(smallest_prefix(sized.addresses), length) << round;
  }
}

class Planned : public testing::Test {
 protected:
  Planned() {
    vnet->address_space = {*Prefix::parse("10.240.0.0/16")};
    vnet->subnets = {{"nodes", {*Prefix::parse("10.240.0.0/22"), *Prefix::parse("fd00::/64")}, "", "", ""},
                     {"GatewaySubnet", {*Prefix::parse("10.240.8.0/28")}, "", "", ""},
                     {"six", {*Prefix::parse("fd00:0:0:6::/64")}, "", "", ""}};
    cluster->subnet = {"v", "nodes"};
    cluster->node_pools = {pool_of(1, 30, "1"), pool_of(2, 30, "1")};
    cluster->node_pools[1].max_count = 5;
  }
  model::Snapshot snapshot() {
    std::vector<model::AnyObject> all(others.begin(), others.end());
    all.emplace_back(vnet);
    all.emplace_back(cluster);
    return model::snapshot_of(std::move(all));
  }
  std::shared_ptr<model::VirtualNetwork> vnet = made<model::VirtualNetwork>(Kind::VirtualNetwork, "v");
  std::shared_ptr<model::Cluster> cluster = made<model::Cluster>(Kind::Cluster, "c");
  std::vector<model::AnyObject> others;
};

TEST_F(Planned, ASubnetSumsPoolsAndWhatElseLiesInIt) {
  auto nic = made<model::NetworkInterface>(Kind::NetworkInterface, "vm");
  nic->subnet = cluster->subnet;
  auto balancer = made<model::LoadBalancer>(Kind::LoadBalancer, "inside");
  balancer->internal = true;
  balancer->subnet = cluster->subnet;
  balancer->addresses = {*model::AddressRange::parse("10.240.3.0/28")};
  others = {nic, balancer};
  std::vector<ClusterPlan> plans = plan(snapshot());
  ASSERT_EQ(plans.size(), 1u);
  ASSERT_EQ(plans[0].subnets.size(), 1u);
  const SubnetPlan& subnet = plans[0].subnets[0];
  EXPECT_EQ(plans[0].pools[0].addresses, 62u);   // (1 + 1) * 31
  EXPECT_EQ(plans[0].pools[1].addresses, 186u);  // (5 + 1) * 31
  EXPECT_EQ(subnet.needed, 62u + 186u + 1u + 16u);
  EXPECT_EQ(subnet.needed_now, 31u + 62u + 1u + 16u);
  EXPECT_EQ(subnet.smallest, 23);
  EXPECT_EQ(subnet.given, Prefix::parse("10.240.0.0/22"));
  EXPECT_EQ(subnet.given_ipv6, Prefix::parse("fd00::/64"));
  EXPECT_DOUBLE_EQ(*subnet.utilisation, 265.0 / 1019.0);
  EXPECT_TRUE(subnet.fits());
}

TEST_F(Planned, ASubnetThatIsTooSmallSaysByHowMuch) {
  cluster->node_pools[1].count = 50;
  const SubnetPlan subnet = plan(snapshot())[0].subnets[0];
  EXPECT_EQ(subnet.needed, 62u + 51u * 31u);
  EXPECT_GT(*subnet.utilisation, 1.0);
  EXPECT_EQ(subnet.missing(), subnet.needed - 1019u);
}

TEST_F(Planned, InternalServicesTakeAnAddressOfTheClustersSubnet) {
  auto service = made<model::Service>(Kind::Service, "web");
  service->meta.ns = "shop";
  service->type = model::ServiceType::load_balancer;
  service->meta.annotations["service.beta.kubernetes.io/azure-load-balancer-internal"] = "true";
  auto outside = made<model::Service>(Kind::Service, "front");
  outside->meta.ns = "shop";
  outside->type = model::ServiceType::load_balancer;
  others = {service, outside};
  const SubnetPlan subnet = plan(snapshot())[0].subnets[0];
  EXPECT_EQ(subnet.needed, 62u + 186u + 1u);
  EXPECT_EQ(subnet.needs.back().object, "Service/shop/web");
}

TEST_F(Planned, WindowsPoolsHaveOneNodeMore) {
  cluster->node_pools[1].os = model::Os::windows;
  PoolPlan pool = plan(snapshot())[0].pools[1];
  EXPECT_EQ(pool.surge_nodes, 1u);
  EXPECT_EQ(pool.headroom_nodes, 1u);
  EXPECT_EQ(pool.addresses, 7u * 31u);
}

TEST_F(Planned, KubenetCountsBlocksAndRoutes) {
  cluster->network_model = model::NetworkModel::kubenet;
  cluster->pod_cidrs = {*Prefix::parse("10.244.0.0/16")};
  ClusterPlan planned = plan(snapshot())[0];
  EXPECT_EQ(planned.subnets[0].needed, 8u);
  EXPECT_EQ(planned.routes(), 8u);
  ASSERT_TRUE(planned.pod_range);
  EXPECT_EQ(planned.pod_range->blocks, 8u);
  EXPECT_EQ(planned.pod_range->needed, 2048u);
  EXPECT_EQ(planned.pod_range->smallest, 21);
  EXPECT_DOUBLE_EQ(*planned.pod_range->utilisation, 8.0 / 256.0);
}

TEST_F(Planned, AClusterWithoutASubnetPlansItsGeneratedNetwork) {
  cluster->subnet = {};
  ClusterPlan planned = plan(snapshot())[0];
  ASSERT_EQ(planned.subnets.size(), 1u);
  EXPECT_EQ(planned.subnets[0].name, "c-vnet/nodes");
  EXPECT_EQ(planned.subnets[0].given, std::nullopt);
  EXPECT_EQ(planned.subnets[0].needed, 248u);
  EXPECT_TRUE(planned.subnets[0].fits());
}

TEST_F(Planned, AClusterWithoutPoolsHasTwoNodes) {
  cluster->node_pools.clear();
  ClusterPlan planned = plan(snapshot())[0];
  ASSERT_EQ(planned.pools.size(), 1u);
  EXPECT_EQ(planned.subnets.at(0).needed, 93u);  // two nodes, one surge node, 30 pods each
}

TEST_F(Planned, IPv6OnlySubnetsAlwaysFit) {
  cluster->subnet = {"v", "six"};
  SubnetPlan subnet = plan(snapshot())[0].subnets[0];
  EXPECT_EQ(subnet.smallest, 64);
  EXPECT_TRUE(subnet.fits());
}

TEST_F(Planned, GatewaysHaveAPublishedMinimum) {
  auto gateway = made<model::NetworkGateway>(Kind::NetworkGateway, "g");
  gateway->subnet = {"v", "GatewaySubnet"};
  others = {gateway};
  std::vector<SubnetPlan> subnets = plan_subnets(snapshot());
  ASSERT_EQ(subnets.size(), 2u);
  EXPECT_EQ(subnets[0].name, "v/GatewaySubnet");
  EXPECT_EQ(subnets[0].smallest, 27);
  EXPECT_EQ(subnets[0].minimum, 27);
  EXPECT_TRUE(subnets[0].fits());
}

TEST_F(Planned, AnotherModelThanItsOwn) {
  ClusterPlan overlay = plan_cluster(snapshot(), *cluster, Model::overlay);
  EXPECT_EQ(overlay.subnets[0].needed, 8u);
  EXPECT_EQ(overlay.pod_range->blocks, 8u);
  EXPECT_EQ(overlay.routes(), 0u);
}

}  // namespace
}  // namespace bailey::plan
