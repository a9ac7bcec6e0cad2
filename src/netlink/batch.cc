// The requests of a Batch: one kernel message each, complete but for the sequence number.
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <iterator>

#include "netlink/message.h"
#include "netlink/netlink.h"

namespace bailey::netlink {
namespace {

std::uint8_t family_number(model::Family family) { return family == model::Family::v4 ? AF_INET : AF_INET6; }

std::uint16_t creation_flags(Batch::Exists exists) {
  return static_cast<std::uint16_t>(NLM_F_CREATE | (exists == Batch::Exists::fail ? NLM_F_EXCL : NLM_F_REPLACE));
}

std::string_view mac_bytes(const Mac& mac) { return {reinterpret_cast<const char*>(mac.data()), mac.size()}; }

std::string link_text(int index) { return "link " + std::to_string(index); }

std::uint8_t type_number(RouteType type) {
  switch (type) {
    case RouteType::unicast: return RTN_UNICAST;
    case RouteType::local: return RTN_LOCAL;
    case RouteType::blackhole: return RTN_BLACKHOLE;
    case RouteType::unreachable: return RTN_UNREACHABLE;
    case RouteType::prohibit: return RTN_PROHIBIT;
    case RouteType::throw_: return RTN_THROW;
  }
  return RTN_UNSPEC;
}

std::uint8_t scope_number(const Route& route) {
  if (route.type == RouteType::local) return RT_SCOPE_HOST;
  return route.link_scope && route.destination.family() == model::Family::v4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

Message link_message(int index, unsigned flags = 0, unsigned changed = 0) {
  ifinfomsg body{};
  body.ifi_index = index;
  body.ifi_flags = flags;
  body.ifi_change = changed;
  return Message(RTM_SETLINK, 0, raw_bytes(body));
}

Message route_message(std::uint16_t kind, std::uint16_t flags, const Route& route) {
  rtmsg body{};
  body.rtm_family = family_number(route.destination.family());
  body.rtm_dst_len = static_cast<std::uint8_t>(route.destination.length());
  body.rtm_table = route.table <= 255 ? static_cast<std::uint8_t>(route.table) : std::uint8_t{RT_TABLE_UNSPEC};
  body.rtm_protocol = route.protocol;
  body.rtm_type = type_number(route.type);
  body.rtm_scope = scope_number(route);
  if (route.onlink) body.rtm_flags |= RTNH_F_ONLINK;
  Message message(kind, flags, raw_bytes(body));
  message.put_u32(RTA_TABLE, route.table);
  if (route.destination.length() > 0) message.put(RTA_DST, route.destination.address().wire());
  if (route.link_index != 0) message.put_u32(RTA_OIF, static_cast<std::uint32_t>(route.link_index));
  if (route.gateway && route.gateway->family() == route.destination.family()) {
    message.put(RTA_GATEWAY, route.gateway->wire());
  } else if (route.gateway) {
    std::uint16_t family = family_number(route.gateway->family());
    message.put(RTA_VIA, std::string(raw_bytes(family)) + std::string(route.gateway->wire()));
  }
  if (route.preferred_source) message.put(RTA_PREFSRC, route.preferred_source->wire());
  if (route.metric != 0) message.put_u32(RTA_PRIORITY, route.metric);
  if (route.mtu != 0) message.begin(RTA_METRICS).put_u32(RTAX_MTU, route.mtu).end();
  return message;
}

Message address_message(std::uint16_t kind, std::uint16_t flags, const InterfaceAddress& address) {
  ifaddrmsg body{};
  body.ifa_family = family_number(address.address.family());
  body.ifa_prefixlen = static_cast<std::uint8_t>(address.prefix_length);
  body.ifa_index = static_cast<std::uint32_t>(address.link_index);
  Message message(kind, flags, raw_bytes(body));
  message.put(IFA_LOCAL, address.address.wire()).put(IFA_ADDRESS, address.address.wire());
  // Whoever hands out the address knows that it is free; waiting a second for DAD would delay every pod.
  if (address.address.is_v6()) message.put_u32(IFA_FLAGS, IFA_F_NODAD);
  return message;
}

Message rule_message(std::uint16_t kind, std::uint16_t flags, const Rule& given) {
  Rule rule = normalised(given);
  fib_rule_hdr body{};
  body.family = family_number(rule.family);
  body.action = FR_ACT_TO_TBL;
  if (rule.action == Rule::Action::blackhole) body.action = FR_ACT_BLACKHOLE;
  if (rule.action == Rule::Action::unreachable) body.action = FR_ACT_UNREACHABLE;
  if (rule.source) body.src_len = static_cast<std::uint8_t>(rule.source->length());
  if (rule.destination) body.dst_len = static_cast<std::uint8_t>(rule.destination->length());
  body.table = rule.table <= 255 ? static_cast<std::uint8_t>(rule.table) : std::uint8_t{RT_TABLE_UNSPEC};
  Message message(kind, flags, raw_bytes(body));
  message.put_u32(FRA_PRIORITY, rule.priority);
  if (rule.table != 0) message.put_u32(FRA_TABLE, rule.table);
  if (!rule.incoming.empty()) message.put_text(FRA_IIFNAME, rule.incoming);
  if (rule.source) message.put(FRA_SRC, rule.source->address().wire());
  if (rule.destination) message.put(FRA_DST, rule.destination->address().wire());
  if (rule.mark != 0 || rule.mark_mask != 0) message.put_u32(FRA_FWMARK, rule.mark).put_u32(FRA_FWMASK, rule.mark_mask);
  return message;
}

Message neighbour_message(std::uint16_t kind, std::uint16_t flags, const Neighbour& neighbour) {
  ndmsg body{};
  body.ndm_family = family_number(neighbour.address.family());
  body.ndm_ifindex = neighbour.link_index;
  body.ndm_state = NUD_PERMANENT;
  if (neighbour.proxy) body.ndm_flags = NTF_PROXY;
  Message message(kind, flags, raw_bytes(body));
  message.put(NDA_DST, neighbour.address.wire());
  if (!neighbour.proxy && kind == RTM_NEWNEIGH) message.put(NDA_LLADDR, mac_bytes(neighbour.mac));
  return message;
}

std::string route_text(const Route& route) {
  std::string text = route.destination.text();
  if (route.gateway) text += " via " + route.gateway->text();
  if (route.link_index != 0) text += " on link " + std::to_string(route.link_index);
  if (route.table != RT_TABLE_MAIN) text += " in table " + std::to_string(route.table);
  return text;
}

std::string rule_text(const Rule& rule) {
  std::string text = std::to_string(rule.priority);
  if (!rule.incoming.empty()) text += " in from " + rule.incoming;
  if (rule.source) text += " from " + rule.source->text();
  if (rule.destination) text += " to " + rule.destination->text();
  return text + " to table " + std::to_string(rule.table);
}

std::string address_text(const InterfaceAddress& address) {
  return address.address.text() + "/" + std::to_string(address.prefix_length) + " on " + link_text(address.link_index);
}

std::string neighbour_text(const Neighbour& neighbour) {
  return neighbour.address.text() + " on " + link_text(neighbour.link_index);
}

}  // namespace

Route normalised(Route route) {
  bool v6 = route.destination.family() == model::Family::v6;
  bool reaches = route.type == RouteType::unicast || route.type == RouteType::local;
  if (!reaches) {
    route.link_index = 0;
    route.gateway.reset();
  }
  if (!route.gateway) route.onlink = false;
  if (v6 && route.metric == 1024) route.metric = 0;
  if (v6) route.link_scope = route.type == RouteType::unicast && !route.gateway;
  if (route.type != RouteType::unicast) route.link_scope = false;
  return route;
}

Rule normalised(Rule rule) {
  if (rule.mark != 0 && rule.mark_mask == 0) rule.mark_mask = ~std::uint32_t{0};
  if (rule.source && rule.source->length() == 0) rule.source.reset();
  if (rule.destination && rule.destination->length() == 0) rule.destination.reset();
  if (rule.action != Rule::Action::lookup) rule.table = 0;
  return rule;
}

Batch& Batch::append(Batch other) {
  std::move(other.requests_.begin(), other.requests_.end(), std::back_inserter(requests_));
  return *this;
}

Batch& Batch::set_up(int link_index, bool up) {
  Message message = link_message(link_index, up ? IFF_UP : 0, IFF_UP);
  requests_.push_back({message.take(), up ? "bring up" : "take down", link_text(link_index)});
  return *this;
}

Batch& Batch::set_mac(int link_index, const Mac& mac) {
  Message message = link_message(link_index).put(IFLA_ADDRESS, mac_bytes(mac));
  requests_.push_back({message.take(), "set MAC of", link_text(link_index)});
  return *this;
}

Batch& Batch::set_mtu(int link_index, std::uint32_t mtu) {
  Message message = link_message(link_index).put_u32(IFLA_MTU, mtu);
  requests_.push_back({message.take(), "set MTU of", link_text(link_index)});
  return *this;
}

Batch& Batch::set_master(int link_index, int master_index) {
  Message message = link_message(link_index).put_u32(IFLA_MASTER, static_cast<std::uint32_t>(master_index));
  requests_.push_back({message.take(), "set master of", link_text(link_index)});
  return *this;
}

Batch& Batch::set_hairpin(int link_index, bool on) {
  std::uint8_t mode = on ? 1 : 0;
  Message message = link_message(link_index);
  message.begin(IFLA_LINKINFO).put_text(IFLA_INFO_SLAVE_KIND, "bridge").begin(IFLA_INFO_SLAVE_DATA);
  message.put(IFLA_BRPORT_MODE, raw_bytes(mode)).end().end();
  requests_.push_back({message.take(), "set hairpin mode of", link_text(link_index)});
  return *this;
}

Batch& Batch::set_automatic_v6(int link_index, bool on) {
  std::uint8_t mode = on ? IN6_ADDR_GEN_MODE_EUI64 : IN6_ADDR_GEN_MODE_NONE;
  Message message = link_message(link_index);
  message.begin(IFLA_AF_SPEC).begin(AF_INET6).put(IFLA_INET6_ADDR_GEN_MODE, raw_bytes(mode)).end().end();
  requests_.push_back({message.take(), "set IPv6 address generation of", link_text(link_index)});
  return *this;
}

Batch& Batch::set_v4_option(int link_index, V4Option option, std::uint32_t value) {
  std::uint16_t number = IPV4_DEVCONF_FORWARDING;
  if (option == V4Option::rp_filter) number = IPV4_DEVCONF_RP_FILTER;
  if (option == V4Option::proxy_arp) number = IPV4_DEVCONF_PROXY_ARP;
  Message message = link_message(link_index);
  message.begin(IFLA_AF_SPEC).begin(AF_INET).begin(IFLA_INET_CONF).put_u32(number, value).end().end().end();
  requests_.push_back({message.take(), "set IPv4 option of", link_text(link_index)});
  return *this;
}

Batch& Batch::delete_link(int link_index) {
  ifinfomsg body{};
  body.ifi_index = link_index;
  requests_.push_back({Message(RTM_DELLINK, 0, raw_bytes(body)).take(), "delete", link_text(link_index)});
  return *this;
}

Batch& Batch::add_address(const InterfaceAddress& address, Exists exists) {
  requests_.push_back(
      {address_message(RTM_NEWADDR, creation_flags(exists), address).take(), "add address", address_text(address)});
  return *this;
}

Batch& Batch::delete_address(const InterfaceAddress& address) {
  requests_.push_back({address_message(RTM_DELADDR, 0, address).take(), "delete address", address_text(address)});
  return *this;
}

Batch& Batch::add_route(const Route& route, Exists exists) {
  requests_.push_back(
      {route_message(RTM_NEWROUTE, creation_flags(exists), route).take(), "add route", route_text(route)});
  return *this;
}

Batch& Batch::delete_route(const Route& route) {
  Route exact = normalised(route);
  // Without a metric the kernel would take any IPv6 route to the destination.
  if (exact.destination.family() == model::Family::v6 && exact.metric == 0) exact.metric = 1024;
  requests_.push_back({route_message(RTM_DELROUTE, 0, exact).take(), "delete route", route_text(route)});
  return *this;
}

Batch& Batch::add_rule(const Rule& rule) {
  requests_.push_back({rule_message(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule).take(), "add rule", rule_text(rule)});
  return *this;
}

Batch& Batch::delete_rule(const Rule& rule) {
  requests_.push_back({rule_message(RTM_DELRULE, 0, rule).take(), "delete rule", rule_text(rule)});
  return *this;
}

Batch& Batch::add_neighbour(const Neighbour& neighbour) {
  requests_.push_back({neighbour_message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, neighbour).take(), "add neighbour",
                       neighbour_text(neighbour)});
  return *this;
}

Batch& Batch::delete_neighbour(const Neighbour& neighbour) {
  requests_.push_back(
      {neighbour_message(RTM_DELNEIGH, 0, neighbour).take(), "delete neighbour", neighbour_text(neighbour)});
  return *this;
}

}  // namespace bailey::netlink
