// The Azure CLI: a list of commands, each a list of words. A word is a literal, or the output of another command.
#include <algorithm>

#include "plan/deploy.h"

namespace bailey::plan {
namespace {

using model::Kind;

class Script {
 public:
  class Command {
   public:
    explicit Command(std::vector<std::string> words) {
      for (const std::string& word : words) words_.push_back(quoted_shell(word));
    }
    Command& option(const std::string& flag, const std::vector<std::string>& values) {
      std::string line = flag;
      for (const std::string& value : values) line += " " + quoted_shell(value);
      lines_.push_back(std::move(line));
      return *this;
    }
    Command& option(const std::string& flag, const std::string& value) { return option(flag, std::vector{value}); }
    Command& flag(const std::string& flag) { return option(flag, std::vector<std::string>{}); }
    Command& variable(const std::string& flag, const std::string& name) {
      lines_.push_back(flag + " \"$" + name + "\"");
      return *this;
    }
    // The value is what another command prints.
    Command& output(const std::string& flag, const std::vector<std::string>& command) {
      std::string line = flag + " \"$(";
      for (std::size_t i = 0; i < command.size(); ++i) line += (i ? " " : "") + quoted_shell(command[i]);
      lines_.push_back(line + ")\"");
      return *this;
    }
    std::string text() const {
      std::string out;
      for (const std::string& word : words_) out += (out.empty() ? "" : " ") + word;
      for (const std::string& line : lines_) out += " \\\n  " + line;
      return out + "\n";
    }

   private:
    std::vector<std::string> words_;
    std::vector<std::string> lines_;
  };

  Command& add(std::vector<std::string> words) {
    parts_.emplace_back(std::move(words));
    return parts_.back();
  }
  std::string text() const {
    std::string out;
    for (const Command& part : parts_) out += part.text();
    return out;
  }

 private:
  std::vector<Command> parts_;
};

class AzWriter {
 public:
  explicit AzWriter(const Deployment& deployment) : deployment_(deployment), snapshot_(deployment.snapshot) {}

  std::string write() {
    groups();
    security_groups();
    route_tables();
    networks();
    peerings();
    for (const auto& cluster : snapshot_.all<model::Cluster>()) write_cluster(*cluster);
    std::string head =
        "#!/usr/bin/env bash\n# Creates the planned network with the Azure CLI: az login, then run this.\n"
        "set -euo pipefail\nlocation=${LOCATION:-koreacentral}\nvm_size=${VM_SIZE:-Standard_D4s_v5}\n";
    if (secret_) head += "client_secret=${CLIENT_SECRET:?the secret of the service principal}\n";
    return head + "\n" + script_.text() + comments_;
  }

 private:
  std::string group_of_vnet(const std::string& name) const {
    const auto* vnet = snapshot_.find<model::VirtualNetwork>(Kind::VirtualNetwork, name);
    return group_of(vnet ? vnet->resource_group : "");
  }
  // Security groups and route tables lie with the first VNet: their objects name no group of their own.
  std::string network_group() const {
    const auto& vnets = snapshot_.all<model::VirtualNetwork>();
    return group_of(vnets.empty() ? "" : (*vnets.begin())->resource_group);
  }
  std::vector<std::string> subnet_id(const model::SubnetRef& ref) const {
    return {"az",
            "network",
            "vnet",
            "subnet",
            "show",
            "--resource-group",
            group_of_vnet(ref.vnet),
            "--vnet-name",
            ref.vnet,
            "--name",
            ref.subnet,
            "--query",
            "id",
            "--output",
            "tsv"};
  }

  void groups() {
    std::set<std::string> names = {network_group()};
    for (const auto& vnet : snapshot_.all<model::VirtualNetwork>()) names.insert(group_of(vnet->resource_group));
    for (const auto& cluster : snapshot_.all<model::Cluster>()) names.insert(group_of(cluster->resource_group));
    for (const std::string& name : names)
      script_.add({"az", "group", "create"}).option("--name", name).variable("--location", "location");
  }
  Script::Command& add_network(std::vector<std::string> words, const std::string& group, const std::string& name) {
    return script_.add(std::move(words)).option("--resource-group", group).option("--name", name);
  }

