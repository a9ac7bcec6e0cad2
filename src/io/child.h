// Runs a program without a shell: text to its standard input, what it prints collected, bounded in time.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/loop.h"

namespace bailey::io {

struct Command {
  std::string path;
  std::vector<std::string> arguments;    // without the program's own name
  std::vector<std::string> environment;  // "NAME=value", all of it
  std::string input;
  std::int64_t timeout_ms = 10000;
};

struct Finished {
  int status = 0;  // as waitpid gives it; SIGKILL after a timeout
  std::string output;
  std::string errors;
  bool timed_out = false;
};

// Starts the program and calls `done` once when it has ended and its output is closed. Output beyond 1 MiB is
// read and dropped. `done` is called from the loop, never from within start().
base::Status start(Loop& loop, const Command& command, std::function<void(Finished)> done);

// Starts a program that stays: its output and errors go to `output`, it reads nothing, and it ends with this process.
// Gives back its pid, whose end is the caller's to notice (Loop::on_exit).
base::Result<int> launch(const Command& command, int output);

}  // namespace bailey::io
