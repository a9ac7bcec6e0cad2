// What a peer reads of objects that are sent as JSON, on random clusters.
#include <gtest/gtest.h>

#include <tuple>

#include "manifest/manifest.h"
#include "manifest/objects_json.h"
#include "random_cluster.h"

namespace bailey {
namespace {

constexpr int clusters = 400;

auto fields(const model::Meta& m) { return std::tie(m.kind, m.ns, m.name, m.labels, m.annotations, m.deleting); }

void expect_equal(const model::Node& a, const model::Node& b) {
  EXPECT_EQ(fields(a.meta), fields(b.meta));
  EXPECT_EQ(std::tie(a.addresses, a.external_addresses, a.pod_cidrs, a.ready, a.os),
            std::tie(b.addresses, b.external_addresses, b.pod_cidrs, b.ready, b.os));
}

void expect_equal(const model::Pod& a, const model::Pod& b) {
  EXPECT_EQ(fields(a.meta), fields(b.meta));
  EXPECT_EQ(std::tie(a.spec.node_name, a.spec.host_network, a.spec.ports, a.phase, a.addresses, a.ready),
            std::tie(b.spec.node_name, b.spec.host_network, b.spec.ports, b.phase, b.addresses, b.ready));
}

void expect_equal(const std::vector<model::PolicyRule>& a, const std::vector<model::PolicyRule>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].peers.size(), b[i].peers.size());
    for (std::size_t j = 0; j < a[i].peers.size(); ++j) {
      const model::PolicyPeer& mine = a[i].peers[j];
      const model::PolicyPeer& other = b[i].peers[j];
      EXPECT_EQ(std::tie(mine.namespace_selector, mine.pod_selector),
                std::tie(other.namespace_selector, other.pod_selector));
      ASSERT_EQ(mine.ip_block.has_value(), other.ip_block.has_value());
      if (mine.ip_block) {
        EXPECT_EQ(std::tie(mine.ip_block->cidr, mine.ip_block->except),
                  std::tie(other.ip_block->cidr, other.ip_block->except));
      }
    }
    ASSERT_EQ(a[i].ports.size(), b[i].ports.size());
    for (std::size_t j = 0; j < a[i].ports.size(); ++j)
      EXPECT_EQ(std::tie(a[i].ports[j].port, a[i].ports[j].end_port, a[i].ports[j].protocol),
                std::tie(b[i].ports[j].port, b[i].ports[j].end_port, b[i].ports[j].protocol));
  }
}

void expect_equal(const model::NetworkPolicy& a, const model::NetworkPolicy& b) {
  EXPECT_EQ(fields(a.meta), fields(b.meta));
  EXPECT_EQ(std::tie(a.pod_selector, a.ingress, a.egress), std::tie(b.pod_selector, b.ingress, b.egress));
  expect_equal(a.ingress_rules, b.ingress_rules);
  expect_equal(a.egress_rules, b.egress_rules);
}

// Returns whether it is of type T.
template <typename T>
bool compare(const model::AnyObject& before, const model::AnyObject& after) {
  auto wanted = before.as<T>();
  if (!wanted) return false;
  auto read = after.as<T>();
  EXPECT_TRUE(read) << wanted->meta.ref().text();
  if (read) expect_equal(*wanted, *read);
  return true;
}

TEST(ObjectsJsonRandom, ReadBackAsTheyWere) {
  Dice dice(77);
  std::size_t compared = 0;
  std::size_t policies = 0;
  for (int i = 0; i < clusters && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE("cluster " + std::to_string(i));
    RandomCluster cluster = random_cluster(dice);
    for (model::Pod& pod : cluster.pods) {
      pod.meta.deleting = dice.chance(20);
      pod.ready = dice.chance(60);
    }
    for (model::NetworkPolicy& policy : cluster.policies)
      if (dice.chance(20)) policy.meta.annotations["example.com/note"] = "\"yes\"\n";
    for (const model::AnyObject& object : cluster.snapshot().objects()) {
      base::Json json = manifest::json_of(object);
      if (json.is_null()) continue;
      SCOPED_TRACE(json.dump());
      manifest::Loaded loaded = manifest::load({{"<socket>", json.dump()}}, {});
      ASSERT_EQ(loaded.objects.size(), 1u);
      const model::AnyObject& back = loaded.objects[0];
      if (object.as<model::Namespace>()) {
        // Every namespace has this label once it is read.
        model::Meta meta = object->meta;
        meta.labels.emplace("kubernetes.io/metadata.name", meta.name);
        EXPECT_EQ(fields(back->meta), fields(meta));
      } else {
        policies += compare<model::NetworkPolicy>(object, back) ? 1 : 0;
        EXPECT_TRUE(object.as<model::NetworkPolicy>() || compare<model::Pod>(object, back) ||
                    compare<model::Node>(object, back));
      }
      ++compared;
    }
  }
  EXPECT_GT(compared, 3000u);
  EXPECT_GT(policies, 500u);
}

}  // namespace
}  // namespace bailey
