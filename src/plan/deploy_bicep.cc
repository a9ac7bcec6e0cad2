// Bicep, at the scope of one resource group: a resource is a symbol, a type and a tree of values.
#include "plan/deploy.h"
#include "plan/value.h"

namespace bailey::plan {
namespace {

using model::Kind;

std::string bicep_text(const Value& value, int depth) {
  std::string indent(static_cast<std::size_t>(depth) * 2 + 2, ' ');
  std::string close(static_cast<std::size_t>(depth) * 2, ' ');
  switch (value.kind()) {
    case Value::Kind::text: return quoted_bicep(value.content());
    case Value::Kind::plain:
    case Value::Kind::expression: return value.content();
    case Value::Kind::list: {
      if (value.values().empty()) return "[]";
      std::string out = "[\n";
      for (const Value& each : value.values()) out += indent + bicep_text(each, depth + 1) + "\n";
      return out + close + "]";
    }
    case Value::Kind::object: {
      if (value.values().empty()) return "{}";
      std::string out = "{\n";
      for (std::size_t i = 0; i < value.values().size(); ++i)
        out += indent + value.keys()[i] + ": " + bicep_text(value.values()[i], depth + 1) + "\n";
      return out + close + "}";
    }
  }
  return "";
}

Value prefixes_value(const std::vector<model::Prefix>& prefixes) {
  Value out = Value::list();
  for (const model::Prefix& prefix : prefixes) out.push(Value::text(prefix.text()));
  return out;
}

class BicepWriter {
 public:
  explicit BicepWriter(const Deployment& deployment) : deployment_(deployment), snapshot_(deployment.snapshot) {}

  std::string write() {
    out_ =
        "// Creates the planned network: az deployment group create --resource-group GROUP --template-file FILE\n"
        "// All of it goes into that one group; move modules apart where groups have different owners.\n"
        "param location string = resourceGroup().location\n"
        "param vmSize string = 'Standard_D4s_v5'\n\n";
    for (const std::string& name : application_groups(snapshot_))
      resource("asg", name, "Microsoft.Network/applicationSecurityGroups@2023-11-01", located(name));
    for (const auto& group : snapshot_.all<model::NetworkSecurityGroup>()) security_group(*group);
    for (const auto& table : snapshot_.all<model::RouteTable>()) route_table(*table);
    for (const auto& vnet : snapshot_.all<model::VirtualNetwork>()) network(*vnet);
    for (const auto& peering : snapshot_.all<model::NetworkPeering>()) write_peering(*peering);
    for (const auto& cluster : snapshot_.all<model::Cluster>()) write_cluster(*cluster);
    return out_;
  }

 private:
  static Value located(const std::string& name) {
    return Value::object().set("name", Value::text(name)).set("location", Value::expression("location"));
  }
  void resource(std::string_view kind, const std::string& name, const std::string& type, const Value& body) {
    out_ += "resource " + names_.of(kind, name) + " " + quoted_bicep(type) + " = " + bicep_text(body, 0) + "\n\n";
  }
  Value id(std::string_view kind, const std::string& name) {
    return Value::object().set("id", Value::expression(names_.of(kind, name) + ".id"));
  }
  Value ids(std::string_view kind, const std::vector<std::string>& names) {
    Value out = Value::list();
    for (const std::string& name : names) out.push(id(kind, name));
    return out;
  }

  void side(Value& out, const std::string& what, const std::vector<std::string>& prefixes,
            const std::vector<std::string>& groups) {
    std::vector<std::string> any = any_if_empty(prefixes);
    if (!groups.empty())
      out.set(what + "ApplicationSecurityGroups", ids("asg", groups));
    else if (any.size() == 1)  // tags and "*" are only allowed here
      out.set(what + "AddressPrefix", Value::text(any[0]));
    else
      out.set(what + "AddressPrefixes", Value::texts(any));
  }
  static void ports(Value& out, const std::string& what, const std::vector<model::SecurityRule::PortRange>& ranges) {
    std::vector<std::string> texts = port_texts(ranges);
    if (texts.size() == 1)
      out.set(what + "PortRange", Value::text(texts[0]));
    else
      out.set(what + "PortRanges", Value::texts(texts));
  }
  void security_group(const model::NetworkSecurityGroup& group) {
    Value rules = Value::list();
    for (const model::SecurityRule& rule : group.rules) {
      if (azure_protocol(rule).empty()) {
        out_ += "// Left out: a security rule for SCTP, which Azure's security groups do not know.\n";
        continue;
      }
      bool inbound = rule.direction == model::SecurityRule::Direction::inbound;
      Value properties = Value::object();
      properties.set("priority", Value::number(rule.priority));
      properties.set("direction", Value::text(inbound ? "Inbound" : "Outbound"));
      properties.set("access", Value::text(rule.allow ? "Allow" : "Deny"));
      properties.set("protocol", Value::text(std::string(azure_protocol(rule))));
      side(properties, "source", rule.source_prefixes, rule.source_groups);
      ports(properties, "source", rule.source_ports);
      side(properties, "destination", rule.destination_prefixes, rule.destination_groups);
      ports(properties, "destination", rule.destination_ports);
      rules.push(Value::object().set("name", Value::text(rule.name)).set("properties", std::move(properties)));
    }
    resource("nsg", group.meta.name, "Microsoft.Network/networkSecurityGroups@2023-11-01",
             located(group.meta.name).set("properties", Value::object().set("securityRules", std::move(rules))));
  }

