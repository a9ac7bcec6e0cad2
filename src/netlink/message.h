// Writing and reading rtnetlink messages: a header, a fixed body, then attributes. Internal to this folder.
#pragma once

#include <linux/netlink.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/address.h"

namespace bailey::netlink {

template <typename T>
std::string_view raw_bytes(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

// One request. The sequence number stays 0 until it is sent. A request that outgrows the buffer is a bug:
// nothing that callers can pass (names are checked before) is that long.
class Message {
 public:
  Message(std::uint16_t type, std::uint16_t flags, std::string_view body);

  Message& put(std::uint16_t attribute, std::string_view bytes);
  Message& put_u32(std::uint16_t attribute, std::uint32_t value);
  Message& put_text(std::uint16_t attribute, const std::string& text);  // with the closing NUL
  Message& begin(std::uint16_t attribute);                              // a nest, until end()
  Message& end();
  // Appends plain bytes, 4-byte aligned: the struct that opens some nests (VETH_INFO_PEER).
  Message& append(std::string_view bytes);

  std::string take() const;

 private:
  nlattr* begin_attribute(std::uint16_t type);
  nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(buffer_.data()); }

  static constexpr std::size_t capacity = 1024;
  alignas(8) std::array<char, capacity> buffer_{};
  std::array<nlattr*, 6> nests_{};
  std::size_t depth_ = 0;
};

// The attributes of one message or nest, by type. Points into the message it was read from.
class Attributes {
 public:
  static Attributes of_message(const nlmsghdr* header, std::size_t body_size);
  static Attributes of_bytes(std::string_view bytes);

  bool has(std::uint16_t type) const { return type < seen_.size() && seen_[type] != nullptr; }
  std::string_view bytes(std::uint16_t type) const;  // empty where absent
  std::uint32_t u32(std::uint16_t type) const;       // 0 where absent or too short
  std::string_view text(std::uint16_t type) const;   // without the closing NUL
  std::optional<model::Address> address(std::uint16_t type) const;
  Attributes nest(std::uint16_t type) const { return of_bytes(bytes(type)); }

 private:
  std::array<const nlattr*, 128> seen_{};
};

// 4 or 16 bytes in network order; anything else is no address.
std::optional<model::Address> address_of_wire(std::string_view bytes);

}  // namespace bailey::netlink
