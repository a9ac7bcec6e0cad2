// Terraform (HCL): a block has attributes and further blocks. In the tree of values an object within a block is a
// block; a list of objects is one block for each.
#include "plan/deploy.h"
#include "plan/value.h"

namespace bailey::plan {
namespace {

using model::Kind;

std::string hcl_value(const Value& value) {
  if (value.kind() == Value::Kind::text) return quoted_terraform(value.content());
  if (value.kind() != Value::Kind::list) return value.content();
  std::string out = "[";
  for (std::size_t i = 0; i < value.values().size(); ++i) out += (i ? ", " : "") + hcl_value(value.values()[i]);
  return out + "]";
}

bool is_blocks(const Value& value) {
  return value.kind() == Value::Kind::list && !value.values().empty() &&
         value.values()[0].kind() == Value::Kind::object;
}

std::string hcl_block(const std::string& head, const Value& body, int depth) {
  std::string indent(static_cast<std::size_t>(depth) * 2, ' ');
  std::string out = indent + head + " {\n";
  for (std::size_t i = 0; i < body.values().size(); ++i) {
    const Value& value = body.values()[i];
    const std::string& key = body.keys()[i];
    if (value.kind() == Value::Kind::object)
      out += hcl_block(key, value, depth + 1);
    else if (is_blocks(value))
      for (const Value& each : value.values()) out += hcl_block(key, each, depth + 1);
    else
      out += indent + "  " + key + " = " + hcl_value(value) + "\n";
  }
  return out + indent + "}\n";
}

Value hcl_prefixes(const std::vector<model::Prefix>& prefixes) {
  Value out = Value::list();
  for (const model::Prefix& prefix : prefixes) out.push(Value::text(prefix.text()));
  return out;
}

class TerraformWriter {
 public:
  explicit TerraformWriter(const Deployment& deployment) : deployment_(deployment), snapshot_(deployment.snapshot) {}

  std::string write() {
    head();
    groups();
    for (const std::string& name : application_groups(snapshot_))
      resource("azurerm_application_security_group", "asg", name, in_group(name, network_group()));
    for (const auto& group : snapshot_.all<model::NetworkSecurityGroup>()) security_group(*group);
    for (const auto& table : snapshot_.all<model::RouteTable>()) route_table(*table);
    for (const auto& vnet : snapshot_.all<model::VirtualNetwork>()) network(*vnet);
    for (const auto& peering : snapshot_.all<model::NetworkPeering>()) write_peering(*peering);
    for (const auto& cluster : snapshot_.all<model::Cluster>()) write_cluster(*cluster);
    return out_;
  }

 private:
  void head() {
    out_ =
        "# Creates the planned network: az login, ARM_SUBSCRIPTION_ID=..., terraform init, then terraform apply.\n"
        "terraform {\n  required_providers {\n    azurerm = {\n      source  = \"hashicorp/azurerm\"\n"
        "      version = \"~> 4.0\"\n    }\n  }\n}\n\nprovider \"azurerm\" {\n  features {}\n}\n\n"
        "variable \"location\" {\n  type    = string\n  default = \"koreacentral\"\n}\n\n"
        "variable \"vm_size\" {\n  type    = string\n  default = \"Standard_D4s_v5\"\n}\n\n";
  }
  void resource(const std::string& type, std::string_view kind, const std::string& name, const Value& body) {
    out_ +=
        hcl_block("resource " + quoted_terraform(type) + " " + quoted_terraform(names_.of(kind, name)), body, 0) + "\n";
  }
  Value ref(const std::string& type, std::string_view kind, const std::string& name, const std::string& field) {
    return Value::expression(type + "." + names_.of(kind, name) + "." + field);
  }
  std::string network_group() const {
    const auto& vnets = snapshot_.all<model::VirtualNetwork>();
    return group_of(vnets.empty() ? "" : (*vnets.begin())->resource_group);
  }
  std::string group_of_vnet(const std::string& name) const {
    const auto* vnet = snapshot_.find<model::VirtualNetwork>(Kind::VirtualNetwork, name);
    return group_of(vnet ? vnet->resource_group : "");
  }
  Value group_name(const std::string& group) { return ref("azurerm_resource_group", "group", group, "name"); }
  Value in_group(const std::string& name, const std::string& group) {
    return Value::object()
        .set("name", Value::text(name))
        .set("resource_group_name", group_name(group))
        .set("location", Value::expression("var.location"));
  }

