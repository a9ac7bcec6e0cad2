// Enough SCTP (RFC 9260) to ask "is this port open?" on kernels without SCTP: INIT and INIT-ACK over raw sockets.
//
// The responder answers an INIT to its port with an INIT-ACK whose state cookie is a text; the prober sends an
// INIT and reads that cookie. No association is ever made. Raw sockets see every SCTP packet of their namespace.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/loop.h"
#include "lab/agent/sockets.h"

namespace bailey::lab {

class SctpResponder {
 public:
  // In the calling thread's namespace. `cookie` makes the text for a client.
  static base::Result<std::unique_ptr<SctpResponder>> open(io::Loop& loop, std::uint16_t port,
                                                           std::function<std::string(const SocketAddress&)> cookie);
  ~SctpResponder();
  SctpResponder(const SctpResponder&) = delete;
  SctpResponder& operator=(const SctpResponder&) = delete;

 private:
  explicit SctpResponder(io::Loop& loop) : loop_(loop) {}
  void answer(int fd, bool v4);
  io::Loop& loop_;
  std::uint16_t port_ = 0;
  std::function<std::string(const SocketAddress&)> cookie_;
  io::Fd v4_;
  io::Fd v6_;
};

namespace sctp {

// Checksum of SCTP packets (RFC 9260 appendix A), CRC32c.
std::uint32_t crc32c(std::string_view bytes);

struct Packet {
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint32_t verification_tag = 0;
  std::uint8_t chunk = 0;  // type of the first chunk: 1 INIT, 2 INIT-ACK, 6 ABORT
  std::uint32_t initiate_tag = 0;
  std::string cookie;  // INIT-ACK only
};
std::string encode(const Packet& packet);
// Empty for anything that is no well-formed packet with a right checksum.
std::optional<Packet> decode(std::string_view bytes);

}  // namespace sctp
}  // namespace bailey::lab
