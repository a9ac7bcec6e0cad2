#include "manifest/manifest.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "model/texts.h"
#include "model/validate.h"

namespace bailey::manifest {
namespace {

using model::InputError;
using model::Kind;

std::string describe(const std::vector<InputError>& errors) {
  base::Catalogue catalogue({texts(), model::texts()});
  std::string out;
  for (const InputError& e : errors)
    out += e.file + ":" + std::to_string(e.position.line) + ":" + std::to_string(e.position.column) + " " + e.code +
           " expected " + catalogue.render(e.expected, base::Lang::en) + ", found " +
           catalogue.render(e.found, base::Lang::en) + "\n";
  return out;
}

Loaded load_text(const std::string& text) { return load({{"a.yaml", text}}, {}); }

template <typename T>
const T& only(const Loaded& loaded) {
  EXPECT_EQ(loaded.objects.size(), 1u) << describe(loaded.errors);
  return *loaded.objects.at(0).as<T>();
}

std::string file_text(const std::string& path) {
  std::ifstream file(std::string(BAILEY_SOURCE_DIR "/") + path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

const std::string printed_ingress = R"(kind: Ingress
metadata:
 name: myapp-ingress
   annotations: kubernetes.io/ingress.class: "PublicIngress"
spec:
 tls:
 - hosts:
   - myapp.com
   secretName: myapp-secret
 rules:
   - host: myapp.com
     http:
      paths:
      - path: /blog
        backend:
         serviceName: blogservice
         servicePort: 80
      - path: /store
        backend:
         serviceName: storeservice
         servicePort: 80
)";

TEST(Texts, BothLanguagesAreCompleteAndUseTheSamePlaceholders) {
  std::set<std::string_view> ids;
  for (auto table : {texts(), model::texts()})
    for (const base::Text& text : table) {
      EXPECT_TRUE(ids.insert(text.id).second) << text.id;
      EXPECT_FALSE(text.en.empty());
      EXPECT_FALSE(text.ko.empty());
      for (char digit = '0'; digit <= '9'; ++digit) {
        std::string placeholder = std::string("{") + digit + "}";
        EXPECT_EQ(text.en.find(placeholder) != std::string::npos, text.ko.find(placeholder) != std::string::npos)
            << text.id;
      }
    }
}

TEST(PrintedIngress, LoadNamesLineAndColumn) {
  Loaded loaded = load_text(printed_ingress);
  ASSERT_EQ(loaded.errors.size(), 1u) << describe(loaded.errors);
  EXPECT_EQ(loaded.errors[0].code, "bad-indentation");
  EXPECT_EQ(loaded.errors[0].position, (model::Position{4, 4}));
  EXPECT_EQ(loaded.errors[0].mend.args[1], "metadata");
  EXPECT_FALSE(loaded.ok());
}

TEST(PrintedIngress, IsReadAsMended) {
  std::vector<Mended> mended;
  Loaded loaded = load_mending({{"a.yaml", printed_ingress}}, {}, &mended);
  EXPECT_TRUE(loaded.ok()) << describe(loaded.errors);
  const auto& ingress = only<model::Ingress>(loaded);
  EXPECT_EQ(ingress.class_name, "PublicIngress");
  EXPECT_TRUE(ingress.class_by_annotation);
  EXPECT_EQ(ingress.api_version, "");
  ASSERT_EQ(ingress.rules.at(0).paths.size(), 2u);
  EXPECT_EQ(ingress.rules[0].paths[1].backend.service, "storeservice");
  EXPECT_EQ(ingress.rules[0].paths[1].backend.port.number, 80);
  EXPECT_EQ(ingress.meta.source->at("spec.rules[0].host").line, 11u);  // the user's own line
  ASSERT_EQ(loaded.errors.size(), 2u);
  EXPECT_EQ(loaded.errors[1].position, (model::Position{4, 4}));
  ASSERT_EQ(mended.size(), 1u);
  EXPECT_NE(mended[0].text.find(" annotations:\n   kubernetes.io/ingress.class: \"PublicIngress\"\n"),
            std::string::npos)
      << mended[0].text;
}

TEST(PrintedIngress, MendWritesThePresentForm) {
  Mended mended = mend({"a.yaml", printed_ingress});
  EXPECT_TRUE(mended.changed);
  Loaded loaded = load_text(mended.text);
  EXPECT_TRUE(loaded.errors.empty()) << describe(loaded.errors) << mended.text;
  const auto& ingress = only<model::Ingress>(loaded);
  EXPECT_EQ(ingress.api_version, "networking.k8s.io/v1");
  EXPECT_EQ(ingress.rules[0].paths[0].type, model::PathType::prefix);
  EXPECT_EQ(ingress.class_name, "PublicIngress");  // no valid ingressClassName, so it stays an annotation
  EXPECT_GE(mended.mended.size(), 4u);
  Mended again = mend({"a.yaml", mended.text});
  EXPECT_FALSE(again.changed) << again.text;
}

TEST(Mend, KeepsUntouchedLinesAndMovesTheClass) {
  const std::string text =
      "# top\napiVersion: extensions/v1beta1  # old\nkind: Ingress\nmetadata:\n  name: a\n  annotations:\n    "
      "kubernetes.io/ingress.class: nginx\nspec:\n"
      "  # rules follow\n  rules:\n  - http:\n      paths:\n      - backend: {serviceName: a, servicePort: http}  # "
      "b\n";
  Mended mended = mend({"a.yaml", text});
  EXPECT_EQ(mended.text,
            "# top\napiVersion: networking.k8s.io/v1  # old\nkind: Ingress\nmetadata:\n  name: a\nspec:\n"
            "  # rules follow\n  ingressClassName: nginx\n  rules:\n  - http:\n      paths:\n      - path: /\n        "
            "pathType: Prefix\n"
            "        backend: {service: {name: a, port: {name: http}}}  # b\n");
  EXPECT_TRUE(load_text(mended.text).errors.empty());
}

TEST(Mend, QuotesAndSpellingsAndOtherDocumentsStay) {
  const std::string text =
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  port: 80 # c\n---\napiVersion: "
      "apps/v1beta1\nkind: Deployment\n"
      "metadata:\n  name: d\nspec:\n  selector: {matchLabels: {a: b}}\n  template: {metadata: {labels: {a: "
      "b}}}\n---\nfree: text\n";
  Mended mended = mend({"a.yaml", text});
  EXPECT_NE(mended.text.find("  port: \"80\" # c\n---\napiVersion: apps/v1\n"), std::string::npos) << mended.text;
  EXPECT_NE(mended.text.find("---\nfree: text\n"), std::string::npos);
  Mended same = mend({"b.yaml", "kind: Nothing\r\na: 1\r\n"});
  EXPECT_FALSE(same.changed);
}

TEST(Load, EmptyDocumentsMarksAndLineEndsAreFine) {
  Loaded loaded = load_text(
      "\xEF\xBB\xBF# only a comment\r\n---\r\n---\r\napiVersion: v1\r\nkind: Namespace\r\nmetadata:\r\n  name: "
      "a\r\n...\r\n---\r\n");
  EXPECT_TRUE(loaded.errors.empty()) << describe(loaded.errors);
  EXPECT_EQ(only<model::Namespace>(loaded).meta.labels.at("kubernetes.io/metadata.name"), "a");
  EXPECT_TRUE(load_text("").errors.empty());
}

TEST(Load, OneBadDocumentLeavesTheOthersAndUnknownKindsAreCounted) {
  Loaded loaded = load_text(
      "kind: [\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\napiVersion: apps/v1\nkind: "
      "ReplicaSet\n---\n"
      "apiVersion: networking.istio.io/v1\nkind: Gateway\nspec: {anything: 1}\n");
  EXPECT_EQ(loaded.objects.size(), 1u);
  ASSERT_EQ(loaded.errors.size(), 1u) << describe(loaded.errors);
  EXPECT_EQ(loaded.unknown_kinds.at("apps/v1 ReplicaSet"), 1u);
  EXPECT_EQ(loaded.unknown_kinds.at("networking.istio.io/v1 Gateway"), 1u);
}

TEST(Load, ListsAndJsonKeepPositions) {
  Loaded loaded = load_text(R"({"apiVersion":"v1","kind":"PodList","items":[
    {"metadata":{"name":"a","uid":"1","managedFields":[{"f:x":{}}]},"spec":{"containers":[{"ports":[{"containerPort":80}]}]},
     "status":{"phase":"Running","podIP":"10.0.0.4","podIPs":[{"ip":"10.0.0.4"}],"conditions":[{"type":"Ready","status":"False"}]}}]})");
  EXPECT_TRUE(loaded.errors.empty()) << describe(loaded.errors);
  const auto& pod = only<model::Pod>(loaded);
  EXPECT_EQ(pod.meta.source->at("metadata.name").line, 2u);
  EXPECT_FALSE(pod.ready);
  EXPECT_EQ(pod.addresses.size(), 1u);
  EXPECT_EQ(pod.spec.ports.at(0).port, 80);
}

// Every field that the API server adds, as `kubectl get svc,ingress,netpol,... -o json` prints them.
TEST(Load, WhatKubectlPrintsIsReadAsItIs) {
  Loaded loaded = load_text(file_text("tests/manifest/kubectl/list.json"));
  EXPECT_TRUE(loaded.errors.empty()) << describe(loaded.errors);
  EXPECT_EQ(loaded.objects.size(), 9u);
  EXPECT_EQ(loaded.unknown_kinds.at("apps/v1 ReplicaSet"), 1u);
}

TEST(Load, AliasesAndMergeKeysAreRead) {
  Loaded loaded = load_text(
      "apiVersion: v1\nkind: Pod\nx: &l {app: a, tier: web}\nmetadata:\n  name: a\n  labels:\n    <<: *l\n    app: "
      "b\n");
  const auto& pod = only<model::Pod>(loaded);
  EXPECT_EQ(pod.meta.labels, (model::Labels{{"app", "b"}, {"tier", "web"}}));
}

TEST(Load, DuplicatesNameTheOtherPlace) {
  const std::string pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n";
  Loaded loaded = load({{"a.yaml", pod}, {"b.yaml", pod}}, {});
  ASSERT_EQ(loaded.errors.size(), 1u);
  EXPECT_EQ(loaded.errors[0].file, "b.yaml");
  EXPECT_EQ(loaded.errors[0].found.args, (std::vector<std::string>{"Pod/default/a", "a.yaml:4:9"}));
  EXPECT_EQ(loaded.objects.size(), 1u);
}

TEST(Load, UnknownFieldsCanBeAllowed) {
  Options options;
  options.allow_unknown = true;
  Loaded loaded = load(
      {{"a.yaml", "apiVersion: bailey.dev/v1alpha1\nkind: LabHost\nmetadata: {name: a}\nspec: {netwrok: Internet}\n"}},
      options);
  EXPECT_TRUE(loaded.ok());
  ASSERT_EQ(loaded.errors.size(), 1u);
  EXPECT_EQ(loaded.errors[0].mend.args.at(0), "network");
}

TEST(Service, KubernetesDefaultsAreApplied) {
  Loaded loaded = load_text(
      "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  creationTimestamp: null\nspec:\n  clusterIP: None\n  "
      "clusterIPs: [None]\n  selector: {a: b}\n"
      "  ports:\n  - port: 80\nstatus:\n  loadBalancer: {}\n");
  EXPECT_TRUE(loaded.errors.empty()) << describe(loaded.errors);
  const auto& service = only<model::Service>(loaded);
  EXPECT_TRUE(service.headless);
  EXPECT_EQ(service.ports[0].target.number, 80);
  EXPECT_EQ(service.ports[0].protocol, model::Protocol::tcp);
}

TEST(NetworkPolicy, TypesDefaultAsInKubernetes) {
  auto policy = [](const std::string& spec) {
    Loaded loaded = load_text(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a}\nspec:\n  podSelector: {}\n" +
        spec);
    const auto& object = only<model::NetworkPolicy>(loaded);
    return std::pair{object.ingress, object.egress};
  };
  EXPECT_EQ(policy(""), (std::pair{true, false}));
  EXPECT_EQ(policy("  egress: [{}]\n"), (std::pair{true, true}));
  EXPECT_EQ(policy("  policyTypes: [Egress]\n"), (std::pair{false, true}));
  EXPECT_EQ(policy("  egress: []\n"), (std::pair{true, false}));
}

