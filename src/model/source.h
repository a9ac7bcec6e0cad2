// Where an object and its fields stand in the files they came from, and what is wrong with an input.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"

namespace bailey::model {

// Line and column count from 1; 0 means unknown (an object that no file holds).
struct Position {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  friend auto operator<=>(const Position&, const Position&) = default;
};

// The file of an object and the position of each of its fields.
// A field is named by its path: "spec.subnets[1].prefix", "metadata.name".
class Source {
 public:
  Source() = default;
  Source(std::string file, Position start) : file_(std::move(file)), start_(start) {}

  const std::string& file() const { return file_; }  // as the user named it; "<stdin>" for standard input
  Position start() const { return start_; }
  void mark(std::string path, Position position) { marks_.emplace_back(std::move(path), position); }
  // The position of `path`, or of its nearest enclosing field, or of the object.
  Position at(std::string_view path) const;

 private:
  std::string file_;
  Position start_;
  std::vector<std::pair<std::string, Position>> marks_;
};

// One mistake in an input. Texts are messages, so that they exist in every language.
struct InputError {
  enum class Severity : std::uint8_t { error, warning };
  Severity severity = Severity::error;
  std::string code;  // stable, lower case with dashes: "unknown-field", "bad-prefix", "duplicate-name"
  std::string file;
  Position position;
  std::string object;  // "VirtualNetwork/hub", "Ingress/default/myapp-ingress"; "" where no object is known yet
  std::string field;   // path within the object, "" where none
  base::Message expected;
  base::Message found;
  base::Message mend;  // what to do, one sentence
};

}  // namespace bailey::model
