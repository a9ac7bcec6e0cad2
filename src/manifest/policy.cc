// NetworkPolicy, with the checks and defaults of the API server.
#include "manifest/decoders.h"
#include "manifest/values.h"
#include "model/kubernetes.h"

namespace bailey::manifest {
namespace {

std::optional<model::IpBlock> ip_block(const Field& field) {
  Mapping map(field);
  model::IpBlock block;
  std::optional<model::Prefix> cidr = prefix(map.required("cidr"), HostBits::warn);
  if (cidr) block.cidr = *cidr;
  map["except"].each([&](const Field& item) {
    std::optional<model::Prefix> except = prefix(item, HostBits::warn);
    if (!except || !cidr) return;
    if (!cidr->contains(*except) || *except == *cidr)
      item.fail("outside-range", {"manifest.expected-except-inside", {cidr->text()}}, {"manifest.mend-except", {}});
    else
      block.except.push_back(*except);
  });
  if (!cidr) return std::nullopt;
  return block;
}

model::PolicyPeer peer(const Field& item) {
  model::PolicyPeer out;
  Mapping map(item);
  Field block = map["ipBlock"];
  Field namespaces = map["namespaceSelector"];
  Field pods = map["podSelector"];
  if (map && !block.present() && !namespaces.present() && !pods.present())
    item.fail("missing-field", {"manifest.expected-peer", {}}, {"manifest.mend-peer", {}});
  if (block.present() && (namespaces.present() || pods.present()))
    block.fail("not-allowed", {"manifest.expected-block-alone", {}}, {"manifest.found-block-and-selector", {}},
               {"manifest.mend-block-alone", {}});
  if (block.present()) out.ip_block = ip_block(block);
  if (namespaces.present()) out.namespace_selector = selector(namespaces);
  if (pods.present()) out.pod_selector = selector(pods);
  return out;
}

model::PolicyPort port(const Field& item) {
  model::PolicyPort out;
  Mapping map(item);
  out.protocol = kubernetes_protocol(map["protocol"]);
  Field number = map["port"];
  out.port = port_ref(number);
  Field last = map["endPort"];
  if (!last.present()) return out;
  if (!number.present() || (out.port && !out.port->name.empty())) {
    last.fail("not-allowed", {"manifest.expected-numeric-port", {}}, {"manifest.mend-numeric-port", {}});
    return out;
  }
  std::int64_t least = out.port ? out.port->number : 1;
  out.end_port = static_cast<std::uint16_t>(last.number(least, 65535).value_or(0));
  return out;
}

std::vector<model::PolicyRule> rules(const Field& field, std::string_view peers) {
  std::vector<model::PolicyRule> out;
  field.each([&](const Field& item) {
    Mapping map(item);
    model::PolicyRule rule;
    map[peers].each([&](const Field& entry) { rule.peers.push_back(peer(entry)); });
    map["ports"].each([&](const Field& entry) { rule.ports.push_back(port(entry)); });
    out.push_back(std::move(rule));
  });
  return out;
}

void policy_types(const Field& field, const Field& egress, model::NetworkPolicy& policy) {
  policy.ingress = true;
  policy.egress = egress.size() > 0;
  if (!field.present() || (field.is_list() && field.size() == 0)) return;
  policy.ingress = policy.egress = false;
  field.each([&](const Field& item) {
    std::optional<std::string> word = item.one_of({"Ingress", "Egress"});
    if (word) (*word == "Ingress" ? policy.ingress : policy.egress) = true;
  });
  if (!policy.egress && egress.size() > 0)
    egress.warn("no-effect", {"manifest.expected-policy-type", {"Egress"}}, {"manifest.found-rules-without-type", {}},
                {"manifest.mend-policy-type", {"Egress"}});
}

}  // namespace

model::AnyObject read_network_policy(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::NetworkPolicy>();
  out->meta = std::move(meta);
  root.ignore({"status"});
  Field spec_field = root.required("spec");
  Mapping spec(spec_field);
  if (!spec) return std::shared_ptr<const model::NetworkPolicy>(out);
  if (std::optional<model::LabelSelector> pods = selector(spec["podSelector"])) out->pod_selector = *pods;
  Field ingress = spec["ingress"];
  Field egress = spec["egress"];
  out->ingress_rules = rules(ingress, "from");
  out->egress_rules = rules(egress, "to");
  policy_types(spec["policyTypes"], egress, *out);
  if (!out->ingress && ingress.size() > 0)
    ingress.warn("no-effect", {"manifest.expected-policy-type", {"Ingress"}}, {"manifest.found-rules-without-type", {}},
                 {"manifest.mend-policy-type", {"Ingress"}});
  return std::shared_ptr<const model::NetworkPolicy>(out);
}

}  // namespace bailey::manifest
