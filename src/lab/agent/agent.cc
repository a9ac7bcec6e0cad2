#include "lab/agent/agent.h"

#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <deque>

#include "cni/config.h"
#include "cni/sys/kubenet.h"
#include "io/channel.h"
#include "lab/agent/connections.h"
#include "lab/agent/pods.h"
#include "lab/agent/policy.h"
#include "lab/agent/probe.h"
#include "lab/mounts.h"
#include "netlink/masquerade.h"
#include "netlink/namespace.h"
#include "netlink/netlink.h"

namespace bailey::lab {
namespace {

constexpr std::size_t max_log_lines = 1000;
constexpr const char* masquerade_table = "bailey-kubenet";
constexpr std::size_t max_probes_at_once = 512;

std::set<model::Port> ports_of(const base::Json& list) {
  std::set<model::Port> ports;
  for (const base::Json& text : list.items())
    if (std::optional<model::Port> port = model::Port::parse(text.as_string())) ports.insert(*port);
  return ports;
}

std::vector<model::Prefix> prefixes_of(const base::Json& list) {
  std::vector<model::Prefix> out;
  for (const base::Json& text : list.items())
    if (std::optional<model::Prefix> prefix = model::Prefix::parse(text.as_string())) out.push_back(*prefix);
  return out;
}

base::Json to_json(const PodOutcome& outcome) {
  base::Json json = base::Json::object();
  base::Json addresses = base::Json::array();
  for (const std::string& address : outcome.addresses) addresses.push(address);
  json.set("ok", outcome.ok).set("addresses", addresses).set("milliseconds", outcome.milliseconds);
  if (!outcome.error.is_null()) json.set("error", outcome.error);
  return json;
}

base::Json to_json(const Connections::State& state) {
  return base::Json::object().set("state", state.state).set("reason", state.reason);
}

// Probes that were asked for together; answered together, in order.
struct ProbeBatch {
  base::Json request;
  std::vector<ProbeOutcome> outcomes;
  std::size_t next = 0;
  std::size_t finished = 0;
};

class Agent {
 public:
  Agent(std::unique_ptr<io::Loop> loop, io::Fd channel, io::Fd network, AgentSettings& settings)
      : loop_(std::move(loop)),
        network_(std::move(network)),
        node_(settings.node),
        echo_(*loop_, settings.identity),
        pods_(*loop_, settings.plugin, network_.get(), [this](std::string text) { log(std::move(text)); }),
        policy_(*loop_, settings.daemon, settings.node, [this](std::string text) { log(std::move(text)); }),
        connections_(*loop_),
        channel_(std::move(channel)) {}

  int run() {
    base::Status attached = channel_.attach(
        *loop_, [this](base::Json request, std::vector<io::Fd>) { dispatch(request); }, [this] { loop_->stop(); });
    if (!attached.ok()) return 1;
    channel_.send(base::Json::object().set("ready", true));
    loop_->run();
    return 0;
  }

 private:
  using Handler = void (Agent::*)(const base::Json&);
  struct Operation {
    std::string_view name;
    Handler handler;
  };

  void dispatch(const base::Json& request) {
    static constexpr Operation operations[] = {
        {"listen", &Agent::listen},
        {"kubenet", &Agent::kubenet},
        {"pod_add", &Agent::pod_add},
        {"pod_attach", &Agent::pod_attach},
        {"pod_remove", &Agent::pod_remove},
        {"probe", &Agent::probe},
        {"conn_open", &Agent::conn_open},
        {"conn_send", &Agent::conn_send},
        {"conn_close", &Agent::conn_close},
        {"conn_list", &Agent::conn_list},
        {"namespace", &Agent::send_namespace},
        {"logs", &Agent::logs},
        {"policy", &Agent::policy},
        {"flows", &Agent::flows},
        {"policy_status", &Agent::policy_status},
    };
    for (const Operation& operation : operations)
      if (operation.name == request["op"].as_string()) return (this->*operation.handler)(request);
    base::fail_check("the supervisor asks only for what an agent can do", request["op"].as_string());
  }

  void reply(const base::Json& request, base::Json answer, const std::vector<int>& descriptors = {}) {
    if (answer.is_null()) answer = base::Json::object();
    answer.set("id", request["id"]);
    channel_.send(answer, descriptors);
  }

