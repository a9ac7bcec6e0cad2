// A program that runs with pipes on its standard input and output; standard error is ours.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "io/fd.h"

namespace bailey::bench {

class Process {
 public:
  // Starts words[0], a path. `input` (smaller than a pipe's buffer) waits for it when it starts and nothing follows;
  // without one the standard input stays open. Ends ours (must.h) where it cannot be started.
  explicit Process(std::vector<std::string> words, std::vector<std::string> environment = {},
                   const std::optional<std::string>& input = std::nullopt);
  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;
  ~Process();  // closes its standard input and waits for its end

  pid_t pid() const { return pid_; }
  std::string read_line();  // without the line break; what there is where its output ends before
  // Reads until its output is closed, as runtimes do, and reaps it. The exit status; 128 + signal.
  int finish(std::string& output);

 private:
  pid_t pid_ = -1;  // -1: reaped
  io::Fd input_;
  io::Fd output_;
};

}  // namespace bailey::bench
