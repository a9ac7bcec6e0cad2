// Broken input: a corpus of files that say what is to be found in them, hostile files made here, and random edits.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>

#include "manifest/manifest.h"
#include "model/texts.h"
#include "model/validate.h"

namespace bailey::manifest {
namespace {

using model::InputError;

struct Case {
  std::string name;
  std::string text;
};

std::vector<Case> corpus() {
  std::vector<Case> out;
  for (const auto& entry : std::filesystem::directory_iterator(BAILEY_SOURCE_DIR "/tests/manifest/broken")) {
    std::ifstream file(entry.path(), std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    out.push_back({entry.path().filename().string(), text.str()});
  }
  std::sort(out.begin(), out.end(), [](const Case& a, const Case& b) { return a.name < b.name; });
  return out;
}

std::vector<InputError> all_errors(const std::string& name, const std::string& text) {
  Loaded loaded = load({{name, text}}, {});
  std::vector<InputError> errors = std::move(loaded.errors);
  std::vector<InputError> found = model::validate(model::snapshot_of(loaded.objects));
  errors.insert(errors.end(), found.begin(), found.end());
  return errors;
}

std::string place(const InputError& error) {
  return error.code + " " + std::to_string(error.position.line) + ":" + std::to_string(error.position.column);
}

void expect_readable(const InputError& error, const std::string& name) {
  static const base::Catalogue catalogue({texts(), model::texts()});
  for (const base::Message* message : {&error.expected, &error.found, &error.mend}) {
    ASSERT_NE(catalogue.find(message->id), nullptr) << name << ": no text " << message->id;
    for (base::Lang lang : {base::Lang::en, base::Lang::ko}) {
      std::string text = catalogue.render(*message, lang);
      EXPECT_FALSE(text.empty()) << name << ": " << message->id;
      for (char digit = '0'; digit <= '9'; ++digit)
        EXPECT_EQ(text.find(std::string("{") + digit + "}"), std::string::npos) << name << ": " << text;
      std::string form(lang == base::Lang::ko ? catalogue.find(message->id)->ko : catalogue.find(message->id)->en);
      for (std::size_t i = 0; i + 2 < form.size(); ++i)
        if (form[i] == '{' && form[i + 2] == '}') {
          EXPECT_LT(static_cast<std::size_t>(form[i + 1] - '0'), message->args.size()) << name << ": " << message->id;
        }
    }
  }
}

TEST(BrokenManifests, EachSaysWhatIsWrongAndWhere) {
  std::vector<Case> cases = corpus();
  ASSERT_GE(cases.size(), 160u);
  for (const Case& test : cases) {
    std::string first = test.text.substr(0, test.text.find('\n'));
    ASSERT_EQ(first.rfind("# expect: ", 0), 0u) << test.name;
    std::vector<InputError> errors = all_errors(test.name, test.text);
    std::string found;
    bool met = false;
    for (const InputError& error : errors) {
      if (error.severity == InputError::Severity::error && place(error) == first.substr(10)) met = true;
      found += place(error) + "; ";
      EXPECT_EQ(error.file, test.name);
      EXPECT_GT(error.position.line, 0u) << test.name;
      expect_readable(error, test.name);
    }
    EXPECT_TRUE(met) << test.name << ": " << first.substr(10) << " is not among " << found;
  }
}

TEST(BrokenManifests, OneMistakeGivesOneError) {
  // Where a second error is right: the first leaves something out that the second misses.
  const std::set<std::string> several = {"meta-list.yaml"};
  for (const Case& test : corpus()) {
    std::vector<InputError> errors = all_errors(test.name, test.text);
    auto count = std::count_if(errors.begin(), errors.end(),
                               [](const InputError& e) { return e.severity == InputError::Severity::error; });
    if (!several.contains(test.name)) {
      EXPECT_EQ(count, 1) << test.name;
    }
  }
}

std::string repeated(std::string_view part, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += part;
  return out;
}

std::string billion_laughs() {
  std::string text = "kind: Pod\na0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 12; ++i) {
    std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before + repeated("," + before, 9) + "]\n";
  }
  return text;
}

std::string deep_blocks() {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  return text;
}

std::string junk(std::size_t size) {
  std::mt19937 random(3);
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += static_cast<char>(random());
  return text;
}

// kubectl and other programs write JSON on one line; the cost of a position must not grow with its column.
TEST(HostileInput, OneLongLineIsReadInTheTimeOfManyShortOnes) {
  auto seconds = [](const std::string& separator) {
    std::string text = "{\"apiVersion\": \"v1\", \"kind\": \"Unread\", \"items\": [" +
                       repeated("{\"a\": \"\xEA\xB0\x80\"}," + separator, 10000) + "1]}";
    auto start = std::chrono::steady_clock::now();
    Loaded loaded = load({{"long", text}}, {});
    EXPECT_TRUE(loaded.errors.empty());
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  double many = seconds("\n");
  EXPECT_LT(seconds(" "), 5 * many + 0.2);
}

TEST(HostileInput, IsRefusedWithinASecond) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {repeated("kind: X\n---\n", 900000), "too-large"},
      {repeated("[", 100000), "too-deep"},
      {repeated("[\n", 100000), "too-deep"},
      {repeated("{a: ", 100000), "too-deep"},
      {repeated("- ", 100000) + "a", "too-deep"},
      {repeated("? ", 100000) + "a", "too-deep"},
      {deep_blocks(), "too-deep"},
      {"{\"a\":" + repeated("[", 100000), "too-deep"},
      {billion_laughs(), "too-many-aliases"},
      {junk(1 << 20), "bad-encoding"},
      {"kind: Pod\nmetadata:\n  name: \xED\x95", "bad-encoding"},
      {"kind: \xC0\x80", "bad-encoding"},
      {"kind: \xED\xA0\x80", "bad-encoding"},
      {std::string("\xFF\xFEk\0i\0", 6), "bad-encoding"},
      {std::string("kind: P\0d", 9), "control-character"},
      {"kind: \x1b[31m", "control-character"},
      {repeated("---\nkind: 1\n", 5000), "missing-kind"},
      {repeated("a: ", 50000), "bad-indentation"},
      {"a: \"" + std::string(1 << 20, 'x'), "bad-yaml"},
  };
  for (const auto& [text, code] : cases) {
    auto start = std::chrono::steady_clock::now();
    Loaded loaded = load({{"hostile", text}}, {});
    auto spent = std::chrono::steady_clock::now() - start;
    ASSERT_FALSE(loaded.errors.empty()) << code;
    EXPECT_EQ(loaded.errors[0].code, code) << text.substr(0, 40);
    EXPECT_GT(loaded.errors[0].position.line, 0u);
    EXPECT_LE(loaded.errors.size(), 1001u);
    EXPECT_TRUE(loaded.objects.empty());
    EXPECT_LT(std::chrono::duration<double>(spent).count(), 1.0) << code << ": " << text.substr(0, 40);
    for (const InputError& error : loaded.errors) expect_readable(error, code);
  }
}

std::string mutated(std::string text, std::mt19937& random, const std::vector<Case>& cases) {
  static const std::vector<std::string> pieces = {
      "\n",    "  ",           "- ",   ": ",   "{",   "}",          "[",      "]",  "\"",
      "'",     "&a ",          "*a",   "<<: ", "|\n", ">\n",        "\t",     "#",  "---\n",
      "...\n", "null",         "yes",  "-1",   "1e9", "10.0.0.0/8", "!!str ", "? ", "%YAML 1.1\n",
      "\r\n",  "\xEA\xB0\x80", "\xFF", "{0}",  "@",   "~"};
  for (unsigned i = 0, edits = 1 + random() % 4; i < edits; ++i) {
    std::size_t at = text.empty() ? 0 : random() % text.size();
    switch (random() % 5) {
      case 0: text.insert(at, pieces[random() % pieces.size()]); break;
      case 1: text.erase(at, 1 + random() % 8); break;
      case 2: text.insert(at, text.substr(random() % (text.size() + 1), random() % 60)); break;
      case 3: text = text.substr(0, at); break;
      default: {
        const std::string& other = cases[random() % cases.size()].text;
        std::size_t from = random() % other.size();
        text.insert(at, other.substr(from, random() % 60));
      }
    }
  }
  return text;
}

// What the fuzzer does, with a fixed seed and any compiler.
TEST(RandomEdits, NeverCrashAndAlwaysSayWhere) {
  std::vector<Case> cases = corpus();
  std::mt19937 random(20240131);
  for (int round = 0; round < 1500; ++round) {
    std::string text = mutated(cases[random() % cases.size()].text, random, cases);
    Loaded loaded = load({{"mutated", text}}, {});
    for (const InputError& error : loaded.errors) {
      ASSERT_GT(error.position.line, 0u) << text;
      ASSERT_GT(error.position.column, 0u) << text;
      ASSERT_FALSE(error.code.empty()) << text;
    }
    model::validate(model::snapshot_of(loaded.objects));
    Mended mended = mend({"mutated", text});
    if (!mended.changed) {
      ASSERT_EQ(mended.text, text);
    }
  }
}

}  // namespace
}  // namespace bailey::manifest
