// What stands in front of workloads: LoadBalancer, ApplicationGateway, WafPolicy.
#include "manifest/decoders.h"
#include "manifest/values.h"
#include "model/network.h"

namespace bailey::manifest {
namespace {

std::vector<model::AddressRange> ranges(const Field& field) {
  std::vector<model::AddressRange> out;
  field.each([&](const Field& item) {
    std::optional<std::string> text = item.text();
    if (!text) return;
    std::optional<model::AddressRange> range = model::AddressRange::parse(*text);
    if (!range) {
      item.fail("bad-address", {"manifest.expected-address-range", {}}, {"manifest.mend-address-range", {}});
      return;
    }
    for (const model::AddressRange& other : out)
      if (other.contains(range->first) || range->contains(other.first)) {
        item.fail("overlap", {"manifest.expected-no-overlap", {}},
                  {"manifest.found-overlap", {range->text(), other.text()}}, {"manifest.mend-overlap", {}});
        return;
      }
    out.push_back(*range);
  });
  return out;
}

model::LoadBalancer::Probe probe(const Field& field) {
  Mapping map(field);
  model::LoadBalancer::Probe out;
  Field protocol = map["protocol"];
  out.protocol = protocol.one_of({"Tcp", "Http", "Https"}).value_or("Tcp");
  out.port = port_number(map.required("port")).value_or(0);
  Field path = map["path"];
  out.path = path.text_or(out.protocol == "Tcp" ? "" : "/");
  if (path.present() && out.protocol == "Tcp")
    path.fail("not-allowed", {"manifest.expected-http-probe", {}}, {"manifest.mend-remove", {"path"}});
  else if (!out.path.empty() && out.path.front() != '/')
    path.fail("bad-path", {"manifest.expected-path", {}}, {"manifest.mend-write", {"/" + out.path.substr(0, 80)}});
  out.interval_seconds = static_cast<std::uint32_t>(map["intervalSeconds"].number(5, 2147483646).value_or(5));
  out.threshold = static_cast<std::uint32_t>(map["threshold"].number(1, 429496729).value_or(2));
  return out;
}

model::ApplicationGateway::Listener gateway_listener(const Field& item, Unique& names) {
  Mapping map(item);
  model::ApplicationGateway::Listener out;
  Field name = map.required("name");
  out.name = part_name(name).value_or("");
  if (!out.name.empty()) names.add(name, out.name);
  out.protocol = map.required("protocol").one_of({"Http", "Https"}).value_or("");
  out.port = port_number(map["port"]).value_or(out.protocol == "Https" ? 443 : 80);
  out.hostname = host_name(map["hostname"]).value_or("");
  Field certificate = map["certificate"];
  out.certificate = secret_ref(certificate);
  if (certificate.present() && out.protocol == "Http")
    certificate.fail("not-allowed", {"manifest.expected-no-tls", {"Http"}}, {"manifest.mend-remove", {"certificate"}});
  return out;
}

std::string waf_policy_ref(const Field& field) {
  std::optional<std::string> text = field.text();
  if (!text) return "";
  if (text->find('/') != std::string::npos) return secret_ref(field);
  return dns_subdomain(field).value_or("");
}

}  // namespace

model::AnyObject read_load_balancer(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::LoadBalancer>();
  out->meta = std::move(meta);
  root.ignore({"status"});
  Field spec_field = root["spec"];
  Mapping spec(spec_field);
  out->internal = spec["type"].one_of({"public", "internal"}) == "internal";
  Field subnet = out->internal ? spec.required("subnet") : spec["subnet"];
  out->subnet = subnet_ref(subnet);
  if (subnet.present() && !out->internal)
    subnet.fail("not-allowed", {"manifest.expected-no-subnet", {}}, {"manifest.mend-type-or-remove", {"internal"}});
  out->addresses = ranges(spec["addresses"]);
  Field health = spec["healthProbe"];
  if (health.present()) out->probe = probe(health);
  out->distribution = spec["distribution"].one_of({"FiveTuple", "SourceIP", "SourceIPProtocol"}).value_or("FiveTuple");
  out->idle_timeout_minutes = static_cast<std::uint32_t>(spec["idleTimeoutMinutes"].number(4, 120).value_or(4));
  return std::shared_ptr<const model::LoadBalancer>(out);
}

model::AnyObject read_application_gateway(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::ApplicationGateway>();
  out->meta = std::move(meta);
  root.ignore({"status"});
  Field spec_field = root["spec"];
  Mapping spec(spec_field);
  out->in_front = spec["placement"].one_of({"Cluster", "Front"}) == "Front";
  Field subnet = out->in_front ? spec.required("subnet") : spec["subnet"];
  out->subnet = subnet_ref(subnet);
  if (subnet.present() && !out->in_front)
    subnet.fail("not-allowed", {"manifest.expected-front-subnet", {}}, {"manifest.mend-front", {}});
  Unique names;
  Unique doors;
  spec["listeners"].each([&](const Field& item) {
    model::ApplicationGateway::Listener listener = gateway_listener(item, names);
    if (listener.port != 0) doors.add(item, std::to_string(listener.port) + " " + listener.hostname);
    out->listeners.push_back(std::move(listener));
  });
  out->default_certificate = secret_ref(spec["defaultCertificate"]);
  out->waf_policy = waf_policy_ref(spec["wafPolicy"]);
  out->ingress_class = reference(spec["ingressClass"]);
  out->addresses = dual_addresses(spec["addresses"]);
  return std::shared_ptr<const model::ApplicationGateway>(out);
}

namespace {

std::vector<model::WafPolicy::Exclusion> exclusions(const Field& field) {
  std::vector<model::WafPolicy::Exclusion> out;
  field.each([&](const Field& item) {
    Mapping map(item);
    model::WafPolicy::Exclusion row;
    // Rule ids are numbers to most writers, tags and ranges are texts.
    map["rules"].each([&](const Field& rule) {
      if (rule.node().type == Node::Type::integer)
        row.rules.emplace_back(rule.node().text);
      else if (std::optional<std::string> text = rule.text())
        row.rules.push_back(*text);
    });
    row.variable = map["variable"].text_or();
    Field path = map["path"];
    row.path = path.text_or();
    if (path.present() && !row.path.empty() && row.path.front() != '/')
      path.fail("bad-path", {"manifest.expected-path", {}}, {"manifest.mend-write", {"/" + row.path.substr(0, 80)}});
    if (map && row.rules.empty() && row.variable.empty() && !map.has("rules") && !map.has("variable"))
      item.fail("missing-field", {"manifest.expected-exclusion", {}}, {"manifest.mend-exclusion", {}});
    out.push_back(std::move(row));
  });
  return out;
}

void attachments(const Field& field, std::vector<std::string>& out) {
  field.each([&](const Field& item) {
    std::optional<std::string> text = item.text();
    if (!text) return;
    std::optional<model::ObjectRef> ref = model::ObjectRef::parse(*text);
    bool object = ref && (ref->kind == model::Kind::ApplicationGateway || ref->kind == model::Kind::Ingress ||
                          ref->kind == model::Kind::Gateway);
    bool host = is_dns_subdomain(text->substr(0, 2) == "*." ? std::string_view(*text).substr(2) : *text);
    if (object || host)
      out.push_back(*text);
    else
      item.fail("bad-reference", {"manifest.expected-attachment", {}}, {"manifest.mend-attachment", {}});
  });
}

}  // namespace

model::AnyObject read_waf_policy(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::WafPolicy>();
  out->meta = std::move(meta);
  root.ignore({"status"});
  Field spec_field = root.required("spec");
  Mapping spec(spec_field);
  out->prevention = spec["mode"].one_of({"Detection", "Prevention"}) == "Prevention";
  out->rule_set = spec["ruleSet"].text_or();
  out->rule_set_version = spec["ruleSetVersion"].text_or();
  out->paranoia_level = static_cast<std::uint8_t>(spec["paranoiaLevel"].number(1, 4).value_or(1));
  {
    Mapping thresholds(spec["anomalyThresholds"]);
    out->inbound_threshold = static_cast<std::uint32_t>(thresholds["inbound"].number(1, 100000).value_or(5));
    out->outbound_threshold = static_cast<std::uint32_t>(thresholds["outbound"].number(1, 100000).value_or(4));
  }
  out->exclusions = exclusions(spec["exclusions"]);
  out->custom_rules = spec["customRules"].texts();
  Mapping limits(spec["bodyLimits"]);
  constexpr std::int64_t most = std::int64_t{1} << 40;
  out->request_body_limit_bytes =
      static_cast<std::uint64_t>(limits["requestBytes"].number(1, most).value_or(134217728));
  out->response_body_limit_bytes = static_cast<std::uint64_t>(limits["responseBytes"].number(1, most).value_or(524288));
  attachments(spec["attachTo"], out->attach_to);
  return std::shared_ptr<const model::WafPolicy>(out);
}

}  // namespace bailey::manifest
