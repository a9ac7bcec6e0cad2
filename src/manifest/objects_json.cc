#include "manifest/objects_json.h"

namespace bailey::manifest {
namespace {

using base::Json;

Json labels_json(const model::Labels& labels) {
  Json out = Json::object();
  for (const auto& [key, value] : labels) out.set(key, value);
  return out;
}

Json begun(const model::Meta& meta, const char* version) {
  Json metadata = Json::object().set("name", meta.name);
  if (!meta.ns.empty()) metadata.set("namespace", meta.ns);
  if (!meta.labels.empty()) metadata.set("labels", labels_json(meta.labels));
  if (!meta.annotations.empty()) metadata.set("annotations", labels_json(meta.annotations));
  if (meta.deleting) metadata.set("deletionTimestamp", "1970-01-01T00:00:00Z");
  Json out = Json::object().set("apiVersion", version).set("kind", model::name(meta.kind));
  return out.set("metadata", std::move(metadata));
}

const char* protocol_name(model::Protocol protocol) {
  switch (protocol) {
    case model::Protocol::udp: return "UDP";
    case model::Protocol::sctp: return "SCTP";
    default: return "TCP";
  }
}

Json pod_json(const model::Pod& pod) {
  Json ports = Json::array();
  for (const model::ContainerPort& port : pod.spec.ports) {
    Json item = Json::object().set("containerPort", port.port).set("protocol", protocol_name(port.protocol));
    if (!port.name.empty()) item.set("name", port.name);
    if (port.host_port != 0) item.set("hostPort", port.host_port);
    ports.push(std::move(item));
  }
  Json container = Json::object().set("name", "all").set("ports", std::move(ports));
  Json containers = Json::array();
  containers.push(std::move(container));
  Json spec = Json::object().set("containers", std::move(containers));
  if (!pod.spec.node_name.empty()) spec.set("nodeName", pod.spec.node_name);
  if (pod.spec.host_network) spec.set("hostNetwork", true);
  Json status = Json::object();
  if (!pod.phase.empty()) status.set("phase", pod.phase);
  if (!pod.addresses.empty()) {
    Json addresses = Json::array();
    for (const model::Address& address : pod.addresses) addresses.push(Json::object().set("ip", address.text()));
    status.set("podIPs", std::move(addresses));
  }
  Json conditions = Json::array();
  conditions.push(Json::object().set("type", "Ready").set("status", pod.ready ? "True" : "False"));
  return begun(pod.meta, "v1").set("spec", std::move(spec)).set("status", status.set("conditions", conditions));
}

Json node_json(const model::Node& node) {
  Json addresses = Json::array();
  auto add = [&](const std::vector<model::Address>& list, const char* type) {
    for (const model::Address& address : list)
      addresses.push(Json::object().set("type", type).set("address", address.text()));
  };
  add(node.addresses, "InternalIP");
  add(node.external_addresses, "ExternalIP");
  Json conditions = Json::array();
  conditions.push(Json::object().set("type", "Ready").set("status", node.ready ? "True" : "False"));
  Json out = begun(node.meta, "v1");
  if (!node.pod_cidrs.empty()) {
    Json blocks = Json::array();
    for (const model::Prefix& block : node.pod_cidrs) blocks.push(block.text());
    out.set("spec", Json::object().set("podCIDRs", std::move(blocks)));
  }
  return out.set("status",
                 Json::object().set("addresses", std::move(addresses)).set("conditions", std::move(conditions)));
}

const char* operator_name(model::LabelSelector::Operator op) {
  switch (op) {
    case model::LabelSelector::Operator::in: return "In";
    case model::LabelSelector::Operator::not_in: return "NotIn";
    case model::LabelSelector::Operator::exists: return "Exists";
    case model::LabelSelector::Operator::does_not_exist: return "DoesNotExist";
  }
  return "";
}

Json selector_json(const model::LabelSelector& selector) {
  Json out = Json::object();
  if (!selector.match_labels.empty()) out.set("matchLabels", labels_json(selector.match_labels));
  if (selector.expressions.empty()) return out;
  Json expressions = Json::array();
  for (const auto& expression : selector.expressions) {
    Json item = Json::object().set("key", expression.key).set("operator", operator_name(expression.op));
    if (!expression.values.empty()) {
      Json values = Json::array();
      for (const std::string& value : expression.values) values.push(value);
      item.set("values", std::move(values));
    }
    expressions.push(std::move(item));
  }
  return out.set("matchExpressions", std::move(expressions));
}

Json peer_json(const model::PolicyPeer& peer) {
  Json out = Json::object();
  if (peer.ip_block) {
    Json block = Json::object().set("cidr", peer.ip_block->cidr.text());
    if (!peer.ip_block->except.empty()) {
      Json except = Json::array();
      for (const model::Prefix& hole : peer.ip_block->except) except.push(hole.text());
      block.set("except", std::move(except));
    }
    out.set("ipBlock", std::move(block));
  }
  if (peer.namespace_selector) out.set("namespaceSelector", selector_json(*peer.namespace_selector));
  if (peer.pod_selector) out.set("podSelector", selector_json(*peer.pod_selector));
  return out;
}

Json rules_json(const std::vector<model::PolicyRule>& rules, const char* peers_key) {
  Json out = Json::array();
  for (const model::PolicyRule& rule : rules) {
    Json peers = Json::array();
    for (const model::PolicyPeer& peer : rule.peers) peers.push(peer_json(peer));
    Json ports = Json::array();
    for (const model::PolicyPort& port : rule.ports) {
      Json item = Json::object().set("protocol", protocol_name(port.protocol));
      if (port.port) item.set("port", port.port->name.empty() ? Json(port.port->number) : Json(port.port->name));
      if (port.end_port != 0) item.set("endPort", port.end_port);
      ports.push(std::move(item));
    }
    Json item = Json::object();
    if (!rule.peers.empty()) item.set(peers_key, std::move(peers));
    if (!rule.ports.empty()) item.set("ports", std::move(ports));
    out.push(std::move(item));
  }
  return out;
}

Json policy_json(const model::NetworkPolicy& policy) {
  Json types = Json::array();
  if (policy.ingress) types.push("Ingress");
  if (policy.egress) types.push("Egress");
  Json spec = Json::object().set("podSelector", selector_json(policy.pod_selector)).set("policyTypes", types);
  spec.set("ingress", rules_json(policy.ingress_rules, "from")).set("egress", rules_json(policy.egress_rules, "to"));
  return begun(policy.meta, "networking.k8s.io/v1").set("spec", std::move(spec));
}

}  // namespace

base::Json json_of(const model::AnyObject& object) {
  if (auto pod = object.as<model::Pod>()) return pod_json(*pod);
  if (auto node = object.as<model::Node>()) return node_json(*node);
  if (auto policy = object.as<model::NetworkPolicy>()) return policy_json(*policy);
  if (auto space = object.as<model::Namespace>()) return begun(space->meta, "v1");
  return {};
}

}  // namespace bailey::manifest
