// Microsoft.Network: networks, subnets, peerings, security groups, route tables, interfaces, gateways.
#include <algorithm>

#include "import/az_part.h"

namespace bailey::importer {

using base::Json;

namespace {

Json list_of(const std::vector<std::string>& texts) {
  Json out = Json::array();
  for (const std::string& text : texts) out.push(text);
  return out;
}

void set_text(Json& spec, std::string key, const std::string& text) {
  if (!text.empty()) spec.set(std::move(key), text);
}

void set_true(Json& spec, std::string key, bool value) {
  if (value) spec.set(std::move(key), true);
}

}  // namespace

void Import::give(Draft& draft, const std::string& list, Json item, const Part& from) {
  Json items = draft.spec[list];
  items.push(std::move(item));
  draft.spec.set(list, std::move(items));
  draft.items[list].push_back(from.origin());
}

void Import::name_subnets() {
  for (Resource& resource : resources_) {
    Part part = resource.part;
    if (resource.id.type == "subnets") subnet_names_.emplace(resource.id.text, part.text("name"));
    if (resource.id.type != "virtualnetworks") continue;
    for (Part& subnet : part.parts("subnets"))
      subnet_names_.insert_or_assign(resource.id.text + "/subnets/" + lower(subnet.text("name")), subnet.text("name"));
  }
}

void Import::virtual_network(const Resource& resource) {
  Part part = resource.part;
  Draft out = draft("VirtualNetwork", resource);
  set_text(out.spec, "resourceGroup",
           part.text("resourceGroup").empty() ? resource.id.group : part.text("resourceGroup"));
  if (std::optional<Part> space = part.part("addressSpace")) {
    out.spec.set("addressSpace", list_of(space->texts("addressPrefixes")));
    space->note_rest();
  }
  for (Part& child : children(resource, part, "subnets", "subnets")) subnet(child, out);
  for (Part& child : children(resource, part, "virtualNetworkPeerings", "virtualnetworkpeerings"))
    peering(child, resource);
  part.note_rest();
  finish(std::move(out));
}

void Import::subnet(Part part, Draft& out) {
  Json item = Json::object();
  item.set("name", part.text("name"));
  std::vector<std::string> prefixes = part.texts("addressPrefixes");
  std::string single = part.text("addressPrefix");
  if (prefixes.empty() && !single.empty()) prefixes.push_back(single);
  if (prefixes.size() == 1)
    item.set("prefix", prefixes[0]);
  else
    item.set("prefixes", list_of(prefixes));
  set_text(item, "networkSecurityGroup", refer(part, "networkSecurityGroup", part.id_of("networkSecurityGroup")));
  set_text(item, "routeTable", refer(part, "routeTable", part.id_of("routeTable")));
  std::vector<Part> delegations = part.parts("delegations");
  if (!delegations.empty()) set_text(item, "delegation", delegations[0].text("serviceName"));
  // Who uses the subnet is told by the interfaces; policies of private endpoints concern nothing that is imported.
  part.ignore({"ipConfigurations", "ipConfigurationProfiles", "purpose", "privateEndpointNetworkPolicies",
               "privateLinkServiceNetworkPolicies", "resourceNavigationLinks", "serviceAssociationLinks"});
  part.note_rest();
  give(out, "subnets", std::move(item), part);
}

void Import::peering(Part part, const Resource& network) {
  std::string id = part.id_of("remoteVirtualNetwork");
  std::string to = refer(part, "remoteVirtualNetwork", id);
  std::optional<ResourceId> own = ResourceId::parse(part.text("id"));
  if (to.empty()) return part.note("import.left-out", {part.text("name")});
  ResourceId named = own.value_or(ResourceId{});
  if (!own) named.text = network.id.text + "/" + lower(part.text("name")), named.name = lower(part.text("name"));
  named.group = network.name;  // two networks may name their peerings alike
  Draft out{"NetworkPeering", name_of("NetworkPeering", named, &part), Json::object(), part.origin(), {}};
  out.spec.set("from", network.name).set("to", to);
  out.spec.set("allowVirtualNetworkAccess", part.boolean("allowVirtualNetworkAccess"));
  set_true(out.spec, "allowForwardedTraffic", part.boolean("allowForwardedTraffic"));
  set_true(out.spec, "allowGatewayTransit", part.boolean("allowGatewayTransit"));
  set_true(out.spec, "useRemoteGateways", part.boolean("useRemoteGateways"));
  std::string state = part.text("peeringState");
  if (!state.empty() && state != "Connected") part.note_at("peeringState", "import.peering-state", {state});
  part.ignore({"remoteAddressSpace", "remoteVirtualNetworkAddressSpace", "peeringSyncLevel",
               "doNotVerifyRemoteGateways", "peerCompleteVnets", "localAddressSpace",
               "localVirtualNetworkAddressSpace"});
  part.note_rest();
  finish(std::move(out));
}

std::vector<std::string> Import::groups(Part& part, std::string_view field) {
  std::vector<std::string> out;
  for (Part& group : part.parts(field)) {
    std::optional<ResourceId> id = ResourceId::parse(group.text("id"));
    if (id)
      out.push_back(name_of("ApplicationSecurityGroup", *id, nullptr));
    else
      group.note("import.wrong-type");
  }
  return out;
}

Json Import::rule(Part& part) {
  Json item = Json::object();
  item.set("name", part.text("name"));
  if (std::optional<std::int64_t> priority = part.number("priority")) item.set("priority", *priority);
  for (const char* key : {"direction", "access", "protocol"}) set_text(item, key, part.text(key));
  for (const std::string side : {"source", "destination"}) {
    std::vector<std::string> prefixes = part.texts(side + "AddressPrefixes");
    std::string single = part.text(side + "AddressPrefix");
    if (prefixes.empty() && !single.empty()) prefixes.push_back(single);
    if (prefixes.size() == 1) item.set(side + "Prefix", prefixes[0]);
    if (prefixes.size() > 1) item.set(side + "Prefixes", list_of(prefixes));
    std::vector<std::string> names = groups(part, side + "ApplicationSecurityGroups");
    if (!names.empty()) item.set(side + "ApplicationSecurityGroups", list_of(names));
    std::vector<std::string> ports = part.texts(side + "PortRanges");
    std::string port = part.text(side + "PortRange");
    if (ports.empty() && !port.empty()) ports.push_back(port);
    if (!ports.empty() && ports != std::vector<std::string>{"*"}) item.set(side + "Ports", list_of(ports));
  }
  set_text(item, "description", part.text("description"));
  part.note_rest();
  return item;
}

void Import::security_group(const Resource& resource) {
  Part part = resource.part;
  Draft out = draft("NetworkSecurityGroup", resource);
  for (Part& child : part.parts("securityRules")) {
    Json item = rule(child);
    give(out, "rules", std::move(item), child);
  }
  set_true(out.spec, "flushConnection", part.boolean("flushConnection"));
  part.ignore({"defaultSecurityRules", "networkInterfaces", "subnets"});
  part.note_rest();
  finish(std::move(out));
}

void Import::route_table(const Resource& resource) {
  Part part = resource.part;
  Draft out = draft("RouteTable", resource);
  for (Part& child : part.parts("routes")) {
    Json item = Json::object();
    item.set("name", child.text("name")).set("prefix", child.text("addressPrefix"));
    std::string type = child.text("nextHopType");
    item.set("nextHopType", lower(type) == "vnetlocal" ? "VnetLocal" : type);
    set_text(item, "nextHopAddress", child.text("nextHopIpAddress"));
    child.ignore({"hasBgpOverride"});
    child.note_rest();
    give(out, "routes", std::move(item), child);
  }
  set_true(out.spec, "disableGatewayRoutePropagation", part.boolean("disableBgpRoutePropagation"));
  part.ignore({"subnets"});
  part.note_rest();
  finish(std::move(out));
}

void Import::network_interface(const Resource& resource) {
  Part part = resource.part;
  Draft out = draft("NetworkInterface", resource);
  Json addresses = Json::array();
  std::vector<std::string> asgs;
  std::set<std::string> families;
  std::string subnet;
  for (Part& config : part.parts("ipConfigurations")) {
    std::string address = config.text("privateIpAddress");
    std::string at = refer_subnet(config, "subnet", config.id_of("subnet"));
    std::string family = address.find(':') == std::string::npos ? "4" : "6";
    if (subnet.empty()) subnet = at;
    // Azure gives an interface several addresses of a family; Bailey one.
    bool first = at == subnet && families.insert(family).second;
    if (first && !address.empty()) addresses.push(address);
    if (!first) config.note("import.second-address", {address});
    for (const std::string& group : groups(config, "applicationSecurityGroups"))
      if (std::find(asgs.begin(), asgs.end(), group) == asgs.end()) asgs.push_back(group);
    if (config.has("publicIpAddress")) {
      std::optional<Part> outside = config.part("publicIpAddress");
      std::string known = outside ? outside->text("ipAddress") : "";
      if (!known.empty())
        out.spec.set("publicAddress", known);
      else
        config.note_at("publicIpAddress", "import.public-address");
    }
    config.ignore({"primary", "privateIpAllocationMethod", "privateIpAddressVersion", "privateIpAddressPrefixLength"});
    config.note_rest();
  }
  if (subnet.empty()) return part.note("import.left-out", {resource.id.name});
  out.spec.set("subnet", subnet);
  if (!addresses.items().empty()) out.spec.set("addresses", addresses);
  set_text(out.spec, "networkSecurityGroup", refer(part, "networkSecurityGroup", part.id_of("networkSecurityGroup")));
  if (!asgs.empty()) out.spec.set("applicationSecurityGroups", list_of(asgs));
  set_true(out.spec, "ipForwarding", part.boolean("enableIPForwarding"));
  part.ignore({"macAddress", "primary", "virtualMachine", "hostedWorkloads", "vnetEncryptionSupported", "nicType",
               "auxiliaryMode", "auxiliarySku", "allowPort25Out", "defaultOutboundConnectivityEnabled",
               "enableAcceleratedNetworking", "disableTcpStateTracking", "tapConfigurations"});
  part.note_rest();
  finish(std::move(out));
}

void Import::gateway(const Resource& resource) {
  Part part = resource.part;
  Draft out = draft("NetworkGateway", resource);
  set_text(out.spec, "type", part.text("gatewayType"));
  bool first = true;
  for (Part& config : part.parts("ipConfigurations")) {
    std::string subnet = refer_subnet(config, "subnet", config.id_of("subnet"));
    if (config.has("publicIpAddress")) config.note_at("publicIpAddress", "import.public-address");
    config.ignore({"privateIpAllocationMethod", "privateIpAddress", "publicIpAddress"});
    if (first && !subnet.empty()) out.spec.set("subnet", subnet);
    if (!first) config.note("import.second-address", {config.text("name")});
    first = false;
    config.note_rest();
  }
  part.ignore({"provisioningState", "activeActive", "active", "vpnGatewayGeneration", "vpnType", "sku",
               "enablePrivateIpAddress"});
  part.note_rest();
  if (!out.spec.has("subnet")) return part.note("import.left-out", {resource.id.name});
  finish(std::move(out));
}

void Import::local_gateway(const Resource& resource) {
  Part part = resource.part;
  Draft out = draft("OnPremisesNetwork", resource);
  if (std::optional<Part> space = part.part("localNetworkAddressSpace"))
    out.spec.set("addressSpace", list_of(space->texts("addressPrefixes")));
  part.note_rest();
  finish(std::move(out));
}

void Import::connection(const Resource& resource) {
  Part part = resource.part;
  Draft out = draft("GatewayConnection", resource);
  std::string type = part.text("connectionType");
  if (type != "IPsec") {
    part.note_at("connectionType", "import.connection-type", {type});
    return part.note("import.left-out", {resource.id.name});
  }
  std::string gateway = refer(part, "virtualNetworkGateway1", part.id_of("virtualNetworkGateway1"));
  std::string network = refer(part, "localNetworkGateway2", part.id_of("localNetworkGateway2"));
  if (gateway.empty() || network.empty()) return part.note("import.left-out", {resource.id.name});
  out.spec.set("gateway", gateway).set("onPremisesNetwork", network).set("type", "Vpn");
  if (part.boolean("enableBgp")) out.spec.set("routeSource", "Bgp");
  if (part.has("sharedKey")) part.note_at("sharedKey", "import.shared-key");
  part.ignore({"sharedKey", "connectionStatus", "connectionProtocol", "connectionMode", "egressBytesTransferred",
               "ingressBytesTransferred", "routingWeight", "dpdTimeoutSeconds", "tunnelConnectionStatus"});
  part.note_rest();
  finish(std::move(out));
}

}  // namespace bailey::importer
