// SARIF 2.1.0: what the standard requires of each object that we write (section numbers are its own). Each required
// property and each enumeration is asserted; tests/conformance/sarif.sh asks the format's own validator.
#include <gtest/gtest.h>

#include <set>

#include "check_report.h"
#include "plan/check/check.h"
#include "session_for_test.h"

namespace bailey::cli {
namespace {

using base::Json;
using Strings = std::set<std::string>;

const std::string folder = std::string(BAILEY_SOURCE_DIR) + "/examples/";

Json log_of(FakeRun& fake, const std::vector<std::string>& words) {
  std::vector<std::string> all = {"check", "-o", "sarif"};
  all.insert(all.end(), words.begin(), words.end());
  fake.run(all);
  auto value = Json::parse(fake.out);
  EXPECT_TRUE(value.ok()) << fake.out << fake.err;
  return value.ok() ? value.value() : Json();
}

// Nothing but these keys: the schema closes every object (additionalProperties: false).
void only(const Json& json, const Strings& keys) {
  ASSERT_TRUE(json.is_object());
  for (const auto& member : json.members()) EXPECT_TRUE(keys.contains(member.first)) << member.first;
}

void expect_text(const Json& message) {  // 3.11, 3.12
  only(message, {"text"});
  EXPECT_FALSE(message["text"].as_string().empty());
}

void expect_uri(const std::string& uri) {  // 3.4.3: a URI reference, RFC 3986
  EXPECT_FALSE(uri.empty());
  for (char c : uri)
    EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(c)) ||
                std::string_view("-._~/:%").find(c) != std::string_view::npos)
        << uri;
}

void expect_level(const Json& level) {  // 3.27.10
  EXPECT_TRUE((Strings{"none", "note", "warning", "error"}.contains(level.as_string()))) << level.dump();
}

void expect_rule(const Json& rule) {  // 3.49
  only(rule, {"id", "shortDescription", "fullDescription", "help", "helpUri", "defaultConfiguration"});
  EXPECT_FALSE(rule["id"].as_string().empty());
  expect_text(rule["shortDescription"]);
  expect_text(rule["fullDescription"]);
  if (rule.has("helpUri")) {
    EXPECT_TRUE(rule["helpUri"].as_string().starts_with("https://"));
  }
  only(rule["defaultConfiguration"], {"level"});
  expect_level(rule["defaultConfiguration"]["level"]);
}

void expect_location(const Json& location) {  // 3.28
  only(location, {"physicalLocation", "logicalLocations"});
  const Json& physical = location["physicalLocation"];
  only(physical, {"artifactLocation", "region"});
  only(physical["artifactLocation"], {"uri", "uriBaseId"});
  expect_uri(physical["artifactLocation"]["uri"].as_string());
  if (physical.has("region")) {  // 3.30.5, 3.30.6: from 1
    only(physical["region"], {"startLine", "startColumn"});
    EXPECT_GE(physical["region"]["startLine"].as_int(), 1);
    EXPECT_GE(physical["region"]["startColumn"].as_int(), 1);
  }
  for (const Json& logical : location["logicalLocations"].items()) {
    only(logical, {"fullyQualifiedName", "kind"});
    EXPECT_FALSE(logical["fullyQualifiedName"].as_string().empty());
    EXPECT_EQ(logical["kind"].as_string(), "resource");  // 3.33.7
  }
}

void expect_result(const Json& result, const Json& rules) {  // 3.27
  only(result, {"ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"});
  std::int64_t index = result["ruleIndex"].as_int(-1);
  ASSERT_GE(index, 0);
  ASSERT_LT(index, static_cast<std::int64_t>(rules.items().size()));
  EXPECT_EQ(rules.items()[static_cast<std::size_t>(index)]["id"].as_string(), result["ruleId"].as_string());  // 3.27.6
  expect_level(result["level"]);
  expect_text(result["message"]);
  for (const Json& location : result["locations"].items()) expect_location(location);
  ASSERT_EQ(result["partialFingerprints"].members().size(), 1u);  // 3.27.17: strings
  EXPECT_EQ(result["partialFingerprints"].members()[0].second.as_string().size(), 16u);
}

void expect_log(const Json& log) {
  only(log, {"$schema", "version", "runs"});  // 3.13
  EXPECT_EQ(log["version"].as_string(), "2.1.0");
  ASSERT_EQ(log["runs"].items().size(), 1u);
  const Json& run = log["runs"].items()[0];
  only(run, {"tool", "invocations", "language", "columnKind", "originalUriBaseIds", "results"});  // 3.14
  EXPECT_TRUE((Strings{"utf16CodeUnits", "unicodeCodePoints"}.contains(run["columnKind"].as_string())));
  only(run["tool"], {"driver"});
  const Json& driver = run["tool"]["driver"];
  only(driver, {"name", "semanticVersion", "rules"});  // 3.19
  EXPECT_EQ(driver["name"].as_string(), "bailey");
  Strings ids;
  for (const Json& rule : driver["rules"].items()) {
    expect_rule(rule);
    EXPECT_TRUE(ids.insert(rule["id"].as_string()).second) << "3.19.23: rules are unique";
  }
  for (const Json& invocation : run["invocations"].items())
    EXPECT_TRUE(invocation["executionSuccessful"].is_bool());  // 3.20.14
  ASSERT_TRUE(run["results"].is_array());
  for (const Json& result : run["results"].items()) expect_result(result, driver["rules"]);
}

