// The maps of the packet path in their own terms, and how values of datapath/policy.h are written in them.
#pragma once

#include <array>
#include <cstring>
#include <map>

#include "abi/pod_path.h"
#include "datapath/policy.h"

namespace bailey::datapath::sys {

static_assert(sizeof(path_epoch) == 4 && sizeof(path_settings) == 12 && sizeof(path_endpoint) == 16);
static_assert(sizeof(path_address) == 16 && sizeof(path_local) == 12 && sizeof(path_prefix) == 20);
static_assert(sizeof(path_identity) == 8 && sizeof(path_policy_key) == 16 && sizeof(path_rule) == 8);
static_assert(sizeof(path_flow_key) == 40 && sizeof(path_flow) == 72 && sizeof(path_event) == 80);

path_address address_key(const model::Address& address);
path_prefix prefix_key(const model::Prefix& prefix);
path_policy_key policy_key(const PolicyKey& key);
path_endpoint_column column_of(const Endpoint& endpoint);

model::Address address_of(const std::uint8_t* bytes);
model::Prefix prefix_of(const path_prefix& key);
PolicyKey key_of(const path_policy_key& key);

// The identity of the longest prefix that is wider than this one; any_identity where there is none.
Identity around(const std::map<model::Prefix, Identity>& ipcache, const model::Prefix& prefix);

}  // namespace bailey::datapath::sys
