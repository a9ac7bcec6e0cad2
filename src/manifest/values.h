// Readers for what fields hold: names, labels, addresses, prefixes, ports, selectors, references.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "manifest/reader.h"
#include "model/address.h"
#include "model/object.h"

namespace bailey::manifest {

// RFC 1123 label (63 characters, lower case) and subdomain (253), as Kubernetes checks names.
bool is_dns_label(std::string_view text);
bool is_dns_subdomain(std::string_view text);
// Kubernetes' qualified name: [subdomain/]name; the name of at most 63 letters, digits, '-', '_', '.'.
bool is_label_key(std::string_view text);
bool is_label_value(std::string_view text);
// Name of a part of an Azure resource (subnet, rule, route): at most 80 letters, digits, '.', '_', '-'.
bool is_part_name(std::string_view text);

std::optional<std::string> dns_label(const Field& field);
std::optional<std::string> dns_subdomain(const Field& field);
std::optional<std::string> part_name(const Field& field);
// A host name of a rule: a subdomain, or one with a leading "*." label; no address.
std::optional<std::string> host_name(const Field& field);
// Another object's name, as dns_subdomain.
std::string reference(const Field& field);
// "vnet/subnet".
model::SubnetRef subnet_ref(const Field& field);
// "namespace/name".
std::string secret_ref(const Field& field);

model::Labels labels(const Field& field);
// Keys as labels have them, values any text.
model::Labels annotations(const Field& field);
std::optional<model::LabelSelector> selector(const Field& field);
std::vector<model::Taint> taints(const Field& field);

// What to do with bits beyond the length: own kinds refuse them; the Kubernetes API takes them and clears them, so
// its kinds get a warning; the docker bridge is written with them.
enum class HostBits : std::uint8_t { refuse, warn, allow };
std::optional<model::Prefix> prefix(const Field& field, HostBits host_bits = HostBits::refuse);
std::vector<model::Prefix> prefixes(const Field& field, HostBits host_bits = HostBits::refuse);
// A list of at most one prefix of each family, or (where `single` is present) just that one.
std::vector<model::Prefix> dual_prefixes(const Field& single, const Field& several);
std::optional<model::Address> address(const Field& field);
// An address that an interface can have: not unspecified, loopback, multicast or broadcast.
std::optional<model::Address> host_address(const Field& field);
// At most one of each family.
std::vector<model::Address> dual_addresses(const Field& field);

// 1..65535
std::optional<std::uint16_t> port_number(const Field& field);
std::optional<model::PortRef> port_ref(const Field& field);
// TCP (where absent), UDP, SCTP, as Kubernetes spells them.
model::Protocol kubernetes_protocol(const Field& field);
// ["80/tcp", "53/udp"]; 80/tcp where absent.
std::vector<model::Port> listeners(const Field& field);

// Names that must differ within a list.
class Unique {
 public:
  // Reports a name that has been added before.
  bool add(const Field& field, const std::string& name);

 private:
  std::map<std::string, model::Position> seen_;
};

}  // namespace bailey::manifest
