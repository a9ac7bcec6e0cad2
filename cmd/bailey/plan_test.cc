// `bailey plan` as a user types it: figures, advice, drawings, and what wrong use is told.
#include "plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "base/strings.h"
#include "session_for_test.h"
#include "table.h"

namespace bailey::cli {
namespace {

using base::Json;
using testing::HasSubstr;
using testing::Not;

std::string example(const char* name) { return std::string(BAILEY_SOURCE_DIR) + "/examples/" + name; }

class PlanCommand : public testing::Test {
 protected:
  int plan(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "plan");
    return user.run(std::move(arguments));
  }
  Json plan_json(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"-o", "json"});
    EXPECT_EQ(plan(std::move(arguments)), 0) << user.err;
    auto parsed = Json::parse(user.out);
    EXPECT_TRUE(parsed.ok());
    return parsed.ok() ? *parsed : Json();
  }
  FakeRun user;
};

// The shape that others rely on; the figures are those of AKS' page on Azure CNI.
TEST_F(PlanCommand, DocumentOfFiftyNodes) {
  Json out = plan_json({"--nodes", "50", "--max-pods", "30", "--surge", "1", "--model", "vnet"});
  EXPECT_EQ(out["schema"].as_string(), "bailey.dev/plan/v1");
  const Json& pool = out["pools"].items().at(0);
  EXPECT_EQ(pool["name"].as_string(), "nodes");
  EXPECT_EQ(pool["os"].as_string(), "linux");
  EXPECT_EQ(pool["nodes"].as_int(), 50);
  EXPECT_EQ(pool["surge_nodes"].as_int(), 1);
  EXPECT_EQ(pool["max_pods"].as_int(), 30);
  EXPECT_EQ(pool["addresses"].as_int(), 1581);
  const Json& subnet = out["subnets"].items().at(0);
  EXPECT_EQ(subnet["needed"].as_int(), 1581);
  EXPECT_EQ(subnet["reserved"].as_int(), 5);
  EXPECT_EQ(subnet["smallest"].as_string(), "/21");
  EXPECT_TRUE(subnet["given"].is_null());
  EXPECT_TRUE(out["pod_cidr"].is_null());
  EXPECT_EQ(out["recommendation"]["model"].as_string(), "vnet");
  EXPECT_EQ(out["recommendation"]["because"].items().size(), out["recommendation"]["codes"].items().size());
}

TEST_F(PlanCommand, ScaleOutAddsNodes) {
  Json out = plan_json({"--nodes", "50", "--max-pods", "30", "--surge", "1", "--scale-out", "10"});
  EXPECT_EQ(out["subnets"].items().at(0)["needed"].as_int(), 1891);
  EXPECT_EQ(out["subnets"].items().at(0)["smallest"].as_string(), "/21");
}

TEST_F(PlanCommand, KubenetHasAPodRangeAndRoutes) {
  Json out = plan_json({"--nodes", "50", "--surge", "33%", "--model", "kubenet"});
  EXPECT_EQ(out["subnets"].items().at(0)["needed"].as_int(), 67);
  EXPECT_EQ(out["pod_cidr"]["needed"].as_int(), 67 * 256);
  EXPECT_EQ(out["pod_cidr"]["smallest"].as_string(), "/17");
  EXPECT_EQ(out["routes"]["needed"].as_int(), 67);
  EXPECT_EQ(out["routes"]["limit"].as_int(), 400);
}

TEST_F(PlanCommand, ComparesTheModelsAsAksDoes) {
  Json out = plan_json({"--nodes", "3"});
  const Json& models = out["comparison"]["models"];
  EXPECT_EQ(out["comparison"]["reference"].as_string(), "/24");
  EXPECT_EQ(models.items().at(0)["most_nodes"].as_int(), 8);
  EXPECT_EQ(models.items().at(0)["most_pods"].as_int(), 240);
  EXPECT_EQ(models.items().at(1)["most_nodes"].as_int(), 251);
  EXPECT_EQ(models.items().at(1)["most_pods"].as_int(), 27610);
  EXPECT_EQ(plan({"--nodes", "3", "--compare", "--lang", "ko"}), 0);
  EXPECT_THAT(user.out, HasSubstr("27,610"));
  EXPECT_THAT(user.out, HasSubstr("권장 네트워크 모델: vnet"));
}

