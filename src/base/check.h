// Checks for bugs. They stay on in release: a wrong network is worse than a stopped process.
#pragma once

#include <string_view>

namespace bailey::base {

// Where a check stands. (std::source_location is what this is; clang 14, which builds the fuzzers, lacks it.)
struct Place {
  const char* file;
  int line;
  static constexpr Place here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) { return {file, line}; }
};

// Prints `what`, `values` and the place to stderr and aborts.
[[noreturn]] void fail_check(std::string_view what, std::string_view values, Place place = Place::here());

inline void check(bool holds, std::string_view what, Place place = Place::here()) {
  if (!holds) fail_check(what, "", place);
}

}  // namespace bailey::base
