// The objects that `-f` names, checked and completed, for commands that answer without a network.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "manifest/manifest.h"
#include "model/snapshot.h"
#include "session.h"

namespace CLI {
class App;
}

namespace bailey::cli {

struct ObjectOptions {
  std::vector<std::string> paths;  // files, folders, "-"; in `diff` also git:REV:PATH
  std::string network_model;       // "vnet" or "kubenet" overrides every Cluster's
  bool fill = false;
};

// -f, --network-model and --fill, as `lab up` has them.
void add_objects(CLI::App& command, ObjectOptions& options, const Session& session, bool required = true);

// The objects as the files give them, of how many documents. Empty when something is wrong with them, which has been
// reported then. Warnings are reported on stderr and do not stand in the way; a JSON answer stays the one document.
struct Given {
  model::Snapshot objects;
  std::size_t documents = 0;
};
std::optional<Given> given_objects(const std::vector<std::string>& paths, Format format, Session& session);

// As a running cluster would complete them (nodes, pods, all addresses). Empty when something is wrong with them, which
// has been reported then. Warnings are reported and do not stand in the way.
std::optional<model::Snapshot> objects_of(const ObjectOptions& options, Format format, Session& session);

}  // namespace bailey::cli
