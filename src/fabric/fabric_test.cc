#include "fabric/fabric.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "fabric/objects_for_test.h"

namespace bailey::fabric {
namespace {

using model::NextHopType;
using testing::address;
using testing::addresses;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsSupersetOf;
using ::testing::Not;
using testing::prefix;
using testing::World;

// Routes and rules as lines. Devices and tables are hashes; the names they stand for are put in their place.
class Reader {
 public:
  explicit Reader(const Desired& desired) : desired_(desired) {
    for (const Cable& cable : desired.cables)
      if (cable.a.host == "fabric") devices_[cable.a.device] = cable.b.host + ":" + cable.b.device;
  }

  // "10.0.0.4/32 dev host/x:eth0", "10.1.0.0/16 throw", of the tables that packets of a device look into, in turn.
  std::vector<std::string> lookups(const std::string& interface, const std::string& source = "") const {
    std::uint32_t mark = mark_of(interface, source);
    std::vector<std::string> out;
    std::set<std::uint32_t> seen;
    for (std::uint32_t priority : {100u, 200u})
      for (const KernelRule& rule : desired_.hosts.at("fabric").rules)
        if (rule.priority == priority && rule.mark == mark && seen.insert(rule.table).second) append(rule.table, out);
    return out;
  }

  std::vector<std::string> routes(const HostName& host) const {
    std::vector<std::string> out;
    for (const KernelRoute& route : desired_.hosts.at(host).routes) out.push_back(line(route));
    return out;
  }

