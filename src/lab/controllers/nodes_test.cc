#include "lab/controllers/objects_for_test.h"
#include "model/resolve/permissions.h"

namespace bailey::lab::controllers {
namespace {

TEST(Defaults, NothingAtAllIsAnInternetHostAndANamespace) {
  Completion done = run({});
  EXPECT_EQ(done.snapshot.size(), 2u);
  const auto& internet = get<model::LabHost>(done, Kind::LabHost, "", "internet");
  EXPECT_EQ(texts_of(internet.addresses), "198.51.100.10");
  EXPECT_EQ(texts_of(internet.listeners), "80/tcp 443/tcp");
  EXPECT_TRUE(internet.meta.generated);
  EXPECT_TRUE(done.made.empty());
  EXPECT_TRUE(done.conditions.empty());
}

TEST(Defaults, PodsWithoutClusterGetOne) {
  Completion done = run({pod("default", "web")});
  EXPECT_EQ(made(done), (Texts{"Cluster/lab", "VirtualNetwork/lab", "RoleAssignment/lab-network"}));
  const auto& network = get<model::VirtualNetwork>(done, Kind::VirtualNetwork, "", "lab");
  EXPECT_EQ(texts_of(network.address_space), "10.224.0.0/12");
  EXPECT_EQ(texts_of(network.subnets.at(0).prefixes), "10.224.0.0/16");
  EXPECT_EQ(texts_of(network.outbound_addresses), "203.0.113.10");
  const auto& made_cluster = get<model::Cluster>(done, Kind::Cluster, "", "lab");
  EXPECT_EQ(texts_of(made_cluster.service_cidrs), "10.0.0.0/16");
  EXPECT_EQ(made_cluster.dns_service_address, addr("10.0.0.10"));
  EXPECT_EQ(made_cluster.subnet.text(), "lab/nodes");
  EXPECT_EQ(names<model::Node>(done), (Texts{"lab-default-0", "lab-default-1"}));
  EXPECT_EQ(get_pod(done, "web").spec.node_name, "lab-default-0");
  EXPECT_TRUE(done.conditions.empty());
  EXPECT_TRUE(model::resolve::missing_actions(done.snapshot, made_cluster, made_cluster.subnet).empty());
}

TEST(Defaults, NetworkObjectsAloneNeedNoCluster) {
  Completion done = run({vnet("hub", {"10.1.0.0/16"}), make<model::Secret>(Kind::Secret, "vpn", "key")});
  EXPECT_TRUE(done.snapshot.all<model::Cluster>().empty());
  EXPECT_EQ(made(done), Texts{"Namespace/vpn"});
}

TEST(Defaults, TheDefaultClusterOverlapsNothing) {
  auto office = make<model::OnPremisesNetwork>(Kind::OnPremisesNetwork, "", "office");
  office->address_space = prefixes({"10.0.0.0/16", "10.240.0.0/16"});
  Completion done = run({vnet("hub", {"10.224.0.0/16"}), vnet("lab", {"10.16.0.0/16"}), office, pod("default", "web")});
  const auto& made_cluster = get<model::Cluster>(done, Kind::Cluster, "", "lab");
  EXPECT_EQ(texts_of(made_cluster.service_cidrs), "10.1.0.0/16");
  EXPECT_EQ(made_cluster.dns_service_address, addr("10.1.0.10"));
  EXPECT_EQ(made_cluster.subnet.text(), "lab-2/nodes") << "the name lab is taken";
  const auto& network = get<model::VirtualNetwork>(done, Kind::VirtualNetwork, "", "lab-2");
  EXPECT_EQ(texts_of(network.address_space), "10.32.0.0/12");
}

TEST(Defaults, AClusterWithoutSubnetOwnsAVnet) {
  auto given = cluster("aks", "", {pool("system", 1)});
  given->resource_group = "apps";
  given->service_cidrs = prefixes({"10.2.0.0/16", "fd00:2::/112"});
  Completion done = run({given});
  const auto& network = get<model::VirtualNetwork>(done, Kind::VirtualNetwork, "", "aks-vnet");
  EXPECT_EQ(texts_of(network.address_space), "10.224.0.0/12 fd00:224::/48");
  EXPECT_EQ(texts_of(network.subnets.at(0).prefixes), "10.224.0.0/16 fd00:224::/64");
  EXPECT_EQ(network.resource_group, "apps");
  EXPECT_EQ(texts_of(get_node(done, "aks-system-0").addresses), "10.224.0.4 fd00:224::4");
  EXPECT_EQ(texts_of(get<model::LabHost>(done, Kind::LabHost, "", "internet").addresses),
            "198.51.100.10 2001:db8:200::a");
  EXPECT_EQ(texts_of(network.outbound_addresses), "203.0.113.10 2001:db8:100::10");
}

TEST(Defaults, GeneratedRangesOfSeveralClustersAreApart) {
  Completion done = run({cluster("a", "", {pool("p", 1)}), cluster("b", "", {pool("p", 1)})});
  EXPECT_EQ(texts_of(get<model::VirtualNetwork>(done, Kind::VirtualNetwork, "", "a-vnet").address_space),
            "10.224.0.0/12");
  EXPECT_EQ(texts_of(get<model::VirtualNetwork>(done, Kind::VirtualNetwork, "", "b-vnet").address_space),
            "10.16.0.0/12");
}

TEST(Defaults, DualStackSubnetGetsDualServices) {
  Completion done = run({vnet("hub", {"10.1.0.0/16", "fd01::/64"}), cluster("aks", "hub/nodes", {pool("p", 1)})});
  EXPECT_EQ(texts_of(get<model::Cluster>(done, Kind::Cluster, "", "aks").service_cidrs), "10.0.0.0/16 fd00:10::/112");
}

TEST(Defaults, V6OnlySubnet) {
  Completion done = run({vnet("hub", {"fd01::/64"}), cluster("aks", "hub/nodes", {pool("p", 1)})});
  const auto& completed = get<model::Cluster>(done, Kind::Cluster, "", "aks");
  EXPECT_EQ(texts_of(completed.service_cidrs), "fd00:10::/112");
  EXPECT_EQ(completed.dns_service_address, addr("fd00:10::a"));
  EXPECT_EQ(texts_of(get_node(done, "aks-p-0").pod_ranges), "fd01::5-fd01::c");
}

TEST(Namespaces, AreMadeAndLabelled) {
  Completion done = run({pod("shop", "web"), make<model::Namespace>(Kind::Namespace, "", "given", {{"team", "a"}})});
  EXPECT_EQ(names<model::Namespace>(done), (Texts{"default", "given", "shop"}));
  const auto& given = get<model::Namespace>(done, Kind::Namespace, "", "given");
  EXPECT_EQ(given.meta.labels.at("kubernetes.io/metadata.name"), "given");
  EXPECT_EQ(given.meta.labels.at("team"), "a");
  EXPECT_FALSE(given.meta.generated);
  EXPECT_EQ(made(done).back(), "Namespace/shop");
}

TEST(Nodes, AddressesThenARangeEachWithRoomToGrow) {
  Completion done = run({vnet("hub", {"10.1.0.0/24"}), cluster("aks", "hub/nodes", {pool("system", 2)})});
  EXPECT_EQ(texts_of(get_node(done, "aks-system-0").addresses), "10.1.0.4");
  EXPECT_EQ(texts_of(get_node(done, "aks-system-0").pod_ranges), "10.1.0.6-10.1.0.13");
  EXPECT_EQ(texts_of(get_node(done, "aks-system-1").addresses), "10.1.0.5");
  EXPECT_EQ(texts_of(get_node(done, "aks-system-1").pod_ranges), "10.1.0.36-10.1.0.43");
  EXPECT_EQ(get_node(done, "aks-system-0").subnet.text(), "hub/nodes");
}

TEST(Nodes, LabelsTaintsAndMaxPodsOfThePool) {
  model::NodePool given = pool("user", 1, 10);
  given.labels = {{"disk", "ssd"}};
  given.taints = {{"gpu", "yes", "NoSchedule"}};
  Completion done = run({vnet("hub", {"10.1.0.0/24"}), cluster("aks", "hub/nodes", {given})});
  const model::Node& made_node = get_node(done, "aks-user-0");
  model::Labels expected = {{"agentpool", "user"},           {"disk", "ssd"},
                            {"kubernetes.io/arch", "amd64"}, {"kubernetes.io/hostname", "aks-user-0"},
                            {"kubernetes.io/os", "linux"},   {"kubernetes.azure.com/agentpool", "user"}};
  EXPECT_EQ(made_node.meta.labels, expected);
  EXPECT_EQ(made_node.taints, given.taints);
  EXPECT_EQ(made_node.max_pods, 10u);
  EXPECT_EQ(made_node.cluster, "aks");
}

TEST(Nodes, EachPoolInItsOwnSubnet) {
  model::NodePool other = pool("user", 1, 10);
  other.subnet = {"spoke", "nodes"};
  Completion done = run({vnet("hub", {"10.1.0.0/24"}), vnet("spoke", {"10.2.0.0/24"}),
                         cluster("aks", "hub/nodes", {pool("system", 1), other})});
  EXPECT_EQ(texts_of(get_node(done, "aks-user-0").addresses), "10.2.0.4");
}

TEST(Nodes, TenComesAfterNine) {
  Completion done = run({vnet("hub", {"10.1.0.0/24"}), cluster("aks", "hub/nodes", {pool("p", 11, 10)})});
  EXPECT_EQ(texts_of(get_node(done, "aks-p-2").addresses), "10.1.0.6");
  EXPECT_EQ(texts_of(get_node(done, "aks-p-10").addresses), "10.1.0.14");
}

TEST(Nodes, SubnetFullNamesNumbersAndTheRestGoesOn) {
  Completion done =
      run({vnet("hub", {"10.1.0.0/29"}), cluster("aks", "hub/nodes", {pool("p", 4)}), pod("default", "web")});
  EXPECT_EQ(conditions(done),
            (Texts{"Node/aks-p-3 AddressAssigned SubnetFull", "Pod/default/web AddressAssigned SubnetFull",
                   "VirtualNetwork/hub AddressAssigned+ SubnetTight"}));
  EXPECT_NE(english(done.conditions[0]).find("no address left for aks-p-3: all 3 are in use"), std::string::npos);
  EXPECT_TRUE(get_node(done, "aks-p-3").addresses.empty());
  EXPECT_TRUE(get_node(done, "aks-p-3").pod_ranges.empty());
  EXPECT_FALSE(get_node(done, "aks-p-3").ready);
  EXPECT_EQ(texts_of(get_node(done, "aks-p-2").addresses), "10.1.0.6");
}

TEST(Nodes, PermissionIsImpliedOnlyForOneTeam) {
  auto network = vnet("hub", {"10.1.0.0/24"});
  network->resource_group = "network";
  auto given = cluster("aks", "hub/nodes", {pool("p", 1)});
  given->resource_group = "apps";
  Completion denied = run({network, given});
  ASSERT_EQ(conditions(denied), Texts{"Cluster/aks Joined PermissionMissing"});
  std::string text = english(denied.conditions[0]);
  for (const char* part : {"subnets/join/action", "subnets/read", "principal: aks", "VirtualNetwork/hub/subnets/nodes"})
    EXPECT_NE(text.find(part), std::string::npos) << part;
  EXPECT_TRUE(get_node(denied, "aks-p-0").addresses.empty());
  EXPECT_FALSE(get_node(denied, "aks-p-0").ready);

  auto role = make<model::RoleAssignment>(Kind::RoleAssignment, "", "join");
  role->principal = "aks";
  role->role = "Network Contributor";
  role->scope = "ResourceGroup/network";
  EXPECT_TRUE(run({network, given, role}).conditions.empty());
  role = std::make_shared<model::RoleAssignment>(*role);
  role->role = "Reader";
  Completion half = run({network, given, role});
  ASSERT_EQ(half.conditions.size(), 1u);
  EXPECT_EQ(english(half.conditions[0]).find("subnets/read"), std::string::npos);
}

TEST(Nodes, APoolWithoutPermissionDoesNotStopTheOthers) {
  auto foreign = vnet("spoke", {"10.2.0.0/24"});
  foreign->resource_group = "other";
  model::NodePool user = pool("user", 1, 10);
  user.subnet = {"spoke", "nodes"};
  Completion done =
      run({vnet("hub", {"10.1.0.0/24"}), foreign, cluster("aks", "hub/nodes", {pool("system", 1), user})});
  EXPECT_FALSE(get_node(done, "aks-system-0").addresses.empty());
  EXPECT_TRUE(get_node(done, "aks-user-0").addresses.empty());
}

TEST(Nodes, AClustersOwnVnetNeedsNoRoleEvenWhereOthersAreWritten) {
  auto role = make<model::RoleAssignment>(Kind::RoleAssignment, "", "someone");
  role->principal = "someone";
  role->role = "Reader";
  role->scope = "*";
  EXPECT_TRUE(run({role, cluster("aks", "", {pool("p", 1)})}).conditions.empty());
}

TEST(Nodes, ASubnetThatDoesNotExist) {
  Completion done = run({vnet("hub", {"10.1.0.0/24"}), cluster("aks", "hub/missing", {pool("p", 1)})});
  EXPECT_EQ(conditions(done), Texts{"Cluster/aks Joined SubnetMissing"});
}

TEST(Nodes, WindowsPoolsAreCountedNotMade) {
  model::NodePool windows = pool("win", 3);
  windows.os = model::Os::windows;
  auto app = workload(Kind::Deployment, "iis", 1);
  app->pod.node_selector = {{"kubernetes.io/os", "windows"}};
  Completion done = run({vnet("hub", {"10.1.0.0/24"}), cluster("aks", "hub/nodes", {pool("p", 1), windows}), app});
  EXPECT_EQ(names<model::Node>(done), Texts{"aks-p-0"});
  EXPECT_EQ(conditions(done),
            (Texts{"Cluster/aks Realised WindowsNotRealised", "Pod/default/iis-0 Scheduled WindowsNotRealised"}));
  EXPECT_NE(english(done.conditions[0]).find("3 nodes of Windows pool win"), std::string::npos);
  EXPECT_EQ(get_pod(done, "iis-0").phase, "Pending");
}

TEST(Nodes, GivenNodesReplaceThePools) {
  auto given = node("worker", {{"agentpool", "p"}});
  given->addresses = {addr("10.1.0.77")};
  Completion done = run({vnet("hub", {"10.1.0.0/24"}), cluster("aks", "hub/nodes", {pool("p", 3, 12)}), given});
  EXPECT_EQ(names<model::Node>(done), Texts{"worker"});
  const model::Node& completed = get_node(done, "worker");
  EXPECT_EQ(texts_of(completed.addresses), "10.1.0.77");
  EXPECT_EQ(texts_of(completed.pod_ranges), "10.1.0.4-10.1.0.11");
  EXPECT_EQ(completed.meta.labels.at("kubernetes.io/hostname"), "worker");
  EXPECT_FALSE(completed.meta.generated);
}

TEST(Nodes, AnAddressOutsideOfTheSubnetIsReplacedAndTold) {
  auto given = node("worker");
  given->addresses = {addr("172.18.0.2")};
  Completion done = run({given, pod("default", "web")});
  EXPECT_EQ(conditions(done), Texts{"Node/worker AddressAssigned AddressOutsideSubnet"});
  EXPECT_EQ(texts_of(get_node(done, "worker").addresses), "10.224.0.4");
}

TEST(Nodes, TwoGivenNodesWithOneAddress) {
  auto a = node("a");
  auto b = node("b");
  a->addresses = b->addresses = {addr("10.1.0.9")};
  Completion done = run({vnet("hub", {"10.1.0.0/24"}), cluster("aks", "hub/nodes", {pool("p", 1)}), a, b});
  EXPECT_EQ(conditions(done), Texts{"Node/b AddressAssigned AddressTaken"});
  EXPECT_EQ(texts_of(get_node(done, "a").addresses), "10.1.0.9");
  EXPECT_EQ(texts_of(get_node(done, "b").addresses), "10.1.0.4");
}

TEST(Nodes, ANodeIsWhereItsAddressIs) {
  auto given = node("worker");
  given->addresses = {addr("10.2.0.9")};
  Completion done = run({vnet("hub", {"10.1.0.0/24"}), vnet("spoke", {"10.2.0.0/24"}),
                         cluster("aks", "hub/nodes", {pool("p", 1)}), given});
  EXPECT_EQ(get_node(done, "worker").subnet.text(), "spoke/nodes");
  EXPECT_TRUE(done.conditions.empty());
}

TEST(Nodes, AnInterfaceObjectOverridesTheNodesOwn) {
  auto own = nic("worker-nic", "hub/nodes", {"10.1.0.50"});
  own->node = "worker";
  auto without = nic("other-nic", "hub/nodes");
  without->node = "other";
  Completion done = run({vnet("hub", {"10.1.0.0/24"}), cluster("aks", "hub/nodes", {pool("p", 1, 10)}), node("worker"),
                         node("other"), own, without});
  EXPECT_EQ(texts_of(get_node(done, "worker").addresses), "10.1.0.50");
  EXPECT_EQ(get_node(done, "other").addresses,
            get<model::NetworkInterface>(done, Kind::NetworkInterface, "", "other-nic").addresses);
  EXPECT_EQ(texts_of(get_node(done, "other").addresses), "10.1.0.4");
}

TEST(Nodes, GivenNodesFindTheirClusterByPoolOrLabel) {
  Completion done =
      run({vnet("hub", {"10.1.0.0/24"}), vnet("spoke", {"10.2.0.0/24"}), cluster("a", "hub/nodes", {pool("pa", 1, 10)}),
           cluster("b", "spoke/nodes", {pool("pb", 1, 10)}), node("x", {{"agentpool", "pb"}}),
           node("y", {{"bailey.dev/cluster", "a"}}), node("z")});
  EXPECT_EQ(get_node(done, "x").cluster, "b");
  EXPECT_EQ(get_node(done, "y").cluster, "a");
  EXPECT_EQ(get_node(done, "z").cluster, "a");
  EXPECT_EQ(conditions(done), Texts{"Node/z Accepted+ ClusterAssumed"});
}

TEST(Nodes, PoolsOfBillionsAreLimited) {
  Completion done = run({vnet("hub", {"10.0.0.0/8"}), cluster("aks", "hub/nodes", {pool("p", 4000000000u, 1)})});
  EXPECT_EQ(done.snapshot.all<model::Node>().size(), 1000u);
  EXPECT_EQ(conditions(done), Texts{"Cluster/aks Realised TooManyNodes"});
}

TEST(Interfaces, LowestFreeOfEachFamilyBeforeNodes) {
  Completion done = run({vnet("hub", {"10.1.0.0/24", "fd01::/64"}), nic("b", "hub/nodes"),
                         nic("a", "hub/nodes", {"10.1.0.4"}), cluster("aks", "hub/nodes", {pool("p", 1, 10)})});
  EXPECT_EQ(texts_of(get<model::NetworkInterface>(done, Kind::NetworkInterface, "", "a").addresses),
            "10.1.0.4 fd01::4");
  EXPECT_EQ(texts_of(get<model::NetworkInterface>(done, Kind::NetworkInterface, "", "b").addresses),
            "10.1.0.5 fd01::5");
  EXPECT_EQ(texts_of(get_node(done, "aks-p-0").addresses), "10.1.0.6 fd01::6");
}

TEST(Interfaces, InternalLoadBalancersAndPinsAreNeverHandedOut) {
  auto balancer = make<model::LoadBalancer>(Kind::LoadBalancer, "", "internal");
  balancer->internal = true;
  balancer->subnet = {"hub", "nodes"};
  balancer->addresses = {*AddressRange::parse("10.1.0.4-10.1.0.5")};
  Completion done = run({vnet("hub", {"10.1.0.0/24"}), balancer, pinned("p", "10.1.0.6"), nic("a", "hub/nodes"),
                         cluster("aks", "hub/nodes", {pool("p", 1, 10)})});
  EXPECT_EQ(texts_of(get<model::NetworkInterface>(done, Kind::NetworkInterface, "", "a").addresses), "10.1.0.7");
  EXPECT_EQ(texts_of(get_pod(done, "p").addresses), "10.1.0.6");
}

TEST(Hosts, OnPremisesHostsAreMadeWithTheLowestFree) {
  auto office = make<model::OnPremisesNetwork>(Kind::OnPremisesNetwork, "", "office");
  office->address_space = prefixes({"192.168.0.0/29", "fd02::/64"});
  office->hosts = {{"pc", {}, {}}, {"nas", {addr("192.168.0.4")}, {{22, model::Protocol::tcp}}}};
  Completion done = run({office});
  const auto& pc = get<model::LabHost>(done, Kind::LabHost, "", "pc");
  EXPECT_EQ(texts_of(pc.addresses), "192.168.0.5 fd02::4");
  EXPECT_EQ(texts_of(pc.listeners), "80/tcp");
  EXPECT_EQ(pc.on_premises_network, "office");
  EXPECT_EQ(texts_of(get<model::LabHost>(done, Kind::LabHost, "", "nas").addresses), "192.168.0.4") << "just these";
}

TEST(Hosts, ANameThatIsTakenIsTold) {
  auto office = make<model::OnPremisesNetwork>(Kind::OnPremisesNetwork, "", "office");
  office->address_space = prefixes({"192.168.0.0/24"});
  office->hosts = {{"pc", {}, {}}};
  Completion done = run({office, make<model::LabHost>(Kind::LabHost, "", "pc")});
  EXPECT_EQ(conditions(done), Texts{"OnPremisesNetwork/office Accepted NameTaken"});
}

TEST(Hosts, InternetIsFirstAndGivenPublicAddressesStay) {
  auto attacker = make<model::LabHost>(Kind::LabHost, "", "attacker");
  auto with_public = nic("vm", "hub/nodes");
  with_public->public_address = addr("203.0.113.10");
  auto front = nic("front", "hub/nodes");
  front->public_address = addr("198.51.100.11");
  Completion done = run({vnet("hub", {"10.1.0.0/24"}), attacker, with_public, front});
  EXPECT_EQ(texts_of(get<model::LabHost>(done, Kind::LabHost, "", "internet").addresses), "198.51.100.10");
  EXPECT_EQ(texts_of(get<model::LabHost>(done, Kind::LabHost, "", "attacker").addresses), "198.51.100.12");
  EXPECT_EQ(texts_of(get<model::VirtualNetwork>(done, Kind::VirtualNetwork, "", "hub").outbound_addresses),
            "203.0.113.11");
}

TEST(Hosts, AGivenInternetHostIsKept) {
  auto own = make<model::LabHost>(Kind::LabHost, "", "internet");
  own->addresses = {addr("8.8.8.8")};
  Completion done = run({own, vnet("hub", {"fd01::/64"})});
  EXPECT_EQ(names<model::LabHost>(done), Texts{"internet"});
  EXPECT_EQ(texts_of(get<model::LabHost>(done, Kind::LabHost, "", "internet").addresses), "8.8.8.8");
}

TEST(Hosts, HostsWithInterfacesGetNoAddressOfTheirOwn) {
  auto appliance = make<model::LabHost>(Kind::LabHost, "", "fw");
  appliance->network = model::LabHost::Network::interfaces;
  appliance->interfaces = {"fw-nic"};
  Completion done = run({vnet("hub", {"10.1.0.0/24"}), nic("fw-nic", "hub/nodes"), appliance});
  EXPECT_TRUE(get<model::LabHost>(done, Kind::LabHost, "", "fw").addresses.empty());
}

TEST(Kubenet, BlocksRoutesAndOneAddressEach) {
  auto given = cluster("aks", "", {pool("p", 2, 110)});
  given->network_model = model::NetworkModel::kubenet;
  Completion done = run({given});
  EXPECT_EQ(texts_of(get_node(done, "aks-p-1").pod_cidrs), "10.244.1.0/24");
  EXPECT_EQ(texts_of(get_node(done, "aks-p-1").addresses), "10.224.0.5");
  EXPECT_TRUE(get_node(done, "aks-p-1").pod_ranges.empty());
  const auto& table = get<model::RouteTable>(done, Kind::RouteTable, "", "aks-routes");
  ASSERT_EQ(table.routes.size(), 2u);
  EXPECT_EQ(table.routes[1].prefix.text(), "10.244.1.0/24");
  EXPECT_EQ(table.routes[1].next_hop_address, addr("10.224.0.5"));
  EXPECT_EQ(get<model::VirtualNetwork>(done, Kind::VirtualNetwork, "", "aks-vnet").subnets[0].route_table,
            "aks-routes");
}

TEST(Kubenet, ATableOfTheSubnetGetsTheRoutes) {
  auto network = vnet("hub", {"10.1.0.0/24"});
  network->subnets[0].route_table = "own";
  auto given = cluster("aks", "hub/nodes", {pool("p", 1, 110)});
  given->network_model = model::NetworkModel::kubenet;
  Completion done = run({network, given, make<model::RouteTable>(Kind::RouteTable, "", "own")});
  EXPECT_EQ(names<model::RouteTable>(done), Texts{"own"});
  EXPECT_EQ(get<model::RouteTable>(done, Kind::RouteTable, "", "own").routes.size(), 1u);
}

TEST(Kubenet, ASmallPodRangeRunsOut) {
  auto given = cluster("aks", "", {pool("p", 3, 110)});
  given->network_model = model::NetworkModel::kubenet;
  given->pod_cidrs = prefixes({"10.244.0.0/23"});
  EXPECT_EQ(conditions(run({given})), Texts{"Node/aks-p-2 AddressAssigned PodRangeFull"});
}

TEST(Kubenet, TheOptionOverridesEveryCluster) {
  CompleteOptions options;
  options.network_model = model::NetworkModel::vnet;
  auto given = cluster("aks", "", {pool("p", 1, 10)});
  given->network_model = model::NetworkModel::kubenet;
  EXPECT_EQ(texts_of(get_node(run({given}, {}, options), "aks-p-0").pod_ranges), "10.224.0.5-10.224.0.12");
}

}  // namespace
}  // namespace bailey::lab::controllers
