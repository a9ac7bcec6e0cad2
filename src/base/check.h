// Checks for bugs. They stay on in release: a wrong network is worse than a stopped process.
#pragma once

#include <source_location>
#include <string_view>

namespace bailey::base {

// Prints `what`, `values` and the place to stderr and aborts.
[[noreturn]] void fail_check(std::string_view what, std::string_view values,
                             std::source_location place = std::source_location::current());

inline void check(bool holds, std::string_view what, std::source_location place = std::source_location::current()) {
  if (!holds) fail_check(what, "", place);
}

}  // namespace bailey::base
