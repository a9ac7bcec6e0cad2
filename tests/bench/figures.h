// One line a figure: {"bench","case","unit","ours","peer","theirs","ratio","runs"}; text for people.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace bailey::bench {

struct Spread {
  double least = 0;
  double p95 = 0;
};

struct Figure {
  std::string name;  // of the case
  std::string unit;
  double ours = 0;
  std::string peer;  // "" where there is none
  std::optional<double> theirs;
  int runs = 1;
  bool more_is_better = false;  // the ratio says how many times better than the peer's ours is
  // Shown in the text form.
  std::optional<Spread> spread = {};
  std::optional<Spread> their_spread = {};
};

double median(std::vector<double> values);
Spread spread(std::vector<double> values);

// The medians of what was measured. `theirs` is empty where there is no peer.
Figure figure(std::string name, std::string unit, const std::vector<double>& ours, std::string peer = "",
              const std::vector<double>& theirs = {});

class Report {
 public:
  // Reads `-o json` from the command line.
  Report(std::string bench, int argc, char** argv);
  void add(const Figure& figure) const;
  // A case that this machine or this product cannot run; on standard error.
  void skip(const std::string& name, const std::string& why) const;

 private:
  std::string bench_;
  bool json_ = false;
};

}  // namespace bailey::bench