  void groups() {
    std::set<std::string> names = {network_group()};
    for (const auto& vnet : snapshot_.all<model::VirtualNetwork>()) names.insert(group_of(vnet->resource_group));
    for (const auto& cluster : snapshot_.all<model::Cluster>()) names.insert(group_of(cluster->resource_group));
    for (const std::string& name : names)
      resource("azurerm_resource_group", "group", name,
               Value::object().set("name", Value::text(name)).set("location", Value::expression("var.location")));
  }

  void side(Value& out, const std::string& what, const std::vector<std::string>& prefixes,
            const std::vector<std::string>& groups) {
    if (!groups.empty()) {
      Value list = Value::list();
      for (const std::string& group : groups) list.push(ref("azurerm_application_security_group", "asg", group, "id"));
      out.set(what + "_application_security_group_ids", std::move(list));
      return;
    }
    std::vector<std::string> any = any_if_empty(prefixes);
    if (any.size() == 1)
      out.set(what + "_address_prefix", Value::text(any[0]));
    else
      out.set(what + "_address_prefixes", Value::texts(any));
  }
  static void ports(Value& out, const std::string& what, const std::vector<model::SecurityRule::PortRange>& ranges) {
    std::vector<std::string> texts = port_texts(ranges);
    if (texts.size() == 1)
      out.set(what + "_port_range", Value::text(texts[0]));
    else
      out.set(what + "_port_ranges", Value::texts(texts));
  }
  void security_group(const model::NetworkSecurityGroup& group) {
    Value rules = Value::list();
    for (const model::SecurityRule& rule : group.rules) {
      if (azure_protocol(rule).empty()) {
        out_ += "# Left out: a security rule for SCTP, which Azure's security groups do not know.\n";
        continue;
      }
      bool inbound = rule.direction == model::SecurityRule::Direction::inbound;
      Value out = Value::object();
      out.set("name", Value::text(rule.name)).set("priority", Value::number(rule.priority));
      out.set("direction", Value::text(inbound ? "Inbound" : "Outbound"));
      out.set("access", Value::text(rule.allow ? "Allow" : "Deny"));
      out.set("protocol", Value::text(std::string(azure_protocol(rule))));
      side(out, "source", rule.source_prefixes, rule.source_groups);
      ports(out, "source", rule.source_ports);
      side(out, "destination", rule.destination_prefixes, rule.destination_groups);
      ports(out, "destination", rule.destination_ports);
      rules.push(std::move(out));
    }
    resource("azurerm_network_security_group", "nsg", group.meta.name,
             in_group(group.meta.name, network_group()).set("security_rule", std::move(rules)));
  }

  void route_table(const model::RouteTable& table) {
    Value routes = Value::list();
    for (const model::UserRoute& route : table.routes) {
      Value out = Value::object();
      out.set("name", Value::text(route.name)).set("address_prefix", Value::text(route.prefix.text()));
      out.set("next_hop_type", Value::text(std::string(model::name(route.next_hop_type))));
      if (route.next_hop_address) out.set("next_hop_in_ip_address", Value::text(route.next_hop_address->text()));
      routes.push(std::move(out));
    }
    Value body = in_group(table.meta.name, network_group());
    body.set("bgp_route_propagation_enabled", Value::boolean(!table.disable_gateway_route_propagation));
    resource("azurerm_route_table", "routes", table.meta.name, body.set("route", std::move(routes)));
  }

