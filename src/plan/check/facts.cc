#include "plan/check/facts.h"

#include <algorithm>
#include <array>

namespace bailey::plan::check {

using namespace model;

Facts::Facts(const Snapshot& snapshot, const Options& options) : snapshot_(snapshot), options_(options) {
  for (const auto& cluster : snapshot.all<Cluster>()) add_uses(*cluster);
  for (const auto& peering : snapshot.all<NetworkPeering>()) {
    peerings_.insert({peering->from, peering->to});
    peerings_from_[peering->from].push_back(peering.get());
  }
  for (const auto& connection : snapshot.all<GatewayConnection>()) {
    const auto* gateway = snapshot.find<NetworkGateway>(Kind::NetworkGateway, connection->gateway);
    const auto* far = snapshot.find<OnPremisesNetwork>(Kind::OnPremisesNetwork, connection->on_premises_network);
    if (gateway && far) own_connections_.emplace(gateway->subnet.vnet, Connection{connection.get(), far});
  }
  add_pods();
  for (const auto& policy : snapshot.all<NetworkPolicy>()) policies_[policy->meta.ns].push_back(policy.get());
  if (!uses_.empty()) planned_ = plan_subnets(snapshot);
}

void Facts::add_uses(const Cluster& cluster) {
  std::size_t first = uses_.size();
  auto add = [&](const NodePool* pool, std::string field, const SubnetRef& ref) {
    if (ref.empty()) return;
    const VirtualNetwork* vnet = network(ref.vnet);
    uses_.push_back({&cluster, pool, std::move(field), ref, vnet, vnet ? vnet->find(ref.subnet) : nullptr});
  };
  for (std::size_t i = 0; i < cluster.node_pools.size(); ++i) {
    const NodePool& pool = cluster.node_pools[i];
    if (pool.subnet.empty())
      add(&pool, "spec.subnet", cluster.subnet);
    else
      add(&pool, item("spec.nodePools", i) + ".subnet", pool.subnet);
  }
  if (cluster.node_pools.empty()) add(nullptr, "spec.subnet", cluster.subnet);
  uses_by_cluster_[&cluster] = {first, uses_.size()};
}

std::vector<const Use*> Facts::uses_of(const Cluster& cluster) const {
  std::vector<const Use*> out;
  auto at = uses_by_cluster_.find(&cluster);
  if (at == uses_by_cluster_.end()) return out;
  for (std::size_t i = at->second.first; i < at->second.second; ++i) out.push_back(&uses_[i]);
  return out;
}

std::vector<const VirtualNetwork*> Facts::networks_of(const Cluster& cluster) const {
  std::vector<const VirtualNetwork*> out;
  for (const Use* use : uses_of(cluster))
    if (use->network && std::find(out.begin(), out.end(), use->network) == out.end()) out.push_back(use->network);
  return out;
}

const VirtualNetwork* Facts::network(std::string_view name) const {
  return snapshot_.find<VirtualNetwork>(Kind::VirtualNetwork, name);
}

const NetworkSecurityGroup* Facts::security_group(const std::string& name) const {
  return name.empty() ? nullptr : snapshot_.find<NetworkSecurityGroup>(Kind::NetworkSecurityGroup, name);
}

const RouteTable* Facts::route_table(const std::string& name) const {
  return name.empty() ? nullptr : snapshot_.find<RouteTable>(Kind::RouteTable, name);
}

std::vector<std::string> Facts::peers(const std::string& network) const {
  std::vector<std::string> out;
  auto at = peerings_from_.find(network);
  if (at == peerings_from_.end()) return out;
  for (const NetworkPeering* peering : at->second)
    if (has_peering(peering->to, network)) out.push_back(peering->to);
  return out;
}

std::vector<Connection> Facts::connections(const std::string& network) const {
  std::vector<Connection> out;
  auto add = [&](const std::string& of) {
    auto [first, last] = own_connections_.equal_range(of);
    for (auto at = first; at != last; ++at) out.push_back(at->second);
  };
  add(network);
  auto ours = peerings_from_.find(network);
  if (ours == peerings_from_.end()) return out;
  for (const NetworkPeering* peering : ours->second) {
    if (!peering->use_remote_gateways) continue;
    auto theirs = peerings_from_.find(peering->to);
    if (theirs == peerings_from_.end()) continue;
    for (const NetworkPeering* back : theirs->second)
      if (back->to == network && back->allow_gateway_transit) add(peering->to);
  }
  return out;
}

void Facts::add_pods() {
  for (const auto& workload : snapshot_.all<Workload>()) {
    bool everywhere = workload->meta.kind == Kind::DaemonSet;
    pods_.push_back({&workload->meta, &workload->template_labels, &workload->pod, everywhere ? 1 : workload->replicas,
                     "spec.template.spec"});
  }
  for (const auto& pod : snapshot_.all<Pod>())
    if (!pod->owner && !pod->finished()) pods_.push_back({&pod->meta, &pod->meta.labels, &pod->spec, 1, "spec"});
  for (std::size_t i = 0; i < pods_.size(); ++i) {
    const std::string& ns = pods_[i].meta->ns;
    namespaces_.try_emplace(ns, &pods_[i]);
    pods_by_namespace_[ns].push_back(i);
    auto& by_label = pods_by_label_[ns];
    for (const auto& label : *pods_[i].labels) by_label[label].push_back(i);
  }
}

// The label that the fewest pods have narrows the search; the selector decides.
std::vector<const Pods*> Facts::selected(const std::string& ns, const LabelSelector& selector) const {
  std::vector<const Pods*> out;
  auto all = pods_by_namespace_.find(ns);
  if (all == pods_by_namespace_.end()) return out;
  const std::vector<std::size_t>* candidates = &all->second;
  const auto& by_label = pods_by_label_.at(ns);
  for (const auto& label : selector.match_labels) {
    auto at = by_label.find(label);
    if (at == by_label.end()) return out;
    if (at->second.size() < candidates->size()) candidates = &at->second;
  }
  for (std::size_t i : *candidates)
    if (selector.matches(*pods_[i].labels)) out.push_back(&pods_[i]);
  return out;
}

std::vector<const Pods*> Facts::behind(const Service& service) const {
  if (!service.selector || service.selector->empty()) return {};
  LabelSelector selector;
  selector.match_labels = *service.selector;
  return selected(service.meta.ns, selector);
}

namespace {

bool names_controller(const std::string& text) {
  constexpr std::string_view words[] = {"ingress-nginx",  "nginx-ingress", "ingress-controller", "traefik",
                                        "contour",        "envoy",         "haproxy-ingress",    "kong",
                                        "bailey-gateway", "ingress-azure", "ingress-gateway",    "ingressgateway"};
  constexpr std::string_view others[] = {"default", "backend", "admission", "webhook", "metrics"};
  auto holds = [&](std::string_view word) { return text.find(word) != std::string::npos; };
  return std::any_of(std::begin(words), std::end(words), holds) &&
         std::none_of(std::begin(others), std::end(others), holds);
}

bool names_controller(const Meta& meta, const Labels& labels) {
  if (names_controller(meta.name)) return true;
  for (const char* key : {"app.kubernetes.io/name", "app", "k8s-app"})
    if (auto at = labels.find(key); at != labels.end() && names_controller(at->second)) {
      auto part = labels.find("app.kubernetes.io/component");
      return part == labels.end() || part->second == "controller" || part->second == "ingress-controller";
    }
  return false;
}

}  // namespace

bool Facts::is_controller(const Pods& pods) {
  return pods.meta->kind != Kind::Job && names_controller(*pods.meta, *pods.labels);
}

bool Facts::fronts_controller(const Service& service) const {
  if (names_controller(service.meta, service.meta.labels)) return true;
  std::vector<const Pods*> pods = behind(service);
  return std::any_of(pods.begin(), pods.end(), [](const Pods* each) { return is_controller(*each); });
}

const Cluster* Facts::cluster_of(const Node& node) const {
  const auto& clusters = snapshot_.all<Cluster>();
  if (node.cluster.empty()) return clusters.size() == 1 ? clusters.rows()[0].get() : nullptr;
  return snapshot_.find<Cluster>(Kind::Cluster, node.cluster);
}

std::uint32_t most_nodes(const NodePool& pool) { return std::max(pool.count, pool.max_count.value_or(0)); }

std::uint32_t surge_nodes(const NodePool& pool, std::uint32_t nodes) {
  return static_cast<std::uint32_t>(plan::surge_nodes(pool.max_surge, nodes).value_or(1));
}

std::string text_of(const std::vector<Prefix>& prefixes) {
  std::string out;
  for (const Prefix& prefix : prefixes) out += (out.empty() ? "" : ", ") + prefix.text();
  return out;
}

std::string item(std::string_view list, std::size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

bool is_web(const Service& service) {
  return std::any_of(service.ports.begin(), service.ports.end(), [](const ServicePort& port) {
    bool named = port.name.starts_with("http") || port.name == "web" || port.app_protocol.starts_with("http") ||
                 port.app_protocol == "kubernetes.io/h2c";
    bool usual = port.port == 80 || port.port == 443 || port.port == 8080 || port.port == 8443;
    return port.protocol == Protocol::tcp && (named || usual);
  });
}

bool is_internal(const Facts& facts, const Service& service) {
  constexpr std::array<std::pair<const char*, const char*>, 4> annotations = {
      {{"service.beta.kubernetes.io/azure-load-balancer-internal", "true"},
       {"service.beta.kubernetes.io/aws-load-balancer-scheme", "internal"},
       {"networking.gke.io/load-balancer-type", "Internal"},
       {"cloud.google.com/load-balancer-type", "Internal"}}};
  for (const auto& [key, value] : annotations)
    if (auto at = service.meta.annotations.find(key); at != service.meta.annotations.end() && at->second == value)
      return true;
  if (!service.load_balancer_address) return false;
  for (const auto& balancer : facts.now().all<LoadBalancer>())
    for (const AddressRange& range : balancer->addresses)
      if (balancer->internal && range.contains(*service.load_balancer_address)) return true;
  return false;
}

std::string range_field(const Cluster& cluster, std::string_view single, std::size_t index) {
  std::string one = "spec." + std::string(single);
  Position at = cluster.meta.source->at(one);
  if (at != cluster.meta.source->at("spec")) return one;
  return item(one + "s", index);
}

}  // namespace bailey::plan::check
