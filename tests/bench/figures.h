// One line a figure: {"bench","case","unit","ours","peer","theirs","ratio","runs"}; text for people.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace bailey::bench {

struct Figure {
  std::string name;  // of the case
  std::string unit;
  double ours = 0;
  std::string peer;  // "" where there is none
  std::optional<double> theirs;
  int runs = 1;
};

double median(std::vector<double> values);

class Report {
 public:
  // Reads `-o json` from the command line.
  Report(std::string bench, int argc, char** argv);
  void add(const Figure& figure) const;

 private:
  std::string bench_;
  bool json_ = false;
};

}  // namespace bailey::bench
