// A plan for people.
#include <fmt/format.h>

#include "base/strings.h"
#include "plan.h"
#include "table.h"

namespace bailey::cli {
namespace {

using Rows = std::vector<TableRow>;

std::string pools_text(const PlanAnswer& answer, const Session& session) {
  Rows rows;
  bool several = answer.clusters.size() > 1;
  for (const plan::ClusterPlan& cluster : answer.clusters)
    for (const plan::PoolPlan& pool : cluster.pools) {
      std::string nodes = pool.nodes == pool.nodes_now ? count_text(pool.nodes)
                                                       : count_text(pool.nodes_now) + " → " + count_text(pool.nodes);
      if (!session.utf8 && pool.nodes != pool.nodes_now)
        nodes = count_text(pool.nodes_now) + " -> " + count_text(pool.nodes);
      rows.push_back({{several ? cluster.cluster + "/" + pool.name : pool.name, Paint::bold},
                      {pool.os == model::Os::windows ? "windows" : "linux"},
                      {nodes},
                      {"+" + count_text(pool.surge_nodes)},
                      {pool.headroom_nodes ? "+" + count_text(pool.headroom_nodes) : ""},
                      {count_text(pool.max_pods)},
                      {count_text(pool.addresses)}});
    }
  return table(
      {session.text("cli.plan.head.pool"), session.text("cli.plan.head.os"), session.text("cli.plan.head.nodes"),
       session.text("cli.plan.head.surge"), session.text("cli.plan.head.headroom"),
       session.text("cli.plan.head.max-pods"), session.text("cli.plan.head.addresses")},
      rows, session.out_color());
}

std::string subnets_text(const PlanAnswer& answer, const Session& session) {
  Rows rows;
  for (const plan::SubnetPlan& subnet : answer.subnets) {
    Paint paint = !subnet.fits() ? Paint::red : subnet.utilisation.value_or(0) > 0.8 ? Paint::yellow : Paint::plain;
    std::string note;
    if (!subnet.fits()) note = session.text("cli.plan.too-small", {count_text(subnet.missing())});
    rows.push_back({{subnet.name, Paint::bold},
                    {count_text(subnet.needed)},
                    {count_text(subnet.reserved)},
                    {length_text(subnet.smallest)},
                    {subnet.given ? subnet.given->text() : "-"},
                    {subnet.utilisation_now ? share_text(*subnet.utilisation_now) : ""},
                    {subnet.utilisation ? share_text(*subnet.utilisation) : "", paint},
                    {note, Paint::red}});
  }
  return table(
      {session.text("cli.plan.head.subnet"), session.text("cli.plan.head.needed"),
       session.text("cli.plan.head.reserved"), session.text("cli.plan.head.smallest"),
       session.text("cli.plan.head.given"), session.text("cli.plan.head.now"), session.text("cli.plan.head.full"), ""},
      rows, session.out_color());
}

std::string pod_range_text(const plan::ClusterPlan& cluster, const Session& session) {
  if (!cluster.pod_range) return "";
  const plan::PodRangePlan& range = *cluster.pod_range;
  std::string out =
      session.text("cli.plan.pod-range", {cluster.cluster, count_text(range.blocks), length_text(range.smallest),
                                          range.given ? range.given->text() : "-"});
  if (range.utilisation && *range.utilisation > 1)
    out += " " + session.text("cli.plan.pod-range-small", {share_text(*range.utilisation)});
  if (cluster.model == plan::Model::kubenet)
    out += "\n" + session.text("cli.plan.routes",
                               {count_text(cluster.routes()), count_text(std::uint64_t{model::most_routes})});
  return out + "\n";
}

std::string proposal_text(const plan::Proposal& each, const Session& session) {
  std::string prefix = each.prefix.text();
  if (each.what == plan::Proposal::What::pods) return session.text("cli.plan.propose.pods", {each.cluster, prefix});
  if (each.what == plan::Proposal::What::services)
    return session.text("cli.plan.propose.services", {each.cluster, prefix});
  if (each.new_address_space)
    return session.text("cli.plan.propose.space", {each.subnet.text(), prefix, each.new_address_space->text()});
  return session.text("cli.plan.propose.subnet", {each.subnet.text(), prefix});
}

std::string advice_text(const plan::Advice& advice, const Session& session) {
  std::string out =
      painted(session.text("cli.plan.advised", {std::string(name(advice.model))}), Paint::bold, session.out_color()) +
      "\n";
  for (const plan::Reason& reason : advice.because) out += "  - " + session.text(reason.message) + "\n";
  return out;
}

using Figure = std::string (*)(const plan::Alternative&, const Session&);

std::string yes_no(bool yes, const Session& session) { return session.text(yes ? "cli.plan.yes" : "cli.plan.no"); }

// A row of the comparison: its title and how one model looks in it.
struct Aspect {
  const char* title;
  Figure figure;
};
constexpr Aspect aspects[] = {
    {"cli.plan.compare.addresses",
     [](const plan::Alternative& a, const Session&) { return count_text(a.vnet_addresses); }},
    {"cli.plan.compare.subnet",
     [](const plan::Alternative& a, const Session&) {
       std::vector<std::string> lengths;
       for (const plan::SubnetPlan& subnet : a.plan.subnets) lengths.push_back(length_text(subnet.smallest));
       return base::join(lengths, ", ");
     }},
    {"cli.plan.compare.pod-range",
     [](const plan::Alternative& a, const Session&) {
       return a.plan.pod_range ? length_text(a.plan.pod_range->smallest) : std::string("-");
     }},
    {"cli.plan.compare.routes",
     [](const plan::Alternative& a, const Session&) {
       if (a.model != plan::Model::kubenet) return std::string("-");
       return count_text(a.plan.routes()) + " / " + count_text(std::uint64_t{model::most_routes});
     }},
    {"cli.plan.compare.nodes", [](const plan::Alternative& a, const Session&) { return count_text(a.most.nodes); }},
    {"cli.plan.compare.pods", [](const plan::Alternative& a, const Session&) { return count_text(a.most.pods); }},
    {"cli.plan.compare.hop", [](const plan::Alternative& a, const Session& s) { return yes_no(a.extra_hop, s); }},
    {"cli.plan.compare.snat", [](const plan::Alternative& a, const Session& s) { return yes_no(a.snat, s); }},
    {"cli.plan.compare.reachable", [](const plan::Alternative& a, const Session& s) { return yes_no(a.reachable, s); }},
    {"cli.plan.compare.windows", [](const plan::Alternative& a, const Session& s) { return yes_no(a.windows, s); }},
    {"cli.plan.compare.policy",
     [](const plan::Alternative& a, const Session&) { return base::join(a.policy_engines, ", "); }},
    {"cli.plan.compare.fits", [](const plan::Alternative& a, const Session& s) { return yes_no(a.fits, s); }},
    {"cli.plan.compare.retires",
     [](const plan::Alternative& a, const Session&) {
       return std::string(a.model == plan::Model::kubenet ? "2028-03-31" : "-");
     }},
};

std::string comparison_text(const plan::Comparison& comparison, const Session& session) {
  bool given = !comparison.reference.address().is_unspecified();
  std::string of = given ? comparison.reference.text() : length_text(comparison.reference.length());
  std::vector<std::string> head = {""};
  for (const plan::Alternative& each : comparison.alternatives) head.emplace_back(name(each.model));
  head[0] = session.text("cli.plan.head.model");
  Rows rows;
  for (const Aspect& aspect : aspects) {
    TableRow row = {{session.text(aspect.title, {of})}};
    for (const plan::Alternative& each : comparison.alternatives) row.push_back({aspect.figure(each, session)});
    rows.push_back(std::move(row));
  }
  std::string out = table(head, rows, session.out_color());
  for (const plan::Alternative& each : comparison.alternatives)
    for (const base::Message& obstacle : each.obstacles)
      out += session.text("cli.plan.compare.obstacle", {std::string(name(each.model)), session.text(obstacle)}) + "\n";
  return out;
}

}  // namespace

std::string share_text(double share) {
  return share < 0.0995 ? fmt::format("{:.1f} %", share * 100) : fmt::format("{:.0f} %", share * 100);
}

std::string count_text(std::uint64_t count) {
  std::string out = std::to_string(count);
  for (std::size_t at = out.size(); at > 3;) out.insert(at -= 3, ",");
  return out;
}

std::string length_text(std::optional<int> length) { return length ? "/" + std::to_string(*length) : "-"; }

std::string plan_text(const PlanAnswer& answer, bool compare, const Session& session) {
  std::string out = pools_text(answer, session) + "\n" + subnets_text(answer, session);
  for (const plan::ClusterPlan& cluster : answer.clusters) out += pod_range_text(cluster, session);
  out += "\n" + plan_drawing(answer.spaces, session);
  if (!answer.proposals.empty()) out += "\n" + session.text("cli.plan.proposals") + "\n";
  for (const plan::Proposal& each : answer.proposals) out += "  - " + proposal_text(each, session) + "\n";
  for (std::size_t i = 0; i < answer.clusters.size(); ++i) {
    out += "\n";
    if (answer.clusters.size() > 1) out += "Cluster/" + answer.clusters[i].cluster + "\n";
    if (compare) out += comparison_text(answer.comparisons[i], session) + "\n";
    out += advice_text(answer.advices[i], session);
  }
  return out;
}

}  // namespace bailey::cli
