// How mistakes in inputs and failed calls are shown, to people and to programs.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "lab/lab.h"
#include "manifest/manifest.h"
#include "model/source.h"
#include "session.h"

namespace bailey::cli {

// "file:line:column: error: expected ..., found ... (object field)", the mend, and the line with a caret below it
// where `documents` hold the file.
std::string error_text(const model::InputError& error, const std::vector<manifest::Document>& documents,
                       const Session& session, bool color);
// The line at a position with a caret below it, as messages show it; "" where it cannot be shown. Finds the lines of a
// file once, so that thousands of messages about one file are cheap. Holds on to `documents`.
class Excerpts {
 public:
  explicit Excerpts(const std::vector<manifest::Document>& documents);
  std::string at(const std::string& file, model::Position position, bool color) const;

 private:
  struct Lines {
    std::string_view text;
    std::vector<std::size_t> starts;
  };
  std::map<std::string, Lines> files_;
};
// {code, file, line, column, object, field, expected, found, mend}
base::Json error_json(const model::InputError& error, const Session& session);

bool any_error(const std::vector<model::InputError>& errors);

// Reports input errors: text on stderr, or the document {errors[]} on stdout. Where a document can be mended so
// that it loads, its mended text is shown too. Sets the exit status to `usage` if there is an error.
void report(const std::vector<model::InputError>& errors, const std::vector<manifest::Document>& documents,
            Format format, Session& session);

// What was taken although it is not as it should be: warnings, and old spellings that were read as mended. As text on
// stderr, with the text that was read in their place; returned as the `errors` of a JSON answer.
base::Json report_remarks(const std::vector<manifest::Document>& documents, const manifest::Options& options,
                          Format format, Session& session);

// Reports why a call failed and sets the exit status that belongs to it.
void report(const lab::Failure& failure, const std::vector<manifest::Document>& documents, Format format,
            Session& session);

// Wrong usage, such as a file that cannot be read: exit status 2.
void report_usage(const std::string& text, Format format, Session& session);
void report_usage(const base::Error& error, Format format, Session& session);

}  // namespace bailey::cli
