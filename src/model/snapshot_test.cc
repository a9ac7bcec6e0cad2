#include "model/snapshot.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace bailey::model {
namespace {

AnyObject pod(const std::string& ns, const std::string& name, Labels labels = {}) {
  auto object = std::make_shared<Pod>();
  object->meta.kind = Kind::Pod;
  object->meta.ns = ns;
  object->meta.name = name;
  object->meta.labels = std::move(labels);
  return std::shared_ptr<const Pod>(object);
}

AnyObject workload(Kind kind, const std::string& name) {
  auto object = std::make_shared<Workload>();
  object->meta.kind = kind;
  object->meta.ns = "default";
  object->meta.name = name;
  return std::shared_ptr<const Workload>(object);
}

TEST(Kinds, TheTableIsInTheOrderOfTheEnumAndComplete) {
  EXPECT_EQ(kinds().size(), static_cast<std::size_t>(Kind::AccessGrant) + 1);
  for (const KindInfo& row : kinds()) {
    EXPECT_EQ(info(row.kind).name, row.name);
    EXPECT_EQ(kind_of(row.name), row.kind);
  }
  EXPECT_EQ(kind_of("networkpolicies"), Kind::NetworkPolicy);
  EXPECT_EQ(kind_of("vnet"), Kind::VirtualNetwork);
  EXPECT_EQ(kind_of("nonsense"), std::nullopt);
}

TEST(ObjectRef, TextForms) {
  EXPECT_EQ(ObjectRef::parse("Pod/shop/web")->text(), "Pod/shop/web");
  EXPECT_EQ(ObjectRef::parse("pod/web")->text(), "Pod/default/web");
  EXPECT_EQ(ObjectRef::parse("virtualnetwork//hub")->text(), "VirtualNetwork/hub");
  for (const char* text : {"pod", "pod/", "nonsense/x", "vnet/ns/hub", "a/b/c/d"})
    EXPECT_FALSE(ObjectRef::parse(text)) << text;
}

TEST(Snapshot, UnchangedTablesAreShared) {
  Snapshot one = snapshot_of({pod("a", "x"), workload(Kind::Deployment, "d")});
  Snapshot two = reduce(one, {{Event::Type::added, pod("a", "y")}});
  EXPECT_EQ(one.table<Workload>(), two.table<Workload>());
  EXPECT_NE(one.table<Pod>(), two.table<Pod>());
  EXPECT_EQ(two.generation(), one.generation() + 1);
  Snapshot three = reduce(two, {{Event::Type::deleted, pod("a", "missing")}, {Event::Type::bookmark, {}}});
  EXPECT_EQ(three.table<Pod>(), two.table<Pod>());
  EXPECT_EQ(three.generation(), two.generation());
}

TEST(Snapshot, OneTableHoldsSeveralKinds) {
  Snapshot snapshot = snapshot_of({workload(Kind::Job, "same"), workload(Kind::Deployment, "same")});
  ASSERT_EQ(snapshot.all<Workload>().size(), 2u);
  EXPECT_NE(snapshot.find<Workload>({Kind::Job, "default", "same"}), nullptr);
  EXPECT_EQ(snapshot.find({Kind::StatefulSet, "default", "same"}), nullptr);
}

// Incremental equals from-scratch, against a plain map as the slow twin.
TEST(Snapshot, RandomEditsEqualAPlainMap) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    Snapshot snapshot;
    std::map<ObjectRef, AnyObject> twin;
    for (int step = 0; step < 20; ++step) {
      std::vector<Event> events;
      for (unsigned i = 0, n = random() % 6; i < n; ++i) {
        AnyObject object =
            random() % 3 ? pod(std::string(1, static_cast<char>('a' + random() % 3)), std::to_string(random() % 8))
                         : workload(random() % 2 ? Kind::Job : Kind::Deployment, std::to_string(random() % 4));
        bool deleted = random() % 3 == 0;
        events.push_back({deleted ? Event::Type::deleted : Event::Type::modified, object});
        if (deleted) twin.erase(meta(object).ref());
        if (!deleted) twin[meta(object).ref()] = object;
      }
      Snapshot before = snapshot;
      snapshot = reduce(snapshot, events);
      ASSERT_EQ(snapshot.size(), twin.size());
      for (const AnyObject& object : snapshot.objects()) ASSERT_TRUE(twin.at(meta(object).ref()) == object);
      Snapshot replayed = reduce(before, difference(before, snapshot));
      ASSERT_TRUE(difference(replayed, snapshot).empty());
    }
  }
}

TEST(LabelSelector, FollowsTheKubernetesRules) {
  LabelSelector selector;
  EXPECT_TRUE(selector.matches({}));
  selector.expressions = {{"tier", LabelSelector::Operator::not_in, {"db"}}};
  EXPECT_TRUE(selector.matches({})) << "NotIn also selects objects without the key";
  EXPECT_FALSE(selector.matches({{"tier", "db"}}));
  selector.expressions = {{"tier", LabelSelector::Operator::in, {"web", "api"}},
                          {"old", LabelSelector::Operator::does_not_exist, {}}};
  EXPECT_TRUE(selector.matches({{"tier", "api"}}));
  EXPECT_FALSE(selector.matches({{"tier", "api"}, {"old", ""}}));
  selector = {};
  selector.match_labels = {{"app", "web"}};
  EXPECT_FALSE(selector.matches({{"app", "api"}}));
}

}  // namespace
}  // namespace bailey::model
