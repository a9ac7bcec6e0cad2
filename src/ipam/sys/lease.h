// A lease as a value: who holds an address, since when, and how that is written down.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "model/address.h"

namespace bailey::ipam::sys {

struct Owner {
  std::string container;  // CNI_CONTAINERID
  std::string ifname;     // CNI_IFNAME
  std::string network;    // name of the network configuration
  std::string pod_namespace;
  std::string pod_name;
  std::string pod_uid;            // K8S_POD_UID; may be empty
  std::string netns;              // path of the pod's network namespace, as the runtime gave it; may be empty
  std::uint64_t netns_inode = 0;  // of that namespace; 0: not known
  std::uint64_t node_inode = 0;   // of the network namespace in which the address was given; 0: not known

  std::string text() const;  // "pod shop/web (container 1f…, eth0)"
  friend auto operator<=>(const Owner&, const Owner&) = default;
};

// Why a lease does not say whose it is.
enum class Damage : std::uint8_t { none, not_a_file, empty, not_json, no_owner, other_address, other_owner };

struct Lease {
  model::Address address;
  Owner owner;
  std::string boot_id;
  std::int64_t time = 0;      // given, in seconds since 1970
  std::int64_t released = 0;  // given back, in seconds since 1970; 0: it is held
  Damage damage = Damage::none;
  bool earlier_boot = false;  // given before the machine started; then it holds nothing

  bool damaged() const { return damage != Damage::none; }
  // {"schema":"bailey.dev/lease/v1","address","network","container","ifname","podNamespace","podName","podUid",
  // "netns","netnsInode","nodeNetnsInode","bootId","time"}: what the file says. The time of release is the file's
  // mtime.
  base::Json json() const;
  // `text` is what the file named by `address` says. Keys that it lacks are empty.
  static Lease parse(const model::Address& address, const std::string& text);
};

}  // namespace bailey::ipam::sys
