// The packet path in the kernel: what becomes of single packets, and what changes, restarts and kills leave.
#include "datapath/sys/pod_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "datapath/sys/node_for_test.h"

namespace bailey::datapath::sys {
namespace {

using model::Address;
using model::Kind;
using model::Prefix;

model::ObjectRef pod_ref(const std::string& name) { return {Kind::Pod, "a", name}; }

// Two pods of this node: `web` is under a policy that lets `client`, of another node, send to 80/tcp. `free` is under
// none.
class PodPathTest : public ::testing::Test {
 protected:
  static constexpr Identity world = 256, client = 257, stranger = 258, web_identity = 259;
  static constexpr std::uint32_t web_set = 7, free_set = 8;

  void SetUp() override {
    std::string why;
    node_ = TestNode::make(why);
    if (!node_) GTEST_SKIP() << why;
    settings_.pins = node_->pins();
    settings_.tcx = true;  // so that the test can run what is attached
    web_ = node_->add_link();
    free_ = node_->add_link();
    open();
    attach("web", web_, {"10.0.1.10", "fd00::10"});
    attach("free", free_, {"10.0.1.11", "fd00::11"});
  }

  void open() {
    path_.reset();
    base::Result<PodPath> opened = PodPath::open(settings_);
    ASSERT_TRUE(opened.ok()) << opened.error().text();
    path_.emplace(std::move(opened).value());
  }
  void attach(const std::string& pod, int link, const std::vector<const char*>& addresses) {
    Attachment attachment{link, {2, 0, 0, 0, 0, 9}, {}, pod_ref(pod)};
    for (const char* text : addresses) attachment.addresses.push_back(*Address::parse(text));
    base::Status done = path_->attach(attachment);
    ASSERT_TRUE(done.ok()) << done.error().text();
  }
  static Maps maps() {
    Maps out;
    for (const char* any : {"0.0.0.0/0", "::/0"}) out.ipcache[*Prefix::parse(any)] = world;
    for (const char* text : {"10.0.2.10", "fd00::2:10"}) out.ipcache[Prefix::host(*Address::parse(text))] = client;
    for (const char* text : {"10.0.2.11", "fd00::2:11"}) out.ipcache[Prefix::host(*Address::parse(text))] = stranger;
    for (const char* text : {"10.0.1.10", "fd00::10"}) out.ipcache[Prefix::host(*Address::parse(text))] = web_identity;
    for (const char* text : {"10.0.0.4", "fd00::4"}) out.ipcache[Prefix::host(*Address::parse(text))] = own_node;
    out.endpoints[pod_ref("web")] = {web_set, {true, true}};
    out.endpoints[pod_ref("free")] = {free_set, {false, false}};
    out.entries[{web_set, Direction::ingress, client, 6, 80, 16}] = {1, 0};
    out.entries[{web_set, Direction::egress, client, 17, 53, 16}] = {1, 0};
    out.policies[1] = {Kind::NetworkPolicy, "a", "p"};
    return out;
  }
  void apply(const Maps& maps) {
    base::Result<Applied> applied = path_->apply(maps);
    ASSERT_TRUE(applied.ok()) << applied.error().text();
  }
  std::uint64_t drops(const std::string& reason) {
    for (const DropCount& drop : path_->counts().value().drops)
      if (drop.reason == reason) return drop.packets;
    ADD_FAILURE() << "no reason " << reason;
    return 0;
  }

  Fate out_of(int link, const Layer& ip) const { return node_->run("from_pod", link, Eth{node_->mac_of(link)} / ip); }
  Fate into(int link, const Layer& ip) const { return node_->run("to_pod", link, Eth{} / ip); }
  // A new connection each time.
  Fate in4(const std::string& source, std::uint16_t port, std::uint8_t flags = 2) {
    return into(web_, IPv4{source, "10.0.1.10"} / TCP{++port_, port, flags});
  }
  Fate in6(const std::string& source, std::uint16_t port) {
    return into(web_, IPv6{source, "fd00::10"} / TCP{++port_, port});
  }

