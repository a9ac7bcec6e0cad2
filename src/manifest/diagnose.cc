// Known wrong indentation.
//
// A line is seen as  indent, dashes, key, rest.  Three mistakes are known, each with its repair:
//   nested   `annotations: a/b: "x"`        the second key belongs on a line of its own, one level deeper
//   deeper   a key deeper than the `key: value` above it     it and what hangs below it move left
//   tab      tabs before a key              two spaces for each
// The YAML library reports such lines as an unexpected ':' somewhere behind the key; the repair looks at the line it
// names and at the nearest line above that is neither blank nor a comment.
#include "manifest/diagnose.h"

#include <algorithm>

namespace bailey::manifest {
namespace {

bool key_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         c == '.' || c == '/';
}

struct Line {
  std::size_t indent = 0;      // columns before the key, dashes included
  std::size_t key_length = 0;  // 0: the line holds no key
  std::string_view key;
  std::string_view value;  // after ": ", trimmed at the left, line end left out
  bool blank = false;
};

std::string_view without_end(std::string_view line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  return line;
}

std::size_t key_end(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && key_character(text[end])) ++end;
  bool colon = end > 0 && end < text.size() && text[end] == ':' && (end + 1 == text.size() || text[end + 1] == ' ');
  return colon ? end : 0;
}

Line look_at(std::string_view raw) {
  std::string_view text = without_end(raw);
  Line line;
  std::size_t at = text.find_first_not_of(' ');
  if (at == std::string_view::npos || text[at] == '#') {
    line.blank = true;
    return line;
  }
  while (text.substr(at, 2) == "- ") {
    std::size_t next = text.find_first_not_of(' ', at + 1);
    if (next == std::string_view::npos) break;
    at = next;
  }
  line.indent = at;
  line.key_length = key_end(text.substr(at));
  if (line.key_length == 0) return line;
  line.key = text.substr(at, line.key_length);
  std::size_t value = text.find_first_not_of(' ', at + line.key_length + 1);
  if (value != std::string_view::npos && text[value] != '#') line.value = text.substr(value);
  return line;
}

std::optional<std::size_t> line_above(const std::vector<std::string>& lines, std::size_t index) {
  while (index-- > 0)
    if (!look_at(lines[index]).blank) return index;
  return std::nullopt;
}

std::size_t spaces_of(std::string_view line) { return std::min(line.find_first_not_of(' '), line.size()); }

struct Meant {
  enum class Kind : std::uint8_t { nothing, nested, deeper, tab } kind = Kind::nothing;
  std::size_t line = 0;
  std::size_t indent = 0;  // where the key belongs
  std::string key;
  std::string inner_key;   // nested
  std::string parent_key;  // the key that the line stands below
};

// The key under which a line at `indent` lies.
std::string parent_of(const std::vector<std::string>& lines, std::size_t index, std::size_t indent) {
  while (index-- > 0) {
    Line line = look_at(lines[index]);
    if (!line.blank && line.key_length > 0 && line.indent < indent) return std::string(line.key);
  }
  return "";
}

Meant meaning_of(const std::vector<std::string>& lines, std::size_t index) {
  Meant meant;
  meant.line = index;
  std::string_view raw = lines[index];
  std::size_t first = raw.find_first_not_of(" \t");
  std::size_t tab = raw.find('\t');
  if (tab != std::string_view::npos && first != std::string_view::npos && tab < first) {
    meant.kind = Meant::Kind::tab;
    return meant;
  }
  Line line = look_at(raw);
  if (line.key_length == 0) return meant;
  meant.key = line.key;
  meant.indent = line.indent;
  bool deeper = false;
  if (std::optional<std::size_t> above = line_above(lines, index)) {
    Line other = look_at(lines[*above]);
    deeper = other.key_length > 0 && !other.value.empty() && other.value.front() != '|' && other.value.front() != '>' &&
             line.indent > other.indent;
    if (deeper) meant.indent = other.indent;
  }
  std::size_t inner = key_end(line.value);
  if (inner > 0) {
    meant.kind = Meant::Kind::nested;
    meant.inner_key = line.value.substr(0, inner);
  } else if (deeper) {
    meant.kind = Meant::Kind::deeper;
  }
  meant.parent_key = parent_of(lines, index, meant.indent);
  return meant;
}

// Mistakes that indentation explains; an open quote or bracket is none of them.
bool may_be_indentation(const Flaw& flaw) {
  return flaw.code == "bad-yaml" &&
         (flaw.expected.id == "manifest.expected-yaml" || flaw.expected.id == "manifest.expected-spaces");
}

Meant meaning_near(const std::vector<std::string>& lines, std::size_t index) {
  if (index >= lines.size()) return {};
  Meant meant = meaning_of(lines, index);
  if (meant.kind != Meant::Kind::nothing || index == 0) return meant;
  Meant above = meaning_of(lines, index - 1);  // some mistakes are noticed a line late
  return above.kind == Meant::Kind::nothing ? meant : above;
}

