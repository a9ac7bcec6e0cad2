// lab probe --prove: whether packets say what reach says, in a running lab or in one that is made for it.
#pragma once

#include <string>
#include <vector>

#include "options.h"
#include "session.h"

namespace bailey::cli {

struct ProveOptions {
  std::string name = "default";
  std::vector<std::string> paths;  // not empty: a lab of these, which ends with the command
  base::Json rows;                 // null: every pair and port, in both families
  int timeout_ms = 300;
  std::string report;  // a folder for what a bug report needs; "" for none
  Format format = Format::text;
};

// Leaves 1 where something disagrees.
void prove(const ProveOptions& options, Session& session);

}  // namespace bailey::cli
