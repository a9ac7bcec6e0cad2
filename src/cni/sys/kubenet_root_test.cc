// The kubenet model: a bridge on the node, pods as its ports, and what leaves the node's block.
#include <stdio.h>
#include <sys/wait.h>

#include "cni/sys/kubenet.h"
#include "cni/sys/plugin_for_test.h"

namespace bailey::cni::sys {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Not;

class KubenetTest : public PluginTest {
 protected:
  KubenetTest() { ranges_ = {"10.244.1.0/24", "fd00:244:1::/64"}; }

  Json kubenet() const { return config().set("networkModel", "kubenet"); }
  Json add_pod(const std::string& container, const Pod& pod, const std::string& args = "") const {
    Answer answer = call("ADD", container, pod.path, kubenet(), args);
    EXPECT_EQ(answer.exit_status, 0) << answer.output;
    return Json::parse(answer.output).value();
  }
  netlink::Link bridge() const {
    auto found = node_socket_->link("bailey0").value();
    EXPECT_TRUE(found.has_value());
    return found.value_or(netlink::Link{});
  }

  // A host outside, with a cable to the node: 192.0.2.1 and 2001:db8::1 there, .2 and ::2 on the node. It knows
  // nothing of pods.
  Pod outside() {
    Pod host = make_pod();
    EXPECT_TRUE(node_socket_->create_veth({"up0", -1, {}, false}, {"eth0", host.ns.get(), {}, false}, 1460).ok());
    EXPECT_TRUE(host.socket.set_up("eth0").ok());
    EXPECT_TRUE(host.socket.set_up("lo").ok());
    int up = node_socket_->link("up0").value()->index;
    netlink::Batch node;
    // A link-local address of the kernel's own would be in duplicate detection for a second, and a router asks for
    // neighbours with that.
    node.set_automatic_v6(up, false).add_address({up, address("fe80::2"), 64}).set_up(up);
    node.add_address({up, address("192.0.2.2"), 24}).add_address({up, address("2001:db8::2"), 64});
    for (const char* gateway : {"192.0.2.1", "2001:db8::1"}) {
      netlink::Route route;
      route.destination = model::Prefix::any(address(gateway).family());
      route.gateway = address(gateway);
      node.add_route(route);
    }
    EXPECT_TRUE(node_socket_->run(node).ok());
    netlink::Batch far;
    int eth = host.socket.link("eth0").value()->index;
    far.add_address({eth, address("192.0.2.1"), 24}).add_address({eth, address("2001:db8::1"), 64});
    EXPECT_TRUE(host.socket.run(far).ok());
    EXPECT_TRUE(host.socket.settle("eth0").ok() && node_socket_->settle("up0").ok());
    EXPECT_TRUE(host.socket.settle(address("2001:db8::1")).ok());
    EXPECT_TRUE(node_socket_->settle(address("2001:db8::2")).ok());
    return host;
  }

