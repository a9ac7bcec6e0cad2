// Endpoints follow the EndpointSlice controller of Kubernetes: an address stands for each pod that a selector
// picks and that has an address of one of the service's families; a named target port is looked up in each pod
// and pods without it give nothing for that port. Slices that controllers generated from the same selector are
// passed over, since the pods themselves are never older than they are.
#include "model/resolve/services.h"

#include <algorithm>
#include <map>

namespace bailey::model::resolve {
namespace {

constexpr const char* cluster_label = "bailey.dev/cluster";

// The cluster an object asks for: its own label, or its namespace's; empty where neither says.
std::string asked_cluster(const Snapshot& snapshot, const Meta& meta) {
  auto own = meta.labels.find(cluster_label);
  if (own != meta.labels.end()) return own->second;
  const Namespace* ns = snapshot.find<Namespace>(Kind::Namespace, meta.ns);
  if (!ns) return "";
  auto inherited = ns->meta.labels.find(cluster_label);
  return inherited == ns->meta.labels.end() ? "" : inherited->second;
}

std::uint16_t target_port(const Pod& pod, const ServicePort& port) {
  if (port.target.name.empty()) return port.target.number != 0 ? port.target.number : port.port;
  for (const ContainerPort& candidate : pod.spec.ports)
    if (candidate.name == port.target.name && candidate.protocol == port.protocol) return candidate.port;
  return 0;
}

bool wants(const Service& service, Family family) {
  return service.families.empty() ||
         std::find(service.families.begin(), service.families.end(), family) != service.families.end();
}

using Found = std::map<std::pair<Address, std::uint16_t>, ServiceEndpoint>;

void add(Found& found, ServiceEndpoint endpoint) {
  auto key = std::make_pair(endpoint.address, endpoint.port);
  auto [at, fresh] = found.try_emplace(key, endpoint);
  // One address in two slices: the one that is ready counts.
  if (!fresh && endpoint.ready && !at->second.ready) at->second = std::move(endpoint);
}

void add_slice(Found& found, const EndpointSlice& slice, const ServicePort& port) {
  for (const EndpointPort& offered : slice.ports) {
    if (offered.name != port.name || offered.protocol != port.protocol) continue;
    std::uint16_t number = offered.port != 0 ? offered.port : port.target.number;
    for (const Endpoint& endpoint : slice.endpoints) {
      // Further addresses of an endpoint are the same one again (discovery.k8s.io/v1 Endpoint.addresses).
      if (endpoint.addresses.empty() || number == 0) continue;
      add(found, {endpoint.addresses.front(), number, endpoint.ready, endpoint.serving, endpoint.terminating,
                  endpoint.node_name, endpoint.target});
    }
  }
}

bool node_is_ready(const Snapshot& snapshot, const std::string& name) {
  const Node* node = name.empty() ? nullptr : snapshot.find<Node>(Kind::Node, name);
  return !node || node->ready;
}

void add_pod(Found& found, const Snapshot& snapshot, const Service& service, const ServicePort& port, const Pod& pod) {
  std::uint16_t number = target_port(pod, port);
  if (number == 0) return;
  bool serving = pod.ready && node_is_ready(snapshot, pod.spec.node_name);
  bool ready = service.publish_not_ready_addresses || (serving && !pod.meta.deleting);
  for (const Address& address : pod_addresses(snapshot, pod))
    if (wants(service, address.family()))
      add(found, {address, number, ready, serving, pod.meta.deleting, pod.spec.node_name, pod.meta.ref()});
}

}  // namespace

std::vector<const Pod*> selected_pods(const Snapshot& snapshot, const std::string& ns, const LabelSelector& selector) {
  std::vector<const Pod*> selected;
  const Table<Pod>& pods = snapshot.all<Pod>();
  for (auto at = pods.lower({Kind::Pod, ns, ""}); at != pods.end() && (*at)->meta.ns == ns; ++at)
    if (!(*at)->finished() && selector.matches((*at)->meta.labels)) selected.push_back(at->get());
  return selected;
}

std::vector<const Pod*> service_pods(const Snapshot& snapshot, const Service& service) {
  if (!service.selector || service.selector->empty() || service.type == ServiceType::external_name) return {};
  LabelSelector selector;
  selector.match_labels = *service.selector;
  std::vector<const Pod*> pods = selected_pods(snapshot, service.meta.ns, selector);
  if (snapshot.all<Cluster>().size() < 2) return pods;
  std::string cluster = asked_cluster(snapshot, service.meta);
  std::erase_if(pods, [&](const Pod* pod) {
    std::string other = asked_cluster(snapshot, pod->meta);
    return !cluster.empty() && !other.empty() && cluster != other;
  });
  return pods;
}

std::vector<Address> pod_addresses(const Snapshot& snapshot, const Pod& pod) {
  if (!pod.addresses.empty()) return pod.addresses;
  if (pod.phase == "Pending") return {};
  if (pod.spec.host_network) {
    const Node* node = snapshot.find<Node>(Kind::Node, pod.spec.node_name);
    return node ? node->addresses : std::vector<Address>{};
  }
  return pod.pinned_addresses;
}

bool has_given_slices(const Snapshot& snapshot, const Service& service) {
  const Table<EndpointSlice>& slices = snapshot.all<EndpointSlice>();
  for (auto at = slices.lower({Kind::EndpointSlice, service.meta.ns, ""});
       at != slices.end() && (*at)->meta.ns == service.meta.ns; ++at)
    if (!(*at)->meta.generated && (*at)->service == service.meta.name) return true;
  return false;
}

std::vector<ServiceEndpoint> endpoints(const Snapshot& snapshot, const Service& service, const ServicePort& port) {
  if (service.type == ServiceType::external_name) return {};
  Found found;
  if (has_given_slices(snapshot, service)) {
    const Table<EndpointSlice>& slices = snapshot.all<EndpointSlice>();
    for (auto at = slices.lower({Kind::EndpointSlice, service.meta.ns, ""});
         at != slices.end() && (*at)->meta.ns == service.meta.ns; ++at)
      if (!(*at)->meta.generated && (*at)->service == service.meta.name && wants(service, (*at)->family))
        add_slice(found, **at, port);
  } else {
    for (const Pod* pod : service_pods(snapshot, service)) add_pod(found, snapshot, service, port, *pod);
  }
  std::vector<ServiceEndpoint> sorted;
  sorted.reserve(found.size());
  for (auto& [key, endpoint] : found) sorted.push_back(std::move(endpoint));
  return sorted;
}

}  // namespace bailey::model::resolve
