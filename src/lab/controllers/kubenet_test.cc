// Clusters of the kubenet model: the routes to nodes' blocks, and where there is no place for them.
#include <gmock/gmock.h>

#include "lab/controllers/objects_for_test.h"

namespace bailey::lab::controllers {
namespace {

using ::testing::HasSubstr;

std::shared_ptr<model::Cluster> kubenet_cluster(std::uint32_t nodes) {
  auto out = cluster("k", "net/nodes", {pool("p", nodes, 30)});
  out->network_model = model::NetworkModel::kubenet;
  out->pod_cidrs = prefixes({"10.128.0.0/12"});
  return out;
}

TEST(Kubenet, ATableHoldsFourHundredRoutesAndTheRestIsRefused) {
  Completion done = run({vnet("net", {"10.0.0.0/16"}), kubenet_cluster(403)});
  const auto& table = get<model::RouteTable>(done, Kind::RouteTable, "", "k-routes");
  EXPECT_EQ(table.routes.size(), 400U);
  EXPECT_EQ(conditions(done),
            (Texts{"Node/k-p-400 AddressAssigned RouteTableFull", "Node/k-p-401 AddressAssigned RouteTableFull",
                   "Node/k-p-402 AddressAssigned RouteTableFull"}));
  EXPECT_THAT(english(done.conditions[0]), HasSubstr("400"));
  EXPECT_TRUE(get_node(done, "k-p-400").addresses.empty());
  EXPECT_FALSE(get_node(done, "k-p-399").addresses.empty());
}

TEST(Kubenet, RoutesThatUsersWroteCount) {
  auto net = vnet("net", {"10.0.0.0/16"});
  net->subnets[0].route_table = "mine";
  auto mine = make<model::RouteTable>(Kind::RouteTable, "", "mine");
  for (int i = 0; i < 399; ++i)
    mine->routes.push_back({"r" + std::to_string(i),
                            Prefix(pre("172.16.0.0/12").at(static_cast<unsigned>(i) * 256), 24),
                            model::NextHopType::none, std::nullopt});
  Completion done = run({net, mine, kubenet_cluster(2)});
  EXPECT_EQ(get<model::RouteTable>(done, Kind::RouteTable, "", "mine").routes.size(), 400U);
  EXPECT_EQ(conditions(done), Texts{"Node/k-p-1 AddressAssigned RouteTableFull"});
}

TEST(Kubenet, WithoutASubnetNetworkAndTableComeAndGoWithTheCluster) {
  auto alone = kubenet_cluster(2);
  alone->subnet = {};
  Completion done = run({alone});
  EXPECT_EQ(names<model::VirtualNetwork>(done), Texts{"k-vnet"});
  EXPECT_EQ(names<model::RouteTable>(done), Texts{"k-routes"});
  Completion after =
      complete(model::reduce(done.snapshot,
                             {{model::Event::Type::deleted, AnyObject(std::shared_ptr<const model::Cluster>(alone))}}),
               done.assignments, {});
  EXPECT_TRUE(names<model::RouteTable>(after).empty());
  for (const std::string& name : names<model::VirtualNetwork>(after)) EXPECT_NE(name, "k-vnet");
}

}  // namespace
}  // namespace bailey::lab::controllers