 private:
  std::uint32_t mark_of(const std::string& interface, const std::string& source) const {
    for (const Filter::Entry& entry : desired_.filter.entries) {
      if (entry.device != fabric_device(interface)) continue;
      for (const Filter::Entry::Group& group : entry.groups)
        for (const model::Prefix& sources : group.sources)
          if (!source.empty() && sources.contains(address(source))) return group.mark;
      return entry.otherwise;
    }
    return 0;
  }
  void append(std::uint32_t table, std::vector<std::string>& out) const {
    for (const KernelRoute& route : desired_.hosts.at("fabric").routes)
      if (route.table == table) out.push_back(line(route));
  }
  std::string line(const KernelRoute& route) const {
    std::string out = route.destination.text();
    if (route.type == KernelRoute::Type::blackhole) return out + " blackhole";
    if (route.type == KernelRoute::Type::throw_) return out + " throw";
    if (route.type == KernelRoute::Type::local) return out + " local";
    if (route.gateway) out += " via " + route.gateway->text();
    auto device = devices_.find(route.device);
    return out + " dev " + (device == devices_.end() ? route.device : device->second);
  }
  const Desired& desired_;
  std::map<std::string, std::string> devices_;
};

std::vector<std::string> lookups_of(const World& world, const std::string& interface) {
  Desired desired = compile(world.snapshot());
  return Reader(desired).lookups(interface);
}

TEST(Compile, NothingNeedsNothing) {
  EXPECT_EQ(compile(model::Snapshot()), Desired{});
  World world;
  world.subnet(world.vnet("one", {"10.0.0.0/16"}), "a", {"10.0.0.0/24"});
  world.nic("unowned", "one/a", {"10.0.0.4"});
  EXPECT_EQ(compile(world.snapshot()), Desired{});
}

TEST(Compile, ALookupOfAVnetWithANode) {
  World world;
  world.subnet(world.vnet("one", {"10.0.0.0/16"}), "a", {"10.0.0.0/24"});
  world.host("x", "one/a", {"10.0.0.4"});
  world.node("n1", "one/a", {"10.0.0.5"}, {"10.0.0.8-10.0.0.18"});
  world.nic("unowned", "one/a", {"10.0.0.9"});
  Desired desired = compile(world.snapshot());
  EXPECT_THAT(Reader(desired).lookups("x"),
              ElementsAre("0.0.0.0/0 blackhole", "10.0.0.0/8 blackhole", "10.0.0.0/16 throw", "100.64.0.0/10 blackhole",
                          "172.16.0.0/12 blackhole", "192.168.0.0/16 blackhole", "::/0 blackhole", "fc00::/7 blackhole",
                          "10.0.0.4/32 dev host/x:eth0", "10.0.0.5/32 dev node/n1:eth0",
                          "10.0.0.8/29 via 10.0.0.5 dev node/n1:eth0", "10.0.0.16/31 via 10.0.0.5 dev node/n1:eth0",
                          "10.0.0.18/32 via 10.0.0.5 dev node/n1:eth0"));
  EXPECT_THAT(Reader(desired).routes("host/x"), ElementsAre("0.0.0.0/0 via 10.0.0.1 dev eth0"));
  EXPECT_EQ(desired.hosts.at("node/n1").settings.at("ipv4/ip_forward"), "1");
  EXPECT_EQ(desired.hosts.at("host/x").settings.at("ipv4/ip_forward"), "0");
  EXPECT_FALSE(desired.hosts.contains("internet"));
  ASSERT_EQ(desired.cables.size(), 2u);
  EXPECT_EQ(desired.cables[0].a.mac, (MacAddress{0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc}));
  for (const Cable& cable : desired.cables)
    EXPECT_EQ(cable.b.mac[5], cable.b.host == "host/x" ? 4 : 5);  // tells the address
}

TEST(Compile, ForwardingInterfacesLookUpBySource) {
  World world;
  for (const char* name : {"hub", "spoke"}) {
    bool hub = name[0] == 'h';
    world.subnet(world.vnet(name, {hub ? "10.0.0.0/16" : "10.1.0.0/16"}), "s", {hub ? "10.0.0.0/24" : "10.1.0.0/24"})
        .route_table = "t";
  }
  world.peer("hub", "spoke");
  world.route(world.table("t"), "0.0.0.0/0", NextHopType::virtual_appliance, "10.0.0.4");
  world.host("fw", "hub/s", {"10.0.0.4"}).ip_forwarding = true;
  world.host("x", "spoke/s", {"10.1.0.4"});
  Desired desired = compile(world.snapshot());
  Reader reader(desired);
  EXPECT_THAT(reader.lookups("x"), IsSupersetOf({std::string("0.0.0.0/0 via 10.0.0.4 dev host/fw:eth0"),
                                                 std::string("10.0.0.0/16 throw"), std::string("10.1.0.0/16 throw")}));
  // Its own default route would lead back to itself.
  EXPECT_THAT(reader.lookups("fw", "10.0.0.4"),
              ElementsAre("0.0.0.0/0 blackhole", "10.0.0.0/16 throw", "10.1.0.0/16 throw", "::/0 blackhole",
                          "fc00::/7 blackhole", "10.0.0.4/32 dev host/fw:eth0", "10.1.0.4/32 dev host/x:eth0"));
  // What came from the spoke may go back there only where the spoke takes forwarded traffic.
  EXPECT_THAT(reader.lookups("fw", "10.1.0.4"), Not(Contains("10.1.0.4/32 dev host/x:eth0")));
  EXPECT_THAT(reader.lookups("fw", "10.1.0.4"), Contains("10.0.0.4/32 dev host/fw:eth0"));
}

TEST(Compile, AnApplianceMustForwardAndBeReachable) {
  World world;
  world.subnet(world.vnet("one", {"10.0.0.0/16"}), "s", {"10.0.0.0/24"}).route_table = "t";
  world.subnet(world.vnet("two", {"10.1.0.0/16"}), "s", {"10.1.0.0/24"});
  world.host("x", "one/s", {"10.0.0.9"});
  auto& near = world.host("near", "one/s", {"10.0.0.4"});
  world.host("far", "two/s", {"10.1.0.4"}).ip_forwarding = true;
  auto& table = world.table("t");
  world.route(table, "172.20.0.0/16", NextHopType::virtual_appliance, "10.0.0.4");
  world.route(table, "172.21.0.0/16", NextHopType::virtual_appliance, "10.1.0.4");
  auto lookups = [&] { return lookups_of(world, "x"); };
  EXPECT_THAT(lookups(), IsSupersetOf({"172.20.0.0/16 blackhole", "172.21.0.0/16 blackhole"}));
  near.ip_forwarding = true;
  world.peer("one", "two");
  EXPECT_THAT(lookups(), IsSupersetOf({"172.20.0.0/16 via 10.0.0.4 dev host/near:eth0",
                                       "172.21.0.0/16 via 10.1.0.4 dev host/far:eth0"}));
}

TEST(Compile, AUsersRouteToTheGatewayLeavesMoreSpecificRoutesAlone) {
  World world;
  auto& one = world.vnet("one", {"10.0.0.0/16"});
  world.subnet(one, "s", {"10.0.0.0/24"}).route_table = "t";
  world.host("x", "one/s", {"10.0.0.4"});
  world.on_premises("office", {"172.16.1.0/24", "172.16.2.0/24", "172.17.0.0/16"});
  world.gateway("one", "office");
  auto& table = world.table("t");
  table.disable_gateway_route_propagation = true;
  world.route(table, "172.16.0.0/12", NextHopType::virtual_network_gateway);
  world.route(table, "172.16.2.0/23", NextHopType::none);
  std::vector<std::string> lines = lookups_of(world, "x");
  std::erase_if(lines, [](const std::string& line) { return !line.starts_with("172."); });
  for (std::string& line : lines) line = line.substr(0, line.find(" dev "));
  EXPECT_THAT(lines, ElementsAre("172.16.0.0/12 blackhole", "172.16.1.0/24 via 169.254.1.2", "172.16.2.0/23 blackhole",
                                 "172.17.0.0/16 via 169.254.1.2"));
}

TEST(Compile, AVnetLocalRouteDoesNotReachPeers) {
  World world;
  world.subnet(world.vnet("one", {"10.0.0.0/16"}), "s", {"10.0.0.0/24"}).route_table = "t";
  world.vnet("two", {"10.1.0.0/16"});
  world.peer("one", "two");
  world.host("x", "one/s", {"10.0.0.4"});
  auto& table = world.table("t");
  world.route(table, "10.1.2.0/24", NextHopType::vnet_local);
  world.route(table, "10.0.2.0/24", NextHopType::vnet_local);
  EXPECT_THAT(lookups_of(world, "x"),
              IsSupersetOf({"10.1.2.0/24 blackhole", "10.0.2.0/24 throw", "10.1.0.0/16 throw"}));
}

TEST(Compile, RoutersKnowWhatTheyMayReach) {
  World world;
  for (const char* name : {"hub", "spoke", "other"}) {
    std::string third = std::to_string(name[0] == 'h' ? 0 : name[0] == 's' ? 1 : 2);
    world.subnet(world.vnet(name, {("10." + third + ".0.0/16").c_str()}), "s", {("10." + third + ".0.0/24").c_str()});
  }
  auto both = world.peer("hub", "spoke");
  both.first->allow_gateway_transit = both.second->use_remote_gateways = true;
  world.peer("hub", "other");
  world.on_premises("office", {"192.168.0.0/16"});
  world.on_premises_host("pc", "office", {"192.168.1.10"});
  world.gateway("hub", "office");
  world.host("x", "hub/s", {"10.0.0.4"}).public_address = address("203.0.113.9");
  world.internet_host("web", {"198.51.100.7"});
  Desired desired = compile(world.snapshot());
  auto without_devices = [&](const char* host) {
    std::vector<std::string> lines = Reader(desired).routes(host);
    for (std::string& line : lines) line = line.substr(0, line.find(" dev "));
    return lines;
  };
  EXPECT_THAT(without_devices("onprem/office"),
              ElementsAre("0.0.0.0/0 blackhole", "10.0.0.0/16 via 169.254.1.1", "10.1.0.0/16 via 169.254.1.1",
                          "192.168.1.10/32", "::/0 blackhole"));
  EXPECT_THAT(without_devices("internet"), ElementsAre("0.0.0.0/0 blackhole", "198.51.100.7/32",
                                                       "203.0.113.9/32 via 169.254.1.1", "::/0 blackhole"));
  EXPECT_THAT(without_devices("host/pc"), ElementsAre("0.0.0.0/0 via 169.254.1.2"));
}

TEST(Compile, WindowsNodesTakeAddressesOnly) {
  World world;
  world.subnet(world.vnet("one", {"10.0.0.0/16"}), "s", {"10.0.0.0/24"});
  world.node("win", "one/s", {"10.0.0.4"}, {}).os = model::Os::windows;
  world.host("x", "one/s", {"10.0.0.5"});
  EXPECT_FALSE(compile(world.snapshot()).hosts.contains("node/win"));
}

World busy_world() {
  World world;
  for (int i = 0; i < 6; ++i) {
    std::string name(1, static_cast<char>('a' + i));
    std::string second = std::to_string(i % 5);  // a and f have equal spaces
    auto& vnet = world.vnet(name, {("10." + second + ".0.0/16").c_str(), ("fd00:" + second + "::/48").c_str()});
    vnet.outbound_addresses = addresses({("203.0.113." + std::to_string(i)).c_str()});
    world.subnet(vnet, "s", {("10." + second + ".0.0/24").c_str(), ("fd00:" + second + "::/64").c_str()}).route_table =
        "t" + name;
    auto& table = world.table("t" + name);
    world.route(table, "0.0.0.0/0", NextHopType::virtual_appliance, "10.0.0.4");
    world.route(table, "192.168.0.0/16", NextHopType::virtual_network_gateway);
    world.host("h" + name, name + "/s", {("10." + second + ".0.4").c_str(), ("fd00:" + second + "::4").c_str()})
        .ip_forwarding = i % 2 == 0;
    world
        .node("n" + name, name + "/s", {("10." + second + ".0.5").c_str()},
              {("10." + second + ".0.16-10." + second + ".0.45").c_str()})
        .external_addresses = addresses({("203.0.113.10" + std::to_string(i)).c_str()});
  }
  for (const char* pair : {"ab", "bc", "ad"}) {
    auto both = world.peer(std::string(1, pair[0]), std::string(1, pair[1]));
    both.first->allow_gateway_transit = both.second->use_remote_gateways = true;
  }
  world.on_premises("office", {"192.168.0.0/16"});
  world.gateway("a", "office");
  world.on_premises_host("pc", "office", {"192.168.1.10"});
  world.internet_host("web", {"198.51.100.7"});
  return world;
}

TEST(Compile, TheOrderOfObjectsDoesNotMatter) {
  std::vector<model::AnyObject> objects = busy_world().objects();
  Desired expected = compile(model::snapshot_of(objects));
  std::mt19937 dice(3);
  for (int i = 0; i < 10; ++i) {
    std::shuffle(objects.begin(), objects.end(), dice);
    ASSERT_EQ(compile(model::snapshot_of(objects)), expected);
  }
}

TEST(Compile, RemovalEqualsNeverHavingBeenThere) {
  std::vector<model::AnyObject> objects = busy_world().objects();
  std::mt19937 dice(5);
  for (int i = 0; i < 10; ++i) {
    std::shuffle(objects.begin(), objects.end(), dice);
    std::vector<model::AnyObject> some(objects.begin(), objects.begin() + static_cast<long>(dice() % objects.size()));
    std::vector<model::Event> gone;
    for (std::size_t j = some.size(); j < objects.size(); ++j)
      gone.push_back({model::Event::Type::deleted, objects[j]});
    ASSERT_EQ(compile(model::reduce(model::snapshot_of(objects), gone)), compile(model::snapshot_of(some)));
  }
}

TEST(Compile, WhatItSaysIsConsistent) {
  Desired desired = compile(busy_world().snapshot());
  std::set<std::pair<HostName, std::string>> devices;
  for (const Cable& cable : desired.cables) {
    for (const CableEnd* end : {&cable.a, &cable.b}) {
      EXPECT_LE(end->device.size(), 15u);
      EXPECT_TRUE(desired.hosts.contains(end->host)) << end->host;
      EXPECT_TRUE(devices.emplace(end->host, end->device).second) << "used twice: " << end->device;
    }
  }
  for (const auto& [name, host] : desired.hosts) {
    EXPECT_TRUE(std::is_sorted(host.routes.begin(), host.routes.end()));
    EXPECT_TRUE(std::is_sorted(host.rules.begin(), host.rules.end()));
    std::set<std::pair<std::uint32_t, model::Prefix>> destinations;
    for (const KernelRoute& route : host.routes) {
      EXPECT_TRUE(destinations.emplace(route.table, route.destination).second);
      if (route.type == KernelRoute::Type::unicast) {
        EXPECT_TRUE(devices.contains({name, route.device})) << route.device;
      }
    }
    for (const DeviceAddress& own : host.addresses)
      EXPECT_TRUE(own.device == "lo" || devices.contains({name, own.device})) << own.device;
  }
  std::set<std::uint32_t> ruled;
  for (const KernelRule& rule : desired.hosts.at("fabric").rules) ruled.insert(rule.mark);
  for (const Filter::Class& row : desired.filter.classes) {
    EXPECT_TRUE(ruled.contains(row.mark)) << row.object;
    EXPECT_TRUE(row.return_mark == 0 || ruled.contains(row.return_mark)) << row.object;
  }
  for (const Filter::Public& row : desired.filter.publics)
    EXPECT_TRUE(row.mark == 0 || ruled.contains(row.mark)) << row.address.text();
  EXPECT_EQ(desired.filter.publics.size(), 12u);
}

TEST(Compile, UnrelatedChangesLeaveDevicesAndTablesAlone) {
  World world = busy_world();
  Desired before = compile(world.snapshot());
  world.subnet(world.vnet("zz", {"10.99.0.0/16"}), "s", {"10.99.0.0/24"});
  world.host("new", "zz/s", {"10.99.0.4"});
  Desired after = compile(world.snapshot());
  EXPECT_TRUE(std::includes(after.cables.begin(), after.cables.end(), before.cables.begin(), before.cables.end()));
  const auto& old_routes = before.hosts.at("fabric").routes;
  const auto& new_routes = after.hosts.at("fabric").routes;
  EXPECT_TRUE(std::includes(new_routes.begin(), new_routes.end(), old_routes.begin(), old_routes.end()));
  EXPECT_EQ(after.hosts.at("node/na"), before.hosts.at("node/na"));
}

TEST(Compile, EachVnetHasItsZoneOfTheInternet) {
  World world = busy_world();
  auto zone_of = [&](const std::string& vnet) {
    for (const Filter::Class& row : compile(world.snapshot()).filter.classes)
      if (row.object == "VirtualNetwork/" + vnet + "/subnets/s") return row.internet_zone;
    return std::uint16_t{0};
  };
  EXPECT_NE(zone_of("a"), 0);
  EXPECT_NE(zone_of("a"), zone_of("c"));
  EXPECT_NE(zone_of("e"), zone_of("f"));
}

}  // namespace
}  // namespace bailey::fabric
