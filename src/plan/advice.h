// Which network model suits a cluster, and why: the published guidance applied to what the objects say.
//
// The guidance is that of AKS' best practices for network connectivity and security and of the pages on Azure CNI,
// kubenet and overlay (learn.microsoft.com). Texts of reasons are in texts().
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/text.h"
#include "plan/plan.h"

namespace bailey::plan {

enum class Purpose : std::uint8_t { production, development, test };
std::string_view name(Purpose purpose);  // "production", "development", "test"
std::optional<Purpose> purpose_of(std::string_view text);

// What of the objects counts for the choice.
struct Facts {
  Purpose purpose = Purpose::production;
  std::vector<std::string> peers;        // VNets peered with those of the cluster
  std::vector<std::string> on_premises;  // networks behind a gateway of the VNet, or of a peer that lends its own
  std::vector<std::string> windows_pools;
  std::string policy_engine;  // "", "none", "bailey", "azure", "calico"
  std::uint64_t room = 0;     // usable addresses of the subnet, or of the largest that its VNet still has room for
  bool room_known = false;    // false: there is no VNet yet, so any size can be chosen
  bool linked() const { return !peers.empty() || !on_premises.empty(); }
};
Facts facts_of(const model::Snapshot& snapshot, const model::Cluster& cluster, Purpose purpose);

// One model in a comparison. `plan` is the same cluster in that model.
struct Alternative {
  Model model = Model::vnet;
  ClusterPlan plan;
  std::uint64_t vnet_addresses = 0;  // of all its subnets
  std::uint64_t max_pods = 0;        // the largest of its pools
  Capacity most;                     // in `reference`
  bool fits = true;                  // in the room there is
  bool extra_hop = false;            // between pods of two nodes
  bool snat = false;                 // of what leaves the cluster
  bool windows = true;
  bool reachable = true;  // pods, from peers and on-premises networks
  std::vector<std::string> policy_engines;
  std::vector<base::Message> obstacles;  // why this cluster cannot be of this model
};
struct Comparison {
  model::Prefix reference;  // the given subnet, or a /24 like the one of AKS' own comparison
  std::vector<Alternative> alternatives;
};
Comparison compare(const model::Snapshot& snapshot, const model::Cluster& cluster, const Facts& facts);

struct Reason {
  std::string code;  // stable: "production", "on-premises-link", "kubenet-retires", ...
  base::Message message;
};
struct Advice {
  Model model = Model::vnet;
  std::vector<Reason> because;
};
// kubenet is advised only for development and test without links: AKS ends it on 31 March 2028, and overlay, the way
// out of it, is advised where addresses are short.
Advice advise(const Facts& facts, const Comparison& comparison);

std::span<const base::Text> texts();

}  // namespace bailey::plan
