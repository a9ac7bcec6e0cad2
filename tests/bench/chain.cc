#include "chain.h"

#include "must.h"
#include "netlink/namespace.h"
#include "netlink/netlink.h"

namespace bailey::bench {
namespace {

constexpr std::size_t first_end = 0;

model::Address address_of(std::size_t place) {
  return model::Address::v4(0x0a090001 + static_cast<std::uint32_t>(place));  // 10.9.0.1 and on
}

// The device towards the next in the row, and the one towards the one before.
constexpr const char* next_device = "next";
constexpr const char* previous_device = "previous";

netlink::Route towards(const model::Prefix& destination, int link, const model::Address& neighbour) {
  netlink::Route route;
  route.destination = destination;
  route.link_index = link;
  if (destination == model::Prefix::host(neighbour)) {
    route.link_scope = true;
  } else {
    route.gateway = neighbour;
    route.onlink = true;
  }
  return route;
}

int index_of(netlink::Socket& socket, const char* device) {
  auto link = must(socket.link(device));
  return link ? link->index : 0;
}

void set_forwarding(int space) {
  auto inside = must(netlink::Inside::enter(space));
  must(io::write_existing("/proc/sys/net/ipv4/ip_forward", "1"));
}

}  // namespace

Chain::Chain(int routers) {
  const std::size_t count = static_cast<std::size_t>(routers) + 2;
  const std::size_t last = count - 1;
  for (std::size_t i = 0; i < count; ++i) spaces_.push_back(must(netlink::create_namespace()));
  std::vector<netlink::Socket> sockets;
  for (const io::Fd& space : spaces_) sockets.push_back(must(netlink::Socket::open_in(space.get())));
  for (std::size_t i = 0; i < last; ++i) {
    must(sockets[i].create_veth({next_device, -1, std::nullopt, true},
                                {previous_device, spaces_[i + 1].get(), std::nullopt, false}, 1500));
    must(sockets[i + 1].set_up(previous_device));
  }
  for (std::size_t i = 0; i < count; ++i) {
    int next = index_of(sockets[i], next_device);
    int previous = index_of(sockets[i], previous_device);
    netlink::Batch batch;
    batch.add_address({next != 0 ? next : previous, address_of(i), routers == 0 ? 24 : 32});
    if (routers > 0 && i != last)
      batch.add_route(towards(model::Prefix::host(address_of(last)), next, address_of(i + 1)));
    if (routers > 0 && i != first_end)
      batch.add_route(towards(model::Prefix::host(address_of(first_end)), previous, address_of(i - 1)));
    must(sockets[i].run(batch));
    if (i != first_end && i != last) set_forwarding(spaces_[i].get());
  }
}

model::Address Chain::server_address() const { return address_of(spaces_.size() - 1); }

}  // namespace bailey::bench
