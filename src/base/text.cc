#include "base/text.h"

namespace bailey::base {

const Text* Catalogue::find(std::string_view id) const {
  for (const auto& table : tables_)
    for (const Text& text : table)
      if (text.id == id) return &text;
  return nullptr;
}

std::string Catalogue::render(const Message& message, Lang lang) const {
  const Text* text = find(message.id);
  if (!text) {
    std::string out = message.id;
    for (const std::string& arg : message.args) out += " " + arg;
    return out;
  }
  std::string_view form = lang == Lang::ko ? text->ko : text->en;
  std::string out;
  for (std::size_t i = 0; i < form.size(); ++i) {
    bool placeholder =
        form[i] == '{' && i + 2 < form.size() && form[i + 2] == '}' && form[i + 1] >= '0' && form[i + 1] <= '9';
    if (!placeholder) {
      out += form[i];
      continue;
    }
    std::size_t index = static_cast<std::size_t>(form[i + 1] - '0');
    if (index < message.args.size()) {
      const std::string& arg = message.args[index];
      const Text* word = arg.size() > 1 && arg[0] == '@' ? find(std::string_view(arg).substr(1)) : nullptr;
      out += word ? (lang == Lang::ko ? word->ko : word->en) : std::string_view(arg);
    }
    i += 2;
  }
  return out;
}

Lang lang_of(std::string_view locale) { return locale.substr(0, 2) == "ko" ? Lang::ko : Lang::en; }

}  // namespace bailey::base
