#include "manifest/objects_json.h"

#include <gtest/gtest.h>

#include "manifest/manifest.h"

namespace bailey::manifest {
namespace {

constexpr const char* written = R"(
apiVersion: v1
kind: Pod
metadata: {name: web-0, namespace: shop, labels: {app: web}, annotations: {bailey.dev/addresses: 10.0.0.9},
           deletionTimestamp: "2026-01-01T00:00:00Z"}
spec:
  nodeName: a
  containers:
  - {name: x, ports: [{name: http, containerPort: 80, hostPort: 8080}, {containerPort: 53, protocol: UDP}]}
status: {phase: Running, conditions: [{type: Ready, status: "False"}], podIPs: [{ip: 10.0.0.9}, {ip: "fd00::9"}]}
)";

TEST(ObjectsJson, PodIsWrittenAsKubernetesWritesIt) {
  Loaded loaded = load({{"a.yaml", written}}, {});
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(json_of(loaded.objects.at(0)).dump(),
            R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"web-0","namespace":"shop","labels":{"app":"web"},)"
            R"("annotations":{"bailey.dev/addresses":"10.0.0.9"},"deletionTimestamp":"1970-01-01T00:00:00Z"},)"
            R"("spec":{"nodeName":"a","containers":[{"name":"c","ports":[)"
            R"({"name":"http","containerPort":80,"hostPort":8080,"protocol":"TCP"},)"
            R"({"containerPort":53,"protocol":"UDP"}]}]},)"
            R"("status":{"phase":"Running","conditions":[{"type":"Ready","status":"False"}],)"
            R"("podIPs":[{"ip":"10.0.0.9"},{"ip":"fd00::9"}]}})");
}

TEST(ObjectsJson, PolicyWithoutTypesSaysWhichItHas) {
  Loaded loaded = load({{"a.yaml",
                         "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: s}\n"
                         "spec: {podSelector: {}, ingress: [{}]}\n"}},
                       {});
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(json_of(loaded.objects.at(0))["spec"].dump(),
            R"({"podSelector":{},"policyTypes":["Ingress"],"ingress":[{}]})");
}

TEST(ObjectsJson, OtherKindsAreNull) {
  Loaded loaded = load({{"a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"}}, {});
  ASSERT_EQ(loaded.objects.size(), 1u);
  EXPECT_TRUE(json_of(loaded.objects[0]).is_null());
  EXPECT_TRUE(json_of({}).is_null());
}

}  // namespace
}  // namespace bailey::manifest