TEST_F(PlanCommand, ContosoFitsAndIsAdvisedVnet) {
  Json out = plan_json({"-f", example("contoso")});
  const Json& nodes = out["subnets"].items().at(0);
  EXPECT_EQ(nodes["name"].as_string(), "contoso/nodes");
  EXPECT_EQ(nodes["given"].as_string(), "10.240.0.0/22");
  EXPECT_EQ(nodes["needed"].as_int(), 248);
  EXPECT_LT(nodes["utilisation"].as_double(), 1.0);
  EXPECT_EQ(out["recommendation"]["model"].as_string(), "vnet");
  EXPECT_THAT(user.out, HasSubstr("\"on-premises-link\""));
  EXPECT_EQ(out["free_ranges"].items().size(), 0u);
}

TEST_F(PlanCommand, DevelopmentIsAdvisedKubenet) {
  Json out = plan_json({"--purpose", "development", "--nodes", "3", "--max-pods", "30"});
  EXPECT_EQ(out["recommendation"]["model"].as_string(), "kubenet");
  EXPECT_THAT(user.out, HasSubstr("\"kubenet-retires\""));
}

TEST_F(PlanCommand, WrongUseIsToldWithTheMend) {
  struct Case {
    std::vector<std::string> arguments;
    const char* told;
  };
  const Case cases[] = {
      {{}, "-f PATH"},
      {{"-f", example("contoso"), "--nodes", "3"}, "leave one out"},
      {{"--max-pods", "30"}, "--nodes N"},
      {{"--nodes", "0"}, "--nodes must be a whole number from 1 to 5000, not \"0\""},
      {{"--nodes", "-3"}, "--nodes"},
      {{"--nodes", "99999999999999999999"}, "--nodes"},
      {{"--nodes", "3", "--max-pods", "9"}, "from 10 to 250"},
      {{"--nodes", "3", "--max-pods", "251"}, "from 10 to 250"},
      {{"--nodes", "3", "--max-pods", "111", "--model", "kubenet"}, "from 10 to 110"},
      {{"--nodes", "3", "--surge", "abc"}, "--surge must be"},
      {{"--nodes", "3", "--surge", "0%"}, "--surge must be"},
      {{"--nodes", "3", "--model", "calico"}, "vnet, kubenet or overlay"},
      {{"--nodes", "3", "--purpose", "fun"}, "production, development or test"},
      {{"--nodes", "3", "-o", "xml"}, "xml"},
      {{"-f", example("contoso/network.yaml")}, "3 VirtualNetwork"},
      {{"-f", "/nowhere"}, "/nowhere"},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(plan(each.arguments), 2) << each.told;
    EXPECT_THAT(user.err, HasSubstr(each.told));
    EXPECT_EQ(user.out, "");
  }
}

TEST_F(PlanCommand, TooSmallASubnetIsAnAnswer) {
  user.input =
      "apiVersion: bailey.dev/v1alpha1\nkind: VirtualNetwork\nmetadata: {name: v}\n"
      "spec: {addressSpace: [10.1.0.0/16], subnets: [{name: nodes, prefix: 10.1.0.0/24}]}\n---\n"
      "apiVersion: bailey.dev/v1alpha1\nkind: Cluster\nmetadata: {name: c}\n"
      "spec: {subnet: v/nodes, nodePools: [{name: p, count: 50, maxPods: 30, maxSurge: 1}]}\n";
  Json out = plan_json({"-f", "-"});
  const Json& subnet = out["subnets"].items().at(0);
  EXPECT_GT(subnet["utilisation"].as_double(), 1.0);
  EXPECT_EQ(subnet["missing"].as_int(), 1581 - 251);
  EXPECT_EQ(out["free_ranges"].items().at(0)["prefix"].as_string(), "10.1.8.0/21");
  EXPECT_EQ(plan({"-f", "-"}), 0);
  EXPECT_THAT(user.out, HasSubstr("1,330 too few"));
}

