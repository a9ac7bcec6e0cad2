// The supervisor of a lab: PID 1 of its namespaces, owner of every process and network of it.
//
// It is started by the process that called lab::up() and ends with it until that process has said "commit"; from
// then on it lives until it is told to end, or is killed. When it ends, for whatever reason, the kernel ends
// everything else of the lab: processes by the pid namespace, mounts and networks with their last user.
#pragma once

#include <string>
#include <vector>

#include "io/fd.h"
#include "lab/controllers/controllers.h"
#include "manifest/manifest.h"
#include "model/snapshot.h"

namespace bailey::lab {

struct SupervisorStart {
  std::string name;
  io::Fd lock;     // flock(2)ed; kept open as long as the lab lives
  io::Fd control;  // to the process that started it
  std::vector<model::AnyObject> objects;
  CompleteOptions complete;
  std::string plugin;
  std::int64_t started_ns = 0;
  std::vector<manifest::Document> documents;  // that the objects are from
};

// Runs in the cloned child, in its new namespaces. Never returns.
[[noreturn]] void run_supervisor(SupervisorStart start);

// Where the lab's socket is, seen from inside.
inline constexpr const char* socket_path = "/run/bailey/lab/lab.sock";

}  // namespace bailey::lab
