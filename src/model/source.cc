#include "model/source.h"

namespace bailey::model {

Position Source::at(std::string_view path) const {
  while (!path.empty()) {
    for (const auto& [name, position] : marks_)
      if (name == path) return position;
    std::size_t cut = path.find_last_of(".[");
    path = cut == std::string_view::npos ? std::string_view{} : path.substr(0, cut);
  }
  return start_;
}

}  // namespace bailey::model
