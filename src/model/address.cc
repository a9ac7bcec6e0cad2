#include "model/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/strings.h"

namespace bailey::model {
namespace {

constexpr std::array<std::uint8_t, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

Uint128 low_bits(int count) { return count >= 128 ? ~Uint128{0} : (Uint128{1} << count) - 1; }

}  // namespace

std::optional<Address> Address::parse(std::string_view text) {
  char buffer[64];
  if (text.empty() || text.size() >= sizeof buffer) return std::nullopt;
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = 0;
  if (std::memchr(buffer, 0, text.size())) return std::nullopt;
  in_addr v4_address{};
  if (inet_pton(AF_INET, buffer, &v4_address) == 1) return v4(ntohl(v4_address.s_addr));
  Address address;
  if (inet_pton(AF_INET6, buffer, address.bytes_.data()) != 1) return std::nullopt;
  return address;
}

Address Address::from_bytes(const std::array<std::uint8_t, 16>& bytes) {
  Address address;
  address.bytes_ = bytes;
  return address;
}

Address Address::v4(std::uint32_t host_order) {
  Address address;
  std::copy(mapped.begin(), mapped.end(), address.bytes_.begin());
  for (int i = 0; i < 4; ++i) address.bytes_[12 + i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
  return address;
}

Address Address::from_number(Family family, Uint128 number) {
  if (family == Family::v4) return v4(static_cast<std::uint32_t>(number));
  Address address;
  for (int i = 0; i < 16; ++i) address.bytes_[i] = static_cast<std::uint8_t>(number >> (120 - 8 * i));
  return address;
}

Family Address::family() const {
  return std::equal(mapped.begin(), mapped.end(), bytes_.begin()) ? Family::v4 : Family::v6;
}

Uint128 Address::number() const {
  Uint128 number = 0;
  for (int i = is_v4() ? 12 : 0; i < 16; ++i) number = (number << 8) | bytes_[i];
  return number;
}

bool Address::is_unspecified() const { return number() == 0; }

std::string_view Address::wire() const {
  const char* data = reinterpret_cast<const char*>(bytes_.data());
  return is_v4() ? std::string_view(data + 12, 4) : std::string_view(data, 16);
}

std::string Address::text() const {
  char buffer[INET6_ADDRSTRLEN];
  inet_ntop(is_v4() ? AF_INET : AF_INET6, wire().data(), buffer, sizeof buffer);
  return buffer;
}

Address Address::plus(Uint128 offset) const { return from_number(family(), number() + offset); }

Prefix::Prefix(Address address, int length) : length_(length) {
  base::check(length >= 0 && length <= address.bits(), "prefix length out of range");
  address_ = Address::from_number(address.family(), address.number() & ~low_bits(address.bits() - length));
}

Prefix Prefix::any(Family family) { return Prefix(Address::from_number(family, 0), 0); }

std::optional<Prefix> Prefix::parse(std::string_view text, ParseError* error, Prefix* suggestion) {
  auto fail = [&](ParseError why) {
    if (error) *error = why;
    return std::nullopt;
  };
  std::size_t slash = text.find('/');
  std::optional<Address> address = Address::parse(text.substr(0, slash));
  if (!address) return fail(ParseError::not_an_address);
  if (slash == std::string_view::npos) return host(*address);
  std::optional<std::uint64_t> length =
      base::parse_number(text.substr(slash + 1), static_cast<std::uint64_t>(address->bits()));
  if (!length) return fail(ParseError::bad_length);
  Prefix prefix(*address, static_cast<int>(*length));
  if (prefix.address() != *address) {
    if (suggestion) *suggestion = prefix;
    return fail(ParseError::host_bits_set);
  }
  return prefix;
}

Address Prefix::last() const {
  return Address::from_number(family(), address_.number() | low_bits(address_.bits() - length_));
}

Uint128 Prefix::size() const {
  int free_bits = address_.bits() - length_;
  return free_bits >= 128 ? ~Uint128{0} : Uint128{1} << free_bits;
}

bool Prefix::contains(const Address& address) const {
  bool v4 = address_.is_v4();
  int bits = length_ + (v4 ? 96 : 0);  // of the 16 bytes, which for IPv4 tell the family too
  auto whole = static_cast<std::size_t>(bits / 8);
  if (std::memcmp(address.bytes().data(), address_.bytes().data(), whole) != 0) return false;
  int rest = bits % 8;
  int differing = rest == 0 ? 0 : (address.bytes()[whole] ^ address_.bytes()[whole]) >> (8 - rest);
  return differing == 0 && (v4 || address.is_v6());
}

bool Prefix::contains(const Prefix& other) const {
  return other.family() == family() && other.length_ >= length_ && contains(other.address_);
}

std::string Prefix::text() const { return address_.text() + "/" + std::to_string(length_); }

std::optional<AddressRange> AddressRange::parse(std::string_view text) {
  std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) {
    std::optional<Prefix> prefix = Prefix::parse(text);
    if (!prefix) return std::nullopt;
    return AddressRange{prefix->first(), prefix->last()};
  }
  std::optional<Address> first = Address::parse(base::trim(text.substr(0, dash)));
  std::optional<Address> last = Address::parse(base::trim(text.substr(dash + 1)));
  if (!first || !last || first->family() != last->family() || *last < *first) return std::nullopt;
  return AddressRange{*first, *last};
}

bool AddressRange::contains(const Address& address) const {
  return address.family() == first.family() && address >= first && address <= last;
}

std::string AddressRange::text() const {
  std::vector<Prefix> cover = prefixes();
  if (cover.size() == 1) return cover[0].text();
  return first.text() + "-" + last.text();
}

std::vector<Prefix> AddressRange::prefixes() const {
  std::vector<Prefix> out;
  Address from = first;
  while (true) {
    int length = from.bits();
    while (length > 0) {
      Prefix wider(from, length - 1);
      if (wider.first() != from || wider.last() > last) break;
      --length;
    }
    Prefix block(from, length);
    out.push_back(block);
    if (block.last() >= last) return out;
    from = block.last().plus(1);
  }
}

}  // namespace bailey::model
