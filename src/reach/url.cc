// Every rule that matches is a candidate; the best rank wins. Ranks compare field by field, so the precedence of the
// documents is the order of the fields.
#include "reach/url.h"

#include <algorithm>
#include <tuple>

#include "base/pattern.h"
#include "base/strings.h"
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
  bool redirects = false;
};

// Of the host, what kind of path, its length, whether a method is asked for, how many headers, how many parameters.
using Rank = std::tuple<HostFit, int, std::size_t, bool, std::size_t, std::size_t>;
constexpr int prefix_rank = 0;
constexpr int pattern_rank = 1;
constexpr int exact_rank = 2;

bool holds(const std::string& type, const std::string& wanted, std::string_view found) {
  if (type != "RegularExpression") return wanted == found;
  std::optional<base::Pattern> pattern = base::Pattern::parse(wanted);
  return pattern && pattern->matches_all_of(found);
}

// "%2F" -> "/"; what is no escape stays.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto digit = [&](std::size_t at) -> int {
      char c = at < text.size() ? text[at] : '\0';
      if (c >= '0' && c <= '9') return c - '0';
      char low = static_cast<char>(c | 0x20);
      return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
    };
    bool escape = text[i] == '%' && digit(i + 1) >= 0 && digit(i + 2) >= 0;
    out += escape ? static_cast<char>(digit(i + 1) * 16 + digit(i + 2)) : text[i];
    i += escape ? 2 : 0;
  }
  return out;
}

class Search {
 public:
  Search(const model::Snapshot& snapshot, const Url& url, const RequestHead& head)
      : snapshot_(snapshot), url_(url), head_(head) {
    if (url.query.empty()) return;
    for (std::string_view pair : base::split(url.query, '&')) {
      std::size_t equals = std::min(pair.find('='), pair.size());
      parameters_.emplace_back(unescaped(pair.substr(0, equals)),
                               unescaped(pair.substr(std::min(equals + 1, pair.size()))));
    }
  }

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
    offer({host, exact ? exact_rank : prefix_rank, length_of(path.path), false, 0, 0},
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

  // The first of a name counts.
  bool header_holds(const model::HeaderMatch& wanted) const {
    for (const auto& [name, value] : head_.headers)
      if (lower_case(name) == lower_case(wanted.name)) return holds(wanted.type, wanted.value, value);
    return false;
  }
  bool parameter_holds(const model::HeaderMatch& wanted) const {
    for (const auto& [name, value] : parameters_)
      if (name == wanted.name) return holds(wanted.type, wanted.value, value);
    return false;
  }
  bool path_holds(const model::HttpRouteMatch& match) const {
    if (match.path_type == "PathPrefix") return path_has_prefix(url_.path, match.path);
    return holds(match.path_type, match.path, url_.path);
  }

  void try_match(const model::HTTPRoute& route, const HostFit& host, std::size_t i,
                 const model::HttpRouteMatch& match) {
    if (!path_holds(match) || (!match.method.empty() && match.method != head_.method)) return;
    for (const model::HeaderMatch& header : match.headers)
      if (!header_holds(header)) return;
    for (const model::HeaderMatch& parameter : match.query)
      if (!parameter_holds(parameter)) return;
    std::string field = "spec.rules[" + std::to_string(i) + "]";
    Target target = target_of(route, route.rules[i]);
    target.by = decider(route, field, field);
    int kind = match.path_type == "Exact" ? exact_rank : match.path_type == "PathPrefix" ? prefix_rank : pattern_rank;
    offer({host, kind, length_of(match.path), !match.method.empty(), match.headers.size(), match.query.size()},
          std::move(target));
  }

  // The first backend that a request can be sent to; where there is none, the first at all.
  Target target_of(const model::HTTPRoute& route, const model::HttpRouteRule& rule) const {
    Target out{route.meta.ns, "", {}, {}, "http-route"};
    out.redirects = std::find(rule.filters.begin(), rule.filters.end(), "RequestRedirect") != rule.filters.end();
    for (const model::RouteBackend& backend : rule.backends) {
      if (backend.weight == 0) continue;
      bool granted = backend.ns.empty() || backend.ns == route.meta.ns || is_granted(route, backend);
      if (!out.service.empty() && (out.valid || !granted)) continue;
      out.ns = backend.ns.empty() ? route.meta.ns : backend.ns;
      out.service = backend.service;
      out.port.number = backend.port;
      out.valid = granted;
    }
    return out;
  }

  bool is_granted(const model::HTTPRoute& route, const model::RouteBackend& backend) const {
    for (const auto& grant : snapshot_.all<model::ReferenceGrant>()) {
      if (grant->meta.ns != backend.ns) continue;
      bool from = std::any_of(grant->from.begin(), grant->from.end(), [&](const model::ReferenceGrant::From& each) {
        return each.kind == "HTTPRoute" && each.ns == route.meta.ns;
      });
      bool to = std::any_of(grant->to.begin(), grant->to.end(), [&](const model::ReferenceGrant::To& each) {
        return each.kind == "Service" && (each.name.empty() || each.name == backend.service);
      });
      if (from && to) return true;
    }
    return false;
  }

  UrlAnswer to(const Target& target) const {
    UrlAnswer out;
    out.decided_by = {target.by};
    std::string name = target.ns + "/" + target.service;
    auto tell = [&](int status, const char* reason) {
      out.status = status;
      out.reason = reason;
      out.note = {std::string("reach.url.") + reason, {name, target.by.object.text()}};
      return out;
    };
    if (target.redirects) return tell(302, "redirect");
    if (!target.valid) return tell(500, "not-granted");
    if (target.service.empty()) return tell(500, "no-backend");
    const auto* service = snapshot_.find<Service>({Kind::Service, target.ns, target.service});
    if (!service) return tell(503, "no-service");
    auto port = std::find_if(service->ports.begin(), service->ports.end(), [&](const ServicePort& own) {
      return target.port.name.empty() ? own.port == target.port.number : own.name == target.port.name;
    });
    if (port == service->ports.end()) return tell(503, "no-port");
    for (const auto& endpoint : model::resolve::endpoints(snapshot_, *service, *port))
      if (endpoint.ready)
        out.endpoints.push_back(endpoint.pod ? "pod/" + endpoint.pod->ns + "/" + endpoint.pod->name
                                             : endpoint.address.text());
    if (out.endpoints.empty()) return tell(503, "no-endpoints");
    out.answered_by = "svc/" + name;
    out = tell(200, target.reason.c_str());
    return out;
  }

  const model::Snapshot& snapshot_;
  const Url& url_;
  const RequestHead& head_;
  std::vector<std::pair<std::string, std::string>> parameters_;  // of the query
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
  if (std::size_t mark = rest.substr(0, rest.find('#')).find('?'); mark != std::string_view::npos)
    out.query = rest.substr(mark + 1, rest.find('#') - mark - 1);
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

UrlAnswer answer(const model::Snapshot& snapshot, const Url& url, const RequestHead& head) {
  return Search(snapshot, url, head).run();
}

base::Json to_json(const Url& url, const UrlAnswer& answer) {
  base::Json out = base::Json::object();
  out.set("url", url.text).set("status", answer.status).set("verdict", answer.good() ? "allow" : "deny");
  out.set("reason", answer.reason).set("decided_by", to_json(answer.decided_by));
  out.set("answered_by", answer.answered_by.empty() ? base::Json() : base::Json(answer.answered_by));
  base::Json endpoints = base::Json::array();
  for (const std::string& endpoint : answer.endpoints) endpoints.push(endpoint);
  return out.set("endpoints", std::move(endpoints));
}

}  // namespace bailey::reach
