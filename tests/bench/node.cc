#include "node.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>

#include "must.h"
#include "netlink/namespace.h"
#include "netlink/netlink.h"
#include "process.h"

namespace bailey::bench {
namespace {

std::vector<std::string> environment(const Plugin& plugin, const std::string& command, const std::string& container,
                                     const std::string& netns) {
  return {"CNI_COMMAND=" + command, "CNI_CONTAINERID=" + container, "CNI_NETNS=" + netns,
          "CNI_IFNAME=eth0",        "CNI_PATH=" + plugin.search,    "PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
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
  answer.status = Process({plugin.program}, std::move(variables), input).finish(output);
  answer.milliseconds = watch.milliseconds();
  if (base::Result<base::Json> json = base::Json::parse(output); json.ok()) answer.output = json.value();
  return answer;
}

double call_all(const Plugin& plugin, const Node& node, const std::string& command, const std::vector<Pod>& pods) {
  auto inside = must(netlink::Inside::enter(node.space()));
  std::string input = input_of(plugin, {});
  std::vector<Process> running;
  Stopwatch watch;
  for (std::size_t i = 0; i < pods.size(); ++i)
    running.emplace_back(std::vector{plugin.program},
                         environment(plugin, command, "c" + std::to_string(i), pods[i].path()), input);
  for (Process& each : running) {
    std::string output;
    if (each.finish(output) != 0) give_up(plugin.program + " " + command + ": " + output);
  }
  return watch.milliseconds();
}

Finished run(const std::vector<std::string>& words) {
  Finished out;
  Stopwatch watch;
  int status = Process(words, {}, "").finish(out.output);
  out.milliseconds = watch.milliseconds();
  if (status != 0) give_up(words[0] + " ended with status " + std::to_string(status));
  return out;
}

}  // namespace bailey::bench
