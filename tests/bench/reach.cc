// Who reaches whom in a cluster of 2,000 pods and 500 policies: all of it by classes, against one question at a time.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include "figures.h"
#include "reach/diff.h"

namespace {

using namespace bailey;
using model::Family;
using model::Kind;

constexpr int namespaces = 40;
constexpr int workloads = 10;  // in each
constexpr int replicas = 5;
constexpr int nodes = 40;
constexpr int runs = 7;
constexpr std::size_t naive_sources = 20;

template <typename T>
std::shared_ptr<T> object(Kind kind, const std::string& ns, const std::string& name) {
  auto out = std::make_shared<T>();
  out->meta.kind = kind;
  out->meta.ns = ns;
  out->meta.name = name;
  return out;
}

std::string name_of(const char* what, int index) { return std::string(what) + std::to_string(index); }

// Twelve or thirteen policies a namespace: isolation, one each for its workloads, and one that opens it to another
// namespace, an address block, or by named and ranged ports.
void add_policies(const std::string& ns, int number, std::vector<model::AnyObject>& out) {
  auto isolation = object<model::NetworkPolicy>(Kind::NetworkPolicy, ns, "isolation");
  isolation->egress = number % 4 == 0;
  if (isolation->egress) {
    model::PolicyRule dns;
    dns.ports.push_back({model::PortRef{53, ""}, 0, model::Protocol::udp});
    isolation->egress_rules.push_back(dns);
  }
  out.emplace_back(isolation);
  for (int i = 0; i < workloads; ++i) {
    auto policy = object<model::NetworkPolicy>(Kind::NetworkPolicy, ns, name_of("allow", i));
    policy->pod_selector.match_labels["app"] = name_of("app", i);
    model::PolicyRule rule;
    model::PolicyPeer peer;
    peer.pod_selector.emplace().match_labels["app"] = name_of("app", (i + 1) % workloads);
    if (i % 3 == 0) peer.namespace_selector.emplace().match_labels["team"] = name_of("team", number % 8);
    rule.peers.push_back(peer);
    if (i % 2 == 0) rule.ports.push_back({model::PortRef{0, "web"}, 0, model::Protocol::tcp});
    if (i % 5 == 1) rule.ports.push_back({model::PortRef{8000, ""}, 8999, model::Protocol::tcp});
    policy->ingress_rules.push_back(rule);
    out.emplace_back(policy);
  }
  auto outside = object<model::NetworkPolicy>(Kind::NetworkPolicy, ns, "outside");
  model::PolicyRule rule;
  model::PolicyPeer peer;
  peer.ip_block = model::IpBlock{*model::Prefix::parse("10.1.0.0/16"), {*model::Prefix::parse("10.1.3.0/24")}};
  rule.peers.push_back(peer);
  outside->ingress_rules.push_back(rule);
  out.emplace_back(outside);
  if (number % 2 == 0) {
    auto monitoring = object<model::NetworkPolicy>(Kind::NetworkPolicy, ns, "monitoring");
    model::PolicyRule all;
    model::PolicyPeer from;
    from.namespace_selector.emplace().match_labels["team"] = "team0";
    all.peers.push_back(from);
    monitoring->ingress_rules.push_back(all);
    out.emplace_back(monitoring);
  }
}

void add_network(std::vector<model::AnyObject>& out) {
  auto vnet = object<model::VirtualNetwork>(Kind::VirtualNetwork, "", "vnet");
  vnet->address_space = {*model::Prefix::parse("10.0.0.0/8")};
  model::Subnet subnet;
  subnet.name = "nodes";
  subnet.prefixes = {*model::Prefix::parse("10.0.0.0/9")};
  subnet.network_security_group = "group";
  vnet->subnets = {subnet};
  out.emplace_back(vnet);
  auto group = object<model::NetworkSecurityGroup>(Kind::NetworkSecurityGroup, "", "group");
  model::SecurityRule rule;
  rule.name = "no-ssh";
  rule.priority = 100;
  rule.source_prefixes = {"10.1.2.0/24"};
  rule.destination_ports = {{22, 22}};
  group->rules = {rule};
  out.emplace_back(group);
}

std::vector<model::AnyObject> cluster() {
  std::vector<model::AnyObject> out;
  add_network(out);
  std::vector<std::shared_ptr<model::Node>> made;
  for (int i = 0; i < nodes; ++i) {
    auto node = object<model::Node>(Kind::Node, "", name_of("node", i));
    node->subnet = {"vnet", "nodes"};
    node->addresses = {model::Address::v4(0x0a000004u + static_cast<std::uint32_t>(i))};
    model::Address first = model::Address::v4(0x0a010000u + static_cast<std::uint32_t>(i) * 256u);
    node->pod_ranges = {{first, first.plus(255)}};
    made.push_back(node);
    out.emplace_back(node);
  }
  int pods = 0;
  for (int n = 0; n < namespaces; ++n) {
    std::string ns = name_of("ns", n);
    auto space = object<model::Namespace>(Kind::Namespace, "", ns);
    space->meta.labels["team"] = name_of("team", n % 8);
    out.emplace_back(space);
    add_policies(ns, n, out);
    for (int w = 0; w < workloads; ++w)
      for (int r = 0; r < replicas; ++r, ++pods) {
        auto pod = object<model::Pod>(Kind::Pod, ns, name_of("app", w) + "-" + std::to_string(r));
        pod->meta.labels["app"] = name_of("app", w);
        pod->owner = model::ObjectRef{Kind::Deployment, ns, name_of("app", w)};
        pod->spec.node_name = name_of("node", pods % nodes);
        pod->spec.ports = {{"web", 80, 0, model::Protocol::tcp}, {"admin", 8443, 0, model::Protocol::tcp}};
        pod->addresses = {made[static_cast<std::size_t>(pods % nodes)]->pod_ranges[0].first.plus(
            static_cast<unsigned>(pods / nodes))};
        out.emplace_back(pod);
      }
  }
  return out;
}

double milliseconds(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - since).count();
}

