// Shows what a long call is doing: on a terminal one line that is overwritten while a phase runs and kept with its
// time when the phase ends; elsewhere one line with the time of every phase, at the end.
#pragma once

#include <string>

#include "lab/lab.h"
#include "session.h"

namespace bailey::cli {

class ProgressLine {
 public:
  ProgressLine(std::string title, const Session& session) : title_(std::move(title)), session_(session) {}
  ~ProgressLine() { finish(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  lab::Progress callback() {
    return [this](const lab::ProgressEvent& event) { show(event); };
  }
  void show(const lab::ProgressEvent& event);
  void finish();  // safe to call twice

 private:
  void close_phase(double now);

  std::string title_;
  const Session& session_;
  lab::ProgressEvent last_;
  double phase_start_ = 0;
  std::string phases_;
  bool finished_ = false;
};

}  // namespace bailey::cli
