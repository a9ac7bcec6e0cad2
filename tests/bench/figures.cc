#include "figures.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "base/json.h"

namespace bailey::bench {

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  std::size_t middle = values.size() / 2;
  return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

Report::Report(std::string bench, int argc, char** argv) : bench_(std::move(bench)) {
  for (int i = 1; i + 1 < argc; ++i)
    if (std::string_view(argv[i]) == "-o" && std::string_view(argv[i + 1]) == "json") json_ = true;
}

void Report::add(const Figure& figure) const {
  if (json_) {
    base::Json json = base::Json::object().set("bench", bench_).set("case", figure.name).set("unit", figure.unit);
    json.set("ours", figure.ours).set("peer", figure.peer.empty() ? base::Json() : base::Json(figure.peer));
    json.set("theirs", figure.theirs ? base::Json(*figure.theirs) : base::Json());
    bool ratio = figure.theirs && figure.ours > 0;
    json.set("ratio", ratio ? base::Json(*figure.theirs / figure.ours) : base::Json()).set("runs", figure.runs);
    std::printf("%s\n", json.dump().c_str());
  } else {
    std::printf("%-8s %-44s %10.2f %-4s", bench_.c_str(), figure.name.c_str(), figure.ours, figure.unit.c_str());
    if (figure.theirs)
      std::printf("  %s: %.2f, ratio %.2f", figure.peer.c_str(), *figure.theirs, *figure.theirs / figure.ours);
    std::printf("  (%d runs)\n", figure.runs);
  }
  std::fflush(stdout);
}

}  // namespace bailey::bench
