// The node's baileyd as a lab keeps it: started in the node's namespaces, started again when it ends, and told the
// objects each time. Stands in for the service manager of a node and for the API server that the agent would watch.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/json.h"
#include "io/channel.h"
#include "io/loop.h"

namespace bailey::lab {

class PolicyAgent {
 public:
  using Answered = std::function<void(base::Json)>;
  using Log = std::function<void(std::string)>;

  // `program` is the path of baileyd.
  PolicyAgent(io::Loop& loop, std::string program, std::string node, Log log);
  ~PolicyAgent();
  PolicyAgent(const PolicyAgent&) = delete;
  PolicyAgent& operator=(const PolicyAgent&) = delete;

  // Watch events {events[], replace, network_model}; the first call starts the daemon. Answered with its answer once
  // they are in force, over a restart too; {ok: false, error{msg}} where it cannot run here.
  void change(const base::Json& request, Answered answered);
  // {ok: false} while it does not run.
  void ask(base::Json request, Answered answered);
  int pid() const { return pid_; }

 private:
  struct Waiting {
    base::Json request;
    Answered answered;
    bool change = false;
  };
  void remember(const base::Json& events, bool replace);
  void start();
  void ended(int status);
  void connect(int tries_left);
  void send(Waiting waiting);
  void received(base::Json answer);
  void tell_everything();
  void give_up(const std::string& why);
  void read_output();

  io::Loop& loop_;
  std::string program_;
  std::string node_;
  Log log_;
  std::string network_model_;
  std::map<std::string, base::Json> objects_;  // by kind, namespace and name
  int pid_ = 0;
  io::Fd output_;
  std::string lines_;
  std::unique_ptr<io::Channel> channel_;
  std::map<std::int64_t, Waiting> waiting_;
  std::deque<Waiting> changes_;  // answered by the next telling of everything
  std::int64_t next_id_ = 1;
  int failures_ = 0;  // starts that came to nothing, in a row
  std::string given_up_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace bailey::lab
