// Nodes and pods for benchmarks of CNI plugins: network namespaces that go with the process.
//
//   far ── uplink ── node ── (what the plugin makes) ── pod
//
// enter_own_machine() comes first. Ends the process (must.h) where something cannot be made.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "io/fd.h"
#include "io/loop.h"

namespace bailey::bench {

// The process gets mount and network namespaces of its own and an empty /run. All that the plugins leave there goes
// with the process, on every path. What it starts goes before other work of the machine, where that is allowed.
void enter_own_machine();

// A network namespace like a machine's: an uplink with addresses and default routes of both families, MTU 1500.
class Node {
 public:
  Node();
  int space() const { return space_.get(); }

 private:
  io::Fd space_;
  io::Fd far_;
};

// A network namespace with a path, as runtimes give plugins.
class Pod {
 public:
  Pod();
  ~Pod();  // the namespace goes; the kernel destroys it some milliseconds later
  Pod(Pod&& other) noexcept : path_(std::exchange(other.path_, "")) {}
  Pod& operator=(Pod&&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class Stopwatch {
 public:
  double milliseconds() const;  // since it was made

 private:
  std::int64_t started_ = io::now_ns();
};

// Lets the kernel finish what it does in the background for the links and namespaces of the run before.
void rest();

struct Plugin {
  std::string program;  // its path
  base::Json network;   // its configuration
  std::string search;   // CNI_PATH
};

struct Answer {
  int status = 0;  // exit status
  base::Json output;
  double milliseconds = 0;  // as for Finished
};

// Runs the plugin on `node` as a runtime does. `previous` becomes prevResult unless it is null.
Answer call(const Plugin& plugin, const Node& node, const std::string& command, const std::string& container,
            const std::string& netns, const base::Json& previous = {});

// Starts the plugin once for each path, all at the same time. The time until the last is reaped. Containers are
// named by their number.
double call_all(const Plugin& plugin, const Node& node, const std::string& command, const std::vector<Pod>& pods);

struct Finished {
  std::string output;
  double milliseconds = 0;  // from before the process is created until it is reaped and its output closed
};
// Any program, which must succeed.
Finished run(const std::vector<std::string>& words);

}  // namespace bailey::bench
