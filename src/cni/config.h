// The network configuration that a runtime writes to standard input. Pure.
//
// Bailey's own keys stand in CONTRACTS (networkModel, podRanges, bridge, mtu, ipamDir, agentSocket); the rest are
// the specification's. A key that is neither is an error that names it: a misspelt key must not be silently ignored.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cni/environment.h"
#include "cni/protocol.h"
#include "ipam/pool.h"
#include "model/address.h"

namespace bailey::cni {

enum class NetworkModel : std::uint8_t { vnet, kubenet };

struct Config {
  Version version = newest_version;
  std::string name;
  NetworkModel model = NetworkModel::vnet;
  ipam::Pool pool;
  std::string bridge = "bailey0";
  std::uint32_t mtu = 0;  // 0: the uplink's
  std::string ipam_dir = "/run/bailey/ipam";
  bool masquerade = false;                    // kubenet only: what leaves the node's blocks gets the node's address
  std::vector<model::Prefix> non_masquerade;  // but not what goes to these
  std::string agent_socket;                   // empty: no agent, and no network policy
  std::uint32_t cool_down_s = 30;             // how long an address rests before it is given again
  std::vector<model::Address> requested;      // at most one a family
  std::string mac;                            // "": the plugin chooses
  base::Json dns;                             // null or an object
  base::Json previous;                        // prevResult; null or an object
  std::vector<std::pair<std::string, std::string>> valid_attachments;  // GC: (container id, ifname)
};

// The configuration's cniVersion, as far as the text can be read and the version is known (for answers to
// configurations that are wrong in other ways).
Version version_of(const base::Json& config);

// `text` for any command but VERSION. Codes: 6 no JSON object, 1 a version or a command that the version lacks,
// 7 everything else; the message begins with the key.
Outcome<base::Json> parse_text(const std::string& text);
Outcome<Config> parse_config(const base::Json& json, const Environment& environment);

}  // namespace bailey::cni