  void route_table(const model::RouteTable& table) {
    Value routes = Value::list();
    for (const model::UserRoute& route : table.routes) {
      Value properties = Value::object();
      properties.set("addressPrefix", Value::text(route.prefix.text()));
      properties.set("nextHopType", Value::text(std::string(model::name(route.next_hop_type))));
      if (route.next_hop_address) properties.set("nextHopIpAddress", Value::text(route.next_hop_address->text()));
      routes.push(Value::object().set("name", Value::text(route.name)).set("properties", std::move(properties)));
    }
    Value properties = Value::object();
    properties.set("disableBgpRoutePropagation", Value::boolean(table.disable_gateway_route_propagation));
    properties.set("routes", std::move(routes));
    resource("routes", table.meta.name, "Microsoft.Network/routeTables@2023-11-01",
             located(table.meta.name).set("properties", std::move(properties)));
  }

  void network(const model::VirtualNetwork& vnet) {
    Value subnets = Value::list();
    for (const model::Subnet& subnet : vnet.subnets) {
      Value properties = Value::object();
      if (subnet.prefixes.size() == 1)
        properties.set("addressPrefix", Value::text(subnet.prefixes[0].text()));
      else
        properties.set("addressPrefixes", prefixes_value(subnet.prefixes));
      if (!subnet.network_security_group.empty())
        properties.set("networkSecurityGroup", id("nsg", subnet.network_security_group));
      if (!subnet.route_table.empty()) properties.set("routeTable", id("routes", subnet.route_table));
      if (!subnet.delegation.empty())
        properties.set("delegations",
                       Value::list().push(
                           Value::object()
                               .set("name", Value::text("delegation"))
                               .set("properties", Value::object().set("serviceName", Value::text(subnet.delegation)))));
      subnets.push(Value::object().set("name", Value::text(subnet.name)).set("properties", std::move(properties)));
    }
    Value properties = Value::object();
    properties.set("addressSpace", Value::object().set("addressPrefixes", prefixes_value(vnet.address_space)));
    properties.set("subnets", std::move(subnets));
    resource("vnet", vnet.meta.name, "Microsoft.Network/virtualNetworks@2023-11-01",
             located(vnet.meta.name).set("properties", std::move(properties)));
  }

  void write_peering(const model::NetworkPeering& peering) {
    Value properties = Value::object();
    properties.set("remoteVirtualNetwork", id("vnet", peering.to));
    properties.set("allowVirtualNetworkAccess", Value::boolean(peering.allow_virtual_network_access));
    properties.set("allowForwardedTraffic", Value::boolean(peering.allow_forwarded_traffic));
    properties.set("allowGatewayTransit", Value::boolean(peering.allow_gateway_transit));
    properties.set("useRemoteGateways", Value::boolean(peering.use_remote_gateways));
    Value body = Value::object();
    body.set("parent", Value::expression(names_.of("vnet", peering.from)));
    body.set("name", Value::text(peering.meta.name)).set("properties", std::move(properties));
    resource("peering", peering.meta.name, "Microsoft.Network/virtualNetworks/virtualNetworkPeerings@2023-11-01", body);
  }

  // The subnet as a resource of its own, for its id and as the scope of a role.
  std::string subnet_symbol(const model::SubnetRef& ref) {
    std::string symbol = names_.of("subnet", ref.text());
    if (!declared_.insert(symbol).second) return symbol;
    Value body = Value::object();
    body.set("parent", Value::expression(names_.of("vnet", ref.vnet))).set("name", Value::text(ref.subnet));
    out_ += "resource " + symbol +
            " 'Microsoft.Network/virtualNetworks/subnets@2023-11-01' existing = " + bicep_text(body, 0) + "\n\n";
    return symbol;
  }

  // A service principal is there already: its object id and its secret are parameters.
  std::string parameter(std::string_view kind, const std::string& name, const std::string& decoration) {
    const std::string& symbol = names_.of(kind, name);
    if (declared_.insert(symbol).second) out_ += decoration + "param " + symbol + " string\n\n";
    return symbol;
  }

