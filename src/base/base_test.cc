#include <gtest/gtest.h>

#include "base/json.h"
#include "base/strings.h"
#include "base/text.h"

namespace bailey::base {
namespace {

TEST(Json, WhatIsPrintedIsReadBack) {
  Json json;
  json.set("text", "a\"b\\c\n\xEA\xB0\x80").set("number", -3).set("big", std::int64_t{1} << 60).set("half", 0.5);
  json.set("list", Json::Array{Json(), Json(true), Json("x")}).set("empty", Json::object());
  Result<Json> back = Json::parse(json.dump());
  ASSERT_TRUE(back.ok()) << back.error().text();
  EXPECT_EQ(*back, json);
  EXPECT_EQ(*Json::parse(json.dump(2)), json);
}

TEST(Json, KeepsTheOrderOfKeys) {
  EXPECT_EQ(Json::parse(R"({"z":1,"a":2,"m":{"y":1,"b":2}})")->dump(), R"({"z":1,"a":2,"m":{"y":1,"b":2}})");
}

TEST(Json, RefusesWhatIsNoJson) {
  for (const char* text : {"", "{", "[1,]", "{\"a\":}", "nul", "1 2", "\"\xff\""})
    EXPECT_FALSE(Json::parse(text).ok()) << text;
  std::string deep(300, '[');
  deep += std::string(300, ']');
  EXPECT_FALSE(Json::parse(deep).ok());
}

TEST(Json, ReadersGiveTheFallbackForOtherTypes) {
  Json json = Json("text");
  EXPECT_EQ(json.as_int(7), 7);
  EXPECT_TRUE(json["a"]["b"].is_null());
  EXPECT_TRUE(json.items().empty());
}

TEST(Json, InvalidUtf8IsReplaced) { EXPECT_EQ(Json("\xff").dump(), "\"\xEF\xBF\xBD\""); }

TEST(Text, PlaceholdersMayStandInAnyOrder) {
  static constexpr Text table[] = {{"a.b", "{0} of {1}", "{1}의 {0}"}, {"word.prefix", "a prefix", "프리픽스"}};
  Catalogue catalogue{table};
  EXPECT_EQ(catalogue.render({"a.b", {"x", "y"}}, Lang::en), "x of y");
  EXPECT_EQ(catalogue.render({"a.b", {"x", "@word.prefix"}}, Lang::ko), "프리픽스의 x");
  EXPECT_EQ(catalogue.render({"no.such", {"x"}}, Lang::en), "no.such x");
}

TEST(Text, LocaleChoosesTheLanguage) {
  EXPECT_EQ(lang_of("ko_KR.UTF-8"), Lang::ko);
  EXPECT_EQ(lang_of("C"), Lang::en);
  EXPECT_EQ(lang_of(""), Lang::en);
}

TEST(Strings, ParseNumberTakesPlainDecimalsOnly) {
  EXPECT_EQ(parse_number("0"), 0u);
  EXPECT_EQ(parse_number("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(parse_number("65535", 65535), 65535u);
  for (const char* text : {"", "-1", "+1", " 1", "01", "1a", "65536", "18446744073709551616"})
    EXPECT_FALSE(parse_number(text, 65535).has_value()) << text;
}

TEST(Strings, NearestFindsTypos) {
  EXPECT_EQ(nearest("adressSpace", {"addressSpace", "subnets"}), "addressSpace");
  EXPECT_EQ(nearest("zzz", {"addressSpace", "subnets"}), "");
}

}  // namespace
}  // namespace bailey::base
