// The fast path against the rules alone: two fabrics of the same objects must treat every packet alike.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstring>
#include <future>
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
using testing::Delivery;
using testing::Lab;

constexpr auto alone = Applier::Speed::rules_alone;

struct Place {
  const char* host;
  std::vector<const char*> addresses;
};

// Peered VNets with an appliance between them, a gateway to an office, the Internet, nodes with pods, one VNet apart.
World everything() {
  World world;
  auto& hub = world.vnet("hub", {"10.0.0.0/16", "fd00::/48"});
  world.subnet(hub, "fw", {"10.0.0.0/24", "fd00:0:0:a::/64"});
  world.subnet(hub, "GatewaySubnet", {"10.0.255.0/27"});
  auto& spoke = world.vnet("spoke", {"10.1.0.0/16", "fd00:1::/48"});
  world.subnet(spoke, "nodes", {"10.1.0.0/20", "fd00:1::/64"});
  world.subnet(spoke, "routed", {"10.1.32.0/24", "fd00:1:0:2::/64"}).route_table = "t";
  world.subnet(world.vnet("alone", {"10.1.0.0/16"}), "s", {"10.1.0.0/24"});
  hub.outbound_addresses = addresses({"203.0.113.1"});
  spoke.outbound_addresses = addresses({"203.0.113.2"});
  auto both = world.peer("hub", "spoke");
  both.first->allow_gateway_transit = both.second->use_remote_gateways = true;
  both.second->allow_forwarded_traffic = true;
  world.host("fw", "hub/fw", {"10.0.0.4", "fd00:0:0:a::4"}).ip_forwarding = true;
  world.host("web", "hub/fw", {"10.0.0.5", "fd00:0:0:a::5"}).public_address = address("203.0.113.9");
  world.host("far", "spoke/routed", {"10.1.32.4", "fd00:1:0:2::4"});
  world.host("apart", "alone/s", {"10.1.0.4"});
  world.node("n1", "spoke/nodes", {"10.1.0.4", "fd00:1::4"}, {"10.1.1.10-10.1.1.39", "fd00:1::1:0/112"});
  world.node("n2", "spoke/nodes", {"10.1.0.5", "fd00:1::5"}, {"10.1.2.10-10.1.2.39", "fd00:1::2:0/112"});
  auto& table = world.table("t");
  world.route(table, "0.0.0.0/0", NextHopType::virtual_appliance, "10.0.0.4");
  world.route(table, "10.0.0.0/24", NextHopType::virtual_appliance, "10.0.0.4");
  world.route(table, "10.1.2.0/24", NextHopType::none);
  world.on_premises("office", {"192.168.0.0/16", "fd00:ff::/48"});
  world.gateway("hub", "office");
  world.on_premises_host("pc", "office", {"192.168.1.10", "fd00:ff::10"});
  world.internet_host("client", {"198.51.100.8"});
  return world;
}

const std::vector<Place>& places() {
  static const std::vector<Place> all{{"host/fw", {"10.0.0.4", "fd00:0:0:a::4"}},
                                      {"host/web", {"10.0.0.5", "fd00:0:0:a::5", "203.0.113.9"}},
                                      {"host/far", {"10.1.32.4", "fd00:1:0:2::4"}},
                                      {"host/apart", {"10.1.0.4"}},
                                      {"node/n2", {"10.1.0.5", "fd00:1::5"}},
                                      {"pod1", {"10.1.1.17", "fd00:1::1:7"}},
                                      {"pod2", {"10.1.2.17", "fd00:1::2:7"}},
                                      {"host/pc", {"192.168.1.10", "fd00:ff::10"}},
                                      {"host/client", {"198.51.100.8"}}};
  return all;
}

void add_pods(Lab& lab) {
  lab.add_pod("pod1", "node/n1", addresses({"10.1.1.17", "fd00:1::1:7"}));
  lab.add_pod("pod2", "node/n2", addresses({"10.1.2.17", "fd00:1::2:7"}));
}

