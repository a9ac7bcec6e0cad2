// What is set must read back equal, and what fails must be named. Every test has namespaces of its own.
#include "netlink/netlink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "netlink/detached.h"
#include "netlink/namespace.h"

namespace bailey::netlink {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAreArray;

model::Address address(const char* text) { return model::Address::parse(text).value(); }
model::Prefix prefix(const char* text) { return model::Prefix::parse(text).value(); }

void expect_done(const base::Status& status) { EXPECT_TRUE(status.ok()) << status.error().text(); }

// A namespace with "a0" and "b0", the two ends of a cable, both up.
class NetlinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "network namespaces need root";
    base::Result<io::Fd> made = create_namespace();
    ASSERT_TRUE(made.ok()) << made.error().text();
    ns_ = std::move(made).value();
    base::Result<Socket> opened = Socket::open_in(ns_.get());
    ASSERT_TRUE(opened.ok()) << opened.error().text();
    socket_ = std::make_unique<Socket>(std::move(opened).value());
    expect_done(socket_->set_up("lo"));
    expect_done(socket_->create_veth({"a0", -1, parse_mac("02:00:00:00:00:0a"), true},
                                     {"b0", -1, parse_mac("02:00:00:00:00:0b"), true}, 1400));
    a_ = index_of("a0");
    b_ = index_of("b0");
  }

  int index_of(const std::string& name) {
    base::Result<std::optional<Link>> found = socket_->link(name);
    return found.ok() && found.value() ? found.value()->index : 0;
  }

  io::Fd ns_;
  std::unique_ptr<Socket> socket_;
  int a_ = 0;
  int b_ = 0;
};

TEST(Mac, TextRoundTrip) {
  Mac mac = parse_mac("02:00:0A:f0:00:04").value();
  EXPECT_EQ(mac_text(mac), "02:00:0a:f0:00:04");
  for (const char* bad :
       {"", "02:00:0a:f0:00", "02:00:0a:f0:00:0", "02-00-0a-f0-00-04", "02:00:0a:f0:00:0g", "02:00:0a:f0:00:04:"})
    EXPECT_FALSE(parse_mac(bad)) << bad;
}

TEST(Normalised, ClearsWhatTheKernelDoesNotKeep) {
  Route blackhole{.destination = prefix("10.0.0.0/8"), .type = RouteType::blackhole, .link_index = 3};
  blackhole.link_scope = true;
  EXPECT_EQ(normalised(blackhole), (Route{.destination = prefix("10.0.0.0/8"), .type = RouteType::blackhole}));
  Route v6{.destination = prefix("fd00::/8"), .link_index = 3, .metric = 1024};
  EXPECT_EQ(normalised(v6).metric, 0U);
  EXPECT_TRUE(normalised(v6).link_scope);
  EXPECT_EQ(normalised(Rule{.mark = 5}).mark_mask, 0xffffffffU);
  EXPECT_EQ(normalised(Rule{.source = prefix("0.0.0.0/0")}), Rule{});
}

TEST_F(NetlinkTest, LinksReadBack) {
  std::vector<Link> links = socket_->links().value();
  ASSERT_EQ(links.size(), 3U);
  Link a = socket_->link("a0").value().value();
  EXPECT_EQ(a.kind, "veth");
  EXPECT_EQ(mac_text(a.mac), "02:00:00:00:00:0a");
  EXPECT_EQ(a.mtu, 1400U);
  EXPECT_EQ(a.peer_index, b_);
  EXPECT_TRUE(a.up);
  Link b = socket_->link("b0").value().value();
  EXPECT_EQ(b.mtu, 1400U) << "both ends get the MTU";
  EXPECT_EQ(mac_text(b.mac), "02:00:00:00:00:0b");
  EXPECT_TRUE(b.up);
  EXPECT_EQ(socket_->link(b_).value()->name, "b0");
  EXPECT_FALSE(socket_->link(b_ + 1000).value().has_value());
  EXPECT_FALSE(socket_->link("nothing").value().has_value());
  EXPECT_EQ(socket_->link("sixteen-bytes-xx").error().code, EINVAL);
}

