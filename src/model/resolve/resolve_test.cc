#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/resolve/interfaces.h"
#include "model/resolve/peering.h"

namespace bailey::model::resolve {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

template <typename T>
std::shared_ptr<T> object(Kind kind, const std::string& name, const std::string& ns = "") {
  auto out = std::make_shared<T>();
  out->meta.kind = kind;
  out->meta.name = name;
  out->meta.ns = ns;
  return out;
}

Address address(const char* text) { return *Address::parse(text); }

std::shared_ptr<NetworkPeering> peering(const std::string& name, const std::string& from, const std::string& to) {
  auto out = object<NetworkPeering>(Kind::NetworkPeering, name);
  out->from = from;
  out->to = to;
  return out;
}

template <typename T>
std::shared_ptr<const T> done(std::shared_ptr<T> row) {
  return row;
}

class Peerings : public testing::Test {
 protected:
  Snapshot snapshot(std::vector<std::shared_ptr<NetworkPeering>> rows) {
    std::vector<AnyObject> all;
    for (const char* name : {"a", "b", "c"}) all.emplace_back(done(object<VirtualNetwork>(Kind::VirtualNetwork, name)));
    for (auto& row : rows) all.emplace_back(done(row));
    return snapshot_of(all);
  }
};

TEST_F(Peerings, NeedBothDirections) {
  auto there = peering("there", "a", "b");
  Snapshot one = snapshot({there});
  EXPECT_EQ(state(one, *there), PeeringState::initiated);
  EXPECT_THAT(connected_peers(one, "a"), IsEmpty());
  EXPECT_THAT(connected_peers(one, "b"), IsEmpty());
  Snapshot both = snapshot({there, peering("back", "b", "a")});
  EXPECT_EQ(state(both, *there), PeeringState::connected);
  ASSERT_EQ(connected_peers(both, "a").size(), 1u);
  EXPECT_EQ(connected_peers(both, "a")[0].vnet, "b");
  EXPECT_EQ(connected_peers(both, "b")[0].vnet, "a");
}

TEST_F(Peerings, AreNotTransitiveAndAscendByPeer) {
  Snapshot chain =
      snapshot({peering("1", "b", "c"), peering("2", "c", "b"), peering("3", "a", "b"), peering("4", "b", "a")});
  ASSERT_EQ(connected_peers(chain, "a").size(), 1u);
  ASSERT_EQ(connected_peers(chain, "b").size(), 2u);
  EXPECT_EQ(connected_peers(chain, "b")[0].vnet, "a");
  EXPECT_EQ(connected_peers(chain, "b")[1].vnet, "c");
}

TEST_F(Peerings, WithItselfOrWithAMissingVnetNeverConnect) {
  auto self = peering("self", "a", "a");
  auto lost = peering("lost", "a", "gone");
  Snapshot all = snapshot({self, lost, peering("lost-back", "gone", "a")});
  EXPECT_EQ(state(all, *self), PeeringState::initiated);
  EXPECT_EQ(state(all, *lost), PeeringState::initiated);
  EXPECT_THAT(connected_peers(all, "a"), IsEmpty());
}

TEST_F(Peerings, FlagsAreOfOurSideAndTransitNeedsBoth) {
  auto hub = peering("hub", "a", "b");
  auto spoke = peering("spoke", "b", "a");
  hub->allow_gateway_transit = true;
  spoke->use_remote_gateways = true;
  spoke->allow_forwarded_traffic = true;
  hub->allow_virtual_network_access = false;
  Snapshot all = snapshot({hub, spoke});
  Peer of_hub = connected_peers(all, "a")[0];
  Peer of_spoke = connected_peers(all, "b")[0];
  EXPECT_TRUE(of_hub.lends_gateway);
  EXPECT_FALSE(of_hub.uses_its_gateway);
  EXPECT_TRUE(of_spoke.uses_its_gateway);
  EXPECT_FALSE(of_spoke.lends_gateway);
  EXPECT_FALSE(of_hub.access);
  EXPECT_TRUE(of_spoke.access);
  EXPECT_FALSE(of_hub.forwarded_traffic_in);
  EXPECT_TRUE(of_spoke.forwarded_traffic_in);
  EXPECT_EQ(of_hub.ours, hub.get());
  EXPECT_EQ(of_hub.theirs, spoke.get());
  spoke->use_remote_gateways = false;
  EXPECT_FALSE(connected_peers(all, "a")[0].lends_gateway);
}

std::shared_ptr<Node> node(const std::string& name, std::vector<Address> addresses) {
  auto out = object<Node>(Kind::Node, name);
  out->subnet = {"hub", "nodes"};
  out->addresses = std::move(addresses);
  out->pod_ranges = {{address("10.0.0.16"), address("10.0.0.45")}};
  return out;
}

TEST(Interfaces, ANodeOwnsOneImplicitly) {
  auto external = node("n1", {address("10.0.0.4"), address("fd00::4"), address("10.0.0.5")});
  external->external_addresses = {address("203.0.113.7")};
  Snapshot all = snapshot_of({done(external)});
  ASSERT_EQ(interfaces(all).size(), 1u);
  Interface nic = interfaces(all)[0];
  EXPECT_EQ(nic.name, "n1");
  EXPECT_EQ(nic.owner, Interface::Owner::node);
  EXPECT_EQ(nic.object.text(), "Node/n1");
  EXPECT_EQ(nic.subnet.text(), "hub/nodes");
  EXPECT_THAT(nic.addresses, ElementsAre(address("10.0.0.4"), address("fd00::4")));
  EXPECT_EQ(nic.public_address, address("203.0.113.7"));
  EXPECT_TRUE(nic.holds(address("10.0.0.4")));
  EXPECT_TRUE(nic.holds(address("10.0.0.45")));
  EXPECT_FALSE(nic.holds(address("10.0.0.46")));
  EXPECT_FALSE(nic.owns(address("10.0.0.46")));
}

TEST(Interfaces, AnObjectOverridesTheNodes) {
  auto nic = object<NetworkInterface>(Kind::NetworkInterface, "nic-of-n1");
  nic->node = "n1";
  nic->addresses = {address("10.0.0.9")};
  nic->ip_forwarding = true;
  nic->network_security_group = "guard";
  Snapshot all = snapshot_of({done(node("n1", {address("10.0.0.4"), address("fd00::4")})), done(nic)});
  ASSERT_EQ(interfaces(all).size(), 1u);
  Interface only = interfaces(all)[0];
  EXPECT_EQ(only.name, "nic-of-n1");
  EXPECT_EQ(only.owner_name, "n1");
  EXPECT_EQ(only.object.text(), "NetworkInterface/nic-of-n1");
  EXPECT_EQ(only.subnet.text(), "hub/nodes");
  EXPECT_THAT(only.addresses, ElementsAre(address("10.0.0.9"), address("fd00::4")));
  EXPECT_EQ(only.pod_ranges.size(), 1u);
  EXPECT_EQ(only.network_security_group, "guard");
  EXPECT_TRUE(only.owns(address("192.0.2.1")));
  EXPECT_FALSE(only.holds(address("192.0.2.1")));
}

TEST(Interfaces, OfTwoObjectsOfANodeTheFirstHasThePods) {
  auto first = object<NetworkInterface>(Kind::NetworkInterface, "x1");
  auto second = object<NetworkInterface>(Kind::NetworkInterface, "x2");
  first->node = second->node = "n1";
  second->subnet = {"hub", "back"};
  second->addresses = {address("10.0.1.4")};
  Snapshot all = snapshot_of({done(second), done(node("n1", {address("10.0.0.4")})), done(first)});
  ASSERT_EQ(interfaces(all).size(), 2u);
  EXPECT_EQ(interfaces(all)[0].pod_ranges.size(), 1u);
  EXPECT_THAT(interfaces(all)[0].addresses, ElementsAre(address("10.0.0.4")));
  EXPECT_THAT(interfaces(all)[1].pod_ranges, IsEmpty());
  EXPECT_THAT(interfaces(all)[1].addresses, ElementsAre(address("10.0.1.4")));
}

TEST(Interfaces, OwnersOfObjects) {
  auto host = object<LabHost>(Kind::LabHost, "web");
  host->network = LabHost::Network::interfaces;
  host->interfaces = {"claimed"};
  auto outside = object<LabHost>(Kind::LabHost, "client");
  outside->interfaces = {"free"};  // an Internet host owns none
  Snapshot all =
      snapshot_of({done(host), done(outside), done(object<NetworkInterface>(Kind::NetworkInterface, "claimed")),
                   done(object<NetworkInterface>(Kind::NetworkInterface, "free"))});
  ASSERT_EQ(interfaces(all).size(), 2u);
  EXPECT_EQ(interfaces(all)[0].owner, Interface::Owner::lab_host);
  EXPECT_EQ(interfaces(all)[0].owner_name, "web");
  EXPECT_EQ(interfaces(all)[1].owner, Interface::Owner::none);
}

TEST(Interfaces, PinnedPodsOutsideTheRangesAreTheNodes) {
  auto pod = [&](const std::string& name, const char* pinned) {
    auto out = object<Pod>(Kind::Pod, name, "shop");
    out->spec.node_name = "n1";
    out->pinned_addresses = {address(pinned)};
    return out;
  };
  auto gone = pod("gone", "10.0.0.203");
  gone->phase = "Succeeded";
  auto elsewhere = pod("elsewhere", "10.0.0.204");
  elsewhere->spec.node_name = "n2";
  auto on_host = pod("on-host", "10.0.0.205");
  on_host->spec.host_network = true;
  Snapshot all =
      snapshot_of({done(node("n1", {address("10.0.0.4")})), done(pod("b", "10.0.0.201")), done(pod("c", "10.0.0.200")),
                   done(pod("inside", "10.0.0.20")), done(gone), done(elsewhere), done(on_host)});
  EXPECT_THAT(interfaces(all)[0].pod_addresses, ElementsAre(address("10.0.0.200"), address("10.0.0.201")));
  EXPECT_TRUE(interfaces(all)[0].holds(address("10.0.0.200")));
}

TEST(Interfaces, KubenetNodesForwardAndHoldNoPods) {
  auto cluster = object<Cluster>(Kind::Cluster, "dev");
  cluster->network_model = NetworkModel::kubenet;
  auto member = node("n1", {address("10.0.0.4")});
  member->cluster = "dev";
  Snapshot all = snapshot_of({done(cluster), done(member)});
  EXPECT_TRUE(interfaces(all)[0].ip_forwarding);
  EXPECT_THAT(interfaces(all)[0].pod_ranges, IsEmpty());
}

}  // namespace
}  // namespace bailey::model::resolve
