// The arithmetic: no objects here but prefixes.
#include <algorithm>
#include <bit>

#include "base/strings.h"
#include "plan/plan.h"

namespace bailey::plan {
namespace {

// Exponent of the smallest power of two that is at least `count`.
int bits_for(std::uint64_t count) { return count <= 1 ? 0 : static_cast<int>(std::bit_width(count - 1)); }

constexpr std::string_view model_names[] = {"vnet", "kubenet", "overlay"};
constexpr std::string_view need_names[] = {"pool",    "interface", "load-balancer", "service", "application-gateway",
                                           "gateway", "bastion",   "api-server"};

}  // namespace

std::string_view name(Model model) { return model_names[static_cast<int>(model)]; }

std::optional<Model> model_of(std::string_view text) {
  auto at = std::find(std::begin(model_names), std::end(model_names), text);
  if (at == std::end(model_names)) return std::nullopt;
  return static_cast<Model>(at - std::begin(model_names));
}

Model model_of(model::NetworkModel model) {
  return model == model::NetworkModel::kubenet ? Model::kubenet : Model::vnet;
}

std::string_view name(Need::What what) { return need_names[static_cast<int>(what)]; }

std::uint64_t most_pods(Model model) { return model == Model::kubenet ? 110 : 250; }

std::uint64_t default_pods(Model model) {
  constexpr std::uint64_t defaults[] = {30, 110, 250};
  return defaults[static_cast<int>(model)];
}

std::optional<std::uint64_t> surge_nodes(std::string_view surge, std::uint64_t nodes) {
  if (surge.empty()) surge = "10%";
  bool percent = surge.ends_with('%');
  if (percent) surge.remove_suffix(1);
  std::optional<std::uint64_t> value = base::parse_number(surge, percent ? 100 : 1000);
  if (!value || *value == 0) return std::nullopt;
  return percent ? std::max<std::uint64_t>(1, (nodes * *value + 99) / 100) : *value;
}

std::uint64_t needed_addresses(Model model, std::uint64_t nodes, std::uint64_t max_pods) {
  return model == Model::vnet ? nodes + nodes * max_pods : nodes;
}

std::optional<int> smallest_prefix(std::uint64_t needed) {
  int length = 32 - bits_for(needed + reserved_addresses);
  if (length < shortest_subnet) return std::nullopt;
  return std::min(length, longest_subnet);
}

std::optional<int> smallest_pod_range(std::uint64_t blocks) {
  int length = pod_block_length - bits_for(blocks);
  return length < shortest_subnet ? std::nullopt : std::optional(length);
}

std::uint64_t usable_addresses(const model::Prefix& prefix) {
  constexpr model::Uint128 most = UINT64_MAX;
  auto size = static_cast<std::uint64_t>(std::min(prefix.size(), most));
  return size > reserved_addresses ? size - reserved_addresses : 0;
}

Capacity capacity(Model model, std::uint64_t usable, std::uint64_t max_pods) {
  std::uint64_t nodes = model == Model::vnet ? usable / (1 + max_pods) : usable;
  if (model == Model::kubenet) nodes = std::min<std::uint64_t>(nodes, model::most_routes);
  return {nodes, nodes * max_pods};
}

std::uint64_t SubnetPlan::missing() const {
  std::uint64_t usable = given ? usable_addresses(*given) : needed;
  return needed > usable ? needed - usable : 0;
}

std::uint64_t ClusterPlan::nodes() const {
  std::uint64_t sum = 0;
  for (const PoolPlan& pool : pools) sum += pool.nodes;
  return sum;
}

std::uint64_t ClusterPlan::all_nodes() const {
  std::uint64_t sum = 0;
  for (const PoolPlan& pool : pools) sum += pool.all_nodes();
  return sum;
}

std::uint64_t ClusterPlan::pods() const {
  std::uint64_t sum = 0;
  for (const PoolPlan& pool : pools) sum += pool.nodes * pool.max_pods;
  return sum;
}

}  // namespace bailey::plan