TEST_F(NetlinkTest, VethBetweenNamespaces) {
  io::Fd far = std::move(create_namespace()).value();
  expect_done(socket_->create_veth({"eth0", far.get(), parse_mac("02:00:00:00:00:01"), true}, {"host0"}, 1450));
  Link host = socket_->link("host0").value().value();
  Socket far_socket = std::move(Socket::open_in(far.get())).value();
  Link eth = far_socket.link("eth0").value().value();
  EXPECT_EQ(host.peer_index, eth.index);
  EXPECT_EQ(eth.peer_index, host.index);
  EXPECT_EQ(socket_->index_of("host0").value(), host.index);
  EXPECT_EQ(far_socket.index_of("eth0").value(), eth.index);
  EXPECT_EQ(socket_->index_of("eth0").error().code, ENODEV) << "it is in the other namespace";
  EXPECT_EQ(mac_text(eth.mac), "02:00:00:00:00:01");
  EXPECT_EQ(eth.mtu, 1450U);
  EXPECT_TRUE(eth.up);
  EXPECT_FALSE(host.up);
  base::Status again = socket_->create_veth({"host1"}, {"eth0", far.get()}, 0);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, EEXIST);
  again = socket_->create_veth({"eth0", far.get()}, {"host1"}, 0);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, EEXIST);
  EXPECT_EQ(index_of("host1"), 0) << "no half of a pair is left";
}

TEST_F(NetlinkTest, BridgeMasterRenameDelete) {
  expect_done(socket_->create_bridge("br0", parse_mac("02:00:00:00:00:0c"), 1300));
  int bridge = index_of("br0");
  Batch batch;
  batch.set_master(a_, bridge).set_mtu(b_, 1200).set_mac(b_, parse_mac("02:00:00:00:00:0d").value()).set_up(b_, false);
  expect_done(socket_->run(batch));
  EXPECT_EQ(socket_->link("br0").value()->kind, "bridge");
  EXPECT_EQ(socket_->link("br0").value()->mtu, 1300U);
  EXPECT_EQ(socket_->link("a0").value()->master, bridge);
  EXPECT_EQ(socket_->link("b0").value()->mtu, 1200U);
  EXPECT_EQ(mac_text(socket_->link("b0").value()->mac), "02:00:00:00:00:0d");
  EXPECT_FALSE(socket_->link("b0").value()->up);
  expect_done(socket_->rename("b0", "c0"));
  EXPECT_EQ(index_of("c0"), b_);
  expect_done(socket_->delete_link("br0"));
  EXPECT_EQ(socket_->delete_link("br0").error().code, ENODEV);
  EXPECT_EQ(socket_->rename("br0", "br1").error().code, ENODEV);
  Batch removal;
  expect_done(socket_->run(removal.delete_link(a_)));
  EXPECT_EQ(index_of("c0"), 0) << "the other end goes as well";
}

TEST_F(NetlinkTest, DetachedDeletionLeavesNothingWhenItReturns) {
  Inside inside = std::move(Inside::enter(ns_.get())).value();
  io::Fd far = std::move(create_namespace()).value();
  Socket far_socket = std::move(Socket::open_in(far.get())).value();
  for (int round = 0; round < 20; ++round) {
    expect_done(socket_->create_veth({"host0", -1, {}, true}, {"eth0", far.get(), {}, false}, 1500));
    Route route{.destination = prefix("10.5.0.0/16"), .link_index = index_of("host0")};
    Batch batch;
    expect_done(socket_->run(batch.add_route(route)));
    expect_done(delete_link_detached("host0"));
    EXPECT_FALSE(socket_->link("host0").value().has_value());
    EXPECT_FALSE(far_socket.link("eth0").value().has_value());
    EXPECT_THAT(socket_->routes().value(), IsEmpty());
  }
  base::Status missing = delete_link_detached("host0");
  EXPECT_EQ(missing.error().code, ENODEV);
  base::Status refused = delete_link_detached("lo");
  EXPECT_FALSE(refused.ok()) << "what the kernel refuses is told";
  EXPECT_THAT(refused.error().text(), HasSubstr("lo"));
  while (::waitpid(-1, nullptr, 0) > 0) {
  }
}