  std::string nft(const std::string& arguments) const {
    netlink::Inside inside = std::move(netlink::Inside::enter(node_.get())).value();
    FILE* pipe = ::popen(("nft " + arguments + " 2>&1").c_str(), "r");
    std::string out;
    char buffer[4096];
    while (std::size_t count = ::fread(buffer, 1, sizeof buffer, pipe)) out.append(buffer, count);
    ::pclose(pipe);
    return out;
  }
};

TEST_F(KubenetTest, TheBridgeIsMadeAndThePodIsItsPort) {
  Pod pod = make_pod();
  Json result = add_pod("a", pod);
  EXPECT_EQ(bridge().kind, "bridge");
  EXPECT_TRUE(bridge().up);
  EXPECT_EQ(netlink::mac_text(bridge().mac), "0a:58:0a:f4:01:01") << "of its address, not of a port";
  netlink::Link host = node_socket_->link(host_link_name("a", "eth0")).value().value();
  EXPECT_EQ(host.master, bridge().index);
  for (auto [gateway, length] : {std::pair("10.244.1.1", 24), std::pair("fd00:244:1::1", 64)}) {
    netlink::InterfaceAddress wanted{bridge().index, address(gateway), length};
    EXPECT_THAT(node_socket_->addresses().value(), Contains(wanted));
  }

  const Json& interfaces = result["interfaces"];
  ASSERT_EQ(interfaces.items().size(), 3U);
  EXPECT_EQ(interfaces.items()[0]["name"].as_string(), "bailey0");
  EXPECT_EQ(interfaces.items()[2]["sandbox"].as_string(), pod.path);
  EXPECT_EQ(netlink::mac_text(pod.socket.link("eth0").value()->mac), "0a:58:0a:f4:01:02");
  const Json& ip = result["ips"].items()[0];
  EXPECT_EQ(ip["address"].as_string(), "10.244.1.2/24");
  EXPECT_EQ(ip["gateway"].as_string(), "10.244.1.1");
  EXPECT_EQ(ip["interface"].as_int(), 2);
  EXPECT_EQ(result["ips"].items()[1]["address"].as_string(), "fd00:244:1::2/64");
  for (const char* any : {"0.0.0.0/0", "::/0"}) {
    netlink::Route wanted;
    wanted.destination = model::Prefix::parse(any).value();
    wanted.gateway = kubenet::bridge_of("", ipam::Pool::parse(ranges_).value(), 0)
                         .blocks[wanted.destination.family() == model::Family::v4 ? 0 : 1]
                         .gateway;
    wanted.link_index = pod.socket.link("eth0").value()->index;
    wanted.protocol = route_protocol;
    EXPECT_THAT(pod.socket.routes().value(), Contains(wanted));
  }
  expect_fine(call("CHECK", "a", pod.path, kubenet().set("prevResult", result)));
  expect_fine(call("DEL", "a", pod.path, kubenet()));
  expect_empty(pod);
  EXPECT_EQ(node_socket_->links().value().size(), 2U) << "lo and the bridge, which stays";
}

TEST_F(KubenetTest, PodsReachEachOtherTheNodeAndThemselves) {
  Pod a = make_pod();
  Pod b = make_pod();
  std::vector<model::Address> of_a = addresses_of(add_pod("a", a));
  std::vector<model::Address> of_b = addresses_of(add_pod("b", b));
  Pod node{std::move(netlink::open_namespace("/proc/self/fd/" + std::to_string(node_.get()))).value(), "",
           std::move(netlink::Socket::open_in(node_.get())).value()};
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(connect(a, b, of_b[i]), of_a[i]);
    EXPECT_EQ(connect(b, a, of_a[i]), of_b[i]);
    EXPECT_EQ(connect(a, a, of_a[i]), of_a[i]);
    model::Address gateway = kubenet::bridge_of("", ipam::Pool::parse(ranges_).value(), 0).blocks[i].gateway;
    EXPECT_EQ(connect(a, node, gateway), of_a[i]);
    EXPECT_EQ(connect(node, a, of_a[i]), gateway);
  }
}

// An address that is used again is found at once, though its neighbours remember who had it.
TEST_F(KubenetTest, TheNextOwnerOfAnAddressIsFoundAtOnce) {
  ranges_ = {"10.244.1.0/29"};  // four addresses for pods
  Pod watcher = make_pod();
  add_pod("watcher", watcher);
  for (int i = 0; i < 6; ++i) {
    std::string name = "c" + std::to_string(i);
    Pod pod = make_pod();
    std::vector<model::Address> addresses = addresses_of(add_pod(name, pod));
    EXPECT_TRUE(connect(watcher, pod, addresses[0])) << addresses[0].text();
    expect_fine(call("DEL", name, pod.path, kubenet()));
  }
}

TEST_F(KubenetTest, ABridgeThatIsThereIsUsedAndKeepsWhatItHas) {
  ASSERT_TRUE(node_socket_->create_bridge("bailey0", netlink::parse_mac("02:00:00:00:00:99"), 1400).ok());
  netlink::Batch batch;
  netlink::InterfaceAddress foreign{bridge().index, address("10.9.0.1"), 16};
  ASSERT_TRUE(node_socket_->run(batch.add_address(foreign)).ok());
  int before = bridge().index;
  Pod pod = make_pod();
  Json result = add_pod("a", pod);
  EXPECT_EQ(bridge().index, before);
  EXPECT_EQ(netlink::mac_text(bridge().mac), "02:00:00:00:00:99");
  EXPECT_EQ(result["interfaces"].items()[0]["mac"].as_string(), "02:00:00:00:00:99");
  EXPECT_THAT(node_socket_->addresses().value(), Contains(foreign));
  EXPECT_TRUE(connect(pod, pod, addresses_of(result)[0]));
  // What somebody took from the bridge comes back with the next pod.
  netlink::Batch harm;
  ASSERT_TRUE(node_socket_->run(harm.delete_address({before, address("10.244.1.1"), 24}).set_up(before, false)).ok());
  Pod other = make_pod();
  Json second = add_pod("b", other);
  EXPECT_TRUE(bridge().up);
  EXPECT_EQ(connect(pod, other, addresses_of(second)[0]), addresses_of(result)[0]);
}

