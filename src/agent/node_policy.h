// The network policy of one node: objects in, packet path out.
//
// Holds what the source has told, and which pods are attached here. Each change is compiled and applied at once; when
// a call returns, the kernel does what the objects say. Before the source has spoken for the first time nothing is
// applied: what a predecessor has put into the kernel stays in force. Single thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/flow_log.h"
#include "base/json.h"
#include "datapath/policy.h"
#include "datapath/sys/pod_path.h"
#include "model/snapshot.h"

namespace bailey::agent {

// A pod's interface on this node, by the name of its link.
struct Attached {
  std::string container;
  std::string ifname;
  std::string link;
  datapath::sys::Attachment attachment;
};

struct ChangeOutcome {
  datapath::sys::Applied applied;
  double milliseconds = 0;
};

class NodePolicy {
 public:
  // `config.node` and `config.uplink` are set.
  static base::Result<NodePolicy> open(const Config& config);

  // The objects are these from now on, or, with `replace`, only these. Objects of kinds that say nothing about network
  // policy are left out.
  base::Result<ChangeOutcome> change(const std::vector<model::Event>& events, bool replace);
  bool ready() const { return ready_; }  // whether the source has spoken
  // Why the last change is not in force; empty: it is.
  const std::string& last_error() const { return last_error_; }
  // Tries a change that failed once more.
  void try_again();

  // Puts the programs at a pod's link; nothing passes until the pod's policies are known.
  base::Status attach(Attached pod);
  // Whether the pod's policies are in force. A pod whose object is not known, or of another node, is not.
  bool in_force(const std::string& link) const;
  void detach(const std::string& container, const std::string& ifname);
  // What the leases and the node's links say of pods from before. Links that are gone are forgotten.
  base::Status find_pods();
  // Forgets pods whose links are gone.
  void forget_gone();

  base::Status settle() { return path_.settle(); }
  base::Status read_events();
  const FlowLog& flows() const { return log_; }

  base::Json status() const;
  std::string metrics() const;  // Prometheus' text format
  base::Result<datapath::sys::PodPath::Use> connection_use() const { return path_.connection_use(); }

 private:
  NodePolicy(const Config& config, datapath::sys::PodPath path);
  base::Result<ChangeOutcome> apply();
  model::Snapshot with_attached_addresses();
  std::string name_of(const model::Address& address);
  std::string decider_of(const datapath::sys::PathEvent& event) const;

  Config config_;
  datapath::sys::PodPath path_;
  datapath::Compiler compiler_;
  const datapath::Maps* maps_ = nullptr;  // the compiler's; null before the first change
  model::Snapshot objects_;
  model::Snapshot completed_;  // with the addresses of the pods that are attached
  bool ready_ = false;
  std::map<std::string, Attached> attached_;  // by link
  struct Completed {
    std::shared_ptr<const model::Pod> given;
    std::shared_ptr<const model::Pod> completed;
  };
  std::map<model::ObjectRef, Completed> with_addresses_;
  std::map<model::Address, std::string> names_;  // made when they are first asked for
  bool names_stand_ = false;
  FlowLog log_;
  double last_apply_ms_ = 0;
  double longest_apply_ms_ = 0;
  std::string last_error_;
};

}  // namespace bailey::agent
