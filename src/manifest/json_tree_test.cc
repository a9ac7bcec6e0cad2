// The JSON reader beside base::Json (nlohmann-json), which is written differently and knows no positions.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "base/json.h"
#include "manifest/manifest.h"
#include "manifest/tree_builder.h"

namespace bailey::manifest {
namespace {

using base::Json;

JsonParsed read(std::string_view text, bool defer = false) {
  Chunk chunk{1, text, false};
  LineNumbers numbers(chunk, nullptr);
  return parse_json(chunk, numbers, 1, defer);
}

Json value_of(const Node& node) {
  if (node.deferred) return value_of(*parse_deferred(node).root);
  std::int64_t number = 0;
  Json out;
  switch (node.type) {
    case Node::Type::null: return out;
    case Node::Type::boolean: return node.text == "true";
    case Node::Type::text: return node.text;
    case Node::Type::integer:
      if (integer_value(node.text, &number)) return number;
      [[fallthrough]];
    case Node::Type::real: return std::strtod(std::string(node.text).c_str(), nullptr);
    case Node::Type::sequence:
      out = Json::array();
      for (NodePtr item : node.items) out.push(value_of(*item));
      return out;
    default:
      out = Json::object();
      for (const Member& member : node.members) out.set(std::string(member.key), value_of(*member.value));
      return out;
  }
}

// Numbers beyond a double are refused by the other parser only.
bool too_big_for_double(const base::Error& error) { return error.text().find("out_of_range") != std::string::npos; }

void expect_same(const std::string& text) {
  base::Result<Json> other = Json::parse(text);
  if (!other && too_big_for_double(other.error())) return;
  for (bool defer : {false, true}) {
    JsonParsed mine = read(text, defer);
    ASSERT_EQ(mine.is_json, bool(other)) << text << (other ? "" : other.error().text());
    if (mine.is_json && mine.parsed.flaws.empty()) {
      ASSERT_EQ(value_of(*mine.parsed.root), *other) << text;
    }
  }
}

std::string random_space(std::mt19937& random) {
  static const char* spaces[] = {"", "", "", " ", "\n", "\r\n", "\t "};
  return spaces[random() % std::size(spaces)];
}

std::string random_string(std::mt19937& random) {
  static const char* pieces[] = {"a",  "key", "\\n", "\\\"", "\\\\", "\\/", "\\u00e9", "\\ud83d\\ude00",
                                 "한", "é",   " ",   "0"};
  std::string out = "\"";
  for (unsigned i = random() % 4; i > 0; --i) out += pieces[random() % std::size(pieces)];
  return out + "\"";
}

std::string random_json(std::mt19937& random, int depth) {
  static const char* scalars[] = {"null", "true", "false", "0", "-0", "17", "-9223372036854775808",
                                  "1.5",  "2e3",  "1E-2"};
  unsigned kind = random() % (depth > 4 ? 2u : 4u);
  if (kind == 0) return scalars[random() % std::size(scalars)];
  if (kind == 1) return random_string(random);
  std::string out(1, kind == 2 ? '[' : '{');
  for (unsigned i = 0, count = random() % 5; i < count; ++i) {
    if (i > 0) out += "," + random_space(random);
    if (kind == 3) out += "\"k" + std::to_string(i) + "\"" + random_space(random) + ":" + random_space(random);
    out += random_json(random, depth + 1) + random_space(random);
  }
  return out + (kind == 2 ? "]" : "}");
}

TEST(JsonTree, RandomAndMutatedTextsAreReadAsTheOtherParserReadsThem) {
  std::mt19937 random(7);
  static const std::string pieces = "{}[]\",:\\u0d8e1-+.tfn \n\x01";
  for (int round = 0; round < 1000; ++round) {
    std::string text = "{\"items\": [" + random_json(random, 1) + ", " + random_json(random, 0) + "]}";
    ASSERT_NO_FATAL_FAILURE(expect_same(text));
    for (unsigned i = 0; i < 2; ++i) {
      std::size_t at = random() % text.size();
      if (random() % 2)
        text.erase(at, 1 + random() % 3);
      else
        text.insert(at, 1, pieces[random() % pieces.size()]);
      bool whole = !check_text(text) && !text.empty();  // half a character is not for either to judge
      if (whole) {
        ASSERT_NO_FATAL_FAILURE(expect_same(text));
      }
    }
  }
}

// Every node's position leads back to the character that begins it.
void expect_positions(const Node& node, std::string_view text) {
  if (node.deferred) return expect_positions(*parse_deferred(node).root, text);
  std::size_t at = 0;
  for (std::uint32_t line = 1; line < node.position.line; ++line) at = text.find('\n', at) + 1;
  for (std::uint32_t column = 1; column < node.position.column; ++column) {
    ++at;
    while ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  }
  char first = node.type == Node::Type::mapping    ? '{'
               : node.type == Node::Type::sequence ? '['
               : node.quoted                       ? '"'
               : node.type == Node::Type::null     ? 'n'
                                                   : node.text[0];
  ASSERT_EQ(text[at], first) << text << "\n" << node.position.line << ":" << node.position.column;
  for (NodePtr item : node.items) ASSERT_NO_FATAL_FAILURE(expect_positions(*item, text));
  for (const Member& member : node.members) ASSERT_NO_FATAL_FAILURE(expect_positions(*member.value, text));
}

TEST(JsonTree, PositionsLeadBackToTheText) {
  std::mt19937 random(8);
  for (int round = 0; round < 1000; ++round) {
    std::string text =
        random_space(random) + "{\"items\":" + random_space(random) + "[{\"한\": " + random_json(random, 0) + "}]}";
    for (bool defer : {false, true}) {
      JsonParsed mine = read(text, defer);
      ASSERT_TRUE(mine.is_json) << text;
      ASSERT_NO_FATAL_FAILURE(expect_positions(*mine.parsed.root, text));
    }
  }
}

TEST(JsonTree, SaysWhereATextStopsBeingJson) {
  auto flaw = [](std::string_view text) {
    JsonParsed parsed = read(text);
    const Flaw& found = parsed.parsed.flaws.at(0);
    return found.expected.id + " " + std::to_string(found.position.line) + ":" + std::to_string(found.position.column);
  };
  EXPECT_EQ(flaw("{\"a\": 01}"), "manifest.expected-comma-brace 1:8");
  EXPECT_EQ(flaw("[1,\n 2,\n]"), "manifest.expected-json-value 3:1");
  EXPECT_EQ(flaw("{\"한\" 1}"), "manifest.expected-colon 1:6");
  EXPECT_EQ(flaw("[\"\\ud800\"]"), "manifest.expected-json-escape 1:9");
  EXPECT_EQ(flaw("{\"a\":\"x"), "manifest.expected-close-quote 1:8");
  EXPECT_EQ(flaw("{a:1}"), "manifest.expected-json-key 1:2");
  EXPECT_EQ(flaw("[] []"), "manifest.expected-end 1:4");
  EXPECT_EQ(flaw("[-]"), "manifest.expected-digit 1:3");
}

TEST(JsonTree, AListOfManyPodsIsReadOneByOne) {
  std::string text = "{\"apiVersion\": \"v1\", \"items\": [";
  constexpr int pods = 2200;
  const std::string rest = ",\"env\":[" + std::string(2000, ' ') + "{\"name\":\"a\"}]";
  for (int i = 0; i < pods; ++i)
    text += std::string(i ? ",\n" : "\n") + "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p" +
            std::to_string(i) + "\"},\"spec\":{\"containers\":[{\"name\":\"c\"" + rest + "}]}}";
  text += "], \"kind\": \"List\"}\n";
  ASSERT_GT(text.size(), max_file_bytes);
  Loaded loaded = load({{"pods", text}}, {});
  EXPECT_TRUE(loaded.errors.empty());
  ASSERT_EQ(loaded.objects.size(), std::size_t{pods});
  EXPECT_EQ(loaded.objects[2199]->meta.source->at("metadata.name").line, 2201u);
  // The same with a mistake in one pod, and cut off.
  std::size_t name = text.find("\"p17\"");
  text.replace(name, 5, "\"P17\"");
  loaded = load({{"pods", text}}, {});
  ASSERT_EQ(loaded.errors.size(), 1u);
  EXPECT_EQ(loaded.errors[0].position.line, 19u);
  EXPECT_EQ(loaded.objects.size(), std::size_t{pods - 1});
  loaded = load({{"pods", text.substr(0, text.size() - 30)}}, {});
  ASSERT_EQ(loaded.errors.size(), 1u);
  EXPECT_EQ(loaded.errors[0].code, "bad-json");
  EXPECT_TRUE(loaded.objects.empty());
}

TEST(JsonTree, LimitsHoldForJsonToo) {
  auto code = [](const std::string& text) {
    Loaded loaded = load({{"hostile", text}}, {});
    return loaded.errors.empty() ? std::string() : loaded.errors[0].code;
  };
  std::string ones = "{\"kind\": \"Pod\", \"a\": [1";
  for (int i = 0; i < 1000000; ++i) ones += ",1";
  EXPECT_EQ(code(ones + "]}"), "too-large");
  EXPECT_EQ(code("{\"items\": [{\"a\": " + std::string(200000, '[')), "too-deep");
  EXPECT_EQ(code("{\"items\": [{\"a\": 1, \"a\": 2}], \"kind\": \"List\"}"), "duplicate-key");
}

}  // namespace
}  // namespace bailey::manifest
