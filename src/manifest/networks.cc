// VirtualNetwork, NetworkPeering, NetworkInterface, RouteTable and what leads to on-premises networks.
#include <algorithm>

#include "manifest/decoders.h"
#include "manifest/prefix_set.h"
#include "manifest/values.h"
#include "model/network.h"

namespace bailey::manifest {
namespace {

using model::Address;
using model::Family;
using model::Prefix;

// Ranges that Azure does not let a virtual network have (virtual network FAQ).
const Prefix* reserved_range(const Prefix& prefix) {
  static const std::vector<Prefix> ranges = {
      *Prefix::parse("224.0.0.0/4"),    *Prefix::parse("255.255.255.255/32"), *Prefix::parse("127.0.0.0/8"),
      *Prefix::parse("169.254.0.0/16"), *Prefix::parse("168.63.129.16/32"),   *Prefix::parse("0.0.0.0/8"),
      *Prefix::parse("ff00::/8"),       *Prefix::parse("fe80::/10"),          *Prefix::parse("::/8")};
  for (const Prefix& range : ranges)
    if (range.overlaps(prefix)) return &range;
  return nullptr;
}

// Address spaces: not empty, no overlap among themselves; of a VNet also no range that Azure keeps for itself.
std::vector<Prefix> address_space(const Field& field, bool azure) {
  std::vector<Prefix> out;
  PrefixSet taken;
  field.each([&](const Field& item) {
    std::optional<Prefix> value = prefix(item);
    if (!value) return;
    const Prefix* reserved = azure ? reserved_range(*value) : nullptr;
    if (reserved) {
      item.fail("reserved-range", {"manifest.expected-free-range", {}},
                {"manifest.found-reserved", {value->text(), reserved->text()}}, {"manifest.mend-free-range", {}});
      return;
    }
    if (const PrefixSet::Entry* other = taken.overlapping(*value)) {
      item.fail("overlap", {"manifest.expected-no-overlap", {}},
                {"manifest.found-overlap", {value->text(), other->prefix.text()}}, {"manifest.mend-overlap", {}});
      return;
    }
    taken.add(*value);
    out.push_back(*value);
  });
  if (field.is_list() && field.size() == 0)
    field.fail("missing-field", {"manifest.expected-address-space", {}}, {"manifest.mend-address-space", {}});
  return out;
}

bool check_subnet_size(const Field& field, const Prefix& prefix) {
  bool v4 = prefix.family() == Family::v4;
  bool good = v4 ? prefix.length() >= 8 && prefix.length() <= 29 : prefix.length() == 64;
  if (good) return true;
  field.fail("subnet-size", {v4 ? "manifest.expected-subnet-size" : "manifest.expected-subnet-size-v6", {}},
             {v4 ? "manifest.mend-subnet-size" : "manifest.mend-subnet-size-v6", {}});
  return false;
}

struct Ranges {
  const std::vector<Prefix>& listed;  // the network's address space
  PrefixSet space;                    // the same
  PrefixSet taken;                    // by subnets so far
};

void check_subnet_prefix(const Field& field, const Prefix& prefix, const std::string& name, Ranges& ranges) {
  if (!check_subnet_size(field, prefix)) return;
  if (!ranges.listed.empty() && !ranges.space.contains(prefix)) {
    std::string list;
    for (const Prefix& range : ranges.listed) list += (list.empty() ? "" : ", ") + range.text();
    field.fail("outside-range", {"manifest.expected-inside", {list}}, {"manifest.found-outside", {prefix.text()}},
               {"manifest.mend-inside", {}});
  }
  if (const PrefixSet::Entry* other = ranges.taken.overlapping(prefix)) {
    field.fail("overlap", {"manifest.expected-no-overlap", {}},
               {"manifest.found-overlap-subnet", {prefix.text(), other->prefix.text(), other->name}},
               {"manifest.mend-overlap", {}});
    return;
  }
  ranges.taken.add(prefix, name);
}

model::Subnet subnet(const Field& item, Ranges& ranges, Unique& names) {
  Mapping map(item);
  model::Subnet out;
  Field name = map.required("name");
  out.name = part_name(name).value_or("");
  if (!out.name.empty()) names.add(name, out.name);
  Field single = map["prefix"];
  Field several = map["prefixes"];
  if (map && !single.present() && (!several.present() || (several.is_list() && several.size() == 0)))
    single.fail("missing-field", {"manifest.expected-field", {"prefix"}}, {"manifest.mend-add-field", {"prefix"}});
  out.prefixes = dual_prefixes(single, several);
  for (const Prefix& value : out.prefixes) {
    Field at = single;
    for (std::size_t i = 0; !single.present() && i < several.size(); ++i)
      if (several.item(i).present() && Prefix::parse(several.item(i).node().text) == value) at = several.item(i);
    check_subnet_prefix(at, value, out.name, ranges);
  }
  out.network_security_group = reference(map["networkSecurityGroup"]);
  out.route_table = reference(map["routeTable"]);
  out.delegation = map["delegation"].text_or();
  return out;
}

}  // namespace

model::AnyObject read_virtual_network(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::VirtualNetwork>();
  out->meta = std::move(meta);
  root.ignore({"status"});
  Mapping spec(root.required("spec"));
  out->address_space = address_space(spec.required("addressSpace"), true);
  Ranges ranges{out->address_space, {}, {}};
  for (const Prefix& range : out->address_space) ranges.space.add(range);
  Unique names;
  spec["subnets"].each([&](const Field& item) { out->subnets.push_back(subnet(item, ranges, names)); });
  out->resource_group = spec["resourceGroup"].text_or();
  out->outbound_addresses = dual_addresses(spec["outboundAddresses"]);
  return std::shared_ptr<const model::VirtualNetwork>(out);
}

model::AnyObject read_network_peering(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::NetworkPeering>();
  out->meta = std::move(meta);
  root.ignore({"status"});
  Mapping spec(root.required("spec"));
  out->from = reference(spec.required("from"));
  Field to = spec.required("to");
  out->to = reference(to);
  if (!out->from.empty() && out->from == out->to)
    to.fail("bad-reference", {"manifest.expected-other-network", {}}, {"manifest.mend-other-network", {}});
  out->allow_virtual_network_access = spec["allowVirtualNetworkAccess"].boolean().value_or(true);
  out->allow_forwarded_traffic = spec["allowForwardedTraffic"].boolean().value_or(false);
  out->allow_gateway_transit = spec["allowGatewayTransit"].boolean().value_or(false);
  Field remote = spec["useRemoteGateways"];
  out->use_remote_gateways = remote.boolean().value_or(false);
  if (out->use_remote_gateways && out->allow_gateway_transit)
    remote.fail("not-allowed", {"manifest.expected-transit-or-remote", {}}, {"manifest.found-both", {}},
                {"manifest.mend-remove", {"useRemoteGateways"}});
  return std::shared_ptr<const model::NetworkPeering>(out);
}

model::AnyObject read_network_interface(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::NetworkInterface>();
  out->meta = std::move(meta);
  root.ignore({"status"});
  Mapping spec(root.required("spec"));
  out->subnet = subnet_ref(spec.required("subnet"));
  out->addresses = dual_addresses(spec["addresses"]);
  out->network_security_group = reference(spec["networkSecurityGroup"]);
  Unique groups;
  spec["applicationSecurityGroups"].each([&](const Field& item) {
    std::optional<std::string> name = dns_subdomain(item);
    if (name && groups.add(item, *name)) out->application_security_groups.push_back(*name);
  });
  out->ip_forwarding = spec["ipForwarding"].boolean().value_or(false);
  out->public_address = host_address(spec["publicAddress"]);
  out->node = reference(spec["node"]);
  return std::shared_ptr<const model::NetworkInterface>(out);
}

namespace {

model::UserRoute user_route(const Field& item) {
  Mapping map(item);
  model::UserRoute out;
  out.name = part_name(map.required("name")).value_or("");
  std::optional<Prefix> destination = prefix(map.required("prefix"));
  out.prefix = destination.value_or(Prefix{});
  std::optional<std::string> type =
      map.required("nextHopType")
          .one_of({"VirtualNetworkGateway", "VnetLocal", "Internet", "VirtualAppliance", "None"});
  if (type) out.next_hop_type = *model::next_hop_type_of(*type);
  bool appliance = type == "VirtualAppliance";
  Field hop = appliance ? map.required("nextHopAddress") : map["nextHopAddress"];
  out.next_hop_address = host_address(hop);
  if (type && !appliance && hop.present())
    hop.fail("not-allowed", {"manifest.expected-no-next-hop", {*type}}, {"manifest.mend-remove", {"nextHopAddress"}});
  if (destination && out.next_hop_address && out.next_hop_address->family() != out.prefix.family())
    hop.fail("bad-address", {"manifest.expected-address-of", {out.prefix.family() == Family::v4 ? "IPv4" : "IPv6"}},
             {"manifest.mend-address-family", {}});
  return out;
}

}  // namespace

model::AnyObject read_route_table(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::RouteTable>();
  out->meta = std::move(meta);
  root.ignore({"status"});
  Field spec_field = root["spec"];
  Mapping spec(spec_field);
  Unique names;
  Unique destinations;
  Field routes = spec["routes"];
  if (routes.is_list() && routes.size() > model::most_routes)
    routes.fail("too-many", {"manifest.expected-routes", {std::to_string(model::most_routes)}},
                {"manifest.mend-fewer-routes", {}});
  routes.each([&](const Field& item) {
    model::UserRoute route = user_route(item);
    Mapping map(item);
    map.ignore_rest();
    if (!route.name.empty()) names.add(map["name"], route.name);
    if (map["prefix"].present() && Prefix::parse(map["prefix"].node().text) == route.prefix)
      destinations.add(map["prefix"], route.prefix.text());
    out->routes.push_back(std::move(route));
  });
  out->disable_gateway_route_propagation = spec["disableGatewayRoutePropagation"].boolean().value_or(false);
  return std::shared_ptr<const model::RouteTable>(out);
}

model::AnyObject read_on_premises_network(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::OnPremisesNetwork>();
  out->meta = std::move(meta);
  root.ignore({"status"});
  Mapping spec(root.required("spec"));
  out->address_space = address_space(spec.required("addressSpace"), false);
  Unique names;
  Unique taken;
  spec["hosts"].each([&](const Field& item) {
    Mapping map(item);
    model::OnPremisesHost host;
    Field name = map.required("name");
    host.name = dns_label(name).value_or("");
    if (!host.name.empty()) names.add(name, host.name);
    Field addresses = map["addresses"];
    host.addresses = dual_addresses(addresses);
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      Field entry = addresses.item(i);
      std::optional<Address> value = entry.present() ? Address::parse(entry.node().text) : std::nullopt;
      if (!value) continue;
      taken.add(entry, value->text());
      bool inside = std::any_of(out->address_space.begin(), out->address_space.end(),
                                [&](const Prefix& range) { return range.contains(*value); });
      if (inside || out->address_space.empty()) continue;
      std::string list;
      for (const Prefix& range : out->address_space) list += (list.empty() ? "" : ", ") + range.text();
      entry.fail("outside-range", {"manifest.expected-inside", {list}}, {"manifest.mend-inside", {}});
    }
    host.listeners = listeners(map["listeners"]);
    out->hosts.push_back(std::move(host));
  });
  return std::shared_ptr<const model::OnPremisesNetwork>(out);
}

