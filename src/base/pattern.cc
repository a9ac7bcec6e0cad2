#include "base/pattern.h"

#include <re2/re2.h>

namespace bailey::base {

struct Pattern::Compiled {
  explicit Compiled(std::string_view text) : expression(re2::StringPiece(text.data(), text.size()), options()) {}

  static RE2::Options options() {
    RE2::Options out;
    out.set_log_errors(false);
    out.set_max_mem(1 << 20);  // bytes; what needs more is refused
    return out;
  }

  RE2 expression;
};

std::optional<Pattern> Pattern::parse(std::string_view text, std::string* error) {
  auto compiled = std::make_shared<const Compiled>(text);
  if (compiled->expression.ok()) return Pattern(std::move(compiled));
  if (error) *error = compiled->expression.error();
  return std::nullopt;
}

bool Pattern::matches_all_of(std::string_view text) const {
  return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), compiled_->expression);
}

}  // namespace bailey::base