TEST_F(NetlinkTest, AddressesReadBack) {
  std::vector<InterfaceAddress> wanted = {{a_, address("10.1.0.4"), 32},
                                          {a_, address("10.2.0.4"), 24},
                                          {b_, address("fd00:1::4"), 128},
                                          {b_, address("fd00:2::4"), 64}};
  Batch batch;
  for (const InterfaceAddress& each : wanted) batch.add_address(each);
  expect_done(socket_->run(batch));
  expect_done(socket_->run(batch));  // replacing is fine
  std::vector<InterfaceAddress> found = socket_->addresses().value();
  for (const InterfaceAddress& each : wanted) EXPECT_THAT(found, Contains(each));
  Batch twice;
  twice.add_address(wanted[0], Batch::Exists::fail);
  EXPECT_EQ(socket_->run(twice).error().code, EEXIST);
  Batch removal;
  for (const InterfaceAddress& each : wanted) removal.delete_address(each);
  expect_done(socket_->run(removal));
  found = socket_->addresses().value();
  for (const InterfaceAddress& each : wanted) EXPECT_THAT(found, Not(Contains(each)));
}

TEST_F(NetlinkTest, V4Options) {
  Batch batch;
  batch.set_v4_option(a_, Batch::V4Option::rp_filter, 1).set_v4_option(a_, Batch::V4Option::proxy_arp, 1);
  batch.set_v4_option(a_, Batch::V4Option::forwarding, 1);
  expect_done(socket_->run(batch));
  Inside inside = std::move(Inside::enter(ns_.get())).value();
  for (const char* name : {"rp_filter", "proxy_arp", "forwarding"})
    EXPECT_EQ(io::read_file(std::string("/proc/sys/net/ipv4/conf/a0/") + name).value(), "1\n") << name;
}

TEST_F(NetlinkTest, NoAutomaticV6) {
  expect_done(socket_->create_veth({"c0"}, {"d0"}, 0));
  int c = index_of("c0");
  int d = index_of("d0");
  Batch batch;
  batch.set_automatic_v6(c, false).set_up(c).set_up(d);
  expect_done(socket_->run(batch));
  bool c_has = false;
  bool d_has = false;
  for (int i = 0; i < 100 && !d_has; ++i) {  // the kernel gives the address when it has noticed the carrier
    ::usleep(10000);
    std::vector<InterfaceAddress> found = socket_->addresses().value();
    for (const InterfaceAddress& each : found) {
      c_has |= each.link_index == c;
      d_has |= each.link_index == d;
    }
  }
  EXPECT_FALSE(c_has);
  EXPECT_TRUE(d_has);
}

class RoutesTest : public NetlinkTest {
 protected:
  void SetUp() override {
    NetlinkTest::SetUp();
    if (IsSkipped()) return;
    Batch batch;
    batch.add_address({a_, address("10.1.0.4"), 24}).add_address({a_, address("fd00:1::4"), 64});
    expect_done(socket_->run(batch));
  }

  std::vector<Route> sample() const {
    std::vector<Route> out;
    out.push_back({.destination = prefix("10.9.0.0/16"), .link_index = a_, .gateway = address("10.1.0.1")});
    out.push_back({.destination = prefix("10.9.0.0/16"),
                   .link_index = b_,
                   .preferred_source = address("10.1.0.4"),
                   .metric = 77,
                   .protocol = 65,
                   .link_scope = true});
    out.push_back(
        {.destination = prefix("0.0.0.0/0"), .link_index = b_, .gateway = address("169.254.1.1"), .onlink = true});
    out.push_back({.table = 300, .destination = prefix("10.8.0.0/16"), .link_index = b_});
    out.push_back(
        {.table = 70000, .destination = prefix("10.7.0.0/24"), .link_index = a_, .gateway = address("fe80::1")});
    out.push_back({.table = 100, .destination = prefix("0.0.0.0/0"), .type = RouteType::throw_});
    out.push_back({.table = 100, .destination = prefix("10.0.0.0/8"), .type = RouteType::blackhole, .metric = 5});
    out.push_back({.destination = prefix("10.66.0.0/16"), .type = RouteType::unreachable});
    out.push_back({.destination = prefix("10.67.0.0/16"), .type = RouteType::prohibit});
    out.push_back({.destination = prefix("10.68.0.1/32"), .type = RouteType::local, .link_index = 1});
    out.push_back({.destination = prefix("fd00:9::/48"), .link_index = a_, .gateway = address("fd00:1::1")});
    out.push_back(
        {.destination = prefix("fd00:9::/48"), .link_index = b_, .metric = 77, .protocol = 65, .link_scope = true});
    out.push_back({.destination = prefix("::/0"),
                   .link_index = b_,
                   .gateway = address("fe80::1"),
                   .onlink = true,
                   .preferred_source = address("fd00:1::4")});
    out.push_back({.table = 300, .destination = prefix("fd00:8::7/128"), .link_index = b_, .link_scope = true});
    out.push_back({.table = 70000, .destination = prefix("::/0"), .type = RouteType::blackhole});
    out.push_back({.table = 100, .destination = prefix("fd00::/16"), .type = RouteType::throw_});
    out.push_back({.destination = prefix("fd66::/16"), .type = RouteType::unreachable});
    out.push_back({.destination = prefix("fd67::/16"), .type = RouteType::prohibit});
    return out;
  }
};

