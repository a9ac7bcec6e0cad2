// --fill: what manifests name but lack is made, so that an Ingress or a NetworkPolicy alone can be tried.
//
// Services come first, since they say which pods must exist; then a pod behind each selector that picks none: of
// Services, then of policies and their peers. What one step makes the next one sees, so that a pod serves every
// selector that it happens to match and nothing is made twice. All of it is told in `made`.
#include <algorithm>

#include "lab/controllers/draft.h"
#include "model/resolve/services.h"

namespace bailey::lab::controllers {
namespace {

using model::ContainerPort;
using model::Labels;
using model::LabelSelector;
using model::NetworkPolicy;
using model::Pod;
using model::PortRef;
using model::Protocol;
using model::Service;
using model::ServicePort;

constexpr std::uint16_t first_named_port = 8080;

// A value for `key` with which every condition of the selector about that key holds. "Absent" is one, too.
struct Choice {
  bool found = false;
  std::optional<std::string> value;
};
Choice choose_value(const LabelSelector& selector, const std::string& key) {
  LabelSelector about;
  std::vector<std::optional<std::string>> candidates;
  if (auto at = selector.match_labels.find(key); at != selector.match_labels.end()) {
    about.match_labels.insert(*at);
    candidates.emplace_back(at->second);
  }
  candidates.emplace_back(std::nullopt);
  for (const LabelSelector::Expression& expression : selector.expressions) {
    if (expression.key != key) continue;
    about.expressions.push_back(expression);
    if (expression.op == LabelSelector::Operator::in)
      candidates.insert(candidates.end(), expression.values.begin(), expression.values.end());
  }
  // For Exists beside NotIn: more values than NotIn can exclude.
  candidates.emplace_back("true");
  for (std::size_t i = 0; i <= 64; ++i) candidates.emplace_back("value-" + std::to_string(i));
  for (const auto& candidate : candidates) {
    Labels labels;
    if (candidate) labels[key] = *candidate;
    if (about.matches(labels)) return {true, candidate};
  }
  return {};
}

// Labels that the selector matches; nothing where it contradicts itself.
std::optional<Labels> satisfy(const LabelSelector& selector) {
  std::set<std::string> keys;
  for (const auto& [key, value] : selector.match_labels) keys.insert(key);
  for (const LabelSelector::Expression& expression : selector.expressions) keys.insert(expression.key);
  Labels labels;
  for (const std::string& key : keys) {
    Choice choice = choose_value(selector, key);
    if (!choice.found) return std::nullopt;
    if (choice.value) labels[key] = *choice.value;
  }
  return labels;
}

LabelSelector equal_to(const Labels& labels) {
  LabelSelector selector;
  selector.match_labels = labels;
  return selector;
}

void make_namespace(Draft& draft, const std::string& ns, Labels labels = {}) {
  if (ns.empty() || draft.now().find<model::Namespace>(Kind::Namespace, ns)) return;
  auto object = draft.generate<model::Namespace>(Kind::Namespace, "", ns, true);
  object->meta.labels = std::move(labels);
  object->meta.labels["kubernetes.io/metadata.name"] = ns;
  draft.put(object);
  draft.commit();
}

// ---- Services and Secrets ----

struct Wanted {
  std::string ns;
  std::string service;
  std::vector<PortRef> ports;
};

void want(std::vector<Wanted>& all, const std::string& ns, const std::string& service, const PortRef& port) {
  if (service.empty()) return;
  auto at = std::find_if(all.begin(), all.end(), [&](const Wanted& w) { return w.ns == ns && w.service == service; });
  if (at == all.end()) at = all.insert(all.end(), {ns, service, {}});
  if (std::find(at->ports.begin(), at->ports.end(), port) == at->ports.end()) at->ports.push_back(port);
}

std::vector<Wanted> wanted_services(const Snapshot& now) {
  std::vector<Wanted> all;
  for (const auto& ingress : now.all<model::Ingress>()) {
    auto add = [&](const model::IngressBackend& backend) {
      want(all, ingress->meta.ns, backend.service, backend.port);
    };
    if (ingress->default_backend) add(*ingress->default_backend);
    for (const model::IngressRule& rule : ingress->rules)
      for (const model::IngressPath& path : rule.paths) add(path.backend);
  }
  for (const auto& route : now.all<model::HTTPRoute>())
    for (const model::HttpRouteRule& rule : route->rules)
      for (const model::RouteBackend& backend : rule.backends)
        want(all, backend.ns.empty() ? route->meta.ns : backend.ns, backend.service, {backend.port, ""});
  return all;
}

// app: NAME, unless only the workload of that name carries other labels.
Labels selector_for(const Snapshot& now, const std::string& ns, const std::string& service) {
  Labels usual = {{"app", service}};
  if (!model::resolve::selected_pods(now, ns, equal_to(usual)).empty()) return usual;
  for (Kind kind : {Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet, Kind::Job}) {
    const auto* workload = now.find<model::Workload>({kind, ns, service});
    if (workload && !workload->selector.match_labels.empty() && workload->selector.expressions.empty())
      return workload->selector.match_labels;
  }
  return usual;
}

std::shared_ptr<Service> new_service(Draft& draft, const std::string& ns, const std::string& service_name) {
  make_namespace(draft, ns);
  return draft.generate<Service>(Kind::Service, ns, service_name, true);
}

void make_backend(Draft& draft, const Wanted& wanted) {
  auto service = new_service(draft, wanted.ns, wanted.service);
  service->selector = selector_for(draft.now(), wanted.ns, wanted.service);
  std::uint16_t number = 80;
  for (const PortRef& asked : wanted.ports) {
    ServicePort port;
    port.name = asked.name;
    port.port = asked.number;
    auto used = [&](std::uint16_t n) {
      return std::any_of(service->ports.begin(), service->ports.end(),
                         [&](const ServicePort& p) { return p.port == n; }) ||
             std::any_of(wanted.ports.begin(), wanted.ports.end(), [&](const PortRef& p) { return p.number == n; });
    };
    if (port.port == 0) {
      while (used(number)) ++number;
      port.port = number;
    } else if (wanted.ports.size() > 1) {
      port.name = "port-" + std::to_string(port.port);  // several ports must have names
    }
    port.target = asked.name.empty() ? PortRef{port.port, ""} : PortRef{0, asked.name};
    service->ports.push_back(port);
  }
  draft.put(service);
}

void make_headless(Draft& draft, const model::Workload& stateful_set) {
  auto service = new_service(draft, stateful_set.meta.ns, stateful_set.service_name);
  service->headless = true;
  service->selector =
      stateful_set.selector.match_labels.empty() ? stateful_set.template_labels : stateful_set.selector.match_labels;
  for (const ContainerPort& port : stateful_set.pod.ports) {
    std::string port_name = port.name;
    if (port_name.empty() && stateful_set.pod.ports.size() > 1)
      port_name = std::string(model::name(port.protocol)) + "-" + std::to_string(port.port);
    service->ports.push_back({port_name, port.port, {port.port, ""}, 0, port.protocol, ""});
  }
  draft.put(service);
}

void make_tls_secret(Draft& draft, const std::string& ns, const std::string& secret_name) {
  if (secret_name.empty() || draft.now().find<model::Secret>({Kind::Secret, ns, secret_name})) return;
  make_namespace(draft, ns);
  // Without data: whoever terminates TLS with it makes the certificate.
  auto secret = draft.generate<model::Secret>(Kind::Secret, ns, secret_name, true);
  secret->type = "kubernetes.io/tls";
  draft.put(secret);
  draft.commit();
}

void make_tls_secrets(Draft& draft) {
  for (const auto& ingress : std::vector(draft.now().all<model::Ingress>().rows()))
    for (const model::IngressTls& tls : ingress->tls) make_tls_secret(draft, ingress->meta.ns, tls.secret);
  for (const auto& gateway : std::vector(draft.now().all<model::Gateway>().rows()))
    for (const model::GatewayListener& listener : gateway->listeners)
      for (const ObjectRef& ref : listener.certificates)
        if (ref.kind == Kind::Secret) make_tls_secret(draft, ref.ns.empty() ? gateway->meta.ns : ref.ns, ref.name);
}

// ---- Pods ----

std::uint16_t free_port(const std::vector<ContainerPort>& ports, Protocol protocol) {
  std::uint16_t number = first_named_port;
  while (std::any_of(ports.begin(), ports.end(),
                     [&](const ContainerPort& p) { return p.port == number && p.protocol == protocol; }))
    ++number;
  return number;
}

void add_port(std::vector<ContainerPort>& ports, const PortRef& ref, Protocol protocol) {
  if (protocol == Protocol::icmp) return;
  bool there = std::any_of(ports.begin(), ports.end(), [&](const ContainerPort& p) {
    return p.protocol == protocol && (ref.name.empty() ? p.port == ref.number : p.name == ref.name);
  });
  if (there || (ref.name.empty() && ref.number == 0)) return;
  ports.push_back({ref.name, ref.name.empty() ? ref.number : free_port(ports, protocol), 0, protocol});
}

// Numbers before names, so that a named port never takes a number that another one asks for.
std::vector<ContainerPort> container_ports(const std::vector<std::pair<PortRef, Protocol>>& asked) {
  std::vector<ContainerPort> ports;
  for (const auto& [ref, protocol] : asked)
    if (ref.name.empty()) add_port(ports, ref, protocol);
  for (const auto& [ref, protocol] : asked)
    if (!ref.name.empty()) add_port(ports, ref, protocol);
  if (ports.empty()) ports.push_back({"", 80, 0, Protocol::tcp});
  return ports;
}

std::vector<ContainerPort> ports_of_rules(const std::vector<model::PolicyRule>& rules) {
  std::vector<std::pair<PortRef, Protocol>> asked;
  for (const model::PolicyRule& rule : rules)
    for (const model::PolicyPort& port : rule.ports)
      if (port.port) asked.emplace_back(*port.port, port.protocol);
  return container_ports(asked);
}

void make_pod(Draft& draft, const std::string& ns, const std::string& wanted, Labels labels,
              std::vector<ContainerPort> ports) {
  make_namespace(draft, ns);
  auto pod = draft.generate<Pod>(Kind::Pod, ns, draft.free_name(Kind::Pod, ns, wanted), true);
  pod->meta.labels = std::move(labels);
  pod->spec.ports = std::move(ports);
  draft.put(pod);
  draft.commit();
}

void contradiction(Draft& draft, const ObjectRef& ref) {
  draft.condition(ref, "Filled", "SelectorContradictsItself", {"controllers.selector-unsatisfiable", {ref.text()}});
}

void fill_service(Draft& draft, const Service& service) {
  if (!service.selector || service.selector->empty() || service.type == model::ServiceType::external_name) return;
  if (!model::resolve::service_pods(draft.now(), service).empty()) return;
  if (model::resolve::has_given_slices(draft.now(), service)) return;
  std::vector<std::pair<PortRef, Protocol>> asked;
  for (const ServicePort& port : service.ports)
    asked.emplace_back(port.target.name.empty() && port.target.number == 0 ? PortRef{port.port, ""} : port.target,
                       port.protocol);
  Labels labels = *service.selector;
  if (auto at = service.meta.labels.find(cluster_label); at != service.meta.labels.end()) labels.insert(*at);
  make_pod(draft, service.meta.ns, service.meta.name, labels, container_ports(asked));
}

void fill_selected(Draft& draft, const NetworkPolicy& policy) {
  if (!model::resolve::selected_pods(draft.now(), policy.meta.ns, policy.pod_selector).empty()) return;
  std::optional<Labels> labels = satisfy(policy.pod_selector);
  if (!labels) return contradiction(draft, policy.meta.ref());
  make_pod(draft, policy.meta.ns, policy.meta.name, *labels, ports_of_rules(policy.ingress_rules));
}

// The namespaces that the peer names; one is made where there is none.
std::vector<std::string> peer_namespaces(Draft& draft, const NetworkPolicy& policy, const model::PolicyPeer& peer,
                                         const std::string& wanted) {
  if (!peer.namespace_selector) return {policy.meta.ns};
  std::vector<std::string> found;
  for (const auto& ns : draft.now().all<model::Namespace>())
    if (peer.namespace_selector->matches(ns->meta.labels)) found.push_back(ns->meta.name);
  if (!found.empty()) return found;
  std::optional<Labels> labels = satisfy(*peer.namespace_selector);
  if (!labels) {
    contradiction(draft, policy.meta.ref());
    return {};
  }
  auto by_name = labels->find("kubernetes.io/metadata.name");
  std::string ns = by_name != labels->end() ? by_name->second : draft.free_name(Kind::Namespace, "", wanted);
  if (draft.now().find<model::Namespace>(Kind::Namespace, ns)) return {};  // it exists, with other labels: theirs
  make_namespace(draft, ns, *labels);
  return {ns};
}

void fill_peer(Draft& draft, const NetworkPolicy& policy, const model::PolicyPeer& peer, const std::string& wanted,
               const std::vector<ContainerPort>& ports) {
  if (peer.ip_block) return;
  std::vector<std::string> namespaces = peer_namespaces(draft, policy, peer, wanted);
  LabelSelector selector = peer.pod_selector.value_or(LabelSelector{});
  for (const std::string& ns : namespaces)
    if (!model::resolve::selected_pods(draft.now(), ns, selector).empty()) return;
  if (namespaces.empty()) return;
  std::optional<Labels> labels = satisfy(selector);
  if (!labels) return contradiction(draft, policy.meta.ref());
  make_pod(draft, namespaces.front(), wanted, *labels, ports);
}

void fill_policy(Draft& draft, const NetworkPolicy& policy) {
  fill_selected(draft, policy);
  auto fill_rules = [&](const std::vector<model::PolicyRule>& rules, const char* word, bool with_ports) {
    int number = 0;
    for (const model::PolicyRule& rule : rules)
      for (const model::PolicyPeer& peer : rule.peers)
        fill_peer(draft, policy, peer, policy.meta.name + word + std::to_string(number++),
                  with_ports ? ports_of_rules({rule}) : container_ports({}));
  };
  fill_rules(policy.ingress_rules, "-from-", false);
  fill_rules(policy.egress_rules, "-to-", true);
}

}  // namespace

void fill_services(Draft& draft) {
  if (!draft.options.fill) return;
  for (const Wanted& wanted : wanted_services(draft.now()))
    if (!draft.now().find<Service>({Kind::Service, wanted.ns, wanted.service})) make_backend(draft, wanted);
  draft.commit();
  for (const auto& workload : std::vector(draft.now().all<model::Workload>().rows())) {
    if (workload->meta.kind != Kind::StatefulSet || workload->service_name.empty()) continue;
    if (draft.now().find<Service>({Kind::Service, workload->meta.ns, workload->service_name})) continue;
    make_headless(draft, *workload);
    draft.commit();
  }
  make_tls_secrets(draft);
}

void fill_pods(Draft& draft) {
  if (!draft.options.fill) return;
  for (const auto& service : std::vector(draft.now().all<Service>().rows())) fill_service(draft, *service);
  for (const auto& policy : std::vector(draft.now().all<NetworkPolicy>().rows())) fill_policy(draft, *policy);
}

}  // namespace bailey::lab::controllers