  void network(const model::VirtualNetwork& vnet) {
    std::string group = group_of(vnet.resource_group);
    resource("azurerm_virtual_network", "vnet", vnet.meta.name,
             in_group(vnet.meta.name, group).set("address_space", hcl_prefixes(vnet.address_space)));
    for (const model::Subnet& subnet : vnet.subnets) {
      std::string name = model::SubnetRef{vnet.meta.name, subnet.name}.text();
      Value body = Value::object();
      body.set("name", Value::text(subnet.name)).set("resource_group_name", group_name(group));
      body.set("virtual_network_name", ref("azurerm_virtual_network", "vnet", vnet.meta.name, "name"));
      body.set("address_prefixes", hcl_prefixes(subnet.prefixes));
      if (!subnet.delegation.empty())
        body.set("delegation",
                 Value::object()
                     .set("name", Value::text("delegation"))
                     .set("service_delegation", Value::object().set("name", Value::text(subnet.delegation))));
      resource("azurerm_subnet", "subnet", name, body);
      associate(name, "network_security_group", "nsg", subnet.network_security_group);
      associate(name, "route_table", "routes", subnet.route_table);
    }
  }
  void associate(const std::string& subnet, const std::string& what, std::string_view kind, const std::string& name) {
    if (name.empty()) return;
    Value body = Value::object();
    body.set("subnet_id", ref("azurerm_subnet", "subnet", subnet, "id"));
    body.set(what + "_id", ref("azurerm_" + what, kind, name, "id"));
    resource("azurerm_subnet_" + what + "_association", "of_" + std::string(kind), subnet, body);
  }

  void write_peering(const model::NetworkPeering& peering) {
    Value body = Value::object();
    body.set("name", Value::text(peering.meta.name));
    body.set("resource_group_name", group_name(group_of_vnet(peering.from)));
    body.set("virtual_network_name", ref("azurerm_virtual_network", "vnet", peering.from, "name"));
    body.set("remote_virtual_network_id", ref("azurerm_virtual_network", "vnet", peering.to, "id"));
    body.set("allow_virtual_network_access", Value::boolean(peering.allow_virtual_network_access));
    body.set("allow_forwarded_traffic", Value::boolean(peering.allow_forwarded_traffic));
    body.set("allow_gateway_transit", Value::boolean(peering.allow_gateway_transit));
    body.set("use_remote_gateways", Value::boolean(peering.use_remote_gateways));
    resource("azurerm_virtual_network_peering", "peering", peering.meta.name, body);
  }

  Value pool_value(const model::Cluster& cluster, const model::NodePool& pool, Model model) {
    Value out = Value::object();
    out.set("name", Value::text(pool_name(pool))).set("vm_size", Value::expression("var.vm_size"));
    out.set("node_count", Value::number(pool.count)).set("max_pods", Value::number(plan_pool(model, pool).max_pods));
    if (pool.max_count && *pool.max_count > pool.count) {
      out.set("auto_scaling_enabled", Value::boolean(true));
      out.set("min_count", Value::number(pool.min_count.value_or(pool.count)));
      out.set("max_count", Value::number(*pool.max_count));
    }
    if (model::SubnetRef at = subnet_of(cluster, pool); !at.empty())
      out.set("vnet_subnet_id", ref("azurerm_subnet", "subnet", at.text(), "id"));
    std::string surge = pool.max_surge.empty() ? "10%" : pool.max_surge;
    return out.set("upgrade_settings", Value::object().set("max_surge", Value::text(surge)));
  }

  Value network_profile(const model::Cluster& cluster, Model model) {
    ClusterRanges ranges = ranges_of(cluster, model);
    Value out = Value::object();
    out.set("network_plugin", Value::text(model == Model::kubenet ? "kubenet" : "azure"));
    if (model == Model::overlay) out.set("network_plugin_mode", Value::text("overlay"));
    if (cluster.network_policy == "azure" || cluster.network_policy == "calico")
      out.set("network_policy", Value::text(cluster.network_policy));
    if (ranges.dual) {
      out.set("ip_versions", Value::texts({"IPv4", "IPv6"})).set("pod_cidrs", Value::texts(ranges.pods));
      out.set("service_cidrs", Value::texts(ranges.services));
    } else {
      if (!ranges.pods.empty()) out.set("pod_cidr", Value::text(ranges.pods[0]));
      if (!ranges.services.empty()) out.set("service_cidr", Value::text(ranges.services[0]));
    }
    if (!ranges.dns.empty()) out.set("dns_service_ip", Value::text(ranges.dns));
    if (ranges.ipv6_lost)
      out_ += "# Left out: IPv6 ranges of a cluster. AKS has them beside IPv4 ones, with kubenet and overlay.\n";
    return out;
  }

