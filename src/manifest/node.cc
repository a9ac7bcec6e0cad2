#include "manifest/node.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace bailey::manifest {
namespace {

bool digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

constexpr std::array<std::string_view, 11> true_words = {"true", "True", "TRUE", "yes", "Yes", "YES",
                                                         "on",   "On",   "ON",   "y",   "Y"};
constexpr std::array<std::string_view, 11> false_words = {"false", "False", "FALSE", "no", "No", "NO",
                                                          "off",   "Off",   "OFF",   "n",  "N"};

template <std::size_t N>
bool among(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

// [-+]? digits with `_`, 0x, 0o, 0b or a leading zero for octal.
bool looks_integer(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (text.empty() || text[0] < '0' || text[0] > '9') return false;
  if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'b' || text[1] == 'o')) {
    std::string_view allowed = text[1] == 'x' ? "0123456789abcdefABCDEF_" : text[1] == 'o' ? "01234567_" : "01_";
    return text.substr(2).find_first_not_of(allowed) == std::string_view::npos;
  }
  return text.find_first_not_of("0123456789_") == std::string_view::npos;
}

// [-+]? (digits [. digits?] | . digits) [eE [-+]? digits], .inf, .nan
bool looks_real(std::string_view text) {
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return true;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (text == ".inf" || text == ".Inf" || text == ".INF") return true;
  std::size_t exponent = text.find_first_of("eE");
  std::string_view mantissa = text.substr(0, exponent);
  if (exponent != std::string_view::npos) {
    std::string_view power = text.substr(exponent + 1);
    if (!power.empty() && (power[0] == '-' || power[0] == '+')) power.remove_prefix(1);
    if (!digits(power)) return false;
  }
  std::size_t dot = mantissa.find('.');
  if (dot == std::string_view::npos) return digits(mantissa);
  std::string_view whole = mantissa.substr(0, dot);
  std::string_view part = mantissa.substr(dot + 1);
  if (whole.empty()) return digits(part);
  return digits(whole) && (part.empty() || digits(part));
}

}  // namespace

const Member* Node::find(std::string_view key) const {
  for (const Member& member : members)
    if (member.key == key) return &member;
  return nullptr;
}

std::string_view Tree::keep(std::string_view text) {
  if (text.empty()) return {};
  char* copy = static_cast<char*>(memory_.allocate(text.size(), 1));
  std::copy(text.begin(), text.end(), copy);
  return {copy, text.size()};
}

Node::Type plain_type(std::string_view text) {
  // Most texts begin with a letter that begins no word below, or are longer than every such word.
  bool letter = !text.empty() && ((text[0] >= 'a' && text[0] <= 'z') || (text[0] >= 'A' && text[0] <= 'Z'));
  if (letter && (text.size() > 5 || std::string_view("tTyYoOfFnN").find(text[0]) == std::string_view::npos))
    return Node::Type::text;
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return Node::Type::null;
  if (among(text, true_words) || among(text, false_words)) return Node::Type::boolean;
  if (looks_integer(text)) return Node::Type::integer;
  if (looks_real(text)) return Node::Type::real;
  return Node::Type::text;
}

bool boolean_value(std::string_view text) { return among(text, true_words); }

bool integer_value(std::string_view text, std::int64_t* value) {
  std::string clean;
  if (text.find_first_not_of("123456789") == std::string_view::npos) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
    return error == std::errc{} && end == text.data() + text.size();
  }
  for (char c : text)
    if (c != '_' && c != '+') clean += c;
  bool negative = !clean.empty() && clean[0] == '-';
  if (negative) clean.erase(0, 1);
  int base = 10;
  if (clean.size() > 2 && clean[0] == '0' && (clean[1] == 'x' || clean[1] == 'o' || clean[1] == 'b')) {
    base = clean[1] == 'x' ? 16 : clean[1] == 'o' ? 8 : 2;
    clean.erase(0, 2);
  } else if (clean.size() > 1 && clean[0] == '0' && clean.find_first_not_of("01234567") == std::string::npos) {
    base = 8;
  }
  if (negative) clean.insert(clean.begin(), '-');
  auto [end, error] = std::from_chars(clean.data(), clean.data() + clean.size(), *value, base);
  return error == std::errc{} && end == clean.data() + clean.size();
}

model::Position position_of(const Member& member) {
  const model::Position& at = member.value->position;
  return at.line == member.key_position.line ? at : member.key_position;
}

}  // namespace bailey::manifest
