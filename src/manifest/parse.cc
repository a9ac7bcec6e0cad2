// Which reader a document is for. A document that begins like JSON and is none is YAML in flow style, unless it is
// larger than YAML may be.
#include "manifest/parse.h"

#include "manifest/tree_builder.h"

namespace bailey::manifest {

bool looks_like_json(std::string_view text) {
  std::size_t at = text.find_first_not_of(" \t\r\n");
  return at != std::string_view::npos && (text[at] == '{' || text[at] == '[');
}

Parsed parse_document(const Chunk& chunk, const std::vector<std::uint32_t>* lines, bool defer_items) {
  if (chunk.blank) return {};
  LineNumbers numbers(chunk, lines);
  if (looks_like_json(chunk.text)) {
    JsonParsed json = parse_json(chunk, numbers, 1, defer_items);
    if (json.is_json || chunk.text.size() > max_file_bytes) return std::move(json.parsed);
  }
  return parse_yaml(chunk, numbers);
}

Parsed parse_deferred(const Node& item) {
  Chunk chunk{item.position.line, item.text, false};
  return parse_json(chunk, LineNumbers(chunk, nullptr), item.position.column, false).parsed;
}

}  // namespace bailey::manifest
