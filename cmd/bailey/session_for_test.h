// A Session whose outputs are strings and whose lab gives canned answers.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "commands.h"
#include "import/az.h"
#include "lab/expectations/expectations.h"
#include "manifest/manifest.h"
#include "model/texts.h"
#include "plan/advice.h"
#include "plan/check/check.h"
#include "reach/walk.h"
#include "session.h"
#include "texts.h"

namespace bailey::cli {

class FakeRun {
 public:
  FakeRun()
      : session(catalogue_, engine(), {[this](std::string_view bytes) { out += bytes; }, false},
                {[this](std::string_view bytes) { err += bytes; }, false}) {
    session.read_stdin = [this]() -> base::Result<std::string> { return input; };
  }

  int run(std::vector<std::string> arguments) {
    out.clear();
    err.clear();
    session.status = 0;
    session.tail.clear();
    return cli::run(std::move(arguments), session);
  }

  std::string out;
  std::string err;
  std::string input;
  lab::Answer<base::Json> answer = base::Json::object();
  std::map<std::string, lab::Answer<base::Json>> answers;  // by verb, where one is given
  std::vector<base::Json> requests;                        // what the lab was asked for
  std::vector<std::string> labs;                           // and which
  std::vector<std::string> command;                        // that exec ran

 private:
  Engine engine() {
    Engine made;
    made.up = [this](const lab::UpOptions& options, const lab::Progress& progress) {
      up = options;
      progress({"fabric", 1, 2, 10});
      progress({"fabric", 2, 2, 20});
      progress({"pods", 12, 12, 300});
      return answer;
    };
    made.request = [this](const std::string& lab, const base::Json& request, const lab::Progress&) {
      labs.push_back(lab);
      requests.push_back(request);
      auto by_verb = answers.find(request["verb"].as_string());
      return by_verb == answers.end() ? answer : by_verb->second;
    };
    made.exec = [this](const std::string& lab, const std::string&,
                       const std::vector<std::string>& words) -> lab::Answer<int> {
      labs.push_back(lab);
      command = words;
      return 7;
    };
    made.list = [this] { return answer; };
    made.down = [this](const std::string& lab) {
      labs.push_back(lab);
      return answer;
    };
    made.complete = [](const model::Snapshot& given, const lab::CompleteOptions&) { return given; };
    return made;
  }
  base::Catalogue catalogue_{texts(),       manifest::texts(),    importer::texts(),        model::texts(),
                             plan::texts(), plan::check::texts(), lab::expectation_texts(), reach::texts()};

 public:
  lab::UpOptions up;
  Session session;
};

}  // namespace bailey::cli
