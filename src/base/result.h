// Result<T>: a value, or the reason why an expected operation failed.
//
// Three kinds of error exist in Bailey, and only the second is a Result:
//   1. a bug            -> BAILEY_ASSERT-like check (base/check.h), ends the process, on in release too;
//   2. expected failure -> Result: names the operation, the object it was about and the cause;
//   3. a peer's error   -> an enum of the protocol that met it.
// A Result is either returned or logged, never both; the top of the program logs it once.
#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/check.h"

namespace bailey::base {

// Why something failed. `code` is an errno value where a system call failed, otherwise 0.
struct Error {
  std::string operation;  // what was tried: "create link", "read file"
  std::string object;     // what it was about: "eth0", "/run/bailey/lab/default.lock"
  std::string cause;      // why it failed: "File exists"
  int code = 0;

  // "create link eth0: File exists"
  std::string text() const;
};

// An Error whose cause is the text of `errno_value` (strerror).
Error system_error(std::string operation, std::string object, int errno_value);

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit on purpose
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit on purpose

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // The value. Asking a failed Result for it is a bug and ends the process with the error's text.
  T& value() & {
    expect_value();
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    expect_value();
    return *std::get_if<0>(&state_);
  }
  // By value, so that `for (x : f().value())` does not outlive its Result.
  T value() && {
    expect_value();
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const {
    check(!ok(), "error() of a Result that holds a value");
    return *std::get_if<1>(&state_);
  }

 private:
  void expect_value() const {
    if (!ok()) fail_check("value() of a failed Result", std::get_if<1>(&state_)->text());
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit on purpose

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const {
    check(!ok(), "error() of a Result that holds a value");
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace bailey::base
