// EndpointSlices as the controller of Kubernetes makes them from selectors, under names that can be foreseen:
// SERVICE-v4 and SERVICE-v6. Pods whose named target ports have other numbers get a slice of their own
// (SERVICE-v4-2, ...), since a slice has one list of ports.
#include <algorithm>
#include <tuple>

#include "lab/controllers/draft.h"
#include "model/resolve/services.h"

namespace bailey::lab {
namespace controllers {
namespace {

using model::Endpoint;
using model::EndpointPort;
using model::EndpointSlice;
using model::Pod;
using model::Service;

using Slices = std::vector<std::shared_ptr<EndpointSlice>>;
using PortNumbers = std::vector<std::tuple<std::string, std::uint16_t, model::Protocol>>;

PortNumbers port_numbers(const Service& service, const Pod& pod) {
  PortNumbers out;
  for (const model::ServicePort& port : service.ports) {
    std::uint16_t number = port.target.number != 0 ? port.target.number : port.port;
    if (!port.target.name.empty()) {
      auto named = std::find_if(pod.spec.ports.begin(), pod.spec.ports.end(), [&](const model::ContainerPort& p) {
        return p.name == port.target.name && p.protocol == port.protocol;
      });
      number = named == pod.spec.ports.end() ? 0 : named->port;
    }
    if (number != 0) out.emplace_back(port.name, number, port.protocol);
  }
  return out;
}

Endpoint endpoint_of(const Snapshot& now, const Service& service, const Pod& pod, const Address& address) {
  const model::Node* node = now.find<model::Node>(Kind::Node, pod.spec.node_name);
  Endpoint endpoint;
  endpoint.addresses = {address};
  endpoint.serving = pod.ready && (!node || node->ready);
  endpoint.terminating = pod.meta.deleting;
  endpoint.ready = service.publish_not_ready_addresses || (endpoint.serving && !endpoint.terminating);
  endpoint.node_name = pod.spec.node_name;
  endpoint.target = pod.meta.ref();
  if (service.headless && pod.owner && pod.owner->kind == Kind::StatefulSet) {
    const auto* owner = now.find<model::Workload>(*pod.owner);
    if (owner && owner->service_name == service.meta.name) endpoint.hostname = pod.meta.name;
  }
  return endpoint;
}

std::string slice_name(const Snapshot& now, const Service& service, Family family, std::size_t group) {
  std::string wanted = service.meta.name + "-" + name(family) + (group == 0 ? "" : "-" + std::to_string(group + 1));
  std::string candidate = wanted;
  for (int i = 2;; ++i) {
    const auto* other = now.find<EndpointSlice>({Kind::EndpointSlice, service.meta.ns, candidate});
    if (!other || other->meta.generated) return candidate;
    candidate = wanted + "-" + std::to_string(i) + "x";
  }
}

Slices slices_of(const Snapshot& now, const Service& service, Family family, const std::vector<const Pod*>& pods) {
  std::map<PortNumbers, std::vector<Endpoint>> groups;
  std::vector<PortNumbers> order;
  for (const Pod* pod : pods)
    for (const Address& address : model::resolve::pod_addresses(now, *pod)) {
      if (address.family() != family) continue;
      PortNumbers numbers = port_numbers(service, *pod);
      if (numbers.empty() && !service.ports.empty()) continue;
      auto [at, fresh] = groups.try_emplace(numbers);
      if (fresh) order.push_back(numbers);
      at->second.push_back(endpoint_of(now, service, *pod, address));
      break;  // one address of a family for each pod
    }
  if (order.empty()) order.push_back({});
  Slices out;
  for (std::size_t i = 0; i < order.size(); ++i) {
    auto slice = std::make_shared<EndpointSlice>();
    slice->meta.kind = Kind::EndpointSlice;
    slice->meta.ns = service.meta.ns;
    slice->meta.name = slice_name(now, service, family, i);
    slice->meta.generated = true;
    slice->meta.labels = {{"kubernetes.io/service-name", service.meta.name},
                          {"endpointslice.kubernetes.io/managed-by", "bailey.dev/lab"}};
    slice->meta.source = service.meta.source;
    slice->service = service.meta.name;
    slice->family = family;
    slice->endpoints = groups[order[i]];
    for (const auto& [port_name, number, protocol] : order[i]) slice->ports.push_back({port_name, number, protocol});
    out.push_back(std::move(slice));
  }
  return out;
}

Slices all_slices(const Snapshot& now) {
  Slices out;
  for (const auto& service : now.all<Service>()) {
    bool selects = service->selector && !service->selector->empty();
    if (!selects || service->type == model::ServiceType::external_name) continue;
    if (model::resolve::has_given_slices(now, *service)) continue;
    std::vector<const Pod*> pods = model::resolve::service_pods(now, *service);
    for (Family family : service->families)
      for (auto& slice : slices_of(now, *service, family, pods)) out.push_back(std::move(slice));
  }
  return out;
}

auto fields(const Endpoint& e) {
  return std::tie(e.addresses, e.ready, e.serving, e.terminating, e.node_name, e.hostname, e.target);
}

bool same(const EndpointSlice& a, const EndpointSlice& b) {
  return a.service == b.service && a.family == b.family && a.meta.labels == b.meta.labels &&
         std::equal(a.endpoints.begin(), a.endpoints.end(), b.endpoints.begin(), b.endpoints.end(),
                    [](const Endpoint& x, const Endpoint& y) { return fields(x) == fields(y); }) &&
         std::equal(a.ports.begin(), a.ports.end(), b.ports.begin(), b.ports.end(),
                    [](const EndpointPort& x, const EndpointPort& y) {
                      return std::tie(x.name, x.port, x.protocol) == std::tie(y.name, y.port, y.protocol);
                    });
}

using model::Event;

template <typename T>
Event event(Event::Type type, std::shared_ptr<const T> object) {
  return {type, model::AnyObject(std::move(object))};
}

}  // namespace

void make_slices(Draft& draft) {
  for (auto& slice : all_slices(draft.now())) draft.put(slice);
}

}  // namespace controllers

model::Snapshot settle(const model::Snapshot& completed,
                       const std::map<model::ObjectRef, std::vector<model::Address>>& pod_addresses) {
  using controllers::event;
  using model::Event;
  std::vector<Event> events;
  for (const auto& [ref, addresses] : pod_addresses) {
    const model::Pod* before = completed.find<model::Pod>(ref);
    if (!before || before->addresses == addresses) continue;
    auto after = std::make_shared<model::Pod>(*before);
    after->addresses = addresses;
    events.push_back(event<model::Pod>(Event::Type::modified, after));
  }
  model::Snapshot settled = model::reduce(completed, events);
  events.clear();
  std::set<model::ObjectRef> wanted;
  for (auto& slice : controllers::all_slices(settled)) {
    wanted.insert(slice->meta.ref());
    const auto* before = settled.find<model::EndpointSlice>(slice->meta.ref());
    if (!before || !controllers::same(*before, *slice))
      events.push_back(event<model::EndpointSlice>(Event::Type::modified, slice));
  }
  for (const auto& slice : settled.all<model::EndpointSlice>())
    if (slice->meta.generated && !wanted.contains(slice->meta.ref()))
      events.push_back(event<model::EndpointSlice>(Event::Type::deleted, slice));
  settled = model::reduce(settled, events);
  return model::reduce(completed, model::difference(completed, settled));
}

}  // namespace bailey::lab
