#include "lab/controllers/objects_for_test.h"

namespace bailey::lab::controllers {
namespace {

using model::Node;
using model::Pod;

Objects nodes(std::uint32_t count, std::uint32_t max_pods = 30) {
  return {vnet("hub", {"10.1.0.0/16"}), cluster("aks", "hub/nodes", {pool("p", count, max_pods)})};
}

// "web-0@aks-p-0"; what is not placed has no place.
Texts placed(const Completion& done) {
  Texts out;
  for (const auto& row : done.snapshot.all<Pod>()) out.push_back(row->meta.name + "@" + row->spec.node_name);
  return out;
}

TEST(Workloads, DeploymentPodsCarryTheTemplate) {
  auto web = workload(Kind::Deployment, "web", 2);
  web->template_annotations = {{"a", "b"}};
  Completion done = run(nodes(1) + Objects{web});
  EXPECT_EQ(names<Pod>(done), (Texts{"web-0", "web-1"}));
  const Pod& made_pod = get_pod(done, "web-1");
  EXPECT_EQ(made_pod.meta.labels, web->template_labels);
  EXPECT_EQ(made_pod.meta.annotations, web->template_annotations);
  EXPECT_EQ(made_pod.owner, web->meta.ref());
  EXPECT_EQ(made_pod.spec.ports, web->pod.ports);
  EXPECT_TRUE(made_pod.meta.generated);
}

TEST(Workloads, ZeroReplicasAreNoPods) {
  EXPECT_TRUE(run(nodes(1) + Objects{workload(Kind::Deployment, "web", 0)}).snapshot.all<Pod>().empty());
}

TEST(Workloads, StatefulSetAndDeploymentOfOneName) {
  Completion done = run(nodes(1) + Objects{workload(Kind::StatefulSet, "db", 1), workload(Kind::Deployment, "db", 2),
                                           workload(Kind::Job, "db", 1)});
  EXPECT_EQ(names<Pod>(done), (Texts{"db-0", "db-d0", "db-d1", "db-j0"}));
  EXPECT_EQ(get_pod(done, "db-0").owner->kind, Kind::StatefulSet);
  EXPECT_EQ(get_pod(done, "db-0").meta.labels.at("statefulset.kubernetes.io/pod-name"), "db-0");
  EXPECT_EQ(get_pod(done, "db-j0").meta.labels.at("job-name"), "db");
}

TEST(Workloads, ABarePodOfTheSameNameStays) {
  Completion done = run(nodes(1) + Objects{workload(Kind::Deployment, "web", 2), pod("default", "web-0")});
  EXPECT_EQ(names<Pod>(done), (Texts{"web-0", "web-1", "web-2"}));
  EXPECT_FALSE(get_pod(done, "web-0").meta.generated);
}

TEST(Workloads, PodsThatWereGivenWithTheirWorkloadCount) {
  auto given = pod("default", "web-5d9c-x7", {{"app", "web"}, {"pod-template-hash", "5d9c"}});
  auto owned = pod("default", "web-other");
  owned->owner = ObjectRef{Kind::Deployment, "default", "web"};
  Completion done = run(nodes(1) + Objects{workload(Kind::Deployment, "web", 3), given, owned});
  EXPECT_EQ(names<Pod>(done), (Texts{"web-0", "web-5d9c-x7", "web-other"}));
}

TEST(Workloads, DaemonSetsAreOnEveryNodeThatMatchesAndTolerates) {
  auto cordoned = node("cordoned");
  cordoned->unschedulable = true;
  auto tainted = node("tainted");
  tainted->taints = {{"gpu", "", "NoSchedule"}};
  auto preferred = node("preferred");
  preferred->taints = {{"soft", "", "PreferNoSchedule"}};
  Completion done = run(nodes(1) + Objects{node("plain", {{"disk", "ssd"}}), cordoned, tainted, preferred,
                                           workload(Kind::DaemonSet, "agent", 1)});
  EXPECT_EQ(placed(done), (Texts{"agent-cordoned@cordoned", "agent-plain@plain", "agent-preferred@preferred"}));
  auto selective = workload(Kind::DaemonSet, "agent", 1);
  selective->pod.node_selector = {{"disk", "ssd"}};
  selective->pod.tolerations = {{"", "Exists", "", ""}};
  done = run(nodes(1) + Objects{node("plain", {{"disk", "ssd"}}), tainted, selective});
  EXPECT_EQ(placed(done), Texts{"agent-plain@plain"});
}

TEST(Workloads, ReplicasWithoutEndAreLimited) {
  Completion done = run(nodes(1) + Objects{workload(Kind::Deployment, "web", 2147483647u)});
  EXPECT_EQ(done.snapshot.all<Pod>().size(), 10000u);
  EXPECT_EQ(conditions(done).front(), "Deployment/default/web Accepted TooManyPods");
}

TEST(Schedule, LeastPodsFirstTiesByName) {
  Completion done = run(nodes(3) + Objects{workload(Kind::Deployment, "web", 5)});
  EXPECT_EQ(placed(done), (Texts{"web-0@aks-p-0", "web-1@aks-p-1", "web-2@aks-p-2", "web-3@aks-p-0", "web-4@aks-p-1"}));
}

TEST(Schedule, NodeNameIsHonouredAndCounts) {
  auto fixed = pod("default", "fixed");
  fixed->spec.node_name = "aks-p-1";
  Completion done = run(nodes(2) + Objects{fixed, pod("default", "a"), pod("default", "b")});
  EXPECT_EQ(placed(done), (Texts{"a@aks-p-0", "b@aks-p-0", "fixed@aks-p-1"}));
}

TEST(Schedule, NodeNameThatDoesNotExist) {
  auto lost = pod("default", "lost");
  lost->spec.node_name = "nowhere";
  Completion done = run(nodes(1) + Objects{lost});
  EXPECT_EQ(conditions(done), Texts{"Pod/default/lost Scheduled NodeMissing"});
  EXPECT_EQ(get_pod(done, "lost").phase, "Pending");
}

TEST(Schedule, MaxPodsIsALimitWithNumbers) {
  Completion done = run(nodes(2, 2) + Objects{workload(Kind::Deployment, "web", 5)});
  ASSERT_EQ(conditions(done), Texts{"Pod/default/web-4 Scheduled NodesFull"});
  EXPECT_NE(english(done.conditions[0]).find("Of 2 nodes: 2 full"), std::string::npos) << english(done.conditions[0]);
  EXPECT_EQ(get_pod(done, "web-4").phase, "Pending");
  EXPECT_EQ(get_pod(done, "web-4").spec.node_name, "");
  EXPECT_EQ(get_pod(done, "web-0").phase, "");
}

TEST(Schedule, SelectorsTaintsAndCordons) {
  auto cordoned = node("a-cordoned");
  cordoned->unschedulable = true;
  auto tainted = node("b-tainted", {{"disk", "ssd"}});
  tainted->taints = {{"gpu", "yes", "NoSchedule"}};
  auto unready = node("c-unready");
  unready->ready = false;
  Objects all = nodes(1) + Objects{cordoned, tainted, unready, node("d-plain")};
  auto tolerant = pod("default", "tolerant");
  tolerant->spec.tolerations = {{"gpu", "Equal", "yes", ""}};
  tolerant->spec.node_selector = {{"disk", "ssd"}};
  auto wrong = pod("default", "wrong");
  wrong->spec.tolerations = {{"gpu", "Equal", "no", ""}};
  wrong->spec.node_selector = {{"disk", "ssd"}};
  auto nowhere = pod("default", "x-nowhere");
  nowhere->spec.node_selector = {{"disk", "tape"}};
  Completion done = run(all + Objects{pod("default", "plain"), tolerant, wrong, nowhere});
  EXPECT_EQ(placed(done), (Texts{"plain@d-plain", "tolerant@b-tainted", "wrong@", "x-nowhere@"}));
  EXPECT_EQ(conditions(done),
            (Texts{"Pod/default/wrong Scheduled NodesTainted", "Pod/default/x-nowhere Scheduled NoNodeMatches"}));
}

TEST(Schedule, PreferNoScheduleIsTakenLast) {
  auto soft = node("a");
  soft->taints = {{"soft", "", "PreferNoSchedule"}};
  Completion done = run(nodes(1, 2) + Objects{soft, node("b"), workload(Kind::Deployment, "web", 3)});
  EXPECT_EQ(placed(done), (Texts{"web-0@b", "web-1@b", "web-2@a"}));
}

TEST(Schedule, TolerationsFollowKubernetes) {
  model::Taint taint{"key", "value", "NoSchedule"};
  auto tolerated = [&](model::Toleration toleration) {
    model::PodSpec spec;
    spec.tolerations = {toleration};
    return tolerates(spec, taint);
  };
  EXPECT_TRUE(tolerated({"key", "Exists", "", ""}));
  EXPECT_TRUE(tolerated({"", "Exists", "", "NoSchedule"}));
  EXPECT_TRUE(tolerated({"key", "", "value", ""}));
  EXPECT_FALSE(tolerated({"key", "", "", ""}));
  EXPECT_FALSE(tolerated({"key", "Exists", "", "NoExecute"}));
  EXPECT_FALSE(tolerated({"other", "Exists", "", ""}));
  EXPECT_FALSE(tolerated({"", "Equal", "value", ""}));
}

TEST(Schedule, HostNetworkPodsHaveTheirNodesAddressesAndTheirPortsApart) {
  auto agent = workload(Kind::Deployment, "agent", 3);
  agent->pod.host_network = true;
  Completion done = run(nodes(2) + Objects{agent});
  EXPECT_EQ(placed(done), (Texts{"agent-0@aks-p-0", "agent-1@aks-p-1", "agent-2@"}));
  EXPECT_EQ(get_pod(done, "agent-0").addresses, get_node(done, "aks-p-0").addresses);
  EXPECT_EQ(conditions(done), Texts{"Pod/default/agent-2 Scheduled HostPortTaken"});
}

TEST(Schedule, GivenRangesStayAndGrowUpToMaxPods) {
  auto given = node("worker");
  given->max_pods = 5;
  given->pod_ranges = {*AddressRange::parse("10.1.0.100-10.1.0.101")};
  Completion done = run(nodes(1) + Objects{given});
  EXPECT_EQ(texts_of(get_node(done, "worker").pod_ranges), "10.1.0.100-10.1.0.104");
  given = std::make_shared<Node>(*given);
  given->pod_ranges = {*AddressRange::parse("10.1.0.100-10.1.0.139")};
  EXPECT_EQ(texts_of(get_node(run(nodes(1) + Objects{given}), "worker").pod_ranges), "10.1.0.100-10.1.0.139");
}

TEST(Schedule, FinishedPodsTakeNoRoom) {
  auto done_pod = pod("default", "a");
  done_pod->phase = "Succeeded";
  Completion done = run(nodes(1, 1) + Objects{done_pod, pod("default", "b")});
  EXPECT_TRUE(done.conditions.empty());
  EXPECT_EQ(get_pod(done, "a").phase, "Succeeded");
  EXPECT_EQ(get_pod(done, "b").spec.node_name, "aks-p-0");
}

TEST(Schedule, ATemplateOfAnUnrealisedNodeSaysSo) {
  Completion done =
      run({vnet("hub", {"10.1.0.0/29"}), cluster("aks", "hub/nodes", {pool("p", 1, 30)}), nic("a", "hub/nodes"),
           nic("b", "hub/nodes"), nic("c", "hub/nodes"), workload(Kind::DaemonSet, "agent", 1), pod("default", "web")});
  EXPECT_EQ(conditions(done),
            (Texts{"Node/aks-p-0 AddressAssigned SubnetFull", "Pod/default/agent-aks-p-0 Scheduled NodeNotRealised",
                   "Pod/default/web Scheduled NodeNotRealised"}));
  EXPECT_EQ(done.subnets.at(0).nodes, 0u);
}

TEST(Clusters, LabelsChooseAndGuessesAreTold) {
  auto by_label = workload(Kind::Deployment, "labelled", 1);
  by_label->meta.labels = {{"bailey.dev/cluster", "b"}};
  auto guessed = workload(Kind::Deployment, "guessed", 1);
  auto missing = pod("default", "missing", {{"bailey.dev/cluster", "c"}});
  auto by_namespace = pod("team", "x");
  Completion done =
      run({cluster("a", "", {pool("p", 1)}), cluster("b", "", {pool("p", 1)}), by_label, guessed, missing, by_namespace,
           make<model::Namespace>(Kind::Namespace, "", "team", {{"bailey.dev/cluster", "b"}})});
  EXPECT_EQ(placed(done), (Texts{"guessed-0@a-p-0", "labelled-0@b-p-0", "missing@", "x@b-p-0"}));
  Texts told = conditions(done);
  EXPECT_NE(std::find(told.begin(), told.end(), "Deployment/default/guessed Accepted+ ClusterAssumed"), told.end());
  EXPECT_NE(std::find(told.begin(), told.end(), "Pod/default/missing Accepted ClusterMissing"), told.end());
  EXPECT_EQ(std::count(told.begin(), told.end(), "Deployment/default/labelled Accepted+ ClusterAssumed"), 0);
}

// ---- pinned addresses ----

TEST(Pins, InsideTheSubnetOutsideOfTheRanges) {
  Completion done = run(nodes(1, 10) + Objects{pinned("p", "10.1.0.200")});
  EXPECT_EQ(texts_of(get_pod(done, "p").addresses), "10.1.0.200");
  EXPECT_EQ(texts_of(get_node(done, "aks-p-0").pod_ranges), "10.1.0.5-10.1.0.12");
  EXPECT_TRUE(done.conditions.empty());
}

TEST(Pins, RangesAreLaidAroundThem) {
  Completion done = run(nodes(1, 10) + Objects{pinned("p", "10.1.0.8")});
  EXPECT_EQ(texts_of(get_node(done, "aks-p-0").pod_ranges), "10.1.0.9-10.1.0.16");
}

TEST(Pins, InsideARangeThatExistedIsReservedThere) {
  Completion before = run(nodes(2, 10) + Objects{});
  ASSERT_EQ(texts_of(get_node(before, "aks-p-1").pod_ranges), "10.1.0.16/29");
  Completion after = run(nodes(2, 10) + Objects{pinned("p", "10.1.0.20")}, before.assignments);
  EXPECT_EQ(get_pod(after, "p").spec.node_name, "aks-p-1");
  EXPECT_EQ(texts_of(get_node(after, "aks-p-1").pod_ranges), "10.1.0.16/30 10.1.0.21-10.1.0.23");
  Completion removed = run(nodes(2, 10) + Objects{}, after.assignments);
  EXPECT_EQ(texts_of(get_node(removed, "aks-p-1").pod_ranges), "10.1.0.16/29");
  EXPECT_EQ(removed.assignments, before.assignments);
}

TEST(Pins, OfAnotherNodesRange) {
  Completion before = run(nodes(2, 10));
  auto wanted = pinned("p", "10.1.0.20");
  wanted->spec.node_name = "aks-p-0";
  Completion after = run(nodes(2, 10) + Objects{wanted}, before.assignments);
  EXPECT_EQ(conditions(after), Texts{"Pod/default/p AddressAssigned AddressOfAnotherNode"});
}

TEST(Pins, OutsideOfTheSubnet) {
  Completion done = run(nodes(1) + Objects{pinned("p", "10.99.0.1")});
  EXPECT_EQ(conditions(done), Texts{"Pod/default/p AddressAssigned AddressOutsideSubnet"});
  EXPECT_EQ(get_pod(done, "p").phase, "Pending");
}

TEST(Pins, TakenByAnInterfaceOrAnotherPod) {
  Completion done = run(nodes(1) + Objects{nic("fw", "hub/nodes", {"10.1.0.9"}), pinned("a", "10.1.0.9"),
                                           pinned("b", "10.1.0.8"), pinned("c", "10.1.0.8")});
  EXPECT_EQ(conditions(done),
            (Texts{"Pod/default/a AddressAssigned AddressTaken", "Pod/default/c AddressAssigned AddressTaken"}));
  EXPECT_NE(english(done.conditions[0]).find("NetworkInterface/fw"), std::string::npos);
  EXPECT_NE(english(done.conditions[1]).find("Pod/default/b"), std::string::npos);
}

TEST(Pins, StatusAddressesArePinsWhereTheyFitAndReplacedWhereNot) {
  auto fits = pod("default", "fits");
  fits->addresses = {addr("10.1.0.40")};
  auto foreign = pod("default", "foreign");
  foreign->addresses = {addr("172.30.1.2")};
  Completion done = run(nodes(1) + Objects{fits, foreign});
  EXPECT_EQ(texts_of(get_pod(done, "fits").pinned_addresses), "10.1.0.40");
  EXPECT_TRUE(get_pod(done, "foreign").addresses.empty());
  EXPECT_EQ(get_pod(done, "foreign").spec.node_name, "aks-p-0");
  EXPECT_EQ(conditions(done), Texts{"Pod/default/foreign AddressAssigned AddressOutsideSubnet"});
}

TEST(Pins, TheTemplatesAnnotation) {
  auto web = workload(Kind::StatefulSet, "web", 1);
  web->template_annotations = {{"bailey.dev/addresses", "10.1.0.60"}};
  EXPECT_EQ(texts_of(get_pod(run(nodes(1) + Objects{web}), "web-0").pinned_addresses), "10.1.0.60");
}

// ---- stability ----

TEST(Stability, APodStaysWhereItIs) {
  Completion before = run(nodes(2) + Objects{pod("default", "b"), pod("default", "c")});
  ASSERT_EQ(placed(before), (Texts{"b@aks-p-0", "c@aks-p-1"}));
  Completion after =
      run(nodes(2) + Objects{pod("default", "a"), pod("default", "b"), pod("default", "c")}, before.assignments);
  EXPECT_EQ(placed(after), (Texts{"a@aks-p-0", "b@aks-p-0", "c@aks-p-1"}));
  Completion alone = run(nodes(2) + Objects{pod("default", "c")}, after.assignments);
  EXPECT_EQ(placed(alone), Texts{"c@aks-p-1"});
  EXPECT_EQ(alone.assignments.nodes.size(), 1u) << "what is gone is forgotten";
}

TEST(Stability, ACordonMovesNobodyANoExecuteTaintDoes) {
  Objects base = {vnet("hub", {"10.1.0.0/24"}), cluster("aks", "hub/nodes", {pool("p", 1)}), node("b"),
                  pod("default", "web")};
  Completion before = run(base + Objects{node("a")});
  ASSERT_EQ(placed(before), Texts{"web@a"});
  auto changed = node("a");
  changed->unschedulable = true;
  changed->taints = {{"gpu", "", "NoSchedule"}};
  EXPECT_EQ(placed(run(base + Objects{changed}, before.assignments)), Texts{"web@a"});
  changed = node("a");
  changed->taints = {{"gpu", "", "NoExecute"}};
  EXPECT_EQ(placed(run(base + Objects{changed}, before.assignments)), Texts{"web@b"});
}

TEST(Stability, ScalingAPoolMovesNoAddress) {
  Completion before = run(nodes(3, 10));
  Completion smaller = run(nodes(1, 10), before.assignments);
  EXPECT_EQ(get_node(smaller, "aks-p-0").pod_ranges, get_node(before, "aks-p-0").pod_ranges);
  Completion again = run(nodes(3, 10), smaller.assignments);
  EXPECT_EQ(again.assignments, before.assignments);
}

TEST(Stability, TheDefaultVnetMovesOnlyWhenItMust) {
  Completion before = run({pod("default", "web")});
  Completion other = run({pod("default", "web"), vnet("hub", {"10.1.0.0/16"})}, before.assignments);
  EXPECT_EQ(other.assignments.ranges, before.assignments.ranges);
  Completion moved = run({pod("default", "web"), vnet("hub", {"10.230.0.0/16"})}, before.assignments);
  EXPECT_EQ(texts_of(get<model::VirtualNetwork>(moved, Kind::VirtualNetwork, "", "lab").address_space), "10.16.0.0/12");
}

TEST(Settle, AddressesAndSlicesFollow) {
  Completion done = run(nodes(1) + Objects{workload(Kind::Deployment, "web", 2), service("web")});
  ObjectRef web{Kind::Pod, "default", "web-0"};
  Snapshot settled = settle(done.snapshot, {{web, {addr("10.1.0.7")}}, {{Kind::Pod, "x", "y"}, {addr("10.1.0.8")}}});
  EXPECT_EQ(texts_of(settled.find<Pod>(web)->addresses), "10.1.0.7");
  const auto* slice = settled.find<model::EndpointSlice>({Kind::EndpointSlice, "default", "web-v4"});
  ASSERT_TRUE(slice);
  ASSERT_EQ(slice->endpoints.size(), 1u);
  EXPECT_EQ(slice->endpoints[0].target, web);
  EXPECT_EQ(slice->ports.at(0).port, 8080);
  EXPECT_EQ(settled.generation(), done.snapshot.generation() + 1);
  Snapshot same = settle(settled, {{web, {addr("10.1.0.7")}}});
  EXPECT_EQ(same.table<model::EndpointSlice>(), settled.table<model::EndpointSlice>()) << "unchanged tables are shared";
  Snapshot gone = settle(settled, {{web, {}}});
  EXPECT_TRUE(gone.find<model::EndpointSlice>({Kind::EndpointSlice, "default", "web-v4"})->endpoints.empty());
}

}  // namespace
}  // namespace bailey::lab::controllers
