#include "lab/controllers/objects_for_test.h"

namespace bailey::lab::controllers {
namespace {

using model::EndpointSlice;
using model::Service;
using model::ServiceType;

Objects dual() {
  auto given = cluster("aks", "hub/nodes", {pool("p", 2)});
  given->service_cidrs = prefixes({"10.0.0.0/24", "fd00:10::/112"});
  return {vnet("hub", {"10.1.0.0/16", "fd01::/64"}), given};
}

Objects single(const std::string& services = "10.0.0.0/24") {
  auto given = cluster("aks", "hub/nodes", {pool("p", 2)});
  given->service_cidrs = prefixes({services});
  return {vnet("hub", {"10.1.0.0/16"}), given};
}

std::shared_ptr<Service> of_type(ServiceType type, const std::string& name = "web") {
  auto object = service(name);
  object->type = type;
  return object;
}

std::shared_ptr<Service> with_address(const std::string& name, const std::string& address) {
  auto object = service(name);
  object->cluster_addresses = {addr(address)};
  return object;
}

TEST(ClusterAddresses, LowestButTheFirstAndTheDnsServices) {
  Objects all = single("10.0.0.0/28");
  for (int i = 0; i < 12; ++i) all.push_back(service("s" + std::to_string(10 + i)));
  Completion done = run(all);
  EXPECT_EQ(texts_of(get_service(done, "s10").cluster_addresses), "10.0.0.3");
  EXPECT_EQ(get<model::Cluster>(done, Kind::Cluster, "", "aks").dns_service_address, addr("10.0.0.2"));
  EXPECT_EQ(texts_of(get_service(done, "s21").cluster_addresses), "10.0.0.14");
  all.push_back(service("s99"));
  EXPECT_EQ(conditions(run(all)), Texts{"Service/default/s99 Accepted ServiceRangeFull"});
}

TEST(ClusterAddresses, TheUsualDnsAddressIsSkipped) {
  Objects all = single();
  for (int i = 0; i < 9; ++i) all.push_back(service("s" + std::to_string(i)));
  Completion done = run(all);
  EXPECT_EQ(texts_of(get_service(done, "s7").cluster_addresses), "10.0.0.9");
  EXPECT_EQ(texts_of(get_service(done, "s8").cluster_addresses), "10.0.0.11");
}

TEST(ClusterAddresses, GivenOnesAreRespectedAndConflictsTold) {
  auto dns = with_address("kube-dns", "10.0.0.10");
  dns->meta.ns = "kube-system";
  Completion done = run(single() + Objects{with_address("a", "10.0.0.2"), with_address("b", "10.0.0.2"),
                                           with_address("c", "10.9.0.1"), with_address("d", "10.0.0.1"),
                                           with_address("e", "10.0.0.10"), dns, service("f")});
  EXPECT_EQ(conditions(done),
            (Texts{"Service/default/b Accepted AddressTaken", "Service/default/c Accepted AddressOutsideRange",
                   "Service/default/d Accepted AddressTaken", "Service/default/e Accepted AddressTaken"}));
  EXPECT_EQ(texts_of(get_service(done, "a").cluster_addresses), "10.0.0.2");
  EXPECT_TRUE(get_service(done, "b").cluster_addresses.empty());
  EXPECT_EQ(texts_of(get_service(done, "f").cluster_addresses), "10.0.0.3");
  EXPECT_EQ(texts_of(get<Service>(done, Kind::Service, "kube-system", "kube-dns").cluster_addresses), "10.0.0.10");
}

TEST(ClusterAddresses, HeadlessAndExternalNameHaveNone) {
  auto headless = service("h");
  headless->headless = true;
  Completion done = run(single() + Objects{headless, of_type(ServiceType::external_name, "e")});
  EXPECT_TRUE(get_service(done, "h").cluster_addresses.empty());
  EXPECT_TRUE(get_service(done, "e").cluster_addresses.empty());
  EXPECT_EQ(get_service(done, "h").families, std::vector<Family>{Family::v4});
}

TEST(Families, PoliciesOnADualStackCluster) {
  auto with_policy = [](const std::string& name, const std::string& policy, std::vector<Family> wanted = {}) {
    auto object = service(name);
    object->ip_family_policy = policy;
    object->families = std::move(wanted);
    return object;
  };
  Completion done =
      run(dual() + Objects{with_policy("a", ""), with_policy("b", "PreferDualStack"),
                           with_policy("c", "RequireDualStack", {Family::v6}), with_policy("d", "", {Family::v6}),
                           with_policy("e", "", {Family::v6, Family::v4})});
  EXPECT_EQ(texts_of(get_service(done, "a").cluster_addresses), "10.0.0.2");
  EXPECT_EQ(get_service(done, "a").ip_family_policy, "SingleStack");
  EXPECT_EQ(texts_of(get_service(done, "b").cluster_addresses), "10.0.0.3 fd00:10::2");
  EXPECT_EQ(texts_of(get_service(done, "c").cluster_addresses), "fd00:10::3 10.0.0.4") << "the primary family first";
  EXPECT_EQ(texts_of(get_service(done, "d").cluster_addresses), "fd00:10::4");
  EXPECT_EQ(texts_of(get_service(done, "e").cluster_addresses), "fd00:10::5 10.0.0.5");
  EXPECT_EQ(get_service(done, "e").ip_family_policy, "RequireDualStack");
}

TEST(Families, WhatTheClusterLacksIsTold) {
  auto prefer = service("prefer");
  prefer->ip_family_policy = "PreferDualStack";
  auto require = service("require");
  require->ip_family_policy = "RequireDualStack";
  auto v6 = service("v6");
  v6->families = {Family::v6};
  Completion done = run(single() + Objects{prefer, require, v6});
  EXPECT_EQ(texts_of(get_service(done, "prefer").cluster_addresses), "10.0.0.2");
  EXPECT_EQ(conditions(done),
            (Texts{"Service/default/require Accepted FamilyMissing", "Service/default/v6 Accepted FamilyMissing"}));
}

TEST(NodePorts, LowestFreeAndGivenOnesStay) {
  auto given = of_type(ServiceType::node_port, "b");
  given->ports[0].node_port = 30000;
  auto two = of_type(ServiceType::node_port, "a");
  two->ports = {{"t", 53, {53, ""}, 0, model::Protocol::tcp, ""}, {"u", 53, {53, ""}, 0, model::Protocol::udp, ""}};
  Completion done = run(single() + Objects{two, given, service("c")});
  EXPECT_EQ(get_service(done, "a").ports[0].node_port, 30001);
  EXPECT_EQ(get_service(done, "a").ports[1].node_port, 30000) << "another protocol, another space";
  EXPECT_EQ(get_service(done, "b").ports[0].node_port, 30000);
  EXPECT_EQ(get_service(done, "c").ports[0].node_port, 0);
}

TEST(NodePorts, ConflictsAndRange) {
  auto a = of_type(ServiceType::node_port, "a");
  auto b = of_type(ServiceType::node_port, "b");
  auto c = of_type(ServiceType::node_port, "c");
  a->ports[0].node_port = b->ports[0].node_port = 31000;
  c->ports[0].node_port = 80;
  Completion done = run(single() + Objects{a, b, c});
  EXPECT_EQ(conditions(done),
            (Texts{"Service/default/b Accepted NodePortTaken", "Service/default/c Accepted NodePortOutsideRange"}));
  EXPECT_EQ(get_service(done, "b").ports[0].node_port, 0);
}

TEST(NodePorts, StayAndReturn) {
  Objects both = single() + Objects{of_type(ServiceType::node_port, "b"), of_type(ServiceType::node_port, "c")};
  Completion before = run(both);
  Completion after = run(both + Objects{of_type(ServiceType::node_port, "a")}, before.assignments);
  EXPECT_EQ(get_service(after, "b").ports[0].node_port, 30000);
  EXPECT_EQ(get_service(after, "a").ports[0].node_port, 30002);
  EXPECT_EQ(run(both, after.assignments).assignments, before.assignments);
}

TEST(NodePorts, LocalTrafficOfABalancerGetsAHealthPort) {
  auto local = of_type(ServiceType::load_balancer);
  local->external_traffic_policy = model::TrafficPolicy::local;
  Completion done = run(single() + Objects{local});
  EXPECT_EQ(get_service(done, "web").ports[0].node_port, 30000);
  EXPECT_EQ(get_service(done, "web").health_check_node_port, 30001);
}

std::shared_ptr<model::LoadBalancer> balancer(const std::string& name, const std::string& range,
                                              bool internal = false) {
  auto object = make<model::LoadBalancer>(Kind::LoadBalancer, "", name);
  if (!range.empty()) object->addresses = {*AddressRange::parse(range)};
  object->internal = internal;
  if (internal) object->subnet = {"hub", "nodes"};
  return object;
}

TEST(Balancers, PendingWithoutAPool) {
  Completion done = run(single() + Objects{of_type(ServiceType::load_balancer)});
  EXPECT_TRUE(get_service(done, "web").load_balancer_addresses.empty());
  EXPECT_TRUE(done.conditions.empty());
}

TEST(Balancers, FromThePoolUntilItIsEmpty) {
  Completion done = run(single() + Objects{balancer("public", "20.0.0.1"), of_type(ServiceType::load_balancer, "a"),
                                           of_type(ServiceType::load_balancer, "b")});
  EXPECT_EQ(texts_of(get_service(done, "a").load_balancer_addresses), "20.0.0.1");
  EXPECT_EQ(conditions(done), Texts{"Service/default/b AddressAssigned LoadBalancerFull"});
}

TEST(Balancers, TheAnnotationChoosesAnInternalOne) {
  auto internal = of_type(ServiceType::load_balancer, "a");
  internal->meta.annotations["service.beta.kubernetes.io/azure-load-balancer-internal"] = "true";
  Completion done = run(single() + Objects{balancer("public", "20.0.0.1-20.0.0.9"), balancer("inside", "", true),
                                           internal, of_type(ServiceType::load_balancer, "b")});
  EXPECT_EQ(texts_of(get_service(done, "a").load_balancer_addresses), "10.1.0.6")
      << "after the addresses of two nodes, before their ranges";
  EXPECT_EQ(texts_of(get_service(done, "b").load_balancer_addresses), "20.0.0.1");
}

TEST(Balancers, TheAddressAskedFor) {
  auto asks = [](const std::string& name, const std::string& address) {
    auto object = of_type(ServiceType::load_balancer, name);
    object->load_balancer_address = addr(address);
    return object;
  };
  Completion done = run(single() + Objects{balancer("public", "20.0.0.1-20.0.0.9"), asks("a", "20.0.0.7"),
                                           asks("b", "20.0.0.7"), asks("c", "30.0.0.1")});
  EXPECT_EQ(texts_of(get_service(done, "a").load_balancer_addresses), "20.0.0.7");
  EXPECT_EQ(conditions(done), (Texts{"Service/default/b AddressAssigned AddressTaken",
                                     "Service/default/c AddressAssigned AddressOutsidePool"}));
}

// ---- slices ----

std::string slice_text(const Completion& done, const std::string& name) {
  const auto& slice = get<EndpointSlice>(done, Kind::EndpointSlice, "default", name);
  std::string out;
  for (const model::Endpoint& endpoint : slice.endpoints)
    out += endpoint.addresses.at(0).text() + (endpoint.ready ? " " : "! ");
  for (const model::EndpointPort& port : slice.ports) out += ":" + std::to_string(port.port);
  return out;
}

std::shared_ptr<model::Pod> web_pod(const std::string& name, const std::string& address, std::uint16_t port = 8080) {
  auto object = pinned(name, address);
  object->meta.labels = {{"app", "web"}};
  object->spec.ports = {{"http", port, 0, model::Protocol::tcp}};
  return object;
}

TEST(Slices, OneForEachFamily) {
  auto both = service("web");
  both->ip_family_policy = "PreferDualStack";
  auto a = web_pod("a", "10.1.0.200");
  a->pinned_addresses.push_back(addr("fd01::200"));
  Completion done = run(dual() + Objects{both, a, web_pod("b", "10.1.0.201")});
  EXPECT_EQ(names<EndpointSlice>(done), (Texts{"web-v4", "web-v6"}));
  EXPECT_EQ(slice_text(done, "web-v4"), "10.1.0.200 10.1.0.201 :8080");
  EXPECT_EQ(slice_text(done, "web-v6"), "fd01::200 :8080");
  const auto& slice = get<EndpointSlice>(done, Kind::EndpointSlice, "default", "web-v4");
  EXPECT_EQ(slice.meta.labels.at("kubernetes.io/service-name"), "web");
  EXPECT_TRUE(slice.meta.generated);
  EXPECT_FALSE(slice.endpoints[0].node_name.empty());
}

TEST(Slices, PodsWithOtherNumbersForANamedPortAreApart) {
  auto named = service("web");
  named->ports[0].target = {0, "http"};
  Completion done = run(single() + Objects{named, web_pod("a", "10.1.0.200", 8000), web_pod("b", "10.1.0.201", 9000)});
  EXPECT_EQ(slice_text(done, "web-v4"), "10.1.0.200 :8000");
  EXPECT_EQ(slice_text(done, "web-v4-2"), "10.1.0.201 :9000");
}

TEST(Slices, GivenSlicesOfTheServiceStand) {
  auto given = make<EndpointSlice>(Kind::EndpointSlice, "default", "web-given");
  given->service = "web";
  Completion done = run(single() + Objects{service("web"), given, web_pod("a", "10.1.0.200")});
  EXPECT_EQ(names<EndpointSlice>(done), Texts{"web-given"});
}

TEST(Slices, ANameThatIsTakenBySomebodyElses) {
  auto given = make<EndpointSlice>(Kind::EndpointSlice, "default", "web-v4");
  given->service = "other";
  Completion done = run(single() + Objects{service("web"), given, web_pod("a", "10.1.0.200")});
  EXPECT_EQ(names<EndpointSlice>(done), (Texts{"web-v4", "web-v4-2x"}));
}

TEST(Slices, UnreadyPodsAndNodes) {
  auto unready = web_pod("a", "10.1.0.200");
  unready->ready = false;
  auto leaving = web_pod("b", "10.1.0.201");
  leaving->meta.deleting = true;
  Completion done = run(single() + Objects{service("web"), unready, leaving, web_pod("c", "10.1.0.202")});
  EXPECT_EQ(slice_text(done, "web-v4"), "10.1.0.200! 10.1.0.201! 10.1.0.202 :8080");
}

TEST(Slices, EmptyWhereNothingIsSelected) {
  EXPECT_EQ(slice_text(run(single() + Objects{service("web")}), "web-v4"), "");
}

}  // namespace
}  // namespace bailey::lab::controllers
