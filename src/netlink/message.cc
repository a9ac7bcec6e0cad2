#include "netlink/message.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "netlink/wire.h"

namespace bailey::netlink {

Message::Message(std::uint16_t type, std::uint16_t flags, std::string_view body) {
  nlmsghdr* message = header();
  message->nlmsg_len = NLMSG_HDRLEN;
  message->nlmsg_type = type;
  message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  append(body);
}

Message& Message::put(std::uint16_t attribute, std::string_view bytes) {
  nlattr* written = begin_attribute(attribute);
  append(bytes);
  written->nla_len = static_cast<std::uint16_t>(NLA_HDRLEN + bytes.size());
  return *this;
}

Message& Message::put_u32(std::uint16_t attribute, std::uint32_t value) { return put(attribute, raw_bytes(value)); }

Message& Message::put_text(std::uint16_t attribute, const std::string& text) {
  return put(attribute, std::string_view(text.c_str(), text.size() + 1));
}

Message& Message::begin(std::uint16_t attribute) {
  base::check(depth_ < nests_.size(), "netlink attributes nested too deep");
  nests_[depth_++] = begin_attribute(static_cast<std::uint16_t>(attribute | NLA_F_NESTED));
  return *this;
}

Message& Message::end() {
  base::check(depth_ > 0, "end() without begin()");
  nlattr* nest = nests_[--depth_];
  char* end = buffer_.data() + header()->nlmsg_len;
  nest->nla_len = static_cast<std::uint16_t>(end - reinterpret_cast<char*>(nest));
  return *this;
}

nlattr* Message::begin_attribute(std::uint16_t type) {
  auto* attribute = reinterpret_cast<nlattr*>(buffer_.data() + header()->nlmsg_len);
  nlattr empty{NLA_HDRLEN, type};
  append(raw_bytes(empty));
  return attribute;
}

Message& Message::append(std::string_view bytes) {
  std::size_t aligned = NLMSG_ALIGN(bytes.size());
  base::check(header()->nlmsg_len + aligned <= capacity, "netlink request larger than its buffer");
  std::memcpy(buffer_.data() + header()->nlmsg_len, bytes.data(), bytes.size());
  header()->nlmsg_len += static_cast<std::uint32_t>(aligned);
  return *this;
}

std::string Message::take() const {
  base::check(depth_ == 0, "begin() without end()");
  const nlmsghdr* message = reinterpret_cast<const nlmsghdr*>(buffer_.data());
  return std::string(buffer_.data(), NLMSG_ALIGN(message->nlmsg_len));
}

Attributes Attributes::of_message(const nlmsghdr* header, std::size_t body_size) {
  std::string_view all = payload(header);
  return of_bytes(all.substr(std::min(all.size(), std::size_t{NLMSG_ALIGN(body_size)})));
}

Attributes Attributes::of_bytes(std::string_view bytes) {
  Attributes out;
  while (bytes.size() >= sizeof(nlattr)) {
    auto* attribute = reinterpret_cast<const nlattr*>(bytes.data());
    if (attribute->nla_len < sizeof(nlattr) || attribute->nla_len > bytes.size()) break;
    std::uint16_t type = attribute->nla_type & NLA_TYPE_MASK;
    if (type < out.seen_.size()) out.seen_[type] = attribute;
    bytes.remove_prefix(std::min(bytes.size(), std::size_t{NLA_ALIGN(attribute->nla_len)}));
  }
  return out;
}

std::string_view Attributes::bytes(std::uint16_t type) const {
  if (!has(type)) return {};
  return {reinterpret_cast<const char*>(seen_[type]) + NLA_HDRLEN, std::size_t{seen_[type]->nla_len} - NLA_HDRLEN};
}

std::uint32_t Attributes::u32(std::uint16_t type) const {
  std::uint32_t value = 0;
  std::string_view data = bytes(type);
  if (data.size() >= sizeof value) std::memcpy(&value, data.data(), sizeof value);
  return value;
}

std::string_view Attributes::text(std::uint16_t type) const {
  std::string_view data = bytes(type);
  return data.substr(0, data.find('\0'));
}

std::optional<model::Address> Attributes::address(std::uint16_t type) const { return address_of_wire(bytes(type)); }

std::optional<model::Address> address_of_wire(std::string_view bytes) {
  if (bytes.size() == 4) {
    std::uint32_t number = 0;
    for (char byte : bytes) number = (number << 8) | static_cast<std::uint8_t>(byte);
    return model::Address::v4(number);
  }
  if (bytes.size() != 16) return std::nullopt;
  std::array<std::uint8_t, 16> raw{};
  std::memcpy(raw.data(), bytes.data(), raw.size());
  return model::Address::from_bytes(raw);
}

}  // namespace bailey::netlink
