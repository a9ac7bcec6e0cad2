// Every example, with the expectations that stand beside it, and the demonstration.
#include <gtest/gtest.h>

#include "base/strings.h"
#include "harness.h"

namespace bailey::scenario {
namespace {

struct Example {
  const char* name;
  std::vector<std::string> files;
  std::vector<std::string> expectations;
  std::vector<std::string> options = {};
};

// examples/models in one family: the network of that family with the parts that all share.
std::vector<std::string> models_in(const std::string& family) {
  if (family == "dual") return {"examples/models"};
  return {"examples/models." + family + ".yaml", "examples/models/cluster.yaml", "examples/models/workloads.yaml"};
}

Example models(const char* name, const std::string& family, const std::string& network_model) {
  std::vector<std::string> expectations = {"examples/models." + network_model + ".expect.yaml"};
  if (family == "dual") expectations.push_back("examples/models.dual." + network_model + ".expect.yaml");
  return {name, models_in(family), expectations, {"--network-model", network_model}};
}

class ExampleScenario : public ::testing::TestWithParam<Example> {
 protected:
  void SetUp() override {
    if (!is_root()) GTEST_SKIP() << "labs need root";
  }
};

const std::vector<Example> examples = {
    {"contoso", {"examples/contoso"}, {"examples/contoso.expect.yaml"}},
    {"ipv4", {"examples/families/ipv4"}, {"examples/families.expect.yaml"}},
    {"ipv6", {"examples/families/ipv6"}, {"examples/families.expect.yaml"}},
    {"dual", {"examples/families/dual"}, {"examples/families.expect.yaml", "examples/families.dual.expect.yaml"}},
    models("models_ipv4_vnet", "ipv4", "vnet"),
    models("models_ipv4_kubenet", "ipv4", "kubenet"),
    models("models_ipv6_vnet", "ipv6", "vnet"),
    models("models_ipv6_kubenet", "ipv6", "kubenet"),
    models("models_dual_vnet", "dual", "vnet"),
    models("models_dual_kubenet", "dual", "kubenet"),
    {"walkthrough",
     {"examples/contoso", "examples/seed/apps.yaml", "examples/seed/network-policy.yaml"},
     {"examples/seed/walkthrough.yaml"}},
};
INSTANTIATE_TEST_SUITE_P(Examples, ExampleScenario, ::testing::ValuesIn(examples),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

TEST_P(ExampleScenario, KeepsItsExpectations) {
  Lab lab(unique_name(std::string("example-") + GetParam().name));
  std::vector<std::string> arguments = GetParam().options;
  for (const std::string& file : GetParam().files) arguments.insert(arguments.end(), {"-f", source_path(file)});
  Outcome up = lab.up(arguments);
  ASSERT_EQ(up.status, 0) << up.err << up.out;
  for (const std::string& file : GetParam().expectations) {
    // The walkthrough's commands name files as seen from the root of the repository.
    Outcome tested = run({"/usr/bin/env", "-C", BAILEY_SOURCE_DIR, std::string(BAILEY_BINARY_DIR) + "/bin/bailey",
                          "lab", "test", "--name", lab.name(), "-f", source_path(file)});
    EXPECT_EQ(tested.status, 0) << file << "\n" << tested.err << tested.out;
    std::vector<std::string_view> lines = base::split(base::trim(tested.out), '\n');
    EXPECT_NE(lines.back().find(" 0 failed,"), std::string_view::npos) << file << ": " << lines.back();
    EXPECT_FALSE(lines.back().starts_with("0 passed")) << "something was tried: " << lines.back();
  }
}

// examples/azure as a user takes it: imported, with machines where the network has interfaces and links.
TEST(ImportScenario, TheImportedNetworkCarriesPackets) {
  if (!is_root()) GTEST_SKIP() << "labs need root";
  Outcome imported = bailey({"import", "az", source_path("examples/azure")});
  ASSERT_EQ(imported.status, 0) << imported.err;
  Folder folder;
  std::string network = folder.write("network.yaml", imported.out);
  std::string hosts = folder.write("hosts.yaml", R"(apiVersion: bailey.dev/v1alpha1
kind: LabHost
metadata: {name: firewall}
spec: {networkInterfaces: [firewall], listeners: [22/tcp, 80/tcp]}
---
apiVersion: bailey.dev/v1alpha1
kind: LabHost
metadata: {name: desk}
spec: {network: OnPremisesNetwork/office, addresses: [192.168.1.10], listeners: [80/tcp]}
---
apiVersion: bailey.dev/v1alpha1
kind: LabHost
metadata: {name: internet}
spec: {network: Internet, addresses: [198.51.100.10], listeners: [80/tcp]}
)");
  Lab lab(unique_name("example-azure"));
  Outcome up = lab.up({"-f", network, "-f", hosts});
  ASSERT_EQ(up.status, 0) << up.err << up.out;
  // Over the gateway and its connection, past the security group's rule.
  base::Json link = lab.probe("host/desk", "host/firewall", "80/tcp");
  EXPECT_EQ(link["result"].as_string(), "open") << link.dump();
  EXPECT_EQ(link["source_seen"].as_string(), "192.168.1.10");
  // The peering, the route table's default through the firewall, and the way out; with it the firewall is a hop more.
  base::Json out =
      lab.ask("probe", {"--from", "node/shop-system-0", "--to", "host/internet", "--port", "80/tcp", "--hops"})
          .json()["rows"]
          .items()
          .at(0);
  EXPECT_EQ(out["result"].as_string(), "open") << out.dump();
  EXPECT_EQ(out["hops"].as_int(), 4) << out.dump();
  base::Json in = lab.probe("host/internet", "host/firewall", "22/tcp");
  EXPECT_EQ(in["result"].as_string(), "dropped") << in.dump();
  EXPECT_NE(in["dropped_at"].dump().find("private-address"), std::string::npos) << in.dump();
}

TEST(DemoScenario, ShowsTheNetworkBreaksItAndCleansUp) {
  if (!is_root()) GTEST_SKIP() << "labs need root";
  std::string machine = machine_state();
  Outcome demo = run({"/bin/bash", source_path("tests/demo.sh"), BAILEY_BINARY_DIR "/bin"});
  EXPECT_EQ(demo.status, 0) << demo.err << demo.out;
  EXPECT_NE(demo.out.find("203.0.113."), std::string::npos) << "the public address is shown";
  EXPECT_NE(demo.out.find("peering-"), std::string::npos) << "the broken peering is named as the reason";
  EXPECT_EQ(machine_state(), machine);
}

}  // namespace
}  // namespace bailey::scenario
