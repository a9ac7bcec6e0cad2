// The hosts that the applier knows, and how the fabric's values look to the kernel. Internal to this folder.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "fabric/fabric.h"
#include "io/fd.h"
#include "netlink/netlink.h"

namespace bailey::fabric::sys {

// rt_protos: the fabric's own routes, apart from those that a CNI plugin sets in the same namespace (64).
inline constexpr std::uint8_t route_protocol = 65;

struct Host {
  io::Fd space;
  netlink::Socket socket;
  std::map<std::string, int> links;  // name -> index, as far as the fabric needs them

  base::Status read_links();
};

using Hosts = std::map<HostName, Host>;

// Hosts of which every cable is the fabric's: itself, and the routers at its edge.
bool is_infrastructure(const HostName& host);

netlink::Route to_kernel(const KernelRoute& route, const Host& host);
netlink::Rule to_kernel(const KernelRule& rule);

// What stands in the kernel, as far as the fabric owns it. Cables are recognised by the names that `desired`
// gives them; veth links of infrastructure hosts that are none of them are strays. Settings are left empty.
struct Observed {
  Desired state;
  std::vector<std::pair<HostName, std::string>> strays;  // host and device
};
base::Result<Observed> observe(Hosts& hosts, const Desired& desired);

}  // namespace bailey::fabric::sys
