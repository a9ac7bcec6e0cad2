// ID: what a cluster's identity may do.
#include <algorithm>
#include <set>

#include "model/resolve/permissions.h"
#include "plan/check/facts.h"
#include "plan/check/rule.h"

namespace bailey::plan::check {
namespace {

using namespace model;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool grants(const Facts& facts, const RoleAssignment& assignment, std::string_view action) {
  auto covers = [&](const std::vector<std::string>& patterns) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const std::string& pattern) { return resolve::covers(pattern, action); });
  };
  if (covers(assignment.actions)) return true;
  std::string role = lower(assignment.role);
  if (role == "owner" || role == "contributor" || role == "network contributor") return true;
  for (const auto& definition : facts.now().all<RoleDefinition>())
    if (lower(definition->meta.name) == role && covers(definition->actions)) return true;
  return false;
}

void id_01(const Facts& facts, Findings& report) {
  std::set<std::pair<const Cluster*, SubnetRef>> seen;
  for (const Use& use : facts.uses()) {
    if (!use.subnet || !seen.insert({use.cluster, use.ref}).second) continue;
    if (resolve::permission_implied(facts.now(), *use.cluster, use.ref)) continue;
    std::vector<std::string> missing = resolve::missing_actions(facts.now(), *use.cluster, use.ref);
    if (missing.empty()) continue;
    std::string list;
    for (const std::string& action : missing) list += (list.empty() ? "" : ", ") + action;
    report.add(use.cluster->meta, use.field, {resolve::principal(*use.cluster), list, use.ref.text()});
  }
}

// A kubenet cluster that keeps routes in a table of the user's.
bool keeps_routes(const Facts& facts, const Cluster& cluster) {
  std::vector<const Use*> uses = facts.uses_of(cluster);
  return cluster.network_model == NetworkModel::kubenet && std::any_of(uses.begin(), uses.end(), [](const Use* use) {
           return use->subnet && !use->subnet->route_table.empty();
         });
}

void id_02(const Facts& facts, Findings& report) {
  std::map<std::string, const Cluster*> identities;
  for (const auto& cluster : facts.now().all<Cluster>())
    if (!keeps_routes(facts, *cluster)) identities.emplace(lower(resolve::principal(*cluster)), cluster.get());
  for (const auto& assignment : facts.now().all<RoleAssignment>()) {
    auto at = identities.find(lower(assignment->principal));
    if (at == identities.end() || lower(assignment->scope).find("/subnets/") != std::string::npos) continue;
    if (!grants(facts, *assignment, resolve::subnet_join_action)) continue;
    std::vector<const Use*> uses = facts.uses_of(*at->second);
    report.add(assignment->meta, "spec.scope",
               {assignment->scope,
                uses.empty() ? "VNET/subnets/SUBNET" : uses[0]->ref.vnet + "/subnets/" + uses[0]->ref.subnet});
  }
}

void id_03(const Facts& facts, Findings& report) {
  for (const auto& cluster : facts.now().all<Cluster>())
    if (cluster->identity.type == ClusterIdentity::Type::service_principal)
      report.add(cluster->meta, "spec.identity.type");
}

void id_04(const Facts& facts, Findings& report) {
  constexpr std::string_view action = "Microsoft.Network/routeTables/write";
  for (const auto& cluster : facts.now().all<Cluster>()) {
    if (!keeps_routes(facts, *cluster)) continue;
    std::set<std::string> told;
    for (const Use* use : facts.uses_of(*cluster)) {
      if (!use->subnet || use->subnet->route_table.empty() || !told.insert(use->subnet->route_table).second) continue;
      if (resolve::permission_implied(facts.now(), *cluster, use->ref)) continue;
      std::string group = lower(use->network->resource_group);
      std::string who = lower(resolve::principal(*cluster));
      bool may = false;
      for (const auto& assignment : facts.now().all<RoleAssignment>()) {
        std::string scope = lower(assignment->scope);
        bool names_table = scope.ends_with("/routetables/" + lower(use->subnet->route_table));
        bool names_group = scope == "resourcegroup/" + group || scope.ends_with("/resourcegroups/" + group);
        bool contains = scope == "*" || names_table || (!group.empty() && names_group) ||
                        (scope.starts_with("/subscriptions/") && scope.find('/', 15) == std::string::npos);
        may = may || (contains && lower(assignment->principal) == who && grants(facts, *assignment, action));
      }
      if (!may)
        report.add(cluster->meta, use->field, {resolve::principal(*cluster), "RouteTable/" + use->subnet->route_table});
    }
  }
}

}  // namespace