struct Count {
  std::size_t rows = 0;
  std::size_t allowed = 0;
};

Count ask_all(reach::Matrix& matrix) {
  Count out;
  for (std::size_t to = 0; to < matrix.size(); ++to)
    for (const model::Port& port : matrix.ports(to))
      for (std::size_t from = 0; from < matrix.size(); ++from) {
        if (from == to) continue;
        ++out.rows;
        out.allowed += matrix.verdict(from, to, port).allow ? 1 : 0;
      }
  return out;
}

// The same rows for every hundredth source, one question at a time. Returns how many are allowed.
std::size_t ask_some(const model::Snapshot& snapshot, reach::Matrix& matrix) {
  reach::Reach reach(snapshot);
  std::size_t allowed = 0;
  std::size_t differ = 0;
  for (std::size_t i = 0; i < naive_sources; ++i) {
    std::size_t from = i * (matrix.size() / naive_sources);
    for (std::size_t to = 0; to < matrix.size(); ++to)
      for (const model::Port& port : matrix.ports(to)) {
        if (from == to) continue;
        reach::Verdict one =
            reach::verdict_of(reach, matrix.place(from), matrix.place(to), *matrix.place(to).address(Family::v4), port);
        allowed += one.allow ? 1 : 0;
        differ += one == matrix.verdict(from, to, port) ? 0 : 1;
      }
  }
  if (differ != 0) {
    std::fprintf(stderr, "bench reach: %zu rows differ from the naive loop\n", differ);
    std::exit(1);
  }
  return allowed;
}

double peak_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

}  // namespace

namespace {

// A reviewer's change: one policy goes, one is loosened, one namespace changes its team.
std::vector<model::AnyObject> changed(const std::vector<model::AnyObject>& objects) {
  std::vector<model::AnyObject> out;
  for (const model::AnyObject& each : objects) {
    auto policy = each.as<model::NetworkPolicy>();
    auto space = each.as<model::Namespace>();
    if (policy && policy->meta.ns == "ns3" && policy->meta.name == "allow4") continue;
    if (policy && policy->meta.ns == "ns7" && policy->meta.name == "allow1") {
      auto loosened = std::make_shared<model::NetworkPolicy>(*policy);
      loosened->ingress_rules[0].ports.clear();
      out.emplace_back(loosened);
    } else if (space && space->meta.name == "ns9") {
      auto moved = std::make_shared<model::Namespace>(*space);
      moved->meta.labels["team"] = "team0";
      out.emplace_back(moved);
    } else {
      out.push_back(each);
    }
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Report report("reach", argc, argv);
  std::vector<model::AnyObject> objects = cluster();
  model::Snapshot before = model::snapshot_of(objects);

  std::vector<double> whole;
  Count count;
  std::size_t classes = 0;
  std::size_t worked_out = 0;
  for (int run = 0; run < runs; ++run) {
    auto start = std::chrono::steady_clock::now();
    reach::Matrix matrix(before, Family::v4);
    count = ask_all(matrix);
    whole.push_back(milliseconds(start));
    classes = matrix.class_count();
    worked_out = matrix.worked_out();
  }
  reach::Matrix known(before, Family::v4);
  auto start = std::chrono::steady_clock::now();
  ask_some(before, known);
  double share = static_cast<double>(known.size()) / naive_sources;
  std::vector<double> naive{milliseconds(start) * share};
  std::string rows = std::to_string(before.all<model::Pod>().size()) + " pods, " +
                     std::to_string(before.all<model::NetworkPolicy>().size()) + " policies, " +
                     std::to_string(count.rows) + " rows";
  report.add(bench::figure("whole matrix: " + rows, "ms", whole,
                           "one question at a time, from 1 source in " + std::to_string(known.size() / naive_sources),
                           naive));
  report.add({"classes of endpoints", "classes", static_cast<double>(classes), "", std::nullopt});
  report.add({"verdicts worked out", "verdicts", static_cast<double>(worked_out), "", std::nullopt});

  model::Snapshot after = model::snapshot_of(changed(objects));
  std::vector<double> diffs;
  std::size_t changes = 0;
  for (int run = 0; run < runs; ++run) {
    start = std::chrono::steady_clock::now();
    reach::Matrix one(before, Family::v4);
    reach::Matrix two(after, Family::v4);
    changes = reach::diff(one, two).size();
    diffs.push_back(milliseconds(start));
  }
  report.add(bench::figure("diff of two such clusters, " + std::to_string(changes) + " rows", "ms", diffs));
  report.add({"peak memory of all this", "MiB", peak_mib(), "", std::nullopt});
}
