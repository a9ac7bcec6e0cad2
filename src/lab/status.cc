#include "lab/status.h"

#include <algorithm>

#include "ipam/pool.h"
#include "lab/wire.h"
#include "model/resolve/interfaces.h"
#include "model/resolve/peering.h"
#include "model/resolve/services.h"

namespace bailey::lab {
namespace {

template <typename List>
base::Json texts_of(const List& values) {
  base::Json out = base::Json::array();
  for (const auto& value : values) out.push(value.text());
  return out;
}

std::string kind_of_host(const std::string& host) {
  if (host.starts_with("node/")) return "node";
  if (host.starts_with("host/")) return "host";
  if (host.starts_with("onprem/")) return "onpremises";
  return host;  // fabric, internet
}

base::Json addresses_of(const std::string& host, const model::Snapshot& snapshot,
                        const std::vector<model::resolve::Interface>& interfaces) {
  std::vector<model::Address> addresses;
  if (host.starts_with("node/"))
    if (const auto* node = snapshot.find<model::Node>(model::Kind::Node, host.substr(5))) addresses = node->addresses;
  if (host.starts_with("host/")) {
    const auto* lab_host = snapshot.find<model::LabHost>(model::Kind::LabHost, host.substr(5));
    if (lab_host) addresses = lab_host->addresses;
    for (const model::resolve::Interface& nic : interfaces)
      if (nic.owner == model::resolve::Interface::Owner::lab_host && nic.owner_name == host.substr(5))
        addresses.insert(addresses.end(), nic.addresses.begin(), nic.addresses.end());
  }
  return texts_of(addresses);
}

base::Json hosts_json(const Hosts& hosts, const model::Snapshot& snapshot) {
  std::vector<model::resolve::Interface> interfaces = model::resolve::interfaces(snapshot);
  base::Json out = base::Json::array();
  for (const std::string& name : hosts.names()) {
    base::Json host = base::Json::object().set("name", name).set("kind", kind_of_host(name));
    host.set("addresses", addresses_of(name, snapshot, interfaces));
    for (const model::resolve::Interface& nic : interfaces) {
      bool owner = (nic.owner == model::resolve::Interface::Owner::node && name == "node/" + nic.owner_name) ||
                   (nic.owner == model::resolve::Interface::Owner::lab_host && name == "host/" + nic.owner_name);
      if (owner && !nic.subnet.empty() && !host.has("subnet")) host.set("subnet", nic.subnet.text());
    }
    if (name.starts_with("host/")) {
      const auto* lab_host = snapshot.find<model::LabHost>(model::Kind::LabHost, name.substr(5));
      if (lab_host && lab_host->network == model::LabHost::Network::internet) host.set("network", "internet");
      if (lab_host && lab_host->network == model::LabHost::Network::on_premises)
        host.set("network", lab_host->on_premises_network);
    }
    base::Json pids = base::Json::object();
    if (hosts.pid(name) > 0) pids.set("agent", hosts.pid(name));
    host.set("pids", std::move(pids));
    out.push(std::move(host));
  }
  return out;
}

base::Json pods_json(const Network& network) {
  base::Json out = base::Json::array();
  for (const auto& pod : network.current().all<model::Pod>()) {
    auto realised = network.pods().find(pod->meta.ref());
    bool here = realised != network.pods().end();
    base::Json json = base::Json::object().set("namespace", pod->meta.ns).set("name", pod->meta.name);
    json.set("node", pod->spec.node_name);
    json.set("phase", pod->phase.empty() ? "Pending" : pod->phase);
    json.set("ready", here && realised->second.ready && pod->ready);
    json.set("addresses", here ? texts_of(realised->second.addresses) : texts_of(pod->addresses));
    json.set("ports", here ? texts_of(realised->second.ports) : base::Json::array());
    out.push(std::move(json));
  }
  return out;
}

base::Json clusters_json(const model::Snapshot& snapshot) {
  base::Json out = base::Json::array();
  for (const auto& cluster : snapshot.all<model::Cluster>()) {
    base::Json json = base::Json::object().set("name", cluster->meta.name);
    json.set("network_model", cluster->network_model == model::NetworkModel::vnet ? "vnet" : "kubenet");
    out.push(json.set("pod_cidrs", texts_of(cluster->pod_cidrs)));
  }
  return out;
}

// Whole as a number up to 2^53, which every reader of JSON can hold; beyond that in decimal digits as text.
base::Json count_json(model::Uint128 count) {
  if (count <= model::Uint128{1} << 53) return static_cast<std::int64_t>(count);
  return ipam::count_text(count);
}

// Addresses of the subnet that pods have in fact.
std::uint64_t held_by_pods(const Network& network, const SubnetUse& use) {
  const auto* vnet = network.current().find<model::VirtualNetwork>(model::Kind::VirtualNetwork, use.subnet.vnet);
  const model::Subnet* subnet = vnet ? vnet->find(use.subnet.subnet) : nullptr;
  if (!subnet) return 0;
  std::set<std::string> nodes;
  for (const auto& node : network.current().all<model::Node>())
    if (node->subnet == use.subnet) nodes.insert(network.host_of_node(node->meta.name));
  auto inside = [&](const model::Address& address) {
    return address.family() == use.family &&
           std::any_of(subnet->prefixes.begin(), subnet->prefixes.end(),
                       [&](const model::Prefix& prefix) { return prefix.contains(address); });
  };
  std::uint64_t held = 0;
  for (const auto& [ref, pod] : network.pods())
    if (!pod.host_network && nodes.contains(pod.host))
      held += static_cast<std::uint64_t>(std::count_if(pod.addresses.begin(), pod.addresses.end(), inside));
  return held;
}

base::Json subnets_json(const Network& network) {
  base::Json out = base::Json::array();
  for (const SubnetUse& use : network.subnets()) {
    base::Json json = base::Json::object().set("name", use.subnet.text());
    json.set("family", use.family == model::Family::v4 ? 4 : 6).set("size", count_json(use.size));
    json.set("nodes", count_json(use.nodes)).set("pods_reserved", count_json(use.pods_reserved));
    out.push(json.set("pods_held", held_by_pods(network, use)).set("free", count_json(use.free)));
  }
  return out;
}

base::Json services_json(const model::Snapshot& snapshot) {
  constexpr std::string_view types[] = {"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"};
  base::Json out = base::Json::array();
  for (const auto& service : snapshot.all<model::Service>()) {
    base::Json json = base::Json::object().set("namespace", service->meta.ns).set("name", service->meta.name);
    json.set("type", types[static_cast<int>(service->type)]).set("addresses", texts_of(service->cluster_addresses));
    base::Json ports = base::Json::array();
    for (const model::ServicePort& port : service->ports) ports.push(model::Port{port.port, port.protocol}.text());
    base::Json pods = base::Json::array();
    for (const model::Pod* pod : model::resolve::service_pods(snapshot, *service))
      pods.push("pod/" + pod->meta.ns + "/" + pod->meta.name);
    out.push(json.set("ports", std::move(ports)).set("pods", std::move(pods)));
  }
  return out;
}

base::Json vnet_json(const model::Snapshot& snapshot, const model::VirtualNetwork& vnet) {
  base::Json json = base::Json::object().set("name", vnet.meta.name).set("kind", "vnet");
  json.set("prefixes", texts_of(vnet.address_space)).set("outbound_addresses", texts_of(vnet.outbound_addresses));
  base::Json subnets = base::Json::array();
  for (const model::Subnet& subnet : vnet.subnets)
    subnets.push(base::Json::object().set("name", subnet.name).set("prefixes", texts_of(subnet.prefixes)));
  json.set("subnets", std::move(subnets));
  base::Json peers = base::Json::array();
  for (const auto& peering : snapshot.all<model::NetworkPeering>()) {
    if (peering->from != vnet.meta.name) continue;
    bool connected = model::resolve::state(snapshot, *peering) == model::resolve::PeeringState::connected;
    base::Json peer = base::Json::object().set("name", peering->to).set("peering", peering->meta.name);
    peers.push(peer.set("state", connected ? "Connected" : "Initiated"));
  }
  json.set("peers", std::move(peers));
  base::Json gateways = base::Json::array();
  for (const auto& gateway : snapshot.all<model::NetworkGateway>()) {
    if (gateway->subnet.vnet != vnet.meta.name) continue;
    base::Json entry = base::Json::object().set("name", gateway->meta.name);
    entry.set("type", gateway->type == model::GatewayType::vpn ? "Vpn" : "ExpressRoute");
    base::Json reaches = base::Json::array();
    for (const auto& connection : snapshot.all<model::GatewayConnection>())
      if (connection->gateway == gateway->meta.name) reaches.push(connection->on_premises_network);
    gateways.push(entry.set("networks", std::move(reaches)));
  }
  return json.set("gateways", std::move(gateways));
}

base::Json networks_json(const model::Snapshot& snapshot) {
  base::Json out = base::Json::array();
  for (const auto& vnet : snapshot.all<model::VirtualNetwork>()) out.push(vnet_json(snapshot, *vnet));
  for (const auto& network : snapshot.all<model::OnPremisesNetwork>()) {
    base::Json json = base::Json::object().set("name", network->meta.name).set("kind", "onpremises");
    out.push(json.set("prefixes", texts_of(network->address_space)));
  }
  out.push(base::Json::object().set("name", "internet").set("kind", "internet").set("prefixes", base::Json::array()));
  return out;
}

// `off` is why the kernel does not take the fast path, null where it does.
base::Json fabric_json(const fabric::sys::Applier::FastPathStatus& status) {
  base::Json json = base::Json::object().set("fast_path", status.on).set("packets", status.packets);
  return json.set("off", status.off ? base::Json(status.off->text()) : base::Json(nullptr));
}

// Whether the nodes' agents enforce network policies, and which do not.
base::Json policy_json(const Network& network) {
  base::Json not_enforced = base::Json::array();
  for (const auto& [host, why] : network.unpoliced())
    not_enforced.push(base::Json::object().set("host", host).set("why", why));
  bool nodes = !network.current().all<model::Node>().empty();
  return base::Json::object().set("enforced", nodes && network.unpoliced().empty()).set("not_enforced", not_enforced);
}

}  // namespace

bool is_ready(const Hosts& hosts, const Network& network) {
  for (const auto& [ref, pod] : network.pods())
    if (!pod.ready) return false;
  for (const std::string& host : hosts.names())
    if (hosts.failed(host)) return false;
  return true;
}

base::Json status_document(const std::string& lab, double seconds, const Hosts& hosts, const Network& network) {
  base::Json conditions = base::Json::array();
  for (const Condition& condition : network.conditions()) conditions.push(to_json(condition));
  base::Json made = base::Json::array();
  for (const model::ObjectRef& ref : network.made()) made.push(ref.text());
  base::Json json = base::Json::object().set("name", lab).set("generation", network.given().generation());
  json.set("ready", is_ready(hosts, network)).set("seconds", seconds).set("ca_file", nullptr);
  json.set("hosts", hosts_json(hosts, network.current())).set("pods", pods_json(network));
  json.set("clusters", clusters_json(network.current())).set("subnets", subnets_json(network));
  json.set("services", services_json(network.current())).set("networks", networks_json(network.current()));
  json.set("fabric", fabric_json(network.fast_path())).set("policy", policy_json(network));
  return json.set("conditions", std::move(conditions)).set("made", std::move(made));
}

}  // namespace bailey::lab
