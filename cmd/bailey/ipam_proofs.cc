#include "ipam_proofs.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "cni/sys/wiring.h"
#include "netlink/namespace.h"
#include "netlink/netlink.h"

namespace bailey::cli {
namespace {

using ipam::sys::Lease;

bool is_pod_link(const std::string& name) {
  static const std::size_t length = cni::sys::host_link_name("", "").size();
  return name.size() == length && name.starts_with("bl") &&
         name.find_first_not_of("0123456789abcdef", 2) == std::string::npos;
}

bool namespace_gone(const ipam::sys::Owner& owner) {
  struct stat info {};
  if (owner.netns.empty()) return false;
  if (::stat(owner.netns.c_str(), &info) != 0) return errno == ENOENT;
  return owner.netns_inode != 0 && info.st_ino != owner.netns_inode;
}

}  // namespace

base::Result<Proofs> Proofs::look(ipam::sys::Leases& leases) {
  Proofs out;
  base::Result<io::Fd> own = netlink::current_namespace();
  if (!own.ok()) return own.error();
  struct stat info {};
  if (::fstat(own->get(), &info) == 0) out.here_ = info.st_ino;
  out.given_ = leases.node_inode();
  base::Result<netlink::Socket> node = netlink::Socket::open();
  if (!node.ok()) return node.error();
  base::Result<std::vector<netlink::Link>> links = node->links();
  if (!links.ok()) return links.error();
  for (const netlink::Link& link : links.value()) out.links_.insert(link.name);
  base::Result<std::vector<netlink::Route>> routes = node->routes();
  if (!routes.ok()) return routes.error();
  for (const netlink::Route& route : routes.value())
    if (route.protocol == cni::sys::route_protocol && route.destination.is_host())
      out.routes_.insert(route.destination.address());

  base::Result<std::vector<Lease>> all = leases.list();
  if (!all.ok()) return all.error();
  std::set<std::string> owned;
  for (const Lease& lease : all.value())
    if (!lease.damaged() && !lease.earlier_boot)
      owned.insert(cni::sys::host_link_name(lease.owner.container, lease.owner.ifname));
  out.every_link_is_owned_ = std::all_of(out.links_.begin(), out.links_.end(), [&](const std::string& name) {
    return !is_pod_link(name) || owned.contains(name);
  });
  return out;
}

base::Result<std::optional<Proofs::Pair>> Proofs::of(const Lease& lease) const {
  using Found = std::optional<Pair>;
  if (lease.damaged()) {
    if (given_ != here_ || !every_link_is_owned_ || routes_.contains(lease.address)) return Found();
    return Found(Pair("names-nobody", "no-link-without-owner"));
  }
  std::string first;
  if (lease.earlier_boot)
    first = "earlier-boot";
  else if (namespace_gone(lease.owner))
    first = "namespace-gone";
  if (first.empty()) return Found();
  if (!lease.earlier_boot && lease.owner.node_inode != 0 && lease.owner.node_inode != here_)
    return base::Error{"judge", lease.address.text(), "it was given in another network namespace", EXDEV};
  if (routes_.contains(lease.address)) return Found();
  if (links_.contains(cni::sys::host_link_name(lease.owner.container, lease.owner.ifname))) return Found();
  return Found(Pair(first, "no-link"));
}

}  // namespace bailey::cli
