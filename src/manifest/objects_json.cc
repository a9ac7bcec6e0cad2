#include "manifest/objects_json.h"

#include "model/kubernetes.h"

namespace bailey::manifest {
namespace {

using base::Json;

// Writers know that their keys differ, and so append, where set() would look for the key first.
Json object_of(Json::Object members) { return {std::move(members)}; }

Json map_of(const model::Labels& labels) {
  Json::Object out;
  out.reserve(labels.size());
  for (const auto& [key, value] : labels) out.emplace_back(key, value);
  return out;
}

template <typename T>
Json texts_of(const std::vector<T>& values) {
  Json::Array out;
  for (const T& value : values) out.emplace_back(value.text());
  return out;
}

const char* protocol_text(model::Protocol protocol) {
  switch (protocol) {
    case model::Protocol::udp: return "UDP";
    case model::Protocol::sctp: return "SCTP";
    default: return "TCP";
  }
}

Json metadata_of(const model::Meta& meta) {
  Json::Object out;
  out.emplace_back("name", meta.name);
  if (!meta.ns.empty()) out.emplace_back("namespace", meta.ns);
  if (!meta.labels.empty()) out.emplace_back("labels", map_of(meta.labels));
  if (!meta.annotations.empty()) out.emplace_back("annotations", map_of(meta.annotations));
  // When it was is not kept; that it was is what is read.
  if (meta.deleting) out.emplace_back("deletionTimestamp", "1970-01-01T00:00:00Z");
  return out;
}

Json::Object head_of(const model::Meta& meta) {
  Json::Object out;
  out.reserve(5);
  out.emplace_back("apiVersion", model::info(meta.kind).api_versions.front());
  out.emplace_back("kind", model::name(meta.kind));
  out.emplace_back("metadata", metadata_of(meta));
  return out;
}

Json ready_conditions(bool ready) {
  return Json::Array{object_of({{"type", "Ready"}, {"status", ready ? "True" : "False"}})};
}

Json node_json(const model::Node& node) {
  Json::Array addresses;
  for (const model::Address& address : node.addresses)
    addresses.push_back(object_of({{"type", "InternalIP"}, {"address", address.text()}}));
  for (const model::Address& address : node.external_addresses)
    addresses.push_back(object_of({{"type", "ExternalIP"}, {"address", address.text()}}));
  Json::Object out = head_of(node.meta);
  if (!node.pod_cidrs.empty()) out.emplace_back("spec", object_of({{"podCIDRs", texts_of(node.pod_cidrs)}}));
  out.emplace_back("status",
                   object_of({{"addresses", std::move(addresses)}, {"conditions", ready_conditions(node.ready)}}));
  return out;
}

Json container_ports_of(const std::vector<model::ContainerPort>& ports) {
  Json::Array out;
  for (const model::ContainerPort& port : ports) {
    Json::Object row;
    if (!port.name.empty()) row.emplace_back("name", port.name);
    row.emplace_back("containerPort", port.port);
    if (port.host_port != 0) row.emplace_back("hostPort", port.host_port);
    row.emplace_back("protocol", protocol_text(port.protocol));
    out.emplace_back(std::move(row));
  }
  return out;
}

Json pod_json(const model::Pod& pod) {
  Json::Object spec;
  if (!pod.spec.node_name.empty()) spec.emplace_back("nodeName", pod.spec.node_name);
  if (pod.spec.host_network) spec.emplace_back("hostNetwork", true);
  if (!pod.spec.service_account.empty()) spec.emplace_back("serviceAccountName", pod.spec.service_account);
  // Which container has a port is not kept, so one has them all.
  Json::Object container{{"name", "c"}};
  if (!pod.spec.ports.empty()) container.emplace_back("ports", container_ports_of(pod.spec.ports));
  spec.emplace_back("containers", Json::Array{Json(std::move(container))});
  Json::Object status;
  if (!pod.phase.empty()) status.emplace_back("phase", pod.phase);
  status.emplace_back("conditions", ready_conditions(pod.ready));
  Json::Array addresses;
  for (const model::Address& address : pod.addresses) addresses.push_back(object_of({{"ip", address.text()}}));
  if (!addresses.empty()) status.emplace_back("podIPs", std::move(addresses));
  Json::Object out = head_of(pod.meta);
  out.emplace_back("spec", std::move(spec));
  out.emplace_back("status", std::move(status));
  return out;
}

const char* operator_text(model::LabelSelector::Operator op) {
  switch (op) {
    case model::LabelSelector::Operator::in: return "In";
    case model::LabelSelector::Operator::not_in: return "NotIn";
    case model::LabelSelector::Operator::exists: return "Exists";
    case model::LabelSelector::Operator::does_not_exist: return "DoesNotExist";
  }
  return "";
}

Json selector_json(const model::LabelSelector& selector) {
  Json::Object out;
  if (!selector.match_labels.empty()) out.emplace_back("matchLabels", map_of(selector.match_labels));
  Json::Array expressions;
  for (const model::LabelSelector::Expression& expression : selector.expressions) {
    Json::Object row{{"key", expression.key}, {"operator", operator_text(expression.op)}};
    if (!expression.values.empty())
      row.emplace_back("values", Json::Array(expression.values.begin(), expression.values.end()));
    expressions.emplace_back(std::move(row));
  }
  if (!expressions.empty()) out.emplace_back("matchExpressions", std::move(expressions));
  return out;
}

Json peers_json(const std::vector<model::PolicyPeer>& peers) {
  Json::Array out;
  for (const model::PolicyPeer& peer : peers) {
    Json::Object row;
    if (peer.ip_block) {
      Json::Object block{{"cidr", peer.ip_block->cidr.text()}};
      if (!peer.ip_block->except.empty()) block.emplace_back("except", texts_of(peer.ip_block->except));
      row.emplace_back("ipBlock", std::move(block));
    }
    if (peer.namespace_selector) row.emplace_back("namespaceSelector", selector_json(*peer.namespace_selector));
    if (peer.pod_selector) row.emplace_back("podSelector", selector_json(*peer.pod_selector));
    out.emplace_back(std::move(row));
  }
  return out;
}

Json policy_ports_json(const std::vector<model::PolicyPort>& ports) {
  Json::Array out;
  for (const model::PolicyPort& port : ports) {
    Json::Object row{{"protocol", protocol_text(port.protocol)}};
    if (port.port) row.emplace_back("port", port.port->name.empty() ? Json(port.port->number) : Json(port.port->name));
    if (port.end_port != 0) row.emplace_back("endPort", port.end_port);
    out.emplace_back(std::move(row));
  }
  return out;
}

// An absent list and an empty one both mean everything.
Json rules_json(const std::vector<model::PolicyRule>& rules, const char* peers) {
  Json::Array out;
  for (const model::PolicyRule& rule : rules) {
    Json::Object row;
    if (!rule.peers.empty()) row.emplace_back(peers, peers_json(rule.peers));
    if (!rule.ports.empty()) row.emplace_back("ports", policy_ports_json(rule.ports));
    out.emplace_back(std::move(row));
  }
  return out;
}

Json policy_json(const model::NetworkPolicy& policy) {
  Json::Array types;
  if (policy.ingress) types.emplace_back("Ingress");
  if (policy.egress) types.emplace_back("Egress");
  Json::Object spec{{"podSelector", selector_json(policy.pod_selector)}, {"policyTypes", std::move(types)}};
  if (!policy.ingress_rules.empty()) spec.emplace_back("ingress", rules_json(policy.ingress_rules, "from"));
  if (!policy.egress_rules.empty()) spec.emplace_back("egress", rules_json(policy.egress_rules, "to"));
  Json::Object out = head_of(policy.meta);
  out.emplace_back("spec", std::move(spec));
  return out;
}

}  // namespace

Json json_of(const model::AnyObject& object) {
  if (auto pod = object.as<model::Pod>()) return pod_json(*pod);
  if (auto node = object.as<model::Node>()) return node_json(*node);
  if (auto policy = object.as<model::NetworkPolicy>()) return policy_json(*policy);
  if (auto space = object.as<model::Namespace>()) return head_of(space->meta);
  return {};
}

}  // namespace bailey::manifest
