// The netlink socket and its framing (netlink(7), linux/netlink.h). Internal to this folder. Written out here, some 80
// lines, because the plugin is started for every pod: linked statically it starts in half the time, and the usual
// library for this comes as a shared object only.
#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/fd.h"

namespace bailey::netlink {

// What follows the header.
std::string_view payload(const nlmsghdr* message);
// The errno of an NLMSG_ERROR, 0 for an acknowledgement.
int error_code(const nlmsghdr* message);

class WireSocket {
 public:
  // Blocking. `protocol` is NETLINK_ROUTE or the like.
  static base::Result<WireSocket> open(int protocol);

  int get() const { return fd_.get(); }
  void enable(int option);  // of SOL_NETLINK; older kernels lack some, none is needed to be right
  base::Status send(std::string_view datagram);
  // Calls `take` for each message until it returns false.
  base::Status receive(const std::function<bool(const nlmsghdr*)>& take);

 private:
  io::Fd fd_;
  std::unique_ptr<char[]> buffer_;  // not cleared: most of its pages are never touched
};

}  // namespace bailey::netlink
