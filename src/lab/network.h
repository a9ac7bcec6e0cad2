// The network of a lab: keeps the objects that were given, completes them, and makes hosts, fabric and pods be
// what they say.
//
//   events ─▶ given ─▶ complete() ─▶ completed ─┬─▶ fabric::compile ─▶ Applier   links, routes, nftables
//                                               └─▶ wanted hosts, wanted pods ─▶ agents, CNI plugin
//
// One change at a time; further ones wait in order. A change is all or nothing as far as its objects go: objects
// with a mistake change nothing. What the network then could not do (a subnet that is full, a plugin that failed)
// is a condition, and is tried again with the next change.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "fabric/fabric.h"
#include "fabric/sys/applier.h"
#include "io/loop.h"
#include "lab/controllers/controllers.h"
#include "lab/hosts.h"
#include "lab/lab.h"
#include "model/snapshot.h"

namespace bailey::lab {

// A pod as it is realised on its node.
struct RealisedPod {
  std::string container;  // id
  std::string host;       // "node/NAME"
  model::ObjectRef ref;
  std::set<model::Port> ports;
  bool host_network = false;
  std::vector<model::Address> pinned;
  base::Json plugin;  // configuration that its ADD got; DEL gets the same
  std::vector<model::Address> addresses;
  bool ready = false;
  bool busy = false;                   // an ADD or DEL is under way
  std::optional<Condition> condition;  // why it is not ready
};

struct ChangeReport {
  std::uint64_t generation = 0;
  double converged_ms = 0;
  std::vector<std::pair<std::string, double>> phases;  // name, milliseconds spent
  std::vector<Condition> conditions;
  std::vector<model::ObjectRef> made;
  std::vector<model::InputError> errors;  // not empty: nothing was changed
  std::optional<base::Error> failed;      // the machine refused; the former state was put back where that was possible
};

class Network {
 public:
  Network(io::Loop& loop, Hosts& hosts, CompleteOptions options);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  using Done = std::function<void(ChangeReport)>;
  // Applies the events and calls `done` when everything that they lead to is realised on every host (or has become
  // a condition). Changes queue up.
  void change(std::vector<model::Event> events, Done done, Progress progress);

  const model::Snapshot& given() const { return given_; }
  // Completed, with the addresses that pods really have.
  const model::Snapshot& current() const { return current_; }
  const std::map<model::ObjectRef, RealisedPod>& pods() const { return pods_; }
  std::vector<Condition> conditions() const;
  std::vector<model::ObjectRef> made() const { return made_; }
  // How the addresses of subnets with nodes are used, as of the last change; what pods hold is in pods().
  const std::vector<SubnetUse>& subnets() const { return subnets_; }
  base::Result<std::vector<fabric::sys::Applier::DropCounter>> drops() { return applier_.drops(); }
  fabric::sys::Applier::FastPathStatus fast_path() const { return applier_.fast_path(); }
  // Hosts of nodes whose agent cannot enforce network policies, and why.
  const std::map<std::string, std::string>& unpoliced() const { return unpoliced_; }
  std::string host_of_node(const std::string& node) const { return "node/" + node; }

 private:
  struct Change;
  struct Wanted;
  void start_next();
  void begin(const std::shared_ptr<Change>& change);
  void settle_objects(Change& change);
  static bool remove_object(model::Snapshot& snapshot, const model::ObjectRef& ref);
  void remove_pods(const std::shared_ptr<Change>& change);
  void change_fabric(const std::shared_ptr<Change>& change);
  void tell_policies(const std::shared_ptr<Change>& change);
  void tell_addresses(const std::shared_ptr<Change>& change);
  void tell_objects(const std::shared_ptr<Change>& change);
  void tell_objects_to(const std::string& host, const base::Json& events, bool replace, std::function<void()> done);
  model::Snapshot policy_objects();
  void add_pods(const std::shared_ptr<Change>& change);
  void add_pod(const std::shared_ptr<Change>& change, RealisedPod pod, const std::string& operation);
  void remove_pod(const RealisedPod& pod, std::function<void()> done);
  void finish(const std::shared_ptr<Change>& change);
  void step_done(const std::shared_ptr<Change>& change);
  void enter_phase(const std::shared_ptr<Change>& change, const std::string& name);
  base::Status change_hosts(const std::map<std::string, HostSpec>& wanted);
  void tell_ports(const std::string& host, std::function<void()> done);
  void tell_kubenet(const std::string& host, const base::Json& node, std::function<void()> done);
  void host_replaced(const std::string& host);
  void refresh_current();
  InUse in_use();
  void let_go(const RealisedPod& pod);
  void await_cooled();

  io::Loop& loop_;
  Hosts& hosts_;
  CompleteOptions options_;
  fabric::sys::Applier applier_;
  model::Snapshot given_;
  model::Snapshot completed_;
  model::Snapshot current_;
  fabric::Desired desired_;
  Assignments assignments_;
  std::vector<Condition> conditions_;
  std::vector<model::ObjectRef> made_;
  std::vector<SubnetUse> subnets_;
  struct Cooling {
    model::Address address;
    std::int64_t since_ns;
  };
  std::deque<Cooling> cooling_;  // oldest first
  std::optional<io::Loop::TimerId> cooled_timer_;
  std::map<model::ObjectRef, Condition> set_aside_;  // objects whose references are gone
  std::map<model::ObjectRef, RealisedPod> pods_;
  std::map<std::string, std::set<model::Port>> ports_;  // what each host was told to listen on
  std::map<std::string, base::Json> kubenet_;           // its blocks, and whom not to translate for
  std::map<std::string, Condition> host_conditions_;
  model::Snapshot told_;              // what the nodes' agents know, as far as it is about policy
  std::set<std::string> told_hosts_;  // those that know it
  struct ToldPod {
    std::shared_ptr<const model::Pod> completed;
    std::shared_ptr<const model::Pod> told;  // with its addresses; the same object as long as neither changes
  };
  std::map<model::ObjectRef, ToldPod> told_pods_;
  std::map<std::string, std::string> unpoliced_;  // node host -> why its agent cannot enforce policies
  std::deque<std::shared_ptr<Change>> waiting_;
  std::shared_ptr<Change> running_;
  std::uint64_t next_container_ = 1;
};

// Which hosts and pods a completed snapshot asks for (pure; lab/wanted.cc).
std::map<std::string, HostSpec> wanted_hosts(const model::Snapshot& completed);
std::map<std::string, std::set<model::Port>> wanted_ports(const model::Snapshot& completed);
// Of kubenet nodes: what leaves their blocks gets the node's address, {"blocks": [prefix], "except": [prefix]}.
std::map<std::string, base::Json> wanted_kubenet(const model::Snapshot& completed);
// Without container id and addresses.
std::map<model::ObjectRef, RealisedPod> wanted_pods(const model::Snapshot& completed);

}  // namespace bailey::lab