TEST(Ingress, OldSpellingsAreReadWithAWarning) {
  Loaded loaded = load_text(
      "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: a}\nspec:\n  backend: {serviceName: a, "
      "servicePort: \"80\"}\n");
  EXPECT_TRUE(loaded.ok()) << describe(loaded.errors);
  ASSERT_EQ(loaded.errors.size(), 1u);
  EXPECT_EQ(loaded.errors[0].code, "old-api-version");
  EXPECT_EQ(only<model::Ingress>(loaded).default_backend->port.number, 80);
}

TEST(Docs, EveryExampleOfObjectsLoadsAndEveryOwnKindHasOne) {
  std::string text = file_text("docs/objects-reference.md");
  std::set<Kind> met;
  std::size_t at = 0;
  while ((at = text.find("```yaml\n", at)) != std::string::npos) {
    std::size_t end = text.find("```", at + 8);
    Loaded loaded = load_text(text.substr(at + 8, end - at - 8));
    EXPECT_TRUE(loaded.errors.empty()) << describe(loaded.errors) << text.substr(at, end - at);
    for (const model::AnyObject& object : loaded.objects) met.insert(model::meta(object).kind);
    at = end + 3;
  }
  for (const model::KindInfo& row : model::kinds())
    if (row.api_versions[0] == "bailey.dev/v1alpha1") {
      EXPECT_TRUE(met.contains(row.kind)) << row.name;
    }
}

}  // namespace
}  // namespace bailey::manifest
