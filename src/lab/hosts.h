// The hosts of a lab: an agent process each, and the namespaces that outlive it.
//
// The supervisor keeps a descriptor of each host's network, mount and UTS namespace. When an agent dies, a new one
// enters the same namespaces: links, routes and pods stay, connections that it held are cut. An agent that dies
// five times within ten seconds is given up, and the host counts as failed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "io/channel.h"
#include "io/loop.h"

namespace bailey::lab {

struct HostSpec {
  std::string name;     // "node/NAME", "host/NAME", "fabric", "internet", "onprem/NAME"
  std::string node;     // "" for what is no node
  base::Json identity;  // of its echo server
};

class Hosts {
 public:
  // The answer of an agent, or {"lost":true} when it died before it answered.
  using Answered = std::function<void(base::Json)>;

  // Paths of bailey-cni and baileyd.
  Hosts(io::Loop& loop, std::string plugin, std::string daemon);
  ~Hosts();
  Hosts(const Hosts&) = delete;
  Hosts& operator=(const Hosts&) = delete;

  // Called after an agent has been replaced; what it served must be told to it again.
  void on_replaced(std::function<void(const std::string& host)> action) { replaced_ = std::move(action); }

  // Starts these hosts side by side and returns when every agent is ready. On failure none of them stays.
  base::Status start(const std::vector<HostSpec>& specs);
  void stop(const std::string& host);

  bool has(const std::string& host) const { return hosts_.contains(host); }
  std::vector<std::string> names() const;
  int pid(const std::string& host) const;  // of the agent, in the lab's pid namespace; 0 while there is none
  bool failed(const std::string& host) const;

  struct Namespaces {
    int network = -1;
    int mounts = -1;
    int uts = -1;
  };
  Namespaces namespaces(const std::string& host) const;

  void ask(const std::string& host, base::Json request, Answered answered,
           std::function<void(std::vector<io::Fd>)> descriptors = nullptr);

 private:
  struct Host;
  base::Status launch(Host& host);
  base::Status wait_ready(Host& host);
  void attach(Host& host);
  void agent_ended(const std::string& name, int pid);
  io::Loop& loop_;
  std::string plugin_;
  std::string daemon_;
  std::map<std::string, std::unique_ptr<Host>> hosts_;
  std::function<void(const std::string&)> replaced_;
  std::int64_t next_id_ = 1;
};

}  // namespace bailey::lab
