#include "progress.h"

#include "render.h"

namespace bailey::cli {
namespace {

std::string count_text(const lab::ProgressEvent& event) {
  return event.total == 0 ? "" : " " + std::to_string(event.done) + "/" + std::to_string(event.total);
}

}  // namespace

void ProgressLine::show(const lab::ProgressEvent& event) {
  if (!last_.phase.empty() && event.phase != last_.phase) close_phase(event.milliseconds);
  last_ = event;
  if (session_.err_is_terminal())
    session_.err("\r\x1b[K" + title_ + ": " + event.phase + count_text(event) + "  " +
                 duration_text(event.milliseconds));
}

void ProgressLine::close_phase(double now) {
  std::string took = duration_text(now - phase_start_);
  if (session_.err_is_terminal())
    session_.err("\r\x1b[K" + title_ + ": " + last_.phase + count_text(last_) + "  " +
                 painted(took, Paint::dim, session_.err_color()) + "\n");
  else
    phases_ += (phases_.empty() ? "" : ", ") + last_.phase + count_text(last_) + " " + took;
  phase_start_ = now;
}

void ProgressLine::finish() {
  if (finished_ || last_.phase.empty()) return;
  finished_ = true;
  double end = last_.milliseconds;
  close_phase(end);
  if (!session_.err_is_terminal()) session_.err(title_ + ": " + phases_ + "\n");
}

}  // namespace bailey::cli
