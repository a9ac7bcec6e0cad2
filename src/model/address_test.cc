#include "model/address.h"

#include <gtest/gtest.h>

#include <random>

namespace bailey::model {
namespace {

Address A(std::string_view text) { return Address::parse(text).value(); }
Prefix P(std::string_view text) { return Prefix::parse(text).value(); }

TEST(Address, TextIsReadBack) {
  for (const char* text :
       {"0.0.0.0", "10.240.0.4", "255.255.255.255", "::", "::1", "2001:db8::1", "fe80::1:2", "fd00:1::"})
    EXPECT_EQ(A(text).text(), text);
  EXPECT_EQ(A("::ffff:10.0.0.1"), A("10.0.0.1"));
}

TEST(Address, RefusesOtherSpellings) {
  for (const char* text :
       {"", "10.0.0", "10.0.0.256", "010.0.0.1", "1.2.3.4/8", "fe80::1%eth0", "1:2", " 1.2.3.4", "::g"})
    EXPECT_FALSE(Address::parse(text).has_value()) << text;
}

TEST(Address, OrderIsNumericAndV4First) {
  EXPECT_LT(A("9.0.0.0"), A("10.0.0.0"));
  EXPECT_LT(A("255.255.255.255"), A("::"));
  EXPECT_LT(A("2001:db8::ff"), A("2001:db8::100"));
}

TEST(Prefix, HostBitsAreAMistakeWithASuggestion) {
  Prefix::ParseError error{};
  Prefix suggestion;
  EXPECT_FALSE(Prefix::parse("10.0.0.1/8", &error, &suggestion).has_value());
  EXPECT_EQ(error, Prefix::ParseError::host_bits_set);
  EXPECT_EQ(suggestion.text(), "10.0.0.0/8");
  EXPECT_FALSE(Prefix::parse("10.0.0.0/33", &error).has_value());
  EXPECT_EQ(error, Prefix::ParseError::bad_length);
  EXPECT_FALSE(Prefix::parse("fd00::/129").has_value());
  EXPECT_FALSE(Prefix::parse("nonsense/8", &error).has_value());
  EXPECT_EQ(error, Prefix::ParseError::not_an_address);
}

TEST(Prefix, ContainsAndOverlaps) {
  EXPECT_TRUE(P("10.0.0.0/8").contains(A("10.255.255.255")));
  EXPECT_FALSE(P("10.0.0.0/8").contains(A("11.0.0.0")));
  EXPECT_FALSE(P("0.0.0.0/0").contains(A("::1")));
  EXPECT_FALSE(P("::/0").contains(A("10.0.0.1"))) << "the families do not mix, though IPv4 is stored mapped";
  EXPECT_TRUE(P("::/80").contains(A("::1"))) << "though the last of its addresses is stored as IPv4 is";
  EXPECT_TRUE(P("::/0").overlaps(P("fd00::/8")));
  EXPECT_EQ(P("10.0.0.0/24").last(), A("10.0.0.255"));
  EXPECT_EQ(P("10.0.0.0/24").size(), 256u);
}

TEST(Prefix, ContainsWhatLiesBetweenItsEnds) {
  for (const char* text : {"10.77.133.201", "255.255.255.255", "0.0.0.0", "fd00:a5:5a:1::ff", "ffff:ffff::1"}) {
    for (int length = 0; length <= A(text).bits(); ++length) {
      Prefix prefix(A(text), length);
      for (const Address& edge : {prefix.first(), prefix.last(), prefix.first().plus(-1), prefix.last().plus(1)})
        EXPECT_EQ(prefix.contains(edge), prefix.first() <= edge && edge <= prefix.last())
            << prefix.text() << " " << edge.text();
      EXPECT_FALSE(prefix.contains(A(prefix.address().is_v4() ? "::1" : "0.0.0.1")));
    }
  }
}

TEST(AddressRange, TextForms) {
  EXPECT_EQ(AddressRange::parse("10.0.0.4-10.0.0.33")->text(), "10.0.0.4-10.0.0.33");
  EXPECT_EQ(AddressRange::parse("10.0.0.0-10.0.0.255")->text(), "10.0.0.0/24");
  EXPECT_EQ(AddressRange::parse("10.0.0.7")->size(), 1u);
  for (const char* text : {"10.0.0.9-10.0.0.1", "10.0.0.1-::1", "-", "a-b", "10.0.0.1/8"})
    EXPECT_FALSE(AddressRange::parse(text).has_value()) << text;
}

// The cover of a range is compared with counting its addresses one by one.
TEST(AddressRange, PrefixesCoverExactly) {
  std::mt19937 random(1);
  for (int round = 0; round < 500; ++round) {
    std::uint32_t first = random() % 4096;
    std::uint32_t last = first + random() % (4096 - first);
    Address base = round % 2 ? A("10.0.0.0") : A("fd00::");
    AddressRange range{base.plus(first), base.plus(last)};
    Uint128 total = 0;
    Address next = range.first;
    for (const Prefix& prefix : range.prefixes()) {
      EXPECT_EQ(prefix.first(), next);
      next = prefix.last().plus(1);
      total += prefix.size();
    }
    EXPECT_EQ(next, range.last.plus(1));
    EXPECT_TRUE(total == range.size());
  }
}

TEST(AddressRange, TheWholeSpaceIsOnePrefix) {
  AddressRange all{A("0.0.0.0"), A("255.255.255.255")};
  ASSERT_EQ(all.prefixes().size(), 1u);
  EXPECT_EQ(all.text(), "0.0.0.0/0");
}

}  // namespace
}  // namespace bailey::model
