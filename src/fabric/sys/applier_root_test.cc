// Real packets through the fabric.
#include "fabric/sys/applier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <random>

#include "fabric/objects_for_test.h"
#include "fabric/sys/lab_for_test.h"

namespace bailey::fabric::sys {
namespace {

using fabric::testing::address;
using fabric::testing::addresses;
using fabric::testing::World;
using model::NextHopType;
using testing::Delivery;
using testing::Lab;

const Delivery lost{};
Delivery answered(const char* source) { return {true, true, address(source)}; }

class Fabric : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: makes network namespaces";
  }
  void apply() { changes = lab.apply(world.snapshot()); }
  Delivery send(const std::string& from, const char* to, const std::string& at, const char* source = "") {
    return lab.send(from, address(to), at, *source ? std::optional(address(source)) : std::nullopt);
  }
  World world;
  Lab lab;
  Applier::Changes changes;
};

TEST_F(Fabric, SubnetsOfOneVnetReachEachOtherInBothFamilies) {
  auto& one = world.vnet("one", {"10.0.0.0/16", "fd00:1::/48"});
  world.subnet(one, "a", {"10.0.0.0/24", "fd00:1:0:a::/64"});
  world.subnet(one, "b", {"10.0.1.0/24", "fd00:1:0:b::/64"});
  world.host("x", "one/a", {"10.0.0.4", "fd00:1:0:a::4"});
  world.host("y", "one/a", {"10.0.0.5", "fd00:1:0:a::5"});
  world.host("z", "one/b", {"10.0.1.4", "fd00:1:0:b::4"});
  world.host("four", "one/b", {"10.0.1.5"});
  world.host("six", "one/b", {"fd00:1:0:b::6"});
  apply();
  EXPECT_EQ(send("host/x", "10.0.0.5", "host/y"), answered("10.0.0.4"));
  EXPECT_EQ(send("host/x", "10.0.1.4", "host/z"), answered("10.0.0.4"));
  EXPECT_EQ(send("host/x", "fd00:1:0:a::5", "host/y"), answered("fd00:1:0:a::4"));
  EXPECT_EQ(send("host/z", "fd00:1:0:a::4", "host/x"), answered("fd00:1:0:b::4"));
  EXPECT_EQ(send("host/four", "10.0.0.4", "host/x"), answered("10.0.1.5"));
  EXPECT_EQ(send("host/six", "fd00:1:0:a::4", "host/x"), answered("fd00:1:0:b::6"));
  EXPECT_EQ(send("host/x", "10.0.0.77", "host/y"), lost);
}

TEST_F(Fabric, PodsAreReachedThroughTheirNode) {
  auto& one = world.vnet("one", {"10.0.0.0/16", "fd00:1::/48"});
  world.subnet(one, "nodes", {"10.0.0.0/24", "fd00:1::/64"});
  world.node("n1", "one/nodes", {"10.0.0.4", "fd00:1::4"}, {"10.0.0.16-10.0.0.45", "fd00:1::1:0/112"});
  world.node("n2", "one/nodes", {"10.0.0.5", "fd00:1::5"}, {"10.0.0.46-10.0.0.75", "fd00:1::2:0/112"});
  world.host("x", "one/nodes", {"10.0.0.200", "fd00:1::200"});
  apply();
  lab.add_pod("p1", "node/n1", addresses({"10.0.0.17", "fd00:1::1:7"}));
  lab.add_pod("p2", "node/n2", addresses({"10.0.0.75", "fd00:1::2:7"}));
  lab.add_pod("p3", "node/n1", addresses({"10.0.0.45"}));
  for (const char* from : {"p1", "host/x", "node/n1", "p3"}) {
    const char* source = from == std::string("p1")       ? "10.0.0.17"
                         : from == std::string("host/x") ? "10.0.0.200"
                         : from == std::string("p3")     ? "10.0.0.45"
                                                         : "10.0.0.4";
    EXPECT_EQ(send(from, "10.0.0.75", "p2"), answered(source)) << from;
  }
  EXPECT_EQ(send("p1", "10.0.0.45", "p3"), answered("10.0.0.17"));
  EXPECT_EQ(send("p1", "fd00:1::2:7", "p2"), answered("fd00:1::1:7"));
  EXPECT_EQ(send("p1", "fd00:1::200", "host/x"), answered("fd00:1::1:7"));
  EXPECT_EQ(send("host/x", "fd00:1::1:7", "p1"), answered("fd00:1::200"));
  EXPECT_EQ(lab.dropped("source-check", ""), 0u);
}

