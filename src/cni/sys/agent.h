// The plugin's side of the agreement with the node's agent (agent/agent.h has the operations): with network policy on,
// nothing passes to or from a pod before the agent says so.
#pragma once

#include <string>

#include "base/result.h"
#include "cni/environment.h"
#include "cni/sys/wiring.h"

namespace bailey::cni::sys {

class NodeAgent {
 public:
  explicit NodeAgent(std::string socket) : socket_(std::move(socket)) {}

  // Waits until the pod's policies are in force at its link, which is not up yet; at most 5 s. The error's cause says
  // what to do.
  base::Status attach(const Environment& environment, const Attachment& attachment, int link_index) const;
  // Best effort, at most 200 ms: the agent notices without it too, only later.
  void detach(const Environment& environment) const;
  // Whether somebody answers.
  base::Status reach() const;

 private:
  base::Result<base::Json> ask(const base::Json& request, int timeout_ms) const;
  std::string socket_;
};

}  // namespace bailey::cni::sys