  void security_groups() {
    for (const std::string& name : application_groups(snapshot_))
      add_network({"az", "network", "asg", "create"}, network_group(), name).variable("--location", "location");
    for (const auto& group : snapshot_.all<model::NetworkSecurityGroup>()) {
      add_network({"az", "network", "nsg", "create"}, network_group(), group->meta.name)
          .variable("--location", "location");
      for (const model::SecurityRule& rule : group->rules) write_rule(group->meta.name, rule);
    }
  }
  void write_rule(const std::string& group, const model::SecurityRule& rule) {
    if (azure_protocol(rule).empty()) {
      comments_ += "# Left out: a security rule for SCTP, which Azure's security groups do not know.\n";
      return;
    }
    Script::Command& command = add_network({"az", "network", "nsg", "rule", "create"}, network_group(), rule.name);
    command.option("--nsg-name", group).option("--priority", std::to_string(rule.priority));
    command.option("--direction", rule.direction == model::SecurityRule::Direction::inbound ? "Inbound" : "Outbound");
    command.option("--access", rule.allow ? "Allow" : "Deny").option("--protocol", std::string(azure_protocol(rule)));
    if (rule.source_groups.empty())
      command.option("--source-address-prefixes", any_if_empty(rule.source_prefixes));
    else
      command.option("--source-asgs", rule.source_groups);
    command.option("--source-port-ranges", port_texts(rule.source_ports));
    if (rule.destination_groups.empty())
      command.option("--destination-address-prefixes", any_if_empty(rule.destination_prefixes));
    else
      command.option("--destination-asgs", rule.destination_groups);
    command.option("--destination-port-ranges", port_texts(rule.destination_ports));
  }

  void route_tables() {
    for (const auto& table : snapshot_.all<model::RouteTable>()) {
      add_network({"az", "network", "route-table", "create"}, network_group(), table->meta.name)
          .variable("--location", "location")
          .option("--disable-bgp-route-propagation", table->disable_gateway_route_propagation ? "true" : "false");
      for (const model::UserRoute& route : table->routes) {
        Script::Command& command =
            add_network({"az", "network", "route-table", "route", "create"}, network_group(), route.name);
        command.option("--route-table-name", table->meta.name).option("--address-prefix", route.prefix.text());
        command.option("--next-hop-type", std::string(model::name(route.next_hop_type)));
        if (route.next_hop_address) command.option("--next-hop-ip-address", route.next_hop_address->text());
      }
    }
  }

  void networks() {
    for (const auto& vnet : snapshot_.all<model::VirtualNetwork>()) {
      std::string group = group_of(vnet->resource_group);
      add_network({"az", "network", "vnet", "create"}, group, vnet->meta.name)
          .variable("--location", "location")
          .option("--address-prefixes", texts_of(vnet->address_space));
      for (const model::Subnet& subnet : vnet->subnets) {
        Script::Command& command = add_network({"az", "network", "vnet", "subnet", "create"}, group, subnet.name);
        command.option("--vnet-name", vnet->meta.name).option("--address-prefixes", texts_of(subnet.prefixes));
        if (!subnet.network_security_group.empty())
          command.output("--network-security-group", id_of("nsg", subnet.network_security_group));
        if (!subnet.route_table.empty()) command.output("--route-table", id_of("route-table", subnet.route_table));
        if (!subnet.delegation.empty()) command.option("--delegations", subnet.delegation);
      }
    }
  }
  std::vector<std::string> id_of(const std::string& kind, const std::string& name) const {
    return {"az",     "network", kind,      "show", "--resource-group", network_group(),
            "--name", name,      "--query", "id",   "--output",         "tsv"};
  }
  static std::vector<std::string> texts_of(const std::vector<model::Prefix>& prefixes) {
    std::vector<std::string> out;
    for (const model::Prefix& prefix : prefixes) out.push_back(prefix.text());
    return out;
  }

  void peerings() {
    for (const auto& peering : snapshot_.all<model::NetworkPeering>()) {
      Script::Command& command =
          add_network({"az", "network", "vnet", "peering", "create"}, group_of_vnet(peering->from), peering->meta.name);
      command.option("--vnet-name", peering->from);
      command.output("--remote-vnet", {"az", "network", "vnet", "show", "--resource-group", group_of_vnet(peering->to),
                                       "--name", peering->to, "--query", "id", "--output", "tsv"});
      if (peering->allow_virtual_network_access) command.flag("--allow-vnet-access");
      if (peering->allow_forwarded_traffic) command.flag("--allow-forwarded-traffic");
      if (peering->allow_gateway_transit) command.flag("--allow-gateway-transit");
      if (peering->use_remote_gateways) command.flag("--use-remote-gateways");
    }
  }

