#include "lab/agent/pods.h"

#include <sys/wait.h>

#include "io/child.h"
#include "io/fd.h"
#include "netlink/namespace.h"

namespace bailey::lab {
namespace {

constexpr std::size_t max_running = 2;
constexpr const char* pin_folder = "/run/netns/";

base::Json message(std::string text) { return base::Json::object().set("msg", std::move(text)); }

PodOutcome failed(std::string text) {
  PodOutcome outcome;
  outcome.error = message(std::move(text));
  return outcome;
}

base::Json identity_of(const PodRequest& request) {
  base::Json identity = base::Json::object();
  identity.set("answered_by", "pod/" + request.ns + "/" + request.name).set("pod", request.name);
  return identity.set("namespace", request.ns).set("node", request.node);
}

PodOutcome outcome_of(const io::Finished& finished) {
  if (finished.timed_out) return failed("the plugin did not end in time");
  base::Result<base::Json> answer = base::Json::parse(finished.output);
  bool succeeded = WIFEXITED(finished.status) && WEXITSTATUS(finished.status) == 0;
  if (!succeeded) {
    PodOutcome outcome = failed("the plugin failed: " + finished.errors);
    if (answer.ok() && answer->is_object()) outcome.error = *answer;
    return outcome;
  }
  PodOutcome outcome;
  outcome.ok = true;
  if (!answer.ok()) return outcome;
  for (const base::Json& ip : (*answer)["ips"].items()) {
    const std::string& address = ip["address"].as_string();
    outcome.addresses.push_back(address.substr(0, address.find('/')));
  }
  return outcome;
}

}  // namespace

struct Pods::Pod {
  Pod(io::Loop& loop, PodRequest the_request) : request(std::move(the_request)), echo(loop, identity_of(request)) {}
  PodRequest request;
  io::Fd network;  // its namespace; unset for host network pods
  EchoServer echo;
};

Pods::Pods(io::Loop& loop, std::string plugin, int host_namespace_fd, Log log)
    : loop_(loop), plugin_(std::move(plugin)), host_namespace_(host_namespace_fd), log_(std::move(log)) {}

Pods::~Pods() = default;

int Pods::namespace_of(const std::string& id) const {
  auto at = pods_.find(id);
  if (at == pods_.end()) return -1;
  return at->second->network ? at->second->network.get() : host_namespace_;
}

PodOutcome Pods::listen(Pod& pod) {
  int network = pod.network ? pod.network.get() : host_namespace_;
  base::Status listening = pod.echo.listen(network, pod.request.ports);
  if (!listening.ok()) return failed(listening.error().text());
  PodOutcome outcome;
  outcome.ok = true;
  return outcome;
}

void Pods::add(PodRequest request, Done done) {
  std::string id = request.id;
  base::Json network = request.network;
  auto pod = std::make_unique<Pod>(loop_, request);
  if (request.host_network) {
    PodOutcome outcome = listen(*pod);
    if (outcome.ok) pods_[id] = std::move(pod);
    loop_.after(0, [outcome, done = std::move(done)] { done(outcome); });
    return;
  }
  pods_[id] = std::move(pod);
  waiting_.push_back({"ADD", id, std::move(network), std::move(done), io::now_ns()});
  run_next();
}

PodOutcome Pods::attach(PodRequest request) {
  if (auto at = pods_.find(request.id); at != pods_.end()) {
    at->second->request.ports = request.ports;
    return listen(*at->second);
  }
  auto pod = std::make_unique<Pod>(loop_, request);
  if (!request.host_network) {
    base::Result<io::Fd> network = netlink::open_namespace(pin_folder + request.id);
    if (!network.ok()) return failed(network.error().text());
    pod->network = std::move(*network);
  }
  PodOutcome outcome = listen(*pod);
  pods_[request.id] = std::move(pod);
  return outcome;
}

void Pods::remove(const std::string& id, const base::Json& network, Done done) {
  auto at = pods_.find(id);
  if (at != pods_.end() && at->second->request.host_network) {
    pods_.erase(at);
    loop_.after(0, [done = std::move(done)] { done({true, {}, {}, 0}); });
    return;
  }
  waiting_.push_back({"DEL", id, network, std::move(done), io::now_ns()});
  run_next();
}

void Pods::run_next() {
  for (auto job = waiting_.begin(); job != waiting_.end() && busy_.size() < max_running;) {
    if (busy_.contains(job->id)) {
      ++job;
      continue;
    }
    Job next = std::move(*job);
    waiting_.erase(job);
    busy_.insert(next.id);
    run(std::move(next));
    job = waiting_.begin();
  }
}

void Pods::run(Job job) {
  std::string path = pin_folder + job.id;
  auto at = pods_.find(job.id);
  if (job.command == "ADD") {
    base::Result<io::Fd> network = netlink::create_namespace();
    base::Status pinned = network.ok() ? netlink::pin_namespace(*network, path) : base::Status(network.error());
    if (!pinned.ok()) {
      loop_.after(0, [this, job, pinned] { finish_add(job, failed(pinned.error().text())); });
      return;
    }
    at->second->network = std::move(*network);
  }
  io::Command command{plugin_};
  command.environment = {"CNI_COMMAND=" + job.command, "CNI_CONTAINERID=" + job.id, "CNI_NETNS=" + path,
                         "CNI_IFNAME=eth0", "CNI_PATH=" + plugin_.substr(0, plugin_.rfind('/'))};
  if (at != pods_.end())
    command.environment.push_back("CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=" + at->second->request.ns +
                                  ";K8S_POD_NAME=" + at->second->request.name);
  command.input = job.network.dump();
  base::Status started = io::start(loop_, command, [this, job](io::Finished finished) {
    if (!finished.errors.empty()) log_(job.command + " " + job.id + ": " + finished.errors);
    PodOutcome outcome = outcome_of(finished);
    if (job.command == "ADD") return finish_add(job, std::move(outcome));
    drop(job.id);
    busy_.erase(job.id);
    outcome.milliseconds = static_cast<double>(io::now_ns() - job.queued_ns) / 1e6;
    log_("DEL " + job.id + (outcome.ok ? "" : ": " + outcome.error.dump()));
    job.done(std::move(outcome));
    run_next();
  });
  if (!started.ok()) {
    loop_.after(0, [this, job, started] { finish_add(job, failed(started.error().text())); });
  }
}

void Pods::finish_add(const Job& job, PodOutcome outcome) {
  busy_.erase(job.id);
  if (outcome.ok) {
    PodOutcome listening = listen(*pods_.at(job.id));
    if (!listening.ok) outcome.error = listening.error;
    outcome.ok = listening.ok;
  }
  if (!outcome.ok && job.command == "ADD") drop(job.id);
  outcome.milliseconds = static_cast<double>(io::now_ns() - job.queued_ns) / 1e6;
  std::string text = job.command + " " + job.id;
  for (const std::string& address : outcome.addresses) text += " " + address;
  log_(text + (outcome.ok ? "" : ": " + outcome.error.dump()));
  job.done(std::move(outcome));
  run_next();
}

void Pods::drop(const std::string& id) {
  pods_.erase(id);
  base::Status unpinned = netlink::unpin_namespace(pin_folder + id);
  if (!unpinned.ok()) log_(unpinned.error().text());
}

}  // namespace bailey::lab
