// Ingress in its present and older spellings, and IngressClass.
//
// networking.k8s.io/v1 is read as the API server reads it. The older versions, and an Ingress without apiVersion, also
// know serviceName/servicePort, spec.backend and paths without pathType; a warning says so once for each object.
#include "base/strings.h"
#include "manifest/decoders.h"
#include "manifest/values.h"
#include "model/kubernetes.h"

namespace bailey::manifest {
namespace {

constexpr std::string_view class_annotation = "kubernetes.io/ingress.class";

struct Reading {
  bool old = false;  // older version: old and new spellings are both fine
};

void read_service_backend(const Field& field, model::IngressBackend& out) {
  Mapping service(field);
  out.service = dns_label(service.required("name")).value_or("");
  Field port_field = service.required("port");
  Mapping port(port_field);
  if (!port) return;
  Field number = port["number"];
  Field name = port["name"];
  if (number.present() && name.present())
    name.fail("not-allowed", {"manifest.expected-number-or-name", {}}, {"manifest.found-both", {}},
              {"manifest.mend-remove", {"name"}});
  else if (!number.present() && !name.present())
    port_field.fail("missing-field", {"manifest.expected-number-or-name", {}}, {"manifest.mend-add-field", {"number"}});
  else if (number.present())
    out.port.number = port_number(number).value_or(0);
  else if (std::optional<model::PortRef> ref = name.text() ? port_ref(name) : std::nullopt)
    out.port = *ref;
}

// servicePort: 80, "80" or a name.
void read_old_backend(Mapping& map, model::IngressBackend& out) {
  out.service = dns_label(map.required("serviceName")).value_or("");
  Field port = map.required("servicePort");
  if (!port.present()) return;
  std::optional<std::uint64_t> numeric;
  if (port.node().type == Node::Type::text) numeric = base::parse_number(port.node().text, 65535);
  if (numeric && *numeric > 0)
    out.port.number = static_cast<std::uint16_t>(*numeric);
  else if (std::optional<model::PortRef> ref = port_ref(port))
    out.port = *ref;
}

// Old fields in a v1 object: one precise error instead of two unknown fields.
void fail_old_backend(Mapping& map) {
  std::string_view key = map.has("serviceName") ? "serviceName" : "servicePort";
  Field field = map[key];
  map.ignore({"serviceName", "servicePort", "service", "resource"});
  field.context().report(Context::Severity::error, "old-field", field.path(), map.key_position(key),
                         {"manifest.expected-v1-backend", {}}, {"manifest.found-field", {quoted(key)}},
                         {"manifest.mend-v1-backend", {}});
}

model::IngressBackend backend(const Field& field, const Reading& reading) {
  model::IngressBackend out;
  Mapping map(field);
  if (!map) return out;
  bool old_fields = map.has("serviceName") || map.has("servicePort");
  if (old_fields && !reading.old) {
    fail_old_backend(map);
    return out;
  }
  Field resource = map["resource"];
  Field service = map["service"];
  if (old_fields) {
    read_old_backend(map, out);
    if (service.present())
      service.fail("not-allowed", {"manifest.expected-one-spelling", {}}, {"manifest.found-both", {}},
                   {"manifest.mend-one-spelling", {}});
    return out;
  }
  if (resource.present() && service.present())
    resource.fail("not-allowed", {"manifest.expected-service-or-resource", {}}, {"manifest.found-both", {}},
                  {"manifest.mend-remove", {"resource"}});
  else if (resource.present())
    resource.warn("not-read", {"manifest.expected-service", {}}, {"manifest.found-resource", {}},
                  {"manifest.mend-resource", {}});
  else if (service.present())
    read_service_backend(service, out);
  else
    field.fail("missing-field", {"manifest.expected-field", {"service"}}, {"manifest.mend-add-field", {"service"}});
  if (resource.is_mapping()) {
    Mapping ignored(resource);
    ignored.ignore({"apiGroup", "kind", "name"});
  }
  return out;
}

// What the API server refuses in Exact and Prefix paths.
bool odd_path(std::string_view path) {
  for (std::string_view part : {"//", "/./", "/../", "%2f", "%2F"})
    if (path.find(part) != std::string_view::npos) return true;
  return path.ends_with("/..") || path.ends_with("/.");
}

model::IngressPath ingress_path(const Field& item, const Reading& reading) {
  Mapping map(item);
  model::IngressPath out;
  Field type = reading.old ? map["pathType"] : map.required("pathType");
  std::optional<std::string> word = type.one_of({"Exact", "Prefix", "ImplementationSpecific"});
  if (word == "Exact") out.type = model::PathType::exact;
  if (word == "Prefix") out.type = model::PathType::prefix;
  bool strict_path = out.type != model::PathType::implementation_specific;
  Field path = strict_path ? map.required("path") : map["path"];
  std::optional<std::string> text = path.text();
  if (text && (text->empty() ? strict_path : text->front() != '/'))
    path.fail("bad-path", {"manifest.expected-path", {}}, {"manifest.mend-write", {"/" + text->substr(0, 80)}});
  else if (text && strict_path && odd_path(*text))
    path.fail("bad-path", {"manifest.expected-plain-path", {}}, {"manifest.mend-plain-path", {}});
  out.path = text && !text->empty() ? *text : "/";
  Field backend_field = map.required("backend");
  if (backend_field.present()) out.backend = backend(backend_field, reading);
  return out;
}

model::IngressRule ingress_rule(const Field& item, const Reading& reading) {
  Mapping map(item);
  model::IngressRule out;
  Field host = map["host"];
  if (host.present() && !(host.node().type == Node::Type::text && host.node().text.empty()))
    out.host = host_name(host).value_or("");
  Field http_field = map["http"];
  Mapping http(http_field);
  if (!http) return out;
  Field paths = http.required("paths");
  if (paths.is_list() && paths.size() == 0)
    paths.fail("missing-field", {"manifest.expected-paths", {}}, {"manifest.mend-paths", {}});
  paths.each([&](const Field& entry) { out.paths.push_back(ingress_path(entry, reading)); });
  return out;
}

std::vector<model::IngressTls> ingress_tls(const Field& field) {
  std::vector<model::IngressTls> out;
  field.each([&](const Field& item) {
    Mapping map(item);
    model::IngressTls tls;
    map["hosts"].each([&](const Field& host) {
      if (std::optional<std::string> name = host_name(host)) tls.hosts.push_back(*name);
    });
    tls.secret = reference(map["secretName"]);
    out.push_back(std::move(tls));
  });
  return out;
}

void ingress_class_of(const Field& class_field, model::Ingress& out) {
  auto at = out.meta.annotations.find(std::string(class_annotation));
  bool annotated = at != out.meta.annotations.end();
  if (class_field.present()) {
    out.class_name = reference(class_field);
    if (annotated && at->second != *out.class_name)
      class_field.fail("not-allowed", {"manifest.expected-one-class", {}}, {"manifest.found-both", {}},
                       {"manifest.mend-one-class", {}});
    return;
  }
  if (!annotated) return;
  out.class_name = at->second;
  out.class_by_annotation = true;
}

void default_backend(Mapping& spec, const Reading& reading, model::Ingress& out) {
  Field current = spec["defaultBackend"];
  bool has_old = spec.has("backend");
  if (has_old && !reading.old) {
    Field old = spec["backend"];
    old.context().report(Context::Severity::error, "old-field", old.path(), spec.key_position("backend"),
                         {"manifest.expected-default-backend", {}}, {"manifest.found-field", {quoted("backend")}},
                         {"manifest.mend-default-backend", {}});
    return;
  }
  Field chosen = has_old ? spec["backend"] : current;
  if (has_old && current.present())
    current.fail("not-allowed", {"manifest.expected-one-spelling", {}}, {"manifest.found-both", {}},
                 {"manifest.mend-one-spelling", {}});
  else if (chosen.present())
    out.default_backend = backend(chosen, reading);
}

}  // namespace

model::AnyObject read_ingress(Mapping& root, model::Meta meta, const std::string& api_version) {
  auto out = std::make_shared<model::Ingress>();
  out->meta = std::move(meta);
  out->api_version = api_version;
  Reading reading{api_version != "networking.k8s.io/v1"};
  if (reading.old && !api_version.empty()) {
    Mapping again(root.field());
    again.ignore_rest();
    Field field = again["apiVersion"];
    field.warn("old-api-version", {"manifest.expected-api-version", {"networking.k8s.io/v1"}},
               {"manifest.found-text", {quoted(api_version)}}, {"manifest.mend-old-ingress", {}});
  }
  root.ignore({"status"});
  Field spec_field = root.required("spec");
  Mapping spec(spec_field);
  if (!spec) return std::shared_ptr<const model::Ingress>(out);
  ingress_class_of(spec["ingressClassName"], *out);
  default_backend(spec, reading, *out);
  out->tls = ingress_tls(spec["tls"]);
  Field rules = spec["rules"];
  rules.each([&](const Field& item) { out->rules.push_back(ingress_rule(item, reading)); });
  bool anything = rules.size() > 0 || spec.has("defaultBackend") || spec.has("backend");
  if (!anything && !(rules.present() && !rules.is_list()))
    spec_field.fail("missing-field", {"manifest.expected-rules-or-default", {}}, {"manifest.found-neither", {}},
                    {"manifest.mend-add-field", {"rules"}});
  return std::shared_ptr<const model::Ingress>(out);
}

model::AnyObject read_ingress_class(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::IngressClass>();
  out->meta = std::move(meta);
  auto at = out->meta.annotations.find("ingressclass.kubernetes.io/is-default-class");
  out->is_default = at != out->meta.annotations.end() && at->second == "true";
  Field spec_field = root.required("spec");
  Mapping spec(spec_field);
  if (spec) out->controller = spec.required("controller").text_or();
  Field parameters_field = spec["parameters"];
  Mapping parameters(parameters_field);
  parameters.ignore({"apiGroup", "kind", "name", "namespace", "scope"});
  return std::shared_ptr<const model::IngressClass>(out);
}

}  // namespace bailey::manifest
