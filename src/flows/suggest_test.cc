#include "flows/suggest.h"

#include <gtest/gtest.h>

namespace bailey::flows {
namespace {

model::AnyObject pod(const std::string& name, model::Labels labels) {
  auto out = std::make_shared<model::Pod>();
  out->meta.kind = model::Kind::Pod;
  out->meta.ns = "shop";
  out->meta.name = name;
  out->meta.labels = std::move(labels);
  out->spec.node_name = "a";
  return out;
}

Flow seen(const std::string& from, const std::string& from_address, const std::string& to, const char* port) {
  Flow flow;
  flow.source = from;
  flow.source_address = *model::Address::parse(from_address);
  flow.destination = to;
  flow.destination_address = *model::Address::parse("10.0.0.99");
  flow.port = *model::Port::parse(port);
  return flow;
}

const model::Snapshot& shop() {
  static const model::Snapshot snapshot = model::snapshot_of(
      {pod("web-0", {{"app", "web"}, {"pod-template-hash", "1"}}), pod("web-1", {{"app", "web"}, {"tier", "x"}}),
       pod("db-0", {{"app", "db"}}), pod("bare", {{"pod-template-hash", "1"}})});
  return snapshot;
}

TEST(Suggest, SelectsTheGroupAndNoOther) {
  auto found = suggest(std::vector{seen("pod/shop/web-0", "10.0.0.4", "pod/shop/db-0", "5432")}, shop());
  ASSERT_EQ(found.policies.size(), 2u);
  EXPECT_TRUE(found.notes.empty());
  const model::NetworkPolicy& db = found.policies[0].policy;
  const model::NetworkPolicy& web = found.policies[1].policy;
  EXPECT_EQ(db.meta.name, "suggested-db");
  EXPECT_EQ(web.meta.name, "suggested-web");
  EXPECT_TRUE(db.ingress && db.egress && db.egress_rules.empty());
  EXPECT_TRUE(web.pod_selector.matches({{"app", "web"}, {"pod-template-hash", "2"}}));
  EXPECT_FALSE(web.pod_selector.matches({{"app", "web"}, {"tier", "x"}}));
  ASSERT_EQ(db.ingress_rules.size(), 1u);
  EXPECT_EQ(db.ingress_rules[0].peers.at(0).pod_selector, web.pod_selector);
  EXPECT_EQ(db.ingress_rules[0].ports.at(0).port->number, 5432);
  EXPECT_EQ(found.policies[0].flows, 1u);
}

TEST(Suggest, NeighbouringAddressesAreOneBlock) {
  std::vector<Flow> flows;
  for (const char* address : {"192.0.2.7", "192.0.2.4", "192.0.2.6", "192.0.2.5", "192.0.2.9"})
    flows.push_back(seen(address, address, "pod/shop/db-0", "5432"));
  auto found = suggest(flows, shop());
  ASSERT_EQ(found.policies.size(), 1u);
  std::vector<std::string> blocks;
  for (const model::PolicyPeer& peer : found.policies[0].policy.ingress_rules.at(0).peers)
    blocks.push_back(peer.ip_block->cidr.text());
  EXPECT_EQ(blocks, (std::vector<std::string>{"192.0.2.4/30", "192.0.2.9/32"}));
}

TEST(Suggest, TellsWhatItCannotExpress) {
  auto found = suggest(std::vector{seen("pod/shop/bare", "10.0.0.8", "pod/shop/db-0", "80"),
                                   seen("pod/shop/web-0", "10.0.0.4", "pod/shop/db-0", "icmp"),
                                   seen("pod/shop/gone", "10.0.0.5", "pod/shop/db-0", "80")},
                       shop());
  std::vector<std::string> ids;
  for (const base::Message& note : found.notes) ids.push_back(note.id);
  EXPECT_EQ(ids, (std::vector<std::string>{"flows.icmp", "flows.no-labels", "flows.pod-gone"}));
  for (const Suggested& each : found.policies) EXPECT_FALSE(each.policy.pod_selector.empty());
}

TEST(Suggest, DeniedAndOwnNodeNeedNothing) {
  Flow denied = seen("pod/shop/web-0", "10.0.0.4", "pod/shop/db-0", "80");
  denied.allow = false;
  denied.event = Flow::Event::deny;
  auto found = suggest(std::vector{denied, seen("node/a", "10.0.0.1", "pod/shop/db-0", "80")}, shop());
  EXPECT_TRUE(found.policies.empty());
}

}  // namespace
}  // namespace bailey::flows
