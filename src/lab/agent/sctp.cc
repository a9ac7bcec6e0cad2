#include "lab/agent/sctp.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace bailey::lab {
namespace sctp {
namespace {

constexpr std::uint8_t chunk_init = 1;
constexpr std::uint8_t chunk_init_ack = 2;
constexpr std::uint16_t parameter_cookie = 7;

std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) ? 0x82F63B78U : 0);
    table[i] = value;
  }
  return table;
}

void put16(std::string& out, std::uint16_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value & 0xff);
}

void put32(std::string& out, std::uint32_t value) {
  put16(out, static_cast<std::uint16_t>(value >> 16));
  put16(out, static_cast<std::uint16_t>(value & 0xffff));
}

std::uint16_t get16(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>((static_cast<std::uint8_t>(bytes[at]) << 8) |
                                    static_cast<std::uint8_t>(bytes[at + 1]));
}

std::uint32_t get32(std::string_view bytes, std::size_t at) {
  return (std::uint32_t{get16(bytes, at)} << 16) | get16(bytes, at + 2);
}

// The checksum is transmitted with its least significant byte first.
std::string checksum_bytes(std::uint32_t crc) {
  std::string out;
  for (int i = 0; i < 4; ++i) out += static_cast<char>((crc >> (8 * i)) & 0xff);
  return out;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  static const std::array<std::uint32_t, 256> table = make_table();
  std::uint32_t crc = 0xffffffff;
  for (char c : bytes) crc = (crc >> 8) ^ table[(crc ^ static_cast<std::uint8_t>(c)) & 0xff];
  return ~crc;
}

std::string encode(const Packet& packet) {
  std::string chunk;
  put32(chunk, packet.initiate_tag);
  put32(chunk, 65536);                // receiver window
  put16(chunk, 1);                    // outbound streams
  put16(chunk, 1);                    // inbound streams
  put32(chunk, packet.initiate_tag);  // initial TSN
  if (packet.chunk == chunk_init_ack) {
    put16(chunk, parameter_cookie);
    put16(chunk, static_cast<std::uint16_t>(4 + packet.cookie.size()));
    chunk += packet.cookie;
  }
  std::string out;
  put16(out, packet.source_port);
  put16(out, packet.destination_port);
  put32(out, packet.verification_tag);
  put32(out, 0);
  out += static_cast<char>(packet.chunk);
  out += '\0';
  put16(out, static_cast<std::uint16_t>(4 + chunk.size()));
  out += chunk;
  while (out.size() % 4) out += '\0';
  out.replace(8, 4, checksum_bytes(crc32c(out)));
  return out;
}

std::optional<Packet> decode(std::string_view bytes) {
  if (bytes.size() < 16) return std::nullopt;
  std::string copy(bytes);
  copy.replace(8, 4, std::string(4, '\0'));
  if (bytes.substr(8, 4) != checksum_bytes(crc32c(copy))) return std::nullopt;
  Packet packet;
  packet.source_port = get16(bytes, 0);
  packet.destination_port = get16(bytes, 2);
  packet.verification_tag = get32(bytes, 4);
  packet.chunk = static_cast<std::uint8_t>(bytes[12]);
  std::size_t length = get16(bytes, 14);
  if (length < 4 || 12 + length > bytes.size()) return std::nullopt;
  if (packet.chunk != chunk_init && packet.chunk != chunk_init_ack) return packet;
  if (length < 20) return std::nullopt;
  packet.initiate_tag = get32(bytes, 16);
  for (std::size_t at = 32; at + 4 <= 12 + length;) {
    std::size_t size = get16(bytes, at + 2);
    if (size < 4 || at + size > 12 + length) return std::nullopt;
    if (get16(bytes, at) == parameter_cookie) packet.cookie = bytes.substr(at + 4, size - 4);
    at += (size + 3) & ~std::size_t{3};
  }
  return packet;
}

}  // namespace sctp

base::Result<std::unique_ptr<SctpResponder>> SctpResponder::open(
    io::Loop& loop, std::uint16_t port, std::function<std::string(const SocketAddress&)> cookie) {
  std::unique_ptr<SctpResponder> responder(new SctpResponder(loop));
  responder->port_ = port;
  responder->cookie_ = std::move(cookie);
  responder->v4_ = io::Fd(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_SCTP));
  if (!responder->v4_) return base::system_error("open raw socket", std::to_string(port) + "/sctp", errno);
  responder->v6_ = io::Fd(::socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_SCTP));
  int on = 1;
  setsockopt(responder->v4_.get(), IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
  if (responder->v6_) setsockopt(responder->v6_.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
  SctpResponder* self = responder.get();
  base::Status watched =
      loop.watch(self->v4_.get(), EPOLLIN, [self](std::uint32_t) { self->answer(self->v4_.get(), true); });
  if (watched.ok() && self->v6_)
    watched = loop.watch(self->v6_.get(), EPOLLIN, [self](std::uint32_t) { self->answer(self->v6_.get(), false); });
  if (!watched.ok()) return watched.error();
  return responder;
}

SctpResponder::~SctpResponder() {
  if (v4_) loop_.forget(v4_.get());
  if (v6_) loop_.forget(v6_.get());
}

void SctpResponder::answer(int fd, bool v4) {
  Datagram datagram;
  if (!receive_datagram(fd, datagram)) return;
  std::string_view bytes = datagram.bytes;
  std::size_t header = v4 && !bytes.empty() ? static_cast<std::size_t>(bytes[0] & 0x0f) * 4 : 0;
  bytes.remove_prefix(std::min(bytes.size(), header));
  std::optional<sctp::Packet> packet = sctp::decode(bytes);
  if (!packet || packet->chunk != 1 || packet->destination_port != port_) return;
  std::string cookie = cookie_({datagram.peer.address, packet->source_port});
  datagram.bytes = sctp::encode({port_, packet->source_port, packet->initiate_tag, 2, 0x62616c79, cookie});
  datagram.peer.port = 0;  // raw sockets take an address alone
  send_datagram(fd, datagram);
}

}  // namespace bailey::lab
