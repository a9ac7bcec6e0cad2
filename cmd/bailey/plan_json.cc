// The document of `bailey plan -o json`. Its keys are a contract: new ones may come, none changes its meaning.
#include "plan.h"

namespace bailey::cli {
namespace {

using base::Json;

Json prefix_json(const std::optional<model::Prefix>& prefix) { return prefix ? Json(prefix->text()) : Json(); }
Json length_json(std::optional<int> length) { return length ? Json("/" + std::to_string(*length)) : Json(); }
Json share_json(const std::optional<double>& share) { return share ? Json(*share) : Json(); }

Json pool_json(const plan::ClusterPlan& cluster, const plan::PoolPlan& pool) {
  Json out = Json::object();
  out.set("name", pool.name).set("os", pool.os == model::Os::windows ? "windows" : "linux");
  out.set("nodes", pool.nodes).set("surge_nodes", pool.surge_nodes).set("max_pods", pool.max_pods);
  out.set("addresses", pool.addresses).set("cluster", cluster.cluster).set("nodes_now", pool.nodes_now);
  out.set("headroom_nodes", pool.headroom_nodes).set("addresses_now", pool.addresses_now);
  return out;
}

Json pools_json(const plan::ClusterPlan& cluster) {
  Json out = Json::array();
  for (const plan::PoolPlan& pool : cluster.pools) out.push(pool_json(cluster, pool));
  return out;
}

Json subnet_json(const plan::SubnetPlan& subnet) {
  Json needs = Json::array();
  for (const plan::Need& need : subnet.needs) {
    Json each = Json::object();
    each.set("what", name(need.what)).set("object", need.object);
    if (!need.pool.empty()) each.set("pool", need.pool);
    needs.push(each.set("addresses", need.count).set("addresses_now", need.count_now));
  }
  Json out = Json::object();
  out.set("name", subnet.name).set("needed", subnet.needed).set("reserved", subnet.reserved);
  out.set("smallest", length_json(subnet.smallest)).set("given", prefix_json(subnet.given));
  out.set("utilisation", share_json(subnet.utilisation)).set("utilisation_now", share_json(subnet.utilisation_now));
  out.set("needed_now", subnet.needed_now).set("missing", subnet.missing()).set("fits", subnet.fits());
  out.set("minimum", length_json(subnet.minimum)).set("given_ipv6", prefix_json(subnet.given_ipv6));
  return out.set("needs", needs);
}

Json subnets_json(const std::vector<plan::SubnetPlan>& subnets) {
  Json out = Json::array();
  for (const plan::SubnetPlan& subnet : subnets) out.push(subnet_json(subnet));
  return out;
}

Json pod_range_json(const plan::ClusterPlan& cluster) {
  if (!cluster.pod_range) return {};
  const plan::PodRangePlan& range = *cluster.pod_range;
  Json out = Json::object();
  out.set("needed", range.needed).set("smallest", length_json(range.smallest)).set("given", prefix_json(range.given));
  out.set("blocks", range.blocks).set("block", "/" + std::to_string(plan::pod_block_length));
  return out.set("utilisation", share_json(range.utilisation)).set("given_ipv6", prefix_json(range.given_ipv6));
}

Json routes_json(const plan::ClusterPlan& cluster) {
  if (cluster.model != plan::Model::kubenet) return {};
  return Json::object().set("needed", cluster.routes()).set("limit", std::uint64_t{model::most_routes});
}

Json advice_json(const plan::Advice& advice, const Session& session) {
  Json because = Json::array();
  Json codes = Json::array();
  for (const plan::Reason& reason : advice.because) {
    because.push(session.text(reason.message));
    codes.push(reason.code);
  }
  return Json::object().set("model", name(advice.model)).set("because", because).set("codes", codes);
}

Json alternative_json(const plan::Alternative& each, const Session& session) {
  Json obstacles = Json::array();
  for (const base::Message& obstacle : each.obstacles) obstacles.push(session.text(obstacle));
  Json engines = Json::array();
  for (const std::string& engine : each.policy_engines) engines.push(engine);
  Json subnets = Json::array();
  for (const plan::SubnetPlan& subnet : each.plan.subnets) subnets.push(subnet_json(subnet));
  Json out = Json::object();
  out.set("model", name(each.model)).set("addresses", each.vnet_addresses).set("subnets", subnets);
  out.set("pod_cidr", pod_range_json(each.plan)).set("routes", routes_json(each.plan)).set("max_pods", each.max_pods);
  out.set("most_nodes", each.most.nodes).set("most_pods", each.most.pods).set("fits", each.fits);
  out.set("extra_hop", each.extra_hop).set("snat", each.snat).set("windows", each.windows);
  out.set("pods_reachable", each.reachable).set("policy_engines", engines);
  return out.set("obstacles", obstacles);
}

Json comparison_json(const plan::Comparison& comparison, const Session& session) {
  Json models = Json::array();
  for (const plan::Alternative& each : comparison.alternatives) models.push(alternative_json(each, session));
  bool given = !comparison.reference.address().is_unspecified();
  std::string of = given ? comparison.reference.text() : "/" + std::to_string(comparison.reference.length());
  return Json::object().set("reference", of).set("models", models);
}

Json proposals_json(const std::vector<plan::Proposal>& proposals) {
  Json out = Json::array();
  for (const plan::Proposal& each : proposals) {
    Json row = Json::object();
    row.set("for", name(each.what)).set("cluster", each.cluster).set("prefix", each.prefix.text());
    if (each.what == plan::Proposal::What::subnet) {
      row.set("subnet", each.subnet.text()).set("vnet", each.vnet);
      row.set("new_address_space", prefix_json(each.new_address_space));
    }
    out.push(row);
  }
  return out;
}

}  // namespace

Json plan_json(const PlanAnswer& answer, const Session& session) {
  Json pools = Json::array();
  Json clusters = Json::array();
  for (std::size_t i = 0; i < answer.clusters.size(); ++i) {
    const plan::ClusterPlan& cluster = answer.clusters[i];
    for (const plan::PoolPlan& pool : cluster.pools) pools.push(pool_json(cluster, pool));
    Json each = Json::object();
    each.set("name", cluster.cluster).set("model", name(cluster.model)).set("pools", pools_json(cluster));
    each.set("subnets", subnets_json(cluster.subnets)).set("pod_cidr", pod_range_json(cluster));
    each.set("routes", routes_json(cluster)).set("recommendation", advice_json(answer.advices[i], session));
    clusters.push(each.set("comparison", comparison_json(answer.comparisons[i], session)));
  }
  // At the top stand the figures of the first cluster, where they are of one cluster.
  Json out = Json::object();
  out.set("pools", pools).set("subnets", subnets_json(answer.subnets));
  out.set("pod_cidr", pod_range_json(answer.clusters.front())).set("routes", routes_json(answer.clusters.front()));
  out.set("recommendation", advice_json(answer.advices.front(), session));
  out.set("comparison", comparison_json(answer.comparisons.front(), session));
  return out.set("free_ranges", proposals_json(answer.proposals)).set("clusters", clusters);
}

}  // namespace bailey::cli
