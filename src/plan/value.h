// A tree of values, from which the writers of Bicep and Terraform make text.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace bailey::plan {

// Text is data and is quoted; an expression is code of the target language, made of identifiers only.
class Value {
 public:
  enum class Kind : std::uint8_t { text, plain, expression, list, object };

  static Value text(std::string text) { return {Kind::text, std::move(text)}; }
  static Value number(std::uint64_t number) { return {Kind::plain, std::to_string(number)}; }
  static Value boolean(bool yes) { return {Kind::plain, yes ? "true" : "false"}; }
  static Value expression(std::string code) { return {Kind::expression, std::move(code)}; }
  static Value list() { return {Kind::list, ""}; }
  static Value object() { return {Kind::object, ""}; }
  static Value texts(const std::vector<std::string>& texts) {
    Value out = list();
    for (const std::string& each : texts) out.push(text(each));
    return out;
  }

  Value& set(std::string key, Value value) {
    keys_.push_back(std::move(key));
    values_.push_back(std::move(value));
    return *this;
  }
  Value& push(Value value) {
    values_.push_back(std::move(value));
    return *this;
  }

  Kind kind() const { return kind_; }
  const std::string& content() const { return content_; }
  const std::vector<std::string>& keys() const { return keys_; }
  const std::vector<Value>& values() const { return values_; }

 private:
  Value(Kind kind, std::string content) : kind_(kind), content_(std::move(content)) {}
  Kind kind_;
  std::string content_;
  std::vector<std::string> keys_;  // of an object
  std::vector<Value> values_;
};

}  // namespace bailey::plan
