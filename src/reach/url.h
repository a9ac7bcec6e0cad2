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
//   - Regular expressions of HTTPRoutes are not evaluated: such matches never hold here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
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
  std::string path;  // from '/', without query
  std::string text;  // as it was given

  // "http://..." or "https://..."; empty on anything else.
  static std::optional<Url> parse(std::string_view text);
};

struct UrlAnswer {
  int status = 404;    // 200: a Service has an endpoint for it; 404: nothing matches; 503: nobody behind it
  std::string reason;  // stable code: "ingress", "http-route", "default-backend", "no-rule", "no-service", ...
  base::Message note;  // the same for people
  std::vector<Decider> decided_by;
  std::string answered_by;             // "svc/NS/NAME"; "" where none
  std::vector<std::string> endpoints;  // "pod/NS/NAME", or addresses
};

// A GET without headers.
UrlAnswer answer(const model::Snapshot& snapshot, const Url& url);

// {url, status, verdict: allow where the status is 200, reason, decided_by[], answered_by, endpoints[]}
base::Json to_json(const Url& url, const UrlAnswer& answer);

}  // namespace bailey::reach
