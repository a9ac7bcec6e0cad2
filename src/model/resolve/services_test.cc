#include "model/resolve/services.h"

#include <gtest/gtest.h>

namespace bailey::model::resolve {
namespace {

template <typename T>
std::shared_ptr<T> make(Kind kind, const std::string& ns, const std::string& name, Labels labels = {}) {
  auto object = std::make_shared<T>();
  object->meta.kind = kind;
  object->meta.ns = ns;
  object->meta.name = name;
  object->meta.labels = std::move(labels);
  return object;
}

std::shared_ptr<Pod> pod(const std::string& name, std::vector<std::string> addresses,
                         Labels labels = {{"app", "web"}}) {
  auto object = make<Pod>(Kind::Pod, "shop", name, std::move(labels));
  for (const std::string& address : addresses) object->addresses.push_back(*Address::parse(address));
  object->spec.node_name = "n1";
  return object;
}

std::shared_ptr<Service> service() {
  auto object = make<Service>(Kind::Service, "shop", "web");
  object->selector = Labels{{"app", "web"}};
  object->ports = {{"http", 80, {8080, ""}, 0, Protocol::tcp, ""}};
  return object;
}

std::vector<std::string> texts(const std::vector<ServiceEndpoint>& found) {
  std::vector<std::string> out;
  for (const ServiceEndpoint& endpoint : found) {
    std::string text = endpoint.address.text() + ":" + std::to_string(endpoint.port);
    if (!endpoint.ready) text += " unready";
    if (endpoint.serving) text += " serving";
    if (endpoint.terminating) text += " terminating";
    out.push_back(text);
  }
  return out;
}

std::vector<std::string> found(std::vector<AnyObject> objects, const Service& of) {
  return texts(endpoints(snapshot_of(std::move(objects)), of, of.ports[0]));
}

using Texts = std::vector<std::string>;

TEST(SelectedPods, OnlyTheNamespaceFinishedOnesLeftOutByName) {
  auto done = pod("done", {"10.0.0.9"});
  done->phase = "Succeeded";
  Snapshot snapshot = snapshot_of({pod("b", {}), pod("a", {}), done, pod("c", {}, {{"app", "db"}}),
                                   make<Pod>(Kind::Pod, "shop2", "x", {{"app", "web"}}),
                                   make<Pod>(Kind::Pod, "aaa", "y", {{"app", "web"}})});
  LabelSelector selector;
  selector.match_labels = {{"app", "web"}};
  std::vector<std::string> names;
  for (const Pod* selected : selected_pods(snapshot, "shop", selector)) names.push_back(selected->meta.name);
  EXPECT_EQ(names, (Texts{"a", "b"}));
  EXPECT_EQ(selected_pods(snapshot, "shop", {}).size(), 3u);
  EXPECT_TRUE(selected_pods(snapshot, "missing", {}).empty());
}

TEST(Endpoints, OneForEachAddressAscending) {
  EXPECT_EQ(found({pod("b", {"10.0.0.9", "fd00::9"}), pod("a", {"10.0.0.10"}), pod("c", {})}, *service()),
            (Texts{"10.0.0.9:8080 serving", "10.0.0.10:8080 serving", "fd00::9:8080 serving"}));
}

TEST(Endpoints, OnlyTheFamiliesOfTheService) {
  auto v6 = service();
  v6->families = {Family::v6};
  EXPECT_EQ(found({pod("b", {"10.0.0.9", "fd00::9"})}, *v6), (Texts{"fd00::9:8080 serving"}));
}

TEST(Endpoints, NamedTargetPortIsLookedUpInEachPodWithItsProtocol) {
  auto named = service();
  named->ports[0].target = {0, "web"};
  auto a = pod("a", {"10.0.0.1"});
  a->spec.ports = {{"web", 8000, 0, Protocol::tcp}};
  auto b = pod("b", {"10.0.0.2"});
  b->spec.ports = {{"web", 9000, 0, Protocol::udp}, {"web", 9001, 0, Protocol::tcp}};
  EXPECT_EQ(found({a, b, pod("c", {"10.0.0.3"})}, *named), (Texts{"10.0.0.1:8000 serving", "10.0.0.2:9001 serving"}));
}

TEST(Endpoints, TargetPortDefaultsToThePort) {
  auto plain = service();
  plain->ports[0].target = {};
  EXPECT_EQ(found({pod("a", {"10.0.0.1"})}, *plain), (Texts{"10.0.0.1:80 serving"}));
}

TEST(Endpoints, ReadyServingTerminating) {
  auto unready = pod("a", {"10.0.0.1"});
  unready->ready = false;
  auto leaving = pod("b", {"10.0.0.2"});
  leaving->meta.deleting = true;
  EXPECT_EQ(found({unready, leaving}, *service()),
            (Texts{"10.0.0.1:8080 unready", "10.0.0.2:8080 unready serving terminating"}));
  auto published = service();
  published->publish_not_ready_addresses = true;
  EXPECT_EQ(found({unready, leaving}, *published), (Texts{"10.0.0.1:8080", "10.0.0.2:8080 serving terminating"}));
}

TEST(Endpoints, APodOfANodeThatIsNotReadyIsNotReady) {
  auto node = make<Node>(Kind::Node, "", "n1");
  node->ready = false;
  EXPECT_EQ(found({node, pod("a", {"10.0.0.1"})}, *service()), (Texts{"10.0.0.1:8080 unready"}));
}

TEST(Endpoints, HostNetworkPodsAnswerOnTheirNode) {
  auto node = make<Node>(Kind::Node, "", "n1");
  node->addresses = {*Address::parse("10.1.0.4")};
  auto host = pod("a", {});
  host->spec.host_network = true;
  EXPECT_EQ(found({node, host}, *service()), (Texts{"10.1.0.4:8080 serving"}));
}

TEST(Endpoints, PendingPodsHaveNoneEvenIfPinned) {
  auto pinned = pod("a", {});
  pinned->pinned_addresses = {*Address::parse("10.0.0.7")};
  EXPECT_EQ(found({pinned}, *service()), (Texts{"10.0.0.7:8080 serving"}));
  pinned->phase = "Pending";
  EXPECT_EQ(found({pinned}, *service()), Texts{});
}

std::shared_ptr<EndpointSlice> slice(const std::string& name, const std::string& address, const std::string& port) {
  auto object = make<EndpointSlice>(Kind::EndpointSlice, "shop", name);
  object->service = "web";
  object->endpoints = {{{*Address::parse(address), *Address::parse("10.9.9.9")}, true, true, false, "n1", "", {}}};
  object->ports = {{port, 7000, Protocol::tcp}};
  return object;
}

TEST(Endpoints, GivenSlicesReplaceTheSelector) {
  EXPECT_EQ(found({pod("a", {"10.0.0.1"}), slice("web-1", "10.0.0.5", "http"), slice("web-2", "10.0.0.4", "http"),
                   slice("web-3", "10.0.0.6", "other")},
                  *service()),
            (Texts{"10.0.0.4:7000 serving", "10.0.0.5:7000 serving"}));
}

TEST(Endpoints, AnAddressInTwoSlicesIsReadyIfOneSaysSo) {
  auto first = slice("web-1", "10.0.0.5", "http");
  first->endpoints[0].ready = false;
  EXPECT_EQ(found({first, slice("web-2", "10.0.0.5", "http")}, *service()), (Texts{"10.0.0.5:7000 serving"}));
}

TEST(Endpoints, GeneratedSlicesDoNotHideThePods) {
  auto old = slice("web-v4", "10.0.0.5", "http");
  old->meta.generated = true;
  EXPECT_EQ(found({pod("a", {"10.0.0.1"}), old}, *service()), (Texts{"10.0.0.1:8080 serving"}));
}

TEST(Endpoints, NoSelectorEmptySelectorAndExternalNameHaveNone) {
  auto none = service();
  none->selector.reset();
  auto empty = service();
  empty->selector = Labels{};
  auto external = service();
  external->type = ServiceType::external_name;
  for (const auto& of : {none, empty, external}) EXPECT_EQ(found({pod("a", {"10.0.0.1"})}, *of), Texts{});
}

TEST(Endpoints, WithSeveralClustersOnlyThePodsOfTheServicesOwn) {
  auto here = pod("a", {"10.0.0.1"}, {{"app", "web"}, {"bailey.dev/cluster", "one"}});
  auto there = pod("b", {"10.0.0.2"}, {{"app", "web"}, {"bailey.dev/cluster", "two"}});
  auto of = service();
  of->meta.labels["bailey.dev/cluster"] = "one";
  EXPECT_EQ(found({here, there, make<Cluster>(Kind::Cluster, "", "one"), make<Cluster>(Kind::Cluster, "", "two")}, *of),
            (Texts{"10.0.0.1:8080 serving"}));
}

}  // namespace
}  // namespace bailey::model::resolve