Flaw flaw_of(const Meant& meant, model::Position position) {
  std::string parent = meant.parent_key.empty() ? meant.key : meant.parent_key;
  switch (meant.kind) {
    case Meant::Kind::nested:
      if (meant.parent_key.empty())
        return {"bad-indentation",
                position,
                {"manifest.expected-nested-top", {meant.key}},
                {"manifest.found-nested", {meant.key, meant.inner_key}},
                {"manifest.mend-nested-top", {meant.key, meant.inner_key}}};
      return {"bad-indentation",
              position,
              {"manifest.expected-nested", {meant.key, parent}},
              {"manifest.found-nested", {meant.key, meant.inner_key}},
              {"manifest.mend-nested", {meant.key, parent, meant.inner_key}}};
    case Meant::Kind::deeper:
      return {"bad-indentation",
              position,
              {"manifest.expected-level", {meant.key, std::to_string(meant.indent)}},
              {"manifest.found-level", {std::to_string(position.column - 1)}},
              {"manifest.mend-level", {meant.key, std::to_string(meant.indent)}}};
    default:
      return {"bad-indentation",
              position,
              {"manifest.expected-spaces", {}},
              {"manifest.found-tab", {}},
              {"manifest.mend-tab", {}}};
  }
}

std::uint32_t column_of(const Meant& meant, const std::string& raw) {
  if (meant.kind == Meant::Kind::tab) return static_cast<std::uint32_t>(raw.find('\t')) + 1;
  return static_cast<std::uint32_t>(look_at(raw).indent) + 1;
}

void move_left(TextLines& text, std::size_t from, std::size_t least_indent, std::size_t by) {
  for (std::size_t i = from; i < text.lines.size(); ++i) {
    if (look_at(text.lines[i]).blank) continue;
    if (spaces_of(text.lines[i]) < least_indent) return;
    text.lines[i].erase(0, by);
  }
}

void unfold(TextLines& text, const Meant& meant) {
  std::string raw = text.lines[meant.line];
  std::string_view body = without_end(raw);
  std::string end(raw.substr(body.size()));
  if (end.empty()) end = "\n";
  Line line = look_at(raw);
  std::string before(body.substr(0, line.indent));
  bool moved = meant.indent < line.indent;
  if (moved) before = std::string(meant.indent, ' ');
  text.lines[meant.line] = before + meant.key + ":" + end;
  bool last = raw.size() == body.size();
  text.lines.insert(text.lines.begin() + static_cast<std::ptrdiff_t>(meant.line) + 1,
                    std::string(meant.indent + 2, ' ') + std::string(line.value) + (last ? "" : end));
  text.origins.insert(text.origins.begin() + static_cast<std::ptrdiff_t>(meant.line) + 1, text.origins[meant.line]);
  // Lines that hung below the folded one go to the level of the inner key.
  for (std::size_t i = meant.line + 2; i < text.lines.size(); ++i) {
    if (look_at(text.lines[i]).blank) continue;
    std::size_t spaces = spaces_of(text.lines[i]);
    if (spaces < line.indent + (moved ? 0 : 1)) break;
    text.lines[i].replace(0, spaces, std::string(meant.indent + 2, ' '));
  }
}

}  // namespace

TextLines TextLines::of(std::string_view text, std::uint32_t first_line) {
  TextLines out;
  while (!text.empty()) {
    std::size_t end = text.find('\n');
    std::size_t length = end == std::string_view::npos ? text.size() : end + 1;
    out.lines.emplace_back(text.substr(0, length));
    out.origins.push_back(first_line++);
    text.remove_prefix(length);
  }
  return out;
}

std::string TextLines::text() const {
  std::string out;
  for (const std::string& line : lines) out += line;
  return out;
}

Flaw diagnose(const Chunk& chunk, const Flaw& flaw) {
  if (!may_be_indentation(flaw) || flaw.position.line < chunk.first_line) return flaw;
  TextLines text = TextLines::of(chunk.text, chunk.first_line);
  Meant meant = meaning_near(text.lines, flaw.position.line - chunk.first_line);
  if (meant.kind == Meant::Kind::nothing) return flaw;
  return flaw_of(meant, {text.origins[meant.line], column_of(meant, text.lines[meant.line])});
}

std::optional<Flaw> repair(TextLines& text, const Flaw& flaw) {
  if (!may_be_indentation(flaw)) return std::nullopt;
  // Lines may stand for others; the flaw names a line of this very text.
  Meant meant = meaning_near(text.lines, flaw.position.line - 1);
  if (meant.kind == Meant::Kind::nothing) return std::nullopt;
  std::string& raw = text.lines[meant.line];
  Flaw described = flaw_of(meant, {text.origins[meant.line], column_of(meant, raw)});
  switch (meant.kind) {
    case Meant::Kind::tab: {
      std::size_t first = raw.find_first_not_of(" \t");
      std::string spaces;
      for (std::size_t i = 0; i < first; ++i) spaces += raw[i] == '\t' ? "  " : " ";
      raw.replace(0, first, spaces);
      break;
    }
    case Meant::Kind::nested: unfold(text, meant); break;
    default: {
      std::size_t indent = look_at(raw).indent;
      move_left(text, meant.line, indent, indent - meant.indent);
    }
  }
  return described;
}

}  // namespace bailey::manifest
