// Packets for tests, written as they are stacked: Eth() / IPv4{.source = "10.0.0.1", ...} / TCP{.destination = 80}.
// Checksums are left out: the programs under test do not look at them.
#pragma once

#include <arpa/inet.h>

#include <array>
#include <cstdint>
#include <string>

#include "model/address.h"

namespace bailey::datapath {

using Bytes = std::string;

inline void put16(Bytes& out, std::uint16_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value);
}
inline void put32(Bytes& out, std::uint32_t value) {
  put16(out, static_cast<std::uint16_t>(value >> 16));
  put16(out, static_cast<std::uint16_t>(value));
}

struct Layer {
  Bytes bytes;
  std::uint8_t protocol = 0;    // by which an IP header names it
  std::uint16_t ethertype = 0;  // by which a frame names it
};

struct Eth {
  std::array<std::uint8_t, 6> to{2, 0, 0, 0, 0, 1};
  std::uint16_t type = 0;  // 0: that of what it carries
};

struct IPv4 {
  std::string source, destination;
  std::uint8_t ttl = 64;
  std::uint16_t fragment = 0;  // flags and offset as in the header
  std::uint16_t id = 7;
  std::uint8_t words = 5;  // of the header
  int length_more = 0;     // lies about the length
};

struct IPv6 {
  std::string source, destination;
  std::uint8_t hop_limit = 64;
};

// An extension header; as long as `words` * 8 + 8 bytes.
struct Extension {
  std::uint8_t protocol = 60;
  std::uint8_t words = 0;
};
struct Fragment6 {
  std::uint16_t offset_and_more = 0;
  std::uint32_t id = 7;
  std::uint8_t next = 0;  // 0: that of what it carries
};

struct TCP {
  std::uint16_t source = 40000, destination = 80;
  std::uint8_t flags = 2;
};
struct UDP {
  std::uint16_t source = 40000, destination = 80;
};
struct SCTP {
  std::uint16_t source = 40000, destination = 80;
};
struct ICMP {
  std::uint8_t type = 8, code = 0;
  std::uint16_t id = 9;
  bool v6 = false;
};
struct Raw {
  Bytes bytes;
  std::uint8_t protocol = 0;
};

inline Layer layer(const TCP& tcp) {
  Layer out{{}, 6};
  put16(out.bytes, tcp.source);
  put16(out.bytes, tcp.destination);
  out.bytes += Bytes(8, '\0');
  out.bytes += '\x50';
  out.bytes += static_cast<char>(tcp.flags);
  out.bytes += Bytes(6, '\0');
  return out;
}
inline Layer layer(const UDP& udp) {
  Layer out{{}, 17};
  put16(out.bytes, udp.source);
  put16(out.bytes, udp.destination);
  put32(out.bytes, 8 << 16);
  return out;
}
inline Layer layer(const SCTP& sctp) {
  Layer out{{}, 132};
  put16(out.bytes, sctp.source);
  put16(out.bytes, sctp.destination);
  out.bytes += Bytes(8, '\0');
  return out;
}
inline Layer layer(const ICMP& icmp) {
  Layer out{{}, static_cast<std::uint8_t>(icmp.v6 ? 58 : 1)};
  out.bytes += static_cast<char>(icmp.type);
  out.bytes += static_cast<char>(icmp.code);
  put16(out.bytes, 0);
  put16(out.bytes, icmp.id);
  put16(out.bytes, 1);
  return out;
}
inline Layer layer(const Raw& raw) { return {raw.bytes, raw.protocol}; }
inline Layer layer(Layer whole) { return whole; }

template <typename Inner>
Layer operator/(const IPv4& ip, const Inner& inner) {
  Layer in = layer(inner);
  Layer out{{}, 4, 0x0800};
  out.bytes += static_cast<char>(0x40 | ip.words);
  out.bytes += '\0';
  put16(out.bytes,
        static_cast<std::uint16_t>(ip.words * 4 + in.bytes.size() + static_cast<std::size_t>(ip.length_more)));
  put16(out.bytes, ip.id);
  put16(out.bytes, ip.fragment);
  out.bytes += static_cast<char>(ip.ttl);
  out.bytes += static_cast<char>(in.protocol);
  put16(out.bytes, 0);
  out.bytes += model::Address::parse(ip.source)->wire();
  out.bytes += model::Address::parse(ip.destination)->wire();
  if (ip.words > 5) out.bytes += Bytes(static_cast<std::size_t>(ip.words - 5) * 4, '\1');
  out.bytes += in.bytes;
  return out;
}
template <typename Inner>
Layer operator/(const IPv6& ip, const Inner& inner) {
  Layer in = layer(inner);
  Layer out{{}, 41, 0x86dd};
  put32(out.bytes, 0x60000000);
  put16(out.bytes, static_cast<std::uint16_t>(in.bytes.size()));
  out.bytes += static_cast<char>(in.protocol);
  out.bytes += static_cast<char>(ip.hop_limit);
  for (const std::string& text : {ip.source, ip.destination}) {
    std::array<std::uint8_t, 16> raw{};
    inet_pton(AF_INET6, text.c_str(), raw.data());  // also ::ffff:1.2.3.4, which model::Address reads as IPv4
    out.bytes.append(reinterpret_cast<const char*>(raw.data()), raw.size());
  }
  out.bytes += in.bytes;
  return out;
}
template <typename Inner>
Layer operator/(const Extension& extension, const Inner& inner) {
  Layer in = layer(inner);
  Layer out{{}, extension.protocol};
  out.bytes += static_cast<char>(in.protocol);
  out.bytes += static_cast<char>(extension.words);
  out.bytes += Bytes(6 + std::size_t{extension.words} * 8, '\0') + in.bytes;
  return out;
}
template <typename Inner>
Layer operator/(const Fragment6& fragment, const Inner& inner) {
  Layer in = layer(inner);
  Layer out{{}, 44};
  out.bytes += static_cast<char>(fragment.next != 0 ? fragment.next : in.protocol);
  out.bytes += '\0';
  put16(out.bytes, fragment.offset_and_more);
  put32(out.bytes, fragment.id);
  out.bytes += in.bytes;
  return out;
}
// An ICMP error about a packet.
template <typename Inner>
Layer operator/(const ICMP& icmp, const Inner& inner) {
  Layer out = layer(icmp);
  out.bytes += layer(inner).bytes;
  return out;
}
template <typename Inner>
Bytes operator/(const Eth& eth, const Inner& inner) {
  Layer in = layer(inner);
  Bytes out(reinterpret_cast<const char*>(eth.to.data()), 6);
  out += Bytes("\2\0\0\0\0\2", 6);
  put16(out, eth.type != 0 ? eth.type : in.ethertype);
  out += in.bytes;
  // The kernel takes no frame for a test that is shorter than this.
  return out.size() < 20 ? out + Bytes(20 - out.size(), '\0') : out;
}

}  // namespace bailey::datapath
