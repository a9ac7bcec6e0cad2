// Network policies on a whole lab: in force when the command returns, from a pod's first moment on, and whatever
// becomes of the nodes' agents.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <future>
#include <sstream>

#include "harness.h"

namespace bailey::scenario {
namespace {

const std::string shop = R"(
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Namespace
metadata: {name: other, labels: {team: blue}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec: {containers: [{name: c, ports: [{containerPort: 5432}, {containerPort: 5353, protocol: UDP}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: guest, namespace: other, labels: {app: guest}}
spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}
)";

const std::string guard = R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - from:
    - podSelector: {matchLabels: {app: web}}
    - namespaceSelector: {matchLabels: {team: red}}
    ports: [{port: 5432}]
)";

std::string guest_with(const std::string& app) {
  return "apiVersion: v1\nkind: Pod\nmetadata: {name: guest, namespace: other, labels: {app: " + app +
         "}}\nspec: {containers: [{name: c, ports: [{containerPort: 80}]}]}\n";
}

std::string namespace_with(const std::string& team) {
  return "apiVersion: v1\nkind: Namespace\nmetadata: {name: other, labels: {team: " + team + "}}\n";
}

long long monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

class PolicyScenario : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!is_root()) GTEST_SKIP() << "labs need root";
  }

  void up(const std::string& manifests) {
    lab_ = std::make_unique<Lab>(unique_name("policy"));
    std::vector<std::string> arguments{"-f", "-"};
    if (GetParam()) arguments.insert(arguments.end(), {"--network-model", GetParam()});
    Outcome outcome = lab_->up(arguments, manifests);
    ASSERT_EQ(outcome.status, 0) << outcome.err;
  }
  void apply(const std::string& manifest) const {
    Outcome outcome = lab_->ask("apply", {"-f", folder_.write("change.yaml", manifest)});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
  }
  std::string result(const std::string& from, const std::string& to, const std::string& port) const {
    Outcome outcome = lab_->ask("probe", {"--from", from, "--to", to, "--port", port, "--timeout", "200ms"});
    return outcome.json()["rows"].items().empty() ? outcome.err
                                                  : outcome.json()["rows"].items()[0]["result"].as_string();
  }

  std::unique_ptr<Lab> lab_;
  Folder folder_;
};

TEST_P(PolicyScenario, InForceWhenTheCommandReturns) {
  up(shop);
  EXPECT_EQ(result("pod/other/guest", "pod/shop/db", "5432/tcp"), "open") << "without a policy";
  for (int round = 0; round < 5; ++round) {
    apply(guard);
    EXPECT_EQ(result("pod/other/guest", "pod/shop/db", "5432/tcp"), "dropped");
    EXPECT_EQ(result("pod/shop/web", "pod/shop/db", "5432/tcp"), "open");
    EXPECT_EQ(result("pod/shop/web", "pod/shop/db", "5353/udp"), "dropped") << "another port";
    apply(namespace_with("red"));
    EXPECT_EQ(result("pod/other/guest", "pod/shop/db", "5432/tcp"), "open") << "its namespace is let in";
    apply(namespace_with("blue"));
    EXPECT_EQ(result("pod/other/guest", "pod/shop/db", "5432/tcp"), "dropped");
    apply(guest_with("web"));
    EXPECT_EQ(result("pod/other/guest", "pod/shop/db", "5432/tcp"), "dropped") << "the same label in another namespace";
    apply(guest_with("guest"));
    ASSERT_EQ(lab_->ask("delete", {"NetworkPolicy/shop/db"}).status, 0);
    EXPECT_EQ(result("pod/other/guest", "pod/shop/db", "5432/tcp"), "open");
  }
}

TEST_P(PolicyScenario, TighterPoliciesCutConnections) {
  up(shop);
  auto state = [&](const std::string& action) {
    std::vector<std::string> words{action, "c"};
    if (action == "open")
      words.insert(words.end(), {"--from", "pod/other/guest", "--to", "pod/shop/db", "--port", "5432"});
    return lab_->ask("conn", words).json()["connections"].items()[0]["state"].as_string();
  };
  ASSERT_EQ(state("open"), "open");
  ASSERT_EQ(state("send"), "open");
  apply(guard);
  EXPECT_EQ(state("send"), "cut") << "not within the second that send waits";
}