class FastPathInKernel : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: makes network namespaces";
    utsname machine{};
    int major = 0;
    int minor = 0;
    uname(&machine);
    std::sscanf(machine.release, "%d.%d", &major, &minor);
    if (std::pair(major, minor) < std::pair(6, 6)) GTEST_SKIP() << "needs kernel 6.6: tcx, and lookups by table";
  }
  // Both at once, since what is lost costs a wait.
  void expect_alike(Lab& fast, Lab& slow, std::mt19937& dice, int questions) {
    for (int i = 0; i < questions; ++i) {
      const Place& from = places()[dice() % places().size()];
      const Place& at = places()[dice() % places().size()];
      if (&from == &at) continue;
      model::Address to = address(at.addresses[dice() % at.addresses.size()]);
      std::optional<model::Address> source;
      const Place& other = dice() % 6 == 0 ? places()[dice() % places().size()] : from;
      for (const char* text : other.addresses)
        if (&other != &from && address(text).family() == to.family()) source = address(text);
      auto by_rules = std::async(std::launch::async, [&] { return slow.send(from.host, to, at.host, source); });
      EXPECT_EQ(fast.send(from.host, to, at.host, source), by_rules.get())
          << from.host << " to " << to.text() << (source ? " as " + source->text() : "");
    }
  }
  std::uint64_t fast_packets(const Lab& lab) { return lab.applier().fast_path().packets; }
};

TEST_F(FastPathInKernel, IsTakenBetweenInterfaces) {
  Lab lab;
  lab.apply(everything().snapshot());
  add_pods(lab);
  ASSERT_TRUE(lab.applier().fast_path().on)
      << (lab.applier().fast_path().off ? lab.applier().fast_path().off->text() : "");
  std::uint64_t before = fast_packets(lab);
  EXPECT_TRUE(lab.send("pod1", address("10.0.0.5"), "host/web").answered);
  EXPECT_TRUE(lab.send("pod1", address("fd00:1::5"), "node/n2").answered);
  EXPECT_EQ(fast_packets(lab), before + 4);
  EXPECT_TRUE(lab.send("pod1", address("198.51.100.8"), "host/client").answered);
  EXPECT_EQ(fast_packets(lab), before + 4) << "the Internet is the rules'";
  // To the appliance, from there to its target, and directly back.
  EXPECT_TRUE(lab.send("host/far", address("10.0.0.5"), "host/web").answered);
  EXPECT_EQ(fast_packets(lab), before + 7);
}

TEST_F(FastPathInKernel, TreatsEveryPacketLikeTheRulesAlone) {
  Lab fast;
  Lab slow(alone);
  World world = everything();
  std::mt19937 dice(5);
  for (Lab* lab : {&fast, &slow}) {
    lab->apply(world.snapshot());
    add_pods(*lab);
  }
  expect_alike(fast, slow, dice, 160);
  EXPECT_GT(fast_packets(fast), 100u);
  EXPECT_EQ(fast_packets(slow), 0u);
  auto drops = [](Lab& lab) {
    std::map<std::string, std::uint64_t> out;
    base::Result<std::vector<Applier::DropCounter>> all = lab.applier().drops();
    for (const Applier::DropCounter& row : *all) out[row.reason + " " + row.object] = row.packets;
    return out;
  };
  EXPECT_EQ(drops(fast), drops(slow));
}

TEST_F(FastPathInKernel, FollowsEachChange) {
  Lab fast;
  Lab slow(alone);
  World world = everything();
  fast.make_hosts(world.snapshot());
  slow.make_hosts(world.snapshot());
  std::vector<model::AnyObject> objects = world.objects();
  std::mt19937 dice(6);
  for (int step = 0; step < 8; ++step) {
    std::vector<model::AnyObject> subset;
    for (const model::AnyObject& object : objects)
      if (dice() % 100 < 85) subset.push_back(object);
    model::Snapshot snapshot = model::snapshot_of(step % 2 == 0 ? objects : subset);
    fast.apply(snapshot);
    slow.apply(snapshot);
    if (step == 0) add_pods(fast), add_pods(slow);
    if (dice() % 3 == 0) {
      fast.applier().forget();
      EXPECT_TRUE(fast.send("host/far", address("10.1.0.5"), "node/n2") ==
                  slow.send("host/far", address("10.1.0.5"), "node/n2"))
          << "forgotten, so the rules carry it alone";
      fast.apply(snapshot);
    }
    expect_alike(fast, slow, dice, 15);
    EXPECT_TRUE(fast.applier().fast_path().on);
  }
}