namespace {

model::GatewayType gateway_type(const Field& field) {
  return field.one_of({"Vpn", "ExpressRoute"}) == "ExpressRoute" ? model::GatewayType::express_route
                                                                 : model::GatewayType::vpn;
}

}  // namespace

model::AnyObject read_network_gateway(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::NetworkGateway>();
  out->meta = std::move(meta);
  root.ignore({"status"});
  Mapping spec(root.required("spec"));
  out->type = gateway_type(spec["type"]);
  Field subnet_field = spec.required("subnet");
  out->subnet = subnet_ref(subnet_field);
  if (!out->subnet.empty() && out->subnet.subnet != "GatewaySubnet")
    subnet_field.fail("bad-reference", {"manifest.expected-gateway-subnet", {}},
                      {"manifest.mend-write", {out->subnet.vnet + "/GatewaySubnet"}});
  out->public_address = host_address(spec["publicAddress"]);
  return std::shared_ptr<const model::NetworkGateway>(out);
}

model::AnyObject read_gateway_connection(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::GatewayConnection>();
  out->meta = std::move(meta);
  root.ignore({"status"});
  Mapping spec(root.required("spec"));
  out->gateway = reference(spec.required("gateway"));
  out->on_premises_network = reference(spec.required("onPremisesNetwork"));
  out->type = gateway_type(spec["type"]);
  Field secret = spec["sharedKeySecret"];
  out->shared_key_secret = secret_ref(secret);
  if (secret.present() && out->type == model::GatewayType::express_route)
    secret.fail("not-allowed", {"manifest.expected-no-key", {}}, {"manifest.mend-remove", {"sharedKeySecret"}});
  bool bgp = spec["routeSource"].one_of({"Static", "Bgp"}) == "Bgp";
  out->route_source =
      bgp ? model::GatewayConnection::RouteSource::bgp : model::GatewayConnection::RouteSource::static_routes;
  out->routes = prefixes(spec["routes"]);
  return std::shared_ptr<const model::GatewayConnection>(out);
}

}  // namespace bailey::manifest
