#include "cni/sys/vnet.h"

#include "io/fd.h"

namespace bailey::cni::sys::vnet {
namespace {

netlink::Batch node_requests(const Attachment& attachment, int link) {
  netlink::Batch batch;
  // A pod sends from its own address only; what comes from another would be answered to somebody else.
  batch.set_v4_option(link, netlink::Batch::V4Option::rp_filter, 1);
  batch.set_v4_option(link, netlink::Batch::V4Option::proxy_arp, 0);
  if (has(attachment.ips, model::Family::v6)) batch.add_address({link, gateway(model::Family::v6), 64});
  batch.set_up(link);
  for (const Ip& ip : attachment.ips) {
    netlink::Route route;
    route.destination = model::Prefix::host(ip.address);
    route.link_index = link;
    route.link_scope = true;
    route.protocol = route_protocol;
    batch.add_neighbour({link, ip.address, attachment.mac, false}).add_route(route);
  }
  return batch;
}

}  // namespace

model::Address gateway(model::Family family) {
  if (family == model::Family::v4) return model::Address::v4(0xa9fe0101);  // 169.254.1.1
  return router_v6();
}

void plan(Attachment& attachment, const std::vector<model::Address>& addresses) {
  attachment.ips.clear();
  attachment.routes.clear();
  for (const model::Address& address : addresses)
    attachment.ips.push_back({address, address.bits(), gateway(address.family()), std::nullopt});
  if (has(attachment.ips, model::Family::v4)) {
    model::Address v4 = gateway(model::Family::v4);
    attachment.routes.push_back({model::Prefix::host(v4), std::nullopt, true});
    attachment.routes.push_back({model::Prefix::any(model::Family::v4), v4, false});
  }
  if (has(attachment.ips, model::Family::v6))
    attachment.routes.push_back({model::Prefix::any(model::Family::v6), gateway(model::Family::v6), false});
}

base::Status wire(netlink::Socket& node, netlink::Socket& pod, int pod_namespace, const Attachment& attachment) {
  base::Status connected = connect(
      node, pod, pod_namespace, attachment, [&](int link) { return pod_requests(attachment, link, host_mac); },
      [&](int link) { return node_requests(attachment, link); });
  // Routers are not learned from pods. Best effort: the kernel ignores advertisements anyway where it forwards.
  if (connected.ok() && has(attachment.ips, model::Family::v6))
    (void)io::write_existing("/proc/sys/net/ipv6/conf/" + attachment.host_name + "/accept_ra", "0");
  return connected;
}

}  // namespace bailey::cni::sys::vnet
