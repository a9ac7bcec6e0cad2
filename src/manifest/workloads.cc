// Namespaces, nodes, pods and what makes pods. Tolerant: only what touches the network is read.
#include <algorithm>

#include "base/strings.h"
#include "manifest/decoders.h"
#include "manifest/values.h"
#include "model/kubernetes.h"

namespace bailey::manifest {
namespace {

using model::Kind;

std::vector<model::Toleration> tolerations(const Field& field) {
  std::vector<model::Toleration> out;
  field.each([&](const Field& item) {
    Mapping map(item);
    model::Toleration toleration;
    toleration.key = map["key"].text_or();
    toleration.op = map["operator"].one_of({"Equal", "Exists", ""}).value_or("Equal");
    if (toleration.op.empty()) toleration.op = "Equal";
    toleration.value = map["value"].text_or();
    toleration.effect = map["effect"].one_of({"", "NoSchedule", "PreferNoSchedule", "NoExecute"}).value_or("");
    out.push_back(std::move(toleration));
  });
  return out;
}

void container_ports(const Field& containers, std::vector<model::ContainerPort>& out) {
  containers.each([&](const Field& container) {
    Mapping map(container);
    map["ports"].each([&](const Field& item) {
      Mapping port(item);
      model::ContainerPort row;
      row.port = port_number(port.required("containerPort")).value_or(0);
      row.host_port = static_cast<std::uint16_t>(port["hostPort"].number(0, 65535).value_or(0));
      row.protocol = kubernetes_protocol(port["protocol"]);
      Field name = port["name"];
      if (name.present()) {
        std::optional<model::PortRef> ref = name.node().type == Node::Type::text ? port_ref(name) : std::nullopt;
        if (ref)
          row.name = ref->name;
        else if (name.node().type != Node::Type::text)
          name.text();
      }
      if (row.port != 0) out.push_back(std::move(row));
    });
  });
}

model::PodSpec pod_spec(const Field& field) {
  model::PodSpec spec;
  if (!field.present()) return spec;
  Mapping map(field);
  spec.node_name = reference(map["nodeName"]);
  spec.host_network = map["hostNetwork"].boolean().value_or(false);
  spec.node_selector = labels(map["nodeSelector"]);
  spec.tolerations = tolerations(map["tolerations"]);
  container_ports(map["containers"], spec.ports);
  Field account = map["serviceAccountName"];
  spec.service_account = (account.present() ? account : map["serviceAccount"]).text_or();
  return spec;
}

std::optional<model::ObjectRef> owner_of(Mapping& root, const model::Meta& meta) {
  Mapping map(root["metadata"]);
  std::optional<model::ObjectRef> owner;
  map["ownerReferences"].each([&](const Field& item) {
    Mapping reference(item);
    std::string kind = reference["kind"].text_or();
    std::optional<Kind> known = model::kind_of(kind);
    if (known && model::name(*known) == kind) owner = model::ObjectRef{*known, meta.ns, reference["name"].text_or()};
  });
  return owner;
}

// status.conditions[type=Ready].status, where there is one.
std::optional<bool> ready_condition(const Field& conditions) {
  std::optional<bool> ready;
  conditions.each([&](const Field& item) {
    Mapping map(item);
    if (map["type"].text_or() != "Ready") return;
    ready = map["status"].one_of({"True", "False", "Unknown"}) == "True";
  });
  return ready;
}

void pod_status(const Field& field, model::Pod& pod) {
  Mapping map(field);
  pod.phase = map["phase"].one_of({"", "Pending", "Running", "Succeeded", "Failed", "Unknown"}).value_or("");
  bool started = pod.phase.empty() || pod.phase == "Running";
  pod.ready = ready_condition(map["conditions"]).value_or(started);
  map["podIPs"].each([&](const Field& item) {
    Mapping entry(item);
    if (std::optional<model::Address> ip = host_address(entry.required("ip"))) pod.addresses.push_back(*ip);
  });
  if (!pod.addresses.empty()) return;
  Field single = map["podIP"];
  if (single.present() && !(single.node().is_scalar() && single.node().text.empty()))
    if (std::optional<model::Address> ip = host_address(single)) pod.addresses.push_back(*ip);
}

// bailey.dev/addresses: "10.0.0.9,fd00::9"
void pinned_addresses(Mapping& root, model::Pod& pod) {
  auto at = pod.meta.annotations.find("bailey.dev/addresses");
  if (at == pod.meta.annotations.end()) return;
  Mapping metadata(root["metadata"]);
  Mapping map(metadata["annotations"]);
  Field field = map["bailey.dev/addresses"];
  for (std::string_view part : base::split(at->second, ',')) {
    part = base::trim(part);
    std::optional<model::Address> value = model::Address::parse(part);
    bool taken = value && std::any_of(pod.pinned_addresses.begin(), pod.pinned_addresses.end(),
                                      [&](const model::Address& other) { return other.family() == value->family(); });
    if (!value || taken || value->is_unspecified()) {
      field.fail("bad-address", {"manifest.expected-pinned-addresses", {}}, {"manifest.mend-pinned-addresses", {}});
      return;
    }
    pod.pinned_addresses.push_back(*value);
  }
}

void node_addresses(const Field& field, model::Node& node) {
  auto add = [](std::vector<model::Address>& list, const model::Address& value) {
    bool taken = std::any_of(list.begin(), list.end(),
                             [&](const model::Address& other) { return other.family() == value.family(); });
    if (!taken) list.push_back(value);
  };
  field.each([&](const Field& item) {
    Mapping map(item);
    std::string type = map.required("type").text_or();
    Field value = map.required("address");
    if (type != "InternalIP" && type != "ExternalIP") return;
    std::optional<model::Address> parsed = host_address(value);
    if (parsed) add(type == "InternalIP" ? node.addresses : node.external_addresses, *parsed);
  });
}

void node_labels(Mapping& root, model::Node& node) {
  const model::Labels& all = node.meta.labels;
  auto get = [&](const char* key) {
    auto at = all.find(key);
    return at == all.end() ? std::string() : at->second;
  };
  node.cluster = get("bailey.dev/cluster");
  node.pool = get("agentpool").empty() ? get("kubernetes.azure.com/agentpool") : get("agentpool");
  std::string os = get("kubernetes.io/os").empty() ? get("beta.kubernetes.io/os") : get("kubernetes.io/os");
  if (os.empty() || os == "linux") return;
  if (os == "windows") {
    node.os = model::Os::windows;
    return;
  }
  Mapping metadata(root["metadata"]);
  Mapping map(metadata["labels"]);
  map["kubernetes.io/os"].fail("bad-value", {"manifest.expected-one-of", {"linux, windows"}},
                               {"manifest.mend-one-of", {}});
}

std::uint32_t max_pods_of(Mapping& status) {
  for (const char* key : {"allocatable", "capacity"}) {
    Mapping map(status[key]);
    Field pods = map["pods"];
    if (!pods.present()) continue;
    // A quantity: written as a number or as a text.
    std::optional<std::uint64_t> value = base::parse_number(pods.node().text, 100000);
    if (value) return static_cast<std::uint32_t>(*value);
  }
  return 110;
}

void template_of(const Field& field, model::Workload& out) {
  Mapping map(field);
  {
    Mapping metadata(map["metadata"]);
    out.template_labels = labels(metadata["labels"]);
    out.template_annotations = annotations(metadata["annotations"]);
  }
  out.pod = pod_spec(map["spec"]);
}

std::uint32_t job_pods(Mapping& spec) {
  std::int64_t parallelism = spec["parallelism"].number(0, 100000).value_or(1);
  std::int64_t completions = spec["completions"].number(0, 1000000000).value_or(parallelism);
  if (spec["suspend"].boolean().value_or(false)) return 0;
  return static_cast<std::uint32_t>(std::min(parallelism, completions));
}

}  // namespace

model::AnyObject read_namespace(Mapping& root, model::Meta meta, const std::string&) {
  root.ignore({"spec", "status"});
  auto out = std::make_shared<model::Namespace>();
  meta.labels.emplace("kubernetes.io/metadata.name", meta.name);  // the API server sets it on every namespace
  out->meta = std::move(meta);
  return std::shared_ptr<const model::Namespace>(out);
}

model::AnyObject read_node(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::Node>();
  out->meta = std::move(meta);
  node_labels(root, *out);
  Mapping spec(root["spec"]);
  Field several = spec["podCIDRs"];
  if (several.present())
    out->pod_cidrs = prefixes(several);
  else if (std::optional<model::Prefix> one = prefix(spec["podCIDR"]))
    out->pod_cidrs = {*one};
  out->taints = taints(spec["taints"]);
  out->unschedulable = spec["unschedulable"].boolean().value_or(false);
  Mapping status(root["status"]);
  node_addresses(status["addresses"], *out);
  out->max_pods = max_pods_of(status);
  out->ready = ready_condition(status["conditions"]).value_or(true);
  return std::shared_ptr<const model::Node>(out);
}

model::AnyObject read_pod(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::Pod>();
  out->meta = std::move(meta);
  out->spec = pod_spec(root["spec"]);
  pod_status(root["status"], *out);
  pinned_addresses(root, *out);
  out->owner = owner_of(root, out->meta);
  return std::shared_ptr<const model::Pod>(out);
}

model::AnyObject read_workload(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::Workload>();
  out->meta = std::move(meta);
  Kind kind = out->meta.kind;
  Field spec_field = root.required("spec");
  Mapping spec(spec_field);
  if (!spec) return std::shared_ptr<const model::Workload>(out);
  Field selector_field = kind == Kind::Job ? spec["selector"] : spec.required("selector");
  std::optional<model::LabelSelector> chosen = selector(selector_field);
  template_of(spec.required("template"), *out);
  if (chosen) out->selector = *chosen;
  bool empty = chosen && chosen->empty() && kind != Kind::Job && !spec_field.context().failed;
  if (empty)
    selector_field.fail("bad-selector", {"manifest.expected-selector-not-empty", {}}, {"manifest.found-mapping", {}},
                        {"manifest.mend-selector-not-empty", {}});
  if (chosen && !empty && kind != Kind::Job && !spec_field.context().failed && !chosen->matches(out->template_labels))
    selector_field.fail("bad-selector", {"manifest.expected-selector-matches", {}},
                        {"manifest.found-selector-differs", {}}, {"manifest.mend-selector-matches", {}});
  if (kind == Kind::Job)
    out->replicas = job_pods(spec);
  else if (kind != Kind::DaemonSet)
    out->replicas = static_cast<std::uint32_t>(spec["replicas"].number(0, 100000).value_or(1));
  if (kind == Kind::StatefulSet) out->service_name = spec["serviceName"].text_or();
  return std::shared_ptr<const model::Workload>(out);
}

}  // namespace bailey::manifest
