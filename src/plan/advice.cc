#include "plan/advice.h"

#include <algorithm>
#include <set>

#include "base/strings.h"
#include "model/resolve/peering.h"
#include "plan/ranges.h"

namespace bailey::plan {
namespace {

using base::join;
using model::Cluster;
using model::Kind;
using model::Prefix;
using model::Snapshot;
using model::VirtualNetwork;

constexpr std::string_view purpose_names[] = {"production", "development", "test"};

std::set<std::string> networks_of(const Cluster& cluster) {
  std::set<std::string> out;
  if (!cluster.subnet.empty()) out.insert(cluster.subnet.vnet);
  for (const model::NodePool& pool : cluster.node_pools)
    if (!pool.subnet.empty()) out.insert(pool.subnet.vnet);
  return out;
}

// The on-premises networks behind the gateways that stand in a VNet.
void add_on_premises(const Snapshot& snapshot, const std::string& vnet, std::set<std::string>& out) {
  for (const auto& connection : snapshot.all<model::GatewayConnection>()) {
    const auto* gateway = snapshot.find<model::NetworkGateway>(Kind::NetworkGateway, connection->gateway);
    if (gateway && gateway->subnet.vnet == vnet) out.insert(connection->on_premises_network);
  }
}

// Usable addresses of the largest subnet that could still be laid into the VNet's address space.
std::uint64_t largest_room(const VirtualNetwork& vnet) {
  std::vector<Taken> taken;
  for (const model::Subnet& subnet : vnet.subnets)
    for (const Prefix& prefix : subnet.prefixes) taken.push_back({prefix, ""});
  for (int length = shortest_subnet; length <= longest_subnet; ++length)
    for (const Prefix& space : vnet.address_space)
      if (space.family() == model::Family::v4)
        if (auto free = lowest_free(space, length, taken)) return usable_addresses(*free);
  return 0;
}

void find_room(const Snapshot& snapshot, const Cluster& cluster, Facts& out) {
  model::SubnetRef ref = cluster.subnet;
  for (const model::NodePool& pool : cluster.node_pools)
    if (ref.empty()) ref = pool.subnet;
  const auto* vnet = snapshot.find<VirtualNetwork>(Kind::VirtualNetwork, ref.vnet);
  if (!vnet) return;
  out.room_known = true;
  out.room = largest_room(*vnet);
  if (const model::Subnet* subnet = vnet->find(ref.subnet))
    for (const Prefix& prefix : subnet->prefixes) out.room = std::max(out.room, usable_addresses(prefix));
}

// A pool of the model it is compared in: maxPods cannot be more than the model has.
Cluster adapted(const Cluster& cluster, Model model) {
  Cluster out = cluster;
  for (model::NodePool& pool : out.node_pools)
    if (pool.max_pods) pool.max_pods = std::min(*pool.max_pods, static_cast<std::uint32_t>(most_pods(model)));
  return out;
}

void add_obstacles(Alternative& out, const Facts& facts) {
  if (out.model == Model::kubenet) {
    if (!facts.windows_pools.empty())
      out.obstacles.push_back({"plan.obstacle.windows", {join(facts.windows_pools, ", ")}});
    if (facts.policy_engine == "azure") out.obstacles.push_back({"plan.obstacle.policy", {}});
    if (out.plan.routes() > model::most_routes)
      out.obstacles.push_back(
          {"plan.obstacle.routes", {std::to_string(out.plan.routes()), std::to_string(model::most_routes)}});
  }
  if (out.vnet_addresses > most_vnet_addresses)
    out.obstacles.push_back(
        {"plan.obstacle.vnet", {std::to_string(out.vnet_addresses), std::to_string(most_vnet_addresses)}});
  if (out.plan.pod_range && !out.plan.pod_range->smallest)
    out.obstacles.push_back({"plan.obstacle.pods", {std::to_string(out.plan.pod_range->blocks)}});
}

Alternative alternative(const Snapshot& snapshot, const Cluster& cluster, const Facts& facts, Model model,
                        const Prefix& reference) {
  Alternative out;
  out.model = model;
  out.plan = plan_cluster(snapshot, adapted(cluster, model), model);
  for (const SubnetPlan& subnet : out.plan.subnets) {
    out.vnet_addresses += subnet.needed;
    if (facts.room_known && subnet.needed > facts.room && !(subnet.given && subnet.fits())) out.fits = false;
  }
  for (const PoolPlan& pool : out.plan.pools) out.max_pods = std::max(out.max_pods, pool.max_pods);
  if (out.plan.pools.empty()) out.max_pods = default_pods(model);
  out.most = capacity(model, usable_addresses(reference), out.max_pods);
  out.extra_hop = model == Model::kubenet;
  out.snat = model != Model::vnet;
  out.windows = model != Model::kubenet;
  out.reachable = model == Model::vnet;
  out.policy_engines = model == Model::kubenet   ? std::vector<std::string>{"bailey", "calico"}
                       : model == Model::overlay ? std::vector<std::string>{"azure", "calico"}
                                                 : std::vector<std::string>{"bailey", "azure", "calico"};
  add_obstacles(out, facts);
  return out;
}

class Adviser {
 public:
  Adviser(const Facts& facts, const Comparison& comparison) : facts_(facts), comparison_(comparison) {}

