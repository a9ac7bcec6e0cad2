// Everything that is imported, against the whole of what is expected and read back from what is written; and every
// field of the input left out, or of another type.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <span>
#include <sstream>

#include "import/az.h"
#include "manifest/parse.h"
#include "manifest/write.h"
#include "model/validate.h"

namespace bailey::importer {
namespace {

using base::Json;
using manifest::Document;
using manifest::Node;

std::string file_text(const std::string& name) {
  std::ifstream file(std::string(BAILEY_SOURCE_DIR "/examples/azure/") + name, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<Document> example() {
  return {{"vnets.json", file_text("vnets.json")}, {"rest.json", file_text("rest.json")}};
}

// A network in which every field that is imported says something.
const char* const full = R"([
{"id": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/virtualNetworks/Spoke.One", "name": "Spoke.One",
 "resourceGroup": "Net", "addressSpace": {"addressPrefixes": ["10.4.0.0/16", "fd00:4::/48"]},
 "subnets": [
  {"id": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/virtualNetworks/Spoke.One/subnets/Nodes", "name": "Nodes",
   "addressPrefixes": ["10.4.0.0/20", "fd00:4:0:1::/64"],
   "networkSecurityGroup": {"id": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/networkSecurityGroups/guard"},
   "routeTable": {"id": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/routeTables/ways"}},
  {"name": "functions", "addressPrefix": "10.4.16.0/24", "delegations": [{"name": "d", "serviceName": "Microsoft.Web/serverFarms"}]},
  {"name": "GatewaySubnet", "properties": {"addressPrefix": "10.4.17.0/27"}}],
 "virtualNetworkPeerings": [
  {"id": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/virtualNetworks/Spoke.One/virtualNetworkPeerings/to-far",
   "name": "to-far", "allowVirtualNetworkAccess": false, "allowForwardedTraffic": true, "allowGatewayTransit": true,
   "useRemoteGateways": false, "peeringState": "Connected",
   "remoteVirtualNetwork": {"id": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/virtualNetworks/far"}}]},
{"id": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/virtualNetworks/far", "name": "far",
 "properties": {"addressSpace": {"addressPrefixes": ["10.5.0.0/16"]}, "subnets": [],
  "virtualNetworkPeerings": [{"name": "back", "properties": {"allowVirtualNetworkAccess": true, "useRemoteGateways": true,
   "remoteVirtualNetwork": {"id": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/virtualNetworks/Spoke.One"}}}]}},
{"id": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/networkSecurityGroups/guard", "name": "guard",
 "flushConnection": true, "securityRules": [
  {"name": "in", "priority": 100, "direction": "Inbound", "access": "Allow", "protocol": "Tcp", "description": "say \"hi\": #1",
   "sourceAddressPrefix": "VirtualNetwork", "sourcePortRange": "*",
   "destinationApplicationSecurityGroups": [{"id": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/applicationSecurityGroups/web"}],
   "destinationPortRange": "443"},
  {"name": "out", "properties": {"priority": 200, "direction": "Outbound", "access": "Deny", "protocol": "*",
   "sourceAddressPrefixes": ["10.4.0.0/24", "fd00:4::/64"], "sourcePortRanges": ["1-1024", "4000"],
   "destinationAddressPrefix": "Internet", "destinationPortRange": "*"}},
  {"name": "app", "priority": 300, "direction": "Inbound", "access": "Allow", "protocol": "Udp",
   "sourceApplicationSecurityGroups": [{"id": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/applicationSecurityGroups/db"}],
   "destinationAddressPrefixes": ["10.4.1.0/24", "10.4.2.0/24"], "destinationPortRanges": ["53", "5353-5400"]}]},
{"id": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/routeTables/ways", "name": "ways",
 "disableBgpRoutePropagation": true, "routes": [
  {"name": "a", "addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.4.16.9"},
  {"name": "b", "addressPrefix": "fd00:9::/48", "nextHopType": "None"},
  {"name": "c", "properties": {"addressPrefix": "10.9.0.0/16", "nextHopType": "VirtualNetworkGateway"}}]},
{"id": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/networkInterfaces/nva", "name": "nva",
 "enableIPForwarding": true, "networkSecurityGroup": {"id": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/networkSecurityGroups/guard"},
 "ipConfigurations": [
  {"name": "four", "privateIpAddress": "10.4.0.9", "publicIpAddress": {"id": "x", "ipAddress": "203.0.113.7"},
   "applicationSecurityGroups": [{"id": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/applicationSecurityGroups/web"}],
   "subnet": {"id": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/virtualNetworks/Spoke.One/subnets/Nodes"}},
  {"name": "six", "properties": {"privateIPAddress": "fd00:4:0:1::9",
   "subnet": {"id": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/virtualNetworks/Spoke.One/subnets/nodes"}}}]},
{"id": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/virtualNetworkGateways/door", "name": "door",
 "gatewayType": "Vpn", "ipConfigurations": [{"name": "g",
  "subnet": {"id": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/virtualNetworks/Spoke.One/subnets/GatewaySubnet"}}]},
{"id": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/localNetworkGateways/office", "name": "office",
 "localNetworkAddressSpace": {"addressPrefixes": ["192.168.0.0/16", "fd00:c0::/48"]}},
{"id": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/connections/line", "name": "line", "connectionType": "IPsec",
 "enableBgp": true, "virtualNetworkGateway1": {"id": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/virtualNetworkGateways/door"},
 "localNetworkGateway2": {"id": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/localNetworkGateways/office"}},
{"id": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.ContainerService/managedClusters/clu", "name": "clu", "resourceGroup": "Net",
 "servicePrincipalProfile": {"clientId": "app-id"}, "apiServerAccessProfile": {"authorizedIpRanges": ["203.0.113.0/24", "198.51.100.7/32"]},
 "networkProfile": {"networkPlugin": "kubenet", "podCidrs": ["10.244.0.0/16", "fd00:244::/56"], "serviceCidrs": ["10.100.0.0/16", "fd00:100::/112"],
  "dnsServiceIp": "10.100.0.10", "dockerBridgeCidr": "172.17.0.1/16", "networkPolicy": "calico"},
 "agentPoolProfiles": [
  {"name": "sys", "osType": "Linux", "count": 2, "minCount": 1, "maxCount": 4, "maxPods": 110, "upgradeSettings": {"maxSurge": "33%"},
   "vnetSubnetId": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/virtualNetworks/Spoke.One/subnets/Nodes",
   "nodeLabels": {"tier": "front", "n": "1"}, "nodeTaints": ["a=b:NoSchedule", "only:NoExecute"]}]},
{"id": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.ContainerService/managedClusters/clu/agentPools/more", "name": "more",
 "properties": {"osType": "Linux", "count": 1, "upgradeSettings": {"maxSurge": "2"}}}
])";

const char* const golden = R"(apiVersion: bailey.dev/v1alpha1
kind: VirtualNetwork
metadata:
  name: far
spec:
  resourceGroup: Net
  addressSpace: [10.5.0.0/16]
---
apiVersion: bailey.dev/v1alpha1
kind: VirtualNetwork
metadata:
  name: spoke.one
spec:
  resourceGroup: Net
  addressSpace: [10.4.0.0/16, "fd00:4::/48"]
  subnets:
  - name: Nodes
    prefixes: [10.4.0.0/20, "fd00:4:0:1::/64"]
    networkSecurityGroup: guard
    routeTable: ways
  - name: functions
    prefix: 10.4.16.0/24
    delegation: Microsoft.Web/serverFarms
  - name: GatewaySubnet
    prefix: 10.4.17.0/27
---
apiVersion: bailey.dev/v1alpha1
kind: NetworkPeering
metadata:
  name: back
spec:
  from: far
  to: spoke.one
  allowVirtualNetworkAccess: true
  useRemoteGateways: true
---
apiVersion: bailey.dev/v1alpha1
kind: NetworkPeering
metadata:
  name: to-far
spec:
  from: spoke.one
  to: far
  allowVirtualNetworkAccess: false
  allowForwardedTraffic: true
  allowGatewayTransit: true
---
apiVersion: bailey.dev/v1alpha1
kind: NetworkInterface
metadata:
  name: nva
spec:
  publicAddress: "203.0.113.7"
  subnet: spoke.one/Nodes
  addresses: ["10.4.0.9", "fd00:4:0:1::9"]
  networkSecurityGroup: guard
  applicationSecurityGroups: [web]
  ipForwarding: true
---
apiVersion: bailey.dev/v1alpha1
kind: NetworkSecurityGroup
metadata:
  name: guard
spec:
  rules:
  - name: in
    priority: 100
    direction: Inbound
    access: Allow
    protocol: Tcp
    sourcePrefix: VirtualNetwork
    destinationApplicationSecurityGroups: [web]
    destinationPorts: ["443"]
    description: "say \"hi\": #1"
  - name: out
    priority: 200
    direction: Outbound
    access: Deny
    protocol: "*"
    sourcePrefixes: [10.4.0.0/24, "fd00:4::/64"]
    sourcePorts: ["1-1024", "4000"]
    destinationPrefix: Internet
  - name: app
    priority: 300
    direction: Inbound
    access: Allow
    protocol: Udp
    sourceApplicationSecurityGroups: [db]
    destinationPrefixes: [10.4.1.0/24, 10.4.2.0/24]
    destinationPorts: ["53", "5353-5400"]
  flushConnection: true
---
apiVersion: bailey.dev/v1alpha1
kind: RouteTable
metadata:
  name: ways
spec:
  routes:
  - name: a
    prefix: 0.0.0.0/0
    nextHopType: VirtualAppliance
    nextHopAddress: "10.4.16.9"
  - name: b
    prefix: "fd00:9::/48"
    nextHopType: None
  - name: c
    prefix: 10.9.0.0/16
    nextHopType: VirtualNetworkGateway
  disableGatewayRoutePropagation: true
---
apiVersion: bailey.dev/v1alpha1
kind: OnPremisesNetwork
metadata:
  name: office
spec:
  addressSpace: [192.168.0.0/16, "fd00:c0::/48"]
---
apiVersion: bailey.dev/v1alpha1
kind: NetworkGateway
metadata:
  name: door
spec:
  type: Vpn
  subnet: spoke.one/GatewaySubnet
---
apiVersion: bailey.dev/v1alpha1
kind: GatewayConnection
metadata:
  name: line
spec:
  gateway: door
  onPremisesNetwork: office
  type: Vpn
  routeSource: Bgp
---
apiVersion: bailey.dev/v1alpha1
kind: Cluster
metadata:
  name: clu
spec:
  resourceGroup: Net
  networkModel: kubenet
  podCIDRs: [10.244.0.0/16, "fd00:244::/56"]
  serviceCIDRs: [10.100.0.0/16, "fd00:100::/112"]
  dnsServiceIP: "10.100.0.10"
  dockerBridgeCIDR: 172.17.0.1/16
  networkPolicy: calico
  identity:
    type: servicePrincipal
    name: app-id
  nodePools:
  - name: sys
    os: linux
    count: 2
    minCount: 1
    maxCount: 4
    maxPods: 110
    maxSurge: "33%"
    subnet: spoke.one/Nodes
    labels:
      tier: front
      "n": "1"
    taints:
    - key: a
      value: b
      effect: NoSchedule
    - key: only
      effect: NoExecute
  - name: more
    os: linux
    count: 1
    maxSurge: "2"
  apiServer:
    authorizedRanges: [203.0.113.0/24, 198.51.100.7/32]
)";

// What is written, as it is read: scalars by their type.
Json json_of(const Node& node) {
  switch (node.type) {
    case Node::Type::null: return nullptr;
    case Node::Type::boolean: return manifest::boolean_value(node.text);
    case Node::Type::integer: {
      std::int64_t value = 0;
      EXPECT_TRUE(manifest::integer_value(node.text, &value)) << node.text;
      return value;
    }
    case Node::Type::sequence: {
      Json out = Json::array();
      for (const Node* item : node.items) out.push(json_of(*item));
      return out;
    }
    case Node::Type::mapping: {
      Json out = Json::object();
      for (const manifest::Member& member : node.members) out.set(std::string(member.key), json_of(*member.value));
      return out;
    }
    default: return node.text;
  }
}

std::vector<Json> read_back(const std::string& text) {
  std::vector<Json> out;
  for (const manifest::Chunk& chunk : manifest::split_documents(text)) {
    manifest::Parsed parsed = manifest::parse_document(chunk);
    EXPECT_TRUE(parsed.flaws.empty());
    if (parsed.root) out.push_back(json_of(*parsed.root));
  }
  return out;
}

void expect_round_trip(const std::vector<Document>& documents) {
  Imported imported = import_az(documents);
  std::string text = manifest::yaml_of_all(imported.objects);
  EXPECT_EQ(read_back(text), imported.objects) << text;
  manifest::Loaded loaded = manifest::load({{"out.yaml", text}}, {});
  EXPECT_TRUE(loaded.errors.empty());
  EXPECT_EQ(loaded.objects.size(), imported.objects.size());
  Imported again = import_az(documents);
  EXPECT_EQ(manifest::yaml_of_all(again.objects), text);
  ASSERT_EQ(again.notes.size(), imported.notes.size());
  for (std::size_t i = 0; i < again.notes.size(); ++i) {
    EXPECT_EQ(again.notes[i].path, imported.notes[i].path);
    EXPECT_EQ(again.notes[i].message.id, imported.notes[i].message.id);
    EXPECT_EQ(again.notes[i].message.args, imported.notes[i].message.args);
  }
}

TEST(ImportAzRound, WhatIsWrittenIsReadBackAsItWas) {
  expect_round_trip(example());
  expect_round_trip({{"full.json", full}});
}

TEST(ImportAzRound, EveryFieldArrives) {
  Imported imported = import_az({{"full.json", full}});
  EXPECT_TRUE(imported.errors.empty());
  for (const Note& note : imported.notes) EXPECT_EQ(note.message.id, "import.renamed") << note.path;
  EXPECT_EQ(manifest::yaml_of_all(imported.objects), golden);
  manifest::Loaded loaded = manifest::load({{"out.yaml", golden}}, {});
  for (const model::InputError& finding : model::validate(model::snapshot_of(loaded.objects)))
    ADD_FAILURE() << finding.code;
}

// Where a member of an object stands: names, and positions within lists.
struct Step {
  std::string name;
  std::size_t index = 0;
};
using Path = std::vector<Step>;

void collect(const Json& json, const Path& path, std::vector<Path>& out) {
  for (std::size_t i = 0; i < json.items().size(); ++i) {
    Path inner = path;
    inner.push_back({"", i});
    collect(json.items()[i], inner, out);
  }
  for (const Json::Member& member : json.members()) {
    Path inner = path;
    inner.push_back({member.first, 0});
    out.push_back(inner);
    collect(member.second, inner, out);
  }
}

// `json` with another value there, or without the member where there is none.
Json changed(const Json& json, std::span<const Step> path, const std::optional<Json>& value) {
  if (path.empty()) return *value;
  const Step& step = path[0];
  if (json.is_array()) {
    Json::Array items = json.items();
    items[step.index] = changed(items[step.index], path.subspan(1), value);
    return Json(std::move(items));
  }
  Json out = json;
  if (path.size() == 1 && !value)
    out.erase(step.name);
  else
    out.set(step.name, changed(json[step.name], path.subspan(1), value));
  return out;
}

Imported import_json(const Json& json) { return import_az({{"a.json", json.dump()}}); }

// No crash, objects that load() reads (those that differ from the whole are asked), and a word for what is left out.
void expect_good(const Imported& imported, const Imported& whole, std::size_t expected, const std::string& what) {
  EXPECT_TRUE(imported.errors.empty()) << what;
  std::vector<Json> others;
  for (const Json& object : imported.objects)
    if (std::find(whole.objects.begin(), whole.objects.end(), object) == whole.objects.end()) others.push_back(object);
  manifest::Loaded loaded = manifest::load({{"out.yaml", manifest::yaml_of_all(others)}}, {});
  EXPECT_TRUE(loaded.errors.empty()) << what;
  EXPECT_EQ(loaded.objects.size(), others.size()) << what;
  if (imported.objects.size() < expected) {
    EXPECT_FALSE(imported.notes.empty()) << what;
  }
}

TEST(ImportAzRound, EveryFieldMayBeAbsentOrOfAnotherType) {
  const Json json = Json::parse(full).value();
  Imported whole = import_json(json);
  std::size_t all = whole.objects.size();
  std::vector<Path> paths;
  collect(json, {}, paths);
  ASSERT_GT(paths.size(), 150u);
  const Json others[] = {Json::object(), Json::array(), Json("x"), Json(7), Json(Json::Array{Json()})};
  std::size_t round = 0;
  for (const Path& path : paths) {
    std::string what;
    for (const Step& step : path) what += step.name.empty() ? "[" + std::to_string(step.index) + "]" : "." + step.name;
    // A network without peerings is whole.
    std::size_t expected = path.back().name == "virtualNetworkPeerings" ? all - 1 : all;
    Imported without = import_json(changed(json, path, std::nullopt));
    expect_good(without, whole, expected, "without " + what);
    EXPECT_TRUE(import_json(changed(json, path, Json())).objects == without.objects) << what;
    const Json& other = others[round++ % std::size(others)];
    expect_good(import_json(changed(json, path, other)), whole, expected, what + " " + other.dump());
  }
}

}  // namespace
}  // namespace bailey::importer
