// Every text that a user reads exists in both languages, with the same placeholders, and every id that the sources
// name exists. Ids are found by reading the sources: a string literal "area.words" whose area has a table.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "../../cmd/bailey/texts.h"
#include "agent/config.h"
#include "base/text.h"
#include "import/az.h"
#include "lab/controllers/texts.h"
#include "lab/expectations/expectations.h"
#include "lab/lab.h"
#include "manifest/manifest.h"
#include "model/texts.h"
#include "plan/advice.h"
#include "plan/check/check.h"
#include "reach/walk.h"

namespace bailey {
namespace {

namespace fs = std::filesystem;

std::vector<base::Text> all_texts() {
  std::vector<base::Text> out;
  for (std::span<const base::Text> table :
       {cli::texts(), manifest::texts(), importer::texts(), model::texts(), plan::texts(), plan::check::texts(),
        lab::texts(), lab::controllers::texts(), lab::expectation_texts(), reach::texts(), agent::texts()})
    out.insert(out.end(), table.begin(), table.end());
  return out;
}

std::set<char> placeholders(std::string_view text) {
  std::set<char> out;
  for (std::size_t i = 0; i + 2 < text.size(); ++i)
    if (text[i] == '{' && text[i + 2] == '}' && text[i + 1] >= '0' && text[i + 1] <= '9') out.insert(text[i + 1]);
  return out;
}

// The mistakes of one table, each as "id: what".
std::vector<std::string> mistakes(const std::vector<base::Text>& texts) {
  std::vector<std::string> out;
  std::set<std::string_view> ids;
  for (const base::Text& text : texts) {
    std::string id(text.id);
    if (!ids.insert(text.id).second) out.push_back(id + ": twice");
    if (text.en.empty() || text.ko.empty()) out.push_back(id + ": empty");
    if (placeholders(text.en) != placeholders(text.ko)) out.push_back(id + ": other placeholders");
    if (text.id.find('.') == std::string_view::npos) out.push_back(id + ": no area");
    for (std::string_view form : {text.en, text.ko})
      if (!form.empty() && (form.front() == ' ' || form.back() == ' ')) out.push_back(id + ": space at an end");
  }
  return out;
}

bool is_id(std::string_view text) {
  std::size_t dot = text.find('.');
  if (dot == 0 || dot == std::string_view::npos) return false;
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isalnum(c) || c == '.' || c == '-'; });
}

// The contents of the string literals of a C++ text. Comments and raw strings are not told apart: a literal that is
// no id is ignored anyway.
std::vector<std::string> literals(std::string_view source) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\'' && i + 2 < source.size() && source[i + 1] == '"') i += 2;
    if (source[i] != '"') continue;
    std::string literal;
    for (++i; i < source.size() && source[i] != '"' && source[i] != '\n'; ++i) {
      if (source[i] == '\\') ++i;
      literal += source[i];
    }
    out.push_back(std::move(literal));
  }
  return out;
}

// Ids named by the literals that no text has, and texts that no literal names. A literal that ends in a dot or a
// dash names every id that begins with it.
struct Use {
  std::vector<std::string> unknown;
  std::vector<std::string> unused;
};
Use compare(const std::vector<base::Text>& texts, const std::vector<std::string>& named) {
  std::set<std::string, std::less<>> ids, areas, used;
  for (const base::Text& text : texts) {
    ids.insert(std::string(text.id));
    areas.insert(std::string(text.id.substr(0, text.id.find('.'))));
  }
  Use out;
  for (std::string name : named) {
    if (name.starts_with("@")) name.erase(0, 1);
    if (!is_id(name) || !areas.contains(name.substr(0, name.find('.')))) continue;
    if (ids.contains(name)) used.insert(name);
    bool prefix = name.back() == '.' || name.back() == '-';
    bool any = ids.contains(name);
    for (auto at = ids.lower_bound(name); prefix && at != ids.end() && at->starts_with(name); ++at) {
      used.insert(*at);
      any = true;
    }
    if (!any && !name.ends_with(".cc") && !name.ends_with(".h")) out.unknown.push_back(name);
  }
  std::set_difference(ids.begin(), ids.end(), used.begin(), used.end(), std::back_inserter(out.unused));
  return out;
}

std::vector<std::string> literals_of_sources() {
  std::vector<std::string> out;
  for (const char* folder : {"src", "cmd"})
    for (const auto& entry : fs::recursive_directory_iterator(std::string(BAILEY_SOURCE_DIR) + "/" + folder)) {
      std::string name = entry.path().filename().string();
      bool source = name.ends_with(".cc") || name.ends_with(".h");
      if (!source || name.ends_with("texts.cc") || name.ends_with("_test.cc")) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      std::string text{std::istreambuf_iterator<char>(file), {}};
      for (std::string& literal : literals(text)) out.push_back(std::move(literal));
    }
  return out;
}

std::string lines(const std::vector<std::string>& list) {
  std::string out;
  for (const std::string& each : list) out += each + "\n";
  return out;
}

TEST(Texts, AreCompleteInBothLanguages) {
  std::vector<base::Text> texts = all_texts();
  ASSERT_GT(texts.size(), 100u);
  EXPECT_EQ(lines(mistakes(texts)), "");
}

TEST(Texts, EveryIdThatIsNamedExistsAndEveryTextIsUsed) {
  Use use = compare(all_texts(), literals_of_sources());
  EXPECT_EQ(lines(use.unknown), "");
  EXPECT_EQ(lines(use.unused), "");
}

TEST(Texts, TheseTestsCatchWhatTheyShould) {
  EXPECT_EQ(mistakes({{"a.b", "x {0}", "y {0}"}}), std::vector<std::string>{});
  EXPECT_EQ(mistakes({{"a.b", "x {0}", "y"}}), std::vector<std::string>{"a.b: other placeholders"});
  EXPECT_EQ(mistakes({{"a.b", "x", ""}}), std::vector<std::string>{"a.b: empty"});
  EXPECT_EQ(mistakes({{"a.b", "x", "y"}, {"a.b", "x", "y"}}), std::vector<std::string>{"a.b: twice"});
  std::vector<base::Text> texts = {{"a.one", "1", "1"}, {"a.two", "2", "2"}, {"a.kind.x", "3", "3"}};
  Use use = compare(texts, literals(R"(f("a.one", "a.none", "other.id", "a.kind."); g('"', "no id");)"));
  EXPECT_EQ(use.unknown, std::vector<std::string>{"a.none"});
  EXPECT_EQ(use.unused, std::vector<std::string>{"a.two"});
}

}  // namespace
}  // namespace bailey
