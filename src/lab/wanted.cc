// Which hosts, ports and pods a completed snapshot asks for, and the plugin configuration of each node.
#include <algorithm>

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

base::Json network_configuration(const std::string& network_model, base::Json ranges) {
  base::Json network = base::Json::object();
  network.set("cniVersion", "1.0.0").set("name", "bailey").set("type", "bailey-cni");
  return network.set("networkModel", network_model).set("podRanges", std::move(ranges)).set("mtu", 0);
}

base::Json prefixes_json(const std::vector<model::Prefix>& prefixes) {
  base::Json list = base::Json::array();
  for (const model::Prefix& prefix : prefixes) list.push(prefix.text());
  return list;
}

// The node's blocks; where the pod is pinned, of the families of its addresses only.
base::Json kubenet_configuration(const model::Node& node, const std::vector<model::Address>& pinned) {
  std::vector<model::Prefix> blocks;
  for (const model::Prefix& block : node.pod_cidrs) {
    bool wanted = pinned.empty() || std::any_of(pinned.begin(), pinned.end(), [&](const model::Address& address) {
                    return address.family() == block.family();
                  });
    if (wanted) blocks.push_back(block);
  }
  base::Json network = network_configuration("kubenet", prefixes_json(blocks));
  if (pinned.empty()) return network;
  base::Json addresses = base::Json::array();
  for (const model::Address& address : pinned) addresses.push(address.text());
  return network.set("runtimeConfig", base::Json::object().set("ips", std::move(addresses)));
}

base::Json vnet_configuration(const model::Node& node, const std::vector<model::Address>& pinned) {
  base::Json ranges = base::Json::array();
  if (pinned.empty()) {
    // As first-last: of a prefix the plugin would spare the network, gateway and broadcast addresses, but all of a
    // node's secondary addresses are for pods.
    for (const model::AddressRange& range : node.pod_ranges) ranges.push(range.first.text() + "-" + range.last.text());
  } else {
    for (const model::Address& address : pinned) ranges.push(model::Prefix::host(address).text());
  }
  return network_configuration("vnet", std::move(ranges));
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

std::map<std::string, base::Json> wanted_kubenet(const model::Snapshot& completed) {
  std::map<std::string, base::Json> out;
  for (const auto& node : completed.all<model::Node>()) {
    if (!realised(*node) || !model::resolve::is_kubenet(completed, *node) || node->pod_cidrs.empty()) continue;
    const auto* cluster = completed.find<model::Cluster>(model::Kind::Cluster, node->cluster);
    std::vector<model::Prefix> except = cluster->pod_cidrs;
    except.insert(except.end(), cluster->non_masquerade_cidrs.begin(), cluster->non_masquerade_cidrs.end());
    base::Json blocks = base::Json::object().set("blocks", prefixes_json(node->pod_cidrs));
    out["node/" + node->meta.name] = blocks.set("except", prefixes_json(except));
  }
  return out;
}

std::map<model::ObjectRef, RealisedPod> wanted_pods(const model::Snapshot& completed) {
  std::map<model::ObjectRef, RealisedPod> pods;
  for (const auto& pod : completed.all<model::Pod>()) {
    if (pod->finished() || pod->phase == "Pending" || pod->spec.node_name.empty()) continue;
    const auto* node = completed.find<model::Node>(model::Kind::Node, pod->spec.node_name);
    if (!node || !realised(*node)) continue;
    bool routed = !model::resolve::is_kubenet(completed, *node);
    bool has_address = pod->spec.host_network || (routed ? !node->pod_ranges.empty() || !pod->pinned_addresses.empty()
                                                         : !node->pod_cidrs.empty());
    if (!has_address) continue;
    RealisedPod wanted;
    wanted.host = "node/" + node->meta.name;
    wanted.ref = pod->meta.ref();
    wanted.ports = ports_of(pod->spec);
    wanted.host_network = pod->spec.host_network;
    wanted.pinned = pod->pinned_addresses;
    wanted.plugin =
        routed ? vnet_configuration(*node, pod->pinned_addresses) : kubenet_configuration(*node, pod->pinned_addresses);
    if (wanted.host_network) wanted.addresses = node->addresses;
    pods[wanted.ref] = std::move(wanted);
  }
  return pods;
}

}  // namespace bailey::lab
