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

base::Lang language() {
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"})
    if (const char* value = std::getenv(name); value && *value) return base::lang_of(value);
  return base::Lang::en;
}

class Words {
 public:
  std::string text(const base::Message& message) const { return catalogue_.render(message, lang_); }
  void err(const base::Message& message) const { std::fputs((text(message) + "\n").c_str(), stderr); }
  void err(const model::InputError& error) const {
    base::Message what{"agent.expected-found", {text(error.expected), text(error.found)}};
    std::string out =
        error.file + ":" + std::to_string(error.position.line) + ":" + std::to_string(error.position.column) +
        ": error: " + (error.field.empty() ? "" : error.field + ": ") + text(what) + "\n  " + text(error.mend) + "\n";
    std::fputs(out.c_str(), stderr);
  }

 private:
  base::Catalogue catalogue_{manifest::texts(), agent::texts()};
  base::Lang lang_ = language();
};

struct Arguments {
  std::string config;
  bool check = false;
  bool help = false;
  std::string unexpected;
};

Arguments parse(int argc, char** argv) {
  Arguments out;
  for (int i = 1; i < argc; ++i) {
    std::string_view word = argv[i];
    if (word == "--help" || word == "-h")
      out.help = true;
    else if (word == "--check-config")
      out.check = true;
    else if (word == "--config" && i + 1 < argc)
      out.config = argv[++i];
    else if (out.unexpected.empty())
      out.unexpected = word;
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  Words words;
  Arguments arguments = parse(argc, argv);
  if (arguments.help) {
    std::fputs(words.text({"agent.usage", {}}).c_str(), stdout);
    return 0;
  }
  if (!arguments.unexpected.empty() || arguments.config.empty()) {
    words.err(arguments.unexpected.empty() ? base::Message{"agent.needs-config", {}}
                                           : base::Message{"agent.unexpected", {arguments.unexpected}});
    words.err({"agent.usage", {}});
    return 2;
  }
  base::Result<std::string> text = io::read_file(arguments.config);
  if (!text.ok()) {
    std::fprintf(stderr, "baileyd: %s\n", text.error().text().c_str());
    return 2;
  }
  std::vector<model::InputError> errors;
  std::optional<agent::Config> config = agent::parse_config({arguments.config, *text}, errors);
  for (const model::InputError& error : errors) words.err(error);
  if (!config) return 2;
  if (arguments.check) {
    std::fputs((words.text({"agent.config-usable", {arguments.config}}) + "\n").c_str(), stdout);
    return 0;
  }
  base::Status ended = agent::run(std::move(*config));
  if (ended.ok()) return 0;
  std::fprintf(stderr, "baileyd: %s\n", ended.error().text().c_str());
  return 3;
}
