#include "base/result.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace bailey::base {

std::string Error::text() const {
  std::string out = operation;
  if (!object.empty()) out += (out.empty() ? "" : " ") + object;
  if (!cause.empty()) out += (out.empty() ? "" : ": ") + cause;
  return out;
}

Error system_error(std::string operation, std::string object, int errno_value) {
  char buffer[128];
  return Error{std::move(operation), std::move(object), strerror_r(errno_value, buffer, sizeof buffer), errno_value};
}

void fail_check(std::string_view what, std::string_view values, Place place) {
  std::fprintf(stderr, "bug: %s:%d: %.*s%s%.*s\n", place.file, place.line, static_cast<int>(what.size()), what.data(),
               values.empty() ? "" : ": ", static_cast<int>(values.size()), values.data());
  std::abort();
}

}  // namespace bailey::base
