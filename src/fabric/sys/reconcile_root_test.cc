// What stands in the kernel follows what is wanted, however it came there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>

#include "fabric/objects_for_test.h"
#include "fabric/sys/applier.h"
#include "fabric/sys/lab_for_test.h"

namespace bailey::fabric::sys {
namespace {

using fabric::testing::address;
using fabric::testing::addresses;
using fabric::testing::World;
using model::NextHopType;
using ::testing::IsEmpty;
using testing::Lab;

// The lines that only one of them has, told apart by their sign.
std::vector<std::string> difference(const std::vector<std::string>& before, const std::vector<std::string>& after) {
  std::vector<std::string> out;
  std::vector<std::string> lines;
  std::set_difference(before.begin(), before.end(), after.begin(), after.end(), std::back_inserter(lines));
  for (const std::string& line : lines) out.push_back("- " + line);
  lines.clear();
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(), std::back_inserter(lines));
  for (const std::string& line : lines) out.push_back("+ " + line);
  return out;
}

// A bit of everything that the fabric can do, in both families.
void fill(World& world, int nodes) {
  auto& hub = world.vnet("hub", {"10.0.0.0/16", "fd00::/48"});
  world.subnet(hub, "fw", {"10.0.0.0/24", "fd00:0:0:a::/64"});
  world.subnet(hub, "GatewaySubnet", {"10.0.255.0/27"});
  auto& spoke = world.vnet("spoke", {"10.1.0.0/16", "fd00:1::/48"});
  world.subnet(spoke, "nodes", {"10.1.0.0/20", "fd00:1::/64"}).route_table = "t";
  world.subnet(world.vnet("alone", {"10.1.0.0/16"}), "s", {"10.1.0.0/24"});
  hub.outbound_addresses = addresses({"203.0.113.1", "2001:db8:aaaa::1"});
  spoke.outbound_addresses = addresses({"203.0.113.2"});
  auto both = world.peer("hub", "spoke");
  both.first->allow_gateway_transit = both.second->use_remote_gateways = true;
  both.second->allow_forwarded_traffic = true;
  world.host("fw", "hub/fw", {"10.0.0.4", "fd00:0:0:a::4"}).ip_forwarding = true;
  world.host("web", "hub/fw", {"10.0.0.5"}).public_address = address("203.0.113.9");
  world.host("x", "alone/s", {"10.1.0.4"});
  for (int i = 1; i <= nodes; ++i) {
    std::string number = std::to_string(i);
    world.node("n" + number, "spoke/nodes",
               {("10.1.0." + std::to_string(3 + i)).c_str(), ("fd00:1::" + number).c_str()},
               {("10.1." + number + ".10-10.1." + number + ".39").c_str(), ("fd00:1::" + number + ":0/112").c_str()});
  }
  auto& table = world.table("t");
  world.route(table, "0.0.0.0/0", NextHopType::virtual_appliance, "10.0.0.4");
  world.route(table, "10.1.9.0/24", NextHopType::none);
  world.route(table, "192.168.0.0/16", NextHopType::virtual_network_gateway);
  world.on_premises("office", {"192.168.0.0/16", "fd00:ff::/48"});
  world.gateway("hub", "office").routes = fabric::testing::prefixes({"192.168.1.0/24", "fd00:ff::/48"});
  world.on_premises_host("pc", "office", {"192.168.1.10", "fd00:ff::10"});
  world.internet_host("client", {"198.51.100.8", "2001:db8:1::8"});
}

class Reconcile : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: makes network namespaces";
  }
};

std::size_t size(const Applier::Changes& changes) {
  return changes.links + changes.addresses + changes.routes + changes.rules;
}

TEST_F(Reconcile, AppliedTwiceChangesNothing) {
  World world;
  fill(world, 2);
  Lab lab;
  EXPECT_GT(size(lab.apply(world.snapshot())), 100u);
  Applier::Changes again = lab.apply(world.snapshot());
  EXPECT_EQ(size(again), 0u);
  EXPECT_FALSE(again.filter);
  std::vector<std::string> before = lab.everything();
  lab.applier().forget();
  EXPECT_EQ(size(lab.apply(world.snapshot())), 0u) << "what was observed differs from what was applied";
  EXPECT_THAT(difference(before, lab.everything()), IsEmpty());
}

TEST_F(Reconcile, RemovalLeavesNothing) {
  World world;
  fill(world, 2);
  for (bool forget : {false, true}) {
    Lab lab;
    lab.make_hosts(world.snapshot());
    std::vector<std::string> before = lab.everything();
    lab.apply(world.snapshot());
    EXPECT_GT(lab.everything().size(), before.size() + 100);
    if (forget) lab.applier().forget();
    lab.apply(model::Snapshot());
    EXPECT_THAT(difference(before, lab.everything()), IsEmpty()) << (forget ? "observed" : "remembered");
  }
}

