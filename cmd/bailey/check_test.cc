// The command `check`: each rule by its examples, the forms of its output, and its exit statuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "base/strings.h"
#include "plan/check/check.h"
#include "session_for_test.h"

namespace bailey::cli {
namespace {

namespace fs = std::filesystem;
using base::Json;
using testing::HasSubstr;
using testing::Not;

const std::string examples = std::string(BAILEY_SOURCE_DIR) + "/examples/";

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Json parsed(const std::string& text) {
  auto value = Json::parse(text);
  EXPECT_TRUE(value.ok()) << text;
  return value.ok() ? value.value() : Json();
}

// The rest of the line that begins with `# key: `.
std::string comment(const std::string& text, const std::string& key) {
  std::size_t at = text.find("# " + key + ": ");
  if (at == std::string::npos) return "";
  at += key.size() + 4;
  return text.substr(at, text.find('\n', at) - at);
}

std::set<std::int64_t> marked_lines(const std::string& text, const std::string& id) {
  std::set<std::int64_t> out;
  std::int64_t number = 0;
  for (std::string_view line : base::split(text, '\n')) {
    ++number;
    if (line.ends_with("# <- " + id)) out.insert(number);
  }
  return out;
}

// What `check` says of a file: rule and line of findings, and of input errors that mean a rule.
struct Said {
  std::string rule;
  std::int64_t line;
};
std::vector<Said> said(const fs::path& file, const fs::path& previous, const std::string& profile) {
  FakeRun fake;
  std::vector<std::string> words = {"check", "-f", file, "-o", "json"};
  if (!profile.empty()) words.insert(words.end(), {"--profile", profile});
  if (fs::exists(previous)) words.insert(words.end(), {"--previous", previous});
  fake.run(words);
  Json document = parsed(fake.out);
  EXPECT_EQ(document["schema"].as_string(), "bailey.dev/check/v1") << fake.out << fake.err;
  std::vector<Said> out;
  for (const Json& each : document["errors"].items())
    out.push_back({each["rule"].as_string().empty() ? each["code"].as_string() : each["rule"].as_string(),
                   each["line"].as_int()});
  for (const Json& each : document["findings"].items())
    out.push_back({each["rule"].as_string(), each["line"].as_int()});
  return out;
}

std::set<std::int64_t> lines_of(const std::vector<Said>& rows, const std::string& id) {
  std::set<std::int64_t> out;
  for (const Said& row : rows)
    if (row.rule == id) out.insert(row.line);
  return out;
}

TEST(RuleExamples, BadOnesBreakTheirRuleAtTheMarkedLineAndGoodOnesDoNot) {
  for (const plan::check::Rule* rule : plan::check::catalogue()) {
    std::string id(rule->id);
    fs::path folder = examples + "rules/" + id;
    if (!rule->unchecked.en.empty()) {
      EXPECT_FALSE(fs::exists(folder)) << id << " is not checked";
      continue;
    }
    ASSERT_TRUE(fs::exists(folder / "bad.yaml") && fs::exists(folder / "good.yaml")) << id;
    EXPECT_EQ(fs::exists(folder / "previous.yaml"), rule->compares) << id;
    std::string text = read(folder / "bad.yaml");
    std::vector<Said> bad = said(folder / "bad.yaml", folder / "previous.yaml", comment(text, "profile"));
    EXPECT_FALSE(marked_lines(text, id).empty()) << id;
    EXPECT_EQ(lines_of(bad, id), marked_lines(text, id)) << id;
    std::set<std::string> others;
    for (const Said& row : bad)
      if (row.rule != id) others.insert(row.rule);
    std::set<std::string> allowed;
    std::string also = comment(text, "also");
    for (std::string_view each : base::split(also, ','))
      if (!each.empty()) allowed.insert(std::string(base::trim(each)));
    EXPECT_EQ(others, allowed) << id;
    std::string good = read(folder / "good.yaml");
    std::vector<Said> rest = said(folder / "good.yaml", folder / "previous.yaml", comment(good, "profile"));
    EXPECT_TRUE(lines_of(rest, id).empty()) << id;
  }
}

TEST(RuleExamples, FoldersAreThoseOfRules) {
  for (const auto& entry : fs::directory_iterator(examples + "rules")) {
    std::string name = entry.path().filename();
    EXPECT_NE(plan::check::find(name), nullptr) << name;
  }
}

// Messages of rules that say more than one thing: what the first example of the rule does not show.
struct Variant {
  const char* rule;
  const char* text;     // objects; "NET" and "EAST" stand for a network and a cluster in it
  const char* message;  // part of it
};
constexpr const char* net =
    "apiVersion: bailey.dev/v1alpha1\nkind: VirtualNetwork\nmetadata: {name: net}\nspec: {addressSpace: [10.1.0.0/16], "
    "subnets: [{name: nodes, prefix: 10.1.0.0/22, networkSecurityGroup: nodes}]}\n---\n";
constexpr const char* east =
    "apiVersion: bailey.dev/v1alpha1\nkind: Cluster\nmetadata: {name: east}\nspec: {subnet: net/nodes, nodePools: "
    "[{name: "
    "pool, count: 2, maxPods: 30}]}\n---\n";
constexpr const char* web_ingress =
    "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web}\nspec: {ingressClassName: nginx, tls: "
    "[{hosts: "
    "[a.example], secretName: t}], rules: [{host: a.example, http: {paths: [{path: /, pathType: Prefix, backend: "
    "{service: {name: web, port: {number: 80}}}}]}}]}\n---\n";

std::string group_of(const std::string& rules) {
  return "apiVersion: bailey.dev/v1alpha1\nkind: NetworkSecurityGroup\nmetadata: {name: nodes}\nspec: {rules: [" +
         rules + "]}\n---\n";
}

std::string expanded(std::string text) {
  auto put = [&](const std::string& word, const std::string& by) {
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word))
      text.replace(at, word.size(), by);
  };
  put("NET", net);
  put("EAST", east);
  put("WEB", web_ingress);
  put("OPEN", group_of(""));
  put("NOHTTPS",
      group_of("{name: shut, priority: 100, direction: Outbound, access: Deny, destinationPrefix: Internet}"));
  put("OWN", group_of("{name: own, priority: 100, direction: Inbound, access: Allow, sourcePrefix: VirtualNetwork}"));
  return text;
}

