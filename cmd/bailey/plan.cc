// plan: how many addresses a cluster network needs, from manifests or from a few numbers.
#include "plan.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/strings.h"
#include "commands.h"
#include "diagnostics.h"
#include "files.h"
#include "model/validate.h"
#include "objects.h"
#include "options.h"
#include "plan/deploy.h"

namespace bailey::cli {
namespace {

using model::Cluster;
using model::Kind;

constexpr std::uint64_t most_nodes = 5000;  // of a cluster (AKS, quotas and limits)

struct PlanOptions {
  std::vector<std::string> paths;
  std::string nodes;
  std::string windows_nodes;
  std::string max_pods;
  std::string surge;
  std::string scale_out;
  std::string model;
  std::string purpose = "production";
  std::string output = "text";
  bool compare = false;

  bool any_number() const {
    return !nodes.empty() || !windows_nodes.empty() || !max_pods.empty() || !surge.empty() || !scale_out.empty() ||
           !model.empty();
  }
  Format format() const { return output == "json" ? Format::json : Format::text; }
};

// What the numbers say, or what is wrong with them as text for the user.
struct Numbers {
  std::string mistake;
  std::shared_ptr<Cluster> cluster;
  plan::Model model = plan::Model::vnet;
};

// A whole number from `least` to `most`; `fallback` where the flag was not given.
std::uint64_t number(const Session& session, const char* flag, const std::string& text, std::uint64_t least,
                     std::uint64_t most, std::uint64_t fallback, std::string& mistake) {
  if (text.empty()) return fallback;
  std::optional<std::uint64_t> value = base::parse_number(text, most);
  if (value && *value >= least) return *value;
  if (mistake.empty())
    mistake = session.text("cli.plan.bad-number", {flag, std::to_string(least), std::to_string(most), text});
  return fallback;
}

Numbers read_numbers(const PlanOptions& options, const Session& session) {
  Numbers out;
  std::optional<plan::Model> model = plan::model_of(options.model.empty() ? "vnet" : options.model);
  if (!model) {
    out.mistake = session.text("cli.plan.bad-model", {options.model});
    return out;
  }
  out.model = *model;
  if (options.nodes.empty()) {
    out.mistake = session.text("cli.plan.needs-nodes");
    return out;
  }
  auto read = [&](const char* flag, const std::string& text, std::uint64_t least, std::uint64_t most,
                  std::uint64_t fallback) {
    return static_cast<std::uint32_t>(number(session, flag, text, least, most, fallback, out.mistake));
  };
  model::NodePool pool;
  pool.name = "nodes";
  pool.count = read("--nodes", options.nodes, 1, most_nodes, 1);
  pool.max_pods =
      read("--max-pods", options.max_pods, plan::least_pods, plan::most_pods(*model), plan::default_pods(*model));
  std::uint32_t more = read("--scale-out", options.scale_out, 0, most_nodes, 0);
  if (more > 0) pool.max_count = pool.count + more;
  std::uint32_t windows = read("--windows-nodes", options.windows_nodes, 0, most_nodes, 0);
  pool.max_surge = options.surge;
  if (out.mistake.empty() && !plan::surge_nodes(options.surge, pool.count))
    out.mistake = session.text("cli.plan.bad-surge", {options.surge});

  out.cluster = std::make_shared<Cluster>();
  out.cluster->meta.kind = Kind::Cluster;
  out.cluster->meta.name = "cluster";
  out.cluster->identity.name = "cluster";
  out.cluster->network_model =
      *model == plan::Model::kubenet ? model::NetworkModel::kubenet : model::NetworkModel::vnet;
  out.cluster->node_pools.push_back(pool);
  if (windows > 0) {
    pool.name = "win";
    pool.os = model::Os::windows;
    pool.count = windows;
    pool.max_count.reset();
    out.cluster->node_pools.push_back(pool);
  }
  // Only what was asked for is kept in a comparison; else each model has its own default.
  if (options.max_pods.empty())
    for (model::NodePool& each : out.cluster->node_pools) each.max_pods.reset();
  return out;
}

// The clusters' subnets first, each once, then all others.
std::vector<plan::SubnetPlan> subnets_of(const PlanAnswer& answer) {
  std::vector<plan::SubnetPlan> out;
  auto add = [&](const plan::SubnetPlan& subnet) {
    if (std::none_of(out.begin(), out.end(), [&](const auto& each) { return each.name == subnet.name; }))
      out.push_back(subnet);
  };
  for (const plan::ClusterPlan& cluster : answer.clusters)
    for (const plan::SubnetPlan& subnet : cluster.subnets) add(subnet);
  for (const plan::SubnetPlan& subnet : plan::plan_subnets(answer.given)) add(subnet);
  return out;
}

PlanAnswer answer_of(model::Snapshot given, std::optional<plan::Model> model, plan::Purpose purpose) {
  PlanAnswer out;
  out.given = std::move(given);
  for (const auto& cluster : out.given.all<Cluster>()) {
    out.clusters.push_back(
        plan::plan_cluster(out.given, *cluster, model ? *model : plan::model_of(cluster->network_model)));
    plan::Facts facts = plan::facts_of(out.given, *cluster, purpose);
    out.comparisons.push_back(plan::compare(out.given, *cluster, facts));
    out.advices.push_back(plan::advise(facts, out.comparisons.back()));
  }
  out.subnets = subnets_of(out);
  out.proposals = plan::propose(out.given, out.clusters);
  out.spaces = plan::spaces(out.given, out.clusters, out.subnets, out.proposals);
  return out;
}

// What the files hold, for the message that no Cluster is among it: "2 VirtualNetwork, 1 RouteTable".
std::string kinds_text(const model::Snapshot& snapshot) {
  std::map<std::string, std::size_t> counts;
  for (const model::AnyObject& object : snapshot.objects()) ++counts[std::string(model::name(object->meta.kind))];
  std::string out;
  for (const auto& [kind, count] : counts) out += (out.empty() ? "" : ", ") + std::to_string(count) + " " + kind;
  return out.empty() ? "-" : out;
}

std::optional<model::Snapshot> read_objects(const PlanOptions& options, Session& session) {
  std::optional<Given> given = given_objects(options.paths, options.format(), session);
  if (!given) return std::nullopt;
  if (!given->objects.all<Cluster>().empty()) return std::move(given->objects);
  report_usage(session.text("cli.plan.no-cluster", {std::to_string(given->documents), kinds_text(given->objects)}),
               options.format(), session);
  return std::nullopt;
}

// The network as it is to be created: what is given, and the proposals for what is missing.
std::string deployment_text(const PlanAnswer& answer, const std::string& language) {
  model::Snapshot whole = plan::with_proposals(answer.given, answer.proposals);
  plan::Deployment deployment{whole, {}};
  for (const plan::ClusterPlan& cluster : answer.clusters) deployment.models[cluster.cluster] = cluster.model;
  if (language == "az") return plan::to_az(deployment);
  return language == "bicep" ? plan::to_bicep(deployment) : plan::to_terraform(deployment);
}

void show(const PlanAnswer& answer, const PlanOptions& options, Session& session) {
  if (options.output == "json") return session.out_json("plan", plan_json(answer, session));
  if (options.output == "html") return session.out(plan_page(answer, session));
  if (options.output == "text") return session.out(plan_text(answer, options.compare, session));
  session.out(deployment_text(answer, options.output));
}

void plan_command(const PlanOptions& options, Session& session) {
  auto refuse = [&](const std::string& text) { report_usage(text, options.format(), session); };
  std::optional<plan::Purpose> purpose = plan::purpose_of(options.purpose);
  if (!purpose) return refuse(session.text("cli.plan.bad-purpose", {options.purpose}));
  if (!options.paths.empty()) {
    if (options.any_number()) return refuse(session.text("cli.plan.files-or-numbers"));
    std::optional<model::Snapshot> given = read_objects(options, session);
    if (given) show(answer_of(std::move(*given), std::nullopt, *purpose), options, session);
    return;
  }
  if (!options.any_number()) return refuse(session.text("cli.plan.needs-input"));
  Numbers numbers = read_numbers(options, session);
  if (!numbers.mistake.empty()) return refuse(numbers.mistake);
  model::Snapshot given = model::snapshot_of({std::shared_ptr<const Cluster>(numbers.cluster)});
  show(answer_of(std::move(given), numbers.model, *purpose), options, session);
}

}  // namespace

void add_plan(CLI::App& parent, Session& session) {
  auto options = std::make_shared<PlanOptions>();
  CLI::App* command = parent.add_subcommand("plan", session.text("cli.help.plan"));
  add_files(*command, options->paths, false, session);
  command->add_option("--nodes", options->nodes, session.text("cli.option.plan-nodes"))->type_name("N");
  command->add_option("--windows-nodes", options->windows_nodes, session.text("cli.option.plan-windows"))
      ->type_name("N");
  command->add_option("--max-pods", options->max_pods, session.text("cli.option.plan-pods"))->type_name("N");
  command->add_option("--surge", options->surge, session.text("cli.option.plan-surge"))->type_name("N|N%");
  command->add_option("--scale-out", options->scale_out, session.text("cli.option.plan-scale"))->type_name("N");
  command->add_option("--model", options->model, session.text("cli.option.plan-model"))
      ->type_name("vnet|kubenet|overlay");
  command->add_option("--purpose", options->purpose, session.text("cli.option.plan-purpose"))
      ->type_name("production|development|test");
  command->add_flag("--compare", options->compare, session.text("cli.option.plan-compare"));
  constexpr const char* formats = "text|json|html|az|bicep|terraform";
  Session* s = &session;
  command->add_option("-o,--output", options->output, session.text("cli.option.output"))
      ->type_name(formats)
      ->check([s](const std::string& text) {
        for (std::string_view each : base::split(formats, '|'))
          if (each == text) return std::string();
        return s->text("cli.bad-format", {formats, text});
      });
  command->callback([options, &session] { plan_command(*options, session); });
}

}  // namespace bailey::cli
