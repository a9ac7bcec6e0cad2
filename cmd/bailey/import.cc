// import: what another program says of a network, as Bailey's manifests on stdout; what they leave out, on stderr.
#include <CLI/CLI.hpp>

#include "commands.h"
#include "diagnostics.h"
#include "files.h"
#include "import/az.h"
#include "manifest/write.h"
#include "options.h"

namespace bailey::cli {
namespace {

using base::Json;

struct ImportOptions {
  std::vector<std::string> paths;
  Format format = Format::text;
};

Json note_json(const importer::Note& note, const Session& session) {
  Json out = Json::object();
  out.set("file", note.file).set("line", note.position.line).set("column", note.position.column);
  return out.set("path", note.path).set("message", session.text(note.message));
}

std::string note_text(const importer::Note& note, const Session& session) {
  std::string place =
      note.file + ":" + std::to_string(note.position.line) + ":" + std::to_string(note.position.column) + ": ";
  return place + (note.path.empty() ? "" : note.path + ": ") + session.text(note.message) + "\n";
}

void import_az(const ImportOptions& options, Session& session) {
  auto documents = read_inputs(options.paths, session);
  if (!documents) return report_usage(documents.error(), options.format, session);
  importer::Imported imported = importer::import_az(*documents);
  if (!imported.errors.empty()) return report(imported.errors, *documents, options.format, session);
  if (options.format == Format::json) {
    Json notes = Json::array();
    for (const importer::Note& note : imported.notes) notes.push(note_json(note, session));
    Json document = Json::object();
    session.out_json("import", document.set("objects", Json(std::move(imported.objects))).set("notes", notes));
    return;
  }
  for (const importer::Note& note : imported.notes) session.err(note_text(note, session));
  session.out(manifest::yaml_of_all(imported.objects));
}

}  // namespace

void add_import(CLI::App& parent, Session& session) {
  CLI::App* group = parent.add_subcommand("import", session.text("cli.help.import"));
  group->require_subcommand(1);
  CLI::App* command = group->add_subcommand("az", session.text("cli.help.import-az"));
  auto options = std::make_shared<ImportOptions>();
  command->add_option("FILE", options->paths, session.text("cli.option.import-files"))->required();
  add_format(*command, options->format, {Format::text, Format::json}, session);
  command->callback([options, &session] { import_az(*options, session); });
}

}  // namespace bailey::cli
