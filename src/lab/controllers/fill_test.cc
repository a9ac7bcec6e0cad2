#include "lab/controllers/objects_for_test.h"

namespace bailey::lab::controllers {
namespace {

using model::Ingress;
using model::LabelSelector;
using model::NetworkPolicy;
using model::Pod;
using model::Service;
using Operator = LabelSelector::Operator;

std::shared_ptr<Ingress> ingress(std::vector<model::IngressBackend> backends) {
  auto object = make<Ingress>(Kind::Ingress, "default", "web");
  object->rules.resize(1);
  for (const auto& backend : backends) object->rules[0].paths.push_back({"/", model::PathType::prefix, backend});
  return object;
}

std::shared_ptr<NetworkPolicy> policy(const std::string& name, LabelSelector selector) {
  auto object = make<NetworkPolicy>(Kind::NetworkPolicy, "default", name);
  object->pod_selector = std::move(selector);
  return object;
}

LabelSelector labels(model::Labels wanted) {
  LabelSelector selector;
  selector.match_labels = std::move(wanted);
  return selector;
}

LabelSelector expression(const std::string& key, Operator op, std::vector<std::string> values = {}) {
  LabelSelector selector;
  selector.expressions = {{key, op, std::move(values)}};
  return selector;
}

std::shared_ptr<NetworkPolicy> allow_from(model::PolicyPeer peer) {
  auto object = policy("p", labels({{"app", "db"}}));
  object->ingress_rules = {{{std::move(peer)}, {{model::PortRef{5432, ""}, 0, model::Protocol::tcp}}}};
  return object;
}

Texts made_but_cluster(const Completion& done) {
  Texts out = made(done);
  out.erase(out.begin(), out.begin() + 3);
  return out;
}

TEST(Fill, NothingWithoutTheOption) {
  Completion done = run({ingress({{"blog", {80, ""}}})});
  EXPECT_TRUE(done.snapshot.all<Service>().empty());
  EXPECT_TRUE(done.snapshot.all<Pod>().empty());
}

TEST(Fill, TheGuidancesIngress) {
  auto given = ingress({{"blogservice", {80, ""}}, {"storeservice", {80, ""}}});
  given->tls = {{{"myapp.com"}, "myapp-secret"}};
  Completion done = run_filled({given});
  EXPECT_EQ(made_but_cluster(done),
            (Texts{"Service/default/blogservice", "Service/default/storeservice", "Secret/default/myapp-secret",
                   "Pod/default/blogservice", "Pod/default/storeservice"}));
  const Service& blog = get_service(done, "blogservice");
  EXPECT_EQ(*blog.selector, (model::Labels{{"app", "blogservice"}}));
  EXPECT_EQ(blog.ports.at(0).port, 80);
  EXPECT_FALSE(blog.cluster_addresses.empty());
  EXPECT_EQ(get_pod(done, "blogservice").spec.ports.at(0).port, 80);
  const auto& secret = get<model::Secret>(done, Kind::Secret, "default", "myapp-secret");
  EXPECT_EQ(secret.type, "kubernetes.io/tls");
  EXPECT_TRUE(secret.data.empty());
}

TEST(Fill, SeveralAndNamedBackendPorts) {
  Completion done =
      run_filled({ingress({{"api", {8443, ""}}, {"api", {0, "http"}}, {"api", {80, ""}}, {"api", {80, ""}}})});
  const Service& api = get_service(done, "api");
  ASSERT_EQ(api.ports.size(), 3u);
  EXPECT_EQ(api.ports[0].name, "port-8443");
  EXPECT_EQ(api.ports[1].name, "http");
  EXPECT_EQ(api.ports[1].port, 81) << "80 is asked for by another backend";
  EXPECT_EQ(api.ports[2].port, 80);
  Texts ports;
  for (const auto& port : get_pod(done, "api").spec.ports) ports.push_back(port.name + ":" + std::to_string(port.port));
  EXPECT_EQ(ports, (Texts{":8443", ":80", "http:8080"}));
}

TEST(Fill, WhatExistsIsLeftAlone) {
  Completion done = run_filled({ingress({{"web", {80, ""}}}), service("web"), pod("default", "x", {{"app", "web"}})});
  EXPECT_TRUE(made_but_cluster(done).empty());
}

TEST(Fill, AWorkloadOfThatNameIsSelectedByItsOwnLabels) {
  auto web = workload(Kind::Deployment, "web", 1);
  web->template_labels = web->selector.match_labels = {{"app.kubernetes.io/name", "web"}};
  Completion done = run_filled({ingress({{"web", {80, ""}}}), web});
  EXPECT_EQ(*get_service(done, "web").selector, web->template_labels);
  EXPECT_EQ(names<Pod>(done), Texts{"web-0"});
}

TEST(Fill, StatefulSetsGetTheirHeadlessService) {
  auto db = workload(Kind::StatefulSet, "db", 2);
  db->service_name = "db-peers";
  Completion done = run_filled({db});
  const Service& peers = get_service(done, "db-peers");
  EXPECT_TRUE(peers.headless);
  EXPECT_EQ(*peers.selector, (model::Labels{{"app", "db"}}));
  EXPECT_EQ(peers.ports.at(0).port, 8080);
  EXPECT_EQ(names<Pod>(done), (Texts{"db-0", "db-1"}));
}

TEST(Fill, APodBehindAServiceWithItsTargetPorts) {
  auto given = service("web");
  given->ports = {{"a", 80, {0, "http"}, 0, model::Protocol::tcp, ""},
                  {"b", 81, {8080, ""}, 0, model::Protocol::tcp, ""},
                  {"c", 53, {53, ""}, 0, model::Protocol::udp, ""}};
  Completion done = run_filled({given});
  Texts ports;
  for (const auto& port : get_pod(done, "web").spec.ports)
    ports.push_back(port.name + ":" + std::to_string(port.port) + "/" + std::string(model::name(port.protocol)));
  EXPECT_EQ(ports, (Texts{":8080/tcp", ":53/udp", "http:8081/tcp"}));
}

TEST(Fill, AServiceWithGivenSlicesOrNoSelectorNeedsNoPod) {
  auto given = make<model::EndpointSlice>(Kind::EndpointSlice, "default", "s");
  given->service = "web";
  auto without = service("other");
  without->selector.reset();
  EXPECT_TRUE(run_filled({service("web"), given, without}).snapshot.all<Pod>().empty());
}

TEST(Fill, TheGuidancesPolicy) {
  model::PolicyPeer frontend;
  frontend.pod_selector = labels({{"app", "frontend"}});
  auto given = policy("backend-policy", labels({{"app", "backend"}}));
  given->ingress_rules = {{{frontend}, {}}};
  Completion done = run_filled({given});
  EXPECT_EQ(made_but_cluster(done), (Texts{"Pod/default/backend-policy", "Pod/default/backend-policy-from-0"}));
  EXPECT_EQ(get_pod(done, "backend-policy").meta.labels.at("app"), "backend");
  EXPECT_EQ(get_pod(done, "backend-policy-from-0").meta.labels.at("app"), "frontend");
}

TEST(Fill, ThePolicysPortsAreOpen) {
  model::PolicyPeer peer;
  peer.pod_selector = labels({{"app", "web"}});
  Completion done = run_filled({allow_from(peer)});
  EXPECT_EQ(get_pod(done, "p").spec.ports.at(0).port, 5432);
}

TEST(Fill, ExpressionsAreSatisfied) {
  LabelSelector selector = expression("tier", Operator::in, {"web", "api"});
  selector.expressions.push_back({"tier", Operator::not_in, {"web"}});
  selector.expressions.push_back({"zone", Operator::exists, {}});
  selector.expressions.push_back({"zone", Operator::not_in, {"true"}});
  selector.expressions.push_back({"old", Operator::does_not_exist, {}});
  Completion done = run_filled({policy("p", selector)});
  EXPECT_EQ(get_pod(done, "p").meta.labels, (model::Labels{{"tier", "api"}, {"zone", "value-0"}}));
  EXPECT_TRUE(selector.matches(get_pod(done, "p").meta.labels));
}

TEST(Fill, AContradictionIsTold) {
  LabelSelector selector = labels({{"app", "a"}});
  selector.expressions = {{"app", Operator::in, {"b"}}};
  Completion done = run_filled({policy("p", selector)});
  EXPECT_TRUE(done.snapshot.all<Pod>().empty());
  EXPECT_EQ(conditions(done), Texts{"NetworkPolicy/default/p Filled SelectorContradictsItself"});
}

TEST(Fill, AnEmptySelectorOfAnEmptyNamespace) {
  EXPECT_EQ(names<Pod>(run_filled({policy("deny-all", {})})), Texts{"deny-all"});
  EXPECT_EQ(names<Pod>(run_filled({policy("deny-all", {}), pod("default", "web")})), Texts{"web"});
}

TEST(Fill, NamespacesOfPeers) {
  model::PolicyPeer by_name;
  by_name.namespace_selector = labels({{"kubernetes.io/metadata.name", "monitoring"}});
  model::PolicyPeer by_label;
  by_label.namespace_selector = labels({{"team", "a"}});
  by_label.pod_selector = labels({{"app", "x"}});
  auto given = allow_from(by_name);
  given->ingress_rules[0].peers.push_back(by_label);
  Completion done = run_filled({given});
  EXPECT_EQ(made_but_cluster(done), (Texts{"Pod/default/p", "Namespace/monitoring", "Pod/monitoring/p-from-0",
                                           "Namespace/p-from-1", "Pod/p-from-1/p-from-1"}));
  EXPECT_EQ(get<model::Namespace>(done, Kind::Namespace, "", "p-from-1").meta.labels.at("team"), "a");
}

TEST(Fill, APeersNamespaceThatExistsIsUsed) {
  model::PolicyPeer peer;
  peer.namespace_selector = labels({{"team", "a"}});
  Completion done = run_filled({allow_from(peer), make<model::Namespace>(Kind::Namespace, "", "one", {{"team", "a"}}),
                                make<model::Namespace>(Kind::Namespace, "", "two", {{"team", "a"}}), pod("two", "x")});
  EXPECT_EQ(made_but_cluster(done), Texts{"Pod/default/p"});
}

TEST(Fill, IsRepeatable) {
  CompleteOptions options;
  options.fill = true;
  Objects objects = {ingress({{"web", {80, ""}}}), policy("p", labels({{"app", "db"}}))};
  Completion first = run(objects, {}, options);
  Completion second = run(objects, first.assignments, options);
  EXPECT_EQ(second.assignments, first.assignments);
  EXPECT_EQ(second.made, first.made);
}

}  // namespace
}  // namespace bailey::lab::controllers
