// reach, explain and diff as a user runs them: no root, no lab, answers with file and line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "harness.h"

namespace bailey::scenario {
namespace {

using base::Json;
using ::testing::HasSubstr;
using ::testing::Not;

const char* cluster = R"(
apiVersion: bailey.dev/v1alpha1
kind: VirtualNetwork
metadata: {name: net}
spec: {addressSpace: [10.0.0.0/16], subnets: [{name: nodes, prefix: 10.0.0.0/20}]}
---
apiVersion: bailey.dev/v1alpha1
kind: Cluster
metadata: {name: c}
spec: {networkModel: vnet, subnet: net/nodes, networkPolicy: bailey, nodePools: [{name: pool, count: 2}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web, ports: [{containerPort: 80, name: http}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec: {containers: [{name: db, image: db, ports: [{containerPort: 5432}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 8080, targetPort: http}]}
)";

const char* policy = R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: web}}}]
    ports: [{port: 5432}]
)";

const char* strict = R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress: []
)";

class Answers : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(folder_.path() + "/old");
    std::filesystem::create_directory(folder_.path() + "/new");
    for (const char* side : {"old/", "new/"}) folder_.write(std::string(side) + "cluster.yaml", cluster);
    folder_.write("old/policy.yaml", policy);
    folder_.write("new/policy.yaml", strict);
  }
  std::string old_side() const { return folder_.path() + "/old"; }
  std::string new_side() const { return folder_.path() + "/new"; }

  Folder folder_;
};

TEST_F(Answers, OneQuestionNamesWhatDecidesAndWhereItStands) {
  Outcome allowed = bailey(
      {"reach", "-f", old_side(), "--from", "pod/shop/db", "--to", "svc/shop/web", "--port", "8080/tcp", "-o", "json"});
  EXPECT_EQ(allowed.status, 0) << allowed.err;
  Json row = allowed.json();
  EXPECT_EQ(row["schema"].as_string(), "bailey.dev/reach/v1");
  EXPECT_EQ(row["verdict"].as_string(), "allow");
  EXPECT_EQ(row["from"].as_string(), "pod/shop/db");
  EXPECT_EQ(row["to"].as_string(), "svc/shop/web");
  EXPECT_EQ(row["port"].as_string(), "8080/tcp");
  EXPECT_THAT(row["answered_by"].as_string(), HasSubstr("pod/shop/web-"));
  EXPECT_THAT(row["source_seen"].as_string(), HasSubstr("10.0."));
  EXPECT_EQ(row["endpoints"].as_int(), 3);
  EXPECT_EQ(row["endpoints_reached"].as_int(), 3);

  Outcome denied = bailey({"reach", "-f", new_side(), "--from", "pod/shop/web-0", "--to", "pod/shop/db", "--port",
                           "5432/tcp", "-o", "json"});
  EXPECT_EQ(denied.status, 1) << denied.err;
  Json by = denied.json()["decided_by"];
  ASSERT_EQ(by.items().size(), 1u);
  EXPECT_EQ(by.items()[0]["object"].as_string(), "NetworkPolicy/shop/db");
  EXPECT_THAT(by.items()[0]["file"].as_string(), HasSubstr("new/policy.yaml"));
  EXPECT_EQ(by.items()[0]["line"].as_int(), 7);
  EXPECT_TRUE(denied.json()["source_seen"].is_null());
  EXPECT_EQ(denied.json()["reason"].as_string(), "ingress-denied");
}

TEST_F(Answers, ExplainGoesStepByStepThereAndBack) {
  Outcome told = bailey({"explain", "-f", old_side(), "pod/shop/web-0", "pod/shop/db", "5432/tcp", "-o", "json"});
  EXPECT_EQ(told.status, 0) << told.err;
  std::vector<std::string> seen;
  Json document = told.json();
  for (const Json& step : document["steps"].items()) {
    seen.push_back(step["stage"].as_string());
    for (const char* key : {"hop", "stage", "object", "rule", "verdict"}) EXPECT_TRUE(step.has(key)) << key;
    EXPECT_TRUE(step["message"].is_string()) << "in words";
  }
  EXPECT_THAT(seen, ::testing::Contains("policy"));
  Outcome korean = bailey({"explain", "-f", new_side(), "pod/shop/web-0", "pod/shop/db", "5432", "--lang", "ko"});
  EXPECT_EQ(korean.status, 1);
  EXPECT_THAT(korean.out, HasSubstr("격리"));
}

