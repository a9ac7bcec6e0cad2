// What a TLS certificate says about itself, as far as a reviewer can compare it with an Ingress: names and end.
//
// Reads PEM (RFC 7468) and the few fields of X.509 (RFC 5280) that matter; no signature is verified and no chain is
// built. Input is anybody's: every length is checked, nothing is allocated by its word. Internal to the catalogue.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bailey::plan::check {

struct Certificate {
  std::vector<std::string> names;  // DNS names of subjectAltName; without any the common name
  std::string not_after;           // "2036-11-21T20:12:51Z"
};

// The first certificate of a PEM text; empty where there is none that can be read.
std::optional<Certificate> read_certificate(std::string_view pem);

// Whether a certificate's name stands for a host: equal, or "*." in place of one label (RFC 6125); letter case apart.
bool name_covers(std::string_view name, std::string_view host);

}  // namespace bailey::plan::check
