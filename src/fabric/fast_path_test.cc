#include "fabric/fast_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "fabric/objects_for_test.h"

namespace bailey::fabric {
namespace {

using model::Address;
using model::Prefix;
using testing::address;
using ::testing::IsEmpty;
using testing::prefix;
using testing::World;

using Tables = std::array<std::uint32_t, 2>;

// What the program does: the longest prefix of the device that holds the source.
Tables by_longest_prefix(const FastPath& path, const std::string& device, const Address& source) {
  const FastPath::Source* best = nullptr;
  for (const FastPath::Source& row : path.sources)
    if (row.device == device && row.prefix.contains(source) && (!best || row.prefix.length() > best->prefix.length()))
      best = &row;
  return best ? best->tables : Tables{};
}

// What the rules do: check, then the first group that holds the source, then what the kernel's rules say of its mark.
Tables by_rules(const Desired& desired, const std::string& device, const Address& source) {
  for (const Filter::SourceCheck& check : desired.filter.source_checks) {
    if (check.device != device) continue;
    bool allowed = false;
    for (const model::AddressRange& range : check.allowed)
      allowed = allowed || (range.first.family() == source.family() && range.first <= source && source <= range.last);
    if (!allowed) return {};
  }
  std::uint32_t mark = 0;
  for (const Filter::Entry& entry : desired.filter.entries) {
    if (entry.device != device) continue;
    mark = entry.otherwise;
    bool found = false;
    for (const Filter::Entry::Group& group : entry.groups)
      for (const Prefix& one : group.sources)
        if (!found && one.contains(source)) {
          mark = group.mark;
          found = true;
        }
  }
  std::map<std::uint32_t, std::uint32_t> tables;
  for (const KernelRule& rule : desired.hosts.at("fabric").rules)
    if (rule.family == source.family() && rule.mark_mask == ~std::uint32_t{0} && rule.mark == mark)
      tables[rule.priority] = rule.table;
  Tables out{};
  std::size_t next = 0;
  for (const auto& [priority, table] : tables) out.at(next++) = table;
  return out;
}

World hub_and_spoke() {
  World world;
  auto& hub = world.vnet("hub", {"10.0.0.0/16", "fd00::/48"});
  world.subnet(hub, "fw", {"10.0.0.0/24", "fd00:0:0:a::/64"});
  world.subnet(hub, "GatewaySubnet", {"10.0.255.0/27"});
  hub.outbound_addresses = testing::addresses({"203.0.113.1"});
  world.host("fw", "hub/fw", {"10.0.0.4", "fd00:0:0:a::4"}).ip_forwarding = true;
  world.node("n1", "hub/fw", {"10.0.0.5"}, {"10.0.0.16-10.0.0.45"});
  world.on_premises("office", {"192.168.0.0/16", "fd00:ff::/48"});
  world.gateway("hub", "office");
  world.on_premises_host("pc", "office", {"192.168.1.10"});
  world.internet_host("client", {"198.51.100.8"});
  return world;
}

TEST(FastPath, OfNothingIsEmpty) {
  FastPath path = fast_path(Desired());
  EXPECT_THAT(path.devices, IsEmpty());
  EXPECT_THAT(path.sources, IsEmpty());
}

TEST(FastPath, NeverUsesTheInternetsDevice) {
  Desired desired = compile(hub_and_spoke().snapshot());
  ASSERT_EQ(desired.filter.internet_device, "internet");
  FastPath path = fast_path(desired);
  EXPECT_EQ(path.devices.size(), 3u);  // the appliance, the node, the connection to the office
  for (const FastPath::Device& device : path.devices) EXPECT_NE(device.name, "internet");
  for (const FastPath::Source& source : path.sources) EXPECT_NE(source.device, "internet");
}

TEST(FastPath, LooksUpWhatTheRulesWould) {
  Desired desired = compile(hub_and_spoke().snapshot());
  FastPath path = fast_path(desired);
  std::size_t known = 0;
  for (const FastPath::Device& device : path.devices) {
    for (const char* text :
         {"10.0.0.4", "10.0.0.5", "10.0.0.15", "10.0.0.16", "10.0.0.45", "10.0.0.46", "10.0.9.9", "10.1.0.1",
          "192.168.1.10", "198.51.100.8", "::ffff", "fd00:0:0:a::4", "fd00::9", "fd00:ff::10", "2001:db8::1"}) {
      Tables tables = by_rules(desired, device.name, address(text));
      EXPECT_EQ(by_longest_prefix(path, device.name, address(text)), tables) << device.name << " " << text;
      known += tables != Tables{} ? 1 : 0;
    }
  }
  EXPECT_GT(known, 15u);
}

// Groups and checks of every shape, not just those that compile() makes.
TEST(FastPath, EqualsTheRulesOnRandomFilters) {
  std::mt19937 dice(11);
  auto random_prefix = [&] {
    // Few bits, so that prefixes nest, meet and are equal.
    if (dice() % 2 == 0) return Prefix(Address::v4(0x0a000000 | (dice() % 16) << 20), static_cast<int>(8 + dice() % 5));
    return Prefix(address("fd00::").plus(model::Uint128{dice() % 16} << 76), static_cast<int>(48 + dice() % 5));
  };
  std::size_t compared = 0;
  for (int round = 0; round < 300; ++round) {
    Desired desired;
    HostNetwork& fabric = desired.hosts["fabric"];
    for (std::uint32_t mark = 1; mark <= 6; ++mark)
      for (model::Family family : {model::Family::v4, model::Family::v6}) {
        KernelRule rule{
            .family = family, .priority = 100, .mark = mark, .mark_mask = ~std::uint32_t{0}, .table = 1000 + mark};
        fabric.rules.push_back(rule);
        if (mark % 2 == 0) continue;
        rule.priority = 200;
        rule.table = 2000 + mark;
        fabric.rules.push_back(rule);
      }
    Filter::Entry entry{"d", {}, 1};
    for (std::uint32_t group = 0; group < dice() % 4; ++group) {
      entry.groups.push_back({{}, 2 + group});
      for (unsigned i = 0; i <= dice() % 3; ++i) entry.groups.back().sources.push_back(random_prefix());
    }
    desired.filter.entries.push_back(entry);
    if (dice() % 3 != 0) {
      Filter::SourceCheck check{"d", {}, ""};
      for (unsigned i = 0; i < dice() % 4; ++i) {
        Prefix allowed = random_prefix();
        check.allowed.push_back({allowed.first(), dice() % 2 == 0 ? allowed.last() : allowed.at(allowed.size() / 3)});
      }
      desired.filter.source_checks.push_back(check);
    }
    FastPath path = fast_path(desired);
    for (int i = 0; i < 60; ++i) {
      Prefix around = random_prefix();
      Address source = around.at(around.size() / (1 + dice() % 7) - (dice() % 2));
      EXPECT_EQ(by_longest_prefix(path, "d", source), by_rules(desired, "d", source))
          << "round " << round << ", " << source.text();
      ++compared;
    }
    if (HasFailure()) return;
  }
  EXPECT_EQ(compared, 18000u);
}

}  // namespace
}  // namespace bailey::fabric
