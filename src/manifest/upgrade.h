// Edits of single lines that bring a document to the present form of its kind.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "manifest/diagnose.h"
#include "manifest/node.h"
#include "model/source.h"

namespace bailey::manifest {

// Replaces `length` bytes at `column` (bytes, from 0) of a line. Text with line breaks makes new lines.
struct Edit {
  std::size_t line = 0;
  std::size_t column = 0;
  std::size_t length = 0;
  std::string text;
  bool remove_line = false;
};

// The byte at which column `column` (characters, from 1) of a line begins.
std::size_t byte_column(std::string_view line, std::uint32_t column);
// The bytes of a scalar as it stands on its line: quotes included, up to a comment or the end; 0 where it goes on.
std::size_t scalar_length(std::string_view line, std::size_t at, const Node& node);

// Makes all edits; false where there are none or two of them overlap (nothing is changed then).
bool apply(TextLines& lines, std::vector<Edit> edits);

// The edit that an error's mend asks for: quotes around a text, none around a number, a field's right spelling.
std::optional<Edit> edit_for(const model::InputError& error, const TextLines& lines);

// Old API versions and their fields, a missing apiVersion. `mended` gets one warning for each thing that changed.
bool upgrade(const std::string& file, TextLines& lines, std::vector<model::InputError>& mended);

}  // namespace bailey::manifest
