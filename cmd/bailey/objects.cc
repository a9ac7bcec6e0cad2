#include "objects.h"

#include <CLI/CLI.hpp>

#include "diagnostics.h"
#include "files.h"
#include "model/validate.h"
#include "options.h"
#include "reach/assume.h"
#include "revision.h"

namespace bailey::cli {
namespace {

base::Result<std::vector<manifest::Document>> read_all(const std::vector<std::string>& paths, const Session& session) {
  std::vector<std::string> plain;
  std::vector<manifest::Document> out;
  for (const std::string& path : paths) {
    if (!is_revision(path)) {
      plain.push_back(path);
      continue;
    }
    auto documents = read_revision(path);
    if (!documents) return documents.error();
    std::move(documents->begin(), documents->end(), std::back_inserter(out));
  }
  if (plain.empty()) return out;
  auto documents = read_inputs(plain, session);
  if (!documents) return documents.error();
  std::move(documents->begin(), documents->end(), std::back_inserter(out));
  return out;
}

}  // namespace

void add_objects(CLI::App& command, ObjectOptions& options, const Session& session, bool required) {
  add_files(command, options.paths, required, session);
  command.add_option("--network-model", options.network_model, session.text("cli.option.network-model"))
      ->check(CLI::IsMember({"vnet", "kubenet"}))
      ->type_name("vnet|kubenet");
  command.add_flag("--fill", options.fill, session.text("cli.option.fill"));
}

std::optional<Given> given_objects(const std::vector<std::string>& paths, Format format, Session& session) {
  auto documents = read_all(paths, session);
  if (!documents) {
    report_usage(documents.error(), format, session);
    return std::nullopt;
  }
  manifest::Loaded loaded = manifest::load_mending(*documents, {}, nullptr);
  std::vector<model::InputError> errors = loaded.errors;
  model::Snapshot given = model::snapshot_of(loaded.objects);
  if (loaded.ok()) {
    std::vector<model::InputError> relations = model::validate(given);
    errors.insert(errors.end(), relations.begin(), relations.end());
  }
  // As JSON the answer is the one document on stdout: warnings alone must not become another.
  if (any_error(errors) || format == Format::text) report(errors, *documents, format, session);
  if (any_error(errors)) return std::nullopt;
  return Given{std::move(given), documents->size()};
}

std::optional<model::Snapshot> objects_of(const ObjectOptions& options, Format format, Session& session) {
  std::optional<Given> given = given_objects(options.paths, format, session);
  if (!given) return std::nullopt;
  lab::CompleteOptions complete;
  complete.fill = options.fill;
  if (options.network_model == "vnet") complete.network_model = model::NetworkModel::vnet;
  if (options.network_model == "kubenet") complete.network_model = model::NetworkModel::kubenet;
  return reach::with_pod_addresses(session.engine.complete(given->objects, complete));
}

}  // namespace bailey::cli
