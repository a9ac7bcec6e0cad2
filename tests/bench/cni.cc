// The CNI plugin beside Debian's bridge + host-local: how long each command takes, alone and many at once, on an empty
// node and on a full one; and the floor, which is what the kernel takes for a process, a namespace and a link.
//
// Both sides do the same in turns, each on a node of its own, and each round has a new pod. Between commands the
// kernel gets time for what it still does in the background. DEL is measured as runtimes do it: the pod's namespace is
// still there and is removed afterwards, which is not counted.
#include <unistd.h>

#include <cstdio>
#include <functional>

#include "figures.h"
#include "floor.h"
#include "must.h"
#include "node.h"

namespace {

using bailey::base::Json;
namespace bench = bailey::bench;

constexpr int rounds = 40;
constexpr const char* peer_folder = "/usr/lib/cni";

struct Case {
  std::string model;
  bool dual = false;
  bool masquerade = false;
};

// Addresses for more than a thousand pods.
Json ours(const Case& what) {
  static int number = 0;
  Json ranges = Json::array();
  ranges.push("10.128.0.0/16");
  if (what.dual) ranges.push("fd00:10::/64");
  Json network = Json::object().set("cniVersion", "1.0.0").set("name", "bench").set("type", "bailey-cni");
  network.set("networkModel", what.model).set("podRanges", ranges);
  network.set("ipamDir", "/run/ours-" + std::to_string(++number));
  if (what.masquerade) network.set("masquerade", true);
  return network;
}

Json theirs(const Case& what) {
  static int number = 0;
  Json ranges = Json::array();
  Json routes = Json::array();
  for (const auto& [subnet, everything] : {std::pair{"10.128.0.0/16", "0.0.0.0/0"}, {"fd00:10::/64", "::/0"}}) {
    if (ranges.items().size() == 1 && !what.dual) break;
    ranges.push(Json::array()).push(Json::object().set("subnet", subnet));
    routes.push(Json::object().set("dst", everything));
  }
  Json addresses = Json::object().set("type", "host-local").set("ranges", ranges).set("routes", routes);
  addresses.set("dataDir", "/run/theirs-" + std::to_string(++number));
  Json network = Json::object().set("cniVersion", "1.0.0").set("name", "bench").set("type", "bridge");
  network.set("bridge", "bench0").set("isGateway", true).set("ipam", addresses);
  if (what.masquerade) network.set("ipMasq", true);
  return network;
}

std::string peer_name(const Case& what) {
  static const std::string version = [] {
    std::string text = bench::run({"/usr/bin/dpkg-query", "-W", "-f=${Version}", "containernetworking-plugins"}).output;
    return text.substr(0, text.find_first_of("+-"));  // the upstream one
  }();
  return "containernetworking-plugins " + version + " bridge+host-local" + (what.masquerade ? "+ipMasq" : "");
}

// A plugin and a node of its own.
struct Side {
  bench::Plugin plugin;
  bench::Node node;
};

Side our_side(const Case& what) { return {{BAILEY_BINARY_DIR "/bin/bailey-cni", ours(what), "/nowhere"}, {}}; }
Side their_side(const Case& what) { return {{peer_folder + std::string("/bridge"), theirs(what), peer_folder}, {}}; }

std::string next_container() {
  static int number = 0;
  return "container-" + std::to_string(++number);
}

bench::Answer must_call(const Side& side, const std::string& command, const std::string& container,
                        const bench::Pod& pod, const Json& previous = {}) {
  bench::Answer answer = bench::call(side.plugin, side.node, command, container, pod.path(), previous);
  if (answer.status != 0) bench::give_up(side.plugin.program + " " + command + ": " + answer.output.dump());
  return answer;
}

struct Times {
  std::vector<double> add, check, del;
};

void one_round(const Side& side, Times& times) {
  bench::Pod pod;
  std::string container = next_container();
  bench::rest();
  bench::Answer added = must_call(side, "ADD", container, pod);
  times.add.push_back(added.milliseconds);
  bench::rest();
  times.check.push_back(must_call(side, "CHECK", container, pod, added.output).milliseconds);
  times.del.push_back(must_call(side, "DEL", container, pod).milliseconds);
}

// What keeps our plugin from this case; empty: nothing.
std::string obstacle(const Case& what) {
  Side side = our_side(what);
  bench::Pod pod;
  bench::Answer added = bench::call(side.plugin, side.node, "ADD", "probe", pod.path());
  if (added.status == 0) return "";
  std::string text = added.output["msg"].as_string();
  if (added.output["code"].as_int() != 7) bench::give_up("ADD: " + added.output.dump());
  return text;
}

void measure_commands(const bench::Report& report, const Case& what) {
  Side mine = our_side(what);
  Side peer = their_side(what);
  Times my_times;
  Times their_times;
  for (int round = 0; round < rounds; ++round) {
    one_round(mine, my_times);
    one_round(peer, their_times);
  }
  std::string kind = std::string(what.dual ? "_dual" : "") + (what.masquerade ? "_masquerade" : "");
  std::string name = peer_name(what);
  report.add(bench::figure(what.model + " add" + kind, "ms", my_times.add, name, their_times.add));
  report.add(bench::figure(what.model + " del" + kind, "ms", my_times.del, name, their_times.del));
  if (kind.empty()) report.add(bench::figure(what.model + " check", "ms", my_times.check, name, their_times.check));
}

// The wall time of 16 at once: a node that starts after a failure, or that is drained.
void measure_many_at_once(const bench::Report& report, const Case& what) {
  constexpr int at_once = 16;
  constexpr int times = 15;
  Side sides[] = {our_side(what), their_side(what)};
  std::vector<double> add[2];
  std::vector<double> del[2];
  for (int round = 0; round < times; ++round) {
    for (int i = 0; i < 2; ++i) {
      std::vector<bench::Pod> pods(at_once);
      bench::rest();
      add[i].push_back(bench::call_all(sides[i].plugin, sides[i].node, "ADD", pods));
      bench::rest();
      del[i].push_back(bench::call_all(sides[i].plugin, sides[i].node, "DEL", pods));
    }
  }
  report.add(bench::figure(what.model + " add, 16 at once", "ms", add[0], peer_name(what), add[1]));
  report.add(bench::figure(what.model + " del, 16 at once", "ms", del[0], peer_name(what), del[1]));
}

// One pod after the other, without rest, namespaces made and removed too: work that a command leaves to the background
// meets the next one here.
void measure_churn(const bench::Report& report, const Case& what) {
  constexpr int pods = 50;
  constexpr int times = 5;
  Side sides[] = {our_side(what), their_side(what)};
  std::vector<double> each_ms[2];
  for (int round = 0; round < times; ++round) {
    for (int i = 0; i < 2; ++i) {
      bench::rest();
      bench::Stopwatch watch;
      for (int n = 0; n < pods; ++n) {
        bench::Pod pod;
        std::string container = next_container();
        must_call(sides[i], "ADD", container, pod);
        must_call(sides[i], "DEL", container, pod);
      }
      each_ms[i].push_back(watch.milliseconds() / pods);
    }
  }
  report.add(
      bench::figure(what.model + " churn, namespace+add+del a pod", "ms", each_ms[0], peer_name(what), each_ms[1]));
}

// A node that gets fuller, and one more pod added and deleted on it again and again.
class Filling {
 public:
  explicit Filling(Side side) : side_(std::move(side)) {}