TEST_F(RoutesTest, ReadBackEqual) {
  std::vector<Route> wanted = sample();
  Batch batch;
  for (const Route& route : wanted) {
    EXPECT_EQ(normalised(route), route) << route.destination.text();
    batch.add_route(route, Batch::Exists::fail);
  }
  expect_done(socket_->run(batch));
  EXPECT_THAT(socket_->routes().value(), UnorderedElementsAreArray(wanted));

  // Each alone can be taken away, and only it goes.
  while (!wanted.empty()) {
    Batch removal;
    removal.delete_route(wanted.back());
    expect_done(socket_->run(removal));
    wanted.pop_back();
    EXPECT_THAT(socket_->routes().value(), UnorderedElementsAreArray(wanted));
  }
}

TEST_F(RoutesTest, ReplaceChangesInPlace) {
  for (const char* destination : {"10.9.0.0/16", "fd00:9::/48"}) {
    bool v4 = prefix(destination).family() == model::Family::v4;
    Route first{.destination = prefix(destination), .link_index = a_};
    first.gateway = address(v4 ? "10.1.0.1" : "fd00:1::1");
    Route second = first;
    second.gateway = address(v4 ? "10.1.0.2" : "fd00:1::2");
    Route third{.destination = prefix(destination), .type = RouteType::blackhole};
    for (const Route& route : {first, second, third, first}) {
      Batch batch;
      batch.add_route(route);
      expect_done(socket_->run(batch));
      EXPECT_THAT(socket_->routes().value(), UnorderedElementsAreArray({route})) << destination;
    }
    Batch removal;
    removal.delete_route(first);
    expect_done(socket_->run(removal));
  }
}

TEST_F(RoutesTest, BatchTriesAllAndNamesTheFirstFailure) {
  Batch batch;
  batch.add_route({.destination = prefix("10.20.0.0/16"), .link_index = a_});
  batch.add_route({.destination = prefix("10.21.0.0/16"), .gateway = address("192.0.2.1")});  // no way to it
  batch.delete_route({.destination = prefix("10.22.0.0/16")});                                // not there
  batch.add_route({.destination = prefix("10.23.0.0/16"), .link_index = a_});
  base::Status outcome = socket_->run(batch);
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().operation, "add route");
  EXPECT_THAT(outcome.error().object, HasSubstr("10.21.0.0/16 via 192.0.2.1"));
  EXPECT_EQ(outcome.error().code, ENETUNREACH);
  EXPECT_THAT(outcome.error().cause, HasSubstr("invalid gateway")) << "the kernel's own words";
  EXPECT_EQ(socket_->routes().value().size(), 2U);
}

