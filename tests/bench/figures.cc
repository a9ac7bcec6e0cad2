#include "figures.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "base/json.h"

namespace bailey::bench {
namespace {

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", std::fabs(value) < 1 ? 3 : 2, value);
  return text;
}

std::string range(const std::optional<Spread>& spread) {
  return spread ? " (min " + number(spread->least) + ", p95 " + number(spread->p95) + ")" : "";
}

std::optional<double> ratio_of(const Figure& figure) {
  if (!figure.theirs || figure.ours <= 0 || *figure.theirs <= 0) return std::nullopt;
  return figure.more_is_better ? figure.ours / *figure.theirs : *figure.theirs / figure.ours;
}

}  // namespace

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  std::size_t middle = values.size() / 2;
  return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

Spread spread(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  return {values.front(), values[(values.size() * 95 - 1) / 100]};
}

Figure figure(std::string name, std::string unit, const std::vector<double>& ours, std::string peer,
              const std::vector<double>& theirs) {
  Figure out{std::move(name), std::move(unit), median(ours), std::move(peer), {}, static_cast<int>(ours.size())};
  out.spread = spread(ours);
  if (theirs.empty()) return out;
  out.theirs = median(theirs);
  out.their_spread = spread(theirs);
  return out;
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
    std::optional<double> ratio = ratio_of(figure);
    json.set("ratio", ratio ? base::Json(*ratio) : base::Json()).set("runs", figure.runs);
    std::printf("%s\n", json.dump().c_str());
  } else {
    std::printf("%-8s %-44s %10s %-4s%s", bench_.c_str(), figure.name.c_str(), number(figure.ours).c_str(),
                figure.unit.c_str(), range(figure.spread).c_str());
    if (std::optional<double> ratio = ratio_of(figure))
      std::printf("  %s: %s%s, ratio %.2f", figure.peer.c_str(), number(*figure.theirs).c_str(),
                  range(figure.their_spread).c_str(), *ratio);
    std::printf("  (%d runs)\n", figure.runs);
  }
  std::fflush(stdout);
}

void Report::skip(const std::string& name, const std::string& why) const {
  std::fprintf(stderr, "bench %s: %s: skipped: %s\n", bench_.c_str(), name.c_str(), why.c_str());
}

}  // namespace bailey::bench
