// Ranges of pod addresses in a subnet that is too small for maxPods of its nodes: pods come and go, and whoever has an
// address keeps it and is reached by it.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "harness.h"

namespace bailey::scenario {
namespace {

// Eleven addresses that can be given: two nodes and nine pods.
std::string network(int nodes) {
  return R"(
apiVersion: bailey.dev/v1alpha1
kind: VirtualNetwork
metadata: {name: small}
spec: {addressSpace: [10.1.0.0/24], subnets: [{name: nodes, prefix: 10.1.0.0/28}]}
---
apiVersion: bailey.dev/v1alpha1
kind: Cluster
metadata: {name: aks}
spec: {networkModel: vnet, subnet: small/nodes, nodePools: [{name: p, count: )" +
         std::to_string(nodes) + ", maxPods: 30}]}\n";
}

std::string pod_name(unsigned number) { return "p" + std::to_string(number); }

std::string pods_text(const std::set<unsigned>& numbers) {
  std::string out;
  for (unsigned number : numbers)
    out += "---\napiVersion: v1\nkind: Pod\nmetadata: {name: " + pod_name(number) +
           "}\nspec: {containers: [{name: c, ports: [{containerPort: 80}]}]}\n";
  return out;
}

// Name and address of the pods that run.
std::map<std::string, std::string> running(const base::Json& status) {
  std::map<std::string, std::string> out;
  for (const base::Json& pod : status["pods"].items())
    if (pod["ready"].as_bool()) out[pod["name"].as_string()] = pod["addresses"].items().at(0).as_string();
  return out;
}

std::size_t waiting(const base::Json& status) {
  std::size_t count = 0;
  for (const base::Json& condition : status["conditions"].items())
    count += condition["reason"].as_string() == "SubnetFull" && condition["object"].as_string().starts_with("Pod/");
  return count;
}

// Every pod that runs is asked by the first one, at the address that it has.
void expect_reached(const Lab& lab, const std::map<std::string, std::string>& pods) {
  if (pods.empty()) return;
  std::string rows;
  for (const auto& [name, address] : pods)
    rows += R"({"id":")" + name + R"(","from":"pod/default/)" + pods.begin()->first + R"(","to":"pod/default/)" + name +
            R"(","port":"80/tcp"})" + "\n";
  Folder folder;
  Outcome probe = lab.ask("probe", {"--cases", folder.write("rows.jsonl", rows)});
  base::Json answers = probe.json();
  ASSERT_EQ(answers["rows"].items().size(), pods.size()) << probe.err << probe.out;
  for (const base::Json& row : answers["rows"].items()) {
    EXPECT_EQ(row["result"].as_string(), "open") << row.dump();
    EXPECT_EQ(row["source_seen"].as_string(), pods.begin()->second) << row.dump();
  }
}

class RangesScenario : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!is_root()) GTEST_SKIP() << "labs need root";
  }
};

TEST_F(RangesScenario, WhoHoldsAnAddressKeepsItAndTheOthersFollow) {
  Lab lab(unique_name("ranges"));
  std::set<unsigned> wanted;
  for (unsigned i = 10; i < 22; ++i) wanted.insert(i);
  Folder folder;
  Outcome up = lab.up({"-f", folder.write("all.yaml", network(2) + pods_text(wanted))});
  ASSERT_EQ(up.status, 0) << up.err << up.out;
  base::Json before = lab.ask("status").json();
  EXPECT_EQ(running(before).size(), 9u);
  EXPECT_EQ(waiting(before), 3u);
  ASSERT_EQ(before["subnets"].items().size(), 1u);
  EXPECT_EQ(before["subnets"].items()[0].dump(),
            R"({"name":"small/nodes","family":4,"size":11,"nodes":2,"pods_reserved":9,"pods_held":9,"free":0})");
  expect_reached(lab, running(before));

  ASSERT_EQ(lab.ask("delete", {"Pod/default/p11", "Pod/default/p12", "Pod/default/p13"}).status, 0);
  base::Json after = lab.ask("status").json();
  EXPECT_EQ(waiting(after), 0u);
  std::map<std::string, std::string> now = running(after);
  EXPECT_EQ(now.size(), 9u);
  for (const auto& [name, address] : running(before)) {
    if (!now.contains(name)) continue;
    EXPECT_EQ(now[name], address) << name;
  }
  expect_reached(lab, now);

  // A third node takes an address that no pod has any more.
  ASSERT_EQ(lab.ask("delete", {"Pod/default/p14"}).status, 0);
  ASSERT_EQ(lab.ask("apply", {"-f", folder.write("more.yaml", network(3))}).status, 0);
  base::Json grown = lab.ask("status").json();
  EXPECT_EQ(grown["subnets"].items()[0]["nodes"].as_int(), 3);
  EXPECT_EQ(running(grown).size(), 8u);
  expect_reached(lab, running(grown));
}

TEST_F(RangesScenario, ManyChangesLeaveEveryPodReached) {
  Lab lab(unique_name("churn"));
  Folder folder;
  std::mt19937 random(4);
  std::set<unsigned> wanted;
  Outcome up = lab.up({"-f", folder.write("network.yaml", network(2))});
  ASSERT_EQ(up.status, 0) << up.err << up.out;
  std::map<std::string, std::string> before;
  for (int round = 0; round < 12 && !HasFailure(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    std::set<unsigned> added;
    std::vector<std::string> removed;
    for (int i = 0; i < 5; ++i) {
      unsigned number = static_cast<unsigned>(random() % 14);
      if (wanted.contains(number) && !added.contains(number)) {
        removed.push_back("Pod/default/" + pod_name(number));
        wanted.erase(number);
      } else if (wanted.insert(number).second) {
        added.insert(number);
      }
    }
    if (!removed.empty()) {
      ASSERT_EQ(lab.ask("delete", removed).status, 0);
    }
    if (!added.empty()) {
      ASSERT_EQ(lab.ask("apply", {"-f", folder.write("pods.yaml", pods_text(added))}).status, 0);
    }
    base::Json status = lab.ask("status").json();
    std::map<std::string, std::string> now = running(status);
    EXPECT_EQ(now.size(), std::min<std::size_t>(9, wanted.size()));
    EXPECT_EQ(waiting(status), wanted.size() - now.size());
    std::set<std::string> addresses;
    for (const auto& [name, address] : now) {
      EXPECT_TRUE(addresses.insert(address).second) << address << " of two pods";
      bool stayed =
          before.contains(name) && std::find(removed.begin(), removed.end(), "Pod/default/" + name) == removed.end();
      if (!stayed) continue;
      EXPECT_EQ(address, before[name]) << name << " moved";
    }
    expect_reached(lab, now);
    before = now;
  }
}

}  // namespace
}  // namespace bailey::scenario
