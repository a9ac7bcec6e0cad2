// Namespaces for root tests of the fabric, and datagrams between them. Everything lives in namespaces that only
// this process holds open, so nothing outlives it.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fabric/fabric.h"
#include "fabric/sys/applier.h"
#include "io/fd.h"
#include "model/snapshot.h"
#include "netlink/namespace.h"
#include "netlink/netlink.h"

namespace bailey::fabric::sys::testing {

// What became of a datagram and of its answer.
struct Delivery {
  bool arrived = false;
  bool answered = false;
  std::optional<model::Address> source_seen;
  friend bool operator==(const Delivery&, const Delivery&) = default;
};

// As GoogleTest prints it: "answered, from 10.0.0.4".
void PrintTo(const Delivery& delivery, std::ostream* out);

class Lab {
 public:
  explicit Lab(Applier::Speed speed = Applier::Speed::fast_path) : applier_(speed) {}
  // Compiles and applies; hosts that the fabric names and that do not exist yet are made.
  Applier::Changes apply(const model::Snapshot& snapshot);
  // Makes the hosts of a snapshot that do not exist yet, and applies nothing.
  void make_hosts(const model::Snapshot& snapshot);
  // A pod behind a node: a namespace of its own, wired as a CNI plugin of the vnet model does.
  void add_pod(const std::string& name, const HostName& node, const std::vector<model::Address>& addresses);

  // One datagram from a host (its own choice of address, or `from`) to an address, where `at` listens.
  Delivery send(const HostName& host, const model::Address& to, const HostName& at,
                std::optional<model::Address> from = {});
  // Packets that a host has forwarded for others.
  std::uint64_t forwarded(const HostName& host);
  // Packets dropped for a reason, summed over objects that begin with `object`.
  std::uint64_t dropped(const std::string& reason, const std::string& object);

  // Everything but the kernel's own entries, as lines: links, addresses, routes, rules and nftables of all hosts.
  // Numbers that the kernel chose and counters are left out, so that two labs can be compared.
  std::vector<std::string> everything();

  Applier& applier() { return applier_; }
  const Applier& applier() const { return applier_; }
  void remove(const HostName& host);
  int space(const HostName& host) { return spaces_.at(host).get(); }
  bool has(const HostName& host) const { return spaces_.contains(host); }

 private:
  void make(const HostName& host);
  std::map<HostName, io::Fd> spaces_;
  Applier applier_;
};

}  // namespace bailey::fabric::sys::testing
