// Texts that create a network: their syntax is checked by scanners written here, and the script by Bash itself with a
// function in the place of `az` that prints the words it gets.
#include "plan/deploy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
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

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// The words outside of strings and comments, with what stands around them; "${...}" in a string counts as outside.
struct Word {
  std::string text;
  char before = 0;  // the last character that is no blank, of the line; 0 where the word begins it
  char after = 0;
};
std::vector<Word> words_of(const std::string& text, char quote, std::string_view comment) {
  std::string code;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, comment.size(), comment) == 0) i = text.find('\n', i);
    code += text[i];
    if (text[i] != quote) continue;
    for (++i; text[i] != quote; ++i) {
      if (text[i] == '\\') ++i;
      if (quote == '\'' && text[i] == '$' && text[i - 1] != '\\' && text[i + 1] == '{')
        while (text[i] != '}') code += text[i++];
    }
    code += quote;
  }
  std::vector<Word> out;
  char before = 0;
  for (std::size_t i = 0; i < code.size(); ++i) {
    if (code[i] == '\n') before = 0;
    if (std::isspace(static_cast<unsigned char>(code[i]))) continue;
    std::size_t end = i;
    while (end < code.size() && is_word(code[end])) ++end;
    if (end > i) {
      out.push_back({code.substr(i, end - i), before, end < code.size() ? code[end] : '\0'});
      i = end - 1;
    }
    before = code[i];
  }
  return out;
}

// What is used and not declared, or declared twice.
std::string loose_ends(const std::vector<std::string>& declared, const std::set<std::string>& used) {
  std::string out;
  std::set<std::string> known;
  for (const std::string& name : declared)
    if (!known.insert(name).second) out += "twice: " + name + "\n";
  for (const std::string& name : used)
    if (!known.contains(name)) out += "not declared: " + name + "\n";
  return out;
}

std::string loose_ends_of_bicep(const std::string& text) {
  const std::set<std::string> language = {"resource", "param", "existing", "string", "true", "false"};
  std::vector<std::string> declared;
  std::set<std::string> used;
  std::vector<Word> words = words_of(text, '\'', "//");
  for (std::size_t i = 0; i < words.size(); ++i) {
    const Word& word = words[i];
    if (i > 0 && words[i - 1].before == 0 && (words[i - 1].text == "resource" || words[i - 1].text == "param"))
      declared.push_back(word.text);
    bool name = word.after != ':' && word.after != '(' && word.before != '.' && !language.contains(word.text);
    if (name && !std::isdigit(static_cast<unsigned char>(word.text[0]))) used.insert(word.text);
  }
  return loose_ends(declared, used);
}

