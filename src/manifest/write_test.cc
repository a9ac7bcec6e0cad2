#include "manifest/write.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "manifest/node.h"
#include "manifest/parse.h"

namespace bailey::manifest {
namespace {

using base::Json;

Json back(const Node& node) {
  std::int64_t number = 0;
  Json out;
  switch (node.type) {
    case Node::Type::null: return out;
    case Node::Type::boolean: return boolean_value(node.text);
    case Node::Type::integer: return integer_value(node.text, &number) ? Json(number) : Json(node.text);
    case Node::Type::real: return std::strtod(std::string(node.text).c_str(), nullptr);
    case Node::Type::text: return node.text;
    case Node::Type::sequence:
      out = Json::array();
      for (NodePtr item : node.items) out.push(back(*item));
      return out;
    default:
      out = Json::object();
      for (const Member& member : node.members) out.set(std::string(member.key), back(*member.value));
      return out;
  }
}

void expect_back(const Json& value) {
  std::string text = yaml_of(value);
  ASSERT_FALSE(check_text(text)) << text;
  std::vector<Chunk> chunks = split_documents(text);
  ASSERT_EQ(chunks.size(), 1u) << text;
  Parsed parsed = parse_document(chunks[0]);
  ASSERT_TRUE(parsed.flaws.empty() && parsed.root) << text;
  ASSERT_EQ(back(*parsed.root), value) << text;
}

Json random_value(std::mt19937& random, int depth) {
  static const char* texts[] = {"",           "a",     "yes",  "null",     "~",          "12",        "1.5", "0x1f",
                                "1e3",        "a: b",  "- a",  "a #b",     "#a",         "a:",        ":a",  "---",
                                "...",        "<<",    "a\nb", " a",       "a ",         "한글",      "\t",  "\x7F",
                                "\"",         "'a'",   "{a}",  "@a",       "10.0.0.0/8", "fd00::/8",  "%a",  "*a",
                                "2026-01-01", "12:30", "a  b", "\xC2\x85", "Tcp",        "hub/nodes", "*",   "=",
                                "\\",         "a b",   "0o7",  "1_000",    "/a"};
  switch (random() % (depth > 3 ? 4u : 6u)) {
    case 0: return random() % 2 == 0;
    case 1: return static_cast<int>(random() % 1000) - 500;
    case 2: return Json();
    case 3: return texts[random() % std::size(texts)];
    case 4: {
      Json out = Json::array();
      for (unsigned i = random() % 4; i > 0; --i) out.push(random_value(random, depth + 1));
      return out;
    }
    default: {
      Json out = Json::object();
      for (unsigned i = random() % 4; i > 0; --i)
        out.set(std::string("k") + texts[random() % std::size(texts)], random_value(random, depth + 1));
      return out;
    }
  }
}

TEST(Write, WhatIsWrittenIsReadBack) {
  std::mt19937 random(11);
  for (int round = 0; round < 3000; ++round) {
    Json value = Json::object();
    value.set("x", random_value(random, 0));
    ASSERT_NO_FATAL_FAILURE(expect_back(value));
  }
}

TEST(Write, LooksAsPeopleWriteIt) {
  Json rule = Json::object();
  rule.set("name", "ssh").set("sourcePrefix", "*").set("ports", Json(Json::Array{22, "80-90"}));
  Json value = Json::object();
  value.set("rules", Json(Json::Array{rule})).set("on", true).set("none", Json::array());
  EXPECT_EQ(yaml_of(value),
            "rules:\n- name: ssh\n  sourcePrefix: \"*\"\n  ports: [22, \"80-90\"]\n\"on\": true\nnone: []\n");
}

}  // namespace
}  // namespace bailey::manifest
