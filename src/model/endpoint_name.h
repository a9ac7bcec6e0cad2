// How commands and expectations name an end of a connection:
// pod/NS/NAME  node/NAME  host/NAME (LabHost)  nic/NAME (NetworkInterface)  svc/NS/NAME  or an address.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/address.h"

namespace bailey::model {

struct EndpointName {
  enum class Type : std::uint8_t { pod, node, host, nic, service, address } type = Type::pod;
  std::string ns;    // pod and service only
  std::string name;  // empty for an address
  std::optional<Address> address;

  std::string text() const;
  // "pod/NAME" and "svc/NAME" mean namespace default. Empty on anything else.
  static std::optional<EndpointName> parse(std::string_view text);
  friend auto operator<=>(const EndpointName&, const EndpointName&) = default;
};

}  // namespace bailey::model
