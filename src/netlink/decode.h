// What the kernel tells about links, addresses, routes, rules and neighbours, as values. Internal to this folder.
//
// Each function takes one message of a dump. Empty: the entry is not one that netlink.h speaks of (the kernel's
// own routes, entries that were learned, kinds that a Route or Rule cannot express).
#pragma once

#include <linux/netlink.h>

#include <optional>

#include "netlink/netlink.h"

namespace bailey::netlink {

std::optional<Link> decode_link(const nlmsghdr* message);
std::optional<InterfaceAddress> decode_address(const nlmsghdr* message);
// `kernel_too`: the kernel's own entries as well (the answer to a lookup may be one).
std::optional<Route> decode_route(const nlmsghdr* message, bool kernel_too = false);
std::optional<Rule> decode_rule(const nlmsghdr* message);
std::optional<Neighbour> decode_neighbour(const nlmsghdr* message);

}  // namespace bailey::netlink
