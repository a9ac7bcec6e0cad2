// Taking a link away without waiting for what the kernel does afterwards.
#pragma once

#include <string>

#include "base/result.h"

namespace bailey::netlink {

// Deletes a link of the calling thread's network namespace and returns as soon as it is gone: no name, no address, no
// route, no packet. Socket::delete_link returns some 10 to 30 ms later, when the kernel has waited until no processor
// can still hold a pointer to the device (netdev_run_todo: rcu_barrier). Here a child process waits for that, with no
// file of the caller's open, and ends by itself; whoever reaps orphans (init, a subreaper) reaps it.
//
// What is not there is an error with code ENODEV. Forks: for programs of one thread.
base::Status delete_link_detached(const std::string& name);

}  // namespace bailey::netlink
