// Texts that create a network: their syntax is checked by scanners written here, and the script by Bash itself with a
// function in the place of `az` that prints the words it gets.
#include "plan/deploy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <memory>

namespace bailey::plan {
namespace {

using model::Kind;
using model::Prefix;
using testing::HasSubstr;
using testing::Not;

constexpr const char* hostile[] = {
    "plain",         "with space", "it's",           "a\"b",       "$(touch /tmp/x)", "`id`",
    "${var.x}",      "%{if}",      "back\\slash",    "two\nlines", "; rm -rf /",      "한국어",
    "'${injected}'", "-n",         "#not a comment", "",           "a'; exit 1; '",   "\\'"};

template <typename T>
std::shared_ptr<T> deployed(Kind kind, const std::string& name) {
  auto out = std::make_shared<T>();
  out->meta.kind = kind;
  out->meta.name = name;
  return out;
}

std::string output_of_bash(const std::string& script) {
  char path[] = "/tmp/bailey-plan-XXXXXX";
  int file = ::mkstemp(path);
  EXPECT_GE(file, 0);
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(::fdopen(file, "w"), std::fclose);
  std::fwrite(script.data(), 1, script.size(), out.get());
  out.reset();
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> run(::popen(("bash " + std::string(path)).c_str(), "r"), ::pclose);
  std::string text;
  char part[4096];
  for (std::size_t count; (count = std::fread(part, 1, sizeof part, run.get())) > 0;) text.append(part, count);
  std::remove(path);
  return text;
}

// Whether brackets outside of strings match and every string ends on its line. `quote` delimits strings.
std::string flaw(const std::string& text, char quote, std::string_view comment) {
  std::string open;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (text.compare(i, comment.size(), comment) == 0) {
      i = text.find('\n', i);
      continue;
    }
    if (c == quote) {
      for (++i; i < text.size() && text[i] != quote; ++i) {
        if (text[i] == '\n') return "a string that does not end before: " + text.substr(i, 40);
        if (text[i] == '\\') ++i;
      }
      continue;
    }
    if (c == '{' || c == '[' || c == '(') open += c;
    if (c != '}' && c != ']' && c != ')') continue;
    char wanted = c == '}' ? '{' : c == ']' ? '[' : '(';
    if (open.empty() || open.back() != wanted) return "unmatched: " + text.substr(i, 40);
    open.pop_back();
  }
  return open.empty() ? "" : "left open: " + open;
}

TEST(Quoting, ShellGivesEveryWordBack) {
  std::string script;
  for (const char* word : hostile) script += "printf '%s\\0' " + quoted_shell(word) + "\n";
  std::string expected;
  for (const char* word : hostile) expected.append(word).push_back('\0');
  EXPECT_EQ(output_of_bash(script), expected);
}

TEST(Quoting, BicepAndTerraformNeverInterpolate) {
  EXPECT_EQ(quoted_bicep("it's ${x}"), "'it\\'s \\${x}'");
  EXPECT_EQ(quoted_bicep("a\\b\n"), "'a\\\\b\\n'");
  EXPECT_EQ(quoted_terraform("a\"${x}%{y}$z"), "\"a\\\"$${x}%%{y}$z\"");
  for (const char* word : hostile) {
    EXPECT_EQ(flaw(quoted_bicep(word), '\'', "//"), "") << word;
    EXPECT_EQ(flaw(quoted_terraform(word), '"', "#"), "") << word;
  }
}

TEST(Quoting, IdentifiersAreKeptApart) {
  Identifiers names;
  EXPECT_EQ(names.of("vnet", "a-b"), "vnet_a_b");
  EXPECT_EQ(names.of("vnet", "a.b"), "vnet_a_b_2");
  EXPECT_EQ(names.of("vnet", "a-b"), "vnet_a_b");
  EXPECT_EQ(names.of("nsg", "a-b"), "nsg_a_b");
}

TEST(Quoting, PoolNamesAreThoseOfAks) {
  model::NodePool pool;
  pool.name = "My-Windows-Pool";
  EXPECT_EQ(pool_name(pool), "mywindowspoo");
  pool.os = model::Os::windows;
  EXPECT_EQ(pool_name(pool), "mywind");
  pool.name = "1st";
  EXPECT_EQ(pool_name(pool), "p1st");
}

class Written : public testing::Test {
 protected:
  // A network in which every name is `word`.
  model::Snapshot named(const std::string& word) {
    auto vnet = deployed<model::VirtualNetwork>(Kind::VirtualNetwork, word);
    vnet->resource_group = word;
    vnet->address_space = {*Prefix::parse("10.0.0.0/16")};
    vnet->subnets = {{word, {*Prefix::parse("10.0.0.0/22")}, word, word, word}};
    auto peer = deployed<model::VirtualNetwork>(Kind::VirtualNetwork, "peer");
    peer->address_space = {*Prefix::parse("10.1.0.0/16")};
    auto peering = deployed<model::NetworkPeering>(Kind::NetworkPeering, word);
    peering->from = word;
    peering->to = "peer";
    peering->allow_forwarded_traffic = true;
    auto group = deployed<model::NetworkSecurityGroup>(Kind::NetworkSecurityGroup, word);
    model::SecurityRule rule;
    rule.name = word;
    rule.priority = 100;
    rule.allow = true;
    rule.protocol = model::Protocol::tcp;
    rule.source_prefixes = {"10.9.0.0/16", word};
    rule.destination_ports = {{22, 22}, {80, 90}};
    rule.destination_groups = {word};
    group->rules = {rule, rule};
    group->rules[1].protocol = model::Protocol::sctp;
    auto table = deployed<model::RouteTable>(Kind::RouteTable, word);
    table->routes = {
        {word, *Prefix::parse("0.0.0.0/0"), model::NextHopType::virtual_appliance, model::Address::parse("10.0.3.4")}};
    auto cluster = deployed<model::Cluster>(Kind::Cluster, word);
    cluster->resource_group = word;
    cluster->identity.name = word;
    cluster->subnet = {word, word};
    cluster->service_cidrs = {*Prefix::parse("10.2.0.0/16")};
    cluster->dns_service_address = model::Address::parse("10.2.0.10");
    model::NodePool pool;
    pool.name = "system";
    pool.count = 2;
    pool.max_count = 5;
    pool.max_pods = 30;
    pool.max_surge = "33%";
    cluster->node_pools = {pool, pool};
    cluster->node_pools[1].name = "win";
    cluster->node_pools[1].os = model::Os::windows;
    return model::snapshot_of({vnet, peer, peering, group, table, cluster});
  }
};

TEST_F(Written, HostileNamesStayWords) {
  for (const char* word : hostile) {
    if (std::string_view(word).empty()) continue;
    model::Snapshot snapshot = named(word);
    EXPECT_EQ(flaw(to_bicep({snapshot, {}}), '\'', "//"), "") << word;
    EXPECT_EQ(flaw(to_terraform({snapshot, {}}), '"', "#"), "") << word;
    std::string words = output_of_bash("az() { echo id; }\n" + to_az({snapshot, {}}) + "echo end of script\n");
    EXPECT_THAT(words, HasSubstr("end of script")) << word;
    std::string seen = output_of_bash("exec 2>&1; az() { printf '<%s>' \"$@\"; }\n" + to_az({snapshot, {}}));
    EXPECT_THAT(seen, HasSubstr("<group><create><--name><" + std::string(word) + "><--location><koreacentral>"))
        << word;
    EXPECT_THAT(seen, HasSubstr("<aks><create><--resource-group><" + std::string(word) + "><--name><" + word + ">"));
  }
}

TEST_F(Written, AzSaysWhatTheObjectsSay) {
  std::string script = to_az({named("net"), {}});
  EXPECT_THAT(script, HasSubstr("az network vnet create \\\n  --resource-group net \\\n  --name net \\\n"
                                "  --location \"$location\" \\\n  --address-prefixes 10.0.0.0/16\n"));
  EXPECT_THAT(script, HasSubstr("--priority 100 \\\n  --direction Inbound \\\n  --access Allow \\\n  --protocol Tcp"));
  EXPECT_THAT(script, HasSubstr("--destination-asgs net \\\n  --destination-port-ranges 22 80-90"));
  EXPECT_THAT(script, HasSubstr("--next-hop-type VirtualAppliance \\\n  --next-hop-ip-address 10.0.3.4"));
  EXPECT_THAT(script,
              HasSubstr("--network-plugin azure \\\n  --service-cidr 10.2.0.0/16 \\\n  --dns-service-ip 10.2.0.10"));
  EXPECT_THAT(script, HasSubstr("--enable-cluster-autoscaler \\\n  --min-count 2 \\\n  --max-count 5"));
  EXPECT_THAT(script, HasSubstr("--os-type Windows"));
  EXPECT_THAT(script, HasSubstr("SCTP"));
}

TEST_F(Written, BicepIsGolden) {
  model::NodePool pool;
  pool.name = "nodes";
  pool.count = 3;
  auto cluster = deployed<model::Cluster>(Kind::Cluster, "dev");
  cluster->identity.name = "dev";
  cluster->node_pools = {pool};
  cluster->pod_cidrs = {*Prefix::parse("10.244.0.0/22")};
  model::Snapshot snapshot = model::snapshot_of({cluster});
  EXPECT_EQ(to_bicep({snapshot, {{"dev", Model::overlay}}}),
            R"(// Creates the planned network: az deployment group create --resource-group GROUP --template-file FILE
// All of it goes into that one group; move modules apart where groups have different owners.
param location string = resourceGroup().location
param vmSize string = 'Standard_D4s_v5'

resource identity_dev 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'dev'
  location: location
}

resource cluster_dev 'Microsoft.ContainerService/managedClusters@2024-05-01' = {
  name: 'dev'
  location: location
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity_dev.id}': {}
    }
  }
  properties: {
    dnsPrefix: 'dev'
    agentPoolProfiles: [
      {
        name: 'nodes'
        mode: 'System'
        osType: 'Linux'
        vmSize: vmSize
        count: 3
        maxPods: 250
        upgradeSettings: {
          maxSurge: '10%'
        }
      }
    ]
    networkProfile: {
      networkPlugin: 'azure'
      networkPluginMode: 'overlay'
      podCidr: '10.244.0.0/22'
    }
  }
  dependsOn: []
}

)");
}

TEST_F(Written, TerraformSaysWhatTheObjectsSay) {
  std::string text = to_terraform({named("net"), {}});
  EXPECT_THAT(text, HasSubstr(R"(resource "azurerm_subnet" "subnet_net_net" {
  name = "net"
  resource_group_name = azurerm_resource_group.group_net.name
  virtual_network_name = azurerm_virtual_network.vnet_net.name
  address_prefixes = ["10.0.0.0/22"]
  delegation {
    name = "delegation"
    service_delegation {
      name = "net"
    }
  }
}
)"));
  EXPECT_THAT(text, HasSubstr("  default_node_pool {\n    name = \"system\"\n"));
  EXPECT_THAT(text, HasSubstr("    upgrade_settings {\n      max_surge = \"33%\"\n    }\n"));
  EXPECT_THAT(text, HasSubstr("resource \"azurerm_kubernetes_cluster_node_pool\" \"pool_net_win\" {\n"));
  EXPECT_THAT(text, Not(HasSubstr("sctp")));
}

}  // namespace
}  // namespace bailey::plan
