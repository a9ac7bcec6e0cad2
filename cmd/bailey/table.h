// Aligned tables and trees for people, measured in columns of a terminal (a Korean syllable takes two).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "session.h"

namespace bailey::cli {

// Columns that UTF-8 text takes on a terminal. Bytes that are not UTF-8 count one each.
std::size_t display_width(std::string_view utf8);

struct Cell {
  std::string text;
  Paint paint = Paint::plain;
};
using TableRow = std::vector<Cell>;

// Columns two spaces apart, no trailing spaces; a column in which every cell is empty is left out with its head.
std::string table(const std::vector<std::string>& head, const std::vector<TableRow>& rows, bool color);

// A node of a tree: name, then what is to be known of it, in one column over the whole tree.
struct Branch {
  Cell name;
  Cell detail;
  std::vector<Branch> children;
};
std::string tree(const std::vector<Branch>& branches, bool color);

}  // namespace bailey::cli