TEST_F(RoutesTest, TwoThousandInOneBatch) {
  Batch batch;
  std::vector<Route> wanted;
  for (unsigned i = 0; i < 1000; ++i) {
    wanted.push_back(
        {.table = 500, .destination = model::Prefix::host(address("10.50.0.0").plus(i)), .link_index = a_});
    wanted.push_back({.table = 500, .destination = model::Prefix::host(address("fd50::").plus(i)), .link_index = a_});
    wanted.back().link_scope = true;
  }
  for (const Route& route : wanted) batch.add_route(route);
  expect_done(socket_->run(batch));
  std::vector<Route> found = socket_->routes().value();
  std::sort(found.begin(), found.end());
  std::sort(wanted.begin(), wanted.end());
  EXPECT_TRUE(found == wanted);
  // All fail, and the socket still works afterwards.
  Batch again;
  for (const Route& route : wanted) again.add_route(route, Batch::Exists::fail);
  base::Status outcome = socket_->run(again);
  EXPECT_EQ(outcome.error().code, EEXIST);
  EXPECT_THAT(outcome.error().object, HasSubstr("10.50.0.0/32"));
  EXPECT_EQ(socket_->routes().value().size(), wanted.size());
}

TEST_F(NetlinkTest, RulesReadBackEqual) {
  EXPECT_THAT(socket_->rules().value(), IsEmpty()) << "the default rules are not shown";
  std::vector<Rule> wanted;
  wanted.push_back({.priority = 100, .incoming = "a0", .table = 300});
  wanted.push_back({.priority = 101, .source = prefix("10.0.0.0/8"), .destination = prefix("10.1.2.3/32"), .table = 7});
  wanted.push_back({.priority = 102, .mark = 0x10, .mark_mask = 0xf0, .table = 70000});
  wanted.push_back({.priority = 103, .incoming = "not-there-yet", .action = Rule::Action::blackhole});
  wanted.push_back({.family = model::Family::v6, .priority = 100, .source = prefix("fd00::/8"), .table = 300});
  wanted.push_back({.family = model::Family::v6, .priority = 104, .action = Rule::Action::unreachable});
  wanted.push_back({.family = model::Family::v6, .priority = 0, .incoming = "a0", .table = 254});
  Batch batch;
  for (const Rule& rule : wanted) batch.add_rule(rule);
  expect_done(socket_->run(batch));
  EXPECT_THAT(socket_->rules().value(), UnorderedElementsAreArray(wanted));
  EXPECT_EQ(socket_->run(batch).error().code, EEXIST);
  while (!wanted.empty()) {
    Batch removal;
    removal.delete_rule(wanted.back());
    expect_done(socket_->run(removal));
    wanted.pop_back();
    EXPECT_THAT(socket_->rules().value(), UnorderedElementsAreArray(wanted));
  }
}

TEST_F(NetlinkTest, NeighboursReadBackEqual) {
  Mac mac = parse_mac("ee:ee:ee:ee:ee:ee").value();
  std::vector<Neighbour> wanted = {{a_, address("169.254.1.1"), mac, false},
                                   {a_, address("fe80::1"), mac, false},
                                   {b_, address("10.0.0.1"), {}, true},
                                   {b_, address("fd00::1"), {}, true}};
  Batch batch;
  for (const Neighbour& each : wanted) batch.add_neighbour(each);
  expect_done(socket_->run(batch));
  expect_done(socket_->run(batch));
  EXPECT_THAT(socket_->neighbours().value(), UnorderedElementsAreArray(wanted));
  Batch removal;
  for (const Neighbour& each : wanted) removal.delete_neighbour(each);
  expect_done(socket_->run(removal));
  EXPECT_THAT(socket_->neighbours().value(), IsEmpty());
}

