// The pods of a node: network namespaces that the CNI plugin wires, each with an echo server.
//
// Stands in for kubelet and container runtime: makes the namespace, pins it at /run/netns/ID of the node's own
// file system, runs the plugin as CNI 1.0 says (ADD, later DEL) and listens on the pod's ports. At most two
// plugins run at once; the rest wait in order, so that a DEL never passes an ADD of the same pod.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "io/loop.h"
#include "lab/agent/echo.h"
#include "model/object.h"

namespace bailey::lab {

struct PodRequest {
  std::string id;  // container id
  std::string ns;
  std::string name;
  std::string node;
  std::set<model::Port> ports;
  bool host_network = false;  // served in the node's namespace, no plugin
  base::Json network;         // the plugin's configuration
};

struct PodOutcome {
  bool ok = false;
  std::vector<std::string> addresses;
  base::Json error;  // {code, msg, details} of the plugin, or {msg} of ours
  double milliseconds = 0;
};

class Pods {
 public:
  using Done = std::function<void(PodOutcome)>;
  using Log = std::function<void(std::string)>;

  // `host_namespace_fd` outlives this; `plugin` is the path of bailey-cni.
  Pods(io::Loop& loop, std::string plugin, int host_namespace_fd, Log log);
  ~Pods();
  Pods(const Pods&) = delete;
  Pods& operator=(const Pods&) = delete;

  void add(PodRequest request, Done done);
  // Takes up a pod that a former agent of this node has added: its namespace is pinned, its addresses are known.
  // For a pod that is here already: listens on the ports of the request from now on.
  PodOutcome attach(PodRequest request);
  // Runs DEL and unpins; a pod that is not there is fine.
  void remove(const std::string& id, const base::Json& network, Done done);
  // -1 where there is no such pod.
  int namespace_of(const std::string& id) const;

 private:
  struct Pod;
  struct Job {
    std::string command;  // "ADD" or "DEL"
    std::string id;
    base::Json network;
    Done done;
    std::int64_t queued_ns = 0;
  };
  void run_next();
  void run(Job job);
  void finish_add(const Job& job, PodOutcome outcome);
  void drop(const std::string& id);
  PodOutcome listen(Pod& pod);

  io::Loop& loop_;
  std::string plugin_;
  int host_namespace_;
  Log log_;
  std::map<std::string, std::unique_ptr<Pod>> pods_;
  std::deque<Job> waiting_;
  std::set<std::string> busy_;  // ids with a plugin running
};

}  // namespace bailey::lab