class Peering : public Fabric {
 protected:
  Peering() {
    for (const char* name : {"a", "b", "c"}) {
      std::string third(1, static_cast<char>('0' + name[0] - 'a'));
      auto& vnet = world.vnet(name, {("10." + third + ".0.0/16").c_str(), ("fd00:" + third + "::/48").c_str()});
      vnets[name] = &vnet;
      subnets[name] =
          &world.subnet(vnet, "s", {("10." + third + ".0.0/24").c_str(), ("fd00:" + third + "::/64").c_str()});
      world.host(name, std::string(name) + "/s", {("10." + third + ".0.4").c_str(), ("fd00:" + third + "::4").c_str()});
    }
  }
  model::VirtualNetwork* vnet(const std::string& name) { return vnets.at(name); }
  std::map<std::string, model::Subnet*> subnets;
  std::map<std::string, model::VirtualNetwork*> vnets;
};

TEST_F(Peering, SeesTheOwnSource) {
  world.peer("a", "b");
  apply();
  EXPECT_EQ(send("host/a", "10.1.0.4", "host/b"), answered("10.0.0.4"));
  EXPECT_EQ(send("host/b", "10.0.0.4", "host/a"), answered("10.1.0.4"));
  EXPECT_EQ(send("host/a", "fd00:1::4", "host/b"), answered("fd00:0::4"));
}

TEST_F(Peering, OneDirectionIsNotEnoughAndNothingPassesWithout) {
  world.one_way("a", "b");
  apply();
  EXPECT_EQ(send("host/a", "10.1.0.4", "host/b"), lost);
  EXPECT_EQ(send("host/b", "10.0.0.4", "host/a"), lost);
  EXPECT_EQ(send("host/a", "fd00:1::4", "host/b"), lost);
  EXPECT_GT(lab.dropped("route", "VirtualNetwork/a/subnets/s"), 0u);
}

TEST_F(Peering, IsNotTransitive) {
  world.peer("a", "b");
  world.peer("b", "c");
  apply();
  EXPECT_EQ(send("host/b", "10.2.0.4", "host/c"), answered("10.1.0.4"));
  EXPECT_EQ(send("host/a", "10.2.0.4", "host/c"), lost);
  EXPECT_EQ(send("host/a", "fd00:2::4", "host/c"), lost);
}

TEST_F(Peering, AccessMustBeAllowedByBoth) {
  auto both = world.peer("a", "b");
  both.second->allow_virtual_network_access = false;
  apply();
  EXPECT_EQ(send("host/a", "10.1.0.4", "host/b"), lost);
  EXPECT_EQ(send("host/b", "10.0.0.4", "host/a"), lost);
  both.second->allow_virtual_network_access = true;
  apply();
  EXPECT_EQ(send("host/a", "10.1.0.4", "host/b"), answered("10.0.0.4"));
}

// Spokes a and c reach each other through a firewall in hub b.
class HubAndSpoke : public Peering {
 protected:
  HubAndSpoke() {
    from_a = world.peer("a", "b").first;
    from_c = world.peer("c", "b").first;
    from_a->allow_forwarded_traffic = from_c->allow_forwarded_traffic = true;
    firewall = &world.host("fw", "b/s", {"10.1.0.10", "fd00:1::10"});
    firewall->ip_forwarding = true;
    for (const char* spoke : {"a", "c"}) {
      subnets[spoke]->route_table = spoke;
      auto& table = world.table(spoke);
      world.route(table, spoke[0] == 'a' ? "10.2.0.0/16" : "10.0.0.0/16", NextHopType::virtual_appliance, "10.1.0.10");
      world.route(table, spoke[0] == 'a' ? "fd00:2::/48" : "fd00:0::/48", NextHopType::virtual_appliance, "fd00:1::10");
    }
  }
  model::NetworkPeering* from_a;
  model::NetworkPeering* from_c;
  model::NetworkInterface* firewall;
};

TEST_F(HubAndSpoke, WalksTheApplianceInThePeeredHub) {
  apply();
  std::uint64_t before = lab.forwarded("host/fw");
  EXPECT_EQ(send("host/a", "10.2.0.4", "host/c"), answered("10.0.0.4"));
  EXPECT_EQ(lab.forwarded("host/fw"), before + 2);
  EXPECT_EQ(send("host/a", "fd00:2::4", "host/c"), answered("fd00:0::4"));
  EXPECT_EQ(lab.forwarded("host/fw"), before + 4);
  EXPECT_EQ(send("host/a", "10.1.0.4", "host/b"), answered("10.0.0.4"));  // the hub itself: no route to the appliance
  EXPECT_EQ(lab.forwarded("host/fw"), before + 4);
  EXPECT_EQ(lab.dropped("source-check", ""), 0u);
}

