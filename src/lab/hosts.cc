#include "lab/hosts.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <deque>

#include "lab/agent/agent.h"

namespace bailey::lab {
namespace {

constexpr int ready_timeout_ms = 10000;
constexpr std::size_t max_deaths = 5;
constexpr std::int64_t deaths_window_ns = 10'000'000'000;

// In the forked child: keeps only the given descriptors, numbered from 3 on in their order.
std::vector<io::Fd> keep_only(const std::vector<int>& wanted) {
  std::vector<int> high;
  for (int fd : wanted) high.push_back(fd < 0 ? -1 : fcntl(fd, F_DUPFD, 512));
  std::vector<io::Fd> kept;
  int next = 3;
  for (int fd : high) {
    if (fd < 0) {
      kept.emplace_back();
      continue;
    }
    dup2(fd, next);
    fcntl(next, F_SETFD, FD_CLOEXEC);
    kept.emplace_back(next++);
  }
  close_range(static_cast<unsigned>(next), ~0U, 0);
  return kept;
}

}  // namespace

struct Hosts::Host {
  struct Waiting {
    Answered answered;
    std::function<void(std::vector<io::Fd>)> descriptors;
  };
  HostSpec spec;
  std::unique_ptr<io::Channel> channel;
  int pid = 0;
  io::Fd network;
  io::Fd mounts;
  io::Fd uts;
  std::map<std::int64_t, Waiting> waiting;
  std::deque<std::int64_t> deaths_ns;
  bool failed = false;
};

Hosts::Hosts(io::Loop& loop, std::string plugin, std::string daemon)
    : loop_(loop), plugin_(std::move(plugin)), daemon_(std::move(daemon)) {}

Hosts::~Hosts() {
  while (!hosts_.empty()) stop(hosts_.begin()->first);
}

base::Status Hosts::launch(Host& host) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return base::system_error("start agent of", host.spec.name, errno);
  io::Fd ours(ends[0]);
  io::Fd theirs(ends[1]);
  pid_t pid = fork();
  if (pid < 0) return base::system_error("start agent of", host.spec.name, errno);
  if (pid == 0) {
    std::vector<io::Fd> kept = keep_only({theirs.get(), host.network.get(), host.mounts.get(), host.uts.get()});
    AgentSettings settings{host.spec.name, host.spec.node, host.spec.identity, plugin_, daemon_};
    settings.network = std::move(kept[1]);
    settings.mounts = std::move(kept[2]);
    settings.uts = std::move(kept[3]);
    run_agent(std::move(kept[0]), std::move(settings));
  }
  host.pid = pid;
  host.channel = std::make_unique<io::Channel>(std::move(ours));
  return {};
}

base::Status Hosts::wait_ready(Host& host) {
  base::Result<base::Json> first = host.channel->receive_now(ready_timeout_ms);
  if (!first.ok()) return base::Error{"start agent of", host.spec.name, first.error().text(), first.error().code};
  if (first->has("failed")) return base::Error{"start agent of", host.spec.name, (*first)["failed"].as_string(), 0};
  if (host.network) return {};
  std::string folder = "/proc/" + std::to_string(host.pid) + "/ns/";
  const std::pair<const char*, io::Fd*> spaces[] = {{"net", &host.network}, {"mnt", &host.mounts}, {"uts", &host.uts}};
  for (const auto& [name, fd] : spaces) {
    *fd = io::Fd(::open((folder + name).c_str(), O_RDONLY | O_CLOEXEC));
    if (!*fd) return base::system_error("open namespace of", host.spec.name, errno);
  }
  return {};
}

void Hosts::attach(Host& host) {
  std::string name = host.spec.name;
  int pid = host.pid;
  base::Status attached = host.channel->attach(
      loop_,
      [this, name](base::Json answer, std::vector<io::Fd> descriptors) {
        auto at = hosts_.find(name);
        if (at == hosts_.end()) return;
        auto waiting = at->second->waiting.extract(answer["id"].as_int());
        if (waiting.empty()) return;
        if (waiting.mapped().descriptors) waiting.mapped().descriptors(std::move(descriptors));
        if (waiting.mapped().answered) waiting.mapped().answered(std::move(answer));
      },
      [] {});  // the end is noticed by the process' end
  base::check(attached.ok(), "an agent's channel can be watched");
  base::Status watched = loop_.on_exit(pid, [this, name, pid](int) { agent_ended(name, pid); });
  base::check(watched.ok(), "an agent can be watched");
}

