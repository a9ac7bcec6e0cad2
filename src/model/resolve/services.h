// Which pods a selector picks, which endpoints a Service has, which IngressClass serves an Ingress.
#pragma once

#include <string>
#include <vector>

#include "model/snapshot.h"

namespace bailey::model::resolve {

// Pods of a namespace whose labels match, finished ones left out; ascending by name.
std::vector<const Pod*> selected_pods(const Snapshot& snapshot, const std::string& ns, const LabelSelector& selector);

// The pods behind a service's selector. None where it has no selector or an empty one, as in Kubernetes. With
// several clusters a pod that asks for another one (label bailey.dev/cluster, its own or its namespace's) is left out.
std::vector<const Pod*> service_pods(const Snapshot& snapshot, const Service& service);

// What a pod answers on: what the network gave it, its node's addresses with hostNetwork, or its pinned ones.
std::vector<Address> pod_addresses(const Snapshot& snapshot, const Pod& pod);

// Whether EndpointSlices were given for the service (generated ones do not count).
bool has_given_slices(const Snapshot& snapshot, const Service& service);

// EndpointSlices given for the service, or else computed from its selector and the pods (one list over families).
struct ServiceEndpoint {
  Address address;
  std::uint16_t port = 0;  // target port
  bool ready = true;
  bool serving = true;
  bool terminating = false;
  std::string node;
  std::optional<ObjectRef> pod;
};
// Endpoints of one port of the service, ascending by address. A named target port is looked up in each pod.
std::vector<ServiceEndpoint> endpoints(const Snapshot& snapshot, const Service& service, const ServicePort& port);

}  // namespace bailey::model::resolve
