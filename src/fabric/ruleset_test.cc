#include "fabric/ruleset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fabric/objects_for_test.h"

namespace bailey::fabric {
namespace {

using ::testing::ElementsAre;
using testing::World;

// "add rule class-1", "delete element classes x2": the commands of a transaction in order.
std::vector<std::string> commands(const base::Json& transaction) {
  std::vector<std::string> out;
  for (const base::Json& command : transaction["nftables"].items()) {
    const auto& [verb, of_kind] = command.members()[0];
    const auto& [kind, what] = of_kind.members()[0];
    std::string line = verb + " " + kind;
    if (what.has("name")) line += " " + what["name"].as_string();
    if (what.has("chain")) line += " " + what["chain"].as_string();
    if (what.has("elem")) line += " x" + std::to_string(what["elem"].items().size());
    out.push_back(line);
  }
  return out;
}

World small_world() {
  World world;
  auto& one = world.vnet("one", {"10.0.0.0/16"});
  world.subnet(one, "s", {"10.0.0.0/24"});
  one.outbound_addresses = testing::addresses({"203.0.113.1"});
  world.host("x", "one/s", {"10.0.0.4"});
  world.internet_host("web", {"198.51.100.7"});
  return world;
}

TEST(Ruleset, OfNothingIsEmptyAndRemovesTheTable) {
  EXPECT_TRUE(ruleset({}, 0).empty());
  EXPECT_TRUE(transaction({}, {}).is_null());
  EXPECT_THAT(commands(replacement({}, {})), ElementsAre("add table bailey-fabric", "delete table bailey-fabric"));
  Ruleset full = ruleset(compile(small_world().snapshot()).filter, 7);
  EXPECT_THAT(commands(transaction(full, {})), ElementsAre("add table bailey-fabric", "delete table bailey-fabric"));
}

TEST(Ruleset, AnotherInterfaceIsAChainAndAnElement) {
  World world = small_world();
  Ruleset before = ruleset(compile(world.snapshot()).filter, 7);
  world.host("y", "one/s", {"10.0.0.5"});
  Ruleset after = ruleset(compile(world.snapshot()).filter, 7);
  std::string device = fabric_device("y");
  std::string chain = "chain from-" + device;
  std::string rule = "add rule from-" + device;
  EXPECT_THAT(commands(transaction(before, after)),
              ElementsAre("add counter source-" + device, "add " + chain, rule, rule, rule, "add element devices x1"));
  EXPECT_THAT(commands(transaction(after, before)), ElementsAre("delete element devices x1", "flush " + chain,
                                                                "delete " + chain, "delete counter source-" + device));
}

TEST(Ruleset, AChangedChainIsFlushedAndWrittenAgain) {
  World world = small_world();
  auto& nic = world.host("fw", "one/s", {"10.0.0.9"});
  nic.ip_forwarding = true;
  Ruleset before = ruleset(compile(world.snapshot()).filter, 7);
  nic.addresses = testing::addresses({"10.0.0.10"});
  Ruleset after = ruleset(compile(world.snapshot()).filter, 7);
  std::string chain = "from-" + fabric_device("fw");
  EXPECT_THAT(commands(transaction(before, after)),
              ElementsAre("flush chain " + chain, "add rule " + chain, "add rule " + chain, "add rule " + chain));
}

TEST(Ruleset, CountersKeepWhatTheyCounted) {
  Ruleset full = ruleset(compile(small_world().snapshot()).filter, 7);
  std::string name = "source-" + fabric_device("x");
  ASSERT_TRUE(full.counters.contains(name));
  EXPECT_EQ(full.counters.at(name).object, "NetworkInterface/x");
  base::Json all = replacement(full, {{name, 42}});
  std::int64_t found = 0;
  for (const base::Json& command : all["nftables"].items())
    if (command["add"]["counter"]["name"].as_string() == name) found = command["add"]["counter"]["packets"].as_int();
  EXPECT_EQ(found, 42);
}

TEST(Ruleset, WithoutInternetNothingIsTranslated) {
  World world;
  world.subnet(world.vnet("one", {"10.0.0.0/16"}), "s", {"10.0.0.0/24"});
  world.host("x", "one/s", {"10.0.0.4"}).public_address = testing::address("203.0.113.1");
  Ruleset rules = ruleset(compile(world.snapshot()).filter, 7);
  EXPECT_TRUE(rules.chains.at("to_public").rules.empty());
  EXPECT_TRUE(rules.chains.at("to_private").rules.empty());
  EXPECT_TRUE(rules.sets.at("private4").elements.empty());
}

}  // namespace
}  // namespace bailey::fabric
