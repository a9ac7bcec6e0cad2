#include "cni/protocol.h"

#include "base/strings.h"

namespace bailey::cni {
namespace {

constexpr int link_scope_number = 253;  // RT_SCOPE_LINK

Failure bad_member(const std::string& member, const std::string& expected) {
  return {Code::bad_config, "prevResult." + member + ": expected " + expected, ""};
}

std::string element(const std::string& list, std::size_t index) { return list + "[" + std::to_string(index) + "]"; }

base::Json interface_json(const Interface& interface, Version version) {
  base::Json out = base::Json::object();
  out.set("name", interface.name).set("mac", interface.mac);
  if (version >= Version::v1_1_0 && interface.mtu != 0) out.set("mtu", interface.mtu);
  if (!interface.sandbox.empty()) out.set("sandbox", interface.sandbox);
  return out;
}

base::Json ip_json(const Ip& ip, Version version, std::size_t first_interface) {
  base::Json out = base::Json::object();
  if (version < Version::v1_0_0) out.set("version", ip.address.is_v4() ? "4" : "6");
  out.set("address", ip.address.text() + "/" + std::to_string(ip.prefix_length));
  if (ip.gateway) out.set("gateway", ip.gateway->text());
  if (ip.interface) out.set("interface", static_cast<std::int64_t>(*ip.interface + first_interface));
  return out;
}

base::Json route_json(const RouteEntry& route, Version version) {
  base::Json out = base::Json::object();
  out.set("dst", route.destination.text());
  if (route.gateway) out.set("gw", route.gateway->text());
  if (version >= Version::v1_1_0 && route.link_scope) out.set("scope", link_scope_number);
  return out;
}

// An address with a prefix length whose host bits may be set.
std::optional<Ip> parse_ip_address(const std::string& text) {
  std::size_t slash = text.find('/');
  std::optional<model::Address> address = model::Address::parse(std::string_view(text).substr(0, slash));
  if (!address || slash == std::string::npos) return std::nullopt;
  auto length =
      base::parse_number(std::string_view(text).substr(slash + 1), static_cast<std::uint64_t>(address->bits()));
  if (!length) return std::nullopt;
  Ip ip;
  ip.address = *address;
  ip.prefix_length = static_cast<int>(*length);
  return ip;
}

std::optional<Failure> parse_interfaces(const base::Json& list, AddResult& out) {
  for (std::size_t i = 0; i < list.items().size(); ++i) {
    const base::Json& each = list.items()[i];
    if (!each["name"].is_string()) return bad_member(element("interfaces", i) + ".name", "a text");
    std::int64_t mtu = each["mtu"].as_int();
    if (mtu < 0 || mtu > UINT32_MAX) return bad_member(element("interfaces", i) + ".mtu", "a number of bytes");
    out.interfaces.push_back({each["name"].as_string(), each["mac"].as_string(), static_cast<std::uint32_t>(mtu),
                              each["sandbox"].as_string()});
  }
  return std::nullopt;
}

std::optional<Failure> parse_ips(const base::Json& list, AddResult& out) {
  for (std::size_t i = 0; i < list.items().size(); ++i) {
    const base::Json& each = list.items()[i];
    std::optional<Ip> ip = parse_ip_address(each["address"].as_string());
    if (!ip) return bad_member(element("ips", i) + ".address", "an address with a prefix length");
    if (each.has("gateway") && !each["gateway"].as_string().empty()) {
      ip->gateway = model::Address::parse(each["gateway"].as_string());
      if (!ip->gateway) return bad_member(element("ips", i) + ".gateway", "an address");
    }
    if (each.has("interface")) {
      std::int64_t index = each["interface"].as_int(-1);
      if (index < 0 || static_cast<std::size_t>(index) >= out.interfaces.size())
        return bad_member(element("ips", i) + ".interface", "an index into interfaces");
      ip->interface = static_cast<std::size_t>(index);
    }
    out.ips.push_back(*ip);
  }
  return std::nullopt;
}

std::optional<Failure> parse_routes(const base::Json& list, AddResult& out) {
  for (std::size_t i = 0; i < list.items().size(); ++i) {
    const base::Json& each = list.items()[i];
    std::optional<Ip> block = parse_ip_address(each["dst"].as_string());
    if (!block) return bad_member(element("routes", i) + ".dst", "a prefix");
    RouteEntry route;
    route.destination = model::Prefix(block->address, block->prefix_length);
    if (each.has("gw") && !each["gw"].as_string().empty()) {
      route.gateway = model::Address::parse(each["gw"].as_string());
      if (!route.gateway) return bad_member(element("routes", i) + ".gw", "an address");
    }
    route.link_scope = each["scope"].as_int() == link_scope_number;
    out.routes.push_back(route);
  }
  return std::nullopt;
}

}  // namespace

std::string_view version_text(Version version) {
  switch (version) {
    case Version::v0_3_1: return "0.3.1";
    case Version::v0_4_0: return "0.4.0";
    case Version::v1_0_0: return "1.0.0";
    case Version::v1_1_0: return "1.1.0";
  }
  return "";
}

std::optional<Version> parse_version(std::string_view text) {
  for (Version version : all_versions)
    if (version_text(version) == text) return version;
  return std::nullopt;
}

base::Json failure_json(const Failure& failure, Version version) {
  base::Json out = base::Json::object();
  out.set("cniVersion", version_text(version)).set("code", static_cast<int>(failure.code));
  return out.set("msg", failure.message).set("details", failure.details);
}

base::Json version_json(std::string_view asked) {
  base::Json supported = base::Json::array();
  for (Version version : all_versions) supported.push(version_text(version));
  base::Json out = base::Json::object();
  out.set("cniVersion", asked.empty() ? version_text(newest_version) : asked);
  return out.set("supportedVersions", std::move(supported));
}

base::Json result_json(const AddResult& result, Version version, const base::Json& previous, const base::Json& dns) {
  base::Json out = previous.is_object() ? previous : base::Json::object();
  std::size_t first_interface = previous["interfaces"].items().size();
  auto list = [&](std::string_view key) {
    return previous[key].is_array() ? base::Json(previous[key]) : base::Json::array();
  };
  base::Json interfaces = list("interfaces");
  base::Json ips = list("ips");
  base::Json routes = list("routes");
  for (const Interface& each : result.interfaces) interfaces.push(interface_json(each, version));
  for (const Ip& each : result.ips) ips.push(ip_json(each, version, first_interface));
  for (const RouteEntry& each : result.routes) routes.push(route_json(each, version));
  out.set("cniVersion", version_text(version)).set("interfaces", std::move(interfaces));
  out.set("ips", std::move(ips)).set("routes", std::move(routes));
  if (dns.is_object() || !out["dns"].is_object()) out.set("dns", dns.is_object() ? dns : base::Json::object());
  return out;
}

Outcome<AddResult> parse_result(const base::Json& json) {
  if (!json.is_object()) return Failure{Code::bad_config, "prevResult: expected an object", ""};
  AddResult out;
  using Part = std::optional<Failure> (*)(const base::Json&, AddResult&);
  for (auto [key, parse] :
       {std::pair<const char*, Part>{"interfaces", parse_interfaces}, {"ips", parse_ips}, {"routes", parse_routes}}) {
    const base::Json& list = json[key];
    if (!list.is_null() && !list.is_array()) return bad_member(key, "a list");
    if (std::optional<Failure> failure = parse(list, out)) return *failure;
  }
  return out;
}

}  // namespace bailey::cni
