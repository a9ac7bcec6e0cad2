// compile() gathers what the parts say and puts it into one order, so that equal snapshots give equal values.
#include "fabric/fabric.h"

#include <algorithm>
#include <tuple>

#include "fabric/topology.h"

namespace bailey::fabric {
namespace {

template <typename T, typename Key>
void sort_by(std::vector<T>& values, Key key) {
  std::sort(values.begin(), values.end(), [&](const T& a, const T& b) { return key(a) < key(b); });
}

// The kernel has one route for a destination in a table; of several the first that was said stays.
void sort_routes(std::vector<KernelRoute>& routes) {
  auto key = [](const KernelRoute& route) { return std::tie(route.table, route.destination); };
  std::stable_sort(routes.begin(), routes.end(),
                   [&](const KernelRoute& a, const KernelRoute& b) { return key(a) < key(b); });
  auto same = [&](const KernelRoute& a, const KernelRoute& b) { return key(a) == key(b); };
  routes.erase(std::unique(routes.begin(), routes.end(), same), routes.end());
}

template <typename T>
void sort_unique(std::vector<T>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

void sort_filter(Filter& filter) {
  sort_by(filter.classes, [](const auto& row) { return row.mark; });
  sort_by(filter.entries, [](const auto& row) { return row.device; });
  sort_by(filter.source_checks, [](const auto& row) { return row.device; });
  for (Filter::SourceCheck& check : filter.source_checks) sort_unique(check.allowed);
  for (Filter::SourceNat& nat : filter.source_nat) sort_unique(nat.sources);
  sort_by(filter.source_nat, [](const auto& row) { return std::tie(row.mark, row.sources, row.to); });
  sort_by(filter.publics, [](const auto& row) { return row.address; });
}

}  // namespace

Desired compile(const model::Snapshot& snapshot) {
  Desired out;
  Topology topology(snapshot);
  bool empty =
      topology.nics().empty() && topology.router_hosts().empty() && snapshot.all<model::OnPremisesNetwork>().empty();
  if (empty) return out;
  add_hosts(topology, out);
  add_tables(topology, out);
  add_filter(topology, out);
  sort_unique(out.cables);
  for (auto& [name, host] : out.hosts) {
    sort_unique(host.addresses);
    sort_unique(host.neighbours);
    sort_routes(host.routes);
    sort_unique(host.rules);
  }
  sort_filter(out.filter);
  return out;
}

}  // namespace bailey::fabric
