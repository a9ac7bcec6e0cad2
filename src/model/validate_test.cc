#include "model/validate.h"

#include <gtest/gtest.h>

namespace bailey::model {
namespace {

template <typename T>
std::shared_ptr<T> make(Kind kind, const std::string& name) {
  auto object = std::make_shared<T>();
  object->meta.kind = kind;
  object->meta.name = name;
  return object;
}

template <typename T>
AnyObject any(std::shared_ptr<T> object) {
  return std::shared_ptr<const T>(std::move(object));
}

std::shared_ptr<VirtualNetwork> vnet(const std::string& name, const char* space) {
  auto out = make<VirtualNetwork>(Kind::VirtualNetwork, name);
  out->address_space = {*Prefix::parse(space)};
  out->subnets = {{"a", {Prefix(out->address_space[0].address(), 24)}, "", "", ""}};
  return out;
}

std::shared_ptr<NetworkPeering> peering(const std::string& from, const std::string& to, bool remote = false) {
  auto out = make<NetworkPeering>(Kind::NetworkPeering, from + "-" + to);
  out->from = from;
  out->to = to;
  out->use_remote_gateways = remote;
  return out;
}

std::shared_ptr<NetworkInterface> nic(const std::string& name, const std::string& in, const char* address) {
  auto out = make<NetworkInterface>(Kind::NetworkInterface, name);
  out->subnet = {in, "a"};
  out->addresses = {*Address::parse(address)};
  return out;
}

std::vector<std::string> found(std::vector<AnyObject> objects) {
  std::vector<std::string> out;
  for (const InputError& error : validate(snapshot_of(std::move(objects))))
    out.push_back(error.code + " " + error.object + " " + error.field);
  return out;
}

using Strings = std::vector<std::string>;

TEST(Validate, ObjectsWithoutAFileAreNamedByTheirFields) {
  std::vector<InputError> errors = validate(snapshot_of({any(vnet("hub", "10.0.0.0/16")), any(peering("hub", "hob"))}));
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].file, "");
  EXPECT_EQ(errors[0].position, Position{});
  EXPECT_EQ(errors[0].object, "NetworkPeering/hub-hob");
  EXPECT_EQ(errors[0].field, "spec.to");
  EXPECT_EQ(errors[0].mend.args, Strings{"hub"});
}

TEST(Validate, EqualAddressesMatterWithinANetworkOnly) {
  auto hub = vnet("hub", "10.0.0.0/16");
  auto far = vnet("far", "10.0.0.0/16");
  EXPECT_EQ(found({any(hub), any(far), any(nic("x", "hub", "10.0.0.4")), any(nic("y", "far", "10.0.0.4"))}), Strings{});
  EXPECT_EQ(found({any(hub), any(nic("x", "hub", "10.0.0.4")), any(nic("y", "hub", "10.0.0.4"))}),
            Strings{"duplicate-address NetworkInterface/y spec.addresses[0]"});
}

TEST(Validate, ANodeMayHaveTheAddressOfTheInterfaceThatOverridesItsOwn) {
  auto cluster = make<Cluster>(Kind::Cluster, "c");
  cluster->subnet = {"hub", "a"};
  auto node = make<Node>(Kind::Node, "n");
  node->addresses = {*Address::parse("10.0.0.4")};
  auto its = nic("x", "hub", "10.0.0.4");
  its->node = "n";
  EXPECT_EQ(found({any(vnet("hub", "10.0.0.0/16")), any(cluster), any(node), any(its)}), Strings{});
  its = nic("x", "hub", "10.0.0.4");
  EXPECT_EQ(found({any(vnet("hub", "10.0.0.0/16")), any(cluster), any(node), any(its)}),
            Strings{"duplicate-address Node/n status.addresses"});
}

TEST(Validate, AnOverlapIsReportedOnceForAPairOfPeers) {
  EXPECT_EQ(found({any(vnet("a", "10.0.0.0/16")), any(vnet("b", "10.0.128.0/17")), any(peering("a", "b")),
                   any(peering("b", "a"))}),
            Strings{"overlap NetworkPeering/a-b spec.to"});
}

TEST(Validate, RemoteGatewaysNeedANetworkWithoutItsOwn) {
  auto gateway = make<NetworkGateway>(Kind::NetworkGateway, "gw");
  auto a = vnet("a", "10.0.0.0/16");
  a->subnets.push_back({"GatewaySubnet", {*Prefix::parse("10.0.1.0/24")}, "", "", ""});
  gateway->subnet = {"a", "GatewaySubnet"};
  EXPECT_EQ(found({any(a), any(vnet("b", "10.1.0.0/16")), any(gateway), any(peering("a", "b", true))}),
            Strings{"not-allowed NetworkPeering/a-b spec.useRemoteGateways"});
  EXPECT_EQ(found({any(a), any(vnet("b", "10.1.0.0/16")), any(vnet("c", "10.2.0.0/16")), any(peering("a", "b", true)),
                   any(peering("a", "c", true))}),
            Strings{"not-allowed NetworkPeering/a-c spec.useRemoteGateways"});
}

TEST(Validate, AnInterfaceHasOneOwner) {
  auto one = make<LabHost>(Kind::LabHost, "one");
  one->network = LabHost::Network::interfaces;
  one->interfaces = {"x"};
  auto two = make<LabHost>(Kind::LabHost, "two");
  two->network = LabHost::Network::interfaces;
  two->interfaces = {"x"};
  EXPECT_EQ(found({any(vnet("hub", "10.0.0.0/16")), any(nic("x", "hub", "10.0.0.4")), any(one), any(two)}),
            Strings{"duplicate-owner LabHost/two spec.networkInterfaces[0]"});
}

TEST(Validate, AppliancesThatNobodyOwnsAndDockerBridgesAreNoErrors) {
  auto table = make<RouteTable>(Kind::RouteTable, "t");
  table->routes = {{"r", Prefix::any(Family::v4), NextHopType::virtual_appliance, Address::parse("10.0.0.99")}};
  auto cluster = make<Cluster>(Kind::Cluster, "c");
  cluster->subnet = {"hub", "a"};
  cluster->docker_bridge_cidr = Prefix::parse("10.0.0.0/16");
  EXPECT_EQ(found({any(vnet("hub", "10.0.0.0/16")), any(table), any(cluster)}), Strings{});
}

}  // namespace
}  // namespace bailey::model