TEST_F(KubenetTest, ADeviceThatIsNoBridgeIsRefusedAndNothingIsTaken) {
  ASSERT_TRUE(node_socket_->create_veth({"bailey0"}, {"other"}, 0).ok());
  Pod pod = make_pod();
  expect_code(call("ADD", "a", pod.path, kubenet()), Code::io_failure, "no bridge");
  expect_empty(pod);
  EXPECT_FALSE(fs::exists(folder_ + "/ipam/10.244.1.2")) << "the address is given back when ADD fails";
  expect_code(call("STATUS", "", "", kubenet()), Code::not_available, "no bridge");
}

TEST_F(KubenetTest, MacAsAskedForInAnyPlace) {
  Pod pod = make_pod();
  add_pod("a", pod, "MAC=02:11:22:33:44:55");
  EXPECT_EQ(netlink::mac_text(pod.socket.link("eth0").value()->mac), "02:11:22:33:44:55");
  Pod second = make_pod();
  Json wish = Json::parse(R"({"mac":"02:11:22:33:44:66","ips":["10.244.1.77"]})").value();
  Answer answer = call("ADD", "b", second.path, kubenet().set("runtimeConfig", wish));
  ASSERT_EQ(answer.exit_status, 0) << answer.output;
  EXPECT_EQ(netlink::mac_text(second.socket.link("eth0").value()->mac), "02:11:22:33:44:66");
  EXPECT_EQ(connect(pod, second, address("10.244.1.77")), address("10.244.1.2"));
}