TEST_F(HubAndSpoke, TheReceivingSideMustAllowForwardedTraffic) {
  from_c->allow_forwarded_traffic = false;
  apply();
  EXPECT_EQ(send("host/a", "10.2.0.4", "host/c"), lost);
  EXPECT_GT(lab.dropped("route", "NetworkInterface/fw"), 0u);
  EXPECT_EQ(send("host/b", "10.2.0.4", "host/c"), answered("10.1.0.4"));  // originates in the peer
  from_c->allow_forwarded_traffic = true;
  apply();
  EXPECT_EQ(send("host/a", "10.2.0.4", "host/c"), answered("10.0.0.4"));
}

TEST_F(HubAndSpoke, AnApplianceThatDoesNotForwardTakesNothing) {
  firewall->ip_forwarding = false;
  apply();
  EXPECT_EQ(send("host/a", "10.2.0.4", "host/c"), lost);
  EXPECT_EQ(send("host/a", "10.1.0.10", "host/fw"), answered("10.0.0.4"));
}

TEST_F(HubAndSpoke, AnApplianceThatRoutesToItselfMakesNoLoop) {
  subnets["b"]->route_table = "a";
  apply();
  std::uint64_t before = lab.forwarded("host/fw");
  EXPECT_EQ(send("host/a", "10.2.0.4", "host/c"), lost);
  EXPECT_EQ(lab.forwarded("host/fw"), before + 1);
}

TEST_F(HubAndSpoke, UserRoutesDecideWithinTheVnetToo) {
  world.host("a2", "a/s", {"10.0.0.5"});
  world.route(world.table("again"), "10.0.0.0/16", NextHopType::virtual_appliance, "10.1.0.10");
  subnets["a"]->route_table = "again";
  apply();
  std::uint64_t before = lab.forwarded("host/fw");
  EXPECT_EQ(send("host/a", "10.0.0.5", "host/a2"), answered("10.0.0.4"));
  EXPECT_EQ(lab.forwarded("host/fw"), before + 2);
}

TEST_F(Peering, ARouteToNoneDrops) {
  world.peer("a", "b");
  subnets["a"]->route_table = "t";
  auto& table = world.table("t");
  world.route(table, "10.1.0.4/32", NextHopType::none);
  world.route(table, "fd00:1::/64", NextHopType::none);
  world.host("b2", "b/s", {"10.1.0.5", "fd00:1::5"});
  apply();
  EXPECT_EQ(send("host/a", "10.1.0.4", "host/b"), lost);
  EXPECT_EQ(send("host/a", "10.1.0.5", "host/b2"), answered("10.0.0.4"));
  EXPECT_EQ(send("host/a", "fd00:1::5", "host/b2"), lost);
  EXPECT_EQ(send("host/b", "10.0.0.4", "host/a"), (Delivery{true, false, address("10.1.0.4")}));
}

TEST_F(Peering, ForeignSourcesAreDroppedAndCounted) {
  world.peer("a", "b");
  apply();
  EXPECT_EQ(send("host/a", "10.1.0.4", "host/b", "10.0.0.99"), lost);
  EXPECT_EQ(send("host/a", "10.1.0.4", "host/b", "10.1.0.4"), lost);
  EXPECT_EQ(send("host/a", "fd00:1::4", "host/b", "fd00:0::99"), lost);
  EXPECT_EQ(lab.dropped("source-check", "NetworkInterface/a"), 3u);
  EXPECT_EQ(lab.dropped("source-check", "NetworkInterface/b"), 0u);
}

TEST_F(Fabric, EqualSpacesStandSideBySide) {
  for (const char* name : {"one", "two"}) {
    auto& vnet = world.vnet(name, {"10.0.0.0/16"});
    world.subnet(vnet, "s", {"10.0.0.0/24"});
    vnet.outbound_addresses = addresses({name[0] == 'o' ? "203.0.113.1" : "203.0.113.2"});
    world.host(std::string(name) + "-x", std::string(name) + "/s", {"10.0.0.4"});
    world.host(std::string(name) + "-y", std::string(name) + "/s", {"10.0.0.5"});
  }
  world.host("only", "one/s", {"10.0.0.6"});
  world.internet_host("web", {"198.51.100.7"});
  apply();
  EXPECT_EQ(send("host/one-x", "10.0.0.5", "host/one-y"), answered("10.0.0.4"));
  EXPECT_EQ(send("host/two-x", "10.0.0.5", "host/two-y"), answered("10.0.0.4"));
  EXPECT_EQ(send("host/one-x", "10.0.0.5", "host/two-y"), lost);
  EXPECT_EQ(send("host/two-x", "10.0.0.6", "host/only"), lost);
  EXPECT_EQ(send("host/one-x", "198.51.100.7", "host/web"), answered("203.0.113.1"));
  EXPECT_EQ(send("host/two-x", "198.51.100.7", "host/web"), answered("203.0.113.2"));
}