base::Status Hosts::start(const std::vector<HostSpec>& specs) {
  base::Status first;
  for (const HostSpec& spec : specs) {
    auto host = std::make_unique<Host>();
    host->spec = spec;
    base::Status launched = launch(*host);
    if (!launched.ok() && first.ok()) first = launched;
    if (launched.ok()) hosts_[spec.name] = std::move(host);
  }
  for (const HostSpec& spec : specs) {
    auto at = hosts_.find(spec.name);
    if (at == hosts_.end()) continue;
    base::Status ready = wait_ready(*at->second);
    if (!ready.ok() && first.ok()) first = ready;
  }
  for (const HostSpec& spec : specs) {
    auto at = hosts_.find(spec.name);
    if (at == hosts_.end()) continue;
    if (first.ok()) {
      attach(*at->second);
    } else {
      ::kill(at->second->pid, SIGKILL);
      waitpid(at->second->pid, nullptr, 0);
      hosts_.erase(at);
    }
  }
  return first;
}

void Hosts::stop(const std::string& name) {
  auto at = hosts_.find(name);
  if (at == hosts_.end()) return;
  std::unique_ptr<Host> host = std::move(at->second);
  hosts_.erase(at);
  // agent_ended() finds no host of this name any more and only reaps.
  if (host->pid > 0) ::kill(host->pid, SIGKILL);
  for (auto& [id, waiting] : host->waiting)
    if (waiting.answered) waiting.answered(base::Json::object().set("lost", true));
}

void Hosts::agent_ended(const std::string& name, int pid) {
  auto at = hosts_.find(name);
  if (at == hosts_.end() || at->second->pid != pid) return;
  Host& host = *at->second;
  host.pid = 0;
  host.channel.reset();
  std::map<std::int64_t, Host::Waiting> waiting = std::exchange(host.waiting, {});
  host.deaths_ns.push_back(io::now_ns());
  while (host.deaths_ns.front() < io::now_ns() - deaths_window_ns) host.deaths_ns.pop_front();
  host.failed = host.deaths_ns.size() >= max_deaths;
  base::Status again =
      host.failed ? base::Status(base::Error{"start agent of", name, "it dies again and again", 0}) : launch(host);
  if (again.ok()) again = wait_ready(host);
  if (again.ok()) attach(host);
  if (!again.ok()) host.failed = true;
  for (auto& [id, asked] : waiting)
    if (asked.answered) asked.answered(base::Json::object().set("lost", true));
  if (again.ok() && replaced_) replaced_(name);
}

std::vector<std::string> Hosts::names() const {
  std::vector<std::string> out;
  for (const auto& [name, host] : hosts_) out.push_back(name);
  return out;
}

int Hosts::pid(const std::string& host) const {
  auto at = hosts_.find(host);
  return at == hosts_.end() ? 0 : at->second->pid;
}

bool Hosts::failed(const std::string& host) const {
  auto at = hosts_.find(host);
  return at != hosts_.end() && at->second->failed;
}

Hosts::Namespaces Hosts::namespaces(const std::string& host) const {
  auto at = hosts_.find(host);
  if (at == hosts_.end()) return {};
  return {at->second->network.get(), at->second->mounts.get(), at->second->uts.get()};
}

void Hosts::ask(const std::string& name, base::Json request, Answered answered,
                std::function<void(std::vector<io::Fd>)> descriptors) {
  auto at = hosts_.find(name);
  if (at == hosts_.end() || !at->second->channel) {
    loop_.after(0, [answered = std::move(answered)] { answered(base::Json::object().set("lost", true)); });
    return;
  }
  std::int64_t id = next_id_++;
  request.set("id", id);
  at->second->waiting[id] = {std::move(answered), std::move(descriptors)};
  at->second->channel->send(request);
}

}  // namespace bailey::lab
