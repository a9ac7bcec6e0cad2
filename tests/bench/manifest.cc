// How long the largest and most hostile files take to be refused, and how fast honest ones are read.
#include <cstdio>

#include "figures.h"
#include "io/loop.h"
#include "manifest/manifest.h"
#include "model/validate.h"

namespace {

namespace manifest = bailey::manifest;

std::string repeated(const std::string& part, std::size_t times) {
  std::string out;
  out.reserve(part.size() * times);
  for (std::size_t i = 0; i < times; ++i) out += part;
  return out;
}

std::string numbered(const std::string& head, const std::string& before, const std::string& after, std::size_t bytes) {
  std::string out = head;
  for (std::size_t i = 0; out.size() < bytes; ++i) out += before + std::to_string(i) + after;
  return out;
}

constexpr std::size_t mib = std::size_t{1} << 20;

// 10,000 subnets, 5,000 services and 2,000 policies, as separate objects in JSON (YAML takes them as well).
std::vector<std::string> large_cluster() {
  std::vector<std::string> out;
  for (int v = 0; v < 40; ++v) {
    std::string subnets;
    for (int i = 0; i < 250; ++i)
      subnets += std::string(i ? "," : "") + "{\"name\": \"s" + std::to_string(i) + "\", \"prefix\": \"10." +
                 std::to_string(v) + "." + std::to_string(i) + ".0/24\"}";
    out.push_back(
        "{\"apiVersion\": \"bailey.dev/v1alpha1\", \"kind\": \"VirtualNetwork\", \"metadata\": {\"name\": \"v" +
        std::to_string(v) + "\"}, \"spec\": {\"addressSpace\": [\"10." + std::to_string(v) +
        ".0.0/16\"], \"subnets\": [" + subnets + "]}}");
  }
  for (int i = 0; i < 5000; ++i)
    out.push_back("{\"apiVersion\": \"v1\", \"kind\": \"Service\", \"metadata\": {\"name\": \"s" + std::to_string(i) +
                  "\", \"labels\": {\"app\": \"a\"}}, \"spec\": {\"selector\": {\"app\": \"a" + std::to_string(i) +
                  "\"}, \"ports\": [{\"name\": \"http\", \"port\": 80, \"targetPort\": 8080}]}}");
  for (int i = 0; i < 2000; ++i)
    out.push_back(
        "{\"apiVersion\": \"networking.k8s.io/v1\", \"kind\": \"NetworkPolicy\", \"metadata\": {\"name\": \"p" +
        std::to_string(i) + "\"}, \"spec\": {\"podSelector\": {\"matchLabels\": {\"app\": \"a" + std::to_string(i) +
        "\"}}, \"ingress\": [{\"from\": [{\"ipBlock\": {\"cidr\": \"10.0.0.0/8\"}}], \"ports\": [{\"port\": "
        "8080}]}]}}");
  return out;
}

std::string joined(const std::vector<std::string>& parts, const std::string& head, const std::string& between,
                   const std::string& tail) {
  std::string out = head;
  for (std::size_t i = 0; i < parts.size(); ++i) out += (i ? between : "") + parts[i];
  return out + tail;
}

std::string many_pods(std::size_t bytes) {
  std::string rest = "\"}, \"spec\": {\"containers\": [{\"name\": \"c\", \"env\": [";
  for (int i = 0; i < 100; ++i)
    rest += std::string(i ? ", " : "") + "{\"name\": \"VARIABLE_" + std::to_string(i) +
            "\", \"value\": \"a value of some length\"}";
  return numbered("{\"apiVersion\": \"v1\", \"items\": [{\"apiVersion\": \"v1\", \"kind\": \"Unread\"}",
                  ",\n{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"p", rest + "]}]}}",
                  bytes) +
         "], \"kind\": \"List\"}";
}

}  // namespace

int main(int argc, char** argv) {
  bailey::bench::Report report("manifest", argc, argv);
  const std::string vnet = "apiVersion: bailey.dev/v1alpha1\nkind: VirtualNetwork\nmetadata: {name: a}\nspec:\n";
  const std::string map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n";
  const std::vector<std::string> cluster = large_cluster();
  struct Case {
    const char* name;
    std::string text;
    bool loads;
  };
  const std::vector<Case> cases = {
      {"10 MiB of text: refused", std::string(10 * mib, 'x'), false},
      {"4 MiB of unknown fields: refused", numbered(vnet, "  k", ": v\n", 4 * mib - 64), false},
      {"4 MiB in one unclosed list: refused", "a: [" + repeated("1, ", (4 * mib - 64) / 3), false},
      {"1 MiB of brackets: refused", repeated("[", mib), false},
      {"4 MiB of documents without a kind: refused", repeated("---\na: 1\n", (4 * mib - 64) / 9), false},
      {"10,000 subnets, 5,000 services, 2,000 policies, YAML: read", joined(cluster, "---\n", "\n---\n", "\n"), true},
      {"10,000 subnets, 5,000 services, 2,000 policies, JSON: read",
       joined(cluster, "{\"kind\": \"List\", \"items\": [", ",\n", "]}"), true},
      {"100 MiB of pods, JSON: read", many_pods(100 * mib), true},
      {"100 MiB of small values, JSON: refused",
       "{\"kind\": \"List\", \"items\": [{\"a\": [" + repeated("1,", 50 * mib) + "1]}]}", false},
      {"4 MiB of long values: read", numbered(map, "  k", ": " + std::string(200, 'x') + "\n", 4 * mib - 512), true},
  };
  for (const Case& each : cases) {
    std::vector<double> times;
    for (int run = 0; run < 5; ++run) {
      std::int64_t start = bailey::io::now_ns();
      manifest::Loaded loaded = manifest::load({{"bench", each.text}}, {});
      if (loaded.ok()) bailey::model::validate(bailey::model::snapshot_of(loaded.objects));
      times.push_back(static_cast<double>(bailey::io::now_ns() - start) / 1e6);
      if (loaded.ok() != each.loads) {
        std::fprintf(stderr, "bench manifest: %s: not so\n", each.name);
        return 1;
      }
    }
    report.add({each.name, "ms", bailey::bench::median(times), "", {}, 5});
  }
  return 0;
}
