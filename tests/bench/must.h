// A benchmark that cannot go on ends here, and says why.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "base/result.h"

namespace bailey::bench {

[[noreturn]] inline void give_up(const std::string& why) {
  std::fprintf(stderr, "bench: %s\n", why.c_str());
  std::exit(1);
}

template <typename T>
T must(base::Result<T> result) {
  if (!result.ok()) give_up(result.error().text());
  return std::move(result).value();
}

inline void must(const base::Status& status) {
  if (!status.ok()) give_up(status.error().text());
}

}  // namespace bailey::bench