  std::unique_ptr<TestNode> node_;
  Settings settings_;
  std::optional<PodPath> path_;
  int web_ = 0;
  int free_ = 0;
  std::uint16_t port_ = 10000;
};

TEST_F(PodPathTest, NothingPassesBeforeThePoliciesStand) {
  EXPECT_EQ(in4("10.0.2.10", 80), Fate::dropped);
  EXPECT_EQ(out_of(web_, IPv4{"10.0.1.10", "10.0.2.10"} / UDP{1, 53}), Fate::dropped);
  EXPECT_EQ(drops("pending"), 2u);
  apply(maps());
  EXPECT_EQ(in4("10.0.2.10", 80), Fate::stack);
  EXPECT_EQ(path_->epoch(), 2u);
}

TEST_F(PodPathTest, RulesDecideInBothFamilies) {
  apply(maps());
  EXPECT_EQ(in4("10.0.2.10", 80), Fate::stack);
  EXPECT_EQ(in6("fd00::2:10", 80), Fate::stack);
  EXPECT_EQ(in4("10.0.2.10", 81), Fate::dropped);
  EXPECT_EQ(in6("fd00::2:10", 81), Fate::dropped);
  EXPECT_EQ(in4("10.0.2.11", 80), Fate::dropped);
  EXPECT_EQ(in6("fd00::2:11", 80), Fate::dropped);
  EXPECT_EQ(in4("192.0.2.1", 80), Fate::dropped);
  EXPECT_EQ(in4("10.0.0.4", 1), Fate::stack) << "the node reaches its pods";
  EXPECT_EQ(in6("fd00::4", 1), Fate::stack);
  EXPECT_EQ(into(web_, IPv4{"10.0.2.10", "10.0.1.10"} / UDP{1, 80}), Fate::dropped) << "another protocol";
  EXPECT_EQ(into(web_, IPv4{"10.0.2.10", "10.0.1.10"} / SCTP{1, 80}), Fate::dropped);
  EXPECT_EQ(into(web_, IPv4{"10.0.2.10", "10.0.1.10"} / ICMP{}), Fate::dropped) << "no rule without ports";
  EXPECT_EQ(out_of(web_, IPv4{"10.0.1.10", "10.0.2.10"} / UDP{2, 53}), Fate::stack);
  EXPECT_EQ(out_of(web_, IPv4{"10.0.1.10", "10.0.2.10"} / UDP{2, 54}), Fate::dropped);
  EXPECT_EQ(out_of(web_, IPv4{"10.0.1.10", "10.0.0.4"} / UDP{2, 54}), Fate::stack) << "it reaches its node";
  EXPECT_EQ(out_of(free_, IPv4{"10.0.1.11", "10.0.2.11"} / ICMP{}), Fate::stack);
  Maps wider = maps();
  wider.entries[{web_set, Direction::ingress, any_identity, 0, 0, 0}] = {1, 1};
  apply(wider);
  EXPECT_EQ(into(web_, IPv4{"192.0.2.1", "10.0.1.10"} / ICMP{}), Fate::stack);
  EXPECT_EQ(into(web_, IPv6{"2001:db8::1", "fd00::10"} / ICMP{128, 0, 9, true}), Fate::stack);
  EXPECT_EQ(into(web_, IPv4{"192.0.2.1", "10.0.1.10"} / SCTP{1, 99}), Fate::stack);
}

TEST_F(PodPathTest, PortPrefixes) {
  Maps ranges = maps();
  ranges.entries[{web_set, Direction::ingress, client, 6, 1024, 6}] = {1, 1};  // 1024-2047
  apply(ranges);
  for (std::uint16_t port : {1024, 1500, 2047}) EXPECT_EQ(in4("10.0.2.10", port), Fate::stack) << port;
  for (std::uint16_t port : {1023, 2048}) EXPECT_EQ(in4("10.0.2.10", port), Fate::dropped) << port;
  ranges.entries[{web_set, Direction::ingress, stranger, 6, 0, 0}] = {1, 2};
  apply(ranges);
  EXPECT_EQ(in4("10.0.2.11", 65535), Fate::stack);
}

TEST_F(PodPathTest, AnswersPassAndNothingElse) {
  apply(maps());
  Layer question = IPv4{"10.0.2.10", "10.0.1.10"} / TCP{5000, 80};
  Layer answer = IPv4{"10.0.1.10", "10.0.2.10"} / TCP{80, 5000, 0x12};
  EXPECT_EQ(out_of(web_, answer), Fate::dropped) << "there was no question";
  EXPECT_EQ(into(web_, question), Fate::stack);
  EXPECT_EQ(out_of(web_, answer), Fate::stack);
  EXPECT_EQ(out_of(web_, IPv4{"10.0.1.10", "10.0.2.10"} / TCP{80, 5001, 0x12}), Fate::dropped) << "another connection";
  EXPECT_EQ(out_of(web_, IPv4{"10.0.1.10", "10.0.2.10"} / TCP{80, 5000, 2}), Fate::dropped)
      << "a connection of its own between the same ports";
  EXPECT_EQ(out_of(web_, IPv4{"10.0.1.10", "10.0.2.10"} / UDP{6000, 53}), Fate::stack);
  EXPECT_EQ(into(web_, IPv4{"10.0.2.10", "10.0.1.10"} / UDP{53, 6000}), Fate::stack);
  EXPECT_EQ(into(web_, IPv4{"10.0.2.10", "10.0.1.10"} / UDP{53, 6001}), Fate::dropped);
}

// Between pods of one node the sender's side opens the connection before the receiver's side is asked.
TEST_F(PodPathTest, WhatWasNeverLetInHasNoAnswer) {
  Maps built = maps();
  built.entries[{web_set, Direction::egress, world, 17, 123, 16}] = {1, 1};
  apply(built);
  EXPECT_EQ(out_of(free_, IPv4{"10.0.1.11", "10.0.1.10"} / UDP{123, 123}), Fate::dropped);
  EXPECT_EQ(out_of(web_, IPv4{"10.0.1.10", "10.0.1.11"} / UDP{123, 123}), Fate::redirected)
      << "web may send there, whatever was sent to it";
  EXPECT_EQ(out_of(free_, IPv4{"10.0.1.11", "10.0.1.10"} / UDP{123, 123}), Fate::redirected) << "now it is an answer";
}

TEST_F(PodPathTest, EchoesOfBothWaysAreTwoConnections) {
  Maps built = maps();
  built.entries[{web_set, Direction::egress, stranger, 0, 0, 0}] = {1, 1};
  apply(built);
  ICMP question{8, 0, 77}, answer{0, 0, 77};
  EXPECT_EQ(into(web_, IPv4{"10.0.2.11", "10.0.1.10"} / question), Fate::dropped);
  EXPECT_EQ(into(web_, IPv4{"10.0.2.11", "10.0.1.10"} / answer), Fate::dropped);
  EXPECT_EQ(out_of(web_, IPv4{"10.0.1.10", "10.0.2.11"} / question), Fate::stack);
  EXPECT_EQ(into(web_, IPv4{"10.0.2.11", "10.0.1.10"} / answer), Fate::stack);
  EXPECT_EQ(into(web_, IPv4{"10.0.2.11", "10.0.1.10"} / question), Fate::dropped) << "with the same identifier";
  Layer asked = IPv4{"10.0.1.10", "10.0.2.11"} / question;
  EXPECT_EQ(into(web_, IPv4{"198.51.100.1", "10.0.1.10"} / (ICMP{11} / asked)), Fate::stack) << "what traceroute needs";
}

TEST_F(PodPathTest, TighterPoliciesCutWhatIsUnderWay) {
  apply(maps());
  Layer data = IPv4{"10.0.2.10", "10.0.1.10"} / TCP{5000, 80, 0x10};
  Layer answer = IPv4{"10.0.1.10", "10.0.2.10"} / TCP{80, 5000, 0x10};
  EXPECT_EQ(into(web_, IPv4{"10.0.2.10", "10.0.1.10"} / TCP{5000, 80}), Fate::stack);
  Maps shut = maps();
  shut.endpoints[pod_ref("web")] = {9, {true, true}};
  apply(shut);
  EXPECT_EQ(into(web_, data), Fate::dropped);
  EXPECT_EQ(out_of(web_, answer), Fate::dropped);
  apply(maps());
  EXPECT_EQ(into(web_, data), Fate::stack) << "and open again, what still tries goes on";
  EXPECT_EQ(out_of(web_, answer), Fate::stack);
  Maps relabelled = maps();
  relabelled.ipcache[*Prefix::parse("10.0.2.10/32")] = stranger;
  apply(relabelled);
  EXPECT_EQ(into(web_, data), Fate::dropped);
}

TEST_F(PodPathTest, ErrorsAboutAConnectionPass) {
  apply(maps());
  Layer sent = IPv4{"10.0.1.10", "10.0.2.10"} / UDP{6000, 53};
  Layer error = IPv4{"198.51.100.1", "10.0.1.10"} / (ICMP{3, 4} / sent);
  EXPECT_EQ(into(web_, error), Fate::dropped) << "about nothing that was sent";
  EXPECT_EQ(out_of(web_, sent), Fate::stack);
  EXPECT_EQ(into(web_, error), Fate::stack);
  EXPECT_EQ(into(web_, IPv4{"198.51.100.1", "10.0.1.10"} / (ICMP{5, 0} / sent)), Fate::dropped) << "a redirect";
  Layer sent6 = IPv6{"fd00::10", "fd00::2:10"} / UDP{6000, 53};
  EXPECT_EQ(out_of(web_, sent6), Fate::stack);
  EXPECT_EQ(into(web_, IPv6{"2001:db8::1", "fd00::10"} / (ICMP{2, 0, 0, true} / sent6)), Fate::stack) << "too big";
  // From a pod: about what it has got, not about what others have.
  Layer got = IPv4{"10.0.2.10", "10.0.1.10"} / TCP{7000, 80};
  EXPECT_EQ(into(web_, got), Fate::stack);
  EXPECT_EQ(out_of(web_, IPv4{"10.0.1.10", "10.0.2.10"} / (ICMP{3, 3} / got)), Fate::stack);
  Layer of_others = IPv4{"10.0.1.11", "10.0.2.11"} / UDP{1, 2};
  EXPECT_EQ(out_of(free_, of_others), Fate::stack);
  EXPECT_EQ(out_of(web_, IPv4{"10.0.1.10", "10.0.1.11"} / (ICMP{3, 3} / of_others)), Fate::dropped);
}

TEST_F(PodPathTest, PiecesFollowTheFirst) {
  apply(maps());
  auto piece = [&](std::uint16_t fragment, std::uint16_t id, const Layer& inner) {
    return into(web_, IPv4{"10.0.2.10", "10.0.1.10", 64, fragment, id} / inner);
  };
  Raw rest{std::string(16, 'x'), 6};
  EXPECT_EQ(piece(2, 40, layer(rest)), Fate::dropped);
  EXPECT_EQ(drops("fragment-unknown"), 1u);
  EXPECT_EQ(piece(0x2000, 40, layer(TCP{8000, 80})), Fate::stack);
  EXPECT_EQ(piece(2, 40, layer(rest)), Fate::stack);
  EXPECT_EQ(piece(2, 41, layer(rest)), Fate::dropped) << "of another packet";
  EXPECT_EQ(piece(0x2000, 42, layer(TCP{8001, 81})), Fate::dropped);
  EXPECT_EQ(piece(2, 42, layer(rest)), Fate::dropped) << "the port is denied for all pieces";
  auto piece6 = [&](std::uint16_t offset, std::uint32_t id, const Layer& inner) {
    return into(web_, IPv6{"fd00::2:10", "fd00::10"} / (Fragment6{offset, id} / inner));
  };
  EXPECT_EQ(piece6(8, 50, layer(rest)), Fate::dropped);
  EXPECT_EQ(piece6(1, 50, layer(TCP{8002, 80})), Fate::stack);
  EXPECT_EQ(piece6(8, 50, layer(rest)), Fate::stack);
}

TEST_F(PodPathTest, ExtensionHeadersHideNothing) {
  apply(maps());
  for (std::uint16_t port : {80, 81}) {
    Fate wanted = port == 80 ? Fate::stack : Fate::dropped;
    Layer tcp = layer(TCP{++port_, port});
    IPv6 ip{"fd00::2:10", "fd00::10"};
    EXPECT_EQ(into(web_, ip / (Extension{0} / tcp)), wanted);
    EXPECT_EQ(into(web_, ip / (Extension{0, 2} / (Extension{43} / (Extension{60, 1} / tcp)))), wanted);
    IPv4 options{"10.0.2.10", "10.0.1.10"};
    options.words = 8;
    EXPECT_EQ(into(web_, options / tcp), wanted);
  }
  Layer deep = layer(TCP{1, 80});
  for (int i = 0; i < 7; ++i) deep = Extension{60} / deep;
  EXPECT_EQ(into(web_, IPv6{"fd00::2:10", "fd00::10"} / deep), Fate::dropped);
  EXPECT_EQ(drops("malformed"), 1u);
}

// One packet for each reason of bpf/abi/drop_reasons.h; a reason without one fails here.
TEST_F(PodPathTest, EveryDropReasonHasAPacket) {
  std::map<std::string, std::uint64_t> seen;
  into(web_, IPv4{"10.0.2.10", "10.0.1.10"} / TCP{});
  apply(maps());
  out_of(web_, IPv4{"10.0.1.10", "10.0.2.10"} / UDP{1, 99});
  into(web_, IPv4{"10.0.2.10", "10.0.1.10"} / UDP{1, 99});
  out_of(web_, IPv4{"10.0.1.99", "10.0.2.10"} / UDP{1, 53});
  out_of(web_, IPv4{"10.0.1.10", "10.0.2.10"} / Raw{"short", 6});
  into(web_, IPv4{"10.0.2.10", "10.0.1.10", 64, 3, 1} / Raw{"0123456789abcdef", 17});
  out_of(web_, IPv4{"10.0.1.10", "224.0.0.5"} / UDP{1, 53});
  node_->run("from_pod", web_, Eth{{2, 0, 0, 0, 0, 1}, 0x88b5} / Raw{"0123456789"});
  for (const DropCount& drop : path_->counts().value().drops) EXPECT_EQ(drop.packets, 1u) << drop.reason;
}

TEST_F(PodPathTest, WhatIsNoPacketOfThePod) {
  apply(maps());
  EXPECT_EQ(node_->run("from_pod", web_, Eth{{2, 0, 0, 0, 0, 1}, 0x0806} / Raw{std::string(28, '\0')}), Fate::stack)
      << "address resolution";
  IPv6 neighbour{"fe80::1", "fd00::10", 255};
  EXPECT_EQ(into(web_, neighbour / ICMP{135, 0, 0, true}), Fate::stack);
  neighbour.hop_limit = 64;
  EXPECT_EQ(into(web_, neighbour / ICMP{135, 0, 0, true}), Fate::dropped) << "from beyond the link";
  Layer report = IPv6{"::", "ff02::16", 1} / (Extension{0} / ICMP{143, 0, 0, true});
  EXPECT_EQ(out_of(web_, report), Fate::stack) << "which groups it listens to";
  EXPECT_EQ(out_of(web_, IPv4{"10.0.1.11", "10.0.2.10"} / UDP{1, 53}), Fate::dropped) << "the other pod's address";
  EXPECT_EQ(out_of(free_, IPv4{"10.0.1.11", "224.0.0.5"} / UDP{1, 2}), Fate::stack) << "it is not isolated";
  EXPECT_EQ(into(web_, IPv6{"fd00::2:10", "::ffff:10.0.1.10"} / TCP{1, 80}), Fate::dropped);
  EXPECT_EQ(into(web_, IPv6{"::ffff:10.0.2.10", "fd00::10"} / TCP{1, 80}), Fate::dropped) << "an IPv4 address in IPv6";
  IPv4 liar{"10.0.2.10", "10.0.1.10"};
  liar.length_more = 100;
  EXPECT_EQ(into(web_, liar / TCP{1, 80}), Fate::dropped);
}

// Two states that both deny a packet, each for another reason, and together would let it pass; and two that both let
// one pass. Whatever moment of a change a packet meets, it is one of the two.
TEST_F(PodPathTest, NoPacketSeesHalfAChange) {
  constexpr Identity trusted = 300, mistrusted = 301;
  constexpr std::uint32_t strict = 20, mild = 21;
  auto state = [&](bool first) {
    Maps out = maps();
    out.ipcache[*Prefix::parse("10.0.2.10/32")] = first ? trusted : mistrusted;
    out.ipcache[*Prefix::parse("10.0.2.11/32")] = first ? mistrusted : trusted;
    out.endpoints[pod_ref("web")] = {first ? strict : mild, {true, true}};
    // Port 80: trusted under mild, so .10 never. Port 81: trusted under strict, mistrusted under mild, so .10 always.
    if (!first) out.entries[{mild, Direction::ingress, trusted, 6, 80, 16}] = {1, 0};
    if (first) out.entries[{strict, Direction::ingress, trusted, 6, 81, 16}] = {1, 0};
    if (!first) out.entries[{mild, Direction::ingress, mistrusted, 6, 81, 16}] = {1, 0};
    return out;
  };
  const Maps states[] = {state(true), state(false)};
  apply(states[0]);
  std::atomic<bool> stop{false};
  std::uint64_t passed_80 = 0;
  std::uint64_t dropped_81 = 0;
  std::uint64_t packets = 0;
  std::thread sender([&] {
    auto inside = node_->enter();
    while (!stop) {
      passed_80 += in4("10.0.2.10", 80) != Fate::dropped;
      dropped_81 += in4("10.0.2.10", 81) == Fate::dropped;
      packets += 2;
    }
  });
  for (int i = 1; i <= 300; ++i) apply(states[i % 2]);
  stop = true;
  sender.join();
  EXPECT_GT(packets, 300u);
  EXPECT_EQ(passed_80, 0u) << "of " << packets;
  EXPECT_EQ(dropped_81, 0u) << "of " << packets;
}

TEST_F(PodPathTest, AnotherProcessTakesUp) {
  apply(maps());
  Layer data = IPv4{"10.0.2.10", "10.0.1.10"} / TCP{5000, 80, 0x10};
  EXPECT_EQ(in4("10.0.2.10", 80), Fate::stack);
  path_.reset();
  EXPECT_EQ(in4("10.0.2.10", 80), Fate::stack) << "nobody has to be there";
  EXPECT_EQ(in4("10.0.2.11", 80), Fate::dropped);
  open();
  EXPECT_EQ(in4("10.0.2.10", 80), Fate::stack) << "and to come back changes nothing";
  attach("web", web_, {"10.0.1.10", "fd00::10"});
  EXPECT_EQ(in4("10.0.2.10", 80), Fate::stack) << "nor does to say again whose link it is";
  EXPECT_THAT(path_->links(), ::testing::UnorderedElementsAre(web_, free_));
  // Other numbers for the same things.
  Ids ids = path_->ids();
  Identity fresh = ids.identities.of("client");
  std::uint32_t set = ids.sets.of("web");
  EXPECT_GT(fresh, web_identity);
  EXPECT_GT(set, free_set);
  Maps renumbered = maps();
  renumbered.ipcache[*Prefix::parse("10.0.2.10/32")] = fresh;
  renumbered.endpoints[pod_ref("web")] = {set, {true, true}};
  renumbered.entries.clear();
  renumbered.entries[{set, Direction::ingress, fresh, 6, 80, 16}] = {5, 0};
  apply(renumbered);
  EXPECT_EQ(in4("10.0.2.10", 80), Fate::stack);
  ASSERT_TRUE(path_->settle().ok());
  EXPECT_EQ(in4("10.0.2.10", 80), Fate::stack);
  EXPECT_EQ(in4("10.0.2.11", 80), Fate::dropped);
}

TEST_F(PodPathTest, KilledAtAnyMoment) {
  Maps one = maps();
  Maps two = maps();
  two.ipcache[*Prefix::parse("10.0.2.10/32")] = 400;
  two.ipcache[*Prefix::parse("10.0.2.0/24")] = 401;
  two.endpoints[pod_ref("web")] = {30, {true, false}};
  two.entries = {{{30, Direction::ingress, 400, 6, 80, 16}, {2, 0}}};
  for (Maps* each : {&one, &two})  // enough for a change to take its time
    for (std::uint16_t port = 1; port <= 200; ++port)
      each->entries[{each == &one ? 40u : 41u, Direction::ingress, 500, 17, port, 16}] = {3, 0};
  apply(one);
  for (int round = 0; round < 100; ++round) {
    path_.reset();
    pid_t child = fork();
    if (child == 0) {
      open();
      attach("web", web_, {"10.0.1.10", "fd00::10"});
      for (int i = 0;; ++i) (void)path_->apply(i % 2 ? one : two);
    }
    ::usleep(static_cast<useconds_t>(2000 + round * 777 % 9000));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    EXPECT_EQ(in4("10.0.2.10", 80), Fate::stack) << round;
    EXPECT_EQ(in4("10.0.2.11", 80), Fate::dropped) << round;
  }
  open();
  attach("web", web_, {"10.0.1.10", "fd00::10"});
  apply(one);
  ASSERT_TRUE(path_->settle().ok());
  EXPECT_EQ(in4("10.0.2.12", 80), Fate::dropped);
  path_.reset();
  open();  // what the maps hold now is what the last change said, and no more
  EXPECT_EQ(path_->apply(one)->identities, 0u);
  EXPECT_EQ(path_->apply(one)->entries, 0u);
}

TEST_F(PodPathTest, AFullTableDecidesByPolicy) {
  path_.reset();
  settings_.connections = 1024;
  open();
  attach("web", web_, {"10.0.1.10", "fd00::10"});
  attach("free", free_, {"10.0.1.11", "fd00::11"});
  apply(maps());
  for (int i = 0; i < 6000; ++i) ASSERT_EQ(in4("10.0.2.10", 80), Fate::stack) << i;
  for (int i = 0; i < 100; ++i) ASSERT_EQ(in4("10.0.2.11", 80), Fate::dropped) << i;
  PodPath::Use use = path_->connection_use().value();
  EXPECT_EQ(use.size, 1024u);
  EXPECT_LE(use.held, 1024u);
  EXPECT_GT(use.held, 512u);
  EXPECT_EQ(path_->counts()->connections + path_->counts()->connections_untracked, 6000u);
}

TEST_F(PodPathTest, EventsSayWhoAndWhy) {
  apply(maps());
  in4("10.0.2.10", 80);
  in4("10.0.2.11", 80);
  into(web_, IPv4{"10.0.2.10", "10.0.1.10"} / TCP{port_, 80, 0x10});
  into(web_, IPv4{"10.0.2.10", "10.0.1.10"} / TCP{static_cast<std::uint16_t>(port_ - 1), 80, 4});
  std::vector<PathEvent> events;
  ASSERT_TRUE(path_->read_events([&](const PathEvent& event) { events.push_back(event); }).ok());
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[0].kind, PathEvent::Kind::open);
  EXPECT_EQ(events[0].source.text(), "10.0.2.10");
  EXPECT_EQ(events[0].destination_port, 80);
  EXPECT_EQ(events[0].reason, "rule");
  EXPECT_EQ(events[0].by, (Rule{1, 0}));
  EXPECT_EQ(events[0].link_index, web_);
  EXPECT_EQ(events[1].kind, PathEvent::Kind::drop);
  EXPECT_EQ(events[1].reason, "policy-ingress");
  EXPECT_EQ(events[3].kind, PathEvent::Kind::close);
  EXPECT_EQ(events[3].packets, 2u);
  EXPECT_EQ(events[3].bytes, 80u);
}

TEST_F(PodPathTest, EventsBeyondTheBudgetAreCounted) {
  path_.reset();
  settings_.events_per_second = 100;
  open();
  apply(maps());
  for (int i = 0; i < 500; ++i) in4("10.0.2.11", 80);
  std::uint64_t told = 0;
  ASSERT_TRUE(path_->read_events([&](const PathEvent&) { ++told; }).ok());
  EXPECT_GE(told, 13u);
  EXPECT_LT(told, 200u);
  EXPECT_EQ(told + path_->counts()->events_left_out + path_->counts()->events_lost, 500u);
}

// Frames that really arrive at the link, whatever way the programs are attached.
TEST_F(PodPathTest, BothWaysOfAttaching) {
  for (bool clsact : {false, true}) {
    path_.reset();
    settings_.tcx = !clsact;
    settings_.pins = node_->pins() + (clsact ? "-clsact" : "-tcx");
    int link = node_->add_link();
    open();
    attach("web", link, {"10.0.1.10"});
    EXPECT_EQ(path_->attached_by(), clsact ? "clsact" : "tcx");
    apply(maps());
    ASSERT_TRUE(netlink::Socket::open()->set_up(node_->far_of(link)).ok());
    ASSERT_TRUE(netlink::Socket::open()->settle(node_->far_of(link)).ok());
    node_->send_from_far(link, Eth{node_->mac_of(link)} / (IPv4{"10.0.1.77", "10.0.2.10"} / UDP{1, 53}));
    for (int i = 0; i < 100 && drops("spoofed-source") == 0; ++i) ::usleep(10'000);
    EXPECT_EQ(drops("spoofed-source"), 1u) << path_->attached_by();
  }
}

TEST_F(PodPathTest, AnotherSizeAndAnOlderLayout) {
  apply(maps());
  EXPECT_EQ(in4("10.0.2.10", 80), Fate::stack);
  path_.reset();
  ASSERT_EQ(::rename((settings_.pins + "/layout-1").c_str(), (settings_.pins + "/layout-0").c_str()), 0)
      << "as if an older version had made it";
  Layer answer = IPv4{"10.0.1.10", "10.0.2.10"} / TCP{80, port_, 0x10};
  open();
  EXPECT_EQ(out_of(web_, answer), Fate::stack) << "the programs of before are there until new ones take their place";
  attach("web", web_, {"10.0.1.10", "fd00::10"});
  apply(maps());
  EXPECT_EQ(out_of(web_, answer), Fate::stack) << "the connection is known in the new layout too";
  ASSERT_TRUE(path_->settle().ok());
  EXPECT_NE(::access((settings_.pins + "/layout-0").c_str(), F_OK), 0);
  path_.reset();
  settings_.connections = 2048;
  open();
  EXPECT_EQ(path_->connection_use()->size, 2048u);
  EXPECT_EQ(in4("10.0.2.10", 80), Fate::stack);
}

TEST_F(PodPathTest, SaysWhatIsMissing) {
  settings_.pins = "/tmp/bailey-not-a-bpffs-" + std::to_string(::getpid());
  base::Result<PodPath> opened = PodPath::open(settings_);
  ::rmdir(settings_.pins.c_str());
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().text(), ::testing::HasSubstr("mount -t bpf"));
  settings_.pins = node_->pins();
  settings_.uplink = "nowhere0";
  EXPECT_THAT(PodPath::open(settings_).error().text(), ::testing::HasSubstr("nowhere0"));
}

}  // namespace
}  // namespace bailey::datapath::sys
