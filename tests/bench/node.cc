#include "node.h"

#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "must.h"
#include "netlink/namespace.h"
#include "netlink/netlink.h"

namespace bailey::bench {
namespace {

// A plugin that runs: its standard input is written and closed, its output not read yet.
struct Running {
  pid_t pid = -1;
  io::Fd output;
};

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) give_up("pipe: " + base::system_error("make", "pipe", errno).text());
    out = io::Fd(ends[0]);
    in = io::Fd(ends[1]);
  }
  io::Fd out;
  io::Fd in;
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> environment(const Plugin& plugin, const std::string& command, const std::string& container,
                                     const std::string& netns) {
  return {"CNI_COMMAND=" + command, "CNI_CONTAINERID=" + container, "CNI_NETNS=" + netns,
          "CNI_IFNAME=eth0",        "CNI_PATH=" + plugin.search,    "PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
}

// Configurations are smaller than a pipe's buffer, so that nobody waits for anybody.
Running start(std::vector<std::string> words, std::vector<std::string> variables, const std::string& input) {
  Pipe to;
  Pipe from;
  if (::write(to.in.get(), input.data(), input.size()) != static_cast<ssize_t>(input.size()))
    give_up("cannot write to a pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, to.out.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, from.in.get(), STDOUT_FILENO);
  Running running;
  int failed = ::posix_spawn(&running.pid, words[0].c_str(), &actions, nullptr, pointers(words).data(),
                             pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) give_up(base::system_error("start", words[0], failed).text());
  running.output = std::move(from.out);
  return running;
}

// Reads until the output is closed, as runtimes do, and reaps. The exit status.
int finish(const Running& running, std::string& output) {
  std::array<char, 16384> buffer{};
  ssize_t count = 0;
  while ((count = ::read(running.output.get(), buffer.data(), buffer.size())) > 0)
    output.append(buffer.data(), static_cast<std::size_t>(count));
  int status = 0;
  while (::waitpid(running.pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string input_of(const Plugin& plugin, const base::Json& previous) {
  base::Json network = plugin.network;
  if (!previous.is_null()) network.set("prevResult", previous);
  return network.dump();
}

}  // namespace

void enter_own_machine() {
  if (::unshare(CLONE_NEWNS | CLONE_NEWNET) != 0)
    give_up(base::system_error("unshare", "mount and network namespaces", errno).text());
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") != 0)
    give_up(base::system_error("mount", "/run", errno).text());
  (void)::setpriority(PRIO_PROCESS, 0, -10);
}

Node::Node() : space_(must(netlink::create_namespace())), far_(must(netlink::create_namespace())) {
  auto near = must(netlink::Socket::open_in(space_.get()));
  auto far = must(netlink::Socket::open_in(far_.get()));
  must(near.set_up("lo"));
  must(near.create_veth({"uplink", -1, std::nullopt, true}, {"node", far_.get(), std::nullopt, false}, 1500));
  must(far.set_up("node"));
  int index = must(near.link("uplink"))->index;
  netlink::Batch batch;
  batch.add_address({index, *model::Address::parse("192.0.2.10"), 24});
  batch.add_address({index, *model::Address::parse("2001:db8::10"), 64});
  for (const char* gateway : {"192.0.2.1", "2001:db8::1"}) {
    netlink::Route route;
    route.gateway = model::Address::parse(gateway);
    route.destination = model::Prefix::any(route.gateway->family());
    route.link_index = index;
    batch.add_route(route);
  }
  must(near.run(batch));
}

Pod::Pod() {
  static int number = 0;
  path_ = "/run/pod-" + std::to_string(++number);
  must(netlink::pin_namespace(must(netlink::create_namespace()), path_));
}

Pod::~Pod() {
  if (!path_.empty()) (void)netlink::unpin_namespace(path_);
}

double Stopwatch::milliseconds() const { return static_cast<double>(io::now_ns() - started_) / 1e6; }

void rest() { ::usleep(30'000); }

Answer call(const Plugin& plugin, const Node& node, const std::string& command, const std::string& container,
            const std::string& netns, const base::Json& previous) {
  auto inside = must(netlink::Inside::enter(node.space()));
  std::vector<std::string> variables = environment(plugin, command, container, netns);
  std::string input = input_of(plugin, previous);
  std::string output;
  Answer answer;
  Stopwatch watch;
  answer.status = finish(start({plugin.program}, std::move(variables), input), output);
  answer.milliseconds = watch.milliseconds();
  if (base::Result<base::Json> json = base::Json::parse(output); json.ok()) answer.output = json.value();
  return answer;
}

double call_all(const Plugin& plugin, const Node& node, const std::string& command, const std::vector<Pod>& pods) {
  auto inside = must(netlink::Inside::enter(node.space()));
  std::string input = input_of(plugin, {});
  std::vector<Running> running;
  Stopwatch watch;
  for (std::size_t i = 0; i < pods.size(); ++i)
    running.push_back(
        start({plugin.program}, environment(plugin, command, "c" + std::to_string(i), pods[i].path()), input));
  for (const Running& each : running) {
    std::string output;
    if (finish(each, output) != 0) give_up(plugin.program + " " + command + ": " + output);
  }
  return watch.milliseconds();
}

Finished run(const std::vector<std::string>& words) {
  Finished out;
  Stopwatch watch;
  int status = finish(start(words, {}, ""), out.output);
  out.milliseconds = watch.milliseconds();
  if (status != 0) give_up(words[0] + " ended with status " + std::to_string(status));
  return out;
}

}  // namespace bailey::bench
