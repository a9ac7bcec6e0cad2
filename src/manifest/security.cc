// NetworkSecurityGroup: rules as Azure has them (priority 100..4096, unique for a direction).
#include <algorithm>
#include <array>

#include "base/strings.h"
#include "manifest/decoders.h"
#include "manifest/values.h"
#include "model/network.h"

namespace bailey::manifest {
namespace {

using model::SecurityRule;

constexpr std::array<std::string_view, 4> tags = {"*", "VirtualNetwork", "Internet", "AzureLoadBalancer"};

// A prefix, an address, a service tag or "*"; prefixes are stored as they print.
std::optional<std::string> end_of_rule(const Field& field) {
  std::optional<std::string> text = field.text();
  if (!text) return std::nullopt;
  if (std::find(tags.begin(), tags.end(), *text) != tags.end()) return text;
  if (model::Address::parse(*text)) return model::Prefix::parse(*text)->text();
  bool numeric = text->find('/') != std::string::npos || text->find(':') != std::string::npos ||
                 (!text->empty() && text->front() >= '0' && text->front() <= '9');
  if (numeric) {
    std::optional<model::Prefix> value = prefix(field);
    return value ? std::optional<std::string>(value->text()) : std::nullopt;
  }
  std::string near = base::nearest(*text, {tags.begin(), tags.end()});
  field.fail("bad-prefix", {"manifest.expected-rule-end", {}},
             near.empty() ? base::Message{"manifest.mend-rule-end", {}} : base::Message{"manifest.mend-write", {near}});
  return std::nullopt;
}

struct EndNames {
  std::string_view single;
  std::string_view several;
  std::string_view groups;
};

void ends(Mapping& map, const EndNames& names, std::vector<std::string>& prefixes_out,
          std::vector<std::string>& groups_out) {
  Field single = map[names.single];
  Field several = map[names.several];
  Field groups = map[names.groups];
  int given = (single.present() ? 1 : 0) + (several.size() > 0 ? 1 : 0) + (groups.size() > 0 ? 1 : 0);
  if (given > 1)
    (groups.present() ? groups : several)
        .fail("not-allowed", {"manifest.expected-prefixes-or-groups", {}}, {"manifest.found-both", {}},
              {"manifest.mend-one-spelling", {}});
  if (std::optional<std::string> value = end_of_rule(single)) prefixes_out.push_back(*value);
  several.each([&](const Field& item) {
    if (std::optional<std::string> value = end_of_rule(item)) prefixes_out.push_back(*value);
  });
  groups.each([&](const Field& item) {
    if (std::optional<std::string> name = dns_subdomain(item)) groups_out.push_back(*name);
  });
  if (given == 0) prefixes_out.push_back("*");
}

std::optional<SecurityRule::PortRange> port_range(std::string_view text) {
  if (text == "*") return SecurityRule::PortRange{0, 65535};
  std::size_t dash = text.find('-');
  std::optional<std::uint64_t> first = base::parse_number(base::trim(text.substr(0, dash)), 65535);
  std::optional<std::uint64_t> last = first;
  if (dash != std::string_view::npos) last = base::parse_number(base::trim(text.substr(dash + 1)), 65535);
  if (!first || !last || *first > *last) return std::nullopt;
  return SecurityRule::PortRange{static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)};
}

std::vector<SecurityRule::PortRange> port_ranges(const Field& field, bool icmp) {
  std::vector<SecurityRule::PortRange> out;
  bool any = false;
  field.each([&](const Field& item) {
    bool scalar = item.node().type == Node::Type::integer || item.node().type == Node::Type::text;
    std::optional<SecurityRule::PortRange> range = scalar ? port_range(item.node().text) : std::nullopt;
    if (!range) {
      item.fail("bad-port", {"manifest.expected-port-range", {}}, {"manifest.mend-port-range", {}});
      return;
    }
    bool whole = range->first == 0 && range->last == 65535;
    any = any || whole;
    if (icmp && !whole) item.fail("not-allowed", {"manifest.expected-no-port", {}}, {"manifest.mend-no-port", {}});
    out.push_back(*range);
  });
  if (any) out.clear();  // "*" among others is still every port
  return out;
}

SecurityRule security_rule(const Field& item) {
  Mapping map(item);
  SecurityRule out;
  out.name = part_name(map.required("name")).value_or("");
  out.priority = static_cast<std::uint16_t>(map.required("priority").number(100, 4096).value_or(0));
  bool outbound = map.required("direction").one_of({"Inbound", "Outbound"}) == "Outbound";
  out.direction = outbound ? SecurityRule::Direction::outbound : SecurityRule::Direction::inbound;
  out.allow = map.required("access").one_of({"Allow", "Deny"}) == "Allow";
  std::string protocol = map["protocol"].one_of({"Tcp", "Udp", "Icmp", "*"}).value_or("*");
  if (protocol != "*") out.protocol = model::protocol_of(protocol);
  ends(map, {"sourcePrefix", "sourcePrefixes", "sourceApplicationSecurityGroups"}, out.source_prefixes,
       out.source_groups);
  ends(map, {"destinationPrefix", "destinationPrefixes", "destinationApplicationSecurityGroups"},
       out.destination_prefixes, out.destination_groups);
  bool icmp = out.protocol == model::Protocol::icmp;
  out.source_ports = port_ranges(map["sourcePorts"], icmp);
  out.destination_ports = port_ranges(map["destinationPorts"], icmp);
  map.ignore({"description"});
  return out;
}

}  // namespace

model::AnyObject read_security_group(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::NetworkSecurityGroup>();
  out->meta = std::move(meta);
  root.ignore({"status"});
  Field spec_field = root["spec"];
  Mapping spec(spec_field);
  Unique names;
  std::map<std::pair<SecurityRule::Direction, std::uint16_t>, std::string> priorities;
  spec["rules"].each([&](const Field& item) {
    SecurityRule rule = security_rule(item);
    Mapping map(item);
    map.ignore_rest();
    if (!rule.name.empty()) names.add(map["name"], rule.name);
    auto [at, fresh] = priorities.emplace(std::pair{rule.direction, rule.priority}, rule.name);
    if (rule.priority != 0 && !fresh)
      map["priority"].fail("duplicate-priority", {"manifest.expected-own-priority", {}},
                           {"manifest.found-same-priority", {std::to_string(rule.priority), at->second}},
                           {"manifest.mend-own-priority", {}});
    out->rules.push_back(std::move(rule));
  });
  out->flush_connection = spec["flushConnection"].boolean().value_or(false);
  return std::shared_ptr<const model::NetworkSecurityGroup>(out);
}

}  // namespace bailey::manifest
