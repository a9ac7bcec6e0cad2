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

// The replies of `web` would leave through the appliance; those of `open` leave as they came.
constexpr const char* public_addresses = R"(
apiVersion: bailey.dev/v1alpha1
kind: VirtualNetwork
metadata: {name: v}
spec:
  addressSpace: [10.0.0.0/16]
  outboundAddresses: [203.0.113.1]
  subnets:
  - {name: fw, prefix: 10.0.0.0/24}
  - {name: web, prefix: 10.0.1.0/24, routeTable: t}
---
apiVersion: bailey.dev/v1alpha1
kind: RouteTable
metadata: {name: t}
spec:
  routes:
  - {name: d, prefix: 0.0.0.0/0, nextHopType: VirtualAppliance, nextHopAddress: 10.0.0.4}
---
apiVersion: bailey.dev/v1alpha1
kind: NetworkInterface
metadata: {name: fw}
spec: {subnet: v/fw, addresses: [10.0.0.4], ipForwarding: true}
---
apiVersion: bailey.dev/v1alpha1
kind: NetworkInterface
metadata: {name: web}
spec: {subnet: v/web, addresses: [10.0.1.4], publicAddress: 203.0.113.9}
---
apiVersion: bailey.dev/v1alpha1
kind: NetworkInterface
metadata: {name: open}
spec: {subnet: v/fw, addresses: [10.0.0.5], publicAddress: 203.0.113.10}
---
apiVersion: bailey.dev/v1alpha1
kind: LabHost
metadata: {name: fw}
spec: {networkInterfaces: [fw]}
---
apiVersion: bailey.dev/v1alpha1
kind: LabHost
metadata: {name: open}
spec: {networkInterfaces: [open], listeners: [80/tcp]}
---
apiVersion: bailey.dev/v1alpha1
kind: LabHost
metadata: {name: web}
spec: {networkInterfaces: [web], listeners: [80/tcp]}
---
apiVersion: bailey.dev/v1alpha1
kind: LabHost
metadata: {name: client}
spec: {network: Internet, addresses: [198.51.100.8]}
)";

TEST(ReachScenario, PublicAddressesBehindAnApplianceAreClosed) {
  if (!is_root()) GTEST_SKIP() << "labs need root";
  Lab lab(unique_name("reach-public"));
  Folder folder;
  std::string manifests = folder.write("network.yaml", public_addresses);
  Outcome up = lab.up({"-f", manifests});
  ASSERT_EQ(up.status, 0) << up.err << up.out;
  for (bool closed : {true, false}) {
    const char* to = closed ? "203.0.113.9" : "203.0.113.10";
    Json row = lab.probe("host/client", to, "80/tcp");
    EXPECT_EQ(row["result"].as_string(), closed ? "dropped" : "open") << row.dump();
    EXPECT_EQ(row["dropped_at"]["reason"].as_string(), closed ? "return-through-appliance" : "") << row.dump();
    Outcome reach = bailey({"reach", "-f", manifests, "--from", "host/client", "--to", to, "--port", "80"});
    EXPECT_EQ(reach.status, closed ? 1 : 0) << reach.out;
  }
}

}  // namespace
}  // namespace bailey::scenario
