// CHECK: whether an attachment still is as its ADD left it.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cni/config.h"
#include "cni/environment.h"
#include "cni/protocol.h"
#include "ipam/sys/leases.h"
#include "netlink/netlink.h"

namespace bailey::cni::sys {

// What differs, a line each; empty: nothing. Interfaces and addresses of other plugins in `expected` are not looked
// at. Fails only where the kernel or the leases cannot be read.
base::Result<std::vector<std::string>> find_differences(const Environment& environment, const Config& config,
                                                        const AddResult& expected, netlink::Socket& node,
                                                        netlink::Socket& pod, ipam::sys::Leases& leases);

}  // namespace bailey::cni::sys
