// Ranges of addresses for pods: handed out on demand, given back, and who waits where there are too few.
#include "lab/controllers/objects_for_test.h"

namespace bailey::lab::controllers {
namespace {

using model::Node;
using model::Pod;

Objects world(const std::string& prefix, std::uint32_t count, std::uint32_t max_pods = 30) {
  return {vnet("hub", {prefix}), cluster("aks", "hub/nodes", {pool("p", count, max_pods)})};
}

Objects web(std::uint32_t replicas) { return {workload(Kind::Deployment, "web", replicas)}; }

std::string range(const Completion& done, const std::string& node) { return texts_of(get_node(done, node).pod_ranges); }

Texts waiting(const Completion& done) {
  Texts out;
  for (const auto& row : done.snapshot.all<Pod>())
    if (row->phase == "Pending") out.push_back(row->meta.name);
  return out;
}

// "web-0" holds 10.1.0.7 on aks-p-0, and so on.
InUse held(const std::vector<std::array<std::string, 3>>& rows, const std::vector<std::string>& cooling = {}) {
  InUse out;
  for (const auto& [name, node, address] : rows) out.held[{Kind::Pod, "default", name}] = {node, {addr(address)}};
  for (const std::string& text : cooling) out.cooling.push_back(addr(text));
  return out;
}

Completion next(const Objects& objects, const Completion& before, const InUse& in_use = {}) {
  return complete(model::snapshot_of(objects), before.assignments, {}, in_use);
}

TEST(Ranges, GrowWhereTheyStandAndOnlyWhenTheReserveIsHalfUsed) {
  Completion empty = run(world("10.1.0.0/24", 2));
  EXPECT_EQ(range(empty, "aks-p-0"), "10.1.0.6-10.1.0.13");
  Completion four = next(world("10.1.0.0/24", 2) + web(8), empty);
  EXPECT_EQ(range(four, "aks-p-0"), "10.1.0.6-10.1.0.13") << "four pods, four in reserve";
  Completion more = next(world("10.1.0.0/24", 2) + web(10), four);
  EXPECT_EQ(range(more, "aks-p-0"), "10.1.0.6-10.1.0.18") << "five pods, eight in reserve";
  Completion full = next(world("10.1.0.0/24", 2) + web(60), more);
  EXPECT_EQ(range(full, "aks-p-0"), "10.1.0.6-10.1.0.35") << "maxPods";
  EXPECT_EQ(range(full, "aks-p-1"), "10.1.0.36-10.1.0.65");
}

TEST(Ranges, ANewNodeAndItsInterfaceKeepOutOfTheRoomOfOthers) {
  Completion before = run(world("10.1.0.0/24", 2));
  Completion after = next(world("10.1.0.0/24", 3) + Objects{nic("vm", "hub/nodes")}, before);
  EXPECT_EQ(texts_of(get<model::NetworkInterface>(after, Kind::NetworkInterface, "", "vm").addresses), "10.1.0.66");
  EXPECT_EQ(texts_of(get_node(after, "aks-p-2").addresses), "10.1.0.67");
  EXPECT_EQ(range(after, "aks-p-2"), "10.1.0.68-10.1.0.75");
}

TEST(Ranges, GoBackOnceThereIsTwiceTheReserveLeft) {
  Completion full = run(world("10.1.0.0/24", 1, 100) + web(40));
  ASSERT_EQ(range(full, "aks-p-0"), "10.1.0.5-10.1.0.52");
  EXPECT_EQ(range(next(world("10.1.0.0/24", 1, 100) + web(32), full), "aks-p-0"), "10.1.0.5-10.1.0.52");
  EXPECT_EQ(range(next(world("10.1.0.0/24", 1, 100) + web(31), full), "aks-p-0"), "10.1.0.5-10.1.0.43");
}

TEST(Ranges, KeepWhatPodsHoldAndWhatCools) {
  Objects now = world("10.1.0.0/24", 1, 100) + web(2);
  Completion full = run(world("10.1.0.0/24", 1, 100) + web(40));
  InUse in_use = held({{"web-0", "aks-p-0", "10.1.0.20"}, {"web-1", "aks-p-0", "10.1.0.52"}}, {"10.1.0.50"});
  EXPECT_EQ(range(next(now, full, in_use), "aks-p-0"), "10.1.0.20-10.1.0.26 10.1.0.50-10.1.0.52");
  in_use.cooling.clear();
  for (int i = 5; i <= 52; ++i)
    if (i != 20 && i != 52) in_use.cooling.push_back(addr("10.1.0." + std::to_string(i)));
  EXPECT_EQ(range(next(now, full, in_use), "aks-p-0"), "10.1.0.5-10.1.0.52") << "all of it cools";
}

TEST(Ranges, WhatAPodThatGoesHasCoolsFromNowOn) {
  Completion full = run(world("10.1.0.0/24", 1, 100) + web(40));
  InUse in_use;
  for (int i = 0; i < 40; ++i)
    in_use.held[{Kind::Pod, "default", "web-" + std::to_string(i)}] = {"aks-p-0",
                                                                       {addr("10.1.0." + std::to_string(5 + i))}};
  EXPECT_EQ(range(next(world("10.1.0.0/24", 1, 100), full, in_use), "aks-p-0"), "10.1.0.5-10.1.0.44");
  EXPECT_EQ(range(next(world("10.1.0.0/24", 1, 100), full), "aks-p-0"), "10.1.0.5-10.1.0.12");
}

TEST(Ranges, ASmallSubnetTakesAllNodesAndSaysThatItIsTight) {
  Completion done = run(world("10.1.0.0/26", 3) + web(6));
  EXPECT_EQ(conditions(done), Texts{"VirtualNetwork/hub AddressAssigned+ SubnetTight"});
  EXPECT_NE(english(done.conditions[0])
                .find("hub/nodes cannot hold all that its 3 nodes may run: with maxPods they "
                      "need 93 addresses, and 59 are there"),
            std::string::npos);
  ASSERT_EQ(done.subnets.size(), 1u);
  EXPECT_EQ(done.subnets[0].size, 59u);
  EXPECT_EQ(done.subnets[0].nodes, 3u);
  EXPECT_EQ(done.subnets[0].pods_reserved, 30u);
  EXPECT_EQ(done.subnets[0].free, 26u);
}

TEST(Ranges, NeedsGoBeforeReservesAndTheRestWaits) {
  // Eleven addresses: those of two nodes, and nine for pods.
  Completion idle = run(world("10.1.0.0/28", 2));
  EXPECT_EQ(idle.subnets.at(0).free, 0u) << "all in reserve";
  Completion busy = next(world("10.1.0.0/28", 2) + web(12), idle);
  EXPECT_EQ(waiting(busy), (Texts{"web-7", "web-8", "web-9"})) << "by name";
  std::vector<std::string> texts;
  for (const Condition& condition : busy.conditions)
    if (condition.object.kind == Kind::Pod) texts.push_back(condition.reason + ": " + english(condition));
  ASSERT_EQ(texts.size(), 3u);
  EXPECT_EQ(
      texts[0],
      "SubnetFull: Pod/default/web-7 waits for an address: it belongs on node aks-p-1, and subnet hub/nodes has 0 "
      "left. Pods of its nodes need 12 addresses, 3 more than there are. Use a larger subnet, fewer pods, or a node "
      "pool in another subnet.");
}

TEST(Ranges, WhoHoldsAnAddressKeepsItWhereTheyRunOut) {
  Objects objects = world("10.1.0.0/28", 1) + web(10);
  Completion before = run(objects);
  ASSERT_TRUE(waiting(before).empty());
  // Meanwhile the subnet got an interface too many, and the last pods by name are those that run.
  InUse in_use = held({{"web-9", "aks-p-0", "10.1.0.5"}, {"web-8", "aks-p-0", "10.1.0.6"}});
  Completion after = next(
      objects + Objects{nic("vm", "hub/nodes", {"10.1.0.9"}), nic("vn", "hub/nodes", {"10.1.0.10"})}, before, in_use);
  EXPECT_EQ(waiting(after), (Texts{"web-6", "web-7"}));
  EXPECT_EQ(range(after, "aks-p-0"), "10.1.0.5-10.1.0.8 10.1.0.11-10.1.0.14");
}

TEST(Ranges, ANewNodesAddressComesOutOfTheReserves) {
  Completion before = run(world("10.1.0.0/28", 1));
  ASSERT_EQ(range(before, "aks-p-0"), "10.1.0.5-10.1.0.12");
  Completion three = next(world("10.1.0.0/28", 4) + web(4), before, held({{"web-0", "aks-p-0", "10.1.0.12"}}));
  EXPECT_TRUE(waiting(three).empty());
  EXPECT_EQ(texts_of(get_node(three, "aks-p-1").addresses), "10.1.0.13");
  EXPECT_EQ(texts_of(get_node(three, "aks-p-2").addresses), "10.1.0.14");
  EXPECT_EQ(texts_of(get_node(three, "aks-p-3").addresses), "10.1.0.5") << "the far end of a range that a pod ends";
  EXPECT_NE(range(three, "aks-p-0").find("10.1.0.12"), std::string::npos);
}

TEST(Ranges, CoolingAddressesMoveOnlyWhenNothingElseIsLeft) {
  Completion before = run(world("10.1.0.0/28", 2));  // .4, .5, ranges .6-.10 and .11-.14
  ASSERT_EQ(range(before, "aks-p-0"), "10.1.0.6-10.1.0.10");
  ASSERT_EQ(range(before, "aks-p-1"), "10.1.0.11-10.1.0.14");
  auto on_one = [](std::uint32_t count) {
    Objects out;
    for (std::uint32_t i = 0; i < count; ++i) {
      auto object = pod("default", "p" + std::to_string(i));
      object->spec.node_name = "aks-p-1";
      out.push_back(object);
    }
    return out;
  };
  InUse in_use = held({}, {"10.1.0.8", "10.1.0.6"});
  Completion seven = next(world("10.1.0.0/28", 2) + on_one(7), before, in_use);
  EXPECT_EQ(range(seven, "aks-p-0"), "10.1.0.6/32 10.1.0.8/32");
  Completion eight = next(world("10.1.0.0/28", 2) + on_one(8), before, in_use);
  EXPECT_EQ(range(eight, "aks-p-0"), "10.1.0.6/32") << "the oldest first";
  EXPECT_TRUE(waiting(eight).empty());
}

TEST(Ranges, AddressesOfANodeThatIsGoneRestAWhile) {
  Completion before = run(world("10.1.0.0/24", 2, 10) + web(2));
  InUse in_use = held({{"web-1", "aks-p-1", "10.1.0.16"}});
  Completion gone = next(world("10.1.0.0/24", 1, 10) + web(2), before, in_use);
  EXPECT_EQ(gone.subnets.at(0).free, 251u - 1 - 9) << "resting addresses are free, only not the first to be given";
  Completion other = next(world("10.1.0.0/24", 1, 10) + web(2) + Objects{nic("a", "hub/nodes"), nic("b", "hub/nodes")},
                          gone, held({}, {"10.1.0.16"}));
  for (const auto& row : other.snapshot.all<model::NetworkInterface>())
    EXPECT_NE(texts_of(row->addresses), "10.1.0.16") << row->meta.name;
}

TEST(Ranges, PodsPreferNodesWhoseSubnetHasRoom) {
  model::NodePool roomy = pool("roomy", 1);
  roomy.subnet = {"spoke", "nodes"};
  Completion done = run({vnet("hub", {"10.1.0.0/29"}), vnet("spoke", {"10.2.0.0/24"}),
                         cluster("aks", "hub/nodes", {pool("p", 1), roomy}), workload(Kind::Deployment, "web", 9)});
  EXPECT_TRUE(waiting(done).empty());
  EXPECT_EQ(range(done, "aks-p-0"), "10.1.0.5-10.1.0.6");
}

TEST(Ranges, AFileThatClaimsAnAddressInsideTakesJustThat) {
  Completion before = run(world("10.1.0.0/24", 1));
  Completion after = next(world("10.1.0.0/24", 1) + Objects{nic("vm", "hub/nodes", {"10.1.0.7"})}, before,
                          held({{"web-0", "aks-p-0", "10.1.0.5"}}));
  EXPECT_EQ(range(after, "aks-p-0"), "10.1.0.5-10.1.0.6 10.1.0.8-10.1.0.12");
}

TEST(Ranges, APinToWhatAnotherPodHoldsWaits) {
  Objects objects = world("10.1.0.0/24", 1) + web(1);
  Completion before = run(objects);
  Completion after = next(objects + Objects{pinned("a", "10.1.0.5")}, before, held({{"web-0", "aks-p-0", "10.1.0.5"}}));
  EXPECT_EQ(conditions(after), Texts{"Pod/default/a AddressAssigned AddressTaken"});
  EXPECT_NE(english(after.conditions[0]).find("Pod/default/web-0 has"), std::string::npos);
  EXPECT_EQ(range(after, "aks-p-0"), "10.1.0.5-10.1.0.13");
  Completion gone =
      next(world("10.1.0.0/24", 1) + Objects{pinned("a", "10.1.0.5")}, after, held({{"web-0", "aks-p-0", "10.1.0.5"}}));
  EXPECT_TRUE(gone.conditions.empty());
  EXPECT_EQ(range(gone, "aks-p-0"), "10.1.0.6-10.1.0.13");
}

TEST(Ranges, PodsOfEachFamilyAreCountedByTheScarcerOne) {
  Objects objects = {vnet("hub", {"10.1.0.0/29", "fd01::/64"}), cluster("aks", "hub/nodes", {pool("p", 1)})};
  Completion done = run(objects + web(3));
  EXPECT_EQ(waiting(done), Texts{"web-2"});
  EXPECT_EQ(range(done, "aks-p-0"), "10.1.0.5-10.1.0.6 fd01::5-fd01::e");
  ASSERT_EQ(done.subnets.size(), 2u);
  EXPECT_EQ(done.subnets[1].family, Family::v6);
  EXPECT_EQ(done.subnets[1].pods_reserved, 10u);
}

TEST(Ranges, PodsThatDrawNothingLeaveLessRoomBelowMaxPods) {
  auto agent = workload(Kind::DaemonSet, "agent", 1);
  agent->pod.host_network = true;
  Completion done = run(world("10.1.0.0/24", 1, 10) + web(4) + Objects{agent});
  EXPECT_EQ(range(done, "aks-p-0"), "10.1.0.5-10.1.0.13") << "nine pods beside the agent";
}

TEST(Ranges, AnInternalLoadBalancerKeepsItsAddressAndFindsOneInTheReserve) {
  auto balancer = make<model::LoadBalancer>(Kind::LoadBalancer, "", "inside");
  balancer->internal = true;
  balancer->subnet = {"hub", "nodes"};
  auto front = service("front");
  front->type = model::ServiceType::load_balancer;
  front->meta.annotations = {{"service.beta.kubernetes.io/azure-load-balancer-internal", "true"}};
  Objects objects = world("10.1.0.0/28", 1) + Objects{balancer, front};
  Completion before = run(objects);
  EXPECT_EQ(texts_of(get_service(before, "front").load_balancer_addresses), "10.1.0.5");
  Completion after = next(objects + web(9), before);
  EXPECT_EQ(texts_of(get_service(after, "front").load_balancer_addresses), "10.1.0.5");
  EXPECT_TRUE(waiting(after).empty());
  Completion late = next(objects + web(8), run(world("10.1.0.0/28", 1) + web(8)));
  EXPECT_EQ(get_service(late, "front").load_balancer_addresses.size(), 1u) << "the reserve has it";
  EXPECT_TRUE(waiting(late).empty());
}

}  // namespace
}  // namespace bailey::lab::controllers
