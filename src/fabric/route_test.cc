#include "fabric/route.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fabric/objects_for_test.h"

namespace bailey::fabric {
namespace {

using model::NextHopType;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;
using testing::World;

// "Default 10.0.0.0/16 VnetLocal", with a minus before inactive ones.
std::vector<std::string> lines(const std::vector<EffectiveRoute>& routes, model::Family family = model::Family::v4) {
  std::vector<std::string> out;
  for (const EffectiveRoute& route : routes) {
    if (route.prefix.family() != family) continue;
    std::string line = route.active ? "" : "- ";
    line += std::string(name(route.source)) + " " + route.prefix.text() + " " + std::string(name(route.next_hop_type));
    if (route.next_hop_address) line += " " + route.next_hop_address->text();
    if (!route.name.empty()) line += " " + route.name;
    out.push_back(line);
  }
  return out;
}

TEST(EffectiveRoutes, OfAVnetAlone) {
  World world;
  world.subnet(world.vnet("one", {"10.0.0.0/16"}), "a", {"10.0.0.0/24"});
  auto routes = effective_routes(world.snapshot(), {"one", "a"});
  EXPECT_THAT(lines(routes),
              ElementsAre("Default 0.0.0.0/0 Internet", "Default 10.0.0.0/8 None", "Default 10.0.0.0/16 VnetLocal",
                          "Default 100.64.0.0/10 None", "Default 172.16.0.0/12 None", "Default 192.168.0.0/16 None"));
  EXPECT_THAT(lines(routes, model::Family::v6), ElementsAre("Default ::/0 Internet", "Default fc00::/7 None"));
}

TEST(EffectiveRoutes, OfAMissingSubnetAreEmpty) {
  World world;
  world.vnet("one", {"10.0.0.0/16"});
  EXPECT_TRUE(effective_routes(world.snapshot(), {"one", "a"}).empty());
  EXPECT_TRUE(effective_routes(world.snapshot(), {"two", "a"}).empty());
}

// The routing example of the Azure page: VNet 1 with two subnets, VNet 2 with two ranges, a VPN gateway.
class AzureExample : public ::testing::Test {
 protected:
  AzureExample() {
    auto& one = world.vnet("one", {"10.0.0.0/16"});
    world.subnet(one, "subnet1", {"10.0.0.0/24"}).route_table = "subnet1";
    world.subnet(one, "subnet2", {"10.0.1.0/24"});
    world.subnet(one, "GatewaySubnet", {"10.0.255.0/27"});
    world.vnet("two", {"10.1.0.0/16", "10.2.0.0/16"});
    world.peer("one", "two");
    world.on_premises("office", {"10.10.0.0/16"});
    world.gateway("one", "office");
    auto& table = world.table("subnet1");
    world.route(table, "10.0.0.0/16", NextHopType::virtual_appliance, "10.0.100.4");
    world.route(table, "10.0.0.0/24", NextHopType::vnet_local);
    world.route(table, "10.1.0.0/16", NextHopType::none);
    world.route(table, "10.2.0.0/16", NextHopType::none);
    world.route(table, "10.10.0.0/16", NextHopType::virtual_appliance, "10.0.100.4");
    world.route(table, "0.0.0.0/0", NextHopType::virtual_appliance, "10.0.100.4");
  }
  World world;
};

TEST_F(AzureExample, Subnet1) {
  EXPECT_THAT(lines(effective_routes(world.snapshot(), {"one", "subnet1"})),
              ElementsAre("User 0.0.0.0/0 VirtualAppliance 10.0.100.4 r5", "- Default 0.0.0.0/0 Internet",
                          "User 10.0.0.0/16 VirtualAppliance 10.0.100.4 r0", "- Default 10.0.0.0/16 VnetLocal",
                          "User 10.0.0.0/24 VnetLocal r1", "User 10.1.0.0/16 None r2",
                          "- Default 10.1.0.0/16 VNetPeering", "User 10.2.0.0/16 None r3",
                          "- Default 10.2.0.0/16 VNetPeering", "User 10.10.0.0/16 VirtualAppliance 10.0.100.4 r4",
                          "- VirtualNetworkGateway 10.10.0.0/16 VirtualNetworkGateway"));
}

TEST_F(AzureExample, Subnet2) {
  auto routes = effective_routes(world.snapshot(), {"one", "subnet2"});
  EXPECT_THAT(lines(routes),
              ElementsAre("Default 0.0.0.0/0 Internet", "Default 10.0.0.0/8 None", "Default 10.0.0.0/16 VnetLocal",
                          "Default 10.1.0.0/16 VNetPeering", "Default 10.2.0.0/16 VNetPeering",
                          "VirtualNetworkGateway 10.10.0.0/16 VirtualNetworkGateway", "Default 100.64.0.0/10 None",
                          "Default 172.16.0.0/12 None", "Default 192.168.0.0/16 None"));
  EXPECT_EQ(longest_match(routes, testing::address("10.2.3.4"))->object.text(), "NetworkPeering/one-to-two");
  EXPECT_EQ(longest_match(routes, testing::address("10.10.3.4"))->object.text(), "GatewayConnection/to-office");
}

TEST(EffectiveRoutes, AReservedRangeThatTheSpaceIsOrIncludesIsNoLongerNone) {
  World world;
  world.subnet(world.vnet("same", {"10.0.0.0/8"}), "a", {"10.0.0.0/24"});
  world.subnet(world.vnet("wider", {"172.0.0.0/8"}), "a", {"172.16.0.0/24"});
  world.subnet(world.vnet("six", {"fc00::/6"}), "a", {"fd00::/64"});
  EXPECT_THAT(lines(effective_routes(world.snapshot(), {"same", "a"})), Contains("Default 10.0.0.0/8 VnetLocal"));
  EXPECT_THAT(lines(effective_routes(world.snapshot(), {"same", "a"})), Not(Contains("Default 10.0.0.0/8 None")));
  EXPECT_THAT(lines(effective_routes(world.snapshot(), {"wider", "a"})), Not(Contains("Default 172.16.0.0/12 None")));
  EXPECT_THAT(lines(effective_routes(world.snapshot(), {"wider", "a"})), Contains("Default 192.168.0.0/16 None"));
  EXPECT_THAT(lines(effective_routes(world.snapshot(), {"six", "a"}), model::Family::v6),
              Not(Contains("Default fc00::/7 None")));
}

TEST(EffectiveRoutes, PeersNeedBothDirectionsAndAccess) {
  World world;
  world.subnet(world.vnet("one", {"10.0.0.0/16"}), "a", {"10.0.0.0/24"});
  world.vnet("two", {"10.1.0.0/16"});
  world.one_way("one", "two");
  EXPECT_THAT(lines(effective_routes(world.snapshot(), {"one", "a"})),
              Not(Contains("Default 10.1.0.0/16 VNetPeering")));
  auto& back = world.one_way("two", "one");
  EXPECT_THAT(lines(effective_routes(world.snapshot(), {"one", "a"})), Contains("Default 10.1.0.0/16 VNetPeering"));
  back.allow_virtual_network_access = false;  // the other side's flag
  EXPECT_THAT(lines(effective_routes(world.snapshot(), {"one", "a"})), Contains("Default 10.1.0.0/16 VNetPeering"));
  world.one_way("one", "two").allow_virtual_network_access = false;
  EXPECT_THAT(lines(effective_routes(world.snapshot(), {"one", "a"})),
              Not(Contains("Default 10.1.0.0/16 VNetPeering")));
}

class Transit : public ::testing::Test {
 protected:
  Transit() {
    world.subnet(world.vnet("hub", {"10.0.0.0/16"}), "GatewaySubnet", {"10.0.255.0/27"});
    world.subnet(world.vnet("spoke", {"10.1.0.0/16"}), "a", {"10.1.0.0/24"}).route_table = "t";
    auto both = world.peer("hub", "spoke");
    lends = both.first;
    uses = both.second;
    lends->allow_gateway_transit = uses->use_remote_gateways = true;
    world.on_premises("office", {"192.168.0.0/16"});
    connection = &world.gateway("hub", "office");
    table = &world.table("t");
  }
  std::vector<std::string> spoke() { return lines(effective_routes(world.snapshot(), {"spoke", "a"})); }
  const std::string office = "VirtualNetworkGateway 192.168.0.0/16 VirtualNetworkGateway";
  World world;
  model::NetworkPeering* lends;
  model::NetworkPeering* uses;
  model::GatewayConnection* connection;
  model::RouteTable* table;
};

TEST_F(Transit, BringsTheRoutesAndBeatsTheReservedRange) {
  EXPECT_THAT(spoke(), Contains(office));
  EXPECT_THAT(spoke(), Contains("- Default 192.168.0.0/16 None"));
}

TEST_F(Transit, NeedsBothFlags) {
  lends->allow_gateway_transit = false;
  EXPECT_THAT(spoke(), Not(Contains(office)));
  lends->allow_gateway_transit = true;
  uses->use_remote_gateways = false;
  EXPECT_THAT(spoke(), Not(Contains(office)));
}

TEST_F(Transit, PropagationCanBeOff) {
  table->disable_gateway_route_propagation = true;
  EXPECT_THAT(spoke(), Not(Contains(office)));
}

TEST_F(Transit, AVnetWithItsOwnGatewayUsesNoRemoteOne) {
  world.on_premises("branch", {"192.168.7.0/24"});
  world.gateway("spoke", "branch");
  EXPECT_THAT(spoke(), Not(Contains(office)));
  EXPECT_THAT(spoke(), Contains("VirtualNetworkGateway 192.168.7.0/24 VirtualNetworkGateway"));
}

TEST_F(Transit, RoutesOfTheConnectionReplaceTheSpace) {
  connection->routes = testing::prefixes({"192.168.5.0/24", "10.1.7.0/24"});
  EXPECT_THAT(spoke(), Not(Contains(office)));
  EXPECT_THAT(spoke(), Contains("VirtualNetworkGateway 192.168.5.0/24 VirtualNetworkGateway"));
  // More specific than the VNet's own route, and still not preferred.
  EXPECT_THAT(spoke(), Contains("- VirtualNetworkGateway 10.1.7.0/24 VirtualNetworkGateway"));
  auto routes = effective_routes(world.snapshot(), {"spoke", "a"});
  EXPECT_EQ(longest_match(routes, testing::address("10.1.7.4"))->next_hop_type, NextHopType::vnet_local);
}

TEST_F(Transit, ExpressRouteComesBeforeVpn) {
  auto& circuit = world.add(testing::object<model::GatewayConnection>(model::Kind::GatewayConnection, "zz-circuit"));
  circuit.gateway = "gw-hub";
  circuit.on_premises_network = "office";
  circuit.type = model::GatewayType::express_route;
  auto routes = effective_routes(world.snapshot(), {"spoke", "a"});
  EXPECT_EQ(longest_match(routes, testing::address("192.168.1.1"))->object.name, "zz-circuit");
}

}  // namespace
}  // namespace bailey::fabric