const Variant variants[] = {
    {"MOD-06",
     "apiVersion: bailey.dev/v1alpha1\nkind: Cluster\nmetadata: {name: a}\nspec: {networkModel: kubenet, "
     "networkPolicy: "
     "azure}\n",
     "the azure policy engine"},
    {"MOD-09", "NETEASTNOHTTPS", "rule shut stops the nodes in net/nodes"},
    {"CID-11",
     "apiVersion: bailey.dev/v1alpha1\nkind: Cluster\nmetadata: {name: a}\nspec: {serviceCIDR: 10.0.0.0/16}\n---\n"
     "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ipFamilies: [IPv6], ports: [{port: 1}]}\n",
     "IPv6, in which no cluster has a service range"},
    {"LB-06",
     "NETEASTOWNapiVersion: v1\nkind: Service\nmetadata: {name: q}\nspec: {type: LoadBalancer, ports: [{port: "
     "5672}]}\n",
     "nothing admits the Internet to Service/default/q (port 5672)"},
    {"ING-02", "WEBapiVersion: v1\nkind: Secret\nmetadata: {name: other}\n", "Secret default/t, which is not"},
    {"ING-02", "WEBapiVersion: v1\nkind: Secret\nmetadata: {name: t}\n", "which lacks tls.crt or tls.key"},
    {"RT-02",
     "apiVersion: bailey.dev/v1alpha1\nkind: Cluster\nmetadata: {name: a}\nspec: {networkModel: kubenet, nodePools: "
     "[{name: "
     "pool}]}\n---\nNETOPENapiVersion: bailey.dev/v1alpha1\nkind: NetworkInterface\nmetadata: {name: x}\nspec: "
     "{subnet: "
     "net/nodes, node: a-pool-0}\n",
     "the interface of the kubenet node a-pool-0 does not forward"},
    {"ING-03",
     "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: w, annotations: "
     "{kubernetes.io/ingress.class: "
     "nginx}}\nspec: {defaultBackend: {service: {name: w, port: {number: 80}}}}\n",
     "the deprecated annotation kubernetes.io/ingress.class: nginx"},
    {"ING-03",
     "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: w}\nspec: {defaultBackend: {service: {name: "
     "w, "
     "port: {number: 80}}}}\n",
     "no class, and no IngressClass is the default"},
    {"ING-04",
     "apiVersion: v1\nkind: Pod\nmetadata: {name: traefik}\nspec: {nodeSelector: {kubernetes.io/os: windows}, "
     "containers: "
     "[]}\n",
     "on windows nodes"},
    {"WAF-01",
     "WEBapiVersion: bailey.dev/v1alpha1\nkind: WafPolicy\nmetadata: {name: p}\nspec: {mode: Detection, attachTo: "
     "[a.example]}\n",
     "WafPolicy/default/p only detects"},
    {"BAS-01",
     "NETEASTOPENapiVersion: v1\nkind: Node\nmetadata: {name: worker}\nstatus: {addresses: [{type: ExternalIP, "
     "address: "
     "203.0.113.9}]}\n",
     "the public address 203.0.113.9"},
    {"BAS-02",
     "NETEASTOPENapiVersion: bailey.dev/v1alpha1\nkind: Bastion\nmetadata: {name: b}\nspec: {virtualNetwork: net, "
     "subnet: "
     "nodes}\n",
     "nothing stops SSH from the virtual network"},
    {"BAS-03",
     "NETEASTOPENapiVersion: bailey.dev/v1alpha1\nkind: VirtualNetwork\nmetadata: {name: hub}\nspec: {addressSpace: "
     "[10.9.0.0/16], subnets: [{name: m, prefix: 10.9.0.0/24}]}\n---\napiVersion: bailey.dev/v1alpha1\nkind: "
     "Bastion\nmetadata: {name: b}\nspec: {virtualNetwork: hub, subnet: m}\n",
     "hub is not peered with net"},
    {"POL-08",
     "NETEASTOPENapiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec: {podSelector: {}, "
     "ingress: [{from: [{ipBlock: {cidr: 10.1.0.0/24}}]}]}\n",
     "ipBlock 10.1.0.0/24 lies in 10.1.0.0/22"},
    {"POL-08",
     "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec: {podSelector: {}, ingress: "
     "[{from: "
     "[{namespaceSelector: {}}]}]}\n",
     "every pod of every namespace"},
    {"POL-08",
     "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec: {podSelector: {}, ingress: "
     "[{}]}\n",
     "everything is let in"},
    {"POL-08",
     "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec: {podSelector: {}, "
     "policyTypes: "
     "[Egress]}\n",
     "nothing lets these pods ask DNS"},
};