TEST_F(Answers, TheMatrixIsEveryPair) {
  Outcome text = bailey({"reach", "-f", old_side()});
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("pod/shop/db"));
  Outcome lines = bailey({"reach", "-f", old_side(), "-o", "jsonl"});
  std::size_t allowed = 0;
  std::size_t rows = 0;
  std::vector<std::string> all;
  for (std::size_t at = 0; at < lines.out.size(); at = lines.out.find('\n', at) + 1) {
    all.push_back(lines.out.substr(at, lines.out.find('\n', at) - at));
    Json row = *Json::parse(all.back());
    if (row["to"].as_string() != "pod/shop/db") continue;
    ++rows;
    allowed += row["verdict"].as_string() == "allow" ? 1 : 0;
  }
  // Three pods, two nodes and the Internet; the policy lets the pods in, and a pod's own node always may.
  EXPECT_EQ(rows, 6u);
  EXPECT_EQ(allowed, 4u);
  Json whole = bailey({"reach", "-f", old_side(), "-o", "json"}).json();
  EXPECT_EQ(whole["endpoints"].items().size(), 7u);
  std::vector<std::string> expected;
  for (const Json& row : whole["rows"].items()) {
    Json line = Json::object().set("schema", whole["schema"]);
    for (const auto& [key, value] : row.members()) line.set(key, value);
    expected.push_back(line.dump());
  }
  EXPECT_EQ(all, expected) << "lines and document say the same";
}

TEST_F(Answers, DiffSaysWhatClosesInGroupsAndGuards) {
  Outcome changed = bailey({"diff", old_side(), new_side(), "-o", "json"});
  EXPECT_EQ(changed.status, 0) << changed.err;
  Json document = changed.json();
  EXPECT_TRUE(document["opened"].items().empty());
  ASSERT_EQ(document["closed"].items().size(), 1u) << changed.out;
  const Json& row = document["closed"].items()[0];
  EXPECT_EQ(row["from"].as_string(), "Deployment/shop/web");
  EXPECT_EQ(row["to"].as_string(), "pod/shop/db");
  EXPECT_EQ(row["port"].as_string(), "5432/tcp");
  EXPECT_EQ(row["pairs"].as_int(), 3);
  EXPECT_EQ(row["before"]["decided_by"].items()[0]["rule"].as_string(), "spec.ingress[0]");
  EXPECT_EQ(row["after"]["verdict"].as_string(), "deny");

  EXPECT_EQ(bailey({"diff", old_side(), new_side(), "--forbid", "closed"}).status, 1);
  EXPECT_EQ(bailey({"diff", old_side(), new_side(), "--forbid", "opened"}).status, 0);
  EXPECT_EQ(bailey({"diff", new_side(), old_side(), "--forbid", "opened"}).status, 1);
  EXPECT_EQ(bailey({"diff", old_side(), old_side(), "--forbid", "opened,closed,changed"}).status, 0);
  Outcome comment = bailey({"diff", old_side(), new_side(), "-o", "markdown"});
  EXPECT_THAT(comment.out, HasSubstr("| Deployment/shop/web | pod/shop/db 5432/tcp | 3 |"));
}