  std::vector<std::string> identity_field(const model::Cluster& cluster, const std::string& field) const {
    std::string group = group_of(owner_of_identity(snapshot_, cluster).resource_group);
    return {"az",  "identity", "show", "--resource-group", group, "--name", cluster.identity.name, "--query",
            field, "--output", "tsv"};
  }
  void write_roles(const model::Cluster& cluster) {
    bool principal = is_principal(cluster);
    if (!principal && &owner_of_identity(snapshot_, cluster) == &cluster)
      add_network({"az", "identity", "create"}, group_of(cluster.resource_group), cluster.identity.name)
          .variable("--location", "location");
    for (const model::SubnetRef& ref : cluster_subnets(cluster)) {
      Script::Command& command =
          script_.add({"az", "role", "assignment", "create"}).option("--role", "Network Contributor");
      if (principal)
        command.option("--assignee", cluster.identity.name);
      else
        command.option("--assignee-principal-type", "ServicePrincipal")
            .output("--assignee-object-id", identity_field(cluster, "principalId"));
      command.output("--scope", subnet_id(ref));
    }
  }
  void write_cluster(const model::Cluster& cluster) {
    write_roles(cluster);
    std::string group = group_of(cluster.resource_group);
    bool first = true;
    for (const model::NodePool& pool : cluster.node_pools) {
      Script::Command& command = first ? add_network({"az", "aks", "create"}, group, cluster.meta.name)
                                       : add_network({"az", "aks", "nodepool", "add"}, group, pool_name(pool));
      std::string surge = pool.max_surge.empty() ? "10%" : pool.max_surge;
      if (first) {
        command.variable("--location", "location").flag("--generate-ssh-keys");
        if (is_principal(cluster))
          command.option("--service-principal", cluster.identity.name).variable("--client-secret", "client_secret");
        else
          command.output("--assign-identity", identity_field(cluster, "id"));
        secret_ = secret_ || is_principal(cluster);
        command.option("--nodepool-name", pool_name(pool));
        write_network(cluster, command);
      } else {
        command.option("--cluster-name", cluster.meta.name).option("--max-surge", surge);
        command.option("--os-type", pool.os == model::Os::windows ? "Windows" : "Linux");
      }
      write_pool(cluster, pool, command);
      if (first)  // the command that makes a cluster has no flag for it
        script_.add({"az", "aks", "nodepool", "update"})
            .option("--resource-group", group)
            .option("--cluster-name", cluster.meta.name)
            .option("--name", pool_name(pool))
            .option("--max-surge", surge);
      first = false;
    }
  }
  void write_network(const model::Cluster& cluster, Script::Command& command) {
    Model model = model_of(deployment_, cluster);
    ClusterRanges ranges = ranges_of(cluster, model);
    command.option("--network-plugin", model == Model::kubenet ? "kubenet" : "azure");
    if (model == Model::overlay) command.option("--network-plugin-mode", "overlay");
    auto comma = [](const std::vector<std::string>& texts) { return texts[0] + "," + texts[1]; };
    if (ranges.dual) {
      command.option("--ip-families", "ipv4,ipv6").option("--pod-cidrs", comma(ranges.pods));
      command.option("--service-cidrs", comma(ranges.services));
    } else {
      if (!ranges.pods.empty()) command.option("--pod-cidr", ranges.pods);
      if (!ranges.services.empty()) command.option("--service-cidr", ranges.services);
    }
    if (!ranges.dns.empty()) command.option("--dns-service-ip", ranges.dns);
    if (ranges.ipv6_lost)
      comments_ += "# Left out: IPv6 ranges of a cluster. AKS has them beside IPv4 ones, with kubenet and overlay.\n";
    if (cluster.network_policy == "azure" || cluster.network_policy == "calico")
      command.option("--network-policy", cluster.network_policy);
  }
  void write_pool(const model::Cluster& cluster, const model::NodePool& pool, Script::Command& command) {
    command.variable("--node-vm-size", "vm_size").option("--node-count", std::to_string(pool.count));
    command.option("--max-pods", std::to_string(plan_pool(model_of(deployment_, cluster), pool).max_pods));
    if (pool.max_count && *pool.max_count > pool.count)
      command.flag("--enable-cluster-autoscaler")
          .option("--min-count", std::to_string(pool.min_count.value_or(pool.count)))
          .option("--max-count", std::to_string(*pool.max_count));
    if (model::SubnetRef ref = subnet_of(cluster, pool); !ref.empty())
      command.output("--vnet-subnet-id", subnet_id(ref));
  }

  const Deployment& deployment_;
  const model::Snapshot& snapshot_;
  Script script_;
  std::string comments_;
  bool secret_ = false;
};

}  // namespace

std::string to_az(const Deployment& deployment) { return AzWriter(deployment).write(); }

}  // namespace bailey::plan