  // `identity`: the symbol of one that is made here, "" for a service principal. The symbol of the assignment.
  std::string role(const model::Cluster& cluster, const std::string& identity, const model::SubnetRef& ref) {
    std::string name = cluster.identity.name + "/" + ref.text();
    std::string symbol = names_.of("role", name);
    if (!declared_.insert(symbol).second) return symbol;
    constexpr const char* network_contributor = "4d97b98b-1d4f-4787-a291-c67834d212e7";
    std::string subnet = subnet_symbol(ref);
    Value properties = Value::object();
    properties.set("roleDefinitionId",
                   Value::expression("subscriptionResourceId('Microsoft.Authorization/roleDefinitions', " +
                                     quoted_bicep(network_contributor) + ")"));
    std::string principal = identity + ".properties.principalId";
    if (identity.empty())
      principal = parameter("principal", cluster.identity.name, "@description('Object id of the service principal')\n");
    properties.set("principalId", Value::expression(principal));
    properties.set("principalType", Value::text("ServicePrincipal"));
    Value body = Value::object();
    body.set("name",
             Value::expression("guid(" + subnet + ".id, " + (identity.empty() ? principal : identity + ".id") + ")"));
    body.set("scope", Value::expression(subnet)).set("properties", std::move(properties));
    resource("role", name, "Microsoft.Authorization/roleAssignments@2022-04-01", body);
    return symbol;
  }

  Value pool_value(const model::Cluster& cluster, const model::NodePool& pool, Model model, bool first) {
    bool windows = pool.os == model::Os::windows;
    Value out = Value::object();
    out.set("name", Value::text(pool_name(pool))).set("mode", Value::text(first ? "System" : "User"));
    out.set("osType", Value::text(windows ? "Windows" : "Linux")).set("vmSize", Value::expression("vmSize"));
    out.set("count", Value::number(pool.count)).set("maxPods", Value::number(plan_pool(model, pool).max_pods));
    if (pool.max_count && *pool.max_count > pool.count) {
      out.set("enableAutoScaling", Value::boolean(true));
      out.set("minCount", Value::number(pool.min_count.value_or(pool.count)));
      out.set("maxCount", Value::number(*pool.max_count));
    }
    std::string surge = pool.max_surge.empty() ? "10%" : pool.max_surge;
    out.set("upgradeSettings", Value::object().set("maxSurge", Value::text(surge)));
    if (model::SubnetRef ref = subnet_of(cluster, pool); !ref.empty())
      out.set("vnetSubnetID", Value::expression(names_.of("subnet", ref.text()) + ".id"));
    return out;
  }

  Value network_profile(const model::Cluster& cluster, Model model) {
    ClusterRanges ranges = ranges_of(cluster, model);
    Value out = Value::object();
    out.set("networkPlugin", Value::text(model == Model::kubenet ? "kubenet" : "azure"));
    if (model == Model::overlay) out.set("networkPluginMode", Value::text("overlay"));
    if (cluster.network_policy == "azure" || cluster.network_policy == "calico")
      out.set("networkPolicy", Value::text(cluster.network_policy));
    if (ranges.dual) {
      out.set("ipFamilies", Value::texts({"IPv4", "IPv6"})).set("podCidrs", Value::texts(ranges.pods));
      out.set("serviceCidrs", Value::texts(ranges.services));
    } else {
      if (!ranges.pods.empty()) out.set("podCidr", Value::text(ranges.pods[0]));
      if (!ranges.services.empty()) out.set("serviceCidr", Value::text(ranges.services[0]));
    }
    if (!ranges.dns.empty()) out.set("dnsServiceIP", Value::text(ranges.dns));
    if (ranges.ipv6_lost)
      out_ += "// Left out: IPv6 ranges of a cluster. AKS has them beside IPv4 ones, with kubenet and overlay.\n";
    return out;
  }

  void write_cluster(const model::Cluster& cluster) {
    Model model = model_of(deployment_, cluster);
    const std::string& name = cluster.identity.name;
    bool principal = is_principal(cluster);
    std::string identity = principal ? "" : names_.of("identity", name);
    if (!principal && declared_.insert(identity).second)
      resource("identity", name, "Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31", located(name));
    Value depends = Value::list();
    for (const model::SubnetRef& ref : cluster_subnets(cluster))
      depends.push(Value::expression(role(cluster, identity, ref)));
    Value pools = Value::list();
    for (const model::NodePool& pool : cluster.node_pools)
      pools.push(pool_value(cluster, pool, model, &pool == &cluster.node_pools.front()));
    Value properties = Value::object();
    properties.set("dnsPrefix", Value::text(cluster.meta.name)).set("agentPoolProfiles", std::move(pools));
    properties.set("networkProfile", network_profile(cluster, model));
    Value body = located(cluster.meta.name);
    if (principal) {
      Value secret = Value::expression(parameter("secret", name, "@secure()\n"));
      properties.set("servicePrincipalProfile",
                     Value::object().set("clientId", Value::text(name)).set("secret", std::move(secret)));
    } else {
      body.set("identity",
               Value::object()
                   .set("type", Value::text("UserAssigned"))
                   .set("userAssignedIdentities", Value::object().set("'${" + identity + ".id}'", Value::object())));
    }
    body.set("properties", std::move(properties)).set("dependsOn", std::move(depends));
    resource("cluster", cluster.meta.name, "Microsoft.ContainerService/managedClusters@2024-05-01", body);
  }

  const Deployment& deployment_;
  const model::Snapshot& snapshot_;
  Identifiers names_;
  std::set<std::string> declared_;
  std::string out_;
};

}  // namespace

std::string to_bicep(const Deployment& deployment) { return BicepWriter(deployment).write(); }

}  // namespace bailey::plan
