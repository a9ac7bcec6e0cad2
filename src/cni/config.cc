// One table lists the keys, each with the function that reads it; whatever is not in the table is unknown. A
// function gets the value and the configuration to fill, and says what it expected if it cannot use the value.
#include "cni/config.h"

#include <algorithm>

#include "base/strings.h"

namespace bailey::cni {
namespace {

using base::Json;

constexpr std::size_t most_ranges = 100;

Failure bad(const std::string& key, const std::string& what, std::string details = "") {
  return {Code::bad_config, key + ": " + what, std::move(details)};
}

Failure unexpected(const std::string& key, const std::string& expected, const Json& found) {
  std::string shown = found.dump();
  if (shown.size() > 100) shown = shown.substr(0, 100) + "...";
  return bad(key, "expected " + expected + ", found " + shown);
}

using Read = std::optional<Failure>;

Read ignore(const std::string&, const Json&, Config&) { return std::nullopt; }

Read read_object(const std::string& key, const Json& value, Config&) {
  if (value.is_object() || value.is_null()) return std::nullopt;
  return unexpected(key, "an object", value);
}

Read read_name(const std::string& key, const Json& value, Config& config) {
  if (!value.is_string() || !valid_id(value.as_string()))
    return unexpected(key, "a letter or digit, then letters, digits, '_', '.' and '-'", value);
  config.name = value.as_string();
  return std::nullopt;
}

Read read_type(const std::string& key, const Json& value, Config&) {
  if (value.is_string() && !value.as_string().empty()) return std::nullopt;
  return unexpected(key, "the plugin's name", value);
}

Read read_model(const std::string& key, const Json& value, Config& config) {
  if (value.as_string() == "vnet") {
    config.model = NetworkModel::vnet;
  } else if (value.as_string() == "kubenet") {
    config.model = NetworkModel::kubenet;
  } else {
    return unexpected(key, "\"vnet\" or \"kubenet\"", value);
  }
  return std::nullopt;
}

Read read_ranges(const std::string& key, const Json& value, Config& config) {
  if (!value.is_array()) return unexpected(key, "a list of prefixes and first-last ranges", value);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < value.items().size(); ++i) {
    const Json& each = value.items()[i];
    if (!each.is_string())
      return unexpected(key + "[" + std::to_string(i) + "]", "a prefix or a first-last range", each);
    texts.push_back(each.as_string());
  }
  base::Result<ipam::Pool> pool = ipam::Pool::parse(texts);
  if (!pool.ok()) return bad(key, "\"" + pool.error().object + "\": " + pool.error().cause);
  config.pool = std::move(pool).value();
  return std::nullopt;
}

Read read_bridge(const std::string& key, const Json& value, Config& config) {
  if (!value.is_string() || !valid_interface_name(value.as_string()))
    return unexpected(key, "an interface name", value);
  config.bridge = value.as_string();
  return std::nullopt;
}

Read read_mtu(const std::string& key, const Json& value, Config& config) {
  // 68 is the least that IPv4 asks of a link (RFC 791); 1280 for IPv6 is looked at when the pool is known.
  std::int64_t mtu = value.as_int(-1);
  if (!value.is_int() || (mtu != 0 && (mtu < 68 || mtu > 65535)))
    return unexpected(key, "0 (the uplink's) or 68 to 65535", value);
  config.mtu = static_cast<std::uint32_t>(mtu);
  return std::nullopt;
}

Read read_ipam_dir(const std::string& key, const Json& value, Config& config) {
  const std::string& path = value.as_string();
  if (path.empty() || path[0] != '/' || path.find('\0') != std::string::npos)
    return unexpected(key, "an absolute path", value);
  config.ipam_dir = path;
  return std::nullopt;
}

Read read_masquerade(const std::string& key, const Json& value, Config& config) {
  if (!value.is_bool()) return unexpected(key, "true or false", value);
  config.masquerade = value.as_bool();
  return std::nullopt;
}

Read read_non_masquerade(const std::string& key, const Json& value, Config& config) {
  if (!value.is_array() || value.items().size() > most_ranges)
    return unexpected(key, "a list of at most " + std::to_string(most_ranges) + " prefixes", value);
  for (std::size_t i = 0; i < value.items().size(); ++i) {
    std::optional<model::Prefix> prefix = model::Prefix::parse(value.items()[i].as_string());
    if (!prefix) return unexpected(key + "[" + std::to_string(i) + "]", "a prefix", value.items()[i]);
    config.non_masquerade.push_back(*prefix);
  }
  return std::nullopt;
}

Read read_cool_down(const std::string& key, const Json& value, Config& config) {
  std::int64_t seconds = value.as_int(-1);
  if (!value.is_int() || seconds < 0 || seconds > 3600) return unexpected(key, "0 to 3600 seconds", value);
  config.cool_down_s = static_cast<std::uint32_t>(seconds);
  return std::nullopt;
}

Read read_agent_socket(const std::string& key, const Json& value, Config& config) {
  if (!value.is_string()) return unexpected(key, "a path or \"\"", value);
  const std::string& path = value.as_string();
  if (!path.empty() && path.front() != '/') return unexpected(key, "an absolute path or \"\"", value);
  config.agent_socket = path;
  return std::nullopt;
}

Read read_capabilities(const std::string& key, const Json& value, Config&) {
  if (!value.is_object()) return unexpected(key, "an object", value);
  for (const auto& [name, on] : value.members()) {
    if (!on.is_bool()) return unexpected(key + "." + name, "true or false", on);
    if (on.as_bool() && name != "ips" && name != "mac")
      return bad(key + "." + name, "unknown capability", "bailey-cni has the capabilities ips and mac");
  }
  return std::nullopt;
}

// "10.0.0.5" or "10.0.0.5/24"; the length is the network's business and not looked at.
std::optional<model::Address> parse_request(const std::string& text) {
  return model::Address::parse(std::string_view(text).substr(0, text.find('/')));
}

Read add_request(const std::string& key, const Json& value, Config& config) {
  std::optional<model::Address> address = parse_request(value.as_string());
  if (!address) return unexpected(key, "an address", value);
  for (const model::Address& other : config.requested)
    if (other.family() == address->family() && other != *address)
      return bad(key, "a second address of one family, " + address->text() + " beside " + other.text());
  if (std::find(config.requested.begin(), config.requested.end(), *address) == config.requested.end())
    config.requested.push_back(*address);
  return std::nullopt;
}

// "ips" and "mac" of runtimeConfig or of args.cni. What is asked for in a better place already wins.
Read read_wishes(const std::string& key, const Json& value, Config& config) {
  if (const Json* ips = value.find("ips"); ips && !ips->is_null() && config.requested.empty()) {
    if (!ips->is_array()) return unexpected(key + ".ips", "a list of addresses", *ips);
    for (std::size_t i = 0; i < ips->items().size(); ++i)
      if (Read failure = add_request(key + ".ips[" + std::to_string(i) + "]", ips->items()[i], config)) return failure;
  }
  if (const Json* mac = value.find("mac"); mac && !mac->is_null()) {
    if (!mac->is_string()) return unexpected(key + ".mac", "a MAC address", *mac);
    if (config.mac.empty()) config.mac = mac->as_string();
  }
  return std::nullopt;
}

Read read_runtime_config(const std::string& key, const Json& value, Config& config) {
  if (!value.is_object()) return unexpected(key, "an object", value);
  for (const auto& [name, ignored] : value.members())
    if (name != "ips" && name != "mac")
      return bad(key + "." + name, "unknown key", "bailey-cni has the capabilities ips and mac");
  return read_wishes(key, value, config);
}

Read read_previous(const std::string& key, const Json& value, Config& config) {
  if (!value.is_object() && !value.is_null()) return unexpected(key, "an object", value);
  config.previous = value;
  return std::nullopt;
}

Read read_dns(const std::string& key, const Json& value, Config& config) {
  if (value.is_null()) return std::nullopt;
  if (!value.is_object()) return unexpected(key, "an object", value);
  for (const auto& [name, part] : value.members()) {
    if (name == "domain") {
      if (!part.is_string()) return unexpected(key + ".domain", "a text", part);
    } else if (name == "nameservers" || name == "search" || name == "options") {
      bool texts = part.is_array() && std::all_of(part.items().begin(), part.items().end(),
                                                  [](const Json& each) { return each.is_string(); });
      if (!texts) return unexpected(key + "." + name, "a list of texts", part);
    } else {
      return bad(key + "." + name, "unknown key", "dns has nameservers, domain, search and options");
    }
  }
  config.dns = value;
  return std::nullopt;
}

Read refuse_ipam(const std::string& key, const Json&, Config&) {
  return bad(key, "bailey-cni gives the addresses itself", "remove ipam and list the node's addresses in podRanges");
}

struct Key {
  std::string_view name;
  Read (*read)(const std::string& key, const Json& value, Config& config);
};
constexpr Key keys[] = {
    {"cniVersion", ignore},  // read before all others
    {"cniVersions", ignore},
    {"name", read_name},
    {"type", read_type},
    {"disableCheck", ignore},
    {"disableGC", ignore},
    {"capabilities", read_capabilities},
    {"runtimeConfig", read_runtime_config},
    {"args", read_object},
    {"dns", read_dns},
    {"prevResult", read_previous},
    {"ipam", refuse_ipam},
    {"networkModel", read_model},
    {"podRanges", read_ranges},
    {"bridge", read_bridge},
    {"mtu", read_mtu},
    {"ipamDir", read_ipam_dir},
    {"masquerade", read_masquerade},
    {"nonMasqueradeRanges", read_non_masquerade},
    {"coolDownSeconds", read_cool_down},
    {"agentSocket", read_agent_socket},
};

Failure unknown_key(const std::string& name) {
  std::vector<std::string_view> names;
  for (const Key& key : keys) names.push_back(key.name);
  std::string near = base::nearest(name, names);
  return bad(name, "unknown key", near.empty() ? "" : "did you mean \"" + near + "\"?");
}

Read read_keys(const Json& json, Config& config) {
  for (const auto& [name, value] : json.members()) {
    if (name.starts_with("cni.dev/")) continue;  // reserved for the runtime
    const Key* key = std::find_if(std::begin(keys), std::end(keys), [&](const Key& each) { return each.name == name; });
    if (key == std::end(keys)) return unknown_key(name);
    if (Read failure = key->read(name, value, config)) return failure;
  }
  for (const char* required : {"name", "type", "podRanges"})
    if (!json.has(required)) return bad(required, "required key is missing");
  return std::nullopt;
}

Read read_attachments(const Json& json, Config& config) {
  std::string key = "cni.dev/valid-attachments";
  const Json* list = json.find(key);
  if (!list) list = json.find("cni.dev/attachments");
  // Without a list everything would look dead.
  if (!list || !list->is_array()) return bad(key, "required for GC: the list of living attachments");
  for (std::size_t i = 0; i < list->items().size(); ++i) {
    const Json& each = list->items()[i];
    if (!each["containerID"].is_string() || !each["ifname"].is_string())
      return unexpected(key + "[" + std::to_string(i) + "]", "containerID and ifname", each);
    config.valid_attachments.emplace_back(each["containerID"].as_string(), each["ifname"].as_string());
  }
  return std::nullopt;
}

// What each command needs beyond the keys themselves.
Read check_command(const Json& json, const Environment& environment, Config& config) {
  auto needs = [&](const char* command, Version least) -> Read {
    if (config.version >= least) return std::nullopt;
    return Failure{Code::incompatible_version,
                   std::string(command) + " needs cniVersion " + std::string(version_text(least)) + " or newer", ""};
  };
  switch (environment.command) {
    case Command::check:
      if (Read failure = needs("CHECK", Version::v0_4_0)) return failure;
      if (!config.previous.is_object()) return bad("prevResult", "required for CHECK");
      return std::nullopt;
    case Command::gc:
      if (Read failure = needs("GC", Version::v1_1_0)) return failure;
      return read_attachments(json, config);
    case Command::status: return needs("STATUS", Version::v1_1_0);
    default: return std::nullopt;
  }
}

// A bridge needs blocks with an address for itself. Translation is for addresses that only the cluster knows.
Read check_model(const Config& config) {
  if (config.model == NetworkModel::vnet) {
    if (!config.masquerade && config.non_masquerade.empty()) return std::nullopt;
    return bad(config.masquerade ? "masquerade" : "nonMasqueradeRanges",
               "pods of the vnet model are reached without translation", "remove it, or use the kubenet model");
  }
  for (model::Family family : config.pool.families())
    for (const std::string& range : config.pool.without_gateway(family))
      return bad("podRanges", "\"" + range + "\" has no address for the bridge",
                 "the kubenet model needs prefixes of at least four addresses, such as 10.244.1.0/24");
  if (!config.non_masquerade.empty() && !config.masquerade)
    return bad("nonMasqueradeRanges", "nothing is translated without \"masquerade\": true");
  return std::nullopt;
}

// Addresses and MAC by CNI_ARGS, the weakest way to ask for them.
Read read_arguments(const Arguments& args, Config& config) {
  if (config.mac.empty()) config.mac = args.mac;
  if (args.ip.empty() || !config.requested.empty()) return std::nullopt;
  for (std::string_view text : base::split(args.ip, ','))
    if (Read failure = add_request("CNI_ARGS: IP", Json(base::trim(text)), config)) {
      failure->code = Code::bad_environment;
      return failure;
    }
  return std::nullopt;
}

}  // namespace