TEST(RuleVariants, SayWhatElseTheyFind) {
  for (const Variant& each : variants) {
    FakeRun fake;
    fake.input = expanded(each.text);
    fake.run({"check", "-f", "-", "-o", "json"});
    std::string messages;
    Json document = parsed(fake.out);
    for (const Json& finding : document["findings"].items())
      if (finding["rule"].as_string() == each.rule) messages += finding["message"].as_string() + "\n";
    EXPECT_THAT(messages, HasSubstr(each.message)) << each.rule << fake.out << fake.err;
  }
}

TEST(Check, FindingsDecideTheStatusAndSayWhere) {
  FakeRun fake;
  std::string file = examples + "rules/CID-13/bad.yaml";
  EXPECT_EQ(fake.run({"check", "-f", file}), 1);
  EXPECT_THAT(fake.out,
              HasSubstr("CID-13/bad.yaml:23:11: error: subnet net/nodes, in which Cluster/east is too (Cluster/west "
                        "spec.subnet) [CID-13]\n  Give this cluster a subnet of its own"));
  EXPECT_THAT(fake.out, HasSubstr("   23 |   subnet: net/nodes  # <- CID-13\n      |           ^\n"));
  EXPECT_THAT(fake.out, HasSubstr("3 objects, 1 errors, 0 warnings, 0 infos"));
  EXPECT_EQ(fake.err, "");
  EXPECT_EQ(fake.run({"check", "-f", file, "--lang", "ko"}), 1);
  EXPECT_THAT(fake.out, HasSubstr("Cluster/east도 사용하는 서브넷 net/nodes"));
  EXPECT_EQ(fake.run({"check", "-f", examples + "rules/CID-08/bad.yaml"}), 0) << "warnings alone do not fail";
  EXPECT_EQ(fake.run({"check", "-f", examples + "rules/CID-06/bad.yaml", "-o", "json"}), 2) << "an input error";
  EXPECT_EQ(parsed(fake.out)["errors"].items().at(0)["rule"].as_string(), "CID-06");
  EXPECT_EQ(parsed(fake.out)["errors"].items().at(0)["code"].as_string(), "outside-range");
}

TEST(Check, JsonHasTheShapeOfTheContract) {
  FakeRun fake;
  fake.run({"check", "-f", examples + "rules/CID-13/bad.yaml", "-o", "json"});
  Json finding = parsed(fake.out)["findings"].items().at(0);
  std::vector<std::string> keys;
  for (const auto& member : finding.members()) keys.push_back(member.first);
  EXPECT_EQ(keys, (std::vector<std::string>{"rule", "severity", "object", "field", "file", "line", "column", "message",
                                            "mend", "source"}));
  EXPECT_EQ(finding["severity"].as_string(), "error");
  EXPECT_EQ(finding["source"].as_string(), "https://learn.microsoft.com/azure/aks/operator-best-practices-network");
  Json summary = parsed(fake.out)["summary"];
  EXPECT_EQ(summary.dump(), R"({"objects":3,"errors":1,"warnings":0,"infos":0})");
}

