// A completion is a table of named steps over one Draft. The order is that of need: clusters bring VNets and
// pools, pools bring nodes, nodes are what DaemonSets count, pods bring the addresses that are pinned, and only
// then are addresses handed out, pods placed, services given what they stand for, and ranges made to fit the pods.
#include "lab/controllers/controllers.h"
#include "lab/controllers/draft.h"

namespace bailey::lab {
namespace controllers {
namespace {

struct Step {
  std::string_view name;
  void (*run)(Draft&);
};
constexpr Step steps[] = {
    {"forget what was generated", forget_generated},
    {"clusters", complete_clusters},
    {"namespaces", complete_namespaces},
    {"nodes", make_nodes},
    {"hosts", make_hosts},
    {"workloads", expand_workloads},
    {"fill services", fill_services},
    {"fill pods", fill_pods},
    {"addresses", assign_addresses},
    {"public addresses", assign_public_addresses},
    {"schedule", schedule_pods},
    {"services", complete_services},
    {"ranges", settle_ranges},
    {"endpoint slices", make_slices},
};

}  // namespace

void forget_generated(Draft& draft) {
  const Snapshot before = draft.now();
  for (const model::AnyObject& object : before.objects())
    if (meta(object).generated) draft.remove(object);
  draft.commit();
  // What pointed to them was completed, not written.
  for (const auto& row : before.all<model::Cluster>()) {
    if (row->meta.generated || row->subnet.empty() ||
        draft.now().find<model::VirtualNetwork>(Kind::VirtualNetwork, row->subnet.vnet) ||
        !before.find<model::VirtualNetwork>(Kind::VirtualNetwork, row->subnet.vnet))
      continue;
    auto cluster = std::make_shared<model::Cluster>(*row);
    cluster->subnet = {};
    draft.put(cluster);
  }
  for (const auto& row : before.all<model::VirtualNetwork>()) {
    auto vnet = std::make_shared<model::VirtualNetwork>(*row);
    bool changed = false;
    for (model::Subnet& subnet : vnet->subnets) {
      const auto* table = before.find<model::RouteTable>(Kind::RouteTable, subnet.route_table);
      if (!table || !table->meta.generated) continue;
      subnet.route_table.clear();
      changed = true;
    }
    if (changed && !row->meta.generated) draft.put(vnet);
  }
}

}  // namespace controllers

Completion complete(const model::Snapshot& given, const Assignments& earlier, const CompleteOptions& options,
                    const InUse& in_use) {
  controllers::Draft draft(given, earlier, options, in_use);
  for (const controllers::Step& step : controllers::steps) {
    step.run(draft);
    draft.commit();
  }
  // One reduction from `given`, so that the generation does not depend on how many steps changed something.
  model::Snapshot completed = model::reduce(given, model::difference(given, draft.now()));
  return {std::move(completed), std::move(draft.next), std::move(draft.conditions), std::move(draft.made),
          std::move(draft.uses)};
}

}  // namespace bailey::lab
