// Services and their endpoints; Secrets and ConfigMaps.
#include <algorithm>
#include <set>

#include "manifest/decoders.h"
#include "manifest/values.h"
#include "model/kubernetes.h"

namespace bailey::manifest {
namespace {

using model::ServiceType;

std::vector<model::Address> address_list(const Field& field) {
  std::vector<model::Address> out;
  field.each([&](const Field& item) {
    if (std::optional<model::Address> value = host_address(item)) out.push_back(*value);
  });
  return out;
}

ServiceType type_of(const Field& field) {
  std::string word = field.one_of({"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"}).value_or("ClusterIP");
  if (word == "NodePort") return ServiceType::node_port;
  if (word == "LoadBalancer") return ServiceType::load_balancer;
  return word == "ExternalName" ? ServiceType::external_name : ServiceType::cluster_ip;
}

std::string_view name_of(ServiceType type) {
  constexpr std::string_view names[] = {"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"};
  return names[static_cast<int>(type)];
}

bool has_node_ports(ServiceType type) { return type == ServiceType::node_port || type == ServiceType::load_balancer; }

void not_for_type(const Field& field, ServiceType type) {
  field.fail("not-allowed", {"manifest.expected-other-type", {std::string(name_of(type))}},
             {"manifest.mend-type-or-remove", {"NodePort, LoadBalancer"}});
}

// clusterIP and clusterIPs: "None" makes a headless service; the first of the list equals the single one.
void cluster_addresses(Mapping& spec, model::Service& service) {
  Field single = spec["clusterIP"];
  Field several = spec["clusterIPs"];
  auto read = [&](const Field& field) {
    std::optional<std::string> text = field.text();
    if (!text || text->empty()) return;
    if (*text == "None") {
      service.headless = true;
      if (has_node_ports(service.type))
        field.fail("not-allowed", {"manifest.expected-cluster-ip", {std::string(name_of(service.type))}},
                   {"manifest.mend-remove", {"clusterIP"}});
      return;
    }
    std::optional<model::Address> value = host_address(field);
    auto& list = service.cluster_addresses;
    if (value && std::find(list.begin(), list.end(), *value) == list.end()) list.push_back(*value);
  };
  if (several.present()) {
    several.each(read);
    if (several.size() > 2)
      several.fail("too-many", {"manifest.expected-one-each-family", {}}, {"manifest.mend-one-each-family", {}});
    const auto& list = service.cluster_addresses;
    if (list.size() == 2 && list[0].family() == list[1].family())
      several.item(1).fail("too-many", {"manifest.expected-one-each-family", {}},
                           {"manifest.mend-one-each-family", {}});
    std::string_view first = several.size() > 0 && several.item(0).present() ? several.item(0).node().text : "";
    if (single.present() && single.node().type == Node::Type::text && single.node().text != first)
      single.fail("bad-value", {"manifest.expected-first-cluster-ip", {std::string(first)}},
                  {"manifest.mend-one-spelling", {}});
    return;
  }
  read(single);
  if (service.type == ServiceType::external_name && !service.cluster_addresses.empty())
    single.fail("not-allowed", {"manifest.expected-no-cluster-ip", {}}, {"manifest.mend-remove", {"clusterIP"}});
}

model::ServicePort service_port(const Field& item, const model::Service& service, std::size_t count) {
  Mapping map(item);
  model::ServicePort out;
  Field name = count > 1 ? map.required("name") : map["name"];
  if (name.present() && !(name.node().type == Node::Type::text && name.node().text.empty()))
    out.name = dns_label(name).value_or("");
  out.protocol = kubernetes_protocol(map["protocol"]);
  out.port = port_number(map.required("port")).value_or(0);
  out.target = {out.port, ""};
  Field target = map["targetPort"];
  // 0 and "" mean "as port", which is what the API server's own output holds for ExternalName services.
  bool unset =
      target.present() && target.node().is_scalar() && (target.node().text == "0" || target.node().text.empty());
  if (!unset)
    if (std::optional<model::PortRef> ref = port_ref(target)) out.target = *ref;
  Field node_port = map["nodePort"];
  if (node_port.present() && node_port.node().text != "0") {
    if (!has_node_ports(service.type)) not_for_type(node_port, service.type);
    out.node_port = static_cast<std::uint16_t>(node_port.number(30000, 32767).value_or(0));
  }
  out.app_protocol = map["appProtocol"].text_or();
  return out;
}

void service_ports(const Field& field, model::Service& service) {
  Unique names;
  Unique numbers;
  Unique node_ports;
  field.each([&](const Field& item) {
    model::ServicePort port = service_port(item, service, field.size());
    Mapping map(item);
    map.ignore_rest();
    if (!port.name.empty()) names.add(map["name"], port.name);
    std::string protocol(model::name(port.protocol));
    if (port.port != 0) numbers.add(map["port"], std::to_string(port.port) + "/" + protocol);
    if (port.node_port != 0) node_ports.add(map["nodePort"], std::to_string(port.node_port) + "/" + protocol);
    service.ports.push_back(std::move(port));
  });
}

void families(Mapping& spec, model::Service& service) {
  Field field = spec["ipFamilies"];
  field.each([&](const Field& item) {
    std::optional<std::string> word = item.one_of({"IPv4", "IPv6"});
    if (!word) return;
    model::Family family = *word == "IPv4" ? model::Family::v4 : model::Family::v6;
    auto& list = service.families;
    if (std::find(list.begin(), list.end(), family) != list.end())
      item.fail("duplicate-name", {"manifest.expected-unique", {}}, {"manifest.mend-unique", {}});
    else
      list.push_back(family);
  });
  Field policy = spec["ipFamilyPolicy"];
  service.ip_family_policy = policy.one_of({"SingleStack", "PreferDualStack", "RequireDualStack"}).value_or("");
  if (service.ip_family_policy == "SingleStack" && service.families.size() > 1)
    field.fail("too-many", {"manifest.expected-single-family", {}}, {"manifest.mend-single-family", {}});
}

model::TrafficPolicy traffic_policy(const Field& field) {
  return field.one_of({"Cluster", "Local"}) == "Local" ? model::TrafficPolicy::local : model::TrafficPolicy::cluster;
}

void exposure(Mapping& spec, model::Service& service) {
  service.external_addresses = address_list(spec["externalIPs"]);
  service.external_name = "";
  Field external_name =
      service.type == ServiceType::external_name ? spec.required("externalName") : spec["externalName"];
  if (service.type == ServiceType::external_name && external_name.present()) {
    std::optional<std::string> text = external_name.text();
    if (text && text->ends_with('.')) text->pop_back();
    if (text && !is_dns_subdomain(*text))
      external_name.fail("bad-host", {"manifest.expected-dns-subdomain", {}}, {"manifest.mend-host", {}});
    service.external_name = text.value_or("");
  }
  service.load_balancer_class = spec["loadBalancerClass"].text_or();
  Field requested = spec["loadBalancerIP"];
  if (requested.present() && !(requested.node().is_scalar() && requested.node().text.empty()))
    service.load_balancer_address = host_address(requested);
  Field ranges = spec["loadBalancerSourceRanges"];
  service.load_balancer_source_ranges = prefixes(ranges, HostBits::warn);
  if (ranges.size() > 0 && service.type != ServiceType::load_balancer)
    ranges.fail("not-allowed", {"manifest.expected-other-type", {std::string(name_of(service.type))}},
                {"manifest.mend-type-or-remove", {"LoadBalancer"}});
  Field external_policy = spec["externalTrafficPolicy"];
  service.external_traffic_policy = traffic_policy(external_policy);
  if (external_policy.present() && !has_node_ports(service.type) && service.external_addresses.empty())
    not_for_type(external_policy, service.type);
  service.internal_traffic_policy = traffic_policy(spec["internalTrafficPolicy"]);
  service.health_check_node_port = static_cast<std::uint16_t>(spec["healthCheckNodePort"].number(0, 65535).value_or(0));
}

void affinity(Mapping& spec, model::Service& service) {
  service.client_ip_affinity = spec["sessionAffinity"].one_of({"None", "ClientIP"}) == "ClientIP";
  Mapping config(spec["sessionAffinityConfig"]);
  Mapping client(config["clientIP"]);
  service.affinity_timeout_seconds =
      static_cast<std::uint32_t>(client["timeoutSeconds"].number(1, 86400).value_or(10800));
}

void service_status(const Field& field, model::Service& service) {
  if (!field.present()) return;
  Mapping status(field);
  status.ignore_rest();
  Mapping balancer(status["loadBalancer"]);
  balancer.ignore_rest();
  balancer["ingress"].each([&](const Field& item) {
    Mapping entry(item);
    entry.ignore_rest();
    if (std::optional<model::Address> ip = host_address(entry["ip"])) service.load_balancer_addresses.push_back(*ip);
  });
}

// RFC 4648; line breaks within are fine, as in Go's decoder.
std::optional<std::string> base64(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  int padding = 0;
  for (char c : text) {
    if (c == '\n' || c == '\r') continue;
    int value = c >= 'A' && c <= 'Z'   ? c - 'A'
                : c >= 'a' && c <= 'z' ? c - 'a' + 26
                : c >= '0' && c <= '9' ? c - '0' + 52
                : c == '+'             ? 62
                : c == '/'             ? 63
                                       : -1;
    if (c == '=')
      ++padding;
    else if (value < 0 || padding > 0)
      return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(value < 0 ? 0 : value);
    if (++count % 4 == 0) {
      for (int shift = 16; shift >= 0; shift -= 8) out += static_cast<char>(bits >> shift);
      bits = 0;
    }
  }
  if (count % 4 != 0 || padding > 2) return std::nullopt;
  out.resize(out.size() - static_cast<std::size_t>(padding));
  return out;
}

}  // namespace

model::AnyObject read_service(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::Service>();
  out->meta = std::move(meta);
  Field spec_field = root.required("spec");
  Mapping spec(spec_field);
  if (spec) {
    out->type = type_of(spec["type"]);
    if (spec.has("selector"))
      out->selector = labels(spec["selector"]);
    else
      spec.ignore({"selector"});
    cluster_addresses(spec, *out);
    bool needs_ports = out->type != ServiceType::external_name && !out->headless;
    Field ports = needs_ports ? spec.required("ports") : spec["ports"];
    if (needs_ports && ports.is_list() && ports.size() == 0)
      ports.fail("missing-field", {"manifest.expected-ports", {}}, {"manifest.mend-ports", {}});
    service_ports(ports, *out);
    families(spec, *out);
    exposure(spec, *out);
    affinity(spec, *out);
    out->publish_not_ready_addresses = spec["publishNotReadyAddresses"].boolean().value_or(false);
    spec.ignore({"allocateLoadBalancerNodePorts", "trafficDistribution", "topologyKeys", "ipFamily"});
  }
  service_status(root["status"], *out);
  return std::shared_ptr<const model::Service>(out);
}

model::AnyObject read_secret(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::Secret>();
  out->meta = std::move(meta);
  out->type = root["type"].text_or("Opaque");
  Field data = root["data"];
  // What a Secret holds is never quoted in a message.
  data.each_member([&](const std::string& key, model::Position, const Field& value) {
    if (!value.present()) return;
    std::optional<std::string> bytes = value.node().is_scalar() ? base64(value.node().text) : std::nullopt;
    if (bytes)
      out->data[key] = std::move(*bytes);
    else
      value.fail("bad-base64", {"manifest.expected-base64", {}}, {"manifest.found-no-base64", {}},
                 {"manifest.mend-base64", {}});
  });
  root["stringData"].each_member([&](const std::string& key, model::Position, const Field& value) {
    if (!value.present()) return;
    if (value.node().type == Node::Type::text)
      out->data[key] = value.node().text;
    else
      value.fail("wrong-type", {"manifest.expected-text", {}}, {"manifest.found-other-type", {}},
                 {"manifest.mend-quotes", {}});
  });
  if (out->type == "kubernetes.io/tls")
    for (const char* key : {"tls.crt", "tls.key"})
      if (!out->data.contains(key) && !(data.is_mapping() && data.node().find(key)))
        data.fail("missing-field", {"manifest.expected-field", {key}}, {"manifest.found-without", {key}},
                  {"manifest.mend-add-field", {key}});
  return std::shared_ptr<const model::Secret>(out);
}

model::AnyObject read_config_map(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::ConfigMap>();
  out->meta = std::move(meta);
  root["data"].each_member([&](const std::string& key, model::Position, const Field& value) {
    if (std::optional<std::string> text = value.text())
      out->data[key] = std::move(*text);
    else if (!value.present())
      out->data[key] = "";
  });
  return std::shared_ptr<const model::ConfigMap>(out);
}

namespace {

model::Endpoint endpoint(const Field& item, const model::EndpointSlice& slice, bool fqdn) {
  Mapping map(item);
  model::Endpoint out;
  map.required("addresses").each([&](const Field& value) {
    if (fqdn) return;
    std::optional<model::Address> parsed = address(value);
    if (parsed && parsed->family() != slice.family)
      value.fail("bad-address", {"manifest.expected-address-of", {slice.family == model::Family::v4 ? "IPv4" : "IPv6"}},
                 {"manifest.mend-address-family", {}});
    else if (parsed)
      out.addresses.push_back(*parsed);
  });
  Mapping conditions(map["conditions"]);
  out.ready = conditions["ready"].boolean().value_or(true);
  out.serving = conditions["serving"].boolean().value_or(out.ready);
  out.terminating = conditions["terminating"].boolean().value_or(false);
  out.node_name = map["nodeName"].text_or();
  out.hostname = map["hostname"].text_or();
  Mapping target(map["targetRef"]);
  if (target && target["kind"].text_or() == "Pod") {
    std::string ns = target["namespace"].text_or(slice.meta.ns);
    out.target = model::ObjectRef{model::Kind::Pod, ns, target["name"].text_or()};
  }
  return out;
}

}  // namespace

model::AnyObject read_endpoint_slice(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::EndpointSlice>();
  out->meta = std::move(meta);
  auto at = out->meta.labels.find("kubernetes.io/service-name");
  if (at != out->meta.labels.end()) out->service = at->second;
  std::string type = root.required("addressType").one_of({"IPv4", "IPv6", "FQDN"}).value_or("IPv4");
  out->family = type == "IPv6" ? model::Family::v6 : model::Family::v4;
  root["endpoints"].each([&](const Field& item) {
    model::Endpoint row = endpoint(item, *out, type == "FQDN");
    if (!row.addresses.empty()) out->endpoints.push_back(std::move(row));
  });
  Unique names;
  root["ports"].each([&](const Field& item) {
    Mapping map(item);
    model::EndpointPort port;
    port.name = map["name"].text_or();
    port.port = port_number(map["port"]).value_or(0);
    port.protocol = kubernetes_protocol(map["protocol"]);
    names.add(map["name"].present() ? map["name"] : item, port.name);
    out->ports.push_back(std::move(port));
  });
  return std::shared_ptr<const model::EndpointSlice>(out);
}

}  // namespace bailey::manifest
