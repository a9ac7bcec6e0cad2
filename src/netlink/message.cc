#include "netlink/message.h"

#include <libmnl/libmnl.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace bailey::netlink {

Message::Message(std::uint16_t type, std::uint16_t flags, std::string_view body) {
  nlmsghdr* message = mnl_nlmsg_put_header(buffer_.data());
  message->nlmsg_type = type;
  message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  append(body);
}

Message& Message::put(std::uint16_t attribute, std::string_view bytes) {
  bool fits = mnl_attr_put_check(header(), capacity, attribute, bytes.size(), bytes.data());
  base::check(fits, "netlink request larger than its buffer");
  return *this;
}

Message& Message::put_u32(std::uint16_t attribute, std::uint32_t value) { return put(attribute, raw_bytes(value)); }

Message& Message::put_text(std::uint16_t attribute, const std::string& text) {
  return put(attribute, std::string_view(text.c_str(), text.size() + 1));
}

Message& Message::begin(std::uint16_t attribute) {
  base::check(depth_ < nests_.size(), "netlink attributes nested too deep");
  nlattr* nest = mnl_attr_nest_start_check(header(), capacity, attribute);
  base::check(nest != nullptr, "netlink request larger than its buffer");
  nests_[depth_++] = nest;
  return *this;
}

Message& Message::end() {
  base::check(depth_ > 0, "end() without begin()");
  mnl_attr_nest_end(header(), nests_[--depth_]);
  return *this;
}

Message& Message::append(std::string_view bytes) {
  std::size_t aligned = MNL_ALIGN(bytes.size());
  base::check(header()->nlmsg_len + aligned <= capacity, "netlink request larger than its buffer");
  std::memcpy(buffer_.data() + header()->nlmsg_len, bytes.data(), bytes.size());
  header()->nlmsg_len += static_cast<std::uint32_t>(aligned);
  return *this;
}

std::string Message::take() const {
  base::check(depth_ == 0, "begin() without end()");
  const nlmsghdr* message = reinterpret_cast<const nlmsghdr*>(buffer_.data());
  return std::string(buffer_.data(), MNL_ALIGN(message->nlmsg_len));
}

Attributes Attributes::of_message(const nlmsghdr* header, std::size_t body_size) {
  std::string_view payload(static_cast<const char*>(mnl_nlmsg_get_payload(header)), mnl_nlmsg_get_payload_len(header));
  return of_bytes(payload.substr(std::min(payload.size(), std::size_t{MNL_ALIGN(body_size)})));
}

Attributes Attributes::of_bytes(std::string_view bytes) {
  Attributes out;
  const nlattr* attribute = reinterpret_cast<const nlattr*>(bytes.data());
  const char* end = bytes.data() + bytes.size();
  while (mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)))) {
    std::uint16_t type = mnl_attr_get_type(attribute);
    if (type < out.seen_.size()) out.seen_[type] = attribute;
    attribute = mnl_attr_next(attribute);
  }
  return out;
}

std::string_view Attributes::bytes(std::uint16_t type) const {
  if (!has(type)) return {};
  return {static_cast<const char*>(mnl_attr_get_payload(seen_[type])), mnl_attr_get_payload_len(seen_[type])};
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