// Resources are "type.name" and variables "var.name".
std::string loose_ends_of_terraform(const std::string& text) {
  std::vector<std::string> declared;
  for (const std::string_view head : {"resource", "variable"})
    for (std::size_t at = 0; (at = text.find("\n" + std::string(head) + " \"", at)) != std::string::npos; ++at) {
      std::string line = text.substr(at + 1, text.find('\n', at + 1) - at - 1);
      std::vector<std::string> parts;
      for (std::size_t open = 0; (open = line.find('"', open)) != std::string::npos;) {
        std::size_t close = line.find('"', open + 1);
        parts.push_back(line.substr(open + 1, close - open - 1));
        open = close + 1;
      }
      declared.push_back(parts.size() == 2 ? parts[0] + "." + parts[1] : "var." + parts[0]);
    }
  std::set<std::string> used;
  std::vector<Word> words = words_of(text, '"', "#");
  for (std::size_t i = 1; i < words.size(); ++i)
    if (words[i].before == '.' && (words[i - 1].text == "var" || words[i - 1].text.starts_with("azurerm_")))
      used.insert(words[i - 1].text + "." + words[i].text);
  return loose_ends(declared, used);
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
    EXPECT_EQ(loose_ends_of_bicep(to_bicep({snapshot, {}})), "") << word;
    EXPECT_EQ(loose_ends_of_terraform(to_terraform({snapshot, {}})), "") << word;
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

TEST(LooseEnds, AreFound) {
  EXPECT_EQ(
      loose_ends_of_bicep("param a string\nresource b 'T@1' = {\n  x: a\n  y: c.id\n  'k${d.id}': 'it\\'s e'\n}\n"),
      "not declared: c\nnot declared: d\n");
  EXPECT_EQ(
      loose_ends_of_terraform("\nresource \"azurerm_x\" \"a\" {\n  y = azurerm_x.b.id # azurerm_x.c\n  z = [var.v]\n}\n"
                              "resource \"azurerm_x\" \"a\" {\n}\n"),
      "twice: azurerm_x.a\nnot declared: azurerm_x.b\nnot declared: var.v\n");
}

// Two clusters of one service principal, and two of one managed identity, in groups of their own.
class Principals : public testing::Test {
 protected:
  Principals() {
    auto vnet = deployed<model::VirtualNetwork>(Kind::VirtualNetwork, "net");
    vnet->address_space = {*Prefix::parse("10.0.0.0/8")};
    vnet->subnets = {{"nodes", {*Prefix::parse("10.0.0.0/20")}, "", "", ""}};
    std::vector<model::AnyObject> objects = {vnet};
    for (const char* name : {"a", "b", "c", "d"}) {
      auto cluster = deployed<model::Cluster>(Kind::Cluster, name);
      bool principal = name[0] < 'c';
      cluster->identity.name = principal ? "app-id" : "both";
      if (principal) cluster->identity.type = model::ClusterIdentity::Type::service_principal;
      cluster->resource_group = name;
      cluster->subnet = {"net", "nodes"};
      model::NodePool pool;
      pool.name = "p";
      cluster->node_pools = {pool};
      objects.push_back(cluster);
    }
    snapshot_ = model::snapshot_of(std::move(objects));
  }
  model::Snapshot snapshot_;
};

TEST_F(Principals, AreNotMadeAndTheirSecretsAreAskedFor) {
  std::string script = to_az({snapshot_, {}});
  EXPECT_THAT(script, HasSubstr("client_secret=${CLIENT_SECRET:?"));
  EXPECT_THAT(script, HasSubstr("--assignee app-id \\\n  --scope"));
  EXPECT_THAT(script, HasSubstr("--service-principal app-id \\\n  --client-secret \"$client_secret\""));
  EXPECT_THAT(script, Not(HasSubstr("--name app-id")));
  std::string terraform = to_terraform({snapshot_, {}});
  EXPECT_THAT(terraform, HasSubstr("variable \"secret_app_id\" {\n  type = string\n  description = "));
  EXPECT_THAT(terraform, HasSubstr("  service_principal {\n    client_id = \"app-id\"\n"
                                   "    client_secret = var.secret_app_id\n  }\n"));
  EXPECT_EQ(loose_ends_of_terraform(terraform), "");
  std::string bicep = to_bicep({snapshot_, {}});
  EXPECT_THAT(bicep, HasSubstr("@secure()\nparam secret_app_id string\n"));
  EXPECT_THAT(bicep, HasSubstr("      clientId: 'app-id'\n      secret: secret_app_id\n"));
  EXPECT_EQ(loose_ends_of_bicep(bicep), "");
}

TEST_F(Principals, AnIdentityOfTwoClustersIsMadeOnce) {
  std::string script = to_az({snapshot_, {}});
  EXPECT_THAT(script, HasSubstr("az identity create \\\n  --resource-group c "));
  EXPECT_THAT(script, Not(HasSubstr("az identity create \\\n  --resource-group d ")));
  EXPECT_THAT(script, HasSubstr("--name d \\\n  --location \"$location\" \\\n  --generate-ssh-keys \\\n"
                                "  --assign-identity \"$(az identity show --resource-group c --name both"));
}

TEST_F(Written, RangesAreThoseThatAksTakes) {
  auto cluster = deployed<model::Cluster>(Kind::Cluster, "dual");
  cluster->pod_cidrs = {*Prefix::parse("fd00:1::/48"), *Prefix::parse("10.1.0.0/16")};
  cluster->service_cidrs = {*Prefix::parse("fd00:2::/108"), *Prefix::parse("10.2.0.0/16")};
  cluster->dns_service_address = model::Address::parse("fd00:2::a");
  model::NodePool pool;
  pool.name = "p";
  cluster->node_pools = {pool};
  model::Snapshot snapshot = model::snapshot_of({cluster});
  Deployment kubenet{snapshot, {{"dual", Model::kubenet}}};
  EXPECT_THAT(to_az(kubenet),
              HasSubstr("--ip-families ipv4,ipv6 \\\n  --pod-cidrs 10.1.0.0/16,fd00:1::/48 \\\n"
                        "  --service-cidrs 10.2.0.0/16,fd00:2::/108 \\\n  --dns-service-ip 10.2.0.10 "));
  EXPECT_THAT(to_terraform(kubenet), HasSubstr("    ip_versions = [\"IPv4\", \"IPv6\"]\n"
                                               "    pod_cidrs = [\"10.1.0.0/16\", \"fd00:1::/48\"]\n"));
  EXPECT_THAT(to_bicep(kubenet),
              HasSubstr("      ipFamilies: [\n        'IPv4'\n        'IPv6'\n      ]\n      podCidrs: ["));
  for (const std::string& text : {to_az({snapshot, {}}), to_terraform({snapshot, {}}), to_bicep({snapshot, {}})}) {
    EXPECT_THAT(text, Not(HasSubstr("fd00")));
    EXPECT_THAT(text, HasSubstr("10.2.0.10"));
    EXPECT_THAT(text, HasSubstr("Left out: IPv6 ranges"));
  }
}

}  // namespace
}  // namespace bailey::plan