TEST(Check, WhatItIsGivenMustMakeSense) {
  FakeRun fake;
  std::string file = examples + "rules/CID-13/bad.yaml";
  EXPECT_EQ(fake.run({"check"}), 2);
  EXPECT_THAT(fake.err, HasSubstr("--filename is missing"));
  EXPECT_EQ(fake.run({"check", "-f", file, "--profile", "2018"}), 2);
  EXPECT_EQ(fake.run({"check", "-f", file, "--fix", "-o", "sarif"}), 2);
  EXPECT_THAT(fake.err, HasSubstr("-o sarif does not go with --fix."));
  EXPECT_EQ(fake.run({"check", "-f", file, "-o", "markdown"}), 2);
  EXPECT_EQ(fake.run({"check", "-f", file, "--previous", "/nowhere.yaml"}), 2);
  EXPECT_THAT(fake.err, HasSubstr("/nowhere.yaml cannot be read"));
  EXPECT_EQ(fake.run({"check", "-f", file, "--previous", examples + "seed/ingress.yaml"}), 2) << "cannot be compared";
  EXPECT_THAT(fake.err, HasSubstr("ingress.yaml:4:"));
}

TEST(Check, AnOldIngressIsToldOnceAndBroken) {
  FakeRun fake;
  fake.run({"check", "-f", examples + "rules/ING-06/bad.yaml", "-o", "json"});
  EXPECT_THAT(fake.out, Not(HasSubstr("old-api-version")));
  EXPECT_EQ(fake.run({"check", "-f", examples + "rules/ING-06/bad.yaml", "--profile", "classic", "-o", "json"}), 0);
  EXPECT_THAT(fake.out, HasSubstr("old-api-version"));
}

TEST(Fix, SetsWhatHasOneMendAndNothingElse) {
  FakeRun fake;
  for (const char* id : {"CID-06", "ING-04", "ING-06"}) {
    std::string file = examples + "rules/" + id + "/bad.yaml";
    EXPECT_EQ(fake.run({"check", "--fix", "-f", file}), 0) << id << fake.err;
    std::string fixed = fake.out;
    EXPECT_NE(fixed, read(file)) << id;
    fake.input = fixed;
    fake.run({"check", "-f", "-", "-o", "json"});
    Json document = parsed(fake.out);
    EXPECT_TRUE(document["errors"].items().empty()) << id << fixed;
    for (const Json& each : document["findings"].items()) EXPECT_NE(each["rule"].as_string(), id) << fixed;
  }
  std::string dns = read(examples + "rules/CID-06/bad.yaml");
  EXPECT_EQ(fake.run({"check", "--fix", "-f", examples + "rules/CID-06/bad.yaml"}), 0);
  EXPECT_EQ(fake.out, dns.replace(dns.find("10.9.0.10"), 9, "10.0.0.10"));
  std::string whole = read(examples + "contoso/network.yaml");
  EXPECT_EQ(fake.run({"check", "--fix", "-f", examples + "contoso/network.yaml"}), 0);
  EXPECT_EQ(fake.out, whole) << "nothing to mend";
}

TEST(Rules, AreListed) {
  FakeRun fake;
  EXPECT_EQ(fake.run({"check", "--rules"}), 0);
  EXPECT_THAT(fake.out, HasSubstr("CID-08"));
  EXPECT_EQ(fake.run({"check", "--rules", "--lang", "ko"}), 0);
  EXPECT_THAT(fake.out, HasSubstr("클러스터마다 자체 서브넷에 둡니다"));
  EXPECT_EQ(fake.run({"check", "--rules", "-o", "json"}), 0);
  Json rules = parsed(fake.out)["rules"];
  EXPECT_EQ(rules.items().size(), plan::check::catalogue().size());
  for (const Json& rule : rules.items())
    for (const char* key : {"rule", "severity", "statement", "why", "source"})
      EXPECT_FALSE(rule[key].as_string().empty()) << rule.dump();
}

TEST(Rules, TheirPageIsWhatTheCatalogueSays) {
  FakeRun fake;
  EXPECT_EQ(fake.run({"check", "--rules", "-o", "markdown"}), 0);
  EXPECT_EQ(read(std::string(BAILEY_SOURCE_DIR) + "/docs/rules.md"), fake.out)
      << "run: bailey check --rules -o markdown >docs/rules.md";
}

}  // namespace
}  // namespace bailey::cli