TEST_F(RoutesTest, LookupAnswersAsThePacketWouldGo) {
  Inside inside = std::move(Inside::enter(ns_.get())).value();
  expect_done(io::write_existing("/proc/sys/net/ipv4/conf/all/forwarding", "1"));
  expect_done(io::write_existing("/proc/sys/net/ipv6/conf/all/forwarding", "1"));
  expect_done(io::write_existing("/proc/sys/net/ipv4/conf/b0/rp_filter", "0"));
  expect_done(io::write_existing("/proc/sys/net/ipv4/conf/all/rp_filter", "0"));
  std::vector<Route> routes = sample();
  routes.push_back({.table = 900, .destination = prefix("10.8.0.0/16"), .type = RouteType::blackhole});
  routes.push_back({.table = 900, .destination = prefix("fd00:8::/32"), .type = RouteType::blackhole});
  Batch batch;
  for (const Route& route : routes) batch.add_route(route);
  for (model::Family family : {model::Family::v4, model::Family::v6})
    batch.add_rule({.family = family, .priority = 10, .incoming = "b0", .table = 900});
  expect_done(socket_->run(batch));

  EXPECT_EQ(socket_->lookup(address("10.9.1.1"), std::nullopt, "").value(), routes[0]);
  EXPECT_EQ(socket_->lookup(address("fd00:9::1"), std::nullopt, "").value(), routes[11]) << "77 is less than 1024";
  EXPECT_EQ(socket_->lookup(address("10.9.1.1"), address("10.1.0.77"), "b0").value(), routes[0]);
  EXPECT_EQ(socket_->lookup(address("fd00:9::1"), address("fd00:1::77"), "b0").value(), routes[11]);
  EXPECT_EQ(socket_->lookup(address("10.8.0.1"), address("10.1.0.77"), "b0").error().code, EINVAL) << "by the rule";
  EXPECT_EQ(socket_->lookup(address("fd00:8::1"), address("fd00:1::77"), "b0").error().code, EINVAL);
  EXPECT_EQ(socket_->lookup(address("10.66.0.1"), std::nullopt, "").error().code, EHOSTUNREACH);
  EXPECT_EQ(socket_->lookup(address("10.66.0.1"), address("10.1.0.77"), "b0").error().code, EHOSTUNREACH);
  EXPECT_EQ(socket_->lookup(address("fd66::1"), std::nullopt, "").error().code, EHOSTUNREACH);
  EXPECT_EQ(socket_->lookup(address("10.67.0.1"), std::nullopt, "").error().code, EACCES);
  EXPECT_EQ(socket_->lookup(address("fd67::1"), std::nullopt, "").error().code, EACCES);
  EXPECT_EQ(socket_->lookup(address("10.1.0.4"), std::nullopt, "").value().type, RouteType::local);
  EXPECT_EQ(socket_->lookup(address("10.1.0.4"), std::nullopt, "nothing").error().code, ENODEV);
  Batch removal;
  removal.delete_route(routes[2]).delete_route(routes[12]);
  expect_done(socket_->run(removal));
  EXPECT_EQ(socket_->lookup(address("192.0.2.1"), std::nullopt, "").error().code, ENETUNREACH);
  EXPECT_EQ(socket_->lookup(address("2001:db8::1"), std::nullopt, "").error().code, ENETUNREACH);
}

TEST_F(NetlinkTest, NamespacesAreEnteredAndLeft) {
  auto inode = [](int fd) {
    struct stat info {};
    ::fstat(fd, &info);
    return info.st_ino;
  };
  ino_t home = inode(current_namespace().value().get());
  EXPECT_NE(inode(ns_.get()), home);
  {
    Inside inside = std::move(Inside::enter(ns_.get())).value();
    EXPECT_EQ(inode(current_namespace().value().get()), inode(ns_.get()));
  }
  EXPECT_EQ(inode(current_namespace().value().get()), home);
  EXPECT_FALSE(Inside::enter(-1).ok());
  EXPECT_EQ(open_namespace("/dev/null").error().code, EINVAL);
  EXPECT_EQ(open_namespace("/proc/self/ns/uts").error().code, EINVAL);
  EXPECT_EQ(open_namespace("/nowhere").error().code, ENOENT);
}

TEST_F(NetlinkTest, PinnedNamespaceStays) {
  char folder[] = "/tmp/bailey-pin-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  std::string path = std::string(folder) + "/ns";
  {
    io::Fd ns = std::move(create_namespace()).value();
    expect_done(pin_namespace(ns, path));
    EXPECT_EQ(pin_namespace(ns, path).error().code, EEXIST);
  }
  base::Result<io::Fd> reopened = open_namespace(path);
  EXPECT_TRUE(reopened.ok());
  expect_done(unpin_namespace(path));
  expect_done(unpin_namespace(path));
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
  ::rmdir(folder);
}

}  // namespace
}  // namespace bailey::netlink
