#include "plan/check/traffic.h"

#include <algorithm>

namespace bailey::plan::check {

using namespace model;
using Far = Traffic::Far;

namespace {

std::vector<std::size_t> by_priority(const NetworkSecurityGroup& group, SecurityRule::Direction direction) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < group.rules.size(); ++i)
    if (group.rules[i].direction == direction) out.push_back(i);
  std::sort(out.begin(), out.end(),
            [&](std::size_t a, std::size_t b) { return group.rules[a].priority < group.rules[b].priority; });
  return out;
}

bool about_port(const SecurityRule& rule, std::optional<Protocol> protocol, std::uint16_t port) {
  if (rule.protocol && rule.protocol != protocol) return false;
  if (rule.destination_ports.empty()) return true;
  if (port == 0) return rule.allow;
  return std::any_of(rule.destination_ports.begin(), rule.destination_ports.end(),
                     [&](const SecurityRule::PortRange& range) { return range.first <= port && port <= range.last; });
}

bool is_everything(const std::string& text) { return text == "*" || text == "0.0.0.0/0" || text == "::/0"; }

// Whether one entry of a rule has some (touches) or all (covers) of the far class.
bool far_matches(const std::string& entry, const Traffic& traffic, bool all) {
  if (is_everything(entry))
    return entry == "*" || traffic.far != Far::prefix || Prefix::parse(entry)->family() == traffic.prefix.family();
  if (entry == "Internet") return traffic.far == Far::internet;
  if (entry == "VirtualNetwork")
    return traffic.far == Far::network || (traffic.far == Far::prefix && !is_public(traffic.prefix));
  if (entry == "AzureLoadBalancer") return traffic.far == Far::balancer;
  std::optional<Prefix> prefix = Prefix::parse(entry);
  if (!prefix) return false;
  if (traffic.far == Far::prefix) return all ? prefix->contains(traffic.prefix) : prefix->overlaps(traffic.prefix);
  if (all) return false;
  return traffic.far == Far::internet ? is_public(*prefix) : traffic.far == Far::network && !is_public(*prefix);
}

bool here_matches(const std::vector<std::string>& entries, const Subnet* here, bool all) {
  if (entries.empty()) return !all;  // application security groups: some of the subnet
  return std::any_of(entries.begin(), entries.end(), [&](const std::string& entry) {
    if (is_everything(entry) || entry == "VirtualNetwork") return true;
    std::optional<Prefix> prefix = Prefix::parse(entry);
    if (!prefix) return false;
    if (!here) return !all;
    return std::any_of(here->prefixes.begin(), here->prefixes.end(),
                       [&](const Prefix& own) { return all ? prefix->contains(own) : prefix->overlaps(own); });
  });
}

bool inbound(SecurityRule::Direction direction) { return direction == SecurityRule::Direction::inbound; }

}  // namespace

bool is_public(const Prefix& prefix) {
  static const std::vector<Prefix> own = {*Prefix::parse("10.0.0.0/8"),     *Prefix::parse("172.16.0.0/12"),
                                          *Prefix::parse("192.168.0.0/16"), *Prefix::parse("100.64.0.0/10"),
                                          *Prefix::parse("169.254.0.0/16"), *Prefix::parse("fc00::/7"),
                                          *Prefix::parse("fe80::/10"),      *Prefix::parse("168.63.129.16/32")};
  return std::none_of(own.begin(), own.end(), [&](const Prefix& each) { return each.contains(prefix); });
}

Decision decide(const NetworkSecurityGroup& group, const Traffic& traffic) {
  bool in = inbound(traffic.direction);
  for (std::size_t i : by_priority(group, traffic.direction)) {
    const SecurityRule& rule = group.rules[i];
    if (!about_port(rule, traffic.protocol, traffic.port)) continue;
    bool all = !rule.allow;
    const auto& far = in ? rule.source_prefixes : rule.destination_prefixes;
    const auto& near = in ? rule.destination_prefixes : rule.source_prefixes;
    bool groups = far.empty() && rule.allow && traffic.far == Far::network;  // application security groups
    bool matches = groups || std::any_of(far.begin(), far.end(),
                                         [&](const std::string& entry) { return far_matches(entry, traffic, all); });
    if (matches && here_matches(near, traffic.here, all)) return {rule.allow, &rule, i};
  }
  // 65000 lets the network in and out, 65001 the load balancer in and the Internet out.
  bool network = traffic.far == Far::network || (traffic.far == Far::prefix && !is_public(traffic.prefix));
  bool other = in ? traffic.far == Far::balancer : traffic.far == Far::internet;
  return {network || other, nullptr, 0};
}

Admitted admitted(const NetworkSecurityGroup& group, std::uint16_t port, const Subnet& here,
                  const std::vector<Prefix>& known) {
  Admitted out;
  for (std::size_t i : by_priority(group, SecurityRule::Direction::inbound)) {
    const SecurityRule& rule = group.rules[i];
    if (!about_port(rule, Protocol::tcp, port) || !here_matches(rule.destination_prefixes, &here, !rule.allow))
      continue;
    for (const std::string& source : rule.source_prefixes) {
      if (!rule.allow && (source == "*" || source == "VirtualNetwork")) return out;
      if (!rule.allow || source == "AzureLoadBalancer") continue;
      std::optional<Prefix> prefix = Prefix::parse(source);
      bool fine =
          prefix && std::any_of(known.begin(), known.end(), [&](const Prefix& each) { return each.contains(*prefix); });
      if (!fine) out.rules.push_back({i, source});
    }
    if (rule.allow)
      for (const std::string& name : rule.source_groups) out.rules.push_back({i, name});
  }
  out.open = true;
  return out;
}

}  // namespace bailey::plan::check