class OnPremises : public Peering {
 protected:
  OnPremises() {
    world.on_premises("office", {"192.168.0.0/16", "fd00:ff::/48"});
    world.on_premises_host("pc", "office", {"192.168.1.10", "fd00:ff::10"});
    world.on_premises_host("nas", "office", {"192.168.2.10", "fd00:ff::20"});
    connection = &world.gateway("b", "office");
    auto both = world.peer("b", "a");
    both.first->allow_gateway_transit = both.second->use_remote_gateways = true;
    world.peer("b", "c");  // no transit
  }
  model::GatewayConnection* connection;
};

TEST_F(OnPremises, TheGatewayServesItsVnetAndTransitPeersOnly) {
  apply();
  EXPECT_EQ(send("host/pc", "192.168.2.10", "host/nas"), answered("192.168.1.10"));
  EXPECT_EQ(send("host/b", "192.168.1.10", "host/pc"), answered("10.1.0.4"));
  EXPECT_EQ(send("host/pc", "10.1.0.4", "host/b"), answered("192.168.1.10"));
  EXPECT_EQ(send("host/a", "192.168.1.10", "host/pc"), answered("10.0.0.4"));
  EXPECT_EQ(send("host/pc", "10.0.0.4", "host/a"), answered("192.168.1.10"));
  EXPECT_EQ(send("host/c", "192.168.1.10", "host/pc"), lost);
  EXPECT_EQ(send("host/pc", "10.2.0.4", "host/c"), lost);
  EXPECT_EQ(send("host/a", "fd00:ff::10", "host/pc"), answered("fd00:0::4"));
  EXPECT_EQ(send("host/pc", "fd00:1::4", "host/b"), answered("fd00:ff::10"));
  EXPECT_EQ(send("host/a", "192.168.77.7", "host/pc"), lost);
}

TEST_F(OnPremises, PropagationOffMeansNoRoute) {
  subnets["a"]->route_table = "t";
  auto& table = world.table("t");
  table.disable_gateway_route_propagation = true;
  apply();
  EXPECT_EQ(send("host/a", "192.168.1.10", "host/pc"), lost);
  world.route(table, "192.168.1.0/24", NextHopType::virtual_network_gateway);  // the user may still send it there
  apply();
  EXPECT_EQ(send("host/a", "192.168.1.10", "host/pc"), answered("10.0.0.4"));
  EXPECT_EQ(send("host/a", "192.168.2.10", "host/nas"), lost);
}

TEST_F(OnPremises, ARouteTableOfTheGatewaySubnetLeadsThroughAnAppliance) {
  world.subnet(*vnet("b"), "GatewaySubnet", {"10.1.255.0/27"}).route_table = "in";
  world.route(world.table("in"), "10.1.0.4/32", NextHopType::virtual_appliance, "10.1.0.10");
  world.host("fw", "b/s", {"10.1.0.10"}).ip_forwarding = true;
  apply();
  std::uint64_t before = lab.forwarded("host/fw");
  EXPECT_EQ(send("host/pc", "10.1.0.4", "host/b"), answered("192.168.1.10"));
  EXPECT_EQ(lab.forwarded("host/fw"), before + 1);  // the answer takes the gateway's own route
}

TEST_F(OnPremises, SourcesOutsideOfTheConnectionAreDropped) {
  connection->routes = fabric::testing::prefixes({"192.168.1.0/24"});
  apply();
  EXPECT_EQ(send("host/pc", "10.1.0.4", "host/b"), answered("192.168.1.10"));
  EXPECT_EQ(send("host/nas", "10.1.0.4", "host/b"), lost);
  EXPECT_EQ(lab.dropped("source-check", "GatewayConnection/to-office"), 1u);
}