const std::vector<Rule>& identity_rules() {
  static const std::vector<Rule> rules = {
      {.id = "ID-01",
       .source = pages::best_practices,
       .statement = {"The cluster's identity may join the subnet: Network Contributor, or subnets/join/action and "
                     "subnets/read.",
                     "클러스터 ID는 서브넷에 참가할 수 있습니다: 네트워크 참가자 역할, 또는 subnets/join/action과 "
                     "subnets/read."},
       .why = {"Without it nodes and pods get no addresses.", "권한이 없으면 노드와 파드가 주소를 받지 못합니다."},
       .forms =
           {{{"{0} lacks {1} on {2}", "{0}에 {2}의 {1} 권한이 없음"},
             {"Add a RoleAssignment with principal: {0}, role: Network Contributor and this subnet as its scope.",
              "principal: {0}, role: Network Contributor이고 이 서브넷을 scope로 하는 RoleAssignment를 더하십시오."}}},
       .check = id_01},
      {.id = "ID-02",
       .severity = Severity::warning,
       .source = pages::best_practices,
       .statement = {"The role is granted on the subnet, not on the whole network, group or subscription.",
                     "역할은 네트워크, 그룹, 구독 전체가 아니라 서브넷에 부여합니다."},
       .why = {"Who takes over the cluster would have the network too.",
               "클러스터를 장악하면 네트워크까지 갖게 됩니다."},
       .forms = {{{"a role on {0}, where the subnet would do", "서브넷이면 충분한데 {0}에 부여한 역할"},
                  {"Write scope: VirtualNetwork/{1}", "scope: VirtualNetwork/{1}(으)로 쓰십시오."}}},
       .check = id_02},
      {.id = "ID-03",
       .severity = Severity::warning,
       .profiles = Profiles::current,
       .source = pages::best_practices,
       .statement = {"The cluster has a managed identity.", "클러스터는 관리 ID를 사용합니다."},
       .why = {"A service principal has a secret that expires and leaks.",
               "서비스 주체에는 만료되고 유출될 수 있는 비밀이 있습니다."},
       .forms = {{{"a service principal", "서비스 주체"},
                  {"Write identity: {type: managed}, and give it the principal's roles.",
                   "identity: {type: managed}로 쓰고 서비스 주체의 역할을 부여하십시오."}}},
       .check = id_03},
      {.id = "ID-04",
       .source = pages::kubenet,
       .statement = {"A kubenet cluster may write the route table that its subnet has.",
                     "kubenet 클러스터는 서브넷의 경로 테이블을 쓸 수 있습니다."},
       .why = {"It keeps the routes to its pods there.", "파드로 가는 경로를 그 테이블에서 관리하기 때문입니다."},
       .forms = {{{"{0} may not write {1}", "{0}에 {1}을(를) 쓸 권한이 없음"},
                  {"Add a RoleAssignment with principal: {0}, role: Network Contributor and the table's resource group "
                   "as its scope.",
                   "principal: {0}, role: Network Contributor이고 테이블의 리소스 그룹을 scope로 하는 RoleAssignment를 "
                   "더하십시오."}}},
       .check = id_04},
  };
  return rules;
}

}  // namespace bailey::plan::check
