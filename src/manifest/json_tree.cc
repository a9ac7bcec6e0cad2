// JSON text -> a tree, with the position of every key and value (RFC 8259, strictly).
//
// A cursor walks the text once. Lines end within white space only, since a string may not hold a line break, so the
// line is counted there; columns are counted in characters from the last place on the line that was asked for.
//
// The items of a long list (`kubectl get pods -A -o json`) would be a tree many times as large as the objects made of
// it. Where `defer_items` says so, the mappings in the root's "items" are checked to be JSON but not built: their
// nodes hold their text, to be read one by one (parse_deferred).
#include <algorithm>

#include "manifest/tree_builder.h"

namespace bailey::manifest {
namespace {

using model::Position;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Thrown where the text is no JSON.
struct NoJson {
  Flaw flaw;
};

class JsonReader {
 public:
  JsonReader(std::string_view text, const LineNumbers& numbers, std::uint32_t first_column, Tree& tree,
             TreeBuilder& builder)
      : text_(text), numbers_(numbers), column_(first_column), tree_(tree), builder_(builder) {}

  void document(bool defer_items) {
    space();
    if (defer_items && peek() == '{')
      mapping(0, true);
    else
      value(0);
    space();
    if (at_ < text_.size()) fail("manifest.expected-end");
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  [[noreturn]] void fail(const char* expected) {
    base::Message found{"manifest.found-end", {}};
    if (at_ < text_.size()) {
      std::size_t end = at_ + 1;
      while (end < text_.size() && (static_cast<unsigned char>(text_[end]) & 0xC0) == 0x80) ++end;
      found = {"manifest.found-character", {std::string(text_.substr(at_, end - at_))}};
      if (static_cast<unsigned char>(text_[at_]) < 0x20) found = {"manifest.found-line-end", {}};
    }
    throw NoJson{{"bad-json", here(), {expected, {}}, found, {"manifest.mend-json", {}}}};
  }

  Position here() {
    for (; counted_ < at_; ++counted_) column_ += (static_cast<unsigned char>(text_[counted_]) & 0xC0) != 0x80;
    return {numbers_.of(line_), column_};
  }

  void space() {
    for (; at_ < text_.size(); ++at_) {
      char c = text_[at_];
      if (c == '\n') {
        ++line_;
        counted_ = at_ + 1;
        column_ = 1;
      } else if (c != ' ' && c != '\t' && c != '\r') {
        return;
      }
    }
  }

  void count(Position position) {
    if (++values_ > max_json_values) throw Stop{too_many_values(position, max_json_values)};
  }

  void value(std::size_t depth);
  void mapping(std::size_t depth, bool root);
  void sequence(std::size_t depth, bool items);
  void skip(std::size_t depth);
  std::string_view string(bool wanted);
  std::string_view unescaped(std::size_t first);
  void escape(std::string& out);
  char32_t hex4();
  std::string_view number(bool* whole);
  std::string_view word();
  bool next(char close);

  std::string_view text_;
  const LineNumbers& numbers_;
  std::size_t at_ = 0;
  std::size_t line_ = 0;     // from the start of the text
  std::size_t counted_ = 0;  // characters before it on this line are in column_
  std::uint32_t column_;
  std::uint64_t values_ = 0;
  std::string buffer_;  // of unescaped()
  Tree& tree_;
  TreeBuilder& builder_;
};

// After an item or a member: whether another one follows.
bool JsonReader::next(char close) {
  space();
  char c = peek();
  if (c != ',' && c != close) fail(close == '}' ? "manifest.expected-comma-brace" : "manifest.expected-comma-bracket");
  ++at_;
  if (c == close) return false;
  space();
  return true;
}

void JsonReader::value(std::size_t depth) {
  Position position = here();
  count(position);
  char c = peek();
  if (c == '{') {
    mapping(depth, false);
  } else if (c == '[') {
    sequence(depth, false);
  } else if (c == '"') {
    builder_.scalar(position, Node::Type::text, true, string(true));
  } else if (c == '-' || is_digit(c)) {
    bool whole = true;
    std::string_view text = number(&whole);
    builder_.scalar(position, whole ? Node::Type::integer : Node::Type::real, false, text);
  } else {
    std::string_view text = word();
    if (text == "null")
      builder_.scalar(position, Node::Type::null, false, {});
    else
      builder_.scalar(position, Node::Type::boolean, false, text);
  }
}

void JsonReader::mapping(std::size_t depth, bool root) {
  builder_.open(Node::Type::mapping, here());
  ++at_;
  space();
  if (peek() == '}') {
    ++at_;
    builder_.close();
    return;
  }
  do {
    if (peek() != '"') fail("manifest.expected-json-key");
    Position position = here();
    std::string_view key = string(true);
    builder_.scalar(position, Node::Type::text, true, key);
    space();
    if (peek() != ':') fail("manifest.expected-colon");
    ++at_;
    space();
    if (root && key == "items" && peek() == '[')
      sequence(depth + 1, true);
    else
      value(depth + 1);
  } while (next('}'));
  builder_.close();
}

void JsonReader::sequence(std::size_t depth, bool items) {
  builder_.open(Node::Type::sequence, here());
  ++at_;
  space();
  if (peek() == ']') {
    ++at_;
    builder_.close();
    return;
  }
  do {
    if (items && peek() == '{') {
      Position position = here();
      std::size_t first = at_;
      skip(depth + 1);
      builder_.deferred(position, text_.substr(first, at_ - first));
    } else {
      value(depth + 1);
    }
  } while (next(']'));
  builder_.close();
}

// A value that is checked and not built.
void JsonReader::skip(std::size_t depth) {
  if (++values_ > max_json_values) throw Stop{too_many_values(here(), max_json_values)};
  char c = peek();
  bool whole = true;
  if (c == '"') {
    string(false);
  } else if (c == '{' || c == '[') {
    if (depth >= max_depth) throw Stop{too_deep(here())};
    char close = c == '{' ? '}' : ']';
    ++at_;
    space();
    if (peek() == close) {
      ++at_;
      return;
    }
    do {
      if (c == '{') {
        if (peek() != '"') fail("manifest.expected-json-key");
        string(false);
        space();
        if (peek() != ':') fail("manifest.expected-colon");
        ++at_;
        space();
      }
      skip(depth + 1);
    } while (next(close));
  } else if (c == '-' || is_digit(c)) {
    number(&whole);
  } else {
    word();
  }
}

// The text of a string, which lives as long as the tree; "" where it is not wanted.
std::string_view JsonReader::string(bool wanted) {
  std::size_t first = ++at_;
  while (at_ < text_.size()) {
    char c = text_[at_];
    if (c == '"') {
      ++at_;
      return text_.substr(first, at_ - 1 - first);
    }
    if (c == '\\') {
      std::string_view text = unescaped(first);
      return wanted ? tree_.keep(text) : std::string_view{};
    }
    if (static_cast<unsigned char>(c) < 0x20) fail("manifest.expected-close-quote");
    ++at_;
  }
  fail("manifest.expected-close-quote");
}

// The cursor is at the first backslash of a string. The text lives until the next call.
std::string_view JsonReader::unescaped(std::size_t first) {
  std::string& out = buffer_;
  out.assign(text_.substr(first, at_ - first));
  while (at_ < text_.size()) {
    char c = text_[at_];
    if (c == '"') {
      ++at_;
      return out;
    }
    if (static_cast<unsigned char>(c) < 0x20) break;
    if (c == '\\') {
      escape(out);
    } else {
      out += c;
      ++at_;
    }
  }
  fail("manifest.expected-close-quote");
}

void append_utf8(std::string& out, char32_t rune) {
  auto put = [&](char32_t bits) { out += static_cast<char>(bits); };
  if (rune < 0x80) return put(rune);
  if (rune < 0x800) {
    put(0xC0 | (rune >> 6));
  } else if (rune < 0x10000) {
    put(0xE0 | (rune >> 12));
    put(0x80 | ((rune >> 6) & 0x3F));
  } else {
    put(0xF0 | (rune >> 18));
    put(0x80 | ((rune >> 12) & 0x3F));
    put(0x80 | ((rune >> 6) & 0x3F));
  }
  put(0x80 | (rune & 0x3F));
}

char32_t JsonReader::hex4() {
  char32_t value = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    char c = peek();
    bool letter = (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (!letter && !is_digit(c)) fail("manifest.expected-json-escape");
    value = value * 16 + static_cast<char32_t>(letter ? (c | 0x20) - 'a' + 10 : c - '0');
  }
  return value;
}

void JsonReader::escape(std::string& out) {
  ++at_;
  constexpr std::string_view names = "\"\\/bfnrt";
  constexpr std::string_view values = "\"\\/\b\f\n\r\t";
  char c = peek();
  std::size_t which = names.find(c);
  if (c != '\0' && which != std::string_view::npos) {
    out += values[which];
    ++at_;
    return;
  }
  if (c != 'u') fail("manifest.expected-json-escape");
  ++at_;
  char32_t rune = hex4();
  if (rune >= 0xDC00 && rune <= 0xDFFF) fail("manifest.expected-json-escape");
  if (rune >= 0xD800 && rune <= 0xDBFF) {  // the first half of a pair
    if (text_.substr(at_, 2) != "\\u") fail("manifest.expected-json-escape");
    at_ += 2;
    char32_t low = hex4();
    if (low < 0xDC00 || low > 0xDFFF) fail("manifest.expected-json-escape");
    rune = 0x10000 + ((rune - 0xD800) << 10) + (low - 0xDC00);
  }
  append_utf8(out, rune);
}

std::string_view JsonReader::number(bool* whole) {
  std::size_t first = at_;
  auto digits = [&] {
    if (!is_digit(peek())) fail("manifest.expected-digit");
    while (is_digit(peek())) ++at_;
  };
  if (peek() == '-') ++at_;
  if (peek() == '0')
    ++at_;
  else
    digits();
  if (peek() == '.') {
    *whole = false;
    ++at_;
    digits();
  }
  if (peek() == 'e' || peek() == 'E') {
    *whole = false;
    ++at_;
    if (peek() == '+' || peek() == '-') ++at_;
    digits();
  }
  return text_.substr(first, at_ - first);
}

std::string_view JsonReader::word() {
  for (std::string_view each : {"true", "false", "null"})
    if (text_.substr(at_, each.size()) == each) {
      at_ += each.size();
      return text_.substr(at_ - each.size(), each.size());
    }
  fail("manifest.expected-json-value");
}

}  // namespace

JsonParsed parse_json(const Chunk& chunk, const LineNumbers& numbers, std::uint32_t first_column, bool defer_items) {
  JsonParsed out;
  out.parsed.tree = std::make_unique<Tree>();
  TreeBuilder builder(*out.parsed.tree, max_json_nodes);
  JsonReader reader(chunk.text, numbers, first_column, *out.parsed.tree, builder);
  try {
    reader.document(defer_items);
    out.parsed.root = builder.root();
  } catch (const Stop& stop) {
    builder.flaws().push_back(stop.flaw);
  } catch (const NoJson& no) {
    out.is_json = false;
    builder.flaws().push_back(no.flaw);
  }
  out.parsed.flaws = std::move(builder.flaws());
  return out;
}

}  // namespace bailey::manifest
