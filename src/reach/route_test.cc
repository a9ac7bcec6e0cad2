#include "reach/route.h"

#include <gtest/gtest.h>

namespace bailey::reach {
namespace {

using model::Address;
using model::EndpointName;
using model::Kind;
using model::NextHopType;
using model::Prefix;

template <typename T>
std::shared_ptr<T> object(Kind kind, const std::string& name) {
  auto out = std::make_shared<T>();
  out->meta.kind = kind;
  out->meta.name = name;
  return out;
}

class Routes : public testing::Test {
 protected:
  Routes() {
    vnet->address_space = {*Prefix::parse("10.0.0.0/16")};
    vnet->subnets = {{"a", {*Prefix::parse("10.0.0.0/24")}, "", "t", ""},
                     {"b", {*Prefix::parse("10.0.1.0/24")}, "", "", ""}};
    auto source = std::make_shared<model::Source>("net.yaml", model::Position{20, 1});
    source->mark("spec.routes[0]", {25, 5});
    source->mark("spec.routes[1]", {29, 5});
    table->meta.source = source;
    table->routes = {
        {"drop", *Prefix::parse("10.0.7.0/24"), NextHopType::none, {}},
        {"firewall", *Prefix::parse("0.0.0.0/0"), NextHopType::virtual_appliance, Address::parse("10.0.9.4")}};
    nic->subnet = {"one", "a"};
    nic->addresses = {*Address::parse("10.0.0.4")};
    host->network = model::LabHost::Network::interfaces;
    host->interfaces = {"web"};
    node->subnet = {"one", "b"};
    node->addresses = {*Address::parse("10.0.1.4")};
    node->pod_ranges = {*model::AddressRange::parse("10.0.1.16/28")};
    pod->meta.ns = "shop";
    pod->spec.node_name = "n1";
  }
  model::Snapshot snapshot() const {
    return model::snapshot_of(
        {std::shared_ptr<const model::VirtualNetwork>(vnet), std::shared_ptr<const model::RouteTable>(table),
         std::shared_ptr<const model::NetworkInterface>(nic), std::shared_ptr<const model::LabHost>(host),
         std::shared_ptr<const model::Node>(node), std::shared_ptr<const model::Pod>(pod)});
  }
  RouteDecision decide(const char* subnet, const char* destination) const {
    return *route(snapshot(), {"one", subnet}, *Address::parse(destination));
  }
  std::shared_ptr<model::VirtualNetwork> vnet = object<model::VirtualNetwork>(Kind::VirtualNetwork, "one");
  std::shared_ptr<model::RouteTable> table = object<model::RouteTable>(Kind::RouteTable, "t");
  std::shared_ptr<model::NetworkInterface> nic = object<model::NetworkInterface>(Kind::NetworkInterface, "web");
  std::shared_ptr<model::LabHost> host = object<model::LabHost>(Kind::LabHost, "server");
  std::shared_ptr<model::Node> node = object<model::Node>(Kind::Node, "n1");
  std::shared_ptr<model::Pod> pod = object<model::Pod>(Kind::Pod, "web-1");
};

TEST_F(Routes, ThePrintedShape) {
  EXPECT_EQ(to_json(decide("a", "8.8.8.8")).dump(),
            R"({"next_hop_type":"VirtualAppliance","next_hop_address":"10.0.9.4","source":"User","prefix":"0.0.0.0/0",)"
            R"("decided_by":[{"object":"RouteTable/t","rule":"firewall","file":"net.yaml","line":29}]})");
  EXPECT_EQ(to_json(decide("b", "8.8.8.8")).dump(),
            R"({"next_hop_type":"Internet","next_hop_address":null,"source":"Default","prefix":"0.0.0.0/0",)"
            R"("decided_by":[{"object":"VirtualNetwork/one","rule":"","file":"","line":0}]})");
}

TEST_F(Routes, LongestPrefixThenUser) {
  EXPECT_EQ(decide("a", "10.0.7.9").next_hop_type, NextHopType::none);
  EXPECT_EQ(decide("a", "10.0.7.9").position.line, 25u);
  EXPECT_EQ(decide("a", "10.0.8.9").next_hop_type, NextHopType::vnet_local);
  EXPECT_EQ(decide("b", "10.0.7.9").next_hop_type, NextHopType::vnet_local);
  EXPECT_EQ(decide("b", "192.168.1.1").next_hop_type, NextHopType::none);
  EXPECT_EQ(decide("a", "192.168.1.1").next_hop_type, NextHopType::virtual_appliance);  // 0.0.0.0/0 is overridden
  EXPECT_EQ(decide("a", "fd00::1").next_hop_type, NextHopType::none);                   // of the other family
  EXPECT_EQ(decide("a", "2001:db8::1").next_hop_type, NextHopType::internet);
}

TEST_F(Routes, InterfacesOfEndpoints) {
  auto name_of = [&](EndpointName endpoint) {
    auto found = interface_of(snapshot(), endpoint);
    return found ? found->name : std::string("-");
  };
  using Type = EndpointName::Type;
  EXPECT_EQ(name_of({Type::nic, "", "web", {}}), "web");
  EXPECT_EQ(name_of({Type::host, "", "server", {}}), "web");
  EXPECT_EQ(name_of({Type::node, "", "n1", {}}), "n1");
  EXPECT_EQ(name_of({Type::pod, "shop", "web-1", {}}), "n1");
  EXPECT_EQ(name_of({Type::address, "", "", Address::parse("10.0.1.20")}), "n1");
  EXPECT_EQ(name_of({Type::address, "", "", Address::parse("10.0.1.200")}), "-");
  EXPECT_EQ(name_of({Type::nic, "", "gone", {}}), "-");
  EXPECT_EQ(name_of({Type::service, "shop", "web", {}}), "-");
  EXPECT_FALSE(route(snapshot(), {"one", "gone"}, *Address::parse("10.0.0.1")).has_value());
}

}  // namespace
}  // namespace bailey::reach