TEST_F(Reconcile, CountersSurviveWhatDoesNotConcernThem) {
  World world;
  fill(world, 1);
  Lab lab;
  lab.apply(world.snapshot());
  lab.send("host/x", address("10.1.0.5"), "host/web", address("10.1.0.99"));
  EXPECT_EQ(lab.dropped("source-check", "NetworkInterface/x"), 1u);
  world.host("y", "alone/s", {"10.1.0.7"});
  lab.apply(world.snapshot());
  EXPECT_EQ(lab.dropped("source-check", "NetworkInterface/x"), 1u);
  lab.applier().forget();
  lab.apply(world.snapshot());
  EXPECT_EQ(lab.dropped("source-check", "NetworkInterface/x"), 1u);
}

TEST_F(Reconcile, RandomChangesEndLikeAFreshStart) {
  World world;
  fill(world, 3);
  std::vector<model::AnyObject> objects = world.objects();
  std::mt19937 dice(7);
  for (int round = 0; round < 4; ++round) {
    Lab lab;
    lab.make_hosts(world.snapshot());
    model::Snapshot snapshot;
    for (int step = 0; step < 12; ++step) {
      std::vector<model::AnyObject> subset;
      unsigned keep = 40 + dice() % 60;
      for (const model::AnyObject& object : objects)
        if (dice() % 100 < keep) subset.push_back(object);
      snapshot = model::snapshot_of(subset);
      bool forget = step == 0 || dice() % 4 == 0;
      if (forget) lab.applier().forget();
      EXPECT_EQ(lab.apply(snapshot).observed, forget);  // memory was right: nothing had to be tried again
    }
    Lab fresh;
    fresh.make_hosts(world.snapshot());
    fresh.apply(snapshot);
    ASSERT_THAT(difference(fresh.everything(), lab.everything()), IsEmpty()) << "round " << round;
  }
}

TEST_F(Reconcile, ObjectsGoOneByOne) {
  World world;
  fill(world, 2);
  std::vector<model::AnyObject> objects = world.objects();
  std::shuffle(objects.begin(), objects.end(), std::mt19937(11));
  Lab lab;
  lab.make_hosts(world.snapshot());
  std::vector<std::string> before = lab.everything();
  lab.apply(world.snapshot());
  while (!objects.empty()) {
    objects.pop_back();
    EXPECT_FALSE(lab.apply(model::snapshot_of(objects)).observed);
  }
  EXPECT_THAT(difference(before, lab.everything()), IsEmpty());
}

TEST_F(Reconcile, AHostMayGoAndComeBack) {
  World world;
  fill(world, 2);
  Lab lab;
  lab.apply(world.snapshot());
  for (const char* host : {"node/n1", "onprem/office", "internet", "host/pc", "fabric"}) {
    lab.remove(host);
    lab.apply(world.snapshot());
    EXPECT_TRUE(lab.send("node/n1", address("10.1.0.5"), "node/n2").answered) << host;
    EXPECT_TRUE(lab.send("host/pc", address("10.1.0.4"), "node/n1").answered) << host;
    EXPECT_TRUE(lab.send("host/client", address("203.0.113.9"), "host/web").answered) << host;
  }
  Lab fresh;
  fresh.apply(world.snapshot());
  EXPECT_THAT(difference(fresh.everything(), lab.everything()), IsEmpty());
}

TEST_F(Reconcile, AHostThatIsNotKnownIsAnError) {
  World world;
  fill(world, 1);
  Applier applier;
  base::Result<Applier::Changes> done = applier.apply(compile(world.snapshot()));
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().object, "fabric");
}

TEST_F(Reconcile, TimesAreFit) {
  using Clock = std::chrono::steady_clock;
  auto milliseconds = [](Clock::duration time) { return std::chrono::duration<double, std::milli>(time).count(); };
  World world;
  fill(world, 4);
  Lab lab;
  lab.make_hosts(world.snapshot());
  auto start = Clock::now();
  Desired desired = compile(world.snapshot());
  double compiled = milliseconds(Clock::now() - start);
  start = Clock::now();
  ASSERT_TRUE(lab.applier().apply(desired).ok());
  double first = milliseconds(Clock::now() - start);
  std::vector<double> later;
  for (int i = 0; i < 20; ++i) {
    auto pod = fabric::testing::object<model::Pod>(model::Kind::Pod, "p" + std::to_string(i));
    pod->spec.node_name = "n1";
    pod->pinned_addresses = addresses({("10.1.15." + std::to_string(10 + i)).c_str()});
    world.add(pod);
    model::Snapshot snapshot = world.snapshot();
    start = Clock::now();
    ASSERT_TRUE(lab.applier().apply(compile(snapshot)).ok());
    later.push_back(milliseconds(Clock::now() - start));
  }
  std::sort(later.begin(), later.end());
  std::printf("4 nodes: compile %.2f ms, first apply %.1f ms, one more pod (compiled and applied) %.2f ms\n", compiled,
              first, later[later.size() / 2]);
}

}  // namespace
}  // namespace bailey::fabric::sys
