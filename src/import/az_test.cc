// What az prints, written by hand after the fields of the REST reference, into objects and back through load().
#include "import/az.h"

#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <sstream>

#include "manifest/write.h"
#include "model/validate.h"

namespace bailey::importer {
namespace {

using base::Json;
using manifest::Document;

std::string file_text(const std::string& name) {
  std::ifstream file(std::string(BAILEY_SOURCE_DIR "/examples/azure/") + name, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<Document> example() {
  return {{"vnets.json", file_text("vnets.json")}, {"rest.json", file_text("rest.json")}};
}

std::string id(const std::string& rest, const std::string& group = "rg") {
  return "/subscriptions/s/resourceGroups/" + group + "/providers/Microsoft.Network/" + rest;
}

Imported import_text(const std::string& text) { return import_az({{"a.json", text}}); }

std::vector<std::string> notes_of(const Imported& imported) {
  std::vector<std::string> out;
  for (const Note& note : imported.notes) out.push_back(note.path + " " + note.message.id);
  return out;
}

using Strings = std::vector<std::string>;

model::Snapshot loaded(const Imported& imported) {
  manifest::Loaded out = manifest::load({{"out.yaml", manifest::yaml_of_all(imported.objects)}}, {});
  EXPECT_TRUE(out.errors.empty());
  EXPECT_EQ(out.objects.size(), imported.objects.size());
  return model::snapshot_of(out.objects);
}

TEST(ImportAz, TheExampleBecomesANetworkThatIsWhole) {
  Imported imported = import_az(example());
  EXPECT_TRUE(imported.errors.empty());
  model::Snapshot snapshot = loaded(imported);
  EXPECT_TRUE(model::validate(snapshot).empty());
  using model::Kind;
  const auto* hub = snapshot.find<model::VirtualNetwork>(Kind::VirtualNetwork, "hub");
  ASSERT_TRUE(hub);
  EXPECT_EQ(hub->find("shared")->network_security_group, "shared-nsg");
  const auto* to_hub = snapshot.find<model::NetworkPeering>(Kind::NetworkPeering, "to-hub");
  ASSERT_TRUE(to_hub);
  EXPECT_EQ(to_hub->to, "hub");  // the id spells it otherwise
  EXPECT_TRUE(to_hub->use_remote_gateways && to_hub->allow_forwarded_traffic && !to_hub->allow_gateway_transit);
  const auto* group = snapshot.find<model::NetworkSecurityGroup>(Kind::NetworkSecurityGroup, "shared-nsg");
  ASSERT_EQ(group->rules.size(), 1u);
  EXPECT_EQ(group->rules[0].source_prefixes, (Strings{"10.1.0.0/21", "192.168.0.0/16"}));
  EXPECT_EQ(group->rules[0].destination_groups, Strings{"web"});
  EXPECT_EQ(group->rules[0].destination_ports.size(), 3u);
  const auto* table = snapshot.find<model::RouteTable>(Kind::RouteTable, "egress");
  EXPECT_TRUE(table->disable_gateway_route_propagation);
  EXPECT_EQ(table->routes[1].next_hop_type, model::NextHopType::vnet_local);
  const auto* nic = snapshot.find<model::NetworkInterface>(Kind::NetworkInterface, "firewall");
  EXPECT_EQ(nic->subnet.text(), "hub/shared");
  EXPECT_TRUE(nic->ip_forwarding);
  const auto* connection = snapshot.find<model::GatewayConnection>(Kind::GatewayConnection, "to-office");
  EXPECT_EQ(connection->on_premises_network, "office");
  const auto* cluster = snapshot.find<model::Cluster>(Kind::Cluster, "shop");
  ASSERT_EQ(cluster->node_pools.size(), 1u);
  EXPECT_EQ(cluster->node_pools[0].max_count, 6u);
  EXPECT_EQ(cluster->node_pools[0].max_surge, "33%");
  EXPECT_EQ(cluster->node_pools[0].taints.at(0).effect, "NoSchedule");
  EXPECT_EQ(cluster->dns_service_address->text(), "172.16.0.10");
}

TEST(ImportAz, WhatHasNoCounterpartIsNotedWithItsPlace) {
  EXPECT_EQ(notes_of(import_az(example())),
            (Strings{"[0].securityRules[1] import.item-refused", "[4].gatewayIpAddress import.no-counterpart",
                     "[6].networkProfile.outboundType import.no-counterpart",
                     "[0].enableDdosProtection import.no-counterpart",
                     "[1].subnets[0].serviceEndpoints import.no-counterpart"}));
}

TEST(ImportAz, TheOrderOfFilesDoesNotMatter) {
  std::vector<Document> turned = example();
  std::swap(turned[0], turned[1]);
  EXPECT_EQ(import_az(turned).objects, import_az(example()).objects);
}

TEST(ImportAz, PartsThatStandAloneAndFieldsBelowPropertiesAreRead) {
  Imported imported =
      import_text("{\"value\": [{\"id\": \"" + id("virtualNetworks/v/subnets/Web") +
                  "\", \"name\": \"Web\", \"properties\": {\"addressPrefix\": \"10.0.1.0/24\"}}, {\"id\": \"" +
                  id("virtualNetworks/v") +
                  "\", \"name\": \"v\", \"properties\": {\"addressSpace\": {\"addressPrefixes\": "
                  "[\"10.0.0.0/16\"]}}}, {\"id\": \"" +
                  id("virtualNetworks/gone/subnets/x") + "\", \"name\": \"x\"}]}");
  ASSERT_EQ(imported.objects.size(), 1u);
  EXPECT_EQ(imported.objects[0]["spec"]["subnets"].items().at(0)["name"].as_string(), "Web");
  EXPECT_EQ(notes_of(imported), Strings{".value[2] import.no-parent"});
}

TEST(ImportAz, EqualNamesOfTwoGroupsGetASuffix) {
  auto table = [](const std::string& group) {
    return "{\"id\": \"" + id("routeTables/Egress_1", group) + "\", \"name\": \"Egress_1\", \"routes\": []}";
  };
  Imported imported = import_text("[" + table("a") + "," + table("b") + "," + table("a") + "]");
  ASSERT_EQ(imported.objects.size(), 2u);
  EXPECT_EQ(imported.objects[0]["metadata"]["name"].as_string(), "egress-1");
  EXPECT_EQ(imported.objects[1]["metadata"]["name"].as_string(), "egress-1-b");
  EXPECT_EQ(notes_of(imported), (Strings{"[0] import.renamed", "[1] import.name-taken", "[2] import.twice"}));
}

TEST(ImportAz, AnOverlayIsSaidNotToBeTheSame) {
  Imported imported = import_text(
      "{\"id\": \"/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/c\", "
      "\"networkProfile\": {\"networkPlugin\": \"azure\", \"networkPluginMode\": \"overlay\", \"podCidr\": "
      "\"10.244.0.0/16\"}}");
  ASSERT_EQ(imported.objects.size(), 1u);
  EXPECT_EQ(imported.objects[0]["spec"]["networkModel"].as_string(), "vnet");
  EXPECT_EQ(notes_of(imported), (Strings{"networkProfile.networkPluginMode import.overlay",
                                         "networkProfile.podCidr import.no-counterpart"}));
}

TEST(ImportAz, ErrorsNameTheLine) {
  Imported imported = import_text("[\n  {\"id\": 1,,}\n]");
  ASSERT_EQ(imported.errors.size(), 1u);
  EXPECT_EQ(imported.errors[0].position.line, 2u);
  imported = import_text("no az\n");
  ASSERT_EQ(imported.errors.size(), 1u);
  EXPECT_EQ(imported.errors[0].code, "not-azure");
}

TEST(ImportAz, MutatedFilesNeverGiveWhatLoadRefuses) {
  std::mt19937 random(5);
  std::vector<Document> whole = example();
  static const char* pieces[] = {"null", "\"\"", "[]", "{}", "true", "-1", "\"x\"", "99999999999", "\"10.0.0.0/33\""};
  std::size_t objects = 0;
  for (int round = 0; round < 150; ++round) {
    std::vector<Document> documents = whole;
    std::string& text = documents[random() % 2].text;
    for (unsigned i = 1 + random() % 6; i > 0; --i) {
      std::size_t at = text.find_first_of(":,[", random() % text.size());
      std::size_t end = at == std::string::npos ? at : text.find_first_of(",]}", at + 1);
      if (end != std::string::npos) text.replace(at + 1, end - at - 1, pieces[random() % std::size(pieces)]);
    }
    Imported imported = import_az(documents);
    objects += imported.objects.size();
    loaded(imported);
  }
  EXPECT_GT(objects, 500u);
}

}  // namespace
}  // namespace bailey::importer
