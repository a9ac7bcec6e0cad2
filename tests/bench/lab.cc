// How long a lab takes to come up, to take one more pod, and how much memory it needs at rest.
#include <cstdio>
#include <map>

#include "base/strings.h"
#include "figures.h"
#include "harness.h"
#include "io/fd.h"

namespace {

using bailey::base::Json;
using bailey::bench::Figure;
using bailey::bench::median;
using bailey::bench::Report;
namespace scenario = bailey::scenario;

std::string cluster(int nodes, int pods) {
  return "apiVersion: bailey.dev/v1alpha1\nkind: VirtualNetwork\nmetadata: {name: bench}\n"
         "spec:\n  addressSpace: [10.240.0.0/16]\n  subnets: [{name: nodes, prefix: 10.240.0.0/20}]\n---\n"
         "apiVersion: bailey.dev/v1alpha1\nkind: Cluster\nmetadata: {name: bench}\n"
         "spec:\n  networkModel: vnet\n  subnet: bench/nodes\n  nodePools: [{name: p, count: " +
         std::to_string(nodes) +
         ", maxPods: 250}]\n---\n"
         "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
         "spec:\n  replicas: " +
         std::to_string(pods) +
         "\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n"
         "    spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}\n";
}

// Proportional set size of every process of the lab, in MiB.
double memory_mib(const std::string& lab) {
  double kib = 0;
  for (int pid : scenario::bailey_leftovers(lab).processes) {
    auto text = bailey::io::read_file("/proc/" + std::to_string(pid) + "/smaps_rollup");
    if (!text.ok()) continue;
    std::size_t at = text->find("\nPss:");
    if (at != std::string::npos) kib += std::strtod(text->c_str() + at + 5, nullptr);
  }
  return kib / 1024;
}

bool measure_up(const Report& report, int nodes, int pods, int runs) {
  std::string manifests = cluster(nodes, pods);
  std::string size = std::to_string(nodes) + " nodes, " + std::to_string(pods) + " pods";
  std::vector<double> up_ms;
  std::vector<double> down_ms;
  std::vector<double> memory;
  std::map<std::string, std::vector<double>> phases;
  for (int run = 0; run < runs; ++run) {
    scenario::Lab lab(scenario::unique_name("bench"));
    scenario::Outcome up = lab.up({"-f", "-"}, manifests);
    Json answer = up.json();
    if (up.status != 0 || !answer["status"]["ready"].as_bool()) {
      std::fprintf(stderr, "bench lab: up failed: %s%s\n", up.err.c_str(), up.out.c_str());
      return false;
    }
    up_ms.push_back(up.milliseconds);
    for (const Json& phase : answer["phases"].items())
      phases[phase["phase"].as_string()].push_back(phase["milliseconds"].as_double());
    memory.push_back(memory_mib(lab.name()));
    down_ms.push_back(lab.ask("down").milliseconds);
  }
  report.add({"up, " + size, "ms", median(up_ms), "", {}, runs});
  for (const auto& [phase, values] : phases)
    report.add({"up, " + size + ": " + phase, "ms", median(values), "", {}, runs});
  report.add({"down, " + size, "ms", median(down_ms), "", {}, runs});
  report.add({"memory at rest, " + size, "MiB", median(memory), "", {}, runs});
  return true;
}

// From the start of the command until a probe has an answer from the new pod.
bool measure_apply(const Report& report, int runs) {
  scenario::Lab lab(scenario::unique_name("bench"));
  if (lab.up({"-f", "-"}, cluster(4, 40)).status != 0) return false;
  scenario::Folder folder;
  std::vector<double> apply_ms;
  std::vector<double> answered_ms;
  std::vector<double> converged_ms;
  for (int run = 0; run < runs; ++run) {
    std::string name = "extra-" + std::to_string(run);
    std::string file =
        folder.write(name + ".yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name +
                                         "}\nspec: {containers: [{name: c, ports: [{containerPort: 80}]}]}\n");
    scenario::Outcome applied = lab.ask("apply", {"-f", file});
    scenario::Outcome probed =
        lab.ask("probe", {"--from", "pod/default/web-0", "--to", "pod/default/" + name, "--port", "80/tcp"});
    if (applied.status != 0 || probed.json()["rows"].items().at(0)["result"].as_string() != "open") {
      std::fprintf(stderr, "bench lab: apply failed: %s%s\n", applied.err.c_str(), probed.out.c_str());
      return false;
    }
    apply_ms.push_back(applied.milliseconds);
    answered_ms.push_back(applied.milliseconds + probed.milliseconds);
    converged_ms.push_back(applied.json()["converged_ms"].as_double());
  }
  report.add({"apply of one pod beside 40, command", "ms", median(apply_ms), "", {}, runs});
  report.add({"apply of one pod beside 40, until it answered", "ms", median(answered_ms), "", {}, runs});
  report.add({"apply of one pod beside 40, converged_ms", "ms", median(converged_ms), "", {}, runs});
  return true;
}

// A thousand pods that come and go: the memory of the lab's processes before and after.
bool measure_churn(const Report& report) {
  scenario::Lab lab(scenario::unique_name("bench"));
  scenario::Folder folder;
  if (lab.up({"-f", "-"}, cluster(2, 125)).status != 0) return false;
  std::string none = folder.write("none.yaml", cluster(2, 0));
  std::string many = folder.write("many.yaml", cluster(2, 125));
  auto change = [&](const std::string& file) { return lab.ask("apply", {"-f", file}).status == 0; };
  if (!change(none)) return false;
  double before = memory_mib(lab.name());
  for (int round = 0; round < 8; ++round)
    if (!change(many) || !change(none)) return false;
  report.add({"memory without pods, after 125 came and went", "MiB", before, "", {}, 1});
  report.add({"memory without pods, after 1,125 came and went", "MiB", memory_mib(lab.name()), "", {}, 1});
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (!scenario::is_root()) {
    std::fprintf(stderr, "bench lab: labs need root\n");
    return 3;
  }
  Report report("lab", argc, argv);
  bool done = measure_up(report, 4, 40, 10) && measure_apply(report, 20) && measure_up(report, 10, 200, 5) &&
              measure_up(report, 10, 500, 3) && measure_up(report, 1, 250, 3) && measure_churn(report);
  return done ? 0 : 1;
}
