#include "reach/policy.h"

#include <gtest/gtest.h>

namespace bailey::reach {
namespace {

using model::Kind;

template <typename T>
std::shared_ptr<T> named(Kind kind, const std::string& name) {
  auto out = std::make_shared<T>();
  out->meta.kind = kind;
  out->meta.ns = "shop";
  out->meta.name = name;
  return out;
}

TEST(Policy, SelectsNoPodOnTheHostsNetwork) {
  auto deny = named<model::NetworkPolicy>(Kind::NetworkPolicy, "deny");
  deny->egress = true;
  model::Snapshot snapshot = model::snapshot_of({model::AnyObject(std::shared_ptr<const model::NetworkPolicy>(deny))});
  model::Pod pod = *named<model::Pod>(Kind::Pod, "agent");
  for (PolicyDirection direction : {PolicyDirection::ingress, PolicyDirection::egress}) {
    pod.spec.host_network = false;
    EXPECT_EQ(selecting(snapshot, pod, direction).size(), 1u);
    pod.spec.host_network = true;
    EXPECT_TRUE(selecting(snapshot, pod, direction).empty());
  }
}

// Every namespace has it, also where no object says so.
TEST(Policy, NamespacesAreLabelledWithTheirName) {
  model::LabelSelector by_name;
  by_name.match_labels["kubernetes.io/metadata.name"] = "shop";
  EXPECT_TRUE(includes_namespace(model::Snapshot{}, by_name, "shop"));
  EXPECT_FALSE(includes_namespace(model::Snapshot{}, by_name, "other"));
}

}  // namespace
}  // namespace bailey::reach