TEST(Sarif, EveryExampleGivesAValidLog) {
  FakeRun fake;
  for (const plan::check::Rule* rule : plan::check::catalogue()) {
    if (!rule->unchecked.en.empty() || rule->compares || rule->profiles == plan::check::Profiles::classic) continue;
    Json log = log_of(fake, {"-f", folder + "rules/" + std::string(rule->id) + "/bad.yaml"});
    expect_log(log);
    EXPECT_FALSE(log["runs"].items()[0]["results"].items().empty()) << rule->id;
    if (testing::Test::HasFailure()) FAIL() << rule->id;
  }
}

TEST(Sarif, LevelsAndRulesAreThoseOfTheCatalogue) {
  FakeRun fake;
  Json log = log_of(fake, {"-f", folder + "rules/CID-13/bad.yaml"});
  EXPECT_EQ(fake.session.status, 1);
  const Json& run = log["runs"].items()[0];
  ASSERT_EQ(run["results"].items().size(), 1u);
  const Json& result = run["results"].items()[0];
  EXPECT_EQ(result["ruleId"].as_string(), "CID-13");
  EXPECT_EQ(result["level"].as_string(), "error");
  EXPECT_EQ(result["locations"].items()[0]["physicalLocation"]["region"].dump(),
            R"({"startLine":23,"startColumn":11})");
  EXPECT_GE(run["tool"]["driver"]["rules"].items().size(), plan::check::catalogue().size());
  log = log_of(fake, {"-f", folder + "rules/IP-08/bad.yaml"});
  EXPECT_EQ(log["runs"].items()[0]["results"].items()[0]["level"].as_string(), "note");
}

TEST(Sarif, InputErrorsAreResultsToo) {
  FakeRun fake;
  Json log = log_of(fake, {"-f", folder + "rules/CID-06/bad.yaml"});
  EXPECT_EQ(fake.session.status, 2);
  expect_log(log);
  const Json& run = log["runs"].items()[0];
  EXPECT_EQ(run["results"].items()[0]["ruleId"].as_string(), "outside-range");
  EXPECT_FALSE(run["invocations"].items()[0]["executionSuccessful"].as_bool(true));
}

TEST(Sarif, FilesAreUriReferencesAndFingerprintsDoNotMoveWithLines) {
  FakeRun fake;
  fake.input = "apiVersion: bailey.dev/v1alpha1\nkind: Cluster\nmetadata: {name: a}\nspec: {networkModel: kubenet}\n";
  Json first = log_of(fake, {"-f", "-"});
  expect_log(first);
  fake.input = "# one more line\n" + fake.input;
  Json second = log_of(fake, {"-f", "-"});
  const Json& a = first["runs"].items()[0]["results"].items()[0];
  const Json& b = second["runs"].items()[0]["results"].items()[0];
  EXPECT_NE(a["locations"].dump(), b["locations"].dump());
  EXPECT_EQ(a["partialFingerprints"].dump(), b["partialFingerprints"].dump());
  EXPECT_EQ(a["locations"].items()[0]["physicalLocation"]["artifactLocation"]["uri"].as_string(), "stdin");
}

TEST(Sarif, NamesOfFilesAreQuoted) {
  FakeRun fake;
  auto artifact_of = [&](const std::string& file) {
    CheckRow row;
    row.rule = "IP-01";
    row.file = file;
    row.message = "x";
    Json log = sarif_log({row}, true, fake.session);
    expect_log(log);
    return log["runs"]
        .items()[0]["results"]
        .items()[0]["locations"]
        .items()[0]["physicalLocation"]["artifactLocation"]
        .dump();
  };
  auto below = [](const std::string& uri) { return R"({"uri":")" + uri + R"(","uriBaseId":"SRCROOT"})"; };
  EXPECT_EQ(artifact_of("./a b/c#1%20?.yaml"), below("a%20b/c%231%2520%3F.yaml"));
  EXPECT_EQ(artifact_of("c:d.yaml"), below("c%3Ad.yaml"));
  EXPECT_EQ(artifact_of("back\\slash.yaml"), below("back%5Cslash.yaml"));
  EXPECT_EQ(artifact_of("한.yaml"), below("%ED%95%9C.yaml"));
  EXPECT_EQ(artifact_of(".//x/./../y.yaml"), below("x/./../y.yaml"));
  EXPECT_EQ(artifact_of("/tmp/a \"b\".yaml"), R"({"uri":"file:///tmp/a%20%22b%22.yaml"})");
}

}  // namespace
}  // namespace bailey::cli
