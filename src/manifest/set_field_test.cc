#include <gtest/gtest.h>

#include "manifest/manifest.h"

namespace bailey::manifest {
namespace {

Mended set(const std::string& text, const std::string& object, const std::string& field, const std::string& value) {
  return set_fields({"x.yaml", text}, {{object, field, value}});
}

TEST(SetField, ReplacesAScalarAndNothingElse) {
  std::string before =
      "# head\napiVersion: bailey.dev/v1alpha1\nkind: Cluster\nmetadata: {name: a}\nspec:\n  serviceCIDR: 10.0.0.0/16 "
      "# s\n"
      "  dnsServiceIP: \"10.9.0.10\"   # why\n---\n# second\nkind: Cluster\napiVersion: bailey.dev/v1alpha1\nmetadata: "
      "{name: b}\n"
      "spec: {dnsServiceIP: 10.9.0.10}\n";
  Mended first = set(before, "Cluster/a", "spec.dnsServiceIP", "10.0.0.10");
  std::string expected = before;
  expected.replace(expected.find("10.9.0.10"), 9, "10.0.0.10");
  EXPECT_TRUE(first.changed);
  EXPECT_EQ(first.text, expected);
  ASSERT_EQ(first.mended.size(), 1u);
  EXPECT_EQ(first.mended[0].position.line, 7u);
  Mended second = set(before, "Cluster/b", "spec.dnsServiceIP", "10.0.0.10");
  expected = before;
  expected.replace(expected.rfind("10.9.0.10"), 9, "10.0.0.10");
  EXPECT_EQ(second.text, expected);
}

TEST(SetField, AddsWhatIsMissingInTheStyleOfTheMapping) {
  std::string head =
      "kind: Deployment\napiVersion: apps/v1\nmetadata:\n  name: p\n  namespace: n\nspec:\n  template:\n    metadata: "
      "{}\n";
  std::string field = "spec.template.spec.nodeSelector.kubernetes.io/os";
  EXPECT_EQ(
      set(head + "    spec:\n      # c\n      containers: []\n", "Deployment/n/p", field, "linux").text,
      head + "    spec:\n      # c\n      nodeSelector:\n        kubernetes.io/os: linux\n      containers: []\n");
  EXPECT_EQ(set(head + "    spec: {containers: []}\n", "Deployment/n/p", field, "linux").text,
            head + "    spec: {nodeSelector: {kubernetes.io/os: linux}, containers: []}\n");
  EXPECT_EQ(set(head + "    spec:\n      nodeSelector:\n        disk: ssd\n", "Deployment/n/p", field, "linux").text,
            head + "    spec:\n      nodeSelector:\n        kubernetes.io/os: linux\n        disk: ssd\n");
  EXPECT_EQ(set(head + "    spec: {}\n", "Deployment/n/p", field, "linux").text,
            head + "    spec: {nodeSelector: {kubernetes.io/os: linux}}\n");
  std::string json = R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"p"},"spec":{"containers":[]}})";
  EXPECT_EQ(set(json, "Pod/default/p", "spec.nodeName", "a").text,
            R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"p"},"spec":{"nodeName": "a", "containers":[]}})");
}

TEST(SetField, KeepsLineEndsAndMarks) {
  std::string before =
      "\xEF\xBB\xBFkind: Pod\r\napiVersion: v1\r\nmetadata: {name: p}\r\nspec:\r\n  containers: []\r\n";
  EXPECT_EQ(set(before, "Pod/default/p", "spec.nodeName", "a").text,
            "\xEF\xBB\xBFkind: Pod\r\napiVersion: v1\r\nmetadata: {name: p}\r\nspec:\r\n  nodeName: a\r\n  containers: "
            "[]\r\n");
}

TEST(SetField, LeavesAloneWhatItCannotSet) {
  std::string pod = "kind: Pod\napiVersion: v1\nmetadata: {name: p}\nspec:\n  containers: []\n";
  EXPECT_FALSE(set(pod, "Pod/default/q", "spec.nodeName", "a").changed) << "another object";
  EXPECT_FALSE(set(pod, "Pod/default/p", "spec.containers[0].name", "a").changed) << "an item that is not there";
  EXPECT_FALSE(set(pod, "Pod/default/p", "spec", "a").changed) << "a mapping";
  EXPECT_FALSE(set(pod, "Pod/default/p", "spec.hostNetwork", "maybe").changed) << "a value that would not load";
  EXPECT_FALSE(set("a: [", "Pod/default/p", "spec.nodeName", "a").changed) << "no YAML";
  EXPECT_EQ(set(pod, "Pod/default/q", "spec.nodeName", "a").text, pod);
}

}  // namespace
}  // namespace bailey::manifest
