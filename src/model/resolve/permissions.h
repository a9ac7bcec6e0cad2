// May a cluster's identity join a subnet (Azure: role-based access control; AKS: Azure CNI prerequisites)?
#pragma once

#include <string>
#include <vector>

#include "model/snapshot.h"

namespace bailey::model::resolve {

inline constexpr std::string_view subnet_join_action = "Microsoft.Network/virtualNetworks/subnets/join/action";
inline constexpr std::string_view subnet_read_action = "Microsoft.Network/virtualNetworks/subnets/read";

// Whether an action pattern of a role ("Microsoft.Network/*", "*", "*/read") covers an action. Case-insensitive;
// '*' stands for any text.
bool covers(std::string_view pattern, std::string_view action);

// Whether `scope` of an assignment contains the subnet: "*", "ResourceGroup/RG", "VirtualNetwork/V",
// "VirtualNetwork/V/subnets/S", or an Azure resource id that ends in these (".../resourceGroups/RG/providers/
// Microsoft.Network/virtualNetworks/V/subnets/S"). Case-insensitive, as Azure's names are.
bool scope_contains(const Snapshot& snapshot, std::string_view scope, const SubnetRef& subnet);

// The principal of a cluster's role assignments: its identity's name, or else its own.
std::string principal(const Cluster& cluster);

// Whether nobody has to write permissions down: the files hold no RoleAssignment and no RoleDefinition at all
// (those that controllers generated do not count), and the VNet says no resource group or the cluster's own.
// One team then owns both. As soon as the VNet is another group's, or any role is written, missing_actions decides.
bool permission_implied(const Snapshot& snapshot, const Cluster& cluster, const SubnetRef& subnet);

// The actions among join and read that the cluster's identity lacks on the subnet; empty: it may join.
std::vector<std::string> missing_actions(const Snapshot& snapshot, const Cluster& cluster, const SubnetRef& subnet);

}  // namespace bailey::model::resolve
