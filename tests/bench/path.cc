// The packet path from pod to pod, on one node and across nodes, in both network models, beside a plain veth pair and
// routers made by hand: as many as the packet of the lab passes. All on one processor, round by round in turns.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "base/strings.h"
#include "chain.h"
#include "figures.h"
#include "harness.h"
#include "io/loop.h"
#include "must.h"
#include "process.h"
#include "traffic.h"

namespace {

using bailey::base::Json;
namespace bench = bailey::bench;
namespace io = bailey::io;
namespace scenario = bailey::scenario;

constexpr int rounds = 75;
constexpr double seconds = 0.05;         // short, so that what else the machine does meets all paths alike
constexpr int routers_across_nodes = 3;  // node, fabric, node

constexpr const char* manifests =
    "apiVersion: bailey.dev/v1alpha1\nkind: VirtualNetwork\nmetadata: {name: bench}\n"
    "spec:\n  addressSpace: [10.240.0.0/16]\n  subnets: [{name: nodes, prefix: 10.240.0.0/24}]\n---\n"
    "apiVersion: bailey.dev/v1alpha1\nkind: Cluster\nmetadata: {name: bench}\n"
    "spec:\n  networkModel: vnet\n  subnet: bench/nodes\n  nodePools: [{name: pool, count: 2, maxPods: 30}]\n---\n"
    "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"
    "spec: {nodeName: bench-pool-0, containers: [{name: c, ports: [{containerPort: 80}]}]}\n---\n"
    "apiVersion: v1\nkind: Pod\nmetadata: {name: b}\n"
    "spec: {nodeName: bench-pool-0, containers: [{name: c, ports: [{containerPort: 80}]}]}\n---\n"
    "apiVersion: v1\nkind: Pod\nmetadata: {name: c}\n"
    "spec: {nodeName: bench-pool-1, containers: [{name: c, ports: [{containerPort: 80}]}]}\n";

// The network namespaces of a lab's pods.
class Cluster {
 public:
  explicit Cluster(const scenario::Lab& lab) : lab_(lab) {
    Json status = lab_.ask("status").json();
    for (const Json& pod : status["pods"].items()) {
      const std::string& name = pod["name"].as_string();
      auto address = bailey::model::Address::parse(
          pod["addresses"].items().empty() ? "" : pod["addresses"].items()[0].as_string());
      if (!address || !pod["ready"].as_bool()) continue;
      pods_[name] = {namespace_of("pod/default/" + name), *address};
    }
  }
  bool ready() const { return pods_.size() == 3; }
  int space(const std::string& pod) const { return pods_.at(pod).space.get(); }
  const bailey::model::Address& address(const std::string& pod) const { return pods_.at(pod).address; }

 private:
  struct Pod {
    io::Fd space;
    bailey::model::Address address;
  };

  // That of a command that runs in it.
  io::Fd namespace_of(const std::string& endpoint) const {
    bench::Process command({BAILEY_BINARY_DIR "/bin/bailey", "lab", "exec", "--name", lab_.name(), endpoint, "--",
                            "/bin/sh", "-c", "echo in; read -r forever"});
    if (command.read_line() != "in") bench::give_up("lab exec " + endpoint + " does not start a command");
    std::string pid = std::to_string(command.pid());
    auto child = io::read_file("/proc/" + pid + "/task/" + pid + "/children");
    if (!child.ok()) bench::give_up(child.error().text());
    std::string path = "/proc/" + std::string(bailey::base::trim(*child)) + "/ns/net";
    io::Fd space(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!space) bench::give_up("cannot open " + path);
    return space;
  }

  const scenario::Lab& lab_;
  std::map<std::string, Pod> pods_;
};

struct Path {
  std::string name;
  int client = -1;
  bailey::model::Address address;
  std::unique_ptr<bench::Server> server;
  std::array<std::vector<double>, 2> per_second;  // by Exchange
  std::array<std::vector<double>, 2> p50_us;
};

class Paths {
 public:
  void add(const std::string& name, int client, int server, const bailey::model::Address& address) {
    paths_.push_back({name, client, address, std::make_unique<bench::Server>(server), {}, {}});
  }
  void add(const std::string& name, const bench::Chain& chain) {
    add(name, chain.client(), chain.server(), chain.server_address());
  }