class Internet : public Peering {
 protected:
  Internet() {
    vnet("a")->outbound_addresses = addresses({"203.0.113.1", "2001:db8:aaaa::1"});
    vnet("b")->outbound_addresses = addresses({"203.0.113.2"});
    open = &world.host("open", "a/s", {"10.0.0.5", "fd00:0::5"});
    open->public_address = address("203.0.113.50");
    world.internet_host("web", {"198.51.100.7", "2001:db8:1::7"});
    world.internet_host("client", {"198.51.100.8", "2001:db8:1::8"});
  }
  model::NetworkInterface* open;
};

TEST_F(Internet, SeesThePublicOrTheOutboundAddress) {
  apply();
  EXPECT_EQ(send("host/client", "198.51.100.7", "host/web"), answered("198.51.100.8"));
  EXPECT_EQ(send("host/a", "198.51.100.7", "host/web"), answered("203.0.113.1"));
  EXPECT_EQ(send("host/a", "2001:db8:1::7", "host/web"), answered("2001:db8:aaaa::1"));
  EXPECT_EQ(send("host/open", "198.51.100.7", "host/web"), answered("203.0.113.50"));
  EXPECT_EQ(send("host/open", "2001:db8:1::7", "host/web"), answered("2001:db8:aaaa::1"));
  EXPECT_EQ(send("host/b", "198.51.100.7", "host/web"), answered("203.0.113.2"));
  EXPECT_EQ(send("host/b", "2001:db8:1::7", "host/web"), lost);  // no outbound address of that family
  EXPECT_EQ(send("host/c", "198.51.100.7", "host/web"), lost);
  EXPECT_GE(lab.dropped("no-public-address", ""), 2u);
}

TEST_F(Internet, ComesInByPublicAddressesOnly) {
  apply();
  EXPECT_EQ(send("host/client", "203.0.113.50", "host/open"), answered("198.51.100.8"));
  EXPECT_EQ(send("host/client", "10.0.0.5", "host/open"), lost);
  EXPECT_EQ(send("host/client", "203.0.113.1", "host/a"), lost);
  // Another VNet reaches it by its public address too, and is seen with its own.
  EXPECT_EQ(send("host/b", "203.0.113.50", "host/open"), answered("203.0.113.2"));
}

TEST_F(Internet, PodsGoOutWithTheirNodesAddress) {
  world.node("n1", "a/s", {"10.0.0.20"}, {"10.0.0.32/28"}).external_addresses = addresses({"203.0.113.60"});
  apply();
  lab.add_pod("p1", "node/n1", addresses({"10.0.0.33"}));
  EXPECT_EQ(send("p1", "198.51.100.7", "host/web"), answered("203.0.113.60"));
  EXPECT_EQ(send("node/n1", "198.51.100.7", "host/web"), answered("203.0.113.60"));
}

TEST_F(Internet, GoesThroughTheApplianceInBothDirections) {
  auto both = world.peer("a", "b");
  both.first->allow_forwarded_traffic = true;
  world.host("fw", "b/s", {"10.1.0.10"}).ip_forwarding = true;
  subnets["a"]->route_table = "t";
  world.route(world.table("t"), "0.0.0.0/0", NextHopType::virtual_appliance, "10.1.0.10");
  apply();
  std::uint64_t before = lab.forwarded("host/fw");
  EXPECT_EQ(send("host/a", "198.51.100.7", "host/web"), answered("203.0.113.2"));
  EXPECT_EQ(lab.forwarded("host/fw"), before + 2);
  EXPECT_EQ(send("host/fw", "198.51.100.7", "host/web"), answered("203.0.113.2"));
}

// Azure: with a default route to an appliance, a subnet is no longer reached from the Internet directly.
TEST_F(Internet, RepliesDoNotLeaveThroughAnAppliance) {
  world.subnet(*vnets["a"], "fw", {"10.0.9.0/24"});
  world.host("fw", "a/fw", {"10.0.9.4"}).ip_forwarding = true;
  subnets["a"]->route_table = "t";
  world.route(world.table("t"), "0.0.0.0/0", NextHopType::virtual_appliance, "10.0.9.4");
  apply();
  EXPECT_EQ(send("host/client", "203.0.113.50", "host/open"), (Delivery{true, false, address("198.51.100.8")}));
  EXPECT_EQ(lab.dropped("asymmetric", ""), 1u);
  EXPECT_EQ(send("host/a", "198.51.100.7", "host/web"), answered("203.0.113.1")) << "what it begins itself passes";
  EXPECT_EQ(lab.dropped("asymmetric", ""), 1u);
}

