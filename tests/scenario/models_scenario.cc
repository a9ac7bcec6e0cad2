// A cluster changes while it runs: its network model, its pod range, whom its pods are translated for, and it goes.
#include <gtest/gtest.h>

#include "harness.h"

namespace bailey::scenario {
namespace {

std::string topology(const std::string& cluster_fields) {
  return R"(
apiVersion: bailey.dev/v1alpha1
kind: VirtualNetwork
metadata: {name: net}
spec:
  addressSpace: [10.240.0.0/16]
  subnets: [{name: nodes, prefix: 10.240.0.0/24}, {name: apps, prefix: 10.240.8.0/24}]
---
apiVersion: bailey.dev/v1alpha1
kind: NetworkInterface
metadata: {name: neighbour}
spec: {subnet: net/nodes, addresses: [10.240.0.100]}
---
apiVersion: bailey.dev/v1alpha1
kind: LabHost
metadata: {name: neighbour}
spec: {networkInterfaces: [neighbour], listeners: [80/tcp]}
---
apiVersion: v1
kind: Pod
metadata: {name: a}
spec: {nodeName: c-p-0, containers: [{name: x, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: b}
spec: {nodeName: c-p-1, containers: [{name: x, ports: [{containerPort: 80}]}]}
---
apiVersion: bailey.dev/v1alpha1
kind: Cluster
metadata: {name: c}
spec: {subnet: net/nodes, nodePools: [{name: p, count: 2}], )" +
         cluster_fields + "}\n";
}

class ModelsScenario : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!is_root()) GTEST_SKIP() << "labs need root";
  }
  void apply(const std::string& cluster_fields) const {
    Outcome applied = lab_.ask("apply", {"-f", folder_.write("all.yaml", topology(cluster_fields))});
    ASSERT_EQ(applied.status, 0) << applied.err << applied.out;
  }
  std::string address_of(const std::string& pod) const {
    base::Json status = lab_.ask("status").json();
    for (const base::Json& each : status["pods"].items())
      if (each["name"].as_string() == pod && each["ready"].as_bool())
        return each["addresses"].items().at(0).as_string();
    return "";
  }
  // The pods reach each other as they are, and the neighbour sees `seen` of pod a.
  void expect_reaches(const std::string& seen) const {
    base::Json other = lab_.probe("pod/default/a", "pod/default/b", "80/tcp");
    EXPECT_EQ(other["result"].as_string(), "open") << other.dump();
    EXPECT_EQ(other["source_seen"].as_string(), address_of("a"));
    base::Json neighbour = lab_.probe("pod/default/a", "host/neighbour", "80/tcp");
    EXPECT_EQ(neighbour["source_seen"].as_string(), seen) << neighbour.dump();
  }
  std::string on_node(const std::string& command) const { return lab_.exec("node/c-p-0", {"sh", "-c", command}).out; }

  Lab lab_{unique_name("models")};
  Folder folder_;
};

TEST_F(ModelsScenario, AClusterTakesTheOtherModelAndBack) {
  ASSERT_EQ(lab_.up({"-f", "-"}, topology("networkModel: kubenet")).status, 0);
  expect_reaches("10.240.0.4");
  EXPECT_EQ(address_of("a").substr(0, 7), "10.244.");
  EXPECT_NE(on_node("nft list ruleset").find("masquerade"), std::string::npos);
  apply("networkModel: vnet");
  EXPECT_EQ(address_of("a").substr(0, 9), "10.240.0.");
  expect_reaches(address_of("a"));
  EXPECT_EQ(on_node("nft list ruleset"), "") << "nothing is translated any more";
  apply("networkModel: kubenet");
  EXPECT_EQ(address_of("a").substr(0, 7), "10.244.");
  expect_reaches("10.240.0.4");
}

TEST_F(ModelsScenario, APodRangeMovesAndThePodsWithIt) {
  ASSERT_EQ(lab_.up({"-f", "-"}, topology("networkModel: kubenet, podCIDR: 10.80.0.0/16")).status, 0);
  EXPECT_EQ(address_of("a").substr(0, 6), "10.80.");
  apply("networkModel: kubenet, podCIDR: 10.90.0.0/16");
  EXPECT_EQ(address_of("a").substr(0, 6), "10.90.");
  expect_reaches("10.240.0.4");
  EXPECT_EQ(on_node("ip address").find("10.80."), std::string::npos)
      << "the bridge keeps no address of the former range";
}

TEST_F(ModelsScenario, WhomPodsAreTranslatedForChanges) {
  ASSERT_EQ(lab_.up({"-f", "-"}, topology("networkModel: kubenet")).status, 0);
  expect_reaches("10.240.0.4");
  std::string before = address_of("a");
  apply("networkModel: kubenet, nonMasqueradeCIDRs: [10.240.0.0/24]");
  EXPECT_EQ(address_of("a"), before) << "no pod is made anew for that";
  expect_reaches(before);
  apply("networkModel: kubenet");
  expect_reaches("10.240.0.4");
}

}  // namespace
}  // namespace bailey::scenario
