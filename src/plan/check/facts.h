// What many rules ask of a snapshot, computed once: who is in which subnet, who is connected to whom, which pods a
// selector picks. Lookups are by index; building takes near linear time. Internal to the catalogue.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "plan/check/check.h"
#include "plan/plan.h"

namespace bailey::plan::check {

// A subnet that a cluster's nodes are in, and the field that says so.
struct Use {
  const model::Cluster* cluster = nullptr;
  const model::NodePool* pool = nullptr;  // null: the cluster's own subnet, which no pool overrides
  std::string field;                      // "spec.subnet", "spec.nodePools[1].subnet"
  model::SubnetRef ref;
  const model::VirtualNetwork* network = nullptr;  // null where it does not exist
  const model::Subnet* subnet = nullptr;
};

// Pods that share a template: a workload, or a pod that stands alone.
struct Pods {
  const model::Meta* meta = nullptr;
  const model::Labels* labels = nullptr;
  const model::PodSpec* spec = nullptr;
  std::uint32_t count = 1;     // of a DaemonSet 1
  std::string_view spec_path;  // "spec" or "spec.template.spec"
};

struct Connection {
  const model::GatewayConnection* connection = nullptr;
  const model::OnPremisesNetwork* network = nullptr;
};

class Facts {
 public:
  Facts(const model::Snapshot& snapshot, const Options& options);

  const model::Snapshot& now() const { return snapshot_; }
  const model::Snapshot& before() const { return *options_.previous; }  // rules that compare only
  Profile profile() const { return options_.profile; }
  const std::string& time() const { return options_.time; }

  // The subnets of a cluster: one row for each pool and, without pools, one for itself.
  const std::vector<Use>& uses() const { return uses_; }
  std::vector<const Use*> uses_of(const model::Cluster& cluster) const;
  // The networks of a cluster, without doubles.
  std::vector<const model::VirtualNetwork*> networks_of(const model::Cluster& cluster) const;

  const model::VirtualNetwork* network(std::string_view name) const;
  const model::NetworkSecurityGroup* security_group(const std::string& name) const;
  const model::RouteTable* route_table(const std::string& name) const;
  bool has_peering(const std::string& from, const std::string& to) const { return peerings_.contains({from, to}); }
  // Names of the networks with which peerings exist in both directions.
  std::vector<std::string> peers(const std::string& network) const;
  // On-premises networks reached by a gateway of its own, or of a peer that lends it.
  std::vector<Connection> connections(const std::string& network) const;

  const std::vector<Pods>& pods() const { return pods_; }
  // The pods of a namespace that a selector picks.
  std::vector<const Pods*> selected(const std::string& ns, const model::LabelSelector& selector) const;
  std::vector<const Pods*> behind(const model::Service& service) const;
  const std::map<std::string, std::vector<const model::NetworkPolicy*>>& policies() const { return policies_; }
  // Namespaces that have pods, with the first of them.
  const std::map<std::string, const Pods*>& namespaces() const { return namespaces_; }
  // What `plan` says of the subnets; empty without clusters.
  const std::vector<SubnetPlan>& planned() const { return planned_; }
  // Of the label bailey.dev/cluster or, where there is just one, that cluster.
  const model::Cluster* cluster_of(const model::Node& node) const;
  // Whether these pods are an ingress controller, by the names that the usual ones go by.
  static bool is_controller(const Pods& pods);
  bool fronts_controller(const model::Service& service) const;

 private:
  void add_uses(const model::Cluster& cluster);
  void add_pods();

  const model::Snapshot& snapshot_;
  Options options_;
  std::vector<Use> uses_;
  std::map<const model::Cluster*, std::pair<std::size_t, std::size_t>> uses_by_cluster_;
  std::set<std::pair<std::string, std::string>> peerings_;
  std::map<std::string, std::vector<const model::NetworkPeering*>> peerings_from_;
  std::multimap<std::string, Connection> own_connections_;  // by network
  std::vector<Pods> pods_;
  std::map<std::string, std::vector<std::size_t>> pods_by_namespace_;
  std::map<std::string, std::map<std::pair<std::string, std::string>, std::vector<std::size_t>>> pods_by_label_;
  std::map<std::string, std::vector<const model::NetworkPolicy*>> policies_;
  std::map<std::string, const Pods*> namespaces_;
  std::vector<SubnetPlan> planned_;
};

// The most nodes that a pool grows to, and how many more an upgrade starts at that size (at least one).
std::uint32_t most_nodes(const model::NodePool& pool);
std::uint32_t surge_nodes(const model::NodePool& pool, std::uint32_t nodes);

// Words that several rules use.
std::string text_of(const std::vector<model::Prefix>& prefixes);
std::string item(std::string_view list, std::size_t index);  // "spec.rules" 2 -> "spec.rules[2]"
bool is_web(const model::Service& service);                  // a port that speaks HTTP or HTTPS, by number or name
// By the annotations that clouds use, or its address lies in a LoadBalancer of type internal.
bool is_internal(const Facts& facts, const model::Service& service);
// The field in which a cluster's range stands, whichever of the two spellings was used: "spec.podCIDR" or
// "spec.podCIDRs[0]".
std::string range_field(const model::Cluster& cluster, std::string_view single, std::size_t index);

}  // namespace bailey::plan::check