TEST_F(Internet, ARouteToTheInternetGoesThereAndNoneDoesNot) {
  subnets["a"]->route_table = "t";
  auto& table = world.table("t");
  world.route(table, "0.0.0.0/0", NextHopType::none);
  world.route(table, "198.51.100.7/32", NextHopType::internet);
  apply();
  EXPECT_EQ(send("host/a", "198.51.100.7", "host/web"), answered("203.0.113.1"));
  EXPECT_EQ(send("host/a", "198.51.100.8", "host/client"), lost);
  EXPECT_EQ(send("host/client", "203.0.113.50", "host/open"), (Delivery{true, false, address("198.51.100.8")}));
}

TEST_F(Internet, OnPremisesDoesNotGoThroughTheVnet) {
  world.on_premises("office", {"192.168.0.0/16"});
  world.on_premises_host("pc", "office", {"192.168.1.10"});
  world.gateway("a", "office");
  apply();
  EXPECT_EQ(send("host/pc", "10.0.0.4", "host/a"), answered("192.168.1.10"));
  EXPECT_EQ(send("host/pc", "198.51.100.7", "host/web"), lost);
}

TEST_F(Fabric, KubenetPodsAreReachedByUserRoutesThroughTheirNodes) {
  auto& one = world.vnet("one", {"10.0.0.0/16"});
  one.outbound_addresses = addresses({"203.0.113.1"});
  world.subnet(one, "nodes", {"10.0.0.0/24"}).route_table = "pods";
  auto& table = world.table("pods");
  world.route(table, "10.244.1.0/24", NextHopType::virtual_appliance, "10.0.0.4");
  world.route(table, "10.244.2.0/24", NextHopType::virtual_appliance, "10.0.0.5");
  auto& cluster = world.add(fabric::testing::object<model::Cluster>(model::Kind::Cluster, "dev"));
  cluster.network_model = model::NetworkModel::kubenet;
  world.node("n1", "one/nodes", {"10.0.0.4"}, {}).cluster = "dev";
  world.node("n2", "one/nodes", {"10.0.0.5"}, {}).cluster = "dev";
  world.host("x", "one/nodes", {"10.0.0.9"});
  world.internet_host("web", {"198.51.100.7"});
  apply();
  lab.add_pod("p1", "node/n1", addresses({"10.244.1.5"}));
  lab.add_pod("p2", "node/n2", addresses({"10.244.2.5"}));
  EXPECT_EQ(send("p1", "10.244.2.5", "p2"), answered("10.244.1.5"));
  EXPECT_EQ(send("p1", "10.0.0.9", "host/x"), answered("10.244.1.5"));
  EXPECT_EQ(send("host/x", "10.244.2.5", "p2"), answered("10.0.0.9"));
  EXPECT_EQ(send("p1", "198.51.100.7", "host/web"), answered("203.0.113.1"));
  EXPECT_EQ(send("node/n2", "198.51.100.7", "host/web"), answered("203.0.113.1"));
}

TEST_F(Fabric, FurtherInterfacesAnswerFromThemselves) {
  auto& one = world.vnet("one", {"10.0.0.0/16", "fd00:1::/48"});
  world.subnet(one, "front", {"10.0.0.0/24", "fd00:1:0:a::/64"});
  world.subnet(one, "back", {"10.0.1.0/24", "fd00:1:0:b::/64"});
  auto& both = world.add(fabric::testing::object<model::LabHost>(model::Kind::LabHost, "both"));
  both.network = model::LabHost::Network::interfaces;
  both.interfaces = {"nic1", "nic0"};
  world.nic("nic0", "one/back", {"10.0.1.4", "fd00:1:0:b::4"});
  world.nic("nic1", "one/front", {"10.0.0.4", "fd00:1:0:a::4"});
  world.host("x", "one/front", {"10.0.0.9", "fd00:1:0:a::9"});
  apply();
  EXPECT_EQ(send("host/x", "10.0.0.4", "host/both"), answered("10.0.0.9"));
  EXPECT_EQ(send("host/both", "10.0.0.9", "host/x"), answered("10.0.0.4"));
  EXPECT_EQ(send("host/both", "10.0.0.9", "host/x", "10.0.1.4"), answered("10.0.1.4"));
  EXPECT_EQ(send("host/both", "fd00:1:0:a::9", "host/x", "fd00:1:0:b::4"), answered("fd00:1:0:b::4"));
  EXPECT_EQ(lab.dropped("source-check", ""), 0u);
}

}  // namespace
}  // namespace bailey::fabric::sys
