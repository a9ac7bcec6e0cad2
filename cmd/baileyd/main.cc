// baileyd: the agent of a node. Reads its configuration and runs until it is told to end.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "agent/agent.h"
#include "io/fd.h"
#include "manifest/manifest.h"

namespace {

using namespace bailey;

constexpr const char* usage =
    "baileyd --config FILE [--check-config]\n"
    "\n"
    "The agent of a node: keeps network policy in the kernel what the manifests say.\n"
    "\n"
    "  --config FILE     its configuration, YAML or JSON; the least is:\n"
    "                      source: {files: [/etc/bailey/manifests]}\n"
    "  --check-config    says whether the configuration can be used, and ends\n"
    "  --help            this\n"
    "\n"
    "It tells what it does on standard output, one JSON event a line. SIGTERM ends it; traffic goes on by the policies\n"
    "that are in force, and the next start takes up from there.\n";

base::Lang language() {
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"})
    if (const char* value = std::getenv(name); value && *value) return base::lang_of(value);
  return base::Lang::en;
}

void tell(const model::InputError& error, const base::Catalogue& catalogue) {
  base::Lang lang = language();
  std::string text = error.file + ":" + std::to_string(error.position.line) + ":" +
                     std::to_string(error.position.column) + ": error: " + (error.field.empty() ? "" : error.field + ": ") +
                     "expected " + catalogue.render(error.expected, lang) + ", found " + catalogue.render(error.found, lang) + "\n  " +
                     catalogue.render(error.mend, lang) + "\n";
  std::fputs(text.c_str(), stderr);
}

}  // namespace

int main(int argc, char** argv) {
  std::string path;
  bool check = false;
  for (int i = 1; i < argc; ++i) {
    std::string_view word = argv[i];
    if (word == "--help" || word == "-h") {
      std::fputs(usage, stdout);
      return 0;
    }
    if (word == "--check-config") {
      check = true;
    } else if (word == "--config" && i + 1 < argc) {
      path = argv[++i];
    } else {
      std::fprintf(stderr, "baileyd: unexpected argument: %s\n\n%s", argv[i], usage);
      return 2;
    }
  }
  if (path.empty()) {
    std::fprintf(stderr, "baileyd: it needs a configuration: --config FILE\n\n%s", usage);
    return 2;
  }
  base::Result<std::string> text = io::read_file(path);
  if (!text.ok()) {
    std::fprintf(stderr, "baileyd: %s\n", text.error().text().c_str());
    return 2;
  }
  base::Catalogue catalogue{manifest::texts(), agent::texts()};
  std::vector<model::InputError> errors;
  std::optional<agent::Config> config = agent::parse_config({path, *text}, errors);
  for (const model::InputError& error : errors) tell(error, catalogue);
  if (!config) return 2;
  if (check) return 0;
  base::Status ended = agent::run(std::move(*config));
  if (ended.ok()) return 0;
  std::fprintf(stderr, "baileyd: %s\n", ended.error().text().c_str());
  return 3;
}
