// What stands behind the address of a Service for a client, before anything is sent.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/resolve/services.h"
#include "reach/world.h"

namespace bailey::reach {

// How a Service is addressed.
enum class ServiceDoor : std::uint8_t { cluster_address, outside_address, node_port };

struct ServiceTarget {
  const model::Service* service = nullptr;
  const model::ServicePort* port = nullptr;
  ServiceDoor door = ServiceDoor::cluster_address;
};

// The Service that has this address and port: a cluster address, an external or load balancer address, or the port that
// every node of its cluster keeps for it. `node` is the node whose address it is, null for others.
std::optional<ServiceTarget> service_behind(const World& world, const model::Address& address, const model::Port& port,
                                            const model::Node* node);
// The Service's port of this number and protocol; null where it has none.
const model::ServicePort* port_of(const model::Service& service, const model::Port& port);

// The endpoints that get connections: the ready ones; where none is ready, those that still serve while terminating.
// With a `local` policy only those on `node`.
std::vector<model::resolve::ServiceEndpoint> eligible(const World& world, const ServiceTarget& target,
                                                      model::Family family, const std::string& node, bool local);

// What the name of a headless Service gives (Kubernetes, DNS for Services and Pods): its endpoints that are ready, IPv4
// first. Ports play no part: their numbers here mean nothing.
std::vector<model::resolve::ServiceEndpoint> named_by(const World& world, const model::Service& service);

// Whether a client at this place is part of the Service's cluster, which is where its addresses mean something.
bool inside_cluster(const World& world, const Place& client, const model::Service& service);

}  // namespace bailey::reach
