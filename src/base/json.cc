#include "base/json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace bailey::base {
namespace {

constexpr std::size_t max_depth = 256;
constexpr std::size_t max_bytes = std::size_t{256} << 20;

// Builds a Json from nlohmann's parser events. Containers under construction are kept by value on a
// stack and moved into their parent when they close, so no pointer into a growing vector is held.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return add(Json()); }
  bool boolean(bool value) override { return add(Json(value)); }
  bool number_integer(number_integer_t value) override { return add(Json(std::int64_t{value})); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<std::uint64_t>(INT64_MAX)) return add(Json(static_cast<double>(value)));
    return add(Json(static_cast<std::int64_t>(value)));
  }
  bool number_float(number_float_t value, const string_t&) override { return add(Json(value)); }
  bool string(string_t& value) override { return add(Json(std::move(value))); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool key(string_t& value) override {
    keys_.back() = std::move(value);
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) override {
    if (cause_.empty()) cause_ = error.what();
    return false;
  }

  Json take() { return std::move(root_); }
  const std::string& cause() const { return cause_; }

 private:
  bool open(Json container) {
    if (open_.size() >= max_depth) {
      cause_ = "nested deeper than 256 levels";
      return false;
    }
    open_.push_back(std::move(container));
    keys_.emplace_back();
    return true;
  }
  bool close() {
    Json done = std::move(open_.back());
    open_.pop_back();
    keys_.pop_back();
    return add(std::move(done));
  }
  bool add(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (open_.back().is_object()) {
      open_.back().set(std::move(keys_.back()), std::move(value));
    } else {
      open_.back().push(std::move(value));
    }
    return true;
  }
  Json root_;
  std::vector<Json> open_;
  std::vector<std::string> keys_;
  std::string cause_;
};

void append_string(std::string& out, const std::string& value) {
  out += nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void append(std::string& out, const Json& json, int indent, int depth) {
  auto line = [&](int level) {
    if (indent > 0) {
      out += '\n';
      out.append(static_cast<std::size_t>(indent * level), ' ');
    }
  };
  if (json.is_null()) {
    out += "null";
  } else if (json.is_bool()) {
    out += json.as_bool() ? "true" : "false";
  } else if (json.is_int()) {
    out += std::to_string(json.as_int());
  } else if (json.is_number()) {
    out += nlohmann::json(json.as_double()).dump();
  } else if (json.is_string()) {
    append_string(out, json.as_string());
  } else if (json.is_array()) {
    out += '[';
    bool first = true;
    for (const Json& item : json.items()) {
      if (!first) out += ',';
      first = false;
      line(depth + 1);
      append(out, item, indent, depth + 1);
    }
    if (!first) line(depth);
    out += ']';
  } else {
    out += '{';
    bool first = true;
    for (const auto& [key, value] : json.members()) {
      if (!first) out += ',';
      first = false;
      line(depth + 1);
      append_string(out, key);
      out += indent > 0 ? ": " : ":";
      append(out, value, indent, depth + 1);
    }
    if (!first) line(depth);
    out += '}';
  }
}

}  // namespace

bool Json::as_bool(bool fallback) const {
  const bool* value = std::get_if<bool>(&value_);
  return value ? *value : fallback;
}

std::int64_t Json::as_int(std::int64_t fallback) const {
  const std::int64_t* value = std::get_if<std::int64_t>(&value_);
  return value ? *value : fallback;
}

double Json::as_double(double fallback) const {
  if (const double* value = std::get_if<double>(&value_)) return *value;
  return is_int() ? static_cast<double>(as_int()) : fallback;
}

const std::string& Json::as_string() const {
  static const std::string empty;
  const std::string* value = std::get_if<std::string>(&value_);
  return value ? *value : empty;
}

const Json::Array& Json::items() const {
  static const Array empty;
  const Array* value = std::get_if<Array>(&value_);
  return value ? *value : empty;
}

const Json::Object& Json::members() const {
  static const Object empty;
  const Object* value = std::get_if<Object>(&value_);
  return value ? *value : empty;
}

const Json* Json::find(std::string_view key) const {
  for (const Member& member : members())
    if (member.first == key) return &member.second;
  return nullptr;
}

const Json& Json::operator[](std::string_view key) const {
  static const Json null;
  const Json* value = find(key);
  return value ? *value : null;
}

Json& Json::set(std::string key, Json value) {
  if (is_null()) value_ = Object{};
  check(is_object(), "set() on a Json that is no object");
  auto& object = std::get<Object>(value_);
  for (Member& member : object) {
    if (member.first == key) {
      member.second = std::move(value);
      return *this;
    }
  }
  object.emplace_back(std::move(key), std::move(value));
  return *this;
}

Json& Json::push(Json value) {
  if (is_null()) value_ = Array{};
  check(is_array(), "push() on a Json that is no array");
  return std::get<Array>(value_).emplace_back(std::move(value));
}

bool Json::erase(std::string_view key) {
  auto* object = std::get_if<Object>(&value_);
  return object && std::erase_if(*object, [&](const Member& member) { return member.first == key; }) > 0;
}

std::string Json::dump(int indent) const {
  std::string out;
  append(out, *this, indent, 0);
  return out;
}

Result<Json> Json::parse(std::string_view text) {
  if (text.size() > max_bytes) return Error{"parse JSON", "", "more than 256 MiB of text", 0};
  Builder builder;
  try {
    if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder))
      return Error{"parse JSON", "", builder.cause().empty() ? "not valid JSON" : builder.cause(), 0};
  } catch (const nlohmann::json::exception& error) {
    return Error{"parse JSON", "", error.what(), 0};
  }
  return builder.take();
}

}  // namespace bailey::base
