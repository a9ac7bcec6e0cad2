#include "ipam/pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

namespace bailey::ipam {
namespace {

using ::testing::HasSubstr;
using Place = Pool::Place;

model::Address address(const std::string& text) { return model::Address::parse(text).value(); }
Pool pool(const std::vector<std::string>& texts) { return Pool::parse(texts).value(); }

TEST(Pool, PrefixesKeepNetworkGatewayAndBroadcast) {
  Pool both = pool({"10.244.1.0/24", "fd00:1::/64"});
  EXPECT_EQ(both.place(address("10.244.1.0")), Place::reserved);
  EXPECT_EQ(both.place(address("10.244.1.1")), Place::reserved);
  EXPECT_EQ(both.place(address("10.244.1.2")), Place::usable);
  EXPECT_EQ(both.place(address("10.244.1.254")), Place::usable);
  EXPECT_EQ(both.place(address("10.244.1.255")), Place::reserved);
  EXPECT_EQ(both.place(address("10.244.2.2")), Place::outside);
  EXPECT_EQ(both.place(address("fd00:1::1")), Place::reserved);
  EXPECT_EQ(both.place(address("fd00:1::2")), Place::usable);
  EXPECT_EQ(both.place(address("fd00:1::ffff:ffff:ffff:ffff")), Place::usable) << "IPv6 has no broadcast";
  EXPECT_EQ(count_text(both.size(model::Family::v4)), "253");
  EXPECT_EQ(count_text(both.size(model::Family::v6)), "18446744073709551614");
  ASSERT_EQ(both.blocks(model::Family::v4).size(), 1U);
  EXPECT_EQ(both.blocks(model::Family::v4)[0].gateway, address("10.244.1.1"));
}

TEST(Pool, RangesAndTinyPrefixesAreUsableWhole) {
  Pool range = pool({"10.240.0.8-10.240.0.15"});
  EXPECT_EQ(range.size(model::Family::v4), 8U);
  EXPECT_EQ(range.place(address("10.240.0.8")), Place::usable);
  EXPECT_EQ(range.place(address("10.240.0.15")), Place::usable);
  EXPECT_TRUE(range.blocks(model::Family::v4).empty());
  EXPECT_EQ(pool({"10.0.0.0/30"}).size(model::Family::v4), 1U);
  EXPECT_EQ(pool({"10.0.0.0/31"}).size(model::Family::v4), 2U);
  EXPECT_EQ(pool({"10.0.0.7/32"}).size(model::Family::v4), 1U);
  EXPECT_EQ(pool({"10.0.0.7"}).size(model::Family::v4), 1U);
  EXPECT_EQ(pool({"fd00::/126"}).size(model::Family::v6), 2U);
  EXPECT_EQ(count_text(pool({"::/0"}).size(model::Family::v6)), "340282366920938463463374607431768211454");
  EXPECT_EQ(count_text(pool({"::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}).size(model::Family::v6)),
            "340282366920938463463374607431768211455")
      << "2^128 saturates";
}

TEST(Pool, BadEntriesAreNamed) {
  struct Row {
    std::vector<std::string> texts;
    std::string object;
    std::string cause;
  };
  for (const Row& row : std::vector<Row>{
           {{}, "", "at least one"},
           {{"10.0.0.5/24"}, "10.0.0.5/24", "10.0.0.0/24"},
           {{"10.0.0.0/33"}, "10.0.0.0/33", "length"},
           {{"10.0.0.0/x"}, "10.0.0.0/x", "length"},
           {{""}, "", "expected a prefix"},
           {{"ten"}, "ten", "expected a prefix"},
           {{"10.0.0.9-10.0.0.8"}, "10.0.0.9-10.0.0.8", "ascending"},
           {{"10.0.0.9-fd00::1"}, "10.0.0.9-fd00::1", "one family"},
           {{"10.0.0.1-"}, "10.0.0.1-", "first-last"},
           {{"10.0.0.0/24", "10.0.0.128/25"}, "10.0.0.128/25", "overlaps 10.0.0.0/24"},
           {{"10.0.0.128/25", "10.0.0.0/24"}, "10.0.0.0/24", "overlaps 10.0.0.128/25"},
           {{"10.0.0.0/24", "10.0.0.250-10.0.1.5"}, "10.0.0.250-10.0.1.5", "overlaps"},
       }) {
    base::Result<Pool> parsed = Pool::parse(row.texts);
    ASSERT_FALSE(parsed.ok()) << row.cause;
    EXPECT_EQ(parsed.error().object, row.object);
    EXPECT_THAT(parsed.error().cause, HasSubstr(row.cause));
  }
}

TEST(Pool, NextGoesRoundFromTheLast) {
  Pool two = pool({"10.0.0.4-10.0.0.5", "10.0.0.1-10.0.0.2"});
  auto none = [](const model::Address&) { return false; };
  auto next = [&](std::optional<model::Address> last) { return two.next_free(model::Family::v4, last, none)->text(); };
  EXPECT_EQ(next(std::nullopt), "10.0.0.4");
  EXPECT_EQ(next(address("10.0.0.4")), "10.0.0.5");
  EXPECT_EQ(next(address("10.0.0.5")), "10.0.0.1") << "the pool's order, not the numeric one";
  EXPECT_EQ(next(address("10.0.0.2")), "10.0.0.4");
  EXPECT_EQ(next(address("192.0.2.1")), "10.0.0.4") << "a last of another pool says nothing";
  EXPECT_FALSE(two.next_free(model::Family::v6, std::nullopt, none));
  auto all_but_last = [](const model::Address& each) { return each != address("10.0.0.4"); };
  EXPECT_EQ(two.next_free(model::Family::v4, address("10.0.0.4"), all_but_last), address("10.0.0.4"));
}

TEST(Pool, NoOverflowAtTheEndsOfTheSpace) {
  auto none = [](const model::Address&) { return false; };
  auto all = [](const model::Address&) { return true; };
  Pool top = pool({"255.255.255.254-255.255.255.255"});
  EXPECT_EQ(top.next_free(model::Family::v4, address("255.255.255.255"), none), address("255.255.255.254"));
  EXPECT_FALSE(top.next_free(model::Family::v4, address("255.255.255.255"), all));
  Pool v6 = pool({"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"});
  EXPECT_FALSE(v6.next_free(model::Family::v6, std::nullopt, all));
}

// The slow twin: every usable address in a list, walked once round.
std::optional<model::Address> naive_next(const std::vector<model::Address>& usable,
                                         const std::optional<model::Address>& last,
                                         const std::set<model::Address>& taken) {
  std::size_t begin = 0;
  for (std::size_t i = 0; last && i < usable.size(); ++i)
    if (usable[i] == *last) begin = i + 1;
  for (std::size_t i = 0; i < usable.size(); ++i) {
    const model::Address& each = usable[(begin + i) % usable.size()];
    if (!taken.contains(each)) return each;
  }
  return std::nullopt;
}

TEST(Pool, AgreesWithTheNaiveAllocator) {
  std::mt19937 random(7);
  auto below = [&](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> texts;
    std::vector<model::Address> usable;
    for (std::size_t i = 0, count = 1 + below(3); i < count; ++i) {
      std::string net = "10.0." + std::to_string(i) + ".";
      if (below(2) == 0) {
        std::size_t first = below(200);
        std::size_t last = first + below(12);
        texts.push_back(net + std::to_string(first) + "-" + net + std::to_string(last));
        for (std::size_t n = first; n <= last; ++n) usable.push_back(address(net + std::to_string(n)));
      } else {
        texts.push_back(net + "32/" + std::to_string(28 + below(3)));
        std::size_t size = std::size_t{1} << (32 - std::stoi(texts.back().substr(texts.back().size() - 2)));
        for (std::size_t n = 2; n + 1 < size; ++n) usable.push_back(address(net + std::to_string(32 + n)));
      }
    }
    Pool tested = pool(texts);
    ASSERT_EQ(tested.size(model::Family::v4), usable.size());
    std::set<model::Address> taken;
    std::optional<model::Address> last;
    for (int step = 0; step < 100; ++step) {
      if (!taken.empty() && below(3) == 0) {
        auto gone = taken.begin();
        std::advance(gone, below(taken.size()));
        taken.erase(gone);
        continue;
      }
      auto is_taken = [&](const model::Address& each) { return taken.contains(each); };
      std::optional<model::Address> found = tested.next_free(model::Family::v4, last, is_taken);
      ASSERT_EQ(found, naive_next(usable, last, taken));
      if (!found) continue;
      ASSERT_EQ(tested.place(*found), Place::usable);
      ASSERT_TRUE(taken.insert(*found).second);
      last = found;
    }
  }
}

}  // namespace
}  // namespace bailey::ipam
