// Writes what creates a planned network on Azure: resource groups, VNets, subnets, security groups, route tables,
// peerings, and the clusters' identity, network profile and node pools.
//
// Output is made from structure, never by pasting a name into text: each language has one function that quotes, and
// every name and value goes through it. Names that a language uses as identifiers are made from objects' names and kept
// apart. The machine size and the region are parameters with a default.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plan/plan.h"

namespace bailey::plan {

// `snapshot` has a subnet for each pool and the ranges that its clusters need: see with_proposals(). `models` are those
// of the clusters (overlay is not in a Cluster object). What Azure has no word for, such as a rule for SCTP, is
// left out with a comment.
struct Deployment {
  const model::Snapshot& snapshot;
  std::map<std::string, Model> models;
};
std::string to_az(const Deployment& deployment);         // a Bash script for the Azure CLI
std::string to_bicep(const Deployment& deployment);      // for one resource group
std::string to_terraform(const Deployment& deployment);  // provider azurerm 4

std::string quoted_shell(std::string_view text);      // 'a'\''b'; plain words stay as they are
std::string quoted_bicep(std::string_view text);      // 'a\'b', without interpolation
std::string quoted_terraform(std::string_view text);  // "a\"b", without interpolation

// The name as an identifier: letters, digits, "_"; the same for the same (kind, name) and for no other.
class Identifiers {
 public:
  const std::string& of(std::string_view kind, const std::string& name);

 private:
  std::map<std::pair<std::string, std::string>, std::string> known_;
  std::set<std::string> used_;
};

// What the writers share.
std::string pool_name(const model::NodePool& pool);  // as AKS wants it: [a-z][a-z0-9]{0,11}, six at most for Windows
std::string group_of(const std::string& resource_group);  // "bailey" where none is given
model::SubnetRef subnet_of(const model::Cluster& cluster, const model::NodePool& pool);
std::string_view azure_protocol(const model::SecurityRule& rule);  // "Tcp", "*"; "" where Azure has none (SCTP)
std::vector<std::string> port_texts(const std::vector<model::SecurityRule::PortRange>& ports);  // "80", "1-9"; {"*"}
std::vector<std::string> any_if_empty(std::vector<std::string> prefixes);
std::set<std::string> application_groups(const model::Snapshot& snapshot);
std::set<model::SubnetRef> cluster_subnets(const model::Cluster& cluster);
bool is_principal(const model::Cluster& cluster);  // a service principal, which is there already and has a secret
// The first cluster with this identity; the identity lies in its group.
const model::Cluster& owner_of_identity(const model::Snapshot& snapshot, const model::Cluster& cluster);
Model model_of(const Deployment& deployment, const model::Cluster& cluster);

// A cluster's ranges as AKS takes them: one of each, IPv4, or two, IPv4 first, under kubenet and overlay only.
struct ClusterRanges {
  bool dual = false;
  std::vector<std::string> pods;  // empty in the vnet model
  std::vector<std::string> services;
  std::string dns;         // in the first range of services: the one given, or the tenth as AKS has it by default
  bool ipv6_lost = false;  // there are IPv6 ranges that AKS does not take
};
ClusterRanges ranges_of(const model::Cluster& cluster, Model model);

}  // namespace bailey::plan
