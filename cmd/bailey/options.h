// Options that several commands share, so that they are spelled and checked alike everywhere.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "session.h"

namespace CLI {
class App;
}

namespace bailey::cli {

void add_name(CLI::App& command, std::string& name, const Session& session);
void add_files(CLI::App& command, std::vector<std::string>& paths, bool required, const Session& session);
void add_format(CLI::App& command, Format& format, std::initializer_list<Format> allowed, const Session& session);
// "300ms", "10s", "2m" -> milliseconds.
void add_duration(CLI::App& command, const std::string& name, int& milliseconds, std::string_view text_id,
                  const Session& session);

std::optional<int> parse_duration(std::string_view text);  // at most a day
bool is_lab_name(std::string_view text);                   // letters, digits, '-', '_', '.'; at most 63, no leading '.'

// Flags of `--from`, `--to`, `--port` and `--family`, and the row that they make.
struct RowOptions {
  std::string from;
  std::string to;
  std::string port;
  int family = 0;

  bool any() const { return !from.empty() || !to.empty() || !port.empty() || family != 0; }
};
void add_row(CLI::App& command, RowOptions& row, const Session& session);
// What is wrong with the row as text for the user, or its JSON form {from, to, port, family?}.
struct RowOrMistake {
  std::optional<base::Json> row;
  std::string mistake;
};
RowOrMistake row_of(const RowOptions& options, const Session& session);

}  // namespace bailey::cli