  Advice advise() {
    links();
    bool flat = facts_.linked() || facts_.purpose == Purpose::production;
    const Alternative& vnet = of(Model::vnet);
    if (flat && vnet.fits && vnet.obstacles.empty()) return choose_vnet();
    if (!flat && of(Model::kubenet).obstacles.empty()) return choose_kubenet();
    if (!flat && vnet.fits && vnet.obstacles.empty()) {
      excluded(Model::kubenet);
      return choose_vnet();
    }
    return choose_overlay();
  }

 private:
  const Alternative& of(Model model) const {
    auto at = std::find_if(comparison_.alternatives.begin(), comparison_.alternatives.end(),
                           [&](const Alternative& each) { return each.model == model; });
    return *at;
  }
  void say(std::string code, std::vector<std::string> args = {}) {
    std::string id = "plan.because." + code;
    advice_.because.push_back({std::move(code), {std::move(id), std::move(args)}});
  }
  void excluded(Model model) {
    for (const base::Message& obstacle : of(model).obstacles)
      advice_.because.push_back({std::string(name(model)) + "-excluded", obstacle});
  }

  void links() {
    if (facts_.purpose == Purpose::production) say("production");
    if (!facts_.on_premises.empty()) say("on-premises-link", {join(facts_.on_premises, ", ")});
    if (!facts_.peers.empty()) say("peered-networks", {join(facts_.peers, ", ")});
  }
  std::string needed() const { return std::to_string(of(Model::vnet).vnet_addresses); }

  Advice choose_vnet() {
    advice_.model = Model::vnet;
    if (!facts_.windows_pools.empty()) say("windows-pools", {join(facts_.windows_pools, ", ")});
    if (facts_.policy_engine == "azure") say("azure-policy-engine");
    if (facts_.room_known)
      say("addresses-suffice", {needed(), std::to_string(facts_.room)});
    else
      say("addresses-free", {needed()});
    say("kubenet-retires");
    return std::move(advice_);
  }
  Advice choose_kubenet() {
    advice_.model = Model::kubenet;
    say(facts_.purpose == Purpose::test ? "test" : "development");
    say("no-links");
    say("fewer-addresses", {std::to_string(of(Model::kubenet).vnet_addresses), needed()});
    say("kubenet-retires");
    return std::move(advice_);
  }
  Advice choose_overlay() {
    advice_.model = Model::overlay;
    const Alternative& vnet = of(Model::vnet);
    if (!vnet.obstacles.empty())
      excluded(Model::vnet);
    else
      say("addresses-short", {needed(), std::to_string(facts_.room)});
    if (facts_.linked()) say("enlarge-for-direct", {needed()});
    excluded(Model::kubenet);
    say("kubenet-retires");
    return std::move(advice_);
  }

  const Facts& facts_;
  const Comparison& comparison_;
  Advice advice_;
};

}  // namespace

std::string_view name(Purpose purpose) { return purpose_names[static_cast<int>(purpose)]; }

std::optional<Purpose> purpose_of(std::string_view text) {
  auto at = std::find(std::begin(purpose_names), std::end(purpose_names), text);
  if (at == std::end(purpose_names)) return std::nullopt;
  return static_cast<Purpose>(at - std::begin(purpose_names));
}

Facts facts_of(const Snapshot& snapshot, const Cluster& cluster, Purpose purpose) {
  Facts out;
  out.purpose = purpose;
  out.policy_engine = cluster.network_policy;
  std::set<std::string> peers;
  std::set<std::string> on_premises;
  for (const std::string& vnet : networks_of(cluster)) {
    add_on_premises(snapshot, vnet, on_premises);
    for (const model::resolve::Peer& peer : model::resolve::connected_peers(snapshot, vnet)) {
      peers.insert(peer.vnet);
      if (peer.uses_its_gateway) add_on_premises(snapshot, peer.vnet, on_premises);
    }
  }
  out.peers.assign(peers.begin(), peers.end());
  out.on_premises.assign(on_premises.begin(), on_premises.end());
  for (const model::NodePool& pool : cluster.node_pools)
    if (pool.os == model::Os::windows) out.windows_pools.push_back(pool.name);
  find_room(snapshot, cluster, out);
  return out;
}

Comparison compare(const Snapshot& snapshot, const Cluster& cluster, const Facts& facts) {
  Comparison out;
  out.reference = Prefix(model::Address::v4(0), 24);
  ClusterPlan own = plan_cluster(snapshot, cluster, model_of(cluster.network_model));
  for (const SubnetPlan& subnet : own.subnets)
    if (subnet.given && subnet.given->family() == model::Family::v4) {
      out.reference = *subnet.given;
      break;
    }
  for (Model model : {Model::vnet, Model::kubenet, Model::overlay})
    out.alternatives.push_back(alternative(snapshot, cluster, facts, model, out.reference));
  return out;
}

Advice advise(const Facts& facts, const Comparison& comparison) { return Adviser(facts, comparison).advise(); }

}  // namespace bailey::plan
