// Text -> trees. JSON is read by json_tree.cc, everything else by yaml.cc, the only file that knows libyaml.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "manifest/node.h"
#include "model/source.h"

namespace bailey::manifest {

// What a program writes (JSON) may be large; what people write (YAML) may not. A list's items are read one by one.
inline constexpr std::size_t max_file_bytes = std::size_t{4} << 20;
inline constexpr std::size_t max_json_bytes = std::size_t{256} << 20;
inline constexpr std::size_t max_depth = 100;
inline constexpr std::uint64_t max_nodes = 200000;         // of one YAML document
inline constexpr std::uint64_t max_json_nodes = 1000000;   // of one JSON tree: a document, or an item of its list
inline constexpr std::uint64_t max_json_values = 8000000;  // of one JSON document, the items of its list included
inline constexpr std::uint64_t max_expansion = 100000;

// Why a text is no tree; becomes an InputError when the file's name is added.
struct Flaw {
  std::string code;
  model::Position position;
  base::Message expected;
  base::Message found;
  base::Message mend;
};

// The lines of one YAML document within a file, its `---` line included.
struct Chunk {
  std::uint32_t first_line = 1;  // in the file, from 1
  std::string_view text;
  bool blank = false;  // nothing but markers, comments and directives
};

// Size, encoding and control characters; empty where the text is fit to be read.
std::optional<Flaw> check_text(std::string_view text);

// The documents of a file. A UTF-8 byte order mark is left out. Cheap: looks at line starts only.
std::vector<Chunk> split_documents(std::string_view text);

// One document's tree. `root` is null for an empty document; on a flaw the tree is incomplete and left out.
struct Parsed {
  std::unique_ptr<Tree> tree;  // holds what root points to; with views into the chunk's text, which must live as long
  NodePtr root = nullptr;
  std::vector<Flaw> flaws;  // duplicate keys and such leave the tree whole, so there may be several
};
// `lines`, where given, holds for each line of the chunk the line of the file that it stands for.
// `defer_items`: the mappings in "items" of a JSON document are only checked; parse_deferred reads each of them.
Parsed parse_document(const Chunk& chunk, const std::vector<std::uint32_t>* lines = nullptr, bool defer_items = false);
Parsed parse_deferred(const Node& item);  // while the document that it is of lives
// Whether a text can only be JSON or a flow collection of YAML: its first character is a brace or a bracket.
bool looks_like_json(std::string_view text);

// Line and column (in characters, from 1) of a byte of a text.
model::Position position_in(std::string_view text, std::size_t byte);

}  // namespace bailey::manifest
