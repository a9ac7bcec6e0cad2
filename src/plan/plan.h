// How many addresses a cluster network needs, and the smallest prefixes that hold them.
//
// Pure arithmetic over objects. All counts are of IPv4 addresses unless a name says otherwise; an IPv6 subnet is always
// a /64 (Azure, IPv6 for virtual networks) and holds every plan, so nothing is computed for it.
//
// Where the figures come from (learn.microsoft.com):
//   [CNI] AKS, configure Azure CNI    [KUB] AKS, configure kubenet    [OVL] AKS, Azure CNI Overlay
//   [IPP] AKS, IP address planning    [VN]  virtual networks FAQ      [GW]  VPN gateway settings
//   [AGW] Application Gateway, infrastructure configuration           [BAS] Azure Bastion, configuration settings
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/snapshot.h"

namespace bailey::plan {

// How pods get their addresses. `overlay` cannot be realised by Bailey and is planned for comparison only.
enum class Model : std::uint8_t { vnet, kubenet, overlay };
std::string_view name(Model model);  // "vnet", "kubenet", "overlay"
std::optional<Model> model_of(std::string_view text);
Model model_of(model::NetworkModel model);

inline constexpr std::uint64_t reserved_addresses = 5;       // of each subnet: the first four and the last [VN]
inline constexpr int longest_subnet = 29;                    // [VN]
inline constexpr int shortest_subnet = 8;                    // [VN]
inline constexpr int pod_block_length = 24;                  // of a node, kubenet and overlay [KUB] [OVL]
inline constexpr std::uint64_t pod_block_addresses = 256;    // in such a block
inline constexpr std::uint64_t most_vnet_addresses = 65536;  // in use within one VNet [CNI]
inline constexpr std::uint64_t least_pods = 10;              // maxPods of a node [CNI]
std::uint64_t most_pods(Model model);                        // maxPods of a node: 250, kubenet 110 [CNI] [KUB] [OVL]
std::uint64_t default_pods(Model model);                     // 30, kubenet 110, overlay 250 [CNI] [KUB] [OVL]

// Nodes that an upgrade adds to a pool of `nodes`: "3" -> 3, "33%" -> max(1, ceil(33 % of nodes)) [IPP]. At least 1.
// Empty where the text is neither a number from 1 to 1000 nor a share from 1% to 100%. "" is AKS' default, 10%.
std::optional<std::uint64_t> surge_nodes(std::string_view surge, std::uint64_t nodes);

// Addresses of the subnet for this many nodes, surge nodes included: n + n * max_pods in the vnet model [CNI],
// n in the others [KUB] [OVL]. Reserved addresses are not part of it.
std::uint64_t needed_addresses(Model model, std::uint64_t nodes, std::uint64_t max_pods);

// Length of the smallest subnet that holds `needed` addresses beside the reserved ones: 8..29. Empty where even a /8
// is too small.
std::optional<int> smallest_prefix(std::uint64_t needed);
// Length of the smallest range for pods that holds `blocks` blocks of /24: 8..24. Empty where even a /8 is too small.
std::optional<int> smallest_pod_range(std::uint64_t blocks);
// Addresses of a prefix that interfaces can have: without the reserved ones; 0 where nothing is left.
std::uint64_t usable_addresses(const model::Prefix& prefix);

// What fits into a subnet of `usable` addresses, surge nodes and all. [KUB] compares a /24 like this: kubenet 251 nodes
// and 27,610 pods, vnet 8 nodes and 240 pods. kubenet is bounded by the 400 routes of a table.
struct Capacity {
  std::uint64_t nodes = 0;
  std::uint64_t pods = 0;
};
Capacity capacity(Model model, std::uint64_t usable, std::uint64_t max_pods);

struct PoolPlan {
  std::string name;
  model::Os os = model::Os::linux;
  std::uint64_t nodes_now = 0;       // count
  std::uint64_t nodes = 0;           // at full scale: maxCount, or count where there is none
  std::uint64_t surge_nodes = 0;     // more of them during an upgrade at full scale
  std::uint64_t headroom_nodes = 0;  // one for Windows, which is patched by upgrades only [CNI]
  std::uint64_t max_pods = 0;
  std::uint64_t addresses_now = 0;  // of the subnet: nodes_now and their pods
  std::uint64_t addresses = 0;      // of the subnet: nodes, surge and headroom nodes and their pods
  model::SubnetRef subnet;          // empty: the cluster's generated network
  std::uint64_t all_nodes() const { return nodes + surge_nodes + headroom_nodes; }
};

// Who needs addresses of a subnet.
struct Need {
  enum class What : std::uint8_t {
    pool,
    interface,
    load_balancer,
    service,
    application_gateway,
    gateway,
    bastion,
    api
  };
  What what = What::pool;
  std::string object;  // "Cluster/shop" (with `pool`), "LoadBalancer/inside", "Service/shop/web"
  std::string pool;    // What::pool only
  std::uint64_t count = 0;
  std::uint64_t count_now = 0;
};
std::string_view name(Need::What what);  // "pool", "interface", "load-balancer", ...

struct SubnetPlan {
  model::SubnetRef subnet;   // empty for the generated network of a cluster
  std::string name;          // "hub/nodes"; "CLUSTER-vnet/nodes" for a generated one
  std::vector<Need> needs;   // in the order of Need::What, then by object
  std::uint64_t needed = 0;  // at full scale and during an upgrade, reserved ones apart
  std::uint64_t needed_now = 0;
  std::uint64_t reserved = reserved_addresses;
  // Length of the smallest subnet that is enough, `minimum` regarded; 64 where the subnet has IPv6 only; empty where
  // no subnet is large enough.
  std::optional<int> smallest;
  std::optional<int> minimum;               // published for what lies in it: /27 [GW], /26 [BAS], /24 [AGW]
  std::optional<model::Prefix> given;       // IPv4, or IPv6 where it has no other
  std::optional<model::Prefix> given_ipv6;  // beside an IPv4 prefix
  std::optional<double> utilisation;        // needed / usable addresses of `given`; above 1: too small
  std::optional<double> utilisation_now;    // needed_now / usable addresses
  bool fits() const { return !utilisation || *utilisation <= 1.0; }
  std::uint64_t missing() const;  // addresses that the given subnet lacks; 0 where it fits
};

// The range for pods outside of the VNet (kubenet, overlay), in blocks of /24, one a node.
struct PodRangePlan {
  std::uint64_t blocks = 0;  // nodes, surge and headroom nodes
  std::uint64_t needed = 0;  // addresses of these blocks
  std::optional<int> smallest;
  std::optional<model::Prefix> given;       // IPv4
  std::optional<model::Prefix> given_ipv6;  // a /64 a node
  std::optional<double> utilisation;        // blocks / blocks of `given`
};

struct ClusterPlan {
  std::string cluster;
  Model model = Model::vnet;
  std::vector<PoolPlan> pools;
  std::vector<SubnetPlan> subnets;        // those of its pools, with everything else that lies in them
  std::optional<PodRangePlan> pod_range;  // kubenet and overlay
  std::uint64_t nodes() const;            // at full scale, without surge
  std::uint64_t all_nodes() const;        // with surge and headroom
  std::uint64_t pods() const;             // at full scale, without surge
  // kubenet: user-defined routes, one a node, surge included; a table holds model::most_routes. Else 0.
  std::uint64_t routes() const { return model == Model::kubenet ? all_nodes() : 0; }
};

// A pool and a cluster as plan() sees them, so that figures without manifests take the same way.
PoolPlan plan_pool(Model model, const model::NodePool& pool);
// A cluster planned in another model than its own is what a comparison asks for: default maxPods then follow `model`.
ClusterPlan plan_cluster(const model::Snapshot& snapshot, const model::Cluster& cluster, Model model);

// Every cluster of the snapshot in its own model, ascending by name. Objects are taken as they are: what validate()
// refuses, such as a missing subnet, leaves `given` empty.
std::vector<ClusterPlan> plan(const model::Snapshot& snapshot);

// Every subnet in which something lies, those of clusters and all others, ascending by name; after them the generated
// networks of clusters without a subnet.
std::vector<SubnetPlan> plan_subnets(const model::Snapshot& snapshot);

}  // namespace bailey::plan