TEST_F(Answers, DiffReadsRevisionsWithoutCheckingThemOut) {
  auto git = [&](std::vector<std::string> arguments) {
    std::vector<std::string> command = {
        "/usr/bin/git", "-C", folder_.path(), "-c", "user.name=t", "-c", "user.email=t@example.invalid"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run(command);
  };
  if (git({"init", "-q"}).status != 0) GTEST_SKIP() << "git is not installed";
  git({"add", "old"});
  ASSERT_EQ(git({"commit", "-q", "-m", "one"}).status, 0);
  std::filesystem::rename(folder_.path() + "/new/policy.yaml", folder_.path() + "/old/policy.yaml");
  std::string program = std::string(BAILEY_BINARY_DIR) + "/bin/bailey";
  auto in_folder = [&](std::vector<std::string> arguments) {
    std::vector<std::string> command = {"/usr/bin/env", "-C", folder_.path(), program};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run(command);
  };
  Outcome changed = in_folder({"diff", "git:HEAD:old", "old", "-o", "json"});
  EXPECT_EQ(changed.status, 0) << changed.err;
  Json document = changed.json();
  ASSERT_EQ(document["closed"].items().size(), 1u) << changed.out;
  EXPECT_EQ(document["closed"].items()[0]["before"]["decided_by"].items()[0]["file"].as_string(),
            "git:HEAD:old/policy.yaml");
  Outcome unknown = in_folder({"diff", "git:nowhere:old", "old"});
  EXPECT_EQ(unknown.status, 2);
  EXPECT_THAT(unknown.err, HasSubstr("nowhere"));
  Outcome no_path = in_folder({"diff", "git:HEAD:none", "old"});
  EXPECT_EQ(no_path.status, 2);
  EXPECT_THAT(no_path.err, HasSubstr("none"));
}

TEST_F(Answers, UrlsLeadToServices) {
  folder_.write("old/ingress.yaml", R"(
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop, namespace: shop}
spec:
  rules:
  - host: "*.example.com"
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: none, port: {number: 80}}}}]}
  - host: shop.example.com
    http:
      paths:
      - {path: /store, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}
      - {path: /store/old, pathType: Exact, backend: {service: {name: none, port: {number: 80}}}}
)");
  auto status = [&](const std::string& url) {
    Outcome told = bailey({"reach", "-f", old_side(), "--url", url, "-o", "json"});
    EXPECT_EQ(told.status, told.json()["status"].as_int() == 200 ? 0 : 1) << told.err;
    return told.json()["status"].as_int();
  };
  EXPECT_EQ(status("http://shop.example.com/store"), 200);
  EXPECT_EQ(status("https://SHOP.example.com/store/x?y=1"), 200);
  EXPECT_EQ(status("http://shop.example.com/store/old"), 503) << "an exact path comes first";
  EXPECT_EQ(status("http://shop.example.com/storefront"), 404) << "prefixes end with an element";
  EXPECT_EQ(status("http://shop.example.com/"), 404) << "a host with rules does not fall back to a wildcard's";
  EXPECT_EQ(status("http://other.example.com/"), 503);
  EXPECT_EQ(status("http://a.b.example.com/"), 404) << "a wildcard is one label";
  EXPECT_EQ(status("http://example.com/"), 404);
  EXPECT_EQ(bailey({"reach", "-f", old_side(), "--url", "ftp://shop"}).status, 2);
}

TEST_F(Answers, WrongUseIsToldWithTheMend) {
  Outcome none = bailey({"reach", "-f", old_side(), "--from", "pod/shop/nix", "--to", "pod/shop/db", "--port", "80"});
  EXPECT_EQ(none.status, 2);
  EXPECT_THAT(none.err, HasSubstr("pod/shop/nix"));
  Outcome half = bailey({"reach", "-f", old_side(), "--from", "pod/shop/db"});
  EXPECT_EQ(half.status, 2);
  EXPECT_THAT(half.err, HasSubstr("--to"));
  Outcome no_port = bailey({"explain", "-f", old_side(), "pod/shop/db", "svc/shop/web", "81/tcp"});
  EXPECT_EQ(no_port.status, 1);
  EXPECT_THAT(no_port.out, HasSubstr("no port 81/tcp"));
  EXPECT_EQ(bailey({"diff", old_side(), folder_.path() + "/none"}).status, 2);
  folder_.write("new/broken.yaml", "kind: [");
  EXPECT_EQ(bailey({"diff", old_side(), new_side()}).status, 2);
}

}  // namespace
}  // namespace bailey::scenario
