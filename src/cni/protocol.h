// The CNI protocol: versions, error codes, results. Pure.
//
// Source: the Container Network Interface specification, versions 0.3.1, 0.4.0, 1.0.0 and 1.1.0.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"
#include "model/address.h"

namespace bailey::cni {

enum class Version : std::uint8_t { v0_3_1, v0_4_0, v1_0_0, v1_1_0 };
inline constexpr std::array all_versions = {Version::v0_3_1, Version::v0_4_0, Version::v1_0_0, Version::v1_1_0};
inline constexpr Version newest_version = all_versions.back();
std::string_view version_text(Version version);
std::optional<Version> parse_version(std::string_view text);

// 1 to 99 are the specification's, from 100 on they are Bailey's own.
enum class Code : int {
  incompatible_version = 1,
  unsupported_field = 2,
  unknown_container = 3,   // nothing was done, nothing needs cleaning up
  bad_environment = 4,     // the message names the variables
  io_failure = 5,          // a file or the kernel
  decode_failure = 6,      // the configuration is no JSON object
  bad_config = 7,          // the message names the key
  try_again = 11,          // for example no address is free
  not_available = 50,      // STATUS: ADD would fail
  address_in_use = 100,    // the address asked for is another pod's
  interface_exists = 101,  // the pod has an interface of that name
  check_failed = 102,      // CHECK: something is not as it was set up
};

struct Failure {
  Code code = Code::io_failure;
  std::string message;  // one line
  std::string details;  // may be empty
};

// What is asked for, or why not.
template <typename T>
using Outcome = std::variant<T, Failure>;

// {"cniVersion", "code", "msg", "details"}
base::Json failure_json(const Failure& failure, Version version);
base::Json version_json(std::string_view asked);

struct Interface {
  std::string name;
  std::string mac;
  std::uint32_t mtu = 0;  // 1.1.0 only; 0: not told
  std::string sandbox;    // path of the network namespace; empty: the node's own
  friend bool operator==(const Interface&, const Interface&) = default;
};

struct Ip {
  model::Address address;
  int prefix_length = 32;
  std::optional<model::Address> gateway;
  std::optional<std::size_t> interface;  // index into interfaces
  friend bool operator==(const Ip&, const Ip&) = default;
};

struct RouteEntry {
  model::Prefix destination;
  std::optional<model::Address> gateway;
  bool link_scope = false;  // 1.1.0 only
  friend bool operator==(const RouteEntry&, const RouteEntry&) = default;
};

struct AddResult {
  std::vector<Interface> interfaces;
  std::vector<Ip> ips;
  std::vector<RouteEntry> routes;
};

// The shape of `version`. What an earlier plugin of the chain gave (`previous`, null where there was none) comes
// first and is kept as it is; `dns` (null or an object) is the configuration's.
base::Json result_json(const AddResult& result, Version version, const base::Json& previous, const base::Json& dns);
// Reads a prevResult; the failure names the member.
Outcome<AddResult> parse_result(const base::Json& json);

}  // namespace bailey::cni
