#include "plan/check/traffic.h"

#include <gtest/gtest.h>

#include <random>

namespace bailey::plan::check {
namespace {

using namespace model;
using Direction = SecurityRule::Direction;
using Far = Traffic::Far;

SecurityRule rule(std::uint16_t priority, bool allow, std::string source,
                  std::vector<SecurityRule::PortRange> ports = {}) {
  SecurityRule out;
  out.name = "r" + std::to_string(priority);
  out.priority = priority;
  out.allow = allow;
  out.source_prefixes = {std::move(source)};
  out.destination_prefixes = {"*"};
  out.destination_ports = std::move(ports);
  return out;
}

NetworkSecurityGroup group(std::vector<SecurityRule> rules) {
  NetworkSecurityGroup out;
  out.rules = std::move(rules);
  return out;
}

Subnet subnet(const char* prefix) {
  Subnet out;
  out.prefixes = {*Prefix::parse(prefix)};
  return out;
}

Traffic ssh_from(Far far, const Subnet* here = nullptr) {
  Traffic out;
  out.far = far;
  out.port = 22;
  out.here = here;
  return out;
}

TEST(Traffic, DefaultRulesDecideWhereNoRuleDoes) {
  NetworkSecurityGroup none = group({});
  EXPECT_FALSE(decide(none, ssh_from(Far::internet)).allow) << "65500 DenyAllInBound";
  EXPECT_TRUE(decide(none, ssh_from(Far::network)).allow) << "65000 AllowVnetInBound";
  EXPECT_TRUE(decide(none, ssh_from(Far::balancer)).allow) << "65001 AllowAzureLoadBalancerInBound";
  Traffic out = ssh_from(Far::internet);
  out.direction = Direction::outbound;
  EXPECT_TRUE(decide(none, out).allow) << "65001 AllowInternetOutBound";
}

TEST(Traffic, TheLowestPriorityNumberDecides) {
  NetworkSecurityGroup both = group({rule(200, false, "*"), rule(100, true, "Internet", {{22, 22}})});
  Decision decision = decide(both, ssh_from(Far::internet));
  EXPECT_TRUE(decision.allow);
  EXPECT_EQ(decision.index, 1u);
  EXPECT_FALSE(decide(both, ssh_from(Far::network)).allow) << "the Internet is not the network";
  both.rules[0].priority = 50;
  EXPECT_FALSE(decide(both, ssh_from(Far::internet)).allow);
}

TEST(Traffic, AnAllowCountsForAPartAndADenyOnlyForAll) {
  Subnet nodes = subnet("10.1.0.0/24");
  NetworkSecurityGroup part = group({rule(100, true, "203.0.113.0/24", {{22, 22}})});
  EXPECT_TRUE(decide(part, ssh_from(Far::internet, &nodes)).allow) << "some of the Internet gets in";
  NetworkSecurityGroup deny = group({rule(100, false, "203.0.113.0/24"), rule(200, true, "Internet")});
  EXPECT_TRUE(decide(deny, ssh_from(Far::internet, &nodes)).allow) << "the rest of it gets in";
  NetworkSecurityGroup elsewhere = group({rule(100, true, "Internet", {{22, 22}})});
  elsewhere.rules[0].destination_prefixes = {"10.9.0.0/24"};
  EXPECT_FALSE(decide(elsewhere, ssh_from(Far::internet, &nodes)).allow) << "it leads to another subnet";
  NetworkSecurityGroup udp = group({rule(100, true, "Internet", {{22, 22}})});
  udp.rules[0].protocol = Protocol::udp;
  EXPECT_FALSE(decide(udp, ssh_from(Far::internet, &nodes)).allow);
}

TEST(Traffic, AdmittedListsWhoIsNotKnown) {
  Subnet nodes = subnet("10.1.0.0/24");
  std::vector<Prefix> bastion = {*Prefix::parse("10.100.1.0/24")};
  Admitted open = admitted(group({rule(100, true, "10.100.1.0/24", {{22, 22}})}), 22, nodes, bastion);
  EXPECT_TRUE(open.rules.empty());
  EXPECT_TRUE(open.open) << "the default rules let the network in";
  Admitted closed = admitted(group({rule(100, true, "10.100.0.0/16", {{20, 30}}), rule(200, false, "*", {{22, 22}}),
                                    rule(300, true, "10.9.0.0/16", {{22, 22}})}),
                             22, nodes, bastion);
  ASSERT_EQ(closed.rules.size(), 1u) << "what comes after the deny is never reached";
  EXPECT_EQ(closed.rules[0].source, "10.100.0.0/16");
  EXPECT_FALSE(closed.open);
}

TEST(Traffic, PublicPrefixesAreThoseOutsideOfThePrivateOnes) {
  for (const char* text :
       {"10.0.0.0/8", "172.16.4.0/24", "192.168.0.0/16", "100.64.0.0/10", "fd00::/8", "168.63.129.16/32"})
    EXPECT_FALSE(is_public(*Prefix::parse(text))) << text;
  for (const char* text : {"0.0.0.0/0", "172.0.0.0/8", "203.0.113.0/24", "2001:db8::/32", "8.8.8.8/32"})
    EXPECT_TRUE(is_public(*Prefix::parse(text))) << text;
}

// The same question answered address by address: for a prefix of one address, touching and covering are the same, so
// a plain first match must agree.
TEST(Traffic, AgreesWithAPlainFirstMatchForOneAddress) {
  std::mt19937 random(7);
  auto pick = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
  const std::vector<std::string> sources = {"*",           "VirtualNetwork", "Internet", "10.1.0.0/16",
                                            "10.1.2.0/24", "10.1.2.3/32",    "0.0.0.0/0"};
  Subnet here = subnet("10.9.0.0/24");
  for (int round = 0; round < 3000; ++round) {
    NetworkSecurityGroup tested;
    for (std::uint32_t i = 0; i < 1 + pick(6); ++i) {
      std::vector<SecurityRule::PortRange> ports;
      if (pick(2)) ports = {{static_cast<std::uint16_t>(20 + pick(4)), static_cast<std::uint16_t>(22 + pick(4))}};
      if (!ports.empty() && ports[0].first > ports[0].last) std::swap(ports[0].first, ports[0].last);
      tested.rules.push_back(rule(static_cast<std::uint16_t>(100 + pick(1000)), pick(2) == 1, sources[pick(7)], ports));
      tested.rules.back().direction = pick(4) ? Direction::inbound : Direction::outbound;
      if (pick(3) == 0) tested.rules.back().protocol = pick(2) ? Protocol::tcp : Protocol::udp;
    }
    Address from = Address::v4(0x0a010000 + pick(4) * 256 + pick(4));
    std::optional<bool> plain;
    std::uint32_t best = 70000;
    std::size_t which = 0;
    for (std::size_t i = 0; i < tested.rules.size(); ++i) {
      const SecurityRule& each = tested.rules[i];
      if (each.direction != Direction::inbound || each.priority >= best) continue;
      if (each.protocol && *each.protocol != Protocol::tcp) continue;
      if (!each.destination_ports.empty() &&
          (each.destination_ports[0].first > 22 || each.destination_ports[0].last < 22))
        continue;
      const std::string& source = each.source_prefixes[0];
      bool hit = source == "*" || source == "VirtualNetwork" ||
                 (source != "Internet" && Prefix::parse(source)->contains(from));
      if (!hit) continue;
      best = each.priority;
      plain = each.allow;
      which = i;
    }
    Traffic traffic = ssh_from(Far::prefix, &here);
    traffic.prefix = Prefix::host(from);
    Decision decision = decide(tested, traffic);
    ASSERT_EQ(decision.allow, plain.value_or(true)) << round;
    if (plain && decision.rule) {
      ASSERT_EQ(decision.rule->priority, tested.rules[which].priority) << round;
    }
  }
}

}  // namespace
}  // namespace bailey::plan::check
