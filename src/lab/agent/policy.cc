#include "lab/agent/policy.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "io/child.h"
#include "io/fd.h"

namespace bailey::lab {
namespace {

constexpr const char* agent_socket = "/run/bailey/agent/agent.sock";
constexpr const char* agent_config = "/run/bailey/agent/config.json";
constexpr int connect_tries = 400;
constexpr std::int64_t connect_every_ms = 5;
constexpr int most_failures = 3;
constexpr std::int64_t restart_after_ms = 50;
// A lab's nodes are many and their connections few.
constexpr int connections_of_a_node = 16384;

base::Json failed_policy(const std::string& why) {
  return base::Json::object().set("ok", false).set("error", base::Json::object().set("msg", why));
}

std::string key_of(const base::Json& object) {
  return object["kind"].as_string() + "/" + object["metadata"]["namespace"].as_string() + "/" +
         object["metadata"]["name"].as_string();
}

}  // namespace

PolicyAgent::PolicyAgent(io::Loop& loop, std::string program, std::string node, Log log)
    : loop_(loop), program_(std::move(program)), node_(std::move(node)), log_(std::move(log)) {}

PolicyAgent::~PolicyAgent() {
  *alive_ = false;
  if (output_) loop_.forget(output_.get());
  if (pid_ > 0) ::kill(pid_, SIGKILL);
}

void PolicyAgent::remember(const base::Json& events, bool replace) {
  if (replace) objects_.clear();
  for (const base::Json& event : events.items()) {
    std::string key = key_of(event["object"]);
    if (event["type"].as_string() == "DELETED")
      objects_.erase(key);
    else
      objects_[key] = event["object"];
  }
}

void PolicyAgent::change(const base::Json& request, Answered answered) {
  if (request.has("network_model")) network_model_ = request["network_model"].as_string();
  remember(request["events"], request["replace"].as_bool());
  if (!given_up_.empty()) {
    loop_.after(0, [answered = std::move(answered), why = given_up_] { answered(failed_policy(why)); });
    return;
  }
  Waiting waiting{base::Json::object()
                      .set("op", "events")
                      .set("events", request["events"])
                      .set("replace", request["replace"])
                      .set("generation", request["generation"]),
                  std::move(answered), true};
  if (channel_) return send(std::move(waiting));
  changes_.push_back(std::move(waiting));
  if (pid_ == 0 && failures_ == 0) start();
}

void PolicyAgent::ask(base::Json request, Answered answered) {
  if (channel_) return send({std::move(request), std::move(answered), false});
  loop_.after(0, [answered = std::move(answered)] { answered(failed_policy("the node's agent does not run")); });
}

void PolicyAgent::start() {
  base::Json config = base::Json::object().set("node", node_).set("source", base::Json::object().set("socket", true));
  config.set("networkModel", network_model_.empty() ? "vnet" : network_model_).set("uplink", "eth0");
  config.set("connections", connections_of_a_node).set("socket", agent_socket);
  int ends[2];
  if (base::Status written = io::write_file(agent_config, config.dump() + "\n"); !written.ok())
    return give_up(written.error().text());
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return give_up(base::system_error("start", program_, errno).text());
  output_ = io::Fd(ends[0]);
  io::Fd theirs(ends[1]);
  io::Command command{program_};
  command.arguments = {"--config", agent_config};
  base::Result<int> started = io::launch(command, theirs.get());
  if (!started.ok()) return give_up(started.error().text());
  pid_ = *started;
  lines_.clear();
  (void)loop_.watch(output_.get(), EPOLLIN, [this](std::uint32_t) { read_output(); });
  (void)loop_.on_exit(pid_, [this, alive = alive_](int status) {
    if (*alive) ended(status);
  });
  connect(connect_tries);
}

void PolicyAgent::read_output() {
  char bytes[4096];
  ssize_t count = ::recv(output_.get(), bytes, sizeof bytes, MSG_DONTWAIT);
  if (count <= 0) {
    if (count == 0) loop_.forget(output_.get());
    return;
  }
  lines_.append(bytes, static_cast<std::size_t>(count));
  for (std::size_t end = lines_.find('\n'); end != std::string::npos; end = lines_.find('\n')) {
    log_("baileyd: " + lines_.substr(0, end));
    lines_.erase(0, end + 1);
  }
}

void PolicyAgent::connect(int tries_left) {
  if (pid_ == 0 || channel_) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string(agent_socket).copy(address.sun_path, sizeof address.sun_path - 1);
  io::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    if (tries_left == 0) {
      ::kill(pid_, SIGKILL);
      return;
    }
    loop_.after(connect_every_ms, [this, tries_left, alive = alive_] {
      if (*alive) connect(tries_left - 1);
    });
    return;
  }
  channel_ = std::make_unique<io::Channel>(std::move(socket));
  // The end of the connection is noticed by the process' end.
  base::Status attached = channel_->attach(
      loop_, [this](base::Json answer, std::vector<io::Fd>) { received(std::move(answer)); }, [] {});
  if (!attached.ok()) return give_up(attached.error().text());
  failures_ = 0;
  tell_everything();
}

// What waits for a change has it with this.
void PolicyAgent::tell_everything() {
  base::Json events = base::Json::array();
  for (const auto& [key, object] : objects_)
    events.push(base::Json::object().set("type", "ADDED").set("object", object));
  base::Json request = base::Json::object().set("op", "events").set("replace", true).set("events", std::move(events));
  auto changes = std::make_shared<std::deque<Waiting>>(std::exchange(changes_, {}));
  send({std::move(request),
        [changes](base::Json answer) {
          for (Waiting& each : *changes) each.answered(answer);
        },
        true});
}

void PolicyAgent::send(Waiting waiting) {
  std::int64_t id = next_id_++;
  waiting.request.set("id", id);
  channel_->send(waiting.request);
  waiting_[id] = std::move(waiting);
}

void PolicyAgent::received(base::Json answer) {
  auto waiting = waiting_.extract(answer["id"].as_int());
  if (waiting.empty()) return;
  if (!answer["ok"].as_bool() && answer.has("msg")) answer.set("error", base::Json::object().set("msg", answer["msg"]));
  waiting.mapped().answered(std::move(answer));
}

void PolicyAgent::ended(int) {
  pid_ = 0;
  channel_.reset();
  if (output_) {
    read_output();
    loop_.forget(output_.get());
    output_.reset();
  }
  std::map<std::int64_t, Waiting> waiting = std::exchange(waiting_, {});
  for (auto& [id, each] : waiting) {
    if (each.change)
      changes_.push_back(std::move(each));
    else
      each.answered(failed_policy("the node's agent ended"));
  }
  if (++failures_ >= most_failures) return give_up(lines_.empty() ? "baileyd ends again and again" : lines_);
  loop_.after(failures_ == 1 ? 0 : restart_after_ms, [this, alive = alive_] {
    if (*alive && pid_ == 0) start();
  });
}

void PolicyAgent::give_up(const std::string& why) {
  given_up_ = why;
  log_("no network policy on this node: " + why);
  std::deque<Waiting> changes = std::exchange(changes_, {});
  for (Waiting& each : changes) each.answered(failed_policy(why));
}

}  // namespace bailey::lab
