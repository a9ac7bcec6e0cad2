// What people read, in English and Korean.
//
// Code never prints prose of its own: it makes a Message (an id and arguments), and the top of the
// program renders it with the Catalogue of all tables in the language asked for. Each library keeps its
// table in texts.cc; tests/check holds that both languages are complete and use the same placeholders.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bailey::base {

enum class Lang { en, ko };

// One row of a table. Placeholders are {0}, {1}, ... and may stand in another order in each language.
// Ids are "area.what-it-says", unique over all tables.
struct Text {
  std::string_view id;
  std::string_view en;
  std::string_view ko;
};

// A text with its arguments. An argument that starts with '@' is itself an id and is rendered as such
// (for words such as "a number" within a sentence).
struct Message {
  std::string id;
  std::vector<std::string> args;

  friend bool operator==(const Message&, const Message&) = default;
};

class Catalogue {
 public:
  // The tables must outlive the catalogue (they are static arrays).
  Catalogue(std::initializer_list<std::span<const Text>> tables) : tables_(tables) {}

  // The text in `lang` with its arguments filled in; an unknown id gives the id itself and its arguments,
  // so that nothing is lost.
  std::string render(const Message& message, Lang lang) const;
  const Text* find(std::string_view id) const;
  std::span<const std::span<const Text>> tables() const { return tables_; }

 private:
  std::vector<std::span<const Text>> tables_;
};

// "ko", "ko_KR.UTF-8" -> ko; everything else -> en.
Lang lang_of(std::string_view locale);

}  // namespace bailey::base
