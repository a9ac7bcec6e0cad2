// What `reach` says from the manifests is what packets show: every pair of a running lab, and every port that answers.
#include <gtest/gtest.h>

#include "harness.h"

namespace bailey::scenario {
namespace {

using base::Json;

struct Topology {
  const char* name;
  std::string folder;
  std::vector<std::string> options = {};
};

class ReachScenario : public ::testing::TestWithParam<Topology> {
 protected:
  void SetUp() override {
    if (!is_root()) GTEST_SKIP() << "labs need root";
  }
};

INSTANTIATE_TEST_SUITE_P(Topologies, ReachScenario,
                         ::testing::Values(Topology{"contoso", "examples/contoso"},
                                           Topology{"dual", "examples/families/dual"},
                                           Topology{"vnet", "examples/models"},
                                           Topology{"kubenet", "examples/models", {"--network-model", "kubenet"}}),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

std::string shown(const Json& probed, const Json& said) {
  return probed["from"].as_string() + " -> " + probed["to"].as_string() + " " + probed["port"].as_string() +
         ": packets " + probed["result"].as_string() + ", reach " + said["verdict"].as_string() + " (" +
         said["reason"].as_string() + ")";
}

TEST_P(ReachScenario, AgreesWithPackets) {
  Lab lab(unique_name(std::string("reach-") + GetParam().name));
  std::vector<std::string> arguments = GetParam().options;
  arguments.insert(arguments.end(), {"-f", source_path(GetParam().folder)});
  Outcome up = lab.up(arguments);
  ASSERT_EQ(up.status, 0) << up.err << up.out;
  // Under sanitizers an answer takes its time when some hundred questions are asked at once.
  Outcome probed = lab.ask("probe", {"--timeout", "3s"});
  ASSERT_EQ(probed.status, 0) << probed.err;
  Json probed_rows = probed.json()["rows"];
  Json cases = Json::array();
  for (const Json& row : probed_rows.items())
    cases.push(Json::object().set("from", row["from"]).set("to", row["to"]).set("port", row["port"]));
  Folder folder;
  arguments.insert(arguments.begin(), "reach");
  arguments.insert(arguments.end(), {"--cases", folder.write("rows.json", cases.dump()), "-o", "json"});
  Outcome reach = bailey(arguments);
  ASSERT_EQ(reach.status, 0) << reach.err;
  Json said_rows = reach.json()["rows"];
  ASSERT_EQ(said_rows.items().size(), probed_rows.items().size());
  std::size_t open = 0;
  for (std::size_t i = 0; i < probed_rows.items().size(); ++i) {
    const Json& row = probed_rows.items()[i];
    const Json& said = said_rows.items()[i];
    bool arrives = row["result"].as_string() == "open" || row["result"].as_string() == "refused";
    open += arrives ? 1 : 0;
    EXPECT_EQ(arrives, said["verdict"].as_string() == "allow") << shown(row, said);
    // Which address a pod gets is the node's to say when it starts; all others are known beforehand.
    bool known = arrives && !row["from"].as_string().starts_with("pod/") && row["source_seen"].is_string();
    if (known) {
      EXPECT_EQ(row["source_seen"].as_string(), said["source_seen"].as_string()) << shown(row, said);
    }
  }
  EXPECT_GT(open, 50u);
  EXPECT_LT(open, probed_rows.items().size());
}

}  // namespace
}  // namespace bailey::scenario