// A subnet that loses its route, and a node that loses a range, are cut although the fast path knew them.
TEST_F(FastPathInKernel, TakesBackWhatNoLongerHolds) {
  World world;
  auto& one = world.vnet("one", {"10.0.0.0/16"});
  world.subnet(one, "a", {"10.0.0.0/24"}).route_table = "t";
  world.subnet(one, "b", {"10.0.1.0/24"});
  world.host("x", "one/a", {"10.0.0.4"});
  auto& node = world.node("n", "one/b", {"10.0.1.4"}, {"10.0.1.8-10.0.1.11"});
  auto& table = world.table("t");
  Lab lab;
  lab.apply(world.snapshot());
  EXPECT_TRUE(lab.send("host/x", address("10.0.1.4"), "node/n").answered);
  EXPECT_TRUE(lab.send("node/n", address("10.0.0.4"), "host/x", address("10.0.1.9")).arrived);
  std::uint64_t before = fast_packets(lab);
  EXPECT_GE(before, 3u);
  auto foreign = [&] { return lab.dropped("source-check", "N"); };  // the answer to the second comes back from the node
  std::uint64_t foreign_before = foreign();
  world.route(table, "10.0.1.0/24", NextHopType::none);
  node.pod_ranges = {*model::AddressRange::parse("10.0.1.10-10.0.1.11")};
  lab.apply(world.snapshot());
  EXPECT_FALSE(lab.send("host/x", address("10.0.1.4"), "node/n").arrived);
  EXPECT_FALSE(lab.send("node/n", address("10.0.0.4"), "host/x", address("10.0.1.9")).arrived);
  EXPECT_EQ(fast_packets(lab), before);
  EXPECT_EQ(foreign(), foreign_before + 1);
  EXPECT_EQ(lab.dropped("route", "VirtualNetwork/one/subnets/a"), 1u);
}

