// Watcher: waits until something below given files and folders changes.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "io/fd.h"

namespace bailey::cli {

class Watcher {
 public:
  // Watches files by their folders, so that an editor that replaces a file (rename) is seen too. New folders are
  // seen after the next create(): make a new Watcher after each change.
  static base::Result<Watcher> create(const std::vector<std::string>& paths);

  // Waits for a change and then until 100 ms have passed without another. False when SIGINT or SIGTERM came
  // (which block_signals() must have blocked before).
  base::Result<bool> wait();

 private:
  Watcher(io::Fd inotify, io::Fd signals) : inotify_(std::move(inotify)), signals_(std::move(signals)) {}
  io::Fd inotify_;
  io::Fd signals_;
};

// From here on SIGINT and SIGTERM are something that Watcher::wait() returns for.
base::Status block_signals();

}  // namespace bailey::cli
