// Cluster, and the roles that let its identity use a subnet.
#include <algorithm>

#include "base/strings.h"
#include "manifest/decoders.h"
#include "manifest/values.h"
#include "model/network.h"

namespace bailey::manifest {
namespace {

// "33%" or a number of nodes.
std::string max_surge(const Field& field) {
  if (!field.present()) return "10%";
  std::string text(field.node().is_scalar() ? field.node().text : "");
  bool percent = text.ends_with('%');
  std::string_view digits = std::string_view(text).substr(0, text.size() - (percent ? 1 : 0));
  std::optional<std::uint64_t> value = base::parse_number(digits, percent ? 100 : 1000);
  if (value && *value > 0 && field.node().type != Node::Type::real) return text;
  field.fail("bad-value", {"manifest.expected-surge", {}}, {"manifest.mend-surge", {}});
  return "";
}

std::optional<std::uint32_t> count_of(const Field& field, std::int64_t least, std::int64_t most) {
  std::optional<std::int64_t> value = field.number(least, most);
  if (!value) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

void check_counts(Mapping& map, const model::NodePool& pool) {
  if (pool.min_count && pool.max_count && *pool.min_count > *pool.max_count)
    map["minCount"].fail("out-of-range", {"manifest.expected-at-most", {"maxCount", std::to_string(*pool.max_count)}},
                         {"manifest.mend-counts", {}});
  else if (pool.min_count && pool.count < *pool.min_count)
    (map.has("count") ? map["count"] : map["minCount"])
        .fail("out-of-range", {"manifest.expected-at-least", {"minCount", std::to_string(*pool.min_count)}},
              {"manifest.found-number", {std::to_string(pool.count)}}, {"manifest.mend-counts", {}});
  else if (pool.max_count && pool.count > *pool.max_count)
    (map.has("count") ? map["count"] : map["maxCount"])
        .fail("out-of-range", {"manifest.expected-at-most", {"maxCount", std::to_string(*pool.max_count)}},
              {"manifest.found-number", {std::to_string(pool.count)}}, {"manifest.mend-counts", {}});
}

model::NodePool node_pool(const Field& item, Unique& names) {
  Mapping map(item);
  model::NodePool out;
  Field name = map.required("name");
  out.name = dns_label(name).value_or("");
  if (!out.name.empty()) names.add(name, out.name);
  out.os = map["os"].one_of({"linux", "windows"}) == "windows" ? model::Os::windows : model::Os::linux;
  out.min_count = count_of(map["minCount"], 0, 1000);
  out.max_count = count_of(map["maxCount"], 1, 1000);
  // Without a count an autoscaled pool starts at its minimum.
  out.count = count_of(map["count"], 0, 1000).value_or(out.min_count.value_or(1));
  if (map) check_counts(map, out);
  out.max_pods = count_of(map["maxPods"], 10, 250);
  out.max_surge = max_surge(map["maxSurge"]);
  out.subnet = subnet_ref(map["subnet"]);
  out.labels = labels(map["labels"]);
  out.taints = taints(map["taints"]);
  return out;
}

void api_server(const Field& field, model::ApiServer& out) {
  Mapping map(field);
  out.private_address = host_address(map["privateAddress"]);
  Field american = map["authorizedRanges"];
  Field british = map["authorisedRanges"];
  if (american.present() && british.present())
    british.fail("not-allowed", {"manifest.expected-one-spelling", {}}, {"manifest.found-both", {}},
                 {"manifest.mend-one-spelling", {}});
  out.authorised_ranges = prefixes(american.present() ? american : british);
}

bool is_action(std::string_view text) {
  if (text == "*") return true;
  if (text.empty() || text.find('/') == std::string_view::npos) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '/' ||
           c == '*' || c == '-' || c == '_';
  });
}

std::vector<std::string> actions(const Field& field) {
  std::vector<std::string> out;
  field.each([&](const Field& item) {
    std::optional<std::string> text = item.text();
    if (!text) return;
    if (is_action(*text))
      out.push_back(*text);
    else
      item.fail("bad-action", {"manifest.expected-action", {}}, {"manifest.mend-action", {}});
  });
  return out;
}

// "*", "ResourceGroup/RG", "VirtualNetwork/V", "VirtualNetwork/V/subnets/S", or an Azure resource id.
bool is_scope(std::string_view text) {
  if (text == "*" || text.substr(0, 15) == "/subscriptions/") return true;
  std::vector<std::string_view> parts = base::split(text, '/');
  if (std::any_of(parts.begin(), parts.end(), [](std::string_view part) { return part.empty(); })) return false;
  if (parts.size() == 2) return parts[0] == "ResourceGroup" || parts[0] == "VirtualNetwork";
  return parts.size() == 4 && parts[0] == "VirtualNetwork" && parts[2] == "subnets";
}

}  // namespace

