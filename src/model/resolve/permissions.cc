// A role assignment grants action patterns to a principal on a scope; scopes nest: everything, resource group,
// VNet, subnet. Being allowed on a scope means being allowed on all that it contains (Azure RBAC: scope
// hierarchy). A scope is read into the three names it states; each name that it states must be the subnet's.
#include "model/resolve/permissions.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/strings.h"

namespace bailey::model::resolve {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

struct BuiltInRole {
  std::string_view name;
  std::vector<std::string_view> actions;
};

// As far as they touch the network (Azure built-in roles). Network Contributor's other actions are outside of it.
const std::array<BuiltInRole, 4>& built_in_roles() {
  static const std::array<BuiltInRole, 4> roles = {{
      {"Owner", {"*"}},
      {"Contributor", {"*"}},
      {"Reader", {"*/read"}},
      {"Network Contributor",
       {"Microsoft.Network/*", "Microsoft.Resources/deployments/*", "Microsoft.Authorization/*/read",
        "Microsoft.Resources/subscriptions/resourceGroups/read"}},
  }};
  return roles;
}

struct Scope {
  std::string_view resource_group;  // empty: every one
  std::string_view vnet;
  std::string_view subnet;
};

// "KEY/VALUE/KEY/VALUE..." after the optional leading slash; empty where the shape is another.
std::optional<Scope> parse_resource_id(const std::vector<std::string_view>& parts) {
  Scope scope;
  std::size_t i = 0;
  auto take = [&](std::string_view key, std::string_view& value) {
    if (i + 1 >= parts.size() || !same(parts[i], key) || parts[i + 1].empty()) return false;
    value = parts[i + 1];
    i += 2;
    return true;
  };
  std::string_view subscription;
  std::string_view provider;
  if (!take("subscriptions", subscription)) return std::nullopt;
  if (i == parts.size()) return scope;
  if (!take("resourceGroups", scope.resource_group)) return std::nullopt;
  if (i == parts.size()) return scope;
  if (!take("providers", provider) || !same(provider, "Microsoft.Network")) return std::nullopt;
  if (!take("virtualNetworks", scope.vnet)) return std::nullopt;
  if (i < parts.size() && !take("subnets", scope.subnet)) return std::nullopt;
  if (i != parts.size()) return std::nullopt;
  return scope;
}

std::optional<Scope> parse_scope(std::string_view text) {
  if (text == "*" || text == "/") return Scope{};
  while (!text.empty() && text.back() == '/') text.remove_suffix(1);
  if (!text.empty() && text.front() == '/') return parse_resource_id(base::split(text.substr(1), '/'));
  std::vector<std::string_view> parts = base::split(text, '/');
  if (parts.size() < 2 || parts[1].empty()) return std::nullopt;
  if (same(parts[0], "subscriptions")) return parse_resource_id(parts);
  if (same(parts[0], "ResourceGroup") && parts.size() == 2) return Scope{parts[1], {}, {}};
  if (!same(parts[0], "VirtualNetwork")) return std::nullopt;
  if (parts.size() == 2) return Scope{{}, parts[1], {}};
  if (parts.size() == 4 && same(parts[2], "subnets") && !parts[3].empty()) return Scope{{}, parts[1], parts[3]};
  return std::nullopt;
}

bool grants(const Snapshot& snapshot, const RoleAssignment& assignment, std::string_view action) {
  auto covered = [&](const auto& patterns) {
    return std::any_of(patterns.begin(), patterns.end(), [&](const auto& pattern) { return covers(pattern, action); });
  };
  if (covered(assignment.actions)) return true;
  // The names of built-in roles are reserved, so these are looked up first.
  for (const BuiltInRole& role : built_in_roles())
    if (same(role.name, assignment.role)) return covered(role.actions);
  for (const auto& definition : snapshot.all<RoleDefinition>())
    if (same(definition->meta.name, assignment.role) && covered(definition->actions)) return true;
  return false;
}

}  // namespace

bool covers(std::string_view pattern, std::string_view action) {
  // The usual glob walk: on a mismatch the last '*' takes one more character.
  std::size_t p = 0;
  std::size_t a = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (a < action.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = a;
    } else if (p < pattern.size() && lower(pattern[p]) == lower(action[a])) {
      ++p;
      ++a;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      a = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool scope_contains(const Snapshot& snapshot, std::string_view scope, const SubnetRef& subnet) {
  std::optional<Scope> wanted = parse_scope(scope);
  if (!wanted) return false;
  if (!wanted->vnet.empty() && !same(wanted->vnet, subnet.vnet)) return false;
  if (!wanted->subnet.empty() && !same(wanted->subnet, subnet.subnet)) return false;
  if (wanted->resource_group.empty()) return true;
  const VirtualNetwork* vnet = snapshot.find<VirtualNetwork>(Kind::VirtualNetwork, subnet.vnet);
  if (!vnet) return false;
  // A VNet that states no group may be in the one that a full resource id names.
  if (vnet->resource_group.empty()) return !wanted->vnet.empty();
  return same(vnet->resource_group, wanted->resource_group);
}

std::string principal(const Cluster& cluster) {
  return cluster.identity.name.empty() ? cluster.meta.name : cluster.identity.name;
}

bool permission_implied(const Snapshot& snapshot, const Cluster& cluster, const SubnetRef& subnet) {
  auto written = [](const auto& table) {
    return std::any_of(table.begin(), table.end(), [](const auto& row) { return !row->meta.generated; });
  };
  if (written(snapshot.all<RoleAssignment>()) || written(snapshot.all<RoleDefinition>())) return false;
  const VirtualNetwork* vnet = snapshot.find<VirtualNetwork>(Kind::VirtualNetwork, subnet.vnet);
  return vnet && (vnet->resource_group.empty() || same(vnet->resource_group, cluster.resource_group));
}

std::vector<std::string> missing_actions(const Snapshot& snapshot, const Cluster& cluster, const SubnetRef& subnet) {
  std::string who = principal(cluster);
  std::vector<std::string> missing;
  for (std::string_view action : {subnet_join_action, subnet_read_action}) {
    bool granted = false;
    for (const auto& assignment : snapshot.all<RoleAssignment>())
      granted = granted || (same(assignment->principal, who) && scope_contains(snapshot, assignment->scope, subnet) &&
                            grants(snapshot, *assignment, action));
    if (!granted) missing.emplace_back(action);
  }
  return missing;
}

}  // namespace bailey::model::resolve
