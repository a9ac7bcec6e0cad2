// How long `bailey check` takes over a large network: reading, the whole, the rules, and the memory at the peak. 10,000
// subnets in 500 networks that are peered with a hub, 200 clusters, 5,000 Services with their workloads, 2,000 policies
// and 500 security groups of 20 rules.
#include <sys/resource.h>

#include <cstdio>
#include <string>

#include "figures.h"
#include "io/loop.h"
#include "manifest/manifest.h"
#include "model/validate.h"
#include "plan/check/check.h"

namespace {

namespace manifest = bailey::manifest;
namespace model = bailey::model;
namespace check = bailey::plan::check;

constexpr const char* own = "apiVersion: bailey.dev/v1alpha1\nkind: ";

std::string number(std::size_t value) { return std::to_string(value); }

// Network i has 10.x.y.0/18 blocks of a plan in which nothing overlaps: 20 subnets of /24 each.
std::string networks(std::size_t count, std::size_t subnets) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    std::string base = number(i / 8 + 10) + "." + number(i % 8 * 32);
    std::string name = "net" + number(i);
    out += own + std::string("VirtualNetwork\nmetadata: {name: ") + name + "}\nspec:\n  addressSpace: [" + base +
           ".0.0/11]\n  subnets:\n";
    for (std::size_t j = 0; j < subnets; ++j)
      out += "  - {name: s" + number(j) + ", prefix: " + number(i / 8 + 10) + "." + number(i % 8 * 32 + j / 4) + "." +
             number(j % 4 * 64) + ".0/20, networkSecurityGroup: group" + number(i) + "}\n";
    out += "---\n" + std::string(own) + "NetworkPeering\nmetadata: {name: hub-" + name +
           "}\nspec: {from: hub, to: " + name + "}\n---\n" + own + "NetworkPeering\nmetadata: {name: " + name +
           "-hub}\nspec: {from: " + name + ", to: hub}\n---\n";
    out += std::string(own) + "NetworkSecurityGroup\nmetadata: {name: group" + number(i) + "}\nspec:\n  rules:\n";
    for (std::size_t j = 0; j < 20; ++j)
      out += "  - {name: r" + number(j) + ", priority: " + number(100 + j) +
             ", direction: Inbound, access: Allow, protocol: Tcp, sourcePrefix: 192.168." + number(j) +
             ".0/24, destinationPorts: [" + number(8000 + j) + "]}\n";
    out += "---\n";
  }
  return out;
}

std::string clusters(std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i)
    out += own + std::string("Cluster\nmetadata: {name: c") + number(i) +
           "}\nspec:\n  networkPolicy: bailey\n  subnet: net" + number(i) +
           "/s0\n  serviceCIDR: 192.168.0.0/16\n  nodePools:\n  - {name: a, count: 3, maxCount: 20, maxPods: 30}\n" +
           "  - {name: b, count: 3, maxPods: 30, subnet: net" + number(i) + "/s1}\n---\n";
  return out;
}

std::string applications(std::size_t services, std::size_t policies) {
  std::string out;
  for (std::size_t i = 0; i < services; ++i) {
    std::string meta = "{name: app" + number(i) + ", namespace: team" + number(i % 50) + "}";
    std::string label = "{app: app" + number(i) + "}";
    out += "apiVersion: apps/v1\nkind: Deployment\nmetadata: " + meta +
           "\nspec: {replicas: 3, selector: {matchLabels: " + label + "}, template: {metadata: {labels: " + label +
           "}, spec: {containers: [{name: a, ports: [{containerPort: 8080}]}]}}}\n---\n";
    out += "apiVersion: v1\nkind: Service\nmetadata: " + meta + "\nspec: {selector: " + label +
           ", ports: [{port: 80, targetPort: 8080}]}\n---\n";
    if (i >= policies) continue;
    out += "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: " + meta +
           "\nspec: {podSelector: {matchLabels: " + label +
           "}, ingress: [{from: [{podSelector: {matchLabels: {app: app" + number(i + 50) +
           "}}}], ports: [{port: 8080}]}]}\n---\n";
  }
  return out;
}

double milliseconds(std::int64_t start) { return static_cast<double>(bailey::io::now_ns() - start) / 1e6; }

}  // namespace

int main(int argc, char** argv) {
  bailey::bench::Report report("check", argc, argv);
  std::string hub =
      own + std::string("VirtualNetwork\nmetadata: {name: hub}\nspec: {addressSpace: [9.0.0.0/16]}\n---\n");
  // Files of the size that people write, well below the limit of one file.
  std::vector<manifest::Document> documents = {{"hub.yaml", hub}, {"clusters.yaml", clusters(200)}};
  documents.push_back({"networks.yaml", networks(500, 20)});
  documents.push_back({"applications.yaml", applications(5000, 2000)});
  std::vector<double> loading, validating, judging;
  std::size_t objects = 0;
  std::size_t findings = 0;
  for (int run = 0; run < 5; ++run) {
    std::int64_t start = bailey::io::now_ns();
    manifest::Loaded loaded = manifest::load(documents, {});
    loading.push_back(milliseconds(start));
    if (!loaded.ok()) {
      std::fprintf(stderr, "bench check: the objects do not load: %s %s\n", loaded.errors[0].code.c_str(),
                   loaded.errors[0].object.c_str());
      return 1;
    }
    objects = loaded.objects.size();
    model::Snapshot snapshot = model::snapshot_of(loaded.objects);
    start = bailey::io::now_ns();
    std::size_t mistakes = model::validate(snapshot).size();
    validating.push_back(milliseconds(start));
    start = bailey::io::now_ns();
    findings = check::findings(snapshot, {check::Profile::current, &snapshot, ""}).size();
    judging.push_back(milliseconds(start));
    if (mistakes > 0) std::fprintf(stderr, "bench check: %zu mistakes\n", mistakes);
  }
  std::string what = number(objects) + " objects";
  report.add({"read " + what, "ms", bailey::bench::median(loading), "", {}, 5});
  report.add({"validate " + what, "ms", bailey::bench::median(validating), "", {}, 5});
  report.add(
      {"rules over " + what + ", " + number(findings) + " findings", "ms", bailey::bench::median(judging), "", {}, 5});
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  report.add({"peak memory", "MiB", static_cast<double>(usage.ru_maxrss) / 1024, "", {}, 1});
  return 0;
}