// The agents of all nodes are killed again and again while policies change. Whoever may, goes on; who may not, does
// not.
TEST_P(PolicyScenario, AgentsMayDie) {
  const char* wanted = std::getenv("BAILEY_KILLS");
  const int kills = wanted ? std::atoi(wanted) : 40;
  up(shop + "---" + guard);
  std::vector<std::string> nodes;
  base::Json status_now = lab_->ask("status").json();
  for (const base::Json& host : status_now["hosts"].items())
    if (host["kind"].as_string() == "node") nodes.push_back(host["name"].as_string());
  ASSERT_FALSE(nodes.empty());
  std::vector<std::string> open{"open", "held", "--from", "pod/shop/web", "--to", "pod/shop/db", "--port", "5432"};
  ASSERT_EQ(lab_->ask("conn", open).json()["connections"].items()[0]["state"].as_string(), "open");
  int killed = 0;
  for (int round = 0; killed < kills && round < 4 * kills; ++round) {
    const std::string& node = nodes[static_cast<std::size_t>(round) % nodes.size()];
    Outcome status = lab_->exec(node, {"curl", "-s", "--max-time", "2", "--unix-socket", "/run/bailey/agent/agent.sock",
                                       "http://agent/status"});
    std::int64_t pid = status.json()["pid"].as_int();
    if (pid <= 0) continue;  // it is just starting
    auto change = std::async(std::launch::async, [&] { apply(guest_with(round % 2 ? "guest" : "visitor")); });
    ::usleep(static_cast<useconds_t>(round * 1237 % 20000));
    if (lab_->exec(node, {"kill", "-9", std::to_string(pid)}).status == 0) ++killed;
    change.wait();
    ASSERT_EQ(result("pod/shop/web", "pod/shop/db", "5432/tcp"), "open") << round;
    ASSERT_EQ(result("pod/other/guest", "pod/shop/db", "5432/tcp"), "dropped") << round;
    std::string held = lab_->ask("conn", {"send", "held"}).json()["connections"].items()[0]["state"].as_string();
    ASSERT_EQ(held, "open") << round;
  }
  EXPECT_EQ(killed, kills);
  RecordProperty("kills", killed);
}

INSTANTIATE_TEST_SUITE_P(Models, PolicyScenario, ::testing::Values("vnet", "kubenet"),
                         [](const auto& each) { return std::string(each.param); });

// Pods come up while others already send to their addresses, each millisecond. From a denied one no packet is ever
// answered; to an allowed one the first answer comes at most 50 ms after the command has returned.
class NoWindow : public PolicyScenario {};

TEST_P(NoWindow, FromTheFirstMomentOn) {
  constexpr int pods = 100;
  up(R"(
apiVersion: bailey.dev/v1alpha1
kind: VirtualNetwork
metadata: {name: net}
spec: {addressSpace: [10.224.0.0/16], subnets: [{name: nodes, prefix: 10.224.0.0/16}]}
---
apiVersion: bailey.dev/v1alpha1
kind: Cluster
metadata: {name: big}
spec:
  networkModel: vnet
  nodePools: [{name: default, count: 2, maxPods: 110, subnet: net/nodes}]
---
apiVersion: v1
kind: Pod
metadata: {name: friend, namespace: shop, labels: {app: friend}}
spec: {containers: [{name: c}]}
---
apiVersion: v1
kind: Pod
metadata: {name: foe, namespace: shop, labels: {app: foe}}
spec: {containers: [{name: c}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: late, namespace: shop}
spec:
  podSelector: {matchLabels: {app: late}}
  ingress: [{from: [{podSelector: {matchLabels: {app: friend}}}]}]
)");
  std::vector<std::string> command{BAILEY_BINARY_DIR "/tests/scenario/each_millisecond", "25", "7"};
  std::string manifests;
  for (int i = 0; i < pods; ++i) {
    std::string address = "10.224.10." + std::to_string(100 + i);
    command.push_back(address);
    manifests += "---\napiVersion: v1\nkind: Pod\nmetadata: {name: late-" + std::to_string(i) +
                 ", namespace: shop, labels: {app: late}, annotations: {bailey.dev/addresses: \"" + address +
                 "\"}}\nspec: {containers: [{name: c, ports: [{containerPort: 7, protocol: UDP}]}]}\n";
  }
  auto friendly = std::async(std::launch::async, [&] { return lab_->exec("pod/shop/friend", command); });
  auto hostile = std::async(std::launch::async, [&] { return lab_->exec("pod/shop/foe", command); });
  ::usleep(500'000);
  apply(manifests);
  long long returned = monotonic_ns();
  Outcome heard = friendly.get();
  Outcome unheard = hostile.get();
  std::istringstream lines(heard.out);
  std::string address;
  long count = 0;
  long long first = 0;
  int answered = 0;
  long long latest_ms = -1'000'000;
  while (lines >> address >> count >> first) {
    EXPECT_GT(count, 0) << address;
    answered += count > 0;
    latest_ms = std::max(latest_ms, (first - returned) / 1'000'000);
  }
  EXPECT_EQ(answered, pods) << heard.err;
  EXPECT_LE(latest_ms, 50) << "ms after the command returned";
  std::istringstream others(unheard.out);
  while (others >> address >> count >> first) EXPECT_EQ(count, 0) << address;
  RecordProperty("latest_ms", static_cast<int>(latest_ms));
  std::printf("the last of %d pods was first heard %lld ms after the command returned\n", answered, latest_ms);
}

INSTANTIATE_TEST_SUITE_P(Models, NoWindow, ::testing::Values("vnet"),
                         [](const auto& each) { return std::string(each.param); });

}  // namespace
}  // namespace bailey::scenario
