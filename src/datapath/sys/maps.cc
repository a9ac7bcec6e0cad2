#include "datapath/sys/maps.h"

#include <arpa/inet.h>

namespace bailey::datapath::sys {
namespace {

constexpr int v4_offset = 96;  // bits before an IPv4 address in 16 bytes

}  // namespace

path_address address_key(const model::Address& address) {
  path_address key{};
  std::memcpy(key.bytes, address.bytes().data(), sizeof key.bytes);
  return key;
}

path_prefix prefix_key(const model::Prefix& prefix) {
  path_prefix key{};
  key.bits = static_cast<__u32>(prefix.length() + (prefix.address().is_v4() ? v4_offset : 0));
  std::memcpy(key.address, prefix.address().bytes().data(), sizeof key.address);
  return key;
}

path_policy_key policy_key(const PolicyKey& key) {
  path_policy_key out{};
  out.bits = POLICY_KEY_BITS + key.port_bits;
  out.policy = key.set;
  out.identity = key.identity;
  out.direction = key.direction == Direction::ingress ? DIRECTION_INGRESS : DIRECTION_EGRESS;
  out.protocol = key.protocol;
  out.port = htons(key.port);
  return out;
}

path_endpoint_column column_of(const Endpoint& endpoint) {
  __u32 flags = ENDPOINT_READY;
  if (endpoint.isolated[0]) flags |= ENDPOINT_ISOLATED_INGRESS;
  if (endpoint.isolated[1]) flags |= ENDPOINT_ISOLATED_EGRESS;
  return {endpoint.set, flags};
}

model::Address address_of(const std::uint8_t* bytes) {
  std::array<std::uint8_t, 16> copy{};
  std::memcpy(copy.data(), bytes, copy.size());
  return model::Address::from_bytes(copy);
}

model::Prefix prefix_of(const path_prefix& key) {
  model::Address address = address_of(key.address);
  int bits = static_cast<int>(key.bits);
  return {address, address.is_v4() ? bits - v4_offset : bits};
}

PolicyKey key_of(const path_policy_key& key) {
  PolicyKey out;
  out.set = key.policy;
  out.direction = key.direction == DIRECTION_INGRESS ? Direction::ingress : Direction::egress;
  out.identity = key.identity;
  out.protocol = key.protocol;
  out.port = ntohs(key.port);
  out.port_bits = static_cast<std::uint8_t>(key.bits - POLICY_KEY_BITS);
  return out;
}

Identity around(const std::map<model::Prefix, Identity>& ipcache, const model::Prefix& prefix) {
  for (int length = prefix.length() - 1; length >= 0; --length)
    if (auto row = ipcache.find(model::Prefix(prefix.address(), length)); row != ipcache.end()) return row->second;
  return any_identity;
}

}  // namespace bailey::datapath::sys
