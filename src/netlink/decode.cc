// The kernel's messages as values.
//
// The aim is that what was set reads back equal, so this file undoes what the kernel adds on its own: the metric
// of IPv6 routes, the loopback device under IPv6 blackholes, the link scope that IPv6 does not store.
#include "netlink/decode.h"

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <cstring>

#include "netlink/message.h"
#include "netlink/wire.h"

namespace bailey::netlink {
namespace {

constexpr std::uint32_t kernel_v6_metric = 1024;  // IP6_RT_PRIO_USER: what a route without a metric gets

template <typename T>
const T* body(const nlmsghdr* message) {
  std::string_view bytes = payload(message);
  return bytes.size() < sizeof(T) ? nullptr : reinterpret_cast<const T*>(bytes.data());
}

Mac mac_of(std::string_view bytes) {
  Mac mac{};
  if (bytes.size() == mac.size()) std::memcpy(mac.data(), bytes.data(), mac.size());
  return mac;
}

std::optional<model::Family> family_of(int number) {
  if (number == AF_INET) return model::Family::v4;
  if (number == AF_INET6) return model::Family::v6;
  return std::nullopt;
}

// A prefix of a route or rule: the kernel leaves the address out where the length is 0.
model::Prefix prefix_of(model::Family family, const std::optional<model::Address>& address, int length) {
  if (!address || address->family() != family || length > address->bits()) return model::Prefix::any(family);
  return model::Prefix(*address, length);
}

// RTA_VIA: family, then the address.
std::optional<model::Address> via_of(std::string_view bytes) {
  return bytes.size() < 2 ? std::nullopt : address_of_wire(bytes.substr(2));
}

std::optional<RouteType> type_of(int number) {
  switch (number) {
    case RTN_UNICAST: return RouteType::unicast;
    case RTN_LOCAL: return RouteType::local;
    case RTN_BLACKHOLE: return RouteType::blackhole;
    case RTN_UNREACHABLE: return RouteType::unreachable;
    case RTN_PROHIBIT: return RouteType::prohibit;
    case RTN_THROW: return RouteType::throw_;
    default: return std::nullopt;
  }
}

// Next hop of `route`; of a multipath route the first, as a Route has but one.
void decode_next_hop(const Attributes& attributes, unsigned flags, Route& route) {
  Attributes hop = attributes;
  std::string_view paths = attributes.bytes(RTA_MULTIPATH);
  rtnexthop first{};
  if (paths.size() >= sizeof first) {
    std::memcpy(&first, paths.data(), sizeof first);
    if (first.rtnh_len >= sizeof first && first.rtnh_len <= paths.size())
      hop = Attributes::of_bytes(paths.substr(sizeof first, first.rtnh_len - sizeof first));
    route.link_index = first.rtnh_ifindex;
    flags = first.rtnh_flags;
  } else {
    route.link_index = static_cast<int>(attributes.u32(RTA_OIF));
  }
  route.gateway = hop.has(RTA_VIA) ? via_of(hop.bytes(RTA_VIA)) : hop.address(RTA_GATEWAY);
  route.onlink = (flags & RTNH_F_ONLINK) != 0;
}

}  // namespace

std::optional<Link> decode_link(const nlmsghdr* message) {
  const ifinfomsg* info = body<ifinfomsg>(message);
  if (!info) return std::nullopt;
  Attributes attributes = Attributes::of_message(message, sizeof *info);
  Link link;
  link.index = info->ifi_index;
  link.name = attributes.text(IFLA_IFNAME);
  link.kind = attributes.nest(IFLA_LINKINFO).text(IFLA_INFO_KIND);
  link.mac = mac_of(attributes.bytes(IFLA_ADDRESS));
  link.mtu = attributes.u32(IFLA_MTU);
  link.peer_index = static_cast<int>(attributes.u32(IFLA_LINK));
  link.master = static_cast<int>(attributes.u32(IFLA_MASTER));
  link.up = (info->ifi_flags & IFF_UP) != 0;
  return link;
}

std::optional<InterfaceAddress> decode_address(const nlmsghdr* message) {
  const ifaddrmsg* info = body<ifaddrmsg>(message);
  if (!info) return std::nullopt;
  Attributes attributes = Attributes::of_message(message, sizeof *info);
  // IFA_ADDRESS is the far end on point-to-point links; IFA_LOCAL, where given, is always ours.
  std::optional<model::Address> address = attributes.address(IFA_LOCAL);
  if (!address) address = attributes.address(IFA_ADDRESS);
  if (!address) return std::nullopt;
  return InterfaceAddress{static_cast<int>(info->ifa_index), *address, info->ifa_prefixlen};
}

std::optional<Route> decode_route(const nlmsghdr* message, bool kernel_too) {
  const rtmsg* info = body<rtmsg>(message);
  if (!info) return std::nullopt;
  std::optional<model::Family> family = family_of(info->rtm_family);
  std::optional<RouteType> type = type_of(info->rtm_type);
  if (!family || !type) return std::nullopt;
  if (!kernel_too && (info->rtm_protocol == RTPROT_KERNEL || (info->rtm_flags & RTM_F_CLONED))) return std::nullopt;

  Attributes attributes = Attributes::of_message(message, sizeof *info);
  Route route;
  route.table = attributes.has(RTA_TABLE) ? attributes.u32(RTA_TABLE) : info->rtm_table;
  route.destination = prefix_of(*family, attributes.address(RTA_DST), info->rtm_dst_len);
  route.type = *type;
  route.protocol = info->rtm_protocol;
  route.metric = attributes.u32(RTA_PRIORITY);
  route.preferred_source = attributes.address(RTA_PREFSRC);
  route.mtu = attributes.nest(RTA_METRICS).u32(RTAX_MTU);
  decode_next_hop(attributes, info->rtm_flags, route);
  route.link_scope = info->rtm_scope == RT_SCOPE_LINK;
  if (*family == model::Family::v6) {
    if (route.metric == kernel_v6_metric) route.metric = 0;
    route.link_scope = true;  // as normalised() has it; cleared there for what cannot be on a link
  }
  return normalised(route);
}

std::optional<Rule> decode_rule(const nlmsghdr* message) {
  const fib_rule_hdr* info = body<fib_rule_hdr>(message);
  if (!info) return std::nullopt;
  std::optional<model::Family> family = family_of(info->family);
  if (!family || (info->flags & FIB_RULE_INVERT)) return std::nullopt;
  Attributes attributes = Attributes::of_message(message, sizeof *info);
  for (std::uint16_t unknown :
       {FRA_OIFNAME, FRA_GOTO, FRA_TUN_ID, FRA_UID_RANGE, FRA_IP_PROTO, FRA_SPORT_RANGE, FRA_DPORT_RANGE, FRA_FLOW})
    if (attributes.has(unknown)) return std::nullopt;
  constexpr std::uint32_t no_suppression = ~std::uint32_t{0};
  if (attributes.has(FRA_SUPPRESS_PREFIXLEN) && attributes.u32(FRA_SUPPRESS_PREFIXLEN) != no_suppression)
    return std::nullopt;

  Rule rule;
  rule.family = *family;
  rule.priority = attributes.u32(FRA_PRIORITY);
  rule.incoming = attributes.text(FRA_IIFNAME);
  if (info->src_len > 0) rule.source = prefix_of(*family, attributes.address(FRA_SRC), info->src_len);
  if (info->dst_len > 0) rule.destination = prefix_of(*family, attributes.address(FRA_DST), info->dst_len);
  rule.mark = attributes.u32(FRA_FWMARK);
  rule.mark_mask = attributes.u32(FRA_FWMASK);
  switch (info->action) {
    case FR_ACT_TO_TBL: rule.action = Rule::Action::lookup; break;
    case FR_ACT_BLACKHOLE: rule.action = Rule::Action::blackhole; break;
    case FR_ACT_UNREACHABLE: rule.action = Rule::Action::unreachable; break;
    default: return std::nullopt;
  }
  if (rule.action == Rule::Action::lookup)
    rule.table = attributes.has(FRA_TABLE) ? attributes.u32(FRA_TABLE) : info->table;

  for (auto [priority, table] : {std::pair<std::uint32_t, std::uint32_t>{0, RT_TABLE_LOCAL},
                                 {32766, RT_TABLE_MAIN},
                                 {32767, RT_TABLE_DEFAULT}}) {
    Rule standard;
    standard.family = *family;
    standard.priority = priority;
    standard.table = table;
    if (rule == standard) return std::nullopt;
  }
  return rule;
}

std::optional<Neighbour> decode_neighbour(const nlmsghdr* message) {
  const ndmsg* info = body<ndmsg>(message);
  if (!info || !family_of(info->ndm_family)) return std::nullopt;
  Attributes attributes = Attributes::of_message(message, sizeof *info);
  std::optional<model::Address> address = attributes.address(NDA_DST);
  Neighbour neighbour;
  neighbour.proxy = (info->ndm_flags & NTF_PROXY) != 0;
  if (!address || (!neighbour.proxy && !(info->ndm_state & NUD_PERMANENT))) return std::nullopt;
  neighbour.link_index = info->ndm_ifindex;
  neighbour.address = *address;
  if (!neighbour.proxy) neighbour.mac = mac_of(attributes.bytes(NDA_LLADDR));
  return neighbour;
}

}  // namespace bailey::netlink
