// Which Service answers for a URL: hosts and paths of Ingresses, Gateways and HTTPRoutes, down to the endpoints.
//
// Sources: kubernetes.io, Ingress (path types, host names, default backend); gateway-api.sigs.k8s.io, HTTPRoute
// (matching precedence). What they leave open:
//   - Served are Ingresses without class, of class bailey or nginx, of an IngressClass whose controller is
//     bailey.dev/gateway, or of the class that an ApplicationGateway names; and Gateways whose GatewayClass has that
//     controller.
//   - An exact host comes before a wildcard, which comes before rules without host; a host that has rules never falls
//     back to another's, only to the default backend.
//   - ImplementationSpecific paths are prefixes. Of two equal rules the one whose object has the smaller name counts.
//   - Regular expressions of HTTPRoutes match the whole path or value; an expression comes after exact paths and before
//     prefixes, the longer one first.
//   - Of several backends of an HTTPRoute the first that a request can be sent to is named; in service the weights
//     decide for each request.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "model/snapshot.h"
#include "reach/decision.h"

namespace bailey::reach {

struct Url {
  bool tls = false;
  std::string host;  // lower case
  std::uint16_t port = 80;
  std::string path;   // from '/', without query
  std::string query;  // what stands behind '?', "" where nothing does
  std::string text;   // as it was given

  // "http://..." or "https://..."; empty on anything else.
  static std::optional<Url> parse(std::string_view text);
};

// What else of a request the rules may ask for.
struct RequestHead {
  std::string method = "GET";
  std::vector<std::pair<std::string, std::string>> headers;  // names in any case
};

struct UrlAnswer {
  int status = 404;  // 200: a Service has an endpoint for it; 302: the rule redirects; 404: nothing matches; 500: the
                     // rule's own fault; 503: nobody behind it
  bool good() const { return status < 400; }
  std::string reason;  // stable code: "ingress", "http-route", "default-backend", "no-rule", "no-service", ...
  base::Message note;  // the same for people
  std::vector<Decider> decided_by;
  std::string answered_by;             // "svc/NS/NAME"; "" where none
  std::vector<std::string> endpoints;  // "pod/NS/NAME", or addresses
};

UrlAnswer answer(const model::Snapshot& snapshot, const Url& url, const RequestHead& head = {});

// {url, status, verdict: allow where the status is below 400, reason, decided_by[], answered_by, endpoints[]}
base::Json to_json(const Url& url, const UrlAnswer& answer);

}  // namespace bailey::reach
