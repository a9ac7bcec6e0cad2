#include "model/resolve/permissions.h"

#include <gtest/gtest.h>

namespace bailey::model::resolve {
namespace {

const SubnetRef nodes{"hub", "nodes"};

template <typename T>
std::shared_ptr<T> make(Kind kind, const std::string& name) {
  auto object = std::make_shared<T>();
  object->meta.kind = kind;
  object->meta.name = name;
  return object;
}

std::shared_ptr<VirtualNetwork> hub(const std::string& group) {
  auto vnet = make<VirtualNetwork>(Kind::VirtualNetwork, "hub");
  vnet->resource_group = group;
  return vnet;
}

std::shared_ptr<RoleAssignment> assignment(const std::string& who, const std::string& role, const std::string& scope) {
  auto object = make<RoleAssignment>(Kind::RoleAssignment, who + "-" + role);
  object->principal = who;
  object->role = role;
  object->scope = scope;
  return object;
}

Cluster cluster(const std::string& group = "apps") {
  Cluster object;
  object.meta.kind = Kind::Cluster;
  object.meta.name = "aks";
  object.resource_group = group;
  return object;
}

std::vector<std::string> missing(std::vector<AnyObject> objects, const Cluster& who = cluster()) {
  return missing_actions(snapshot_of(std::move(objects)), who, nodes);
}

const std::vector<std::string> both = {std::string(subnet_join_action), std::string(subnet_read_action)};

TEST(Covers, PatternsMatchAnyTextCaseInsensitively) {
  EXPECT_TRUE(covers("*", subnet_join_action));
  EXPECT_TRUE(covers("microsoft.network/*", subnet_join_action));
  EXPECT_TRUE(covers("*/read", subnet_read_action));
  EXPECT_FALSE(covers("*/read", subnet_join_action));
  EXPECT_TRUE(covers("Microsoft.Network/virtualNetworks/*/join/action", subnet_join_action));
  EXPECT_FALSE(covers("Microsoft.Network/virtualNetworks/join/action", subnet_join_action));
  EXPECT_FALSE(covers("Microsoft.Network", subnet_join_action));
  EXPECT_FALSE(covers("", subnet_join_action));
  EXPECT_TRUE(covers("", ""));
  EXPECT_TRUE(covers("a*b*c", "aXbXbYc"));
  EXPECT_FALSE(covers("a*b*c", "aXbXbYcd"));
}

TEST(ScopeContains, ScopesNest) {
  Snapshot snapshot = snapshot_of({hub("network")});
  std::string id = "/subscriptions/1111/resourceGroups/network/providers/Microsoft.Network/virtualNetworks/hub";
  for (const std::string& scope :
       {std::string("*"), std::string("/"), std::string("ResourceGroup/network"), std::string("resourcegroup/NETWORK"),
        std::string("VirtualNetwork/hub"), std::string("VirtualNetwork/hub/subnets/nodes"),
        std::string("virtualnetwork/HUB/SUBNETS/Nodes"), std::string("/subscriptions/1111"),
        std::string("/subscriptions/1111/resourceGroups/Network"), id, id + "/", id + "/subnets/nodes"})
    EXPECT_TRUE(scope_contains(snapshot, scope, nodes)) << scope;
  for (const std::string& scope :
       {std::string(""), std::string("ResourceGroup/"), std::string("ResourceGroup/other"),
        std::string("VirtualNetwork/spoke"), std::string("VirtualNetwork/hub/subnets/other"),
        std::string("VirtualNetwork/hub/nodes"), std::string("hub"), id + "/subnets/other", id + "/subnets",
        std::string("/subscriptions/1111/resourceGroups/other/providers/Microsoft.Network/virtualNetworks/hub"),
        std::string("/subscriptions/1111/resourceGroups/network/providers/Microsoft.Compute/virtualNetworks/hub"),
        std::string("/subscriptions/1111/resourceGroups/network/providers/Microsoft.Network/routeTables/hub")})
    EXPECT_FALSE(scope_contains(snapshot, scope, nodes)) << scope;
}

TEST(ScopeContains, AResourceGroupHoldsOnlyVnetsThatSayIt) {
  EXPECT_FALSE(scope_contains(snapshot_of({hub("")}), "ResourceGroup/network", nodes));
  EXPECT_FALSE(scope_contains(Snapshot{}, "ResourceGroup/network", nodes));
  EXPECT_TRUE(scope_contains(snapshot_of({hub("")}),
                             "/subscriptions/1/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/hub",
                             nodes));
}

TEST(MissingActions, NothingWrittenMeansBothAreMissing) { EXPECT_EQ(missing({hub("network")}), both); }

TEST(MissingActions, BuiltInRoles) {
  for (const char* role : {"Owner", "Contributor", "network contributor", "Network Contributor"})
    EXPECT_TRUE(missing({hub("network"), assignment("aks", role, "VirtualNetwork/hub")}).empty()) << role;
  EXPECT_EQ(missing({hub("network"), assignment("aks", "Reader", "*")}),
            std::vector<std::string>{std::string(subnet_join_action)});
  EXPECT_EQ(missing({hub("network"), assignment("aks", "NetworkContributor", "*")}), both);
}

TEST(MissingActions, CustomRoleAndActionsOfTheAssignment) {
  auto role = make<RoleDefinition>(Kind::RoleDefinition, "subnet-joiner");
  role->actions = {std::string(subnet_join_action)};
  EXPECT_EQ(missing({hub(""), role, assignment("aks", "Subnet-Joiner", "*")}),
            std::vector<std::string>{std::string(subnet_read_action)});
  auto direct = assignment("aks", "", "VirtualNetwork/hub/subnets/nodes");
  direct->actions = {"Microsoft.Network/virtualNetworks/subnets/*"};
  EXPECT_TRUE(missing({hub(""), direct}).empty());
  EXPECT_EQ(missing({hub(""), assignment("aks", "no-such-role", "*")}), both);
}

TEST(MissingActions, TwoAssignmentsAddUp) {
  auto join = assignment("aks", "", "VirtualNetwork/hub/subnets/nodes");
  join->actions = {std::string(subnet_join_action)};
  EXPECT_TRUE(missing({hub("network"), join, assignment("aks", "Reader", "ResourceGroup/network")}).empty());
}

TEST(MissingActions, OnlyThePrincipalAndOnlyTheScope) {
  EXPECT_EQ(missing({hub(""), assignment("other", "Owner", "*")}), both);
  EXPECT_EQ(missing({hub(""), assignment("aks", "Owner", "VirtualNetwork/spoke")}), both);
  Cluster named = cluster();
  named.identity.name = "aks-identity";
  EXPECT_EQ(missing({hub(""), assignment("aks", "Owner", "*")}, named), both);
  EXPECT_TRUE(missing({hub(""), assignment("AKS-identity", "Owner", "*")}, named).empty());
}

TEST(PermissionImplied, OneTeamAndNoRoleWritten) {
  auto implied = [](std::vector<AnyObject> objects) {
    return permission_implied(snapshot_of(std::move(objects)), cluster("apps"), nodes);
  };
  EXPECT_TRUE(implied({hub("")}));
  EXPECT_TRUE(implied({hub("Apps")}));
  EXPECT_FALSE(implied({hub("network")}));
  EXPECT_FALSE(implied({}));
  EXPECT_FALSE(implied({hub(""), assignment("someone", "Reader", "*")}));
  EXPECT_FALSE(implied({hub(""), make<RoleDefinition>(Kind::RoleDefinition, "r")}));
  auto generated = assignment("aks", "Network Contributor", "VirtualNetwork/aks-vnet");
  generated->meta.generated = true;
  EXPECT_TRUE(implied({hub(""), generated}));
}

}  // namespace
}  // namespace bailey::model::resolve
