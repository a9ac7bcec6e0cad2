// One call of the plugin: environment and standard input in, standard output and exit status out.
#pragma once

#include <string>

#include "cni/environment.h"

namespace bailey::cni::sys {

struct Answer {
  int exit_status = 0;
  std::string output;  // for standard output, with its line end; may be empty
};

// Runs in the calling thread's network namespace, which is the node's. The thread is in the same one afterwards.
Answer run(const Variables& variables, const std::string& input);

}  // namespace bailey::cni::sys