  void fill(std::size_t count) {
    while (pods_.size() < count) {
      pods_.emplace_back();
      must_call(side_, "ADD", next_container(), pods_.back());
    }
  }
  void measure_one() { one_round(side_, times_); }
  Times take() { return std::exchange(times_, {}); }

 private:
  Side side_;
  std::vector<bench::Pod> pods_;
  Times times_;
};

// Ours while the node fills, each in turns with a node that stays empty: only what pods beside it cost differs. Then
// beside a node that the peer has filled.
void measure_flat(const bench::Report& report, const Case& what) {
  constexpr int times = 20;
  Filling mine(our_side(what));
  auto measure = [&](std::size_t count, Filling& other, const std::string& name) {
    bench::rest();
    for (int i = 0; i < times; ++i) {
      mine.measure_one();
      other.measure_one();
    }
    Times my_times = mine.take();
    Times other_times = other.take();
    std::string where = " beside " + std::to_string(count) + (count == 1 ? " pod" : " pods");
    report.add(bench::figure(what.model + " add" + where, "ms", my_times.add, name, other_times.add));
    report.add(bench::figure(what.model + " del" + where, "ms", my_times.del, name, other_times.del));
  };
  Filling empty(our_side(what));
  for (std::size_t count : {1, 10, 100, 500, 1000}) {
    mine.fill(count);
    measure(count, empty, "bailey-cni on an empty node");
  }
  Filling peer(their_side(what));
  peer.fill(1000);
  measure(1000, peer, peer_name(what) + ", 1000 pods too");
}

}  // namespace

int main(int argc, char** argv) {
  if (::geteuid() != 0) {
    std::fprintf(stderr, "bench cni: network namespaces need root\n");
    return 3;
  }
  if (::access((std::string(peer_folder) + "/bridge").c_str(), X_OK) != 0) {
    std::fprintf(stderr,
                 "bench cni: there is no %s/bridge to compare with; apt-get install containernetworking-plugins\n",
                 peer_folder);
    return 3;
  }
  bench::Report report("cni", argc, argv);
  bench::enter_own_machine();
  bench::measure_floor(report);
  for (const char* model : {"vnet", "kubenet"}) {
    if (std::string why = obstacle({model}); !why.empty()) {
      report.skip(model, why);
      continue;
    }
    measure_commands(report, {model});
    measure_commands(report, {model, true});
    if (model == std::string("kubenet")) {
      std::string why = obstacle({model, false, true});
      if (why.empty()) measure_commands(report, {model, false, true});
      if (!why.empty()) report.skip("kubenet with masquerade", why);
    }
    measure_many_at_once(report, {model});
    measure_churn(report, {model});
    measure_flat(report, {model});
  }
  return 0;
}
