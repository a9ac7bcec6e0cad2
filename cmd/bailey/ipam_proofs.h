// Whether nobody uses an address any more, by two proofs that do not depend on each other: one of the lease, one of
// the kernel.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "ipam/sys/leases.h"

namespace bailey::cli {

class Proofs {
 public:
  // Looks at links and routes of the calling thread's network namespace, and at what else the folder holds. Nobody may
  // take an address meanwhile, so this is for a Decide of Leases::gc().
  static base::Result<Proofs> look(ipam::sys::Leases& leases);

  // Of the lease: "earlier-boot", "namespace-gone" (the path is missing or leads to another namespace), or, where it
  // is damaged, "names-nobody". Of the kernel: "no-link" (neither the pod's link nor a route), or, where the lease does
  // not tell the link's name, "no-link-without-owner" (every pod's link is another lease's, and there is no route).
  // Each is the end of the id of a text.
  using Pair = std::pair<std::string, std::string>;
  // Empty: it may be in use. Code EXDEV: it was given in another network namespace, of which nothing is known here.
  base::Result<std::optional<Pair>> of(const ipam::sys::Lease& lease) const;

 private:
  std::set<std::string> links_;
  std::set<model::Address> routes_;
  std::uint64_t here_ = 0;   // inode of the network namespace that was looked at
  std::uint64_t given_ = 0;  // of the one in which the last address was given
  bool every_link_is_owned_ = false;
};

}  // namespace bailey::cli
