// Which hosts, ports and pods a completed snapshot asks for, and the plugin configuration of each node.
#include "lab/network.h"
#include "model/resolve/interfaces.h"

namespace bailey::lab {
namespace {

// A node answers where a real one does: sshd and kubelet. They are echo servers here.
const std::set<model::Port>& node_ports() {
  static const std::set<model::Port> ports = {{22, model::Protocol::tcp}, {10250, model::Protocol::tcp}};
  return ports;
}

HostSpec spec(std::string name, std::string node = "") {
  HostSpec host{name, std::move(node), base::Json::object()};
  host.identity.set("answered_by", name);
  if (!host.node.empty()) host.identity.set("node", host.node);
  return host;
}

// A node without an address cannot be part of any network.
bool realised(const model::Node& node) { return !node.addresses.empty() && node.os == model::Os::linux; }

base::Json plugin_configuration(const model::Node& node, const std::vector<model::Address>& pinned) {
  base::Json ranges = base::Json::array();
  if (pinned.empty()) {
    // As first-last: of a prefix the plugin would spare the network, gateway and broadcast addresses, but all of a
    // node's secondary addresses are for pods.
    for (const model::AddressRange& range : node.pod_ranges) ranges.push(range.first.text() + "-" + range.last.text());
  } else {
    for (const model::Address& address : pinned) ranges.push(model::Prefix::host(address).text());
  }
  base::Json network = base::Json::object();
  network.set("cniVersion", "1.0.0").set("name", "bailey").set("type", "bailey-cni");
  return network.set("networkModel", "vnet").set("podRanges", std::move(ranges)).set("mtu", 0);
}

std::set<model::Port> ports_of(const model::PodSpec& pod) {
  std::set<model::Port> ports;
  for (const model::ContainerPort& port : pod.ports) ports.insert({port.port, port.protocol});
  return ports;
}

}  // namespace

std::map<std::string, HostSpec> wanted_hosts(const model::Snapshot& completed) {
  std::map<std::string, HostSpec> hosts;
  auto add = [&](HostSpec host) { hosts[host.name] = std::move(host); };
  add(spec("fabric"));
  add(spec("internet"));
  for (const auto& network : completed.all<model::OnPremisesNetwork>()) add(spec("onprem/" + network->meta.name));
  for (const auto& host : completed.all<model::LabHost>()) add(spec("host/" + host->meta.name));
  for (const auto& node : completed.all<model::Node>())
    if (realised(*node)) add(spec("node/" + node->meta.name, node->meta.name));
  return hosts;
}

std::map<std::string, std::set<model::Port>> wanted_ports(const model::Snapshot& completed) {
  std::map<std::string, std::set<model::Port>> ports;
  for (const auto& host : completed.all<model::LabHost>())
    ports["host/" + host->meta.name] = {host->listeners.begin(), host->listeners.end()};
  for (const auto& node : completed.all<model::Node>())
    if (realised(*node)) ports["node/" + node->meta.name] = node_ports();
  return ports;
}

std::map<model::ObjectRef, RealisedPod> wanted_pods(const model::Snapshot& completed) {
  std::map<model::ObjectRef, RealisedPod> pods;
  for (const auto& pod : completed.all<model::Pod>()) {
    if (pod->finished() || pod->phase == "Pending" || pod->spec.node_name.empty()) continue;
    const auto* node = completed.find<model::Node>(model::Kind::Node, pod->spec.node_name);
    if (!node || !realised(*node)) continue;
    bool has_address = pod->spec.host_network || !node->pod_ranges.empty() || !pod->pinned_addresses.empty();
    if (!has_address) continue;
    RealisedPod wanted;
    wanted.host = "node/" + node->meta.name;
    wanted.ref = pod->meta.ref();
    wanted.ports = ports_of(pod->spec);
    wanted.host_network = pod->spec.host_network;
    wanted.pinned = pod->pinned_addresses;
    wanted.plugin = plugin_configuration(*node, pod->pinned_addresses);
    if (wanted.host_network) wanted.addresses = node->addresses;
    pods[wanted.ref] = std::move(wanted);
  }
  return pods;
}

}  // namespace bailey::lab
