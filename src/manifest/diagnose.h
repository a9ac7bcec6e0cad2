// A better word for YAML that is wrong in a known way, and its repair.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "manifest/parse.h"

namespace bailey::manifest {

// The flaw as a person would describe it, where the lines around it show what was meant; otherwise as it is.
Flaw diagnose(const Chunk& chunk, const Flaw& flaw);

// A text as lines (line ends kept), each with the line of the file that it comes from.
struct TextLines {
  std::vector<std::string> lines;
  std::vector<std::uint32_t> origins;

  static TextLines of(std::string_view text, std::uint32_t first_line = 1);
  std::string text() const;
};

// Repairs what `flaw` (of a parse of `text`, line numbers from `text.origins`) is known to mean: a key below the one it
// stands beside, `key: key: value` on one line, tabs before keys. Returns the flaw as described, or nothing where no
// repair is known; `text` is changed only in the first case.
std::optional<Flaw> repair(TextLines& text, const Flaw& flaw);

}  // namespace bailey::manifest