  void measure() {
    for (int round = 0; round < rounds; ++round)
      for (bench::Exchange exchange : {bench::Exchange::round_trip, bench::Exchange::connection})
        for (std::size_t i = 0; i < paths_.size(); ++i) {
          // Each round begins with another path, so that none has always the same one before it.
          Path& path = paths_[(i + static_cast<std::size_t>(round)) % paths_.size()];
          bench::Pace pace = bench::measure_pace(path.client, path.address, exchange, seconds);
          path.per_second[static_cast<std::size_t>(exchange)].push_back(pace.per_second);
          path.p50_us[static_cast<std::size_t>(exchange)].push_back(pace.p50_us);
        }
  }

  void report(const bench::Report& report, const std::string& ours, const std::string& theirs) const {
    const Path& mine = find(ours);
    const Path& peer = find(theirs);
    constexpr const char* names[] = {"round trip", "connect, request, close"};
    for (std::size_t i = 0; i < 2; ++i) {
      bench::Figure rate =
          bench::figure(ours + ": " + names[i] + " a second", "1/s", mine.per_second[i], theirs, peer.per_second[i]);
      rate.more_is_better = true;
      report.add(rate);
      report.add(bench::figure(ours + ": " + names[i] + " p50", "us", mine.p50_us[i], theirs, peer.p50_us[i]));
    }
  }

 private:
  const Path& find(const std::string& name) const {
    for (const Path& path : paths_)
      if (path.name == name) return path;
    bench::give_up("no path " + name);
  }

  std::vector<Path> paths_;
};

using Labs = std::map<std::string, std::unique_ptr<scenario::Lab>>;  // by network model

void measure(const bench::Report& report, const Labs& labs) {
  std::map<std::string, Cluster> clusters;
  for (const auto& [model, lab] : labs) {
    Cluster cluster(*lab);
    if (cluster.ready()) clusters.emplace(model, std::move(cluster));
    if (!clusters.contains(model)) report.skip(model, "the pods of such a lab do not run");
  }
  bench::Chain plain(0);
  bench::Chain one_router(1);
  bench::Chain more_routers(routers_across_nodes);

  (void)::setpriority(PRIO_PROCESS, 0, -10);  // before other work of the machine
  bench::stay_on_one_processor();
  Paths paths;
  paths.add("plain veth", plain);
  paths.add("router by hand", one_router);
  paths.add("3 routers by hand", more_routers);
  for (const auto& [model, cluster] : clusters) {
    paths.add(model + ", one node", cluster.space("a"), cluster.space("b"), cluster.address("b"));
    paths.add(model + ", two nodes", cluster.space("a"), cluster.space("c"), cluster.address("c"));
  }
  paths.measure();
  for (const auto& [model, cluster] : clusters) {
    paths.report(report, model + ", one node", "router by hand");
    paths.report(report, model + ", one node", "plain veth");
    paths.report(report, model + ", two nodes", "3 routers by hand");
    paths.report(report, model + ", two nodes", "plain veth");
  }
}

// In a process of its own: however it ends, ours is there to end the labs.
int measure_apart(const bench::Report& report, const Labs& labs) {
  (void)::signal(SIGINT, SIG_IGN);
  (void)::signal(SIGTERM, SIG_IGN);
  pid_t child = ::fork();
  if (child == 0) {
    (void)::signal(SIGINT, SIG_DFL);
    (void)::signal(SIGTERM, SIG_DFL);
    measure(report, labs);
    ::_exit(0);
  }
  int status = -1;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (!scenario::is_root()) {
    std::fprintf(stderr, "bench path: labs need root\n");
    return 3;
  }
  bench::Report report("path", argc, argv);
  Labs labs;
  for (const char* model : {"vnet", "kubenet"}) {
    labs[model] = std::make_unique<scenario::Lab>(scenario::unique_name(std::string("bench-") + model));
    scenario::Outcome up = labs[model]->up({"--network-model", model, "-f", "-"}, manifests);
    if (up.status == 0) continue;
    std::fprintf(stderr, "bench path: lab up: %s%s\n", up.err.c_str(), up.out.c_str());
    return 1;
  }
  return measure_apart(report, labs);
}
