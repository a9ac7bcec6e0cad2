// Sockets of the lab's echo servers and probes: both families behind one address type.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "io/fd.h"
#include "model/address.h"

struct sockaddr_storage;

namespace bailey::lab {

struct SocketAddress {
  model::Address address;
  std::uint16_t port = 0;
};

// As the kernel wants it; returns the length. IPv4 addresses become sockaddr_in.
unsigned to_kernel(const SocketAddress& from, sockaddr_storage& to);
SocketAddress from_kernel(const sockaddr_storage& from);

// A listening TCP or bound UDP socket on every address of both families, non-blocking.
base::Result<io::Fd> listen_on(std::uint16_t port, bool tcp);
// An empty Fd when nobody waits.
io::Fd accept_from(int listener, SocketAddress& peer);

// A datagram with the address at which it arrived, so that the answer leaves from there.
struct Datagram {
  std::string bytes;
  SocketAddress peer;
  model::Address local;
  bool mapped = false;  // arrived as IPv4 on a socket of both families
};
bool receive_datagram(int fd, Datagram& datagram);
void send_datagram(int fd, const Datagram& datagram);

}  // namespace bailey::lab