  void log(std::string text) {
    log_.push_back(std::move(text));
    if (log_.size() > max_log_lines) log_.pop_front();
  }

  void listen(const base::Json& request) {
    base::Json answer = base::Json::object();
    base::Status listening = echo_.listen(network_.get(), ports_of(request["ports"]));
    if (!listening.ok()) {
      log(listening.error().text());
      answer.set("error", listening.error().text());
    }
    reply(request, answer);
  }

  // Its blocks changed, or whom its pods are translated for.
  void kubenet(const base::Json& request) {
    std::vector<model::Prefix> blocks = prefixes_of(request["node"]["blocks"]);
    base::Status set = netlink::set_masquerade({masquerade_table, blocks, prefixes_of(request["node"]["except"])});
    base::Result<netlink::Socket> socket = netlink::Socket::open();
    if (set.ok())
      set = socket.ok() ? cni::sys::kubenet::trim_bridge(*socket, cni::Config{}.bridge, blocks)
                        : base::Status(socket.error());
    if (!set.ok()) log(set.error().text());
    base::Json answer = base::Json::object().set("ok", set.ok());
    if (!set.ok()) answer.set("error", base::Json::object().set("msg", set.error().text()));
    reply(request, answer);
  }

  PodRequest pod_of(const base::Json& pod) const {
    return {pod["id"].as_string(),  pod["namespace"].as_string(),  pod["name"].as_string(), node_,
            ports_of(pod["ports"]), pod["host_network"].as_bool(), pod["network"]};
  }

  void pod_add(const base::Json& request) {
    pods_.add(pod_of(request["pod"]), [this, request](PodOutcome outcome) { reply(request, to_json(outcome)); });
  }

  void pod_attach(const base::Json& request) { reply(request, to_json(pods_.attach(pod_of(request["pod"])))); }

  void pod_remove(const base::Json& request) {
    pods_.remove(request["pod"].as_string(), request["network"],
                 [this, request](PodOutcome outcome) { reply(request, to_json(outcome)); });
  }

  int namespace_of(const base::Json& request) const {
    return request.has("pod") ? pods_.namespace_of(request["pod"].as_string()) : network_.get();
  }

  void probe(const base::Json& request) {
    auto batch = std::make_shared<ProbeBatch>();
    batch->request = request;
    batch->outcomes.resize(request["rows"].items().size());
    if (batch->outcomes.empty()) return reply(request, base::Json::object().set("rows", base::Json::array()));
    while (batch->next < std::min(batch->outcomes.size(), max_probes_at_once)) start_next(batch);
  }

  void start_next(const std::shared_ptr<ProbeBatch>& batch) {
    std::size_t index = batch->next++;
    const base::Json& row = batch->request["rows"].items()[index];
    std::optional<model::Port> port = model::Port::parse(row["port"].as_string());
    std::optional<model::Address> to = model::Address::parse(row["to"].as_string());
    base::check(port && to, "the supervisor sends well-formed probes");
    ProbeTarget target{namespace_of(row), {*to, port->number}, port->protocol, row["timeout_ms"].as_int(300)};
    auto ask = row["hops"].as_bool() ? count_hops : start_probe;
    ask(*loop_, target, [this, batch, index](ProbeOutcome outcome) {
      batch->outcomes[index] = std::move(outcome);
      if (batch->next < batch->outcomes.size()) start_next(batch);
      if (++batch->finished == batch->outcomes.size()) finish(*batch);
    });
  }

  void finish(const ProbeBatch& batch) {
    base::Json rows = base::Json::array();
    for (const ProbeOutcome& outcome : batch.outcomes) {
      base::Json& row = rows.push(base::Json::object());
      row.set("result", outcome.result).set("source_seen", outcome.source_seen);
      row.set("answered_by", outcome.answered_by).set("rtt_us", outcome.rtt_us);
      row.set("hops", outcome.hops);
    }
    reply(batch.request, base::Json::object().set("rows", std::move(rows)));
  }

  void conn_open(const base::Json& request) {
    std::optional<model::Port> port = model::Port::parse(request["port"].as_string());
    std::optional<model::Address> to = model::Address::parse(request["to"].as_string());
    base::check(port && to, "the supervisor sends well-formed connections");
    connections_.open(request["conn"].as_string(), namespace_of(request), {*to, port->number},
                      request["timeout_ms"].as_int(1000),
                      [this, request](Connections::State state) { reply(request, to_json(state)); });
  }

