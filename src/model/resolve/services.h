// Which pods a selector picks, which endpoints a Service has, which IngressClass serves an Ingress.
#pragma once

#include <string>
#include <vector>

#include "model/snapshot.h"

namespace bailey::model::resolve {

// Pods of a namespace whose labels match, finished ones left out; ascending by name.
std::vector<const Pod*> selected_pods(const Snapshot& snapshot, const std::string& ns, const LabelSelector& selector);

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
