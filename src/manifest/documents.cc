// What a file is before it is read: text of a legal size and encoding, cut into documents at the lines that begin with
// `---` or `...` (YAML says that such a line ends a document wherever it stands), so that a mistake in one document
// leaves the others readable.
#include <algorithm>
#include <cstring>

#include "manifest/parse.h"

namespace bailey::manifest {
namespace {

using model::Position;

struct Utf8Step {
  std::size_t bytes = 0;  // 0: invalid
  char32_t rune = 0;
};

Utf8Step utf8_at(std::string_view text, std::size_t at) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char lead = byte(at);
  if (lead < 0x80) return {1, lead};
  std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || at + bytes > text.size()) return {};
  char32_t rune = lead & (0xFF >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return {};
    rune = (rune << 6) | (byte(at + i) & 0x3F);
  }
  constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (rune < least[bytes] || rune > 0x10FFFF || (rune >= 0xD800 && rune <= 0xDFFF)) return {};
  return {bytes, rune};
}

bool printable(char32_t rune) {
  if (rune < 0x20) return rune == '\t' || rune == '\n' || rune == '\r';
  if (rune < 0x7F) return true;
  if (rune < 0xA0) return rune == 0x85;
  return rune != 0xFFFE && rune != 0xFFFF;
}

std::string hex(std::uint32_t value, int width) {
  constexpr char letters[] = "0123456789ABCDEF";
  std::string out;
  for (int i = width - 1; i >= 0; --i) out += letters[(value >> (4 * i)) & 15];
  return out;
}

std::string_view without_mark(std::string_view text) {
  return text.substr(0, 3) == "\xEF\xBB\xBF" ? text.substr(3) : text;
}

bool is_marker(std::string_view line, std::string_view marker) {
  if (line.substr(0, 3) != marker) return false;
  return line.size() == 3 || line[3] == ' ' || line[3] == '\t' || line[3] == '\r';
}

bool is_blank(std::string_view line) {
  std::size_t at = line.find_first_not_of(" \t\r");
  return at == std::string_view::npos || line[at] == '#';
}

// The bytes at the start of a text that are visible ASCII or blanks, in steps of eight: most of any file.
std::size_t plain_run(std::string_view text) {
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t highs = ones * 0x80;
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    // A high bit where a byte is above 0x7F, below 0x20, or 0x7F; exact for the lowest such byte, which is enough.
    std::uint64_t below = (word - ones * 0x20) & ~word;
    std::uint64_t is_7f = ((word ^ (ones * 0x7F)) - ones) & ~(word ^ (ones * 0x7F));
    if ((word | below | is_7f) & highs) break;
  }
  return at;
}

}  // namespace

model::Position position_in(std::string_view text, std::size_t byte) {
  Position position{1, 1};
  for (std::size_t i = 0; i < byte && i < text.size(); ++i) {
    if (text[i] == '\n') {
      ++position.line;
      position.column = 1;
    } else if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
      ++position.column;
    }
  }
  return position;
}

std::optional<Flaw> check_text(std::string_view text) {
  std::string_view body = without_mark(text);
  std::size_t most = looks_like_json(body) ? max_json_bytes : max_file_bytes;
  if (text.size() > most)
    return Flaw{"too-large",
                {1, 1},
                {"manifest.expected-size", {std::to_string(most >> 20)}},
                {"manifest.found-size", {std::to_string((text.size() + (1u << 20) - 1) >> 20)}},
                {"manifest.mend-size", {}}};
  for (std::size_t at = 0; at < body.size();) {
    at += plain_run(body.substr(at));
    if (at == body.size()) break;
    unsigned char byte = static_cast<unsigned char>(body[at]);
    if (byte >= 0x20 && byte < 0x7F) {
      ++at;
      continue;
    }
    Utf8Step step = utf8_at(body, at);
    if (step.bytes == 0)
      return Flaw{"bad-encoding",
                  position_in(body, at),
                  {"manifest.expected-utf8", {}},
                  {"manifest.found-byte", {"0x" + hex(byte, 2)}},
                  {"manifest.mend-utf8", {}}};
    if (!printable(step.rune))
      return Flaw{"control-character",
                  position_in(body, at),
                  {"manifest.expected-printable", {}},
                  {"manifest.found-control", {"U+" + hex(step.rune, 4)}},
                  {"manifest.mend-control", {}}};
    at += step.bytes;
  }
  return std::nullopt;
}

std::vector<Chunk> split_documents(std::string_view text) {
  text = without_mark(text);
  std::vector<Chunk> chunks;
  std::size_t start = 0;
  std::uint32_t start_line = 1;
  bool blank = true;        // only comments, directives and markers so far
  bool has_marker = false;  // the chunk has its `---`
  std::uint32_t line_number = 1;
  std::size_t at = 0;
  auto cut = [&](std::size_t end, std::uint32_t next_line) {
    if (end > start) chunks.push_back({start_line, text.substr(start, end - start), blank});
    start = end;
    start_line = next_line;
    blank = true;
    has_marker = false;
  };
  while (at < text.size()) {
    std::size_t end = text.find('\n', at);
    std::size_t next = end == std::string_view::npos ? text.size() : end + 1;
    std::string_view line = text.substr(at, (end == std::string_view::npos ? text.size() : end) - at);
    if (is_marker(line, "---")) {
      if (!blank || has_marker) cut(at, line_number);
      has_marker = true;
      if (!is_blank(line.substr(3))) blank = false;
    } else if (is_marker(line, "...")) {
      cut(next, line_number + 1);
    } else if (blank && !is_blank(line) && !(line[0] == '%' && !has_marker)) {
      blank = false;
    }
    at = next;
    ++line_number;
  }
  cut(text.size(), line_number);
  return chunks;
}

}  // namespace bailey::manifest
