#include "diagnostics.h"

#include <algorithm>

#include "base/strings.h"
#include "table.h"

namespace bailey::cli {
namespace {

using base::Json;
using manifest::Document;
using model::InputError;

constexpr std::size_t widest_line = 160;  // a longer source line (minified JSON) is not worth showing

// A line as it may be shown; "" where it is too long, or holds what a terminal would obey.
std::string shown(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  bool printable = std::none_of(line.begin(), line.end(), [](unsigned char c) { return c < 0x20 && c != '\t'; });
  return printable && line.size() <= widest_line ? std::string(line) : "";
}

std::string line_of(const InputError& error, const std::vector<Document>& documents) {
  for (const Document& document : documents) {
    if (document.file != error.file || error.position.line == 0) continue;
    std::size_t start = 0;
    for (std::uint32_t line = 1; line < error.position.line && start != std::string::npos; ++line) {
      start = document.text.find('\n', start);
      if (start != std::string::npos) ++start;
    }
    if (start == std::string::npos || start >= document.text.size()) return "";
    return shown(std::string_view(document.text).substr(start, document.text.find('\n', start) - start));
  }
  return "";
}

// The blanks that put a caret below column `column` (in characters) of `line`; tabs stay tabs.
std::string indent_to(std::string_view line, std::uint32_t column) {
  std::string out;
  std::size_t at = 0;
  for (std::uint32_t i = 1; i < column && at < line.size(); ++i) {
    std::size_t start = at++;
    while (at < line.size() && (static_cast<unsigned char>(line[at]) & 0xc0) == 0x80) ++at;
    out += line[start] == '\t' ? "\t" : std::string(display_width(line.substr(start, at - start)), ' ');
  }
  return out;
}

std::string place(const InputError& error) {
  std::string out = error.file;
  if (error.position.line > 0)
    out += ":" + std::to_string(error.position.line) + ":" + std::to_string(error.position.column);
  return out.empty() ? out : out + ": ";
}

std::string what(const InputError& error, const Session& session) {
  if (error.expected.id.empty() && error.found.id.empty()) return error.code;
  if (error.expected.id.empty()) return session.text("cli.found", {session.text(error.found)});
  if (error.found.id.empty()) return session.text("cli.expected", {session.text(error.expected)});
  return session.text("cli.expected-found", {session.text(error.expected), session.text(error.found)});
}

std::string excerpt(const std::string& line, model::Position position, bool color) {
  if (line.empty()) return "";
  std::string number = std::to_string(position.line);
  std::string gutter(number.size() < 5 ? 5 - number.size() : 0, ' ');
  return painted(gutter + number + " | ", Paint::dim, color) + line + "\n" +
         painted(std::string(gutter.size() + number.size(), ' ') + " | ", Paint::dim, color) +
         indent_to(line, position.column) + painted("^", Paint::green, color) + "\n";
}

Json failure_json(std::string_view code, const std::string& message) {
  Json error = Json::object();
  error.set("code", code).set("message", message);
  return Json::object().set("errors", Json::Array{error});
}

void show_mended(const std::vector<InputError>& errors, const std::vector<Document>& documents, Session& session) {
  for (const Document& document : documents) {
    bool broken = std::any_of(errors.begin(), errors.end(), [&](const InputError& error) {
      return error.file == document.file && error.severity == InputError::Severity::error;
    });
    if (!broken) continue;
    manifest::Mended mended = manifest::mend(document);
    if (!mended.changed || !manifest::load({{document.file, mended.text}}, {}).ok()) continue;
    session.err(session.text("cli.mended", {document.file}) + "\n" + mended.text);
    if (!mended.text.ends_with("\n")) session.err("\n");
  }
}

}  // namespace

std::string error_text(const InputError& error, const std::vector<Document>& documents, const Session& session,
                       bool color) {
  bool is_error = error.severity == InputError::Severity::error;
  std::string out = painted(place(error), Paint::bold, color) +
                    painted(session.text(is_error ? "cli.error" : "cli.warning") + ": ",
                            is_error ? Paint::red : Paint::yellow, color) +
                    what(error, session);
  std::string subject = error.object;
  if (!error.field.empty()) subject += (subject.empty() ? "" : " ") + error.field;
  if (!subject.empty()) out += " (" + subject + ")";
  out += "\n";
  if (!error.mend.id.empty()) out += "  " + session.text(error.mend) + "\n";
  return out + excerpt(line_of(error, documents), error.position, color);
}

Excerpts::Excerpts(const std::vector<Document>& documents) {
  for (const Document& document : documents) {
    Lines& lines = files_[document.file];
    lines.text = document.text;
    lines.starts = {0};
    for (std::size_t at = document.text.find('\n'); at != std::string::npos; at = document.text.find('\n', at + 1))
      lines.starts.push_back(at + 1);
  }
}

std::string Excerpts::at(const std::string& file, model::Position position, bool color) const {
  auto found = files_.find(file);
  if (found == files_.end() || position.line == 0 || position.line > found->second.starts.size()) return "";
  const Lines& lines = found->second;
  std::size_t start = lines.starts[position.line - 1];
  std::size_t end = position.line < lines.starts.size() ? lines.starts[position.line] - 1 : lines.text.size();
  return excerpt(shown(lines.text.substr(start, end - start)), position, color);
}

Json error_json(const InputError& error, const Session& session) {
  Json out = Json::object();
  auto text = [&](const base::Message& message) { return message.id.empty() ? std::string() : session.text(message); };
  out.set("code", error.code).set("file", error.file);
  out.set("line", error.position.line).set("column", error.position.column);
  out.set("object", error.object).set("field", error.field);
  out.set("expected", text(error.expected)).set("found", text(error.found)).set("mend", text(error.mend));
  return out;
}

bool any_error(const std::vector<InputError>& errors) {
  return std::any_of(errors.begin(), errors.end(),
                     [](const InputError& error) { return error.severity == InputError::Severity::error; });
}

void report(const std::vector<InputError>& errors, const std::vector<Document>& documents, Format format,
            Session& session) {
  bool failed = any_error(errors);
  if (failed) session.status = exit_status::usage;
  if (format == Format::json || format == Format::jsonl) {
    if (!failed) return;
    Json list = Json::array();
    for (const InputError& error : errors)
      if (error.severity == InputError::Severity::error) list.push(error_json(error, session));
    session.out_json("errors", Json::object().set("errors", list));
    return;
  }
  for (const InputError& error : errors) session.err(error_text(error, documents, session, session.err_color()));
  if (failed) show_mended(errors, documents, session);
}

void report(const lab::Failure& failure, const std::vector<Document>& documents, Format format, Session& session) {
  using Class = lab::Failure::Class;
  if (failure.kind == Class::input && !failure.errors.empty()) {
    report(failure.errors, documents, format, session);
    session.status = exit_status::usage;
    return;
  }
  session.status = failure.kind == Class::machine ? exit_status::machine
                   : failure.kind == Class::bug   ? exit_status::bug
                                                  : exit_status::usage;
  std::string_view code = failure.kind == Class::machine ? "machine" : failure.kind == Class::bug ? "bug" : "usage";
  std::string text = session.text(failure.message);
  if (format == Format::json || format == Format::jsonl)
    session.out_json("errors", failure_json(code, text));
  else
    session.err("bailey: " + text + "\n");
}

void report_usage(const std::string& text, Format format, Session& session) {
  session.status = exit_status::usage;
  if (format == Format::json || format == Format::jsonl)
    session.out_json("errors", failure_json("usage", text));
  else
    session.err("bailey: " + text + "\n");
}

void report_usage(const base::Error& error, Format format, Session& session) {
  report_usage(session.text("cli.cannot-read", {error.object, error.cause}), format, session);
}

base::Json report_remarks(const std::vector<Document>& documents, const manifest::Options& options, Format format,
                          Session& session) {
  std::vector<manifest::Mended> mended;
  manifest::Loaded loaded = manifest::load_mending(documents, options, &mended);
  Json remarks = Json::array();
  for (const InputError& error : loaded.errors) {
    remarks.push(error_json(error, session));
    if (format == Format::text) session.err(error_text(error, documents, session, session.err_color()));
  }
  for (std::size_t i = 0; i < mended.size() && format == Format::text; ++i)
    if (mended[i].changed) session.err(session.text("cli.read-as", {documents[i].file}) + "\n" + mended[i].text + "\n");
  return remarks;
}

}  // namespace bailey::cli
