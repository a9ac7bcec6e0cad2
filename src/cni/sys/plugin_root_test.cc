#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>

#include <random>

#include "cni/sys/plugin_for_test.h"
#include "cni/sys/vnet.h"
#include "ipam/sys/leases.h"

namespace bailey::cni::sys {
namespace {

using ::testing::AllOf;

TEST_F(PluginTest, RoundTripForEachFamilyAndVersion) {
  for (const std::vector<std::string>& ranges : std::vector<std::vector<std::string>>{
           {"10.240.0.10-10.240.0.39"}, {"fd00:1::/64"}, {"10.244.1.0/24", "fd00:1::/64"}}) {
    for (const char* version : {"0.3.1", "0.4.0", "1.0.0", "1.1.0"}) {
      ranges_ = ranges;
      version_ = version;
      Pod pod = make_pod();
      Json result = add("c1", pod);
      EXPECT_EQ(result["cniVersion"].as_string(), version);
      ASSERT_EQ(result["ips"].items().size(), ranges.size());
      EXPECT_EQ(result["ips"].items()[0].has("version"), std::string(version) < "1.0.0");
      netlink::Link link = pod.socket.link("eth0").value().value();
      EXPECT_TRUE(link.up);
      EXPECT_EQ(netlink::mac_text(link.mac), result["interfaces"].items()[1]["mac"].as_string());
      EXPECT_TRUE(pod.socket.link("lo").value()->up);
      for (const model::Address& each : addresses_of(result)) {
        netlink::InterfaceAddress wanted{link.index, each, each.bits()};
        EXPECT_THAT(pod.socket.addresses().value(), ::testing::Contains(wanted));
      }
      if (std::string(version) != "0.3.1") expect_fine(check("c1", pod, result));
      expect_fine(del("c1", pod));
      expect_empty(pod);
      expect_nothing_left();
      expect_fine(del("c1", pod));
    }
  }
}

TEST_F(PluginTest, PodsReachEachOtherAtOnceWithTheirOwnAddress) {
  Pod a = make_pod();
  Pod b = make_pod();
  std::vector<model::Address> of_a = addresses_of(add("a", a));
  std::vector<model::Address> of_b = addresses_of(add("b", b));
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(connect(a, b, of_b[i]), of_a[i]);
    EXPECT_EQ(connect(b, a, of_a[i]), of_b[i]);
    EXPECT_EQ(connect(a, a, of_a[i]), of_a[i]) << "a pod reaches itself";
  }
  // The node itself reaches the pod, and no neighbour was asked for on the way.
  netlink::Link host = node_socket_->link(host_link_name("a", "eth0")).value().value();
  EXPECT_EQ(host.mac, host_mac);
  netlink::Route route = node_socket_->lookup(of_a[0], std::nullopt, "").value();
  EXPECT_EQ(route.link_index, host.index);
  EXPECT_EQ(route.protocol, route_protocol);
  EXPECT_TRUE(route.link_scope);
  expect_fine(del("a", a));
  expect_fine(del("b", b));
  expect_nothing_left();
}

TEST_F(PluginTest, APodCannotSendFromAnAddressThatIsNotItsOwn) {
  Pod a = make_pod();
  Pod b = make_pod();
  add("a", a);
  model::Address of_b = addresses_of(add("b", b))[0];
  auto udp = [](const Pod& pod) {
    netlink::Inside inside = std::move(netlink::Inside::enter(pod.ns.get())).value();
    return io::Fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  };
  socklen_t size = 0;
  sockaddr_storage where = wire_address(of_b, 7777, size);
  io::Fd receiver = udp(b);
  ASSERT_EQ(::bind(receiver.get(), reinterpret_cast<sockaddr*>(&where), size), 0);
  io::Fd sender = udp(a);
  ASSERT_EQ(::sendto(sender.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&where), size), 1);
  EXPECT_TRUE(readable(receiver.get(), 900));
  char byte = 0;
  ASSERT_EQ(::recv(receiver.get(), &byte, 1, 0), 1);
  netlink::Batch forge;
  forge.add_address({a.socket.link("eth0").value()->index, address("10.240.0.99"), 32});
  ASSERT_TRUE(a.socket.run(forge).ok());
  io::Fd forger = udp(a);
  sockaddr_storage foreign = wire_address(address("10.240.0.99"), 0, size);
  ASSERT_EQ(::bind(forger.get(), reinterpret_cast<sockaddr*>(&foreign), size), 0);
  ASSERT_EQ(::sendto(forger.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&where), size), 1);
  EXPECT_FALSE(readable(receiver.get(), 200));
}