  // A service principal is there already: its object id and its secret are variables.
  Value variable(std::string_view kind, const std::string& name, const std::string& description, bool sensitive) {
    const std::string& symbol = names_.of(kind, name);
    if (declared_.insert(symbol).second) {
      Value body = Value::object();
      body.set("type", Value::expression("string")).set("description", Value::text(description));
      if (sensitive) body.set("sensitive", Value::boolean(true));
      out_ += hcl_block("variable " + quoted_terraform(symbol), body, 0) + "\n";
    }
    return Value::expression("var." + symbol);
  }
  Value principal_id(const model::Cluster& cluster) {
    const std::string& name = cluster.identity.name;
    if (is_principal(cluster)) return variable("principal", name, "Object id of the service principal " + name, false);
    return ref("azurerm_user_assigned_identity", "identity", name, "principal_id");
  }

  Value roles(const model::Cluster& cluster) {
    Value depends = Value::list();
    for (const model::SubnetRef& at : cluster_subnets(cluster)) {
      std::string name = cluster.identity.name + "/" + at.text();
      depends.push(Value::expression("azurerm_role_assignment." + names_.of("role", name)));
      if (!declared_.insert(names_.of("role", name)).second) continue;
      Value body = Value::object();
      body.set("scope", ref("azurerm_subnet", "subnet", at.text(), "id"));
      body.set("role_definition_name", Value::text("Network Contributor"));
      body.set("principal_id", principal_id(cluster));
      resource("azurerm_role_assignment", "role", name, body);
    }
    return depends;
  }
  void write_identity(const model::Cluster& cluster, Value& body) {
    const std::string& name = cluster.identity.name;
    if (is_principal(cluster)) {
      Value secret = variable("secret", name, "Secret of the service principal " + name, true);
      body.set("service_principal",
               Value::object().set("client_id", Value::text(name)).set("client_secret", std::move(secret)));
      return;
    }
    Value identities = Value::list();
    identities.push(ref("azurerm_user_assigned_identity", "identity", name, "id"));
    body.set("identity",
             Value::object().set("type", Value::text("UserAssigned")).set("identity_ids", std::move(identities)));
  }

  void write_cluster(const model::Cluster& cluster) {
    Model model = model_of(deployment_, cluster);
    std::string group = group_of(cluster.resource_group);
    if (!is_principal(cluster) && &owner_of_identity(snapshot_, cluster) == &cluster)
      resource("azurerm_user_assigned_identity", "identity", cluster.identity.name,
               in_group(cluster.identity.name, group));
    Value depends = roles(cluster);
    Value body = in_group(cluster.meta.name, group);
    body.set("dns_prefix", Value::text(cluster.meta.name)).set("depends_on", std::move(depends));
    if (!cluster.node_pools.empty()) body.set("default_node_pool", pool_value(cluster, cluster.node_pools[0], model));
    write_identity(cluster, body);
    body.set("network_profile", network_profile(cluster, model));
    resource("azurerm_kubernetes_cluster", "cluster", cluster.meta.name, body);
    for (std::size_t i = 1; i < cluster.node_pools.size(); ++i) {
      const model::NodePool& pool = cluster.node_pools[i];
      Value out = pool_value(cluster, pool, model);
      out.set("kubernetes_cluster_id", ref("azurerm_kubernetes_cluster", "cluster", cluster.meta.name, "id"));
      out.set("os_type", Value::text(pool.os == model::Os::windows ? "Windows" : "Linux"));
      resource("azurerm_kubernetes_cluster_node_pool", "pool", cluster.meta.name + "/" + pool.name, out);
    }
  }

  const Deployment& deployment_;
  const model::Snapshot& snapshot_;
  Identifiers names_;
  std::set<std::string> declared_;
  std::string out_;
};

}  // namespace

std::string to_terraform(const Deployment& deployment) { return TerraformWriter(deployment).write(); }

}  // namespace bailey::plan
