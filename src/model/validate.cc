// Mistakes between objects, in three groups: references, addresses, ranges. Only what cannot be realised as written is
// an error here; what is merely unwise (a service range that hides a peer, a docker bridge inside a network) is left to
// the rules of `check`, and what Azure accepts (a next hop that nobody has) is accepted.
#include "model/validate.h"

#include <algorithm>

#include "base/strings.h"
#include "model/validate_report.h"

namespace bailey::model {

void Report::error(const Meta& meta, std::string path, std::string code, base::Message expected, base::Message found,
                   base::Message mend) {
  InputError error;
  error.code = std::move(code);
  error.file = meta.source->file();
  error.position = meta.source->at(path);
  error.object = meta.ref().text();
  error.field = std::move(path);
  error.expected = std::move(expected);
  error.found = std::move(found);
  error.mend = std::move(mend);
  errors_.push_back(std::move(error));
}

std::vector<InputError> Report::take() {
  std::stable_sort(errors_.begin(), errors_.end(), [](const InputError& a, const InputError& b) {
    return std::tie(a.file, a.position, a.object, a.field) < std::tie(b.file, b.position, b.object, b.field);
  });
  return std::move(errors_);
}

std::vector<InputError> validate(const Snapshot& snapshot) {
  Report report;
  check_references(snapshot, report);
  check_addresses(snapshot, report);
  check_ranges(snapshot, report);
  return report.take();
}

namespace {

// The existing names of a kind, to offer the nearest.
template <typename T>
base::Message mend_name(const Snapshot& snapshot, Kind kind, std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto& row : snapshot.all<T>())
    if (row->meta.kind == kind) names.push_back(row->meta.name);
  std::string near = base::nearest(name, names);
  if (near.empty()) return {"model.mend-create", {}};
  return {"model.mend-did-you-mean", {near}};
}

class References {
 public:
  References(const Snapshot& snapshot, Report& report) : snapshot_(snapshot), report_(report) {}

  void networks();
  void peerings();
  void interfaces();
  void gateways();
  void clusters();
  void hosts();
  void fronts();
  void roles();

 private:
  template <typename T>
  bool need(const Meta& meta, const std::string& path, Kind kind, const std::string& name) {
    if (name.empty() || snapshot_.find<T>(kind, name)) return true;
    std::string ref = ObjectRef{kind, "", name}.text();
    report_.error(meta, path, "dangling-reference", {"model.expected-existing", {std::string(model::name(kind))}},
                  {"model.found-missing", {ref}}, mend_name<T>(snapshot_, kind, name));
    return false;
  }
  bool need_subnet(const Meta& meta, const std::string& path, const SubnetRef& ref) {
    if (ref.empty() || !need<VirtualNetwork>(meta, path, Kind::VirtualNetwork, ref.vnet)) return ref.empty();
    const VirtualNetwork* vnet = snapshot_.find<VirtualNetwork>(Kind::VirtualNetwork, ref.vnet);
    if (vnet->find(ref.subnet)) return true;
    std::vector<std::string_view> names;
    for (const Subnet& subnet : vnet->subnets) names.push_back(subnet.name);
    std::string near = base::nearest(ref.subnet, names);
    base::Message mend{"model.mend-create", {}};
    if (!near.empty()) mend = {"model.mend-did-you-mean", {ref.vnet + "/" + near}};
    report_.error(meta, path, "dangling-reference", {"model.expected-existing-subnet", {ref.vnet}},
                  {"model.found-missing", {ref.text()}}, mend);
    return false;
  }

