#include "table.h"

#include <algorithm>
#include <cstdint>

namespace bailey::cli {
namespace {

// The next code point of `text` from `at`, which is moved behind it; a stray byte is taken as it is.
std::uint32_t next(std::string_view text, std::size_t& at) {
  unsigned char lead = static_cast<unsigned char>(text[at++]);
  std::size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
  std::uint32_t point = more == 3 ? lead & 7u : more == 2 ? lead & 15u : more == 1 ? lead & 31u : lead;
  for (; more > 0 && at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80; --more)
    point = point << 6 | (static_cast<unsigned char>(text[at++]) & 0x3fu);
  return point;
}

// Unicode East Asian Width W and F, as far as the texts of this program and names in manifests need it.
bool wide(std::uint32_t point) {
  return (point >= 0x1100 && point <= 0x115f) || (point >= 0x2e80 && point <= 0xa4cf) ||
         (point >= 0xac00 && point <= 0xd7a3) || (point >= 0xf900 && point <= 0xfaff) ||
         (point >= 0xfe30 && point <= 0xfe6f) || (point >= 0xff00 && point <= 0xff60) ||
         (point >= 0xffe0 && point <= 0xffe6) || (point >= 0x1f300 && point <= 0x1faff);
}

std::string pad(const Cell& cell, std::size_t width, bool color) {
  std::size_t used = display_width(cell.text);
  return painted(cell.text, cell.paint, color) + std::string(width > used ? width - used : 0, ' ');
}

void without_trailing_spaces(std::string& line) {
  while (!line.empty() && line.back() == ' ') line.pop_back();
}

struct Line {
  std::string rails;  // the lines that lead to the node
  const Branch* branch;
};

void flatten(const std::vector<Branch>& branches, const std::string& rails, bool top, std::vector<Line>& lines) {
  for (std::size_t i = 0; i < branches.size(); ++i) {
    bool last = i + 1 == branches.size();
    lines.push_back({top ? rails : rails + (last ? "└─ " : "├─ "), &branches[i]});
    flatten(branches[i].children, top ? rails : rails + (last ? "   " : "│  "), false, lines);
  }
}

}  // namespace

std::size_t display_width(std::string_view utf8) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < utf8.size();) width += wide(next(utf8, at)) ? 2 : 1;
  return width;
}

std::string table(const std::vector<std::string>& head, const std::vector<TableRow>& rows, bool color) {
  std::vector<std::size_t> widths(head.size(), 0);
  for (const TableRow& row : rows)
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i)
      widths[i] = std::max(widths[i], display_width(row[i].text));
  std::string out;
  auto line = [&](const TableRow& row) {
    std::string text;
    for (std::size_t i = 0; i < widths.size(); ++i)
      if (widths[i] > 0)
        text += pad(i < row.size() ? row[i] : Cell{}, std::max(widths[i], display_width(head[i])), color) + "  ";
    without_trailing_spaces(text);
    out += text + "\n";
  };
  TableRow top;
  for (const std::string& title : head) top.push_back({title, Paint::dim});
  line(top);
  for (const TableRow& row : rows) line(row);
  return out;
}

std::string tree(const std::vector<Branch>& branches, bool color) {
  std::vector<Line> lines;
  flatten(branches, "", true, lines);
  std::size_t column = 0;
  for (const Line& line : lines)
    if (!line.branch->detail.text.empty())
      column = std::max(column, display_width(line.rails) + display_width(line.branch->name.text));
  std::string out;
  for (const Line& line : lines) {
    std::size_t used = display_width(line.rails);
    std::string text =
        painted(line.rails, Paint::dim, color) + pad(line.branch->name, column > used ? column - used : 0, color);
    if (!line.branch->detail.text.empty())
      text += "  " + painted(line.branch->detail.text, line.branch->detail.paint, color);
    without_trailing_spaces(text);
    out += text + "\n";
  }
  return out;
}

}  // namespace bailey::cli