// So many bytes with this many hops to live; the ICMP or ICMPv6 type and code that come back, -1 for none.
std::pair<int, int> refusal(Lab& lab, const char* from, const char* to, int hops, std::size_t bytes) {
  model::Address target = address(to);
  base::Result<netlink::Inside> inside = netlink::Inside::enter(lab.space(from));
  if (!inside.ok()) return {-2, 0};
  io::Fd sender(socket(target.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  int on = 1;
  int whole = IP_PMTUDISC_PROBE;
  if (target.is_v4()) {
    setsockopt(sender.get(), SOL_IP, IP_TTL, &hops, sizeof hops);
    setsockopt(sender.get(), SOL_IP, IP_RECVERR, &on, sizeof on);
    setsockopt(sender.get(), SOL_IP, IP_MTU_DISCOVER, &whole, sizeof whole);
  } else {
    setsockopt(sender.get(), SOL_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof hops);
    setsockopt(sender.get(), SOL_IPV6, IPV6_RECVERR, &on, sizeof on);
    setsockopt(sender.get(), SOL_IPV6, IPV6_MTU_DISCOVER, &whole, sizeof whole);
  }
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(7);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(7);
  std::memcpy(target.is_v4() ? static_cast<void*>(&v4.sin_addr) : static_cast<void*>(&v6.sin6_addr),
              target.wire().data(), target.wire().size());
  std::string data(bytes, 'x');
  const sockaddr* where = target.is_v4() ? reinterpret_cast<sockaddr*>(&v4) : reinterpret_cast<sockaddr*>(&v6);
  if (sendto(sender.get(), data.data(), data.size(), 0, where, target.is_v4() ? sizeof v4 : sizeof v6) < 0)
    return {-3, errno};
  pollfd one{sender.get(), POLLERR, 0};
  if (poll(&one, 1, 300) != 1) return {-1, 0};
  char control[512];
  iovec part{data.data(), data.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  if (recvmsg(sender.get(), &message, MSG_ERRQUEUE) < 0) return {-4, errno};
  for (cmsghdr* row = CMSG_FIRSTHDR(&message); row; row = CMSG_NXTHDR(&message, row)) {
    sock_extended_err error{};
    std::memcpy(&error, CMSG_DATA(row), sizeof error);
    return {error.ee_type, error.ee_code};
  }
  return {-5, 0};
}

// bpf(2) fails for the process from here on, as it does where a container may not use it.
void forbid_bpf() {
  sock_filter steps[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                         BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_bpf, 0, 1),
                         BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                         BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  sock_fprog program{static_cast<unsigned short>(std::size(steps)), steps};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    _exit(2);
}

TEST_F(FastPathInKernel, WithoutBpfTheRulesCarryEverythingAndTheStatusSaysWhy) {
  pid_t child = fork();
  if (child == 0) {
    forbid_bpf();
    Lab lab;
    lab.apply(everything().snapshot());
    add_pods(lab);
    Applier::FastPathStatus status = lab.applier().fast_path();
    EXPECT_FALSE(status.on);
    EXPECT_TRUE(status.off && status.off->code == EPERM) << (status.off ? status.off->text() : "no reason");
    EXPECT_TRUE(lab.send("pod1", address("10.0.0.5"), "host/web").answered);
    EXPECT_TRUE(lab.send("host/far", address("10.0.0.5"), "host/web").answered);
    EXPECT_FALSE(lab.send("host/apart", address("10.0.0.5"), "host/web").arrived);
    lab.applier().forget();
    lab.apply(everything().snapshot());
    EXPECT_TRUE(lab.applier().fast_path().off) << "tried again, with the same end";
    _exit(HasFailure() ? 1 : 0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

World two_hosts() {
  World world;
  auto& one = world.vnet("one", {"10.0.0.0/16", "fd00:1::/48"});
  world.subnet(one, "a", {"10.0.0.0/24", "fd00:1:0:a::/64"});
  world.host("x", "one/a", {"10.0.0.4", "fd00:1:0:a::4"});
  world.host("y", "one/a", {"10.0.0.5", "fd00:1:0:a::5"});
  return world;
}

const std::pair<int, int> silence{-1, 0};
// What the far end says of a closed port: so it arrived there.
const std::pair<int, int> arrived{3, 3};
const std::pair<int, int> arrived6{1, 4};

// The fabric is one hop whichever way a packet takes, and says nothing of what it drops.
TEST_F(FastPathInKernel, CountsHops) {
  for (Applier::Speed speed : {Applier::Speed::fast_path, alone}) {
    Lab lab(speed);
    lab.apply(two_hosts().snapshot());
    EXPECT_EQ(refusal(lab, "host/x", "10.0.0.5", 1, 100), silence);
    EXPECT_EQ(refusal(lab, "host/x", "fd00:1:0:a::5", 1, 100), silence);
    EXPECT_EQ(refusal(lab, "host/x", "10.0.0.5", 2, 100), arrived);
    EXPECT_EQ(refusal(lab, "host/x", "fd00:1:0:a::5", 2, 100), arrived6);
    EXPECT_EQ(refusal(lab, "host/x", "10.0.0.77", 64, 100), silence) << "no such interface";
  }
}

TEST_F(FastPathInKernel, TakesNothingThatIsTooLong) {
  for (Applier::Speed speed : {Applier::Speed::fast_path, alone}) {
    Lab lab(speed);
    lab.make_hosts(two_hosts().snapshot());
    Desired desired = compile(two_hosts().snapshot());
    for (Cable& cable : desired.cables)
      if (cable.b.host == "host/y" || cable.a.host == "host/y") cable.mtu = 1400;
    ASSERT_TRUE(lab.applier().apply(desired).ok());
    EXPECT_EQ(refusal(lab, "host/x", "10.0.0.5", 64, 1372), arrived);
    EXPECT_EQ(refusal(lab, "host/x", "10.0.0.5", 64, 1373), silence);
    EXPECT_EQ(refusal(lab, "host/x", "fd00:1:0:a::5", 64, 1352), arrived6);
    EXPECT_EQ(refusal(lab, "host/x", "fd00:1:0:a::5", 64, 1353), silence);
    EXPECT_EQ(refusal(lab, "host/y", "10.0.0.4", 64, 1372), arrived);
  }
}

}  // namespace
}  // namespace bailey::fabric::sys