model::AnyObject read_cluster(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::Cluster>();
  out->meta = std::move(meta);
  root.ignore({"status"});
  Field spec_field = root["spec"];
  Mapping spec(spec_field);
  bool kubenet = spec["networkModel"].one_of({"vnet", "kubenet"}) == "kubenet";
  out->network_model = kubenet ? model::NetworkModel::kubenet : model::NetworkModel::vnet;
  out->resource_group = spec["resourceGroup"].text_or();
  {
    Mapping identity(spec["identity"]);
    bool principal = identity["type"].one_of({"managed", "servicePrincipal"}) == "servicePrincipal";
    out->identity.type =
        principal ? model::ClusterIdentity::Type::service_principal : model::ClusterIdentity::Type::managed;
    out->identity.name = identity["name"].text_or(out->meta.name);
  }
  if (out->identity.name.empty()) out->identity.name = out->meta.name;
  out->subnet = subnet_ref(spec["subnet"]);
  Unique names;
  spec["nodePools"].each([&](const Field& item) { out->node_pools.push_back(node_pool(item, names)); });
  out->pod_cidrs = dual_prefixes(spec["podCIDR"], spec["podCIDRs"]);
  out->non_masquerade_cidrs = prefixes(spec["nonMasqueradeCIDRs"]);
  out->service_cidrs = dual_prefixes(spec["serviceCIDR"], spec["serviceCIDRs"]);
  out->dns_service_address = host_address(spec["dnsServiceIP"]);
  out->docker_bridge_cidr = prefix(spec["dockerBridgeCIDR"], HostBits::allow);
  out->network_policy = spec["networkPolicy"].one_of({"none", "bailey", "azure", "calico"}).value_or("");
  api_server(spec["apiServer"], out->api_server);
  return std::shared_ptr<const model::Cluster>(out);
}

model::AnyObject read_role_assignment(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::RoleAssignment>();
  out->meta = std::move(meta);
  root.ignore({"status"});
  Field spec_field = root.required("spec");
  Mapping spec(spec_field);
  out->principal = spec.required("principal").text_or();
  Field role = spec["role"];
  out->role = role.text_or();
  Field action_list = spec["actions"];
  out->actions = actions(action_list);
  if (role.present() && action_list.present())
    action_list.fail("not-allowed", {"manifest.expected-role-or-actions", {}}, {"manifest.found-both", {}},
                     {"manifest.mend-remove", {"actions"}});
  if (spec && !role.present() && !action_list.present())
    role.fail("missing-field", {"manifest.expected-role-or-actions", {}}, {"manifest.mend-add-field", {"role"}});
  Field scope = spec.required("scope");
  out->scope = scope.text_or();
  if (!out->scope.empty() && !is_scope(out->scope))
    scope.fail("bad-scope", {"manifest.expected-scope", {}}, {"manifest.mend-scope", {}});
  return std::shared_ptr<const model::RoleAssignment>(out);
}

model::AnyObject read_role_definition(Mapping& root, model::Meta meta, const std::string&) {
  auto out = std::make_shared<model::RoleDefinition>();
  out->meta = std::move(meta);
  root.ignore({"status"});
  Field spec_field = root.required("spec");
  Mapping spec(spec_field);
  Field list = spec.required("actions");
  out->actions = actions(list);
  if (list.is_list() && list.size() == 0)
    list.fail("missing-field", {"manifest.expected-action", {}}, {"manifest.mend-action", {}});
  spec.ignore({"description"});
  return std::shared_ptr<const model::RoleDefinition>(out);
}

}  // namespace bailey::manifest