TEST_F(PlanCommand, DrawingFitsTheTerminalAndHasAnAsciiForm) {
  for (std::size_t columns : {60u, 80u, 200u}) {
    user.session.columns = columns;
    EXPECT_EQ(plan({"-f", example("contoso")}), 0);
    std::size_t at = user.out.find("VirtualNetwork/contoso");
    std::string line = user.out.substr(at, user.out.find('\n', at) - at);
    if (columns >= 80) {
      EXPECT_LE(display_width(line), columns);
    }
  }
  user.session.utf8 = false;
  EXPECT_EQ(plan({"-f", example("contoso")}), 0);
  EXPECT_THAT(user.out, HasSubstr("= in subnets   # in use now   + growth and upgrades   r reserved   . free"));
  for (char c : user.out) EXPECT_GE(static_cast<signed char>(c), 0);
}

TEST_F(PlanCommand, ThePageNeedsNothingFromElsewhere) {
  EXPECT_EQ(plan({"-f", example("contoso"), "-o", "html", "--lang", "ko"}), 0);
  EXPECT_THAT(user.out, testing::StartsWith("<!doctype html>\n<html lang=\"ko\">"));
  for (const char* foreign : {"<script", "http://", "https://", "<link", "url(", "@import", "src="})
    EXPECT_THAT(user.out, Not(HasSubstr(foreign)));
  for (const char* part : {"prefers-color-scheme:dark", "<title>클러스터 네트워크 계획</title>",
                           "VirtualNetwork/contoso", "10.240.0.0/22", "</html>\n"})
    EXPECT_THAT(user.out, HasSubstr(part));
}

TEST_F(PlanCommand, LongNamesOfThePageAreCutOff) {
  std::string name = "a-rather-long-name-of-a-network-in-korea-central";
  user.input = "apiVersion: bailey.dev/v1alpha1\nkind: VirtualNetwork\nmetadata: {name: " + name +
               "}\nspec: {addressSpace: [10.8.0.0/16, 10.9.0.0/16, 10.20.0.0/16], subnets: [{name: one, prefix: "
               "10.8.0.0/24}]}\n---\n" +
               "apiVersion: bailey.dev/v1alpha1\nkind: Cluster\nmetadata: {name: a}\nspec: {nodePools: [{name: one, "
               "count: 1}]}\n";
  EXPECT_EQ(plan({"-f", "-", "-o", "html"}), 0) << user.err;
  EXPECT_THAT(user.out, HasSubstr("<title>VirtualNetwork/" + name + "</title>VirtualNetwork/a-rather-…</text>"));
  EXPECT_THAT(user.out, HasSubstr("<title>10.8.0.0/16 10.9.0.0/16 10.20.0.0/16</title>10.8.0.0/16 10.9.0.0/1…</text>"));
}

TEST_F(PlanCommand, WritesWhatCreatesTheNetwork) {
  EXPECT_EQ(plan({"--nodes", "50", "--surge", "1", "-o", "az"}), 0);
  EXPECT_THAT(user.out, HasSubstr("--address-prefixes 10.0.0.0/21"));
  EXPECT_EQ(plan({"--nodes", "3", "--model", "overlay", "-o", "bicep"}), 0);
  EXPECT_THAT(user.out, HasSubstr("networkPluginMode: 'overlay'"));
  EXPECT_EQ(plan({"-f", example("contoso"), "-o", "terraform"}), 0);
  EXPECT_THAT(user.out, HasSubstr("resource \"azurerm_virtual_network_peering\" \"peering_hub_to_contoso\""));
}

// What docs/plan.md shows is what the command prints: a block begins with "$ bailey plan ...".
TEST_F(PlanCommand, TranscriptsOfTheDocumentAreTrue) {
  std::ifstream file(std::string(BAILEY_SOURCE_DIR) + "/docs/plan.md");
  std::string document{std::istreambuf_iterator<char>(file), {}};
  constexpr std::string_view start = "```\n$ bailey plan ";
  std::size_t shown = 0;
  for (std::size_t at = document.find(start); at != std::string::npos; at = document.find(start, at + 1), ++shown) {
    std::size_t line = at + start.size();
    std::size_t behind = document.find('\n', line);
    std::vector<std::string> arguments;
    for (std::string_view word : base::split(std::string_view(document).substr(line, behind - line), ' '))
      arguments.emplace_back(word);
    EXPECT_EQ(plan(arguments), 0);
    EXPECT_EQ(document.substr(behind + 1, document.find("```", behind) - behind - 1), user.out);
  }
  EXPECT_GE(shown, 1u);
}

}  // namespace
}  // namespace bailey::cli
