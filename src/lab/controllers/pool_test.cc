#include "lab/controllers/pool.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace bailey::lab::controllers {
namespace {

using model::Address;
using model::AddressRange;
using model::Prefix;

Address a(const char* text) { return *Address::parse(text); }

std::string usable(const char* prefix) {
  auto range = usable_addresses(*Prefix::parse(prefix));
  return range ? range->first.text() + "-" + range->last.text() : "none";
}

TEST(UsableAddresses, AzureKeepsFourAndTheLast) {
  EXPECT_EQ(usable("10.1.0.0/24"), "10.1.0.4-10.1.0.254");
  EXPECT_EQ(usable("10.1.0.0/29"), "10.1.0.4-10.1.0.6");
  EXPECT_EQ(usable("10.1.0.0/30"), "none");
  EXPECT_EQ(usable("10.1.0.0/32"), "none");
  EXPECT_EQ(usable("fd00::/64"), "fd00::4-fd00::ffff:ffff:ffff:fffe");
}

TEST(AddressPool, LowestFirstAndReturned) {
  AddressPool pool;
  pool.add({a("10.0.0.4"), a("10.0.0.6")});
  EXPECT_EQ(pool.take_lowest(), a("10.0.0.4"));
  EXPECT_TRUE(pool.take(a("10.0.0.6")));
  EXPECT_FALSE(pool.take(a("10.0.0.6")));
  EXPECT_FALSE(pool.take(a("10.0.0.7")));
  EXPECT_EQ(pool.take_lowest(), a("10.0.0.5"));
  EXPECT_EQ(pool.take_lowest(), std::nullopt);
  pool.release({a("10.0.0.5"), a("10.0.0.5")});
  pool.release({a("10.0.0.4"), a("10.0.0.4")});
  EXPECT_EQ(pool.free_ranges(), (std::vector<AddressRange>{{a("10.0.0.4"), a("10.0.0.5")}}));
}

TEST(AddressPool, RunsAreContiguousWhileThereIsRoom) {
  AddressPool pool;
  pool.add({a("10.0.0.4"), a("10.0.0.13")});
  pool.take(a("10.0.0.6"));
  EXPECT_EQ(pool.take_run(3), (std::vector<AddressRange>{{a("10.0.0.7"), a("10.0.0.9")}}));
  EXPECT_EQ(pool.take_run(6),
            (std::vector<AddressRange>{{a("10.0.0.4"), a("10.0.0.5")}, {a("10.0.0.10"), a("10.0.0.13")}}));
  EXPECT_TRUE(pool.take_run(1).empty());
  EXPECT_TRUE(pool.take_run(0).empty());
}

TEST(AddressPool, OverlappingRangesGiveNothingTwice) {
  AddressPool pool;
  pool.add({a("10.0.0.4"), a("10.0.0.9")});
  pool.add({a("10.0.0.8"), a("10.0.0.20")});
  EXPECT_EQ(pool.free(), 6u);
}

// Against a plain set as the slow twin.
TEST(AddressPool, RandomEditsEqualAPlainSet) {
  std::mt19937 random(3);
  for (int round = 0; round < 100; ++round) {
    AddressPool pool;
    pool.add({Address::v4(100), Address::v4(163)});
    std::set<std::uint32_t> free;
    for (std::uint32_t i = 100; i < 164; ++i) free.insert(i);
    for (int step = 0; step < 60; ++step) {
      std::uint32_t number = 98 + random() % 68;
      if (random() % 3 == 0) {
        if (number >= 100 && number < 164 && free.insert(number).second)
          pool.release({Address::v4(number), Address::v4(number)});
      } else if (random() % 2) {
        ASSERT_EQ(pool.take(Address::v4(number)), free.erase(number) == 1);
      } else if (!free.empty()) {
        ASSERT_EQ(pool.take_lowest(), Address::v4(*free.begin()));
        free.erase(free.begin());
      }
      ASSERT_EQ(pool.free(), free.size());
      ASSERT_EQ(pool.size(), 64u);
      ASSERT_EQ(pool.has(Address::v4(number)), free.contains(number));
      std::uint32_t first = number;
      std::uint32_t last = number;
      while (free.contains(first - 1)) --first;
      while (free.contains(last + 1)) ++last;
      std::optional<AddressRange> run = pool.run_at(Address::v4(number));
      ASSERT_EQ(run.has_value(), free.contains(number));
      if (run) {
        ASSERT_EQ(*run, (AddressRange{Address::v4(first), Address::v4(last)}));
      }
    }
  }
}

TEST(AddressPool, TakesWhatIsFreeWithinARange) {
  AddressPool pool;
  pool.add({a("10.0.0.4"), a("10.0.0.20")});
  pool.take(a("10.0.0.8"));
  EXPECT_EQ(pool.take_within({a("10.0.0.1"), a("10.0.0.9")}),
            (std::vector<AddressRange>{{a("10.0.0.4"), a("10.0.0.7")}, {a("10.0.0.9"), a("10.0.0.9")}}));
  EXPECT_TRUE(pool.take_within({a("10.0.0.1"), a("10.0.0.9")}).empty());
  EXPECT_EQ(pool.take_within({a("10.0.0.12"), a("10.0.0.13")}).size(), 1u);
  EXPECT_EQ(pool.free_ranges(),
            (std::vector<AddressRange>{{a("10.0.0.10"), a("10.0.0.11")}, {a("10.0.0.14"), a("10.0.0.20")}}));
  EXPECT_EQ(pool.find_run(2), a("10.0.0.10"));
  EXPECT_EQ(pool.find_run(3), a("10.0.0.14"));
  EXPECT_EQ(pool.find_run(8), std::nullopt);
}

}  // namespace
}  // namespace bailey::lab::controllers