TEST_F(PluginTest, MtuOfTheUplinkOrAsConfigured) {
  auto mtu_with = [&](const std::string& mtu) {
    Pod pod = make_pod();
    Answer answer = call("ADD", "m", pod.path, config().set("mtu", Json::parse(mtu).value()));
    EXPECT_EQ(answer.exit_status, 0) << answer.output;
    std::uint32_t found = pod.socket.link("eth0").value()->mtu;
    EXPECT_EQ(node_socket_->link(host_link_name("m", "eth0")).value()->mtu, found);
    EXPECT_EQ(Json::parse(answer.output).value()["interfaces"].items()[1]["mtu"].as_int(), found);
    expect_fine(del("m", pod));
    return found;
  };
  EXPECT_EQ(mtu_with("0"), 1500U) << "no uplink";
  EXPECT_EQ(mtu_with("1400"), 1400U);
  ASSERT_TRUE(node_socket_->create_veth({"up0", -1, {}, true}, {"far0", -1, {}, true}, 1420).ok());
  ASSERT_TRUE(node_socket_->create_veth({"up1", -1, {}, true}, {"far1", -1, {}, true}, 1390).ok());
  netlink::Batch by_address;
  by_address.add_address({node_socket_->link("up0").value()->index, address("10.240.0.4"), 24});
  ASSERT_TRUE(node_socket_->run(by_address).ok());
  EXPECT_EQ(mtu_with("0"), 1420U) << "the device with the node's address";
  netlink::Batch by_route;
  netlink::Route route{.destination = model::Prefix::any(model::Family::v4)};
  route.link_index = node_socket_->link("up1").value()->index;
  ASSERT_TRUE(node_socket_->run(by_route.add_route(route)).ok());
  EXPECT_EQ(mtu_with("0"), 1390U) << "the device of the default route";
}

TEST_F(PluginTest, AddressesAndMacAskedFor) {
  Pod pod = make_pod();
  Json wish = Json::parse(R"({"ips":["10.240.0.33/24"],"mac":"02:11:22:33:44:55"})").value();
  Answer answer =
      call("ADD", "c1", pod.path, config().set("runtimeConfig", wish), "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web");
  ASSERT_EQ(answer.exit_status, 0) << answer.output;
  Json result = Json::parse(answer.output).value();
  EXPECT_EQ(result["ips"].items()[0]["address"].as_string(), "10.240.0.33/32");
  EXPECT_EQ(result["ips"].items()[1]["address"].as_string(), "fd00:1::2/128") << "the other family as usual";
  EXPECT_EQ(netlink::mac_text(pod.socket.link("eth0").value()->mac), "02:11:22:33:44:55");
  Pod other = make_pod();
  expect_code(call("ADD", "c2", other.path, config(), "IP=10.240.0.33"), Code::address_in_use, "pod shop/web");
  expect_code(call("ADD", "c2", other.path, config(), "IP=10.240.1.1"), Code::bad_config, "not in this node's ranges");
  expect_code(call("ADD", "c2", other.path, config(), "IP=fd00:1::1"), Code::bad_config, "gateway");
  expect_code(call("ADD", "c2", other.path, config(), "MAC=01:00:00:00:00:01"), Code::bad_config, "mac");
  expect_code(call("ADD", "c2", other.path, config(), "MAC=junk"), Code::bad_config, "junk");
  expect_empty(other);
  expect_fine(del("c1", pod));
  expect_nothing_left();
}

