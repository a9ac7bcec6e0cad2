// GatewayClass, Gateway, HTTPRoute and ReferenceGrant (gateway.networking.k8s.io).
#include "base/pattern.h"
#include "manifest/decoders.h"
#include "manifest/values.h"
#include "model/kubernetes.h"

namespace bailey::manifest {
namespace {

std::vector<model::ObjectRef> certificates(const Field& field, const std::string& ns) {
  std::vector<model::ObjectRef> out;
  field.each([&](const Field& item) {
    Mapping map(item);
    map.ignore({"group"});
    map["kind"].one_of({"Secret"});
    std::string where = map["namespace"].present() ? dns_label(map["namespace"]).value_or("") : ns;
    out.push_back({model::Kind::Secret, where, reference(map.required("name"))});
  });
  return out;
}

void allowed_routes(const Field& field, model::GatewayListener& out) {
  out.routes_from = "Same";
  Mapping map(field);
  map.ignore({"kinds"});
  Mapping namespaces(map["namespaces"]);
  Field from = namespaces["from"];
  out.routes_from = from.one_of({"Same", "All", "Selector", "None"}).value_or("Same");
  Field chosen = out.routes_from == "Selector" ? namespaces.required("selector") : namespaces["selector"];
  if (std::optional<model::LabelSelector> value = selector(chosen)) out.routes_selector = *value;
}

model::GatewayListener listener(const Field& item, const std::string& ns, Unique& names) {
  Mapping map(item);
  model::GatewayListener out;
  Field name = map.required("name");
  out.name = dns_subdomain(name).value_or("");
  if (!out.name.empty()) names.add(name, out.name);
  out.hostname = host_name(map["hostname"]).value_or("");
  out.port = port_number(map.required("port")).value_or(0);
  out.protocol = map.required("protocol").one_of({"HTTP", "HTTPS", "TLS", "TCP", "UDP"}).value_or("");
  Field tls_field = map["tls"];
  Mapping tls(tls_field);
  out.tls_mode = tls["mode"].one_of({"Terminate", "Passthrough"}).value_or("Terminate");
  out.certificates = certificates(tls["certificateRefs"], ns);
  tls.ignore({"options", "frontendValidation"});
  if (tls_field.present() && !out.protocol.empty() && out.protocol != "HTTPS" && out.protocol != "TLS")
    tls_field.fail("not-allowed", {"manifest.expected-no-tls", {out.protocol}}, {"manifest.mend-remove", {"tls"}});
  if (out.protocol == "HTTPS" && out.certificates.empty() && (!tls_field.present() || tls_field.is_mapping()))
    (tls_field.present() ? tls_field : item)
        .fail("missing-field", {"manifest.expected-certificate", {}}, {"manifest.found-without", {"certificateRefs"}},
              {"manifest.mend-add-field", {"tls.certificateRefs"}});
  allowed_routes(map["allowedRoutes"], out);
  return out;
}

// Of RE2's syntax, which takes time linear in the text whatever the expression.
void expect_pattern(const Field& field, const std::string& text) {
  std::string error;
  if (base::Pattern::parse(text, &error)) return;
  field.fail("bad-pattern", {"manifest.expected-pattern", {}}, {"manifest.found-bad-pattern", {text, error}},
             {"manifest.mend-pattern", {}});
}

model::HeaderMatch header_match(const Field& item) {
  Mapping map(item);
  model::HeaderMatch out;
  out.type = map["type"].one_of({"Exact", "RegularExpression"}).value_or("Exact");
  out.name = map.required("name").text_or();
  Field value = map.required("value");
  out.value = value.text_or();
  if (out.type == "RegularExpression") expect_pattern(value, out.value);
  return out;
}

model::HttpRouteMatch route_match(const Field& item) {
  Mapping map(item);
  model::HttpRouteMatch out;
  Mapping path(map["path"]);
  out.path_type = path["type"].one_of({"Exact", "PathPrefix", "RegularExpression"}).value_or("PathPrefix");
  Field value = path["value"];
  out.path = value.text_or("/");
  if (out.path_type == "RegularExpression") expect_pattern(value, out.path);
  if (out.path_type != "RegularExpression" && (out.path.empty() || out.path.front() != '/'))
    value.fail("bad-path", {"manifest.expected-path", {}}, {"manifest.mend-write", {"/" + out.path.substr(0, 80)}});
  out.method = map["method"]
                   .one_of({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})
                   .value_or("");
  map["headers"].each([&](const Field& entry) { out.headers.push_back(header_match(entry)); });
  map["queryParams"].each([&](const Field& entry) { out.query.push_back(header_match(entry)); });
  return out;
}

std::vector<std::string> filters(const Field& field) {
  std::vector<std::string> out;
  field.each([&](const Field& item) {
    Mapping map(item);
    map.ignore_rest();
    std::optional<std::string> type =
        map.required("type").one_of({"RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror",
                                     "RequestRedirect", "URLRewrite", "ExtensionRef", "CORS"});
    if (type) out.push_back(*type);
  });
  return out;
}

model::RouteBackend route_backend(const Field& item, const std::string& ns) {
  Mapping map(item);
  model::RouteBackend out;
  map.ignore({"group", "filters"});
  std::string kind = map["kind"].text_or("Service");
  out.ns = map["namespace"].present() ? dns_label(map["namespace"]).value_or("") : ns;
  out.service = reference(map.required("name"));
  out.port = port_number(kind == "Service" ? map.required("port") : map["port"]).value_or(0);
  out.weight = static_cast<std::uint32_t>(map["weight"].number(0, 1000000).value_or(1));
  return out;
}

model::HttpRouteRule route_rule(const Field& item, const std::string& ns) {
  Mapping map(item);
  model::HttpRouteRule out;
  map.ignore({"name", "timeouts", "retry", "sessionPersistence"});
  map["matches"].each([&](const Field& entry) { out.matches.push_back(route_match(entry)); });
  if (out.matches.empty()) out.matches.push_back({});
  out.filters = filters(map["filters"]);
  map["backendRefs"].each([&](const Field& entry) { out.backends.push_back(route_backend(entry, ns)); });
  return out;
}

}  // namespace

model::AnyObject read_gateway_class(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::GatewayClass>();
  out->meta = std::move(meta);
  root.ignore({"status"});
  Field spec_field = root.required("spec");
  Mapping spec(spec_field);
  out->controller = spec.required("controllerName").text_or();
  spec.ignore({"description", "parametersRef"});
  return std::shared_ptr<const model::GatewayClass>(out);
}

model::AnyObject read_gateway(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::Gateway>();
  out->meta = std::move(meta);
  root.ignore({"status"});
  Field spec_field = root.required("spec");
  Mapping spec(spec_field);
  out->class_name = reference(spec.required("gatewayClassName"));
  Field listeners = spec.required("listeners");
  Unique names;
  listeners.each([&](const Field& item) { out->listeners.push_back(listener(item, out->meta.ns, names)); });
  if (listeners.is_list() && listeners.size() == 0)
    listeners.fail("missing-field", {"manifest.expected-listeners", {}}, {"manifest.mend-listeners", {}});
  spec["addresses"].each([&](const Field& item) {
    Mapping map(item);
    map.ignore({"type"});
    out->addresses.push_back(map["value"].text_or());
  });
  spec.ignore({"infrastructure", "backendTLS", "allowedListeners", "tls", "defaultScope"});
  return std::shared_ptr<const model::Gateway>(out);
}

model::AnyObject read_http_route(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::HTTPRoute>();
  out->meta = std::move(meta);
  root.ignore({"status"});
  Field spec_field = root.required("spec");
  Mapping spec(spec_field);
  spec["parentRefs"].each([&](const Field& item) {
    Mapping map(item);
    map.ignore({"group", "kind"});
    model::RouteParent parent;
    parent.ns = map["namespace"].present() ? dns_label(map["namespace"]).value_or("") : out->meta.ns;
    parent.name = reference(map.required("name"));
    parent.section = map["sectionName"].text_or();
    parent.port = port_number(map["port"]).value_or(0);
    out->parents.push_back(std::move(parent));
  });
  spec["hostnames"].each([&](const Field& item) {
    if (std::optional<std::string> name = host_name(item)) out->hostnames.push_back(*name);
  });
  spec["rules"].each([&](const Field& item) { out->rules.push_back(route_rule(item, out->meta.ns)); });
  spec.ignore({"useDefaultGateways"});
  return std::shared_ptr<const model::HTTPRoute>(out);
}

model::AnyObject read_reference_grant(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::ReferenceGrant>();
  out->meta = std::move(meta);
  Field spec_field = root.required("spec");
  Mapping spec(spec_field);
  spec["from"].each([&](const Field& item) {
    Mapping map(item);
    map.required("group").text_or();
    model::ReferenceGrant::From from;
    from.kind = map.required("kind").text_or();
    from.ns = dns_label(map.required("namespace")).value_or("");
    out->from.push_back(std::move(from));
  });
  spec["to"].each([&](const Field& item) {
    Mapping map(item);
    map.required("group").text_or();
    model::ReferenceGrant::To to;
    to.kind = map.required("kind").text_or();
    to.name = map["name"].text_or();
    out->to.push_back(std::move(to));
  });
  return std::shared_ptr<const model::ReferenceGrant>(out);
}

}  // namespace bailey::manifest
