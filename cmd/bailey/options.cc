#include "options.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/strings.h"
#include "model/endpoint_name.h"
#include "model/object.h"

namespace bailey::cli {
namespace {

std::string_view name(Format format) {
  switch (format) {
    case Format::text: return "text";
    case Format::json: return "json";
    case Format::jsonl: return "jsonl";
    case Format::junit: return "junit";
    case Format::sarif: return "sarif";
    case Format::markdown: return "markdown";
  }
  return "";
}

}  // namespace

void add_name(CLI::App& command, std::string& name, const Session& session) {
  const Session* s = &session;
  command.add_option("-n,--name", name, session.text("cli.option.name"))
      ->check([s](const std::string& text) {
        return is_lab_name(text) ? std::string() : s->text("cli.bad-lab-name", {text});
      })
      ->type_name("NAME")
      ->capture_default_str();
}

void add_files(CLI::App& command, std::vector<std::string>& paths, bool required, const Session& session) {
  command.add_option("-f,--filename", paths, session.text("cli.option.files"))
      ->type_name("PATH")
      ->allow_extra_args(false)
      ->required(required);
}

void add_format(CLI::App& command, Format& format, std::initializer_list<Format> allowed, const Session& session) {
  std::vector<Format> formats(allowed);
  std::string names;
  for (Format each : formats) names += (names.empty() ? "" : "|") + std::string(name(each));
  const Session* s = &session;
  command
      .add_option_function<std::string>(
          "-o,--output",
          [formats, names, s, &format](const std::string& text) {
            auto at = std::find_if(formats.begin(), formats.end(), [&](Format each) { return name(each) == text; });
            if (at == formats.end()) throw CLI::ValidationError("-o", s->text("cli.bad-format", {names, text}));
            format = *at;
          },
          session.text("cli.option.output"))
      ->type_name(names);
}

void add_duration(CLI::App& command, const std::string& name, int& milliseconds, std::string_view text_id,
                  const Session& session) {
  const Session* s = &session;
  command
      .add_option_function<std::string>(
          name,
          [s, name, &milliseconds](const std::string& text) {
            std::optional<int> parsed = parse_duration(text);
            if (!parsed) throw CLI::ValidationError(name, s->text("cli.bad-duration", {text}));
            milliseconds = *parsed;
          },
          session.text(text_id))
      ->type_name("TIME");
}

std::optional<int> parse_duration(std::string_view text) {
  std::size_t digits = text.find_first_not_of("0123456789");
  if (digits == 0 || digits == std::string_view::npos) return std::nullopt;
  std::string_view unit = text.substr(digits);
  std::uint64_t scale = unit == "ms" ? 1 : unit == "s" ? 1000 : unit == "m" ? 60000 : 0;
  if (scale == 0) return std::nullopt;
  std::optional<std::uint64_t> number = base::parse_number(text.substr(0, digits), 86400000 / scale);
  if (!number) return std::nullopt;
  return static_cast<int>(*number * scale);
}

bool is_lab_name(std::string_view text) {
  if (text.empty() || text.size() > 63 || text[0] == '.') return false;
  return text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
         std::string_view::npos;
}

void add_row(CLI::App& command, RowOptions& row, const Session& session) {
  command.add_option("--from", row.from, session.text("cli.option.from"))->type_name("ENDPOINT");
  command.add_option("--to", row.to, session.text("cli.option.to"))->type_name("ENDPOINT");
  command.add_option("--port", row.port, session.text("cli.option.port"))->type_name("PORT");
  command.add_option("--family", row.family, session.text("cli.option.family"))
      ->check(CLI::IsMember({4, 6}))
      ->type_name("4|6");
}

RowOrMistake row_of(const RowOptions& options, const Session& session) {
  auto mistake = [&](std::string text) { return RowOrMistake{std::nullopt, std::move(text)}; };
  for (const auto& [flag, value] :
       {std::pair{"--from", &options.from}, {"--to", &options.to}, {"--port", &options.port}})
    if (value->empty()) return mistake(session.text("cli.row-incomplete", {flag}));
  for (const std::string* text : {&options.from, &options.to})
    if (!model::EndpointName::parse(*text)) return mistake(session.text("cli.bad-endpoint", {*text}));
  auto port = model::Port::parse(options.port);
  if (!port) return mistake(session.text("cli.bad-port", {options.port}));
  base::Json row = base::Json::object();
  row.set("from", options.from).set("to", options.to).set("port", port->text());
  if (options.family != 0) row.set("family", options.family);
  return {row, ""};
}

}  // namespace bailey::cli
