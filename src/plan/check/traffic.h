// What a network security group says to one kind of traffic, as far as rules of the catalogue need it.
//
// A source or destination is a class of addresses: the Internet, the virtual network, Azure's load balancer, or a
// prefix. Rules are tried by priority. An allow counts when it lets any of the class pass, a deny only when it stops
// all of it, so that a hole is never overlooked; what no rule decides is decided by the default rules (network security
// groups overview). Internal to the catalogue.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/network.h"

namespace bailey::plan::check {

struct Traffic {
  model::SecurityRule::Direction direction = model::SecurityRule::Direction::inbound;
  enum class Far : std::uint8_t { internet, network, balancer, prefix } far = Far::internet;
  model::Prefix prefix;  // Far::prefix
  std::optional<model::Protocol> protocol = model::Protocol::tcp;
  std::uint16_t port = 0;               // 0: any port, so only rules for every port stop it
  const model::Subnet* here = nullptr;  // the subnet that is protected; null: any
};

struct Decision {
  bool allow = false;
  const model::SecurityRule* rule = nullptr;  // null: a default rule
  std::size_t index = 0;                      // of the rule within the group
};

Decision decide(const model::NetworkSecurityGroup& group, const Traffic& traffic);

// The ways in which rules let others than `known` reach a port: each an allow whose source is not within `known`.
// `open` says whether the default rules admit the virtual network because no rule stopped it before.
struct Admitted {
  struct From {
    std::size_t index;   // of the rule
    std::string source;  // "*", "Internet", "10.0.0.0/8", an application security group
  };
  std::vector<From> rules;
  bool open = false;
};
Admitted admitted(const model::NetworkSecurityGroup& group, std::uint16_t port, const model::Subnet& here,
                  const std::vector<model::Prefix>& known);

// Whether a prefix has public addresses (RFC 1918, RFC 6598, RFC 4193 and link-local ones are not).
bool is_public(const model::Prefix& prefix);

}  // namespace bailey::plan::check