  const Snapshot& snapshot_;
  Report& report_;
};

void References::networks() {
  for (const auto& vnet : snapshot_.all<VirtualNetwork>())
    for (std::size_t i = 0; i < vnet->subnets.size(); ++i) {
      std::string path = "spec.subnets[" + std::to_string(i) + "].";
      const Subnet& subnet = vnet->subnets[i];
      need<NetworkSecurityGroup>(vnet->meta, path + "networkSecurityGroup", Kind::NetworkSecurityGroup,
                                 subnet.network_security_group);
      need<RouteTable>(vnet->meta, path + "routeTable", Kind::RouteTable, subnet.route_table);
    }
}

void References::peerings() {
  std::map<std::pair<std::string, std::string>, std::string> directions;
  std::map<std::string, std::string> remote;
  for (const auto& peering : snapshot_.all<NetworkPeering>()) {
    need<VirtualNetwork>(peering->meta, "spec.from", Kind::VirtualNetwork, peering->from);
    need<VirtualNetwork>(peering->meta, "spec.to", Kind::VirtualNetwork, peering->to);
    auto [at, fresh] = directions.emplace(std::pair{peering->from, peering->to}, peering->meta.name);
    if (!fresh)
      report_.error(peering->meta, "spec.to", "duplicate-peering", {"model.expected-one-direction", {}},
                    {"model.found-same-direction", {peering->from, peering->to, "NetworkPeering/" + at->second}},
                    {"model.mend-remove", {}});
    if (!peering->use_remote_gateways) continue;
    for (const auto& gateway : snapshot_.all<NetworkGateway>())
      if (gateway->subnet.vnet == peering->from)
        report_.error(peering->meta, "spec.useRemoteGateways", "not-allowed", {"model.expected-no-own-gateway", {}},
                      {"model.found-own-gateway", {"NetworkGateway/" + gateway->meta.name}}, {"model.mend-remote", {}});
    auto [first, alone] = remote.emplace(peering->from, peering->meta.name);
    if (!alone && fresh)
      report_.error(peering->meta, "spec.useRemoteGateways", "not-allowed", {"model.expected-one-remote", {}},
                    {"model.found-second-remote", {"NetworkPeering/" + first->second}}, {"model.mend-one-remote", {}});
  }
}

void References::interfaces() {
  std::map<std::string, std::string> nodes;
  for (const auto& nic : snapshot_.all<NetworkInterface>()) {
    need_subnet(nic->meta, "spec.subnet", nic->subnet);
    need<NetworkSecurityGroup>(nic->meta, "spec.networkSecurityGroup", Kind::NetworkSecurityGroup,
                               nic->network_security_group);
    if (nic->node.empty()) continue;
    auto [at, fresh] = nodes.emplace(nic->node, nic->meta.name);
    if (!fresh)
      report_.error(nic->meta, "spec.node", "duplicate-owner", {"model.expected-one-interface", {}},
                    {"model.found-second-interface", {nic->node, "NetworkInterface/" + at->second}},
                    {"model.mend-remove", {}});
  }
}

void References::gateways() {
  std::map<std::pair<std::string, GatewayType>, std::string> taken;
  for (const auto& gateway : snapshot_.all<NetworkGateway>()) {
    need_subnet(gateway->meta, "spec.subnet", gateway->subnet);
    auto [at, fresh] = taken.emplace(std::pair{gateway->subnet.vnet, gateway->type}, gateway->meta.name);
    if (!fresh)
      report_.error(gateway->meta, "spec.subnet", "duplicate-gateway", {"model.expected-one-gateway", {}},
                    {"model.found-second-gateway", {"NetworkGateway/" + at->second}}, {"model.mend-remove", {}});
  }
  for (const auto& connection : snapshot_.all<GatewayConnection>()) {
    need<OnPremisesNetwork>(connection->meta, "spec.onPremisesNetwork", Kind::OnPremisesNetwork,
                            connection->on_premises_network);
    if (!need<NetworkGateway>(connection->meta, "spec.gateway", Kind::NetworkGateway, connection->gateway)) continue;
    const NetworkGateway* gateway = snapshot_.find<NetworkGateway>(Kind::NetworkGateway, connection->gateway);
    if (!gateway || gateway->type == connection->type) continue;
    auto word = [](GatewayType type) { return std::string(type == GatewayType::vpn ? "Vpn" : "ExpressRoute"); };
    report_.error(connection->meta, "spec.type", "bad-value", {"model.expected-type", {word(gateway->type)}},
                  {"model.found-text", {word(connection->type)}},
                  {"model.mend-write", {"type: " + word(gateway->type)}});
  }
}

void References::clusters() {
  for (const auto& cluster : snapshot_.all<Cluster>()) {
    need_subnet(cluster->meta, "spec.subnet", cluster->subnet);
    std::string home = cluster->subnet.vnet;
    for (std::size_t i = 0; i < cluster->node_pools.size(); ++i) {
      const NodePool& pool = cluster->node_pools[i];
      std::string path = "spec.nodePools[" + std::to_string(i) + "].subnet";
      if (!need_subnet(cluster->meta, path, pool.subnet) || pool.subnet.empty()) continue;
      if (home.empty()) home = pool.subnet.vnet;
      if (pool.subnet.vnet != home)
        report_.error(cluster->meta, path, "several-networks", {"model.expected-same-network", {home}},
                      {"model.found-text", {pool.subnet.text()}}, {"model.mend-same-network", {}});
    }
  }
}

void References::hosts() {
  std::map<std::string, std::string> owners;
  for (const auto& nic : snapshot_.all<NetworkInterface>())
    if (!nic->node.empty()) owners.emplace(nic->meta.name, "Node/" + nic->node);
  std::map<std::string, std::string> names;
  for (const auto& host : snapshot_.all<LabHost>()) {
    // Generated ones stand for an OnPremisesNetwork's hosts, which are looked at below.
    if (host->meta.generated) continue;
    names.emplace(host->meta.name, "LabHost/" + host->meta.name);
    if (host->network == LabHost::Network::on_premises)
      need<OnPremisesNetwork>(host->meta, "spec.network", Kind::OnPremisesNetwork, host->on_premises_network);
    for (std::size_t i = 0; i < host->interfaces.size(); ++i) {
      std::string path = "spec.networkInterfaces[" + std::to_string(i) + "]";
      const std::string& nic = host->interfaces[i];
      if (!need<NetworkInterface>(host->meta, path, Kind::NetworkInterface, nic)) continue;
      auto [at, fresh] = owners.emplace(nic, "LabHost/" + host->meta.name);
      if (!fresh)
        report_.error(host->meta, path, "duplicate-owner", {"model.expected-one-owner", {}},
                      {"model.found-owner", {"NetworkInterface/" + nic, at->second}}, {"model.mend-owner", {}});
    }
  }
  for (const auto& network : snapshot_.all<OnPremisesNetwork>())
    for (std::size_t i = 0; i < network->hosts.size(); ++i) {
      const std::string& name = network->hosts[i].name;
      auto [at, fresh] = names.emplace(name, "OnPremisesNetwork/" + network->meta.name);
      if (!fresh && !name.empty())
        report_.error(network->meta, "spec.hosts[" + std::to_string(i) + "].name", "duplicate-name",
                      {"model.expected-free-name", {}}, {"model.found-taken", {name, at->second}},
                      {"model.mend-rename", {}});
    }
}

void References::fronts() {
  for (const auto& balancer : snapshot_.all<LoadBalancer>())
    need_subnet(balancer->meta, "spec.subnet", balancer->subnet);
  for (const auto& gateway : snapshot_.all<ApplicationGateway>()) {
    need_subnet(gateway->meta, "spec.subnet", gateway->subnet);
    if (gateway->waf_policy.empty()) continue;
    std::size_t slash = gateway->waf_policy.find('/');
    ObjectRef ref{Kind::WafPolicy, slash == std::string::npos ? "default" : gateway->waf_policy.substr(0, slash),
                  slash == std::string::npos ? gateway->waf_policy : gateway->waf_policy.substr(slash + 1)};
    if (!snapshot_.find<WafPolicy>(ref))
      report_.error(gateway->meta, "spec.wafPolicy", "dangling-reference", {"model.expected-existing", {"WafPolicy"}},
                    {"model.found-missing", {ref.text()}}, {"model.mend-create", {}});
  }
  for (const auto& bastion : snapshot_.all<Bastion>()) {
    if (!need<VirtualNetwork>(bastion->meta, "spec.virtualNetwork", Kind::VirtualNetwork, bastion->vnet)) continue;
    need_subnet(bastion->meta, "spec.subnet", {bastion->vnet, bastion->subnet});
  }
}

void References::roles() {
  constexpr std::string_view built_in[] = {"Owner", "Contributor", "Network Contributor", "Reader"};
  for (const auto& assignment : snapshot_.all<RoleAssignment>()) {
    bool known = assignment->role.empty() ||
                 std::find(std::begin(built_in), std::end(built_in), assignment->role) != std::end(built_in) ||
                 snapshot_.find<RoleDefinition>(Kind::RoleDefinition, assignment->role);
    if (known) continue;
    report_.error(assignment->meta, "spec.role", "dangling-reference", {"model.expected-role", {}},
                  {"model.found-missing", {assignment->role}},
                  mend_name<RoleDefinition>(snapshot_, Kind::RoleDefinition, assignment->role));
  }
}

}  // namespace

void check_references(const Snapshot& snapshot, Report& report) {
  References references(snapshot, report);
  references.networks();
  references.peerings();
  references.interfaces();
  references.gateways();
  references.clusters();
  references.hosts();
  references.fronts();
  references.roles();
}

}  // namespace bailey::model
