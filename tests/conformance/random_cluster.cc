#include "random_cluster.h"

#include <algorithm>

namespace bailey {
namespace {

using model::Address;
using model::Kind;
using model::LabelSelector;
using model::NextHopType;
using model::Prefix;
using model::Protocol;
using model::SecurityRule;

const std::vector<std::string> spaces = {"a", "b", "c"};

Address address(const std::string& text) { return *Address::parse(text); }
Prefix prefix(const std::string& text) { return *Prefix::parse(text); }

// Of addresses or prefixes those of the network's families.
template <typename T>
std::vector<T> spoken(const RandomCluster& cluster, std::vector<T> list) {
  std::erase_if(list, [&](const T& each) { return !cluster.speaks(each.family()); });
  return list;
}

template <typename T>
model::AnyObject any(std::shared_ptr<T> object) {
  return model::AnyObject(std::shared_ptr<const T>(std::move(object)));
}

LabelSelector some_selector(Dice& dice, const std::string& key, const std::vector<std::string>& values) {
  LabelSelector out;
  switch (dice.below(5)) {
    case 0: break;  // everything
    case 1:
    case 2: out.match_labels[key] = dice.of(values); break;
    case 3: {
      auto op = static_cast<LabelSelector::Operator>(dice.below(4));
      bool bare = op == LabelSelector::Operator::exists || op == LabelSelector::Operator::does_not_exist;
      out.expressions.push_back({key, op, bare ? std::vector<std::string>{} : std::vector{dice.of(values)}});
      break;
    }
    default: out.expressions.push_back({key, LabelSelector::Operator::in, {dice.of(values), dice.of(values)}}); break;
  }
  return out;
}

LabelSelector some_pods(Dice& dice) {
  return dice.chance(70) ? some_selector(dice, "app", {"x", "y", "z"}) : some_selector(dice, "tier", {"1", "2"});
}

// Blocks that hold some of the network, and such as part pods of one node, which differ by nothing else. Half of those
// that are drawn are the latter.
struct Blocks {
  std::vector<Prefix> wide;
  std::vector<Prefix> narrow;
};

Blocks blocks_of(const RandomCluster& cluster) {
  Blocks out;
  for (const char* text : {"10.1.0.0/24", "10.1.0.32/28", "10.244.0.0/24", "10.1.8.0/24", "0.0.0.0/0",
                           "198.51.100.0/24", "10.1.0.4/32", "10.9.0.0/16", "fd00:1::/64", "::/0", "fd00:244:0:1::/64",
                           "fd00:1::100/124", "fd00:1::4/128", "2001:db8:100::/64"})
    out.wide.push_back(prefix(text));
  out.wide = spoken(cluster, std::move(out.wide));
  for (const model::Pod& pod : cluster.pods)
    for (const Address& own : pod.addresses)
      for (int length : {own.bits(), own.bits() - 1}) out.narrow.emplace_back(own, length);
  return out;
}

model::PolicyPeer some_peer(Dice& dice, const Blocks& blocks) {
  model::PolicyPeer out;
  std::size_t kind = dice.below(4);
  if (kind == 0) {
    bool narrow = !blocks.narrow.empty() && dice.chance(50);
    out.ip_block = model::IpBlock{dice.of(narrow ? blocks.narrow : blocks.wide), {}};
    for (const auto* holes : {&blocks.wide, &blocks.narrow})
      for (const Prefix& hole : *holes)
        if (dice.chance(30) && out.ip_block->cidr.contains(hole) && hole != out.ip_block->cidr)
          out.ip_block->except.push_back(hole);
    return out;
  }
  if (kind != 1) out.namespace_selector = some_selector(dice, "env", {"dev", "prod"});
  if (kind != 2) out.pod_selector = some_pods(dice);
  return out;
}

model::PolicyPort some_port(Dice& dice) {
  model::PolicyPort out;
  out.protocol = static_cast<Protocol>(dice.below(10) < 8 ? 0 : 1);
  switch (dice.below(6)) {
    case 0: break;
    case 1:
    case 2:
    case 3: out.port = model::PortRef{0, dice.of(std::vector<std::string>{"web", "web", "dns"})}; break;
    case 4: out.port = model::PortRef{static_cast<std::uint16_t>(80 + dice.below(2)), ""}; break;
    default:
      out.port = model::PortRef{static_cast<std::uint16_t>(50 + dice.below(32)), ""};
      out.end_port = static_cast<std::uint16_t>(out.port->number + dice.below(40));
      break;
  }
  return out;
}

model::PolicyRule some_rule(Dice& dice, const Blocks& blocks) {
  model::PolicyRule out;
  for (std::size_t i = dice.below(3); i > 0; --i) out.peers.push_back(some_peer(dice, blocks));
  for (std::size_t i = dice.chance(40) ? 0 : dice.below(3); i > 0; --i) out.ports.push_back(some_port(dice));
  return out;
}

model::NetworkSecurityGroup some_group(Dice& dice, const std::string& name) {
  static const std::vector<std::string> ends = {"*",           "VirtualNetwork", "Internet",      "AzureLoadBalancer",
                                                "10.1.0.0/24", "10.1.8.0/24",    "10.244.0.0/16", "10.9.1.4/32",
                                                "10.1.0.4/32", "fd00:1::/48",    "fd00:192::/48", "192.168.0.0/16",
                                                "fd00:1::/64"};
  model::NetworkSecurityGroup out = *object<model::NetworkSecurityGroup>(Kind::NetworkSecurityGroup, name);
  auto end = [&](std::vector<std::string>& prefixes, std::vector<std::string>& groups) {
    if (dice.chance(15)) {
      groups.push_back(dice.of(std::vector<std::string>{"asg-0", "asg-1"}));
      return;
    }
    for (std::size_t i = 1 + dice.below(2); i > 0; --i) prefixes.push_back(dice.of(ends));
  };
  for (std::size_t i = dice.below(6); i > 0; --i) {
    SecurityRule rule;
    rule.name = "r" + std::to_string(i);
    rule.priority = static_cast<std::uint16_t>(100 * i + dice.below(50));
    rule.direction = dice.chance(60) ? SecurityRule::Direction::inbound : SecurityRule::Direction::outbound;
    rule.allow = dice.chance(50);
    if (dice.chance(50)) rule.protocol = dice.chance(75) ? Protocol::tcp : Protocol::udp;
    end(rule.source_prefixes, rule.source_groups);
    end(rule.destination_prefixes, rule.destination_groups);
    if (dice.chance(40)) rule.destination_ports.push_back({80, static_cast<std::uint16_t>(80 + dice.below(10))});
    if (dice.chance(10)) rule.source_ports.push_back({1, static_cast<std::uint16_t>(dice.chance(50) ? 1023 : 65535)});
    out.rules.push_back(std::move(rule));
  }
  return out;
}

// An interface that is somebody's: whose, is the caller's to say.
std::shared_ptr<model::NetworkInterface> some_interface(Dice& dice, const RandomCluster& out, const std::string& name) {
  auto nic = object<model::NetworkInterface>(Kind::NetworkInterface, name);
  if (dice.chance(40)) nic->network_security_group = dice.of(std::vector<std::string>{"g0", "g1"});
  if (dice.chance(40)) nic->application_security_groups.push_back(dice.chance(50) ? "asg-0" : "asg-1");
  if (dice.chance(30)) {
    std::string last = std::to_string(100 + out.others.size());
    nic->public_address =
        dice.of(spoken(out, std::vector{address("203.0.113." + last), address("2001:db8:ffff::" + last)}));
  }
  return nic;
}

constexpr int nodes = 3;

std::string number(int i) { return std::to_string(i); }
std::string node_name(int i) { return "n" + number(i); }

void add_networks(Dice& dice, RandomCluster& out) {
  auto maybe = [&](const std::vector<std::string>& names) { return dice.chance(45) ? dice.of(names) : std::string(); };
  for (const char* name : {"g0", "g1"}) out.groups.push_back(some_group(dice, name));
  auto net = object<model::VirtualNetwork>(Kind::VirtualNetwork, "net");
  auto both = [&](const char* v4, const char* v6) { return spoken(out, std::vector{prefix(v4), prefix(v6)}); };
  auto outside = [&](const char* v4, const char* v6) { return spoken(out, std::vector{address(v4), address(v6)}); };
  net->address_space = both("10.1.0.0/16", "fd00:1::/48");
  if (dice.chance(70)) net->outbound_addresses = outside("203.0.113.1", "2001:db8:ffff::1");
  net->subnets = {{"nodes", both("10.1.0.0/24", "fd00:1::/64"), maybe({"g0", "g1"}), "t-nodes", ""},
                  {"vms", both("10.1.8.0/24", "fd00:1:0:8::/64"), maybe({"g0", "g1"}), maybe({"t-vms"}), ""},
                  {"GatewaySubnet", both("10.1.255.0/27", "fd00:1:0:ff::/64"), "", "", ""}};
  auto far = object<model::VirtualNetwork>(Kind::VirtualNetwork, "far");
  far->address_space = both("10.9.0.0/16", "fd00:9::/48");
  far->outbound_addresses = outside("203.0.113.9", "2001:db8:ffff::9");
  far->subnets = {{"all", both("10.9.1.0/24", "fd00:9:0:1::/64"), maybe({"g0", "g1"}), maybe({"t-vms"}), ""}};
  out.others.push_back(any(net));
  out.others.push_back(any(far));
  for (auto [from, to] : {std::pair{"net", "far"}, std::pair{"far", "net"}}) {
    if (dice.chance(20)) continue;
    auto peering = object<model::NetworkPeering>(Kind::NetworkPeering, std::string(from) + "-" + to);
    peering->from = from;
    peering->to = to;
    peering->allow_virtual_network_access = dice.chance(90);
    peering->allow_forwarded_traffic = dice.chance(50);
    peering->allow_gateway_transit = from == std::string("net") && dice.chance(70);
    peering->use_remote_gateways = from == std::string("far") && dice.chance(70);
    out.others.push_back(any(peering));
  }
  model::RouteTable to_pods = *object<model::RouteTable>(Kind::RouteTable, "t-nodes");
  auto hop = [&](const std::string& to, const std::string& by) {
    to_pods.routes.push_back({"r" + number(static_cast<int>(to_pods.routes.size())), prefix(to),
                              NextHopType::virtual_appliance, address(by)});
  };
  for (int i = 0; out.kubenet && i < nodes; ++i) {
    hop("10.244." + number(i) + ".0/24", "10.1.0." + number(4 + i));
    hop("fd00:244:0:" + number(i) + "::/64", "fd00:1::" + number(4 + i));
  }
  out.tables.push_back(std::move(to_pods));
  model::RouteTable mixed = *object<model::RouteTable>(Kind::RouteTable, "t-vms");
  static const std::vector<std::string> targets = {"0.0.0.0/0",     "10.9.0.0/16",    "10.1.0.0/24",   "10.1.0.5/32",
                                                   "fd00:9::/48",   "192.168.0.0/16", "10.244.0.0/24", "::/0",
                                                   "fd00:1::5/128", "fd00:192::/48"};
  for (const std::string& target : targets) {
    if (!dice.chance(25)) continue;
    model::UserRoute route{"to-" + number(static_cast<int>(mixed.routes.size())), prefix(target),
                           static_cast<NextHopType>(dice.below(5)), std::nullopt};
    if (route.next_hop_type == NextHopType::virtual_appliance)
      route.next_hop_address = route.prefix.family() == model::Family::v4
                                   ? address(dice.chance(50) ? "10.1.8.5" : "10.1.0.4")
                                   : address(dice.chance(50) ? "fd00:1:0:8::5" : "fd00:1::4");
    mixed.routes.push_back(route);
  }
  mixed.disable_gateway_route_propagation = dice.chance(15);
  out.tables.push_back(std::move(mixed));
}

void add_hosts(Dice& dice, RandomCluster& out) {
  auto host = [&](const std::string& name, const std::string& subnet, const std::string& v4, const std::string& v6) {
    auto nic = some_interface(dice, out, name);
    nic->subnet = {subnet == "all" ? "far" : "net", subnet};
    nic->addresses = spoken(out, std::vector{address(v4), address(v6)});
    nic->ip_forwarding = name == "vm1" || dice.chance(20);
    auto owner = object<model::LabHost>(Kind::LabHost, name);
    owner->network = model::LabHost::Network::interfaces;
    owner->interfaces = {name};
    owner->listeners = {{80, Protocol::tcp}};
    out.others.push_back(any(nic));
    out.others.push_back(any(owner));
  };
  if (dice.chance(40)) host("vm0", "vms", "10.1.8.4", "fd00:1:0:8::4");
  host("vm1", "vms", "10.1.8.5", "fd00:1:0:8::5");
  host("far0", "all", "10.9.1.4", "fd00:9:0:1::4");
  auto internet = object<model::LabHost>(Kind::LabHost, "internet");
  internet->addresses = spoken(out, std::vector{address("198.51.100.10"), address("2001:db8:100::10")});
  internet->listeners = {{80, Protocol::tcp}};
  out.others.push_back(any(internet));
  auto office = object<model::OnPremisesNetwork>(Kind::OnPremisesNetwork, "office");
  office->address_space = spoken(out, std::vector{prefix("192.168.0.0/16"), prefix("fd00:192::/48")});
  auto desk = object<model::LabHost>(Kind::LabHost, "desk");
  desk->network = model::LabHost::Network::on_premises;
  desk->on_premises_network = "office";
  desk->addresses = spoken(out, std::vector{address("192.168.1.10"), address("fd00:192:0:1::10")});
  out.others.push_back(any(office));
  out.others.push_back(any(desk));
  if (dice.chance(30)) return;
  auto gateway = object<model::NetworkGateway>(Kind::NetworkGateway, "gw");
  gateway->subnet = {"net", "GatewaySubnet"};
  auto connection = object<model::GatewayConnection>(Kind::GatewayConnection, "office");
  connection->gateway = "gw";
  connection->on_premises_network = "office";
  if (dice.chance(20))
    connection->routes = spoken(out, std::vector{prefix("192.168.2.0/24"), prefix("fd00:192:0:2::/64")});
  out.others.push_back(any(gateway));
  out.others.push_back(any(connection));
}

void add_nodes(Dice& dice, RandomCluster& out) {
  auto cluster = object<model::Cluster>(Kind::Cluster, "c");
  cluster->network_model = out.kubenet ? model::NetworkModel::kubenet : model::NetworkModel::vnet;
  cluster->subnet = {"net", "nodes"};
  if (out.kubenet) cluster->pod_cidrs = spoken(out, std::vector{prefix("10.244.0.0/16"), prefix("fd00:244::/56")});
  if (out.kubenet && dice.chance(30)) cluster->non_masquerade_cidrs = {prefix("10.1.8.0/24")};
  out.others.push_back(any(cluster));
  for (int i = 0; i < nodes; ++i) {
    auto node = object<model::Node>(Kind::Node, node_name(i));
    node->cluster = "c";
    node->subnet = {"net", "nodes"};
    node->addresses = spoken(out, std::vector{address("10.1.0." + number(4 + i)), address("fd00:1::" + number(4 + i))});
    if (i == 2 && node->addresses.size() == 2 && dice.chance(30)) node->addresses.pop_back();
    if (out.kubenet)
      node->pod_cidrs = spoken(
          out, std::vector{prefix("10.244." + number(i) + ".0/24"), prefix("fd00:244:0:" + number(i) + "::/64")});
    if (!out.kubenet && out.speaks(model::Family::v4))
      node->pod_ranges.push_back({address("10.1.0." + number(32 + 16 * i)), address("10.1.0." + number(47 + 16 * i))});
    if (!out.kubenet && out.speaks(model::Family::v6))
      node->pod_ranges.push_back({address("fd00:1::1" + number(i) + "0"), address("fd00:1::1" + number(i) + "f")});
    if (dice.chance(50)) {
      auto nic = some_interface(dice, out, node_name(i) + "-nic");
      nic->node = node_name(i);
      nic->ip_forwarding = dice.chance(15);
      out.others.push_back(any(nic));
    }
    out.others.push_back(any(node));
  }
}

// Half of them are replicas of one before, so that there are pods which differ by nothing but node and address, or by
// what their ports' names mean.
model::Pod some_pod(Dice& dice, const RandomCluster& out, const std::string& name) {
  if (!out.pods.empty() && dice.chance(50)) {
    model::Pod replica = dice.of(out.pods);
    replica.meta.name = name;
    if (dice.chance(40)) {
      std::uint16_t was = replica.spec.ports[0].port;
      replica.spec.ports[0].port = was == 80 ? 81 : 80;
      replica.spec.ports.push_back({"", was, 0, Protocol::tcp});
    }
    return replica;
  }
  model::Pod pod = *object<model::Pod>(Kind::Pod, name, dice.of(spaces));
  pod.spec.host_network = dice.chance(10);
  pod.phase = "Running";
  if (dice.chance(90)) pod.meta.labels["app"] = dice.of(std::vector<std::string>{"x", "y", "z"});
  if (dice.chance(50)) pod.meta.labels["tier"] = dice.of(std::vector<std::string>{"1", "2"});
  pod.spec.ports = {{dice.chance(80) ? "web" : "", static_cast<std::uint16_t>(80 + dice.below(2)), 0, Protocol::tcp}};
  if (dice.chance(30)) pod.spec.ports.push_back({"dns", 53, 0, Protocol::udp});
  return pod;
}

void add_pods(Dice& dice, RandomCluster& out, int count) {
  std::vector<int> used(nodes, 2);
  for (int i = 0; i < count; ++i) {
    model::Pod pod = some_pod(dice, out, "p" + number(i));
    int node = static_cast<int>(dice.below(nodes));
    pod.spec.node_name = node_name(node);
    int own = used[static_cast<std::size_t>(node)]++;
    std::string v4 =
        out.kubenet ? "10.244." + number(node) + "." + number(own) : "10.1.0." + number(32 + 16 * node + own);
    std::string v6 =
        out.kubenet ? "fd00:244:0:" + number(node) + "::" + number(own) : "fd00:1::1" + number(node) + number(own);
    pod.addresses = spoken(out, std::vector{address(v4), address(v6)});
    if (pod.addresses.size() == 2 && dice.chance(20))
      pod.addresses.erase(pod.addresses.begin() + (dice.chance(70) ? 1 : 0));
    if (pod.spec.host_network) pod.addresses.clear();
    out.pods.push_back(std::move(pod));
  }
}

void add_services(Dice& dice, RandomCluster& out) {
  for (int i = static_cast<int>(dice.below(3)); i > 0; --i) {
    model::Service service = *object<model::Service>(Kind::Service, "s" + number(i), dice.of(spaces));
    service.selector = model::Labels{{"app", dice.of(std::vector<std::string>{"x", "y", "z"})}};
    service.cluster_addresses =
        spoken(out, std::vector{address("10.96.0." + number(10 + i)), address("fd00:96::" + number(10 + i))});
    model::ServicePort port;
    port.port = 80;
    port.target = dice.chance(50) ? model::PortRef{0, "web"} : model::PortRef{80, ""};
    if (dice.chance(40)) {
      service.type = model::ServiceType::node_port;
      port.node_port = 10250;  // what the matrix asks nodes about
    }
    service.ports = {port};
    out.services.push_back(std::move(service));
  }
}

}  // namespace

model::NetworkPolicy random_policy(Dice& dice, const RandomCluster& cluster, const std::string& name) {
  Blocks blocks = blocks_of(cluster);
  const std::string& ns = dice.of(cluster.pods).meta.ns;
  model::NetworkPolicy out = *object<model::NetworkPolicy>(Kind::NetworkPolicy, name, ns);
  out.pod_selector = some_pods(dice);
  std::size_t types = dice.below(3);
  out.ingress = types != 1;
  out.egress = types != 0;
  for (std::size_t i = dice.below(3); out.ingress && i > 0; --i) out.ingress_rules.push_back(some_rule(dice, blocks));
  for (std::size_t i = dice.below(3); out.egress && i > 0; --i) out.egress_rules.push_back(some_rule(dice, blocks));
  return out;
}

RandomCluster random_cluster(Dice& dice) {
  RandomCluster out;
  out.kubenet = dice.chance(50);
  if (dice.chance(70)) out.families = {dice.chance(50) ? model::Family::v4 : model::Family::v6};
  for (const std::string& name : spaces) {
    model::Namespace ns = *object<model::Namespace>(Kind::Namespace, name);
    if (dice.chance(80)) ns.meta.labels["env"] = dice.chance(50) ? "dev" : "prod";
    out.namespaces.push_back(std::move(ns));
  }
  add_networks(dice, out);
  add_hosts(dice, out);
  add_nodes(dice, out);
  add_pods(dice, out, 3 + static_cast<int>(dice.below(3)));
  add_services(dice, out);
  for (std::size_t i = dice.below(5); i > 0; --i)
    out.policies.push_back(random_policy(dice, out, "q" + number(static_cast<int>(i))));
  return out;
}

std::vector<model::AnyObject> RandomCluster::objects() const {
  std::vector<model::AnyObject> all = others;
  auto add = [&](const auto& list) {
    for (const auto& each : list) all.push_back(any(std::make_shared<std::decay_t<decltype(each)>>(each)));
  };
  add(namespaces);
  add(pods);
  add(policies);
  add(groups);
  add(tables);
  add(services);
  return all;
}

bool RandomCluster::speaks(model::Family family) const {
  return std::find(families.begin(), families.end(), family) != families.end();
}

model::Snapshot RandomCluster::snapshot() const { return model::snapshot_of(objects()); }

}  // namespace bailey
