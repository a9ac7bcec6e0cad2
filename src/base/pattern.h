// Regular expressions that users write, in RE2's syntax: matching takes time linear in the text.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace bailey::base {

// Immutable; copies share. May be used by several threads at once.
class Pattern {
 public:
  // Empty on a mistake, of which `error` (when given) tells.
  static std::optional<Pattern> parse(std::string_view text, std::string* error = nullptr);
  // Whether it matches from the first byte to the last.
  bool matches_all_of(std::string_view text) const;

 private:
  struct Compiled;
  explicit Pattern(std::shared_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace bailey::base
