// A text is written plain only where no reader of YAML 1.1 or 1.2 could take it for something else; everything else
// is written in double quotes, whose escapes are those of JSON.
#include "manifest/write.h"

#include <algorithm>

#include "manifest/node.h"

namespace bailey::manifest {
namespace {

using base::Json;

constexpr std::size_t widest_line = 100;

bool word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '/';
}

// Letters and digits, with dots, dashes and blanks between them only; no number, date, boolean or null.
bool can_be_plain(std::string_view text) {
  if (text.empty() || text.size() > 200 || !word_character(text.front()) || !word_character(text.back())) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    bool between = c == '.' || c == '-' || (c == ' ' && text[i - 1] != ' ');
    if (!word_character(c) && !between) return false;
  }
  if (plain_type(text) != Node::Type::text) return false;
  bool digits_first = text[0] >= '0' && text[0] <= '9';
  bool letters = std::any_of(text.begin(), text.end(), [](char c) { return c >= 'g' && c <= 'z'; });
  return !digits_first || letters || text.find('/') != std::string_view::npos;
}

// JSON's quotes; characters that a YAML file may not hold raw become escapes.
std::string in_quotes(std::string_view text) {
  std::string json = Json(text).dump();
  std::string out;
  for (std::size_t i = 0; i < json.size(); ++i) {
    std::string_view rest = std::string_view(json).substr(i);
    auto second = static_cast<unsigned char>(rest.size() > 1 ? rest[1] : 0);
    constexpr char letters[] = "0123456789abcdef";
    if (rest[0] == '\x7F') {
      out += "\\u007f";
    } else if (rest[0] == '\xC2' && second >= 0x80 && second < 0xA0) {
      out += std::string("\\u00") + letters[second >> 4] + letters[second & 15];
      ++i;
    } else if (rest.starts_with("\xEF\xBF\xBE") || rest.starts_with("\xEF\xBF\xBF")) {
      out += rest[2] == '\xBE' ? "\\ufffe" : "\\uffff";
      i += 2;
    } else if (rest.starts_with("\xE2\x80\xA8") || rest.starts_with("\xE2\x80\xA9")) {
      out += rest[2] == '\xA8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += rest[0];
    }
  }
  return out;
}

std::string text_of(std::string_view text) { return can_be_plain(text) ? std::string(text) : in_quotes(text); }

bool is_collection(const Json& value) {
  return (value.is_array() && !value.items().empty()) || (value.is_object() && !value.members().empty());
}

std::string scalar_of(const Json& value) {
  if (value.is_string()) return text_of(value.as_string());
  return value.dump();  // null, true, 12, [], {}
}

// A short list of scalars as [a, b]; "" where it is something else.
std::string flow_of(const Json& value) {
  if (!value.is_array() || value.items().empty()) return "";
  std::string out = "[";
  for (const Json& item : value.items()) {
    if (item.is_array() || item.is_object()) return "";
    out += (out.size() > 1 ? ", " : "") + scalar_of(item);
    if (out.size() > widest_line) return "";
  }
  return out + "]";
}

void write(const Json& value, std::size_t indent, bool first_is_placed, std::string& out);

// What follows `key:` or `-`, with the line end.
void write_value(const Json& value, std::size_t indent, std::string& out) {
  std::string flow = flow_of(value);
  if (!is_collection(value) || !flow.empty()) {
    out += " " + (flow.empty() ? scalar_of(value) : flow) + "\n";
    return;
  }
  out += "\n";
  write(value, indent, false, out);
}

// `first_is_placed`: the cursor stands where the first line begins (after "- ").
void write(const Json& value, std::size_t indent, bool first_is_placed, std::string& out) {
  for (const Json& item : value.items()) {
    if (!first_is_placed) out += std::string(indent, ' ');
    first_is_placed = false;
    out += "-";
    if (is_collection(item) && flow_of(item).empty()) {
      out += " ";
      write(item, indent + 2, true, out);
    } else {
      write_value(item, indent + 2, out);
    }
  }
  for (const Json::Member& member : value.members()) {
    if (!first_is_placed) out += std::string(indent, ' ');
    first_is_placed = false;
    out += text_of(member.first) + ":";
    // Lists stand at the level of their key.
    write_value(member.second, member.second.is_array() ? indent : indent + 2, out);
  }
}

}  // namespace

std::string yaml_of(const Json& value) {
  std::string out;
  if (is_collection(value))
    write(value, 0, false, out);
  else
    out = scalar_of(value) + "\n";
  return out;
}

std::string yaml_of_all(std::span<const Json> documents) {
  std::string out;
  for (const Json& document : documents) out += (out.empty() ? "" : "---\n") + yaml_of(document);
  return out;
}

}  // namespace bailey::manifest
