#include "reach/service.h"

#include <algorithm>
#include <set>

namespace bailey::reach {

using model::Address;
using model::Kind;
using model::Service;
using model::ServicePort;
using model::resolve::ServiceEndpoint;

namespace {

constexpr const char* cluster_label = "bailey.dev/cluster";

std::string cluster_of(const World& world, const Service& service) {
  auto own = service.meta.labels.find(cluster_label);
  if (own != service.meta.labels.end()) return own->second;
  const auto* ns = world.snapshot().find<model::Namespace>(Kind::Namespace, service.meta.ns);
  if (!ns) return "";
  auto inherited = ns->meta.labels.find(cluster_label);
  return inherited == ns->meta.labels.end() ? "" : inherited->second;
}

}  // namespace

const ServicePort* port_of(const Service& service, const model::Port& port) {
  for (const ServicePort& own : service.ports)
    if (own.port == port.number && own.protocol == port.protocol) return &own;
  return nullptr;
}

std::optional<ServiceTarget> service_behind(const World& world, const Address& address, const model::Port& port,
                                            const model::Node* node) {
  if (const Service* inside = world.service_with_cluster_address(address))
    return ServiceTarget{inside, port_of(*inside, port), ServiceDoor::cluster_address};
  if (const Service* outside = world.service_at(address))
    return ServiceTarget{outside, port_of(*outside, port), ServiceDoor::outside_address};
  const Service* by_port = node ? world.service_with_node_port(port) : nullptr;
  if (!by_port) return std::nullopt;
  for (const ServicePort& own : by_port->ports)
    if (own.node_port == port.number && own.protocol == port.protocol)
      return ServiceTarget{by_port, &own, ServiceDoor::node_port};
  return std::nullopt;
}

std::vector<ServiceEndpoint> eligible(const World& world, const ServiceTarget& target, model::Family family,
                                      const std::string& node, bool local) {
  std::vector<ServiceEndpoint> all = model::resolve::endpoints(world.snapshot(), *target.service, *target.port);
  std::erase_if(all, [&](const ServiceEndpoint& endpoint) {
    return endpoint.address.family() != family || (local && endpoint.node != node);
  });
  std::vector<ServiceEndpoint> ready;
  std::copy_if(all.begin(), all.end(), std::back_inserter(ready), [](const auto& endpoint) { return endpoint.ready; });
  if (!ready.empty()) return ready;
  std::erase_if(all, [](const ServiceEndpoint& endpoint) { return !endpoint.serving || !endpoint.terminating; });
  return all;
}

std::vector<ServiceEndpoint> named_by(const World& world, const Service& service) {
  std::vector<ServicePort> ports = service.ports;
  if (!model::resolve::has_given_slices(world.snapshot(), service)) {
    ServicePort any;  // a number makes endpoints of all pods, whatever names their ports have
    any.port = any.target.number = 1;
    ports = {any};
  }
  std::vector<ServiceEndpoint> out;
  std::set<Address> seen;
  for (const ServicePort& port : ports)
    for (ServiceEndpoint& endpoint : model::resolve::endpoints(world.snapshot(), service, port))
      if (endpoint.ready && seen.insert(endpoint.address).second) out.push_back(std::move(endpoint));
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.address < b.address; });
  return out;
}

bool inside_cluster(const World& world, const Place& client, const Service& service) {
  if (!client.node) return false;
  std::string cluster = cluster_of(world, service);
  return cluster.empty() || client.node->cluster.empty() || client.node->cluster == cluster;
}

}  // namespace bailey::reach