TEST_F(PluginTest, FailedAddsLeaveNothing) {
  ranges_ = {"10.240.0.10-10.240.0.10"};
  Pod first = make_pod();
  Pod second = make_pod();
  add("a", first);
  expect_code(call("ADD", "b", second.path, config()), Code::try_again, "size 1, used 1");
  expect_empty(second);
  expect_code(call("ADD", "a", first.path, config()), Code::interface_exists, "eth0 exists");
  EXPECT_TRUE(connect(first, first, address("10.240.0.10"))) << "the pod that is there is not disturbed";
  expect_fine(del("a", first));
  expect_nothing_left();

  ASSERT_TRUE(second.socket.create_veth({"eth0"}, {"other"}, 0).ok());
  expect_code(call("ADD", "b", second.path, config()), Code::interface_exists, "eth0 exists");
  expect_code(call("ADD", "b", second.path, config(), "", "lo"), Code::interface_exists, "lo exists");
  EXPECT_TRUE(second.socket.link("eth0").value().has_value());
  expect_nothing_left();

  Pod third = make_pod();
  expect_code(call("ADD", "c", third.path, config().set("ipamDir", "/proc/no/leases")), Code::io_failure, "/proc/no");
  expect_code(call("ADD", "c", "/nowhere/ns", config()), Code::unknown_container, "CNI_NETNS");
  expect_code(call("ADD", "c", "/dev/null", config()), Code::bad_environment, "not a network namespace");
  expect_code(call("ADD", "c", "/proc/thread-self/ns/net", config()), Code::bad_environment, "the node's own");
  expect_empty(third);
  expect_nothing_left();
}

TEST_F(PluginTest, DisabledV6IsSaidClearly) {
  Pod pod = make_pod();
  {
    netlink::Inside inside = std::move(netlink::Inside::enter(pod.ns.get())).value();
    ASSERT_TRUE(io::write_existing("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1").ok());
    ASSERT_TRUE(io::write_existing("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").ok());
  }
  expect_code(call("ADD", "c", pod.path, config()), Code::io_failure,
              "IPv6 is disabled in the pod's network namespace");
  expect_empty(pod);
  expect_nothing_left();
  ranges_ = {"10.240.0.10-10.240.0.39"};
  add("c", pod);
  expect_fine(del("c", pod));
  expect_nothing_left();
}

TEST_F(PluginTest, AHostLinkLeftByAKilledAddIsReplaced) {
  ASSERT_TRUE(node_socket_->create_veth({host_link_name("c", "eth0")}, {"left"}, 0).ok());
  Pod pod = make_pod();
  Json result = add("c", pod);
  expect_fine(check("c", pod, result));
  expect_fine(del("c", pod));
  expect_nothing_left();
}

TEST_F(PluginTest, DelWithThingsMissing) {
  expect_fine(call("DEL", "never", "/nowhere/ns", config()));
  expect_fine(call("DEL", "never", "", config()));
  EXPECT_FALSE(fs::exists(folder_ + "/ipam")) << "DEL makes no folders";
  {
    Pod pod = make_pod();
    add("c", pod);
    ASSERT_TRUE(pod.socket.delete_link("eth0").ok());
    expect_fine(del("c", pod));
    expect_nothing_left();
    add("c", pod);
    fs::remove_all(folder_ + "/ipam");
    expect_fine(del("c", pod));
    expect_empty(pod);
    expect_nothing_left();
    add("c", pod);
  }  // the namespace goes
  expect_fine(call("DEL", "c", "/nowhere/ns", config()));
  expect_nothing_left();
}

TEST_F(PluginTest, TwoInterfacesOfOnePod) {
  Pod pod = make_pod();
  ranges_ = {"10.240.0.10-10.240.0.39"};
  add("c", pod);
  std::vector<netlink::Route> before = pod.socket.routes().value();
  Answer second = call("ADD", "c", pod.path, config(), "", "net1");
  ASSERT_EQ(second.exit_status, 0) << second.output;
  Json result = Json::parse(second.output).value();
  EXPECT_EQ(result["ips"].items()[0]["address"].as_string(), "10.240.0.11/32");
  EXPECT_TRUE(result["routes"].items().empty()) << "the first interface keeps them";
  EXPECT_THAT(pod.socket.routes().value(), ::testing::ElementsAreArray(before));
  expect_fine(call("CHECK", "c", pod.path, config().set("prevResult", result), "", "net1"));
  expect_fine(call("DEL", "c", pod.path, config(), "", "net1"));
  EXPECT_THAT(pod.socket.routes().value(), ::testing::ElementsAreArray(before));
  EXPECT_TRUE(pod.socket.link("eth0").value().has_value());
  EXPECT_FALSE(pod.socket.link("net1").value().has_value());
  expect_fine(del("c", pod));
  expect_nothing_left();
}