Version version_of(const Json& config) {
  return parse_version(config["cniVersion"].as_string()).value_or(newest_version);
}

Outcome<Json> parse_text(const std::string& text) {
  base::Result<Json> json = Json::parse(text);
  if (!json.ok()) return Failure{Code::decode_failure, "the network configuration is no JSON", json.error().cause};
  if (!json->is_object()) return Failure{Code::decode_failure, "the network configuration is no JSON object", ""};
  return std::move(json).value();
}

Outcome<Config> parse_config(const Json& json, const Environment& environment) {
  Config config;
  std::string supported = "supported are 0.3.1, 0.4.0, 1.0.0 and 1.1.0";
  const Json* version = json.find("cniVersion");
  if (!version) return Failure{Code::incompatible_version, "cniVersion: required key is missing", supported};
  std::optional<Version> known = parse_version(version->as_string());
  if (!known)
    return Failure{Code::incompatible_version, "cniVersion: version " + version->dump() + " is not supported",
                   supported};
  config.version = *known;
  if (Read failure = read_keys(json, config)) return *failure;
  if (Read failure = check_command(json, environment, config)) return *failure;
  if (Read failure = read_wishes("args.cni", json["args"]["cni"], config)) return *failure;
  if (Read failure = read_arguments(environment.args, config)) return *failure;
  if (config.mtu != 0 && config.mtu < 1280 && config.pool.has(model::Family::v6))
    return bad("mtu", "IPv6 needs at least 1280 bytes (RFC 8200), found " + std::to_string(config.mtu));
  if (Read failure = check_model(config)) return *failure;
  return config;
}

}  // namespace bailey::cni
