// Runs the real program the way a user does, and looks at what it leaves on the machine.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"

namespace bailey::scenario {

struct Outcome {
  int status = -1;  // exit status; 128 + signal
  std::string out;
  std::string err;
  double milliseconds = 0;
  base::Json json() const;  // of `out`; null where it is none
};

// bailey ARGUMENTS, with `input` on standard input.
Outcome bailey(const std::vector<std::string>& arguments, const std::string& input = "");
// Starts it and returns its pid at once; its output goes nowhere.
int start_bailey(const std::vector<std::string>& arguments);
// Any program by its path.
Outcome run(const std::vector<std::string>& command, const std::string& input = "");

std::string source_path(const std::string& relative);
bool is_root();

// A lab name that no other run uses: the test's name and this process' id.
std::string unique_name(const std::string& base);

// Ends the lab when it goes out of scope, and also when the test is killed.
class Lab {
 public:
  explicit Lab(std::string name);
  ~Lab();
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;
  const std::string& name() const { return name_; }
  Outcome up(std::vector<std::string> arguments, const std::string& input = "") const;
  // bailey lab VERB --name NAME ARGUMENTS -o json
  Outcome ask(const std::string& verb, std::vector<std::string> arguments = {}) const;
  // One probe row; a null value when the command failed.
  base::Json probe(const std::string& from, const std::string& to, const std::string& port, int family = 0) const;
  Outcome exec(const std::string& endpoint, std::vector<std::string> command) const;
  // pid of the supervisor, 0 when it does not run.
  int supervisor() const;

 private:
  std::string name_;
};

// A folder in /tmp that is removed with everything in it, also when the test is killed.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string write(const std::string& file, const std::string& text) const;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// What a lab must not change: the machine's interfaces, addresses, routes, rules, neighbours that were set, packet
// filter, mounts.
std::string machine_state();

// The namespaces (of every kind) and processes of labs: those of every process whose command is Bailey's.
struct Leftovers {
  std::set<std::string> namespaces;
  std::set<int> processes;
};
Leftovers bailey_leftovers(const std::string& lab);

// What the lab's own namespaces hold: links, addresses, routes, rules of every host, the fabric's packet filter.
std::string realised_state(const Lab& lab);

}  // namespace bailey::scenario