TEST_F(PluginTest, CheckFindsWhatChanged) {
  Pod pod = make_pod();
  Json result = add("c", pod);
  model::Address v4 = addresses_of(result)[0];
  int eth = pod.socket.link("eth0").value()->index;
  int host = node_socket_->link(host_link_name("c", "eth0")).value()->index;
  expect_fine(check("c", pod, result));

  // A later plugin may add addresses, routes and interfaces.
  ASSERT_TRUE(pod.socket.create_veth({"extra"}, {"extra1"}, 0).ok());
  netlink::Batch more;
  more.add_address({eth, address("10.99.0.1"), 32});
  ASSERT_TRUE(pod.socket.run(more).ok());
  expect_fine(check("c", pod, result));

  netlink::Route host_route{.destination = model::Prefix::host(v4), .link_index = host};
  host_route.protocol = route_protocol;
  host_route.link_scope = true;
  netlink::Batch drop_route;
  ASSERT_TRUE(node_socket_->run(drop_route.delete_route(host_route)).ok());
  expect_code(check("c", pod, result), Code::check_failed, "the node's route to 10.240.0.10 is missing");
  netlink::Batch again;
  ASSERT_TRUE(node_socket_->run(again.add_route(host_route)).ok());
  expect_fine(check("c", pod, result));

  netlink::Route way{.destination = model::Prefix::any(model::Family::v6), .link_index = eth};
  way.gateway = address("fe80::1");
  way.protocol = route_protocol;
  netlink::Batch drop_default;
  ASSERT_TRUE(pod.socket.run(drop_default.delete_route(way)).ok());
  expect_code(check("c", pod, result), Code::check_failed, "route to ::/0 via fe80::1 is missing in the pod");
  netlink::Batch way_again;
  ASSERT_TRUE(pod.socket.run(way_again.add_route(way)).ok());

  fs::rename(folder_ + "/ipam/10.240.0.10", folder_ + "/kept");
  expect_code(check("c", pod, result), Code::check_failed, "the lease of 10.240.0.10 is missing");
  fs::rename(folder_ + "/kept", folder_ + "/ipam/10.240.0.10");
  expect_fine(check("c", pod, result));

  Json other = Json::parse(result.dump()).value();
  Json interfaces = other["interfaces"];
  Json changed = interfaces.items()[1];
  changed.set("mac", "02:00:00:00:00:99");
  Json list = Json::array();
  list.push(interfaces.items()[0]);
  list.push(changed);
  expect_code(check("c", pod, other.set("interfaces", list)), Code::check_failed, "not 02:00:00:00:00:99");
  expect_code(check("c", pod, Json::object()), Code::check_failed, "prevResult has no interface eth0");

  netlink::Batch drop_address;
  ASSERT_TRUE(pod.socket.run(drop_address.delete_address({eth, v4, 32})).ok());
  expect_code(check("c", pod, result), Code::check_failed, "address 10.240.0.10/32 is missing on eth0");
  ASSERT_TRUE(pod.socket.set_up("eth0", false).ok());
  expect_code(check("c", pod, result), Code::check_failed, "interface eth0 is down");
  ASSERT_TRUE(pod.socket.delete_link("eth0").ok());
  expect_code(check("c", pod, result), Code::check_failed, "interface eth0 is missing");
  expect_code(call("CHECK", "c", "/nowhere/ns", config().set("prevResult", result)), Code::unknown_container,
              "CNI_NETNS");
  expect_fine(del("c", pod));
  expect_nothing_left();
}

