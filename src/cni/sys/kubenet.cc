#include "cni/sys/kubenet.h"

#include <algorithm>
#include <cerrno>

namespace bailey::cni::sys::kubenet {
namespace {

netlink::Mac v4_mac(const model::Address& address) {
  netlink::Mac mac{0x0a, 0x58};
  std::copy_n(address.wire().begin(), 4, mac.begin() + 2);
  return mac;
}

bool v6_of(const Bridge& bridge) {
  return std::any_of(bridge.blocks.begin(), bridge.blocks.end(),
                     [](const ipam::Pool::Block& block) { return block.gateway.is_v6(); });
}

base::Result<std::optional<netlink::Link>> find_bridge(netlink::Socket& node, const std::string& name) {
  base::Result<std::optional<netlink::Link>> found = node.link(name);
  if (found.ok() && found.value() && found.value()->kind != "bridge")
    return base::Error{"use bridge", name,
                       "a device of this name exists and is no bridge; remove it, or name another in \"bridge\"",
                       EEXIST};
  return found;
}

bool complete(netlink::Socket& node, const Bridge& bridge, const netlink::Link& link) {
  if (!link.up) return false;
  return std::all_of(bridge.blocks.begin(), bridge.blocks.end(), [&](const ipam::Pool::Block& block) {
    base::Result<netlink::Route> route = node.lookup(block.gateway, std::nullopt, "");
    return route.ok() && route->type == netlink::RouteType::local && route->link_index == link.index;
  });
}

netlink::Batch bridge_requests(const Bridge& bridge, int link) {
  netlink::Batch batch;
  // Pods send from addresses of the blocks only.
  batch.set_v4_option(link, netlink::Batch::V4Option::rp_filter, 1);
  if (v6_of(bridge)) batch.add_address({link, router_v6(), 64});
  for (const ipam::Pool::Block& block : bridge.blocks) batch.add_address({link, block.gateway, block.prefix.length()});
  return batch.set_up(link);
}

netlink::Batch port_requests(int link, int bridge) {
  netlink::Batch batch;
  return batch.set_master(link, bridge).set_hairpin(link, true).set_up(link);
}

}  // namespace

Bridge bridge_of(const std::string& name, const ipam::Pool& pool, std::uint32_t mtu) {
  Bridge bridge{name, {}, mtu};
  for (model::Family family : pool.families())
    for (const ipam::Pool::Block& block : pool.blocks(family)) bridge.blocks.push_back(block);
  return bridge;
}

netlink::Mac pod_mac(const std::vector<model::Address>& addresses) {
  for (const model::Address& address : addresses)
    if (address.is_v4()) return v4_mac(address);
  return mac_of(addresses.empty() ? "" : addresses.front().text());
}

void plan(Attachment& attachment, const Bridge& bridge, const std::vector<model::Address>& addresses) {
  attachment.ips.clear();
  attachment.routes.clear();
  for (const model::Address& address : addresses) {
    auto block = std::find_if(bridge.blocks.begin(), bridge.blocks.end(),
                              [&](const ipam::Pool::Block& each) { return each.prefix.contains(address); });
    if (block == bridge.blocks.end()) continue;  // the pool gives nothing else
    attachment.ips.push_back({address, block->prefix.length(), block->gateway, std::nullopt});
    attachment.routes.push_back({model::Prefix::any(address.family()), block->gateway, false});
  }
}

base::Status check_name(netlink::Socket& node, const std::string& name) {
  base::Result<std::optional<netlink::Link>> found = find_bridge(node, name);
  return found.ok() ? base::Status() : base::Status(found.error());
}

base::Result<netlink::Link> ensure_bridge(netlink::Socket& node, const Bridge& bridge) {
  base::Result<std::optional<netlink::Link>> found = find_bridge(node, bridge.name);
  if (!found.ok()) return found.error();
  if (found.value() && complete(node, bridge, *found.value())) return *found.value();
  bool made = !found.value();
  if (made) {
    std::vector<model::Address> gateways;
    for (const ipam::Pool::Block& block : bridge.blocks) gateways.push_back(block.gateway);
    base::Status created = node.create_bridge(bridge.name, pod_mac(gateways), bridge.mtu);
    // Another ADD may have been faster.
    if (!created.ok() && created.error().code != EEXIST) return created.error();
    found = find_bridge(node, bridge.name);
    if (!found.ok()) return found.error();
    if (!found.value()) return base::system_error("find link", bridge.name, ENODEV);
  }
  int index = found.value()->index;
  netlink::Batch batch;
  if (made) batch.set_automatic_v6(index, false);
  batch.append(bridge_requests(bridge, index));
  base::Status done = node.run(batch);
  if (!done.ok() && made && !v6_of(bridge)) done = node.run(bridge_requests(bridge, index));  // a kernel without IPv6
  if (!done.ok()) return done.error();
  for (const ipam::Pool::Block& block : bridge.blocks)
    if (base::Status settled = node.settle(block.gateway); !settled.ok()) return settled.error();
  return *found.value();
}

base::Status trim_bridge(netlink::Socket& node, const std::string& name, const std::vector<model::Prefix>& blocks) {
  base::Result<std::optional<netlink::Link>> bridge = find_bridge(node, name);
  if (!bridge.ok()) return bridge.error();
  if (!bridge.value()) return {};
  if (blocks.empty()) return node.delete_link(name);
  base::Result<std::vector<netlink::InterfaceAddress>> addresses = node.addresses();
  if (!addresses.ok()) return addresses.error();
  netlink::Batch batch;
  for (const netlink::InterfaceAddress& each : addresses.value()) {
    bool ours = each.address == router_v6() ||
                std::any_of(blocks.begin(), blocks.end(),
                            [&](const model::Prefix& block) { return block.contains(each.address); });
    if (each.link_index == bridge.value()->index && !ours) batch.delete_address(each);
  }
  return node.run(batch);
}

base::Status wire(netlink::Socket& node, netlink::Socket& pod, int pod_namespace, const Attachment& attachment,
                  const netlink::Link& bridge) {
  base::Status connected = connect(
      node, pod, pod_namespace, attachment, [&](int link) { return pod_requests(attachment, link, bridge.mac); },
      [&](int link) { return port_requests(link, bridge.index); });
  // The first port gives the bridge its carrier.
  return connected.ok() ? node.settle(bridge.name) : connected;
}

}  // namespace bailey::cni::sys::kubenet
