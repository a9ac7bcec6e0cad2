// mend(): the text of a document, changed as little as makes it load and leaves nothing old in it.
//
// First indentation is repaired until the text parses (diagnose.cc). Then the tree says where things stand, and edits
// are made to single lines: apiVersion, the old Ingress backends, pathType, the class annotation, quotes. Edits are
// collected first and made from the last line to the first, so that positions stay true. A document is only replaced
// when the mended text has fewer mistakes than the original.
#include <algorithm>
#include <functional>

#include "base/strings.h"
#include "manifest/diagnose.h"
#include "manifest/load.h"
#include "manifest/manifest.h"
#include "manifest/node.h"
#include "manifest/parse.h"
#include "manifest/reader.h"
#include "manifest/upgrade.h"
#include "manifest/values.h"

namespace bailey::manifest {
namespace {

using model::InputError;

constexpr int max_repairs = 50;

InputError as_warning(InputError error) {
  error.severity = InputError::Severity::warning;
  return error;
}

Parsed parse(const std::string& text) {
  std::string_view view = text;
  return parse_document({1, view, false});
}

// Repairs indentation until the document parses; leaves it alone where that does not succeed.
bool repair_all(const std::string& file, TextLines& lines, std::vector<InputError>& mended) {
  TextLines attempt = lines;
  std::vector<InputError> notes;
  for (int i = 0; i < max_repairs; ++i) {
    std::string text = attempt.text();
    Parsed parsed = parse(text);
    if (parsed.flaws.empty()) {
      if (notes.empty()) return false;
      lines = std::move(attempt);
      mended.insert(mended.end(), notes.begin(), notes.end());
      return true;
    }
    std::optional<Flaw> described = repair(attempt, parsed.flaws.front());
    if (!described) return false;
    notes.push_back(as_warning(input_error(file, *described)));
  }
  return false;
}

std::size_t mistakes(const std::string& file, const std::string& text) {
  Options options;
  Loader loader(options);
  loader.read(file, text);
  Loaded loaded = loader.take();
  return static_cast<std::size_t>(
      std::count_if(loaded.errors.begin(), loaded.errors.end(),
                    [](const InputError& error) { return error.severity == InputError::Severity::error; }));
}

// Quotes and spellings that a loader's error asks for word by word.
bool mend_values(const std::string& file, TextLines& lines, std::vector<InputError>& mended) {
  Options options;
  Loader loader(options);
  loader.read(file, lines.text());
  Loaded loaded = loader.take();
  std::vector<Edit> edits;
  for (const InputError& error : loaded.errors) {
    std::optional<Edit> edit = edit_for(error, lines);
    if (!edit) continue;
    edits.push_back(*edit);
    InputError note = as_warning(error);
    note.position.line = lines.origins[error.position.line - 1];
    mended.push_back(std::move(note));
  }
  return apply(lines, std::move(edits));
}

// One document of a file, mended as far as `thorough` says.
bool mend_document(const std::string& file, TextLines& lines, bool thorough, std::vector<InputError>& mended) {
  bool changed = repair_all(file, lines, mended);
  if (!thorough) return changed;
  TextLines attempt = lines;
  std::vector<InputError> notes;
  bool upgraded = upgrade(file, attempt, notes);
  if (mend_values(file, attempt, notes)) upgraded = true;
  std::size_t before = mistakes(file, lines.text());
  std::size_t after = upgraded ? mistakes(file, attempt.text()) : before;
  if (!upgraded || after > before || !parse(attempt.text()).flaws.empty()) return changed;
  lines = std::move(attempt);
  mended.insert(mended.end(), notes.begin(), notes.end());
  return true;
}

struct Result {
  TextLines lines;
  std::vector<InputError> mended;
  bool changed = false;
};

Result mend_text(const Document& document, bool thorough) {
  Result out;
  if (check_text(document.text)) {
    out.lines = TextLines::of(document.text);
    return out;
  }
  std::string_view text = document.text;
  bool mark = text.substr(0, 3) == "\xEF\xBB\xBF";
  for (const Chunk& chunk : split_documents(text)) {
    TextLines lines = TextLines::of(chunk.text, chunk.first_line);
    if (!chunk.blank && mend_document(document.file, lines, thorough, out.mended)) out.changed = true;
    out.lines.lines.insert(out.lines.lines.end(), lines.lines.begin(), lines.lines.end());
    out.lines.origins.insert(out.lines.origins.end(), lines.origins.begin(), lines.origins.end());
  }
  if (mark && !out.lines.lines.empty()) out.lines.lines.front().insert(0, "\xEF\xBB\xBF");
  std::stable_sort(out.mended.begin(), out.mended.end(),
                   [](const InputError& a, const InputError& b) { return a.position < b.position; });
  return out;
}

Mended mended_of(const Document& document, const Result& result) {
  return {result.changed ? result.lines.text() : document.text, result.mended, result.changed};
}

// Old spellings of an Ingress circulate in published texts and are read as they are; everything else that could be
// mended is a mistake of whoever wrote it, and only check --fix touches it.
bool circulates(const Document& document, const std::vector<InputError>& mended) {
  constexpr std::string_view codes[] = {"bad-indentation", "missing-api-version", "old-field", "old-api-version"};
  bool ingress = document.text.find("kind: Ingress") != std::string::npos;
  return ingress && std::all_of(mended.begin(), mended.end(), [&](const InputError& error) {
           return std::find(std::begin(codes), std::end(codes), error.code) != std::end(codes);
         });
}

std::size_t errors_of(const std::string& file, const Result& result) { return mistakes(file, result.lines.text()); }

}  // namespace

Mended mend(const Document& document) { return mended_of(document, mend_text(document, true)); }

Loaded load_mending(const std::vector<Document>& documents, const Options& options, std::vector<Mended>* mended) {
  Loader loader(options);
  for (const Document& document : documents) {
    Result result{TextLines::of(document.text), {}, false};
    if (!check_text(document.text) && errors_of(document.file, result) > 0) {
      Result repaired = mend_text(document, false);
      if (repaired.changed && errors_of(document.file, repaired) > 0)
        repaired = mend_text(document, true);
      else if (!repaired.changed)
        repaired = mend_text(document, true);
      bool whole = repaired.changed && circulates(document, repaired.mended);
      if (whole && errors_of(document.file, repaired) == 0) result = std::move(repaired);
    }
    if (result.changed)
      loader.read(document.file, result.lines.text(), result.lines.origins, result.mended);
    else
      loader.read(document.file, document.text);
    if (mended) mended->push_back(mended_of(document, result));
  }
  return loader.take();
}

}  // namespace bailey::manifest
