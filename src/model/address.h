// Addresses, prefixes and ranges of both families, as plain values.
//
// An Address is 16 bytes in network order; an IPv4 address is stored v4-mapped (::ffff:a.b.c.d, RFC 4291
// section 2.5.5.2), which is also the layout of keys in kernel maps. The mapped form is the only spelling
// of IPv4: parsing "::ffff:10.0.0.1" gives the IPv4 address 10.0.0.1. The order is numeric, IPv4 first.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bailey::model {

__extension__ typedef unsigned __int128 Uint128;

enum class Family : std::uint8_t { v4, v6 };

class Address {
 public:
  Address() = default;                                         // "::", is_unspecified()
  static std::optional<Address> parse(std::string_view text);  // RFC 4291 text or dotted quad; no zone, no prefix
  static Address from_bytes(const std::array<std::uint8_t, 16>& bytes);
  static Address v4(std::uint32_t host_order);
  // `number` is the address as an integer: 32 bits for v4, 128 bits for v6.
  static Address from_number(Family family, Uint128 number);

  Family family() const;
  bool is_v4() const { return family() == Family::v4; }
  bool is_v6() const { return !is_v4(); }
  int bits() const { return is_v4() ? 32 : 128; }
  Uint128 number() const;
  bool is_unspecified() const;  // :: or 0.0.0.0
  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  // The 4 bytes of an IPv4 address or the 16 of an IPv6 address, in network order, as the kernel wants them.
  std::string_view wire() const;

  std::string text() const;  // dotted quad, or RFC 5952
  // The address `offset` further (wraps around within the family).
  Address plus(Uint128 offset) const;

  friend auto operator<=>(const Address& a, const Address& b) { return a.key() <=> b.key(); }
  friend bool operator==(const Address& a, const Address& b) { return a.bytes_ == b.bytes_; }

 private:
  std::pair<int, std::array<std::uint8_t, 16>> key() const { return {is_v4() ? 0 : 1, bytes_}; }
  std::array<std::uint8_t, 16> bytes_{};
};

// An address block. The address part never has bits set beyond the length.
class Prefix {
 public:
  Prefix() = default;  // ::/0
  // Bits beyond `length` are cleared. `length` is in bits of the address' own family, 0..32 or 0..128.
  Prefix(Address address, int length);
  static Prefix host(Address address) { return Prefix(address, address.bits()); }
  static Prefix any(Family family);  // 0.0.0.0/0 or ::/0

  enum class ParseError : std::uint8_t { not_an_address, bad_length, host_bits_set };
  // "10.0.0.0/8"; an address without length is a host prefix. On failure `error` (when given) says why;
  // with host_bits_set `*suggestion` (when given) is the prefix with the bits cleared.
  static std::optional<Prefix> parse(std::string_view text, ParseError* error = nullptr, Prefix* suggestion = nullptr);

  Family family() const { return address_.family(); }
  const Address& address() const { return address_; }
  int length() const { return length_; }
  bool is_host() const { return length_ == address_.bits(); }
  Address first() const { return address_; }
  Address last() const;
  Uint128 size() const;  // number of addresses; ::/0 gives 2^128 - 1, one short
  bool contains(const Address& address) const;
  bool contains(const Prefix& other) const;
  bool overlaps(const Prefix& other) const { return contains(other) || other.contains(*this); }
  Address at(Uint128 offset) const { return address_.plus(offset); }

  std::string text() const;  // "10.0.0.0/8"; host prefixes too carry their length

  friend auto operator<=>(const Prefix&, const Prefix&) = default;

 private:
  Address address_;
  int length_ = 0;
};

// Inclusive range of one family.
struct AddressRange {
  Address first;
  Address last;

  // "10.0.0.4-10.0.0.33", a prefix, or an address. Empty where first > last or the families differ.
  static std::optional<AddressRange> parse(std::string_view text);
  Uint128 size() const { return last.number() - first.number() + 1; }
  bool contains(const Address& address) const;
  std::string text() const;  // a prefix where it is one, otherwise "first-last"
  // The fewest prefixes that cover exactly this range, ascending.
  std::vector<Prefix> prefixes() const;

  friend auto operator<=>(const AddressRange&, const AddressRange&) = default;
};

}  // namespace bailey::model
