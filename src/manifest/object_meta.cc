#include "base/strings.h"
#include "manifest/decoders.h"
#include "manifest/values.h"

namespace bailey::manifest {
namespace {

using model::Kind;

// Names that become host names or DNS labels.
bool named_by_label(Kind kind) {
  return kind == Kind::Namespace || kind == Kind::Service || kind == Kind::LabHost || kind == Kind::Cluster;
}

std::string generated_name(const Field& prefix) {
  std::string text = prefix.text_or();
  if (text.empty()) return "";
  std::string seed = prefix.context().source->file() + ":" + std::to_string(prefix.position().line);
  std::uint64_t hash = base::fnv1a(seed);
  for (int i = 0; i < 5; ++i, hash /= 32) text += "bcdfghjklmnpqrstvwxz2456789bcdfgh"[hash % 32];
  return text;
}

std::string read_name(Mapping& map, Kind kind) {
  if (!map.has("name") && map.has("generateName") && !model::info(kind).strict)
    return generated_name(map["generateName"]);
  Field field = map.required("name");
  if (kind == Kind::Service && field.present()) {
    std::optional<std::string> name = dns_label(field);
    if (name && name->front() >= '0' && name->front() <= '9') {
      field.fail("bad-name", {"manifest.expected-dns-1035", {}}, {"manifest.mend-other-name", {}});
      return "";
    }
    return name.value_or("");
  }
  return (named_by_label(kind) ? dns_label(field) : dns_subdomain(field)).value_or("");
}

std::string read_namespace_name(Mapping& map, Kind kind) {
  Field field = map["namespace"];
  if (model::info(kind).namespaced) return field.present() ? dns_label(field).value_or("") : "default";
  if (field.present())
    field.warn("not-allowed", {"manifest.expected-no-namespace", {std::string(model::name(kind))}},
               found_of(field.node()), {"manifest.mend-remove", {"metadata.namespace"}});
  return "";
}

}  // namespace

model::Meta read_meta(Mapping& root, Kind kind) {
  Context& context = root.field().context();
  model::Meta meta;
  meta.kind = kind;
  meta.source = context.source;
  Field field = root.required("metadata");
  Mapping map(field);
  // The name first, unchecked, so that every message can say which object it is about.
  auto raw = [&](std::string_view key) {
    const Member* member = field.is_mapping() ? field.node().find(key) : nullptr;
    return member && member->value->is_scalar() ? std::string(member->value->text.substr(0, 253)) : std::string();
  };
  std::string ns = model::info(kind).namespaced ? (raw("namespace").empty() ? "default" : raw("namespace")) : "";
  context.object = model::ObjectRef{kind, ns, raw("name")}.text();
  if (!map) return meta;
  meta.name = read_name(map, kind);
  meta.ns = read_namespace_name(map, kind);
  if (raw("name").empty() && !meta.name.empty()) context.object = meta.ref().text();
  meta.labels = labels(map["labels"]);
  meta.annotations = annotations(map["annotations"]);
  meta.deleting = map.has("deletionTimestamp");
  map.ignore({"generateName", "selfLink", "uid", "resourceVersion", "generation", "creationTimestamp",
              "deletionTimestamp", "deletionGracePeriodSeconds", "ownerReferences", "finalizers", "managedFields",
              "clusterName", "initializers"});
  return meta;
}

}  // namespace bailey::manifest
