// Json: a JSON value. Objects keep the order in which keys were added, so output is stable.
//
// Reading and writing text is done by nlohmann-json behind this header, so that users neither include
// nor see it. Numbers are int64 when written without fraction and exponent and in range, double otherwise.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace bailey::base {

class Json {
 public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;

  Json() = default;                                                        // null
  Json(std::nullptr_t) {}                                                  // NOLINT: implicit on purpose
  Json(bool value) : value_(value) {}                                      // NOLINT
  Json(int value) : value_(std::int64_t{value}) {}                         // NOLINT
  Json(unsigned value) : value_(std::int64_t{value}) {}                    // NOLINT
  Json(std::int64_t value) : value_(value) {}                              // NOLINT
  Json(std::uint64_t value) : value_(static_cast<std::int64_t>(value)) {}  // NOLINT: callers stay below 2^63
  Json(double value) : value_(value) {}                                    // NOLINT
  Json(const char* value) : value_(std::string(value)) {}                  // NOLINT
  Json(std::string value) : value_(std::move(value)) {}                    // NOLINT
  Json(std::string_view value) : value_(std::string(value)) {}             // NOLINT
  Json(Array value) : value_(std::move(value)) {}                          // NOLINT
  Json(Object value) : value_(std::move(value)) {}                         // NOLINT

  static Json array() { return Json(Array{}); }
  static Json object() { return Json(Object{}); }

  bool is_null() const { return value_.index() == 0; }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_int() const { return std::holds_alternative<std::int64_t>(value_); }
  bool is_number() const { return is_int() || std::holds_alternative<double>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }

  // Readers that never fail: the fallback where the value has another type.
  bool as_bool(bool fallback = false) const;
  std::int64_t as_int(std::int64_t fallback = 0) const;
  double as_double(double fallback = 0) const;
  const std::string& as_string() const;  // "" where it is no string
  const Array& items() const;            // empty where it is no array
  const Object& members() const;         // empty where it is no object

  // Member of an object; a null value where there is none (or this is no object).
  const Json& operator[](std::string_view key) const;
  const Json* find(std::string_view key) const;
  bool has(std::string_view key) const { return find(key) != nullptr; }

  // Adds or replaces a member; a null becomes an object first. Returns *this, for chains.
  Json& set(std::string key, Json value);
  // Appends to an array; a null becomes an array first. Returns the new element.
  Json& push(Json value);
  bool erase(std::string_view key);

  friend bool operator==(const Json&, const Json&) = default;

  // Compact text on one line; `indent` > 0 breaks lines. Invalid UTF-8 is replaced by U+FFFD.
  std::string dump(int indent = 0) const;
  // Error.cause says line and column. Depth is limited to 256, text to 256 MiB.
  static Result<Json> parse(std::string_view text);

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> value_;
};

}  // namespace bailey::base
