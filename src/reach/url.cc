// Every rule that matches is a candidate; the best rank wins. Ranks compare field by field, so the precedence of the
// documents is the order of the fields.
#include "reach/url.h"

#include <algorithm>
#include <tuple>

#include "model/resolve/services.h"
#include "reach/policy.h"

namespace bailey::reach {
namespace {

using model::Ingress;
using model::Kind;
using model::Service;
using model::ServicePort;

constexpr std::string_view controller = "bailey.dev/gateway";

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// How well a host fits: 0 not at all, 1 any, 2 wildcard, and 3 exactly; then the longer the better.
struct HostFit {
  int kind = 0;
  std::size_t length = 0;
  friend auto operator<=>(const HostFit&, const HostFit&) = default;
};

HostFit fit(std::string_view pattern, std::string_view host, bool many_labels) {
  if (pattern.empty()) return {1, 0};
  std::string lower = lower_case(pattern);
  if (lower == host) return {3, lower.size()};
  if (!lower.starts_with("*.")) return {};
  std::string_view suffix = std::string_view(lower).substr(1);
  if (host.size() <= suffix.size() || !host.ends_with(suffix)) return {};
  std::string_view label = host.substr(0, host.size() - suffix.size());
  if (!many_labels && label.find('.') != std::string_view::npos) return {};
  return {2, lower.size()};
}

// Element by element: "/foo" holds /foo, /foo/ and /foo/bar, but not /foobar.
bool path_has_prefix(std::string_view path, std::string_view prefix) {
  while (prefix.ends_with("/")) prefix.remove_suffix(1);
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

std::size_t length_of(std::string_view prefix) {
  while (prefix.ends_with("/")) prefix.remove_suffix(1);
  return prefix.size();
}

// What a rule leads to.
struct Target {
  std::string ns;
  std::string service;
  model::PortRef port;
  Decider by;
  std::string reason;
  bool valid = true;  // a reference across namespaces that nothing grants is not
};

using Rank = std::tuple<HostFit, bool, std::size_t, bool, std::size_t, std::size_t>;

class Search {
 public:
  Search(const model::Snapshot& snapshot, const Url& url) : snapshot_(snapshot), url_(url) {}

  UrlAnswer run() {
    for (const auto& ingress : snapshot_.all<Ingress>())
      if (served(*ingress)) note_hosts(*ingress);
    for (const auto& ingress : snapshot_.all<Ingress>())
      if (served(*ingress)) try_ingress(*ingress);
    for (const auto& route : snapshot_.all<model::HTTPRoute>()) try_route(*route);
    if (best_) return to(*best_);
    if (by_default_) return to(*by_default_);
    if (const Ingress* other = of_another_class())
      return {404,
              "class-not-served",
              {"reach.url.class-not-served", {other->meta.ref().text(), *other->class_name}},
              {decider(*other, "", "spec.ingressClassName")},
              "",
              {}};
    return {404, "no-rule", {"reach.url.no-rule", {url_.host, url_.path}}, {}, "", {}};
  }

 private:
  bool served(const Ingress& ingress) const {
    if (!ingress.class_name) return true;
    if (*ingress.class_name == "bailey" || *ingress.class_name == "nginx") return true;
    const auto* of_class = snapshot_.find<model::IngressClass>(Kind::IngressClass, *ingress.class_name);
    if (of_class && of_class->controller == controller) return true;
    const auto& gateways = snapshot_.all<model::ApplicationGateway>();
    return std::any_of(gateways.begin(), gateways.end(),
                       [&](const auto& gateway) { return gateway->ingress_class == *ingress.class_name; });
  }

  // An Ingress that has a rule for the URL and is of another class than those served; null where there is none.
  const Ingress* of_another_class() const {
    for (const auto& ingress : snapshot_.all<Ingress>())
      for (const model::IngressRule& rule : ingress->rules)
        for (const model::IngressPath& path : rule.paths)
          if (!served(*ingress) && fit(rule.host, url_.host, false).kind > 0 &&
              (path.type == model::PathType::exact ? path.path == url_.path : path_has_prefix(url_.path, path.path)))
            return ingress.get();
    return nullptr;
  }

  // The most specific host that any Ingress has rules for; others are not looked at.
  void note_hosts(const Ingress& ingress) {
    for (const model::IngressRule& rule : ingress.rules) host_ = std::max(host_, fit(rule.host, url_.host, false));
  }

  void offer(const Rank& rank, Target target) {
    if (best_ && rank <= best_rank_) return;
    best_rank_ = rank;
    best_ = std::move(target);
  }

  void try_ingress(const Ingress& ingress) {
    bool for_this_host = ingress.rules.empty();
    for (std::size_t i = 0; i < ingress.rules.size(); ++i) {
      const model::IngressRule& rule = ingress.rules[i];
      HostFit host = fit(rule.host, url_.host, false);
      if (host.kind == 0 || host < host_) continue;
      for_this_host = true;
      for (std::size_t j = 0; j < rule.paths.size(); ++j) try_path(ingress, host, i, j);
    }
    if (!ingress.default_backend || !for_this_host) return;
    // One for the host itself comes before one for everything.
    bool better = !by_default_ || (default_for_all_ && !ingress.rules.empty());
    if (!better) return;
    default_for_all_ = ingress.rules.empty();
    by_default_ = Target{ingress.meta.ns, ingress.default_backend->service, ingress.default_backend->port,
                         decider(ingress, "spec.defaultBackend", "spec.defaultBackend"), "default-backend"};
  }

  void try_path(const Ingress& ingress, const HostFit& host, std::size_t i, std::size_t j) {
    const model::IngressPath& path = ingress.rules[i].paths[j];
    bool exact = path.type == model::PathType::exact;
    bool matches = exact ? path.path == url_.path : path_has_prefix(url_.path, path.path);
    if (!matches) return;
    std::string field = "spec.rules[" + std::to_string(i) + "].http.paths[" + std::to_string(j) + "]";
    offer({host, exact, length_of(path.path), false, 0, 0},
          {ingress.meta.ns, path.backend.service, path.backend.port, decider(ingress, field, field), "ingress"});
  }

  // Best host of a listener that takes the route and the URL; kind 0 where none does.
  HostFit listener_fit(const model::HTTPRoute& route, const model::RouteParent& parent) const {
    std::string ns = parent.ns.empty() ? route.meta.ns : parent.ns;
    const auto* gateway = snapshot_.find<model::Gateway>({Kind::Gateway, ns, parent.name});
    const auto* of_class =
        gateway ? snapshot_.find<model::GatewayClass>(Kind::GatewayClass, gateway->class_name) : nullptr;
    if (!of_class || of_class->controller != controller) return {};
    HostFit best;
    for (const model::GatewayListener& listener : gateway->listeners) {
      if (!parent.section.empty() && parent.section != listener.name) continue;
      if (parent.port != 0 && parent.port != listener.port) continue;
      if (listener.protocol != (url_.tls ? "HTTPS" : "HTTP") || listener.port != url_.port) continue;
      if (!admits(listener, *gateway, route)) continue;
      best = std::max(best, fit(listener.hostname, url_.host, true));
    }
    return best;
  }

  bool admits(const model::GatewayListener& listener, const model::Gateway& gateway,
              const model::HTTPRoute& route) const {
    if (listener.routes_from == "All") return true;
    if (listener.routes_from == "Selector")
      return includes_namespace(snapshot_, listener.routes_selector, route.meta.ns);
    return listener.routes_from != "None" && gateway.meta.ns == route.meta.ns;
  }

  void try_route(const model::HTTPRoute& route) {
    HostFit listener;
    for (const model::RouteParent& parent : route.parents) listener = std::max(listener, listener_fit(route, parent));
    if (listener.kind == 0) return;
    HostFit host = route.hostnames.empty() ? listener : HostFit{};
    for (const std::string& name : route.hostnames) host = std::max(host, fit(name, url_.host, true));
    if (host.kind == 0) return;
    for (std::size_t i = 0; i < route.rules.size(); ++i) {
      const model::HttpRouteRule& rule = route.rules[i];
      static const std::vector<model::HttpRouteMatch> everything(1);
      for (const model::HttpRouteMatch& match : rule.matches.empty() ? everything : rule.matches)
        try_match(route, host, i, match);
    }
  }

  void try_match(const model::HTTPRoute& route, const HostFit& host, std::size_t i,
                 const model::HttpRouteMatch& match) {
    bool exact = match.path_type == "Exact";
    if (match.path_type == "RegularExpression" || !match.headers.empty() || !match.query.empty()) return;
    if (!match.method.empty() && match.method != "GET") return;
    if (exact ? match.path != url_.path : !path_has_prefix(url_.path, match.path)) return;
    std::string field = "spec.rules[" + std::to_string(i) + "]";
    Target target{route.meta.ns, "", {}, decider(route, field, field), "http-route"};
    for (const model::RouteBackend& backend : route.rules[i].backends) {
      if (backend.weight == 0 || !target.service.empty()) continue;
      target.service = backend.service;
      target.port.number = backend.port;
      target.valid = backend.ns.empty() || backend.ns == route.meta.ns;
    }
    offer({host, exact, length_of(match.path), !match.method.empty(), 0, 0}, std::move(target));
  }

  UrlAnswer to(const Target& target) const {
    UrlAnswer out;
    out.decided_by = {target.by};
    std::string name = target.ns + "/" + target.service;
    auto fail = [&](int status, const char* reason) {
      out.status = status;
      out.reason = reason;
      out.note = {std::string("reach.url.") + reason, {name, target.by.object.text()}};
      return out;
    };
    if (!target.valid) return fail(500, "not-granted");
    if (target.service.empty()) return fail(500, "no-backend");
    const auto* service = snapshot_.find<Service>({Kind::Service, target.ns, target.service});
    if (!service) return fail(503, "no-service");
    auto port = std::find_if(service->ports.begin(), service->ports.end(), [&](const ServicePort& own) {
      return target.port.name.empty() ? own.port == target.port.number : own.name == target.port.name;
    });
    if (port == service->ports.end()) return fail(503, "no-port");
    for (const auto& endpoint : model::resolve::endpoints(snapshot_, *service, *port))
      if (endpoint.ready)
        out.endpoints.push_back(endpoint.pod ? "pod/" + endpoint.pod->ns + "/" + endpoint.pod->name
                                             : endpoint.address.text());
    if (out.endpoints.empty()) return fail(503, "no-endpoints");
    out.answered_by = "svc/" + name;
    out = fail(200, target.reason.c_str());
    return out;
  }

  const model::Snapshot& snapshot_;
  const Url& url_;
  HostFit host_;
  Rank best_rank_{};
  std::optional<Target> best_;
  std::optional<Target> by_default_;
  bool default_for_all_ = false;
};

}  // namespace

std::optional<Url> Url::parse(std::string_view text) {
  Url out;
  out.text = text;
  std::string_view rest = text;
  if (rest.starts_with("https://")) {
    out.tls = true;
    out.port = 443;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return std::nullopt;
  }
  std::size_t end = rest.find_first_of("/?#");
  std::string_view authority = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end);
  out.path = rest.substr(0, rest.find_first_of("?#"));
  if (out.path.empty()) out.path = "/";
  std::size_t colon = authority.rfind(':');
  if (colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos) {
    auto port = model::Port::parse(authority.substr(colon + 1));
    if (!port || port->number == 0) return std::nullopt;
    out.port = port->number;
    authority = authority.substr(0, colon);
  }
  if (authority.empty() || authority.find_first_of(" @\t") != std::string_view::npos) return std::nullopt;
  out.host = lower_case(authority);
  return out;
}

UrlAnswer answer(const model::Snapshot& snapshot, const Url& url) { return Search(snapshot, url).run(); }

base::Json to_json(const Url& url, const UrlAnswer& answer) {
  base::Json out = base::Json::object();
  out.set("url", url.text).set("status", answer.status).set("verdict", answer.status == 200 ? "allow" : "deny");
  out.set("reason", answer.reason).set("decided_by", to_json(answer.decided_by));
  out.set("answered_by", answer.answered_by.empty() ? base::Json() : base::Json(answer.answered_by));
  base::Json endpoints = base::Json::array();
  for (const std::string& endpoint : answer.endpoints) endpoints.push(endpoint);
  return out.set("endpoints", std::move(endpoints));
}

}  // namespace bailey::reach
