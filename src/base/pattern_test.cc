#include "base/pattern.h"

#include <gtest/gtest.h>

namespace bailey::base {
namespace {

TEST(Pattern, MatchesTheWholeText) {
  std::optional<Pattern> pattern = Pattern::parse("/item/[0-9]+");
  ASSERT_TRUE(pattern);
  EXPECT_TRUE(pattern->matches_all_of("/item/12"));
  EXPECT_FALSE(pattern->matches_all_of("/item/12/x"));
  EXPECT_FALSE(pattern->matches_all_of("x/item/12"));
  EXPECT_TRUE(Pattern::parse("")->matches_all_of(""));
}

TEST(Pattern, RefusesWhatTakesMoreThanLinearTimeAndSaysWhy) {
  for (const char* text : {"(a", "a(?=b)", "(a)\\1", "[z-a]", "a{2000}{2000}"}) {
    std::string error;
    EXPECT_FALSE(Pattern::parse(text, &error)) << text;
    EXPECT_FALSE(error.empty()) << text;
  }
  std::string many(100000, 'a');
  EXPECT_FALSE(Pattern::parse("(a|aa)+$b")->matches_all_of(many)) << "and is done at once";
}

}  // namespace
}  // namespace bailey::base
