// How long the largest and most hostile files take to be refused, and how fast honest ones are read.
#include <cstdio>

#include "figures.h"
#include "io/loop.h"
#include "manifest/manifest.h"

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

}  // namespace

int main(int argc, char** argv) {
  bailey::bench::Report report("manifest", argc, argv);
  const std::string vnet = "apiVersion: bailey.dev/v1alpha1\nkind: VirtualNetwork\nmetadata: {name: a}\nspec:\n";
  const std::string map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n";
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
      {"4 MiB of long values: read", numbered(map, "  k", ": " + std::string(200, 'x') + "\n", 4 * mib - 512), true},
  };
  for (const Case& each : cases) {
    std::vector<double> times;
    for (int run = 0; run < 5; ++run) {
      std::int64_t start = bailey::io::now_ns();
      manifest::Loaded loaded = manifest::load({{"bench", each.text}}, {});
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
