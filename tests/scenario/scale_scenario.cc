// Many pods: a lab of 500, a node of 250, and five hundred that come and go.
#include <gtest/gtest.h>

#include "harness.h"

namespace bailey::scenario {
namespace {

std::string cluster(const std::string& network_model, int nodes) {
  return R"(
apiVersion: bailey.dev/v1alpha1
kind: VirtualNetwork
metadata: {name: net}
spec: {addressSpace: [10.240.0.0/16], subnets: [{name: nodes, prefix: 10.240.0.0/20}]}
---
apiVersion: bailey.dev/v1alpha1
kind: Cluster
metadata: {name: c}
spec:
  networkModel: )" +
         network_model + "\n  subnet: net/nodes\n  nodePools: [{name: p, count: " + std::to_string(nodes) +
         ", maxPods: 250}]\n";
}

std::string deployment(int replicas) {
  return R"(---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: )" +
         std::to_string(replicas) + R"(
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}
)";
}

class ScaleScenario : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!is_root()) GTEST_SKIP() << "labs need root";
  }

  // Every pod is asked by the first one.
  static void expect_all_answer(const Lab& lab, std::size_t wanted) {
    base::Json status = lab.ask("status").json();
    EXPECT_TRUE(status["ready"].as_bool());
    std::set<std::string> addresses;
    std::string rows;
    for (const base::Json& pod : status["pods"].items()) {
      for (const base::Json& address : pod["addresses"].items()) addresses.insert(address.as_string());
      rows += R"({"from":"pod/default/web-0","to":"pod/default/)" + pod["name"].as_string() + R"(","port":"80/tcp"})" +
              "\n";
    }
    EXPECT_EQ(addresses.size(), wanted) << "each has an address of its own";
    Folder folder;
    Outcome probed = lab.ask("probe", {"--cases", folder.write("rows.jsonl", rows), "--timeout", "5s"});
    std::size_t open = 0;
    base::Json document = probed.json();
    for (const base::Json& row : document["rows"].items()) {
      open += row["result"].as_string() == "open" && row["answered_by"].as_string() == row["to"].as_string();
    }
    EXPECT_EQ(open, wanted) << probed.err;
  }
};
INSTANTIATE_TEST_SUITE_P(Models, ScaleScenario, ::testing::Values("vnet", "kubenet"));

TEST_P(ScaleScenario, TenNodesAndFiveHundredPodsAllAnswer) {
  Lab lab(unique_name(std::string("scale-") + GetParam()));
  Outcome up = lab.up({"--wait", "120s", "-f", "-"}, cluster(GetParam(), 10) + deployment(500));
  ASSERT_EQ(up.status, 0) << up.err;
  expect_all_answer(lab, 500);
}

TEST_P(ScaleScenario, ANodeWithTwoHundredAndFiftyPods) {
  Lab lab(unique_name(std::string("full-") + GetParam()));
  Outcome up = lab.up({"--wait", "120s", "-f", "-"}, cluster(GetParam(), 1) + deployment(250));
  ASSERT_EQ(up.status, 0) << up.err;
  expect_all_answer(lab, 250);
}

// What nodes have must be what it was; memory is measured by the benchmark, where no sanitizer keeps what is freed.
TEST_P(ScaleScenario, FiveHundredThatComeAndGoLeaveNothing) {
  Lab lab(unique_name(std::string("churn-") + GetParam()));
  Folder folder;
  ASSERT_EQ(lab.up({"-f", "-"}, cluster(GetParam(), 2) + deployment(2)).status, 0);
  std::string none = folder.write("none.yaml", deployment(0));
  std::string many = folder.write("many.yaml", deployment(125));
  ASSERT_EQ(lab.ask("apply", {"-f", none}).status, 0);
  auto state_of_nodes = [&] {
    std::string out;
    for (const char* node : {"node/c-p-0", "node/c-p-1"})
      out += lab.exec(node, {"sh", "-c",
                             "ip -br link | awk '{print $1, $3}'; ip -br address | awk '{print $1, $3, $4, $5}'; "
                             // A bridge loses its carrier some time after its last port.
                             "{ ip route; ip -6 route; } | sed 's/ linkdown//'; ip rule; ip neigh show nud permanent; "
                             "nft -s list ruleset"})
                 .out;
    return out;
  };
  std::string before = state_of_nodes();
  EXPECT_NE(before.find("eth0"), std::string::npos) << "something was looked at";
  for (int round = 0; round < 4; ++round) {
    Outcome more = lab.ask("apply", {"-f", many});
    ASSERT_EQ(more.status, 0) << more.err;
    if (round == 0) expect_all_answer(lab, 125);
    ASSERT_EQ(lab.ask("apply", {"-f", none}).status, 0);
  }
  EXPECT_EQ(state_of_nodes(), before);
  EXPECT_TRUE(lab.ask("status").json()["pods"].items().empty());
}

}  // namespace
}  // namespace bailey::scenario