TEST_F(PluginTest, GcAndStatus) {
  ranges_ = {"10.240.0.10-10.240.0.11"};
  Pod a = make_pod();
  Pod b = make_pod();
  expect_fine(call("STATUS", "", "", config()));
  add("a", a);
  add("b", b);
  expect_code(call("STATUS", "", "", config()), Code::not_available, "size 2, used 2");
  Json valid = Json::parse(R"([{"containerID":"b","ifname":"eth0"}])").value();
  expect_fine(call("GC", "", "", config().set("cni.dev/valid-attachments", valid)));
  expect_empty(a);
  EXPECT_TRUE(b.socket.link("eth0").value().has_value());
  EXPECT_FALSE(fs::exists(folder_ + "/ipam/10.240.0.10"));
  EXPECT_TRUE(fs::exists(folder_ + "/ipam/10.240.0.11"));
  expect_fine(call("STATUS", "", "", config()));
  expect_fine(del("a", a));
  expect_fine(del("b", b));
  expect_nothing_left();
}

TEST_F(PluginTest, VersionAndErrorsThatNeedNoKernel) {
  Answer version = call("VERSION", "", "", Json::parse(R"({"cniVersion":"1.0.0"})").value());
  EXPECT_EQ(version.output,
            "{\"cniVersion\":\"1.0.0\",\"supportedVersions\":[\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n");
  EXPECT_EQ(run({"VERSION", "", "", "", ""}, "").exit_status, 0);
  EXPECT_THAT(run({"ADD", "c", "/x", "eth0", ""}, "{").output, AllOf(HasSubstr("\"code\":6"), HasSubstr("1.1.0")));
  EXPECT_THAT(run({"ADD", "", "", "", ""}, "{\"cniVersion\":\"0.4.0\"}").output,
              AllOf(HasSubstr("\"code\":4"), HasSubstr("\"cniVersion\":\"0.4.0\""), HasSubstr("CNI_NETNS")));
  EXPECT_THAT(run({"ADD", "c", "/x", "eth0", ""}, config().set("color", 1).dump()).output,
              AllOf(HasSubstr("\"code\":7"), HasSubstr("color")));
}

// A runtime kills a plugin that takes too long; the DEL that follows, or a second ADD, finds its way.
TEST_F(PluginTest, KilledAtRandomMomentsNothingIsLeft) {
  Pod pod = make_pod();
  std::mt19937 random(3);
  for (int round = 0; round < 60; ++round) {
    pid_t child = ::fork();
    if (child == 0) {
      for (int i = 0; i < 3; ++i) {
        (void)call("ADD", "c", pod.path, config());
        (void)call("DEL", "c", pod.path, config());
      }
      ::_exit(0);
    }
    ::usleep(random() % 40000);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    if (round % 2 == 0) {
      expect_fine(del("c", pod));
    } else {
      Json none = Json::array();
      expect_fine(call("GC", "", "", config().set("cni.dev/valid-attachments", none)));
      expect_fine(del("c", pod));
    }
    expect_empty(pod);
    if (HasFailure()) return;
  }
  expect_nothing_left();
}

TEST_F(PluginTest, ManyAtOnce) {
  constexpr int count = 8;
  std::vector<Pod> pods;
  for (int i = 0; i < count; ++i) pods.push_back(make_pod());
  std::vector<pid_t> children;
  for (int i = 0; i < count; ++i) {
    pid_t child = ::fork();
    if (child == 0) {
      Answer answer = call("ADD", "c" + std::to_string(i), pods[static_cast<std::size_t>(i)].path, config());
      ::_exit(answer.exit_status);
    }
    children.push_back(child);
  }
  for (pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  ipam::sys::Leases leases = std::move(ipam::sys::Leases::open(folder_ + "/ipam")).value();
  EXPECT_EQ(leases.list().value().size(), 2U * count);
  EXPECT_EQ(node_socket_->links().value().size(), 1U + count);
  for (int i = 0; i < count; ++i) expect_fine(del("c" + std::to_string(i), pods[static_cast<std::size_t>(i)]));
  expect_nothing_left();
}

}  // namespace
}  // namespace bailey::cni::sys