TEST_F(KubenetTest, ManyPodsAtOnceMakeOneBridge) {
  constexpr std::size_t count = 8;
  std::vector<Pod> pods;
  for (std::size_t i = 0; i < count; ++i) pods.push_back(make_pod());
  std::vector<pid_t> children;
  for (std::size_t i = 0; i < count; ++i) {
    pid_t child = ::fork();
    if (child == 0) ::_exit(call("ADD", "c" + std::to_string(i), pods[i].path, kubenet()).exit_status);
    children.push_back(child);
  }
  for (pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(node_socket_->links().value().size(), 2U + count);
  auto of = [](Pod& pod) {
    for (const netlink::InterfaceAddress& each : pod.socket.addresses().value())
      if (each.address.is_v4() && each.prefix_length == 24) return each.address;
    return model::Address();
  };
  for (std::size_t i = 1; i < count; ++i) EXPECT_EQ(connect(pods[0], pods[i], of(pods[i])), of(pods[0]));
}

TEST_F(KubenetTest, CheckFindsWhatChanged) {
  Pod pod = make_pod();
  Json result = add_pod("a", pod);
  auto check = [&] { return call("CHECK", "a", pod.path, kubenet().set("prevResult", result)); };
  expect_fine(check());
  int host = node_socket_->link(host_link_name("a", "eth0")).value()->index;
  netlink::Batch loose;
  ASSERT_TRUE(node_socket_->run(loose.set_master(host, 0)).ok());
  expect_code(check(), Code::check_failed, "is no port of bailey0");
  netlink::Batch back;
  ASSERT_TRUE(node_socket_->run(back.set_master(host, bridge().index)).ok());
  expect_fine(check());
  netlink::Batch bare;
  ASSERT_TRUE(node_socket_->run(bare.delete_address({bridge().index, address("10.244.1.1"), 24})).ok());
  expect_code(check(), Code::check_failed, "10.244.1.1/24 is missing on bailey0");
  ASSERT_TRUE(node_socket_->delete_link("bailey0").ok());
  expect_code(check(), Code::check_failed, "bridge bailey0 is missing");
}

TEST_F(KubenetTest, WithoutMasqueradeTheOutsideSeesThePod) {
  Pod host = outside();
  Pod pod = make_pod();
  Json result = add_pod("a", pod);
  EXPECT_EQ(pod.socket.link("eth0").value()->mtu, 1460U) << "of the uplink";
  std::vector<model::Address> own = addresses_of(result);
  netlink::Batch back;
  for (auto [block, via] : {std::pair("10.244.1.0/24", "192.0.2.2"), std::pair("fd00:244:1::/64", "2001:db8::2")}) {
    netlink::Route route;
    route.destination = model::Prefix::parse(block).value();
    route.gateway = address(via);
    back.add_route(route);
  }
  ASSERT_TRUE(host.socket.run(back).ok());
  EXPECT_EQ(connect(pod, host, address("192.0.2.1")), own[0]);
  EXPECT_EQ(connect(pod, host, address("2001:db8::1")), own[1]);
  Pod second = make_pod();
  std::vector<model::Address> fresh = addresses_of(add_pod("b", second));
  EXPECT_EQ(connect(host, second, fresh[0]), address("192.0.2.1")) << "the first packet finds the pod";
  EXPECT_EQ(connect(host, second, fresh[1]), address("2001:db8::1"));
  EXPECT_THAT(nft("list ruleset"), IsEmpty());
}

TEST_F(KubenetTest, MasqueradeGivesWhatLeavesTheNodesAddress) {
  Pod host = outside();
  Pod a = make_pod();
  Pod b = make_pod();
  auto configuration = [&] { return kubenet().set("masquerade", true); };
  Answer first = call("ADD", "a", a.path, configuration());
  Answer second = call("ADD", "b", b.path, configuration());
  ASSERT_EQ(first.exit_status + second.exit_status, 0) << first.output << second.output;
  std::vector<model::Address> of_a = addresses_of(Json::parse(first.output).value());
  std::vector<model::Address> of_b = addresses_of(Json::parse(second.output).value());
  EXPECT_EQ(connect(a, host, address("192.0.2.1")), address("192.0.2.2"));
  EXPECT_EQ(connect(a, host, address("2001:db8::1")), address("2001:db8::2"));
  EXPECT_EQ(connect(a, b, of_b[0]), of_a[0]) << "pods see each other as they are";
  EXPECT_EQ(connect(a, b, of_b[1]), of_a[1]);
  std::string rules = nft("list ruleset");
  EXPECT_THAT(rules, AllOf(HasSubstr("table ip bailey-bailey0"), HasSubstr("table ip6 bailey-bailey0"),
                           HasSubstr("ip saddr 10.244.1.0/24 masquerade fully-random"),
                           HasSubstr("ip daddr 224.0.0.0/4 return"), HasSubstr("ip6 daddr ff00::/8 return")));
  // Told anew with the next pod, and replaced, not added to.
  netlink::Batch back;
  netlink::Route route;
  route.destination = model::Prefix::parse("10.244.1.0/24").value();
  route.gateway = address("192.0.2.2");
  ASSERT_TRUE(host.socket.run(back.add_route(route)).ok());
  Json except = Json::array();
  except.push("192.0.2.0/24");
  Pod c = make_pod();
  Answer third = call("ADD", "c", c.path, configuration().set("nonMasqueradeRanges", except));
  ASSERT_EQ(third.exit_status, 0) << third.output;
  EXPECT_EQ(connect(a, host, address("192.0.2.1")), of_a[0]);
  EXPECT_EQ(connect(a, host, address("2001:db8::1")), address("2001:db8::2"));
  std::string v4_rules = nft("list table ip bailey-bailey0");
  EXPECT_THAT(v4_rules, HasSubstr("ip daddr 192.0.2.0/24 return"));
  std::size_t at = v4_rules.find("saddr");
  EXPECT_EQ(v4_rules.find("saddr", at + 1), std::string::npos) << v4_rules;
}

TEST_F(KubenetTest, RangesThatHaveNoPlaceForABridge) {
  Pod pod = make_pod();
  for (const char* range : {"10.244.1.10-10.244.1.20", "10.244.1.0/31", "10.244.1.1/32"}) {
    ranges_ = {range};
    expect_code(call("ADD", "a", pod.path, kubenet()), Code::bad_config, "no address for the bridge");
  }
  ranges_ = {"10.244.1.0/30"};
  Json result = add_pod("a", pod);
  EXPECT_EQ(result["ips"].items()[0]["address"].as_string(), "10.244.1.2/30");
  Pod more = make_pod();
  expect_code(call("ADD", "b", more.path, kubenet()), Code::try_again, "size 1, used 1");
}

}  // namespace
}  // namespace bailey::cni::sys