  void conn_send(const base::Json& request) {
    connections_.send(request["conn"].as_string(), request["timeout_ms"].as_int(1000),
                      [this, request](Connections::State state) { reply(request, to_json(state)); });
  }

  void conn_close(const base::Json& request) {
    connections_.close(request["conn"].as_string());
    reply(request, {});
  }

  void conn_list(const base::Json& request) {
    base::Json list = base::Json::array();
    for (const auto& [id, state] : connections_.list()) {
      base::Json row = base::Json::object().set("id", id);
      list.push(row.set("state", state.state).set("reason", state.reason));
    }
    reply(request, base::Json::object().set("connections", std::move(list)));
  }

  void policy(const base::Json& request) {
    policy_.change(request, [this, request](base::Json answer) { reply(request, std::move(answer)); });
  }

  void flows(const base::Json& request) {
    base::Json ask = base::Json::object().set("op", "flows").set("max", request["max"]);
    if (request["since"].is_int()) ask.set("since", request["since"]);
    policy_.ask(std::move(ask), [this, request](base::Json answer) { reply(request, std::move(answer)); });
  }

  void policy_status(const base::Json& request) {
    policy_.ask(base::Json::object().set("op", "status"),
                [this, request](base::Json answer) { reply(request, std::move(answer)); });
  }

  void send_namespace(const base::Json& request) {
    int fd = namespace_of(request);
    reply(request, base::Json::object().set("found", fd >= 0), fd >= 0 ? std::vector<int>{fd} : std::vector<int>{});
  }

  void logs(const base::Json& request) {
    base::Json lines = base::Json::array();
    for (const std::string& line : log_) lines.push(line);
    reply(request, base::Json::object().set("lines", std::move(lines)));
  }

  std::unique_ptr<io::Loop> loop_;
  io::Fd network_;
  std::string node_;
  EchoServer echo_;
  Pods pods_;
  PolicyAgent policy_;
  Connections connections_;
  std::deque<std::string> log_;
  io::Channel channel_;
};

// Where br_netfilter is loaded, a namespace starts with the packet filter in the way of what a bridge passes between
// its ports. What pods of one node send to each other is not routed; policy sits at the pods' own links.
void let_bridges_alone() {
  for (const char* name : {"bridge-nf-call-iptables", "bridge-nf-call-ip6tables", "bridge-nf-call-arptables"})
    (void)io::write_existing(std::string("/proc/sys/net/bridge/") + name, "0");
}

base::Status enter(AgentSettings& settings) {
  if (settings.network) {
    const std::pair<const io::Fd*, int> spaces[] = {
        {&settings.mounts, CLONE_NEWNS}, {&settings.uts, CLONE_NEWUTS}, {&settings.network, CLONE_NEWNET}};
    for (const auto& [fd, kind] : spaces)
      if (setns(fd->get(), kind) != 0) return base::system_error("enter namespace of", settings.host, errno);
    return {};
  }
  if (unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWNET) != 0)
    return base::system_error("make namespaces for", settings.host, errno);
  base::Status prepared = prepare_host_files(settings.host);
  if (!prepared.ok()) return prepared;
  let_bridges_alone();
  base::Result<netlink::Socket> socket = netlink::Socket::open();
  return socket.ok() ? socket->set_up("lo") : base::Status(socket.error());
}

}  // namespace

void run_agent(io::Fd channel, AgentSettings settings) {
  prctl(PR_SET_NAME, "bailey-host");
  base::Status entered = enter(settings);
  base::Result<io::Fd> network = netlink::current_namespace();
  base::Result<std::unique_ptr<io::Loop>> loop = io::Loop::create();
  if (!entered.ok() || !network.ok() || !loop.ok()) {
    std::string cause = !entered.ok()   ? entered.error().text()
                        : !network.ok() ? network.error().text()
                                        : loop.error().text();
    io::Channel out(std::move(channel));
    (void)out.send_now(base::Json::object().set("failed", cause));
    _exit(1);
  }
  int status = Agent(std::move(*loop), std::move(channel), std::move(*network), settings).run();
  _exit(status);
}

}  // namespace bailey::lab
