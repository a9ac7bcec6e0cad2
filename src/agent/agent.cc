#include "agent/agent.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <list>

#include "agent/files.h"
#include "agent/http.h"
#include "agent/node_policy.h"
#include "base/strings.h"
#include "io/channel.h"
#include "io/loop.h"
#include "netlink/netlink.h"

namespace bailey::agent {
namespace {

constexpr std::int64_t object_wait_ms = 2000;  // for a pod's object, before the runtime is told to try again
constexpr std::int64_t settle_after_ms = 100;
constexpr std::int64_t look_for_links_ms = 5000;
constexpr std::int64_t look_at_table_ms = 10'000;
constexpr std::uint64_t warn_percent = 75;
constexpr std::int64_t try_again = 11;  // CNI's code
constexpr const char* lock_folder = "/run/bailey/agent";
constexpr std::size_t most_clients = 512;

base::Json event_line(const char* what) {
  return base::Json::object()
      .set("schema", "bailey.dev/event/v1")
      .set("component", "policy")
      .set("kind", "agent")
      .set("event", what);
}

base::Json refusal(std::int64_t code, std::string text) {
  return base::Json::object().set("ok", false).set("code", code).set("msg", std::move(text));
}

class Agent {
 public:
  Agent(std::unique_ptr<io::Loop> loop, Config config, NodePolicy policy)
      : loop_(std::move(loop)), config_(std::move(config)), policy_(std::move(policy)) {}

  base::Status run() {
    if (base::Status found = policy_.find_pods(); !found.ok()) warn("pods-not-found", found.error().text());
    if (base::Status listening = listen(); !listening.ok()) return listening;
    if (base::Status watched = watch_signals(); !watched.ok()) return watched;
    if (!config_.files.empty()) {
      base::Result<std::unique_ptr<FilesSource>> files = FilesSource::start(
          *loop_, config_.files, [this](const FilesSource::Change& change) { files_changed(change); });
      if (!files.ok()) return files.error();
      files_ = std::move(files).value();
    }
    tell(event_line("ready").set("node", config_.node).set("socket", config_.socket));
    repeat(look_for_links_ms, [this] {
      policy_.forget_gone();
      policy_.try_again();
    });
    look_at_table();
    repeat(look_at_table_ms, [this] { look_at_table(); });
    read_events();
    loop_->run();
    return {};
  }

 private:
  struct Client {
    io::Fd socket;
    std::unique_ptr<io::Channel> channel;
    std::unique_ptr<HttpAnswer> http;
  };
  struct Waiting {
    int client;
    base::Json id;
    std::string link;
    io::Loop::TimerId timer;
  };
  using Handler = base::Json (Agent::*)(int client, const base::Json&);
  struct Operation {
    std::string_view name;
    Handler handler;
  };

  void tell(const base::Json& event) {
    std::string line = event.dump() + "\n";
    (void)std::fwrite(line.data(), 1, line.size(), stdout);
    std::fflush(stdout);
  }
  void warn(const char* what, const std::string& text) {
    tell(event_line("warning").set("reason", what).set("msg", text));
  }

  void repeat(std::int64_t every_ms, std::function<void()> action) {
    loop_->after(every_ms, [this, every_ms, action = std::move(action)] {
      action();
      repeat(every_ms, action);
    });
  }

  base::Status listen() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (config_.socket.size() >= sizeof address.sun_path)
      return base::system_error("listen on", config_.socket, ENAMETOOLONG);
    config_.socket.copy(address.sun_path, sizeof address.sun_path - 1);
    listener_ = io::Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!listener_) return base::system_error("listen on", config_.socket, errno);
    ::unlink(config_.socket.c_str());  // whose lock we hold; nobody else listens there
    mode_t before = ::umask(0177);
    int bound = ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    int code = errno;
    ::umask(before);
    if (bound != 0) return base::system_error("listen on", config_.socket, code);
    if (::listen(listener_.get(), 128) != 0) return base::system_error("listen on", config_.socket, errno);
    return loop_->watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept(); });
  }

  base::Status watch_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    signals_ = io::Fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_) return base::system_error("watch", "signals", errno);
    return loop_->watch(signals_.get(), EPOLLIN, [this](std::uint32_t) { loop_->stop(); });
  }

  void accept() {
    int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    io::Fd socket(fd);
    if (clients_.size() >= most_clients) return;
    int id = next_client_++;
    clients_[id].socket = std::move(socket);
    base::Status watched = loop_->watch(fd, EPOLLIN, [this, id](std::uint32_t) { first_bytes(id); });
    if (!watched.ok()) clients_.erase(id);
  }

  // JSON or HTTP?
  void first_bytes(int id) {
    Client& client = clients_.at(id);
    char bytes[4];
    ssize_t count = ::recv(client.socket.get(), bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    loop_->forget(client.socket.get());
    if (count <= 0) {
      clients_.erase(id);
      return;
    }
    if (std::string_view(bytes, static_cast<std::size_t>(count)).starts_with("GET ")) {
      client.http = HttpAnswer::begin(
          *loop_, std::move(client.socket), [this](const std::string& path) { return page(path); },
          [this, id] { clients_.erase(id); });
      if (!client.http) clients_.erase(id);
      return;
    }
    client.channel = std::make_unique<io::Channel>(std::move(client.socket));
    base::Status attached = client.channel->attach(
        *loop_, [this, id](base::Json request, std::vector<io::Fd>) { dispatch(id, request); },
        [this, id] { clients_.erase(id); });
    if (!attached.ok()) clients_.erase(id);
  }

  HttpPage page(const std::string& path) {
    if (path == "/metrics") return {200, "text/plain; version=0.0.4", policy_.metrics()};
    if (path == "/status") return {200, "application/json", status({}, {}).dump() + "\n"};
    if (path == "/healthz")
      return {policy_.ready() ? 200 : 503, "text/plain", policy_.ready() ? "ok\n" : "no objects yet\n"};
    return {404, "text/plain", "here are /metrics, /status and /healthz\n"};
  }

  void dispatch(int client, const base::Json& request) {
    static constexpr Operation operations[] = {
        {"attach", &Agent::attach}, {"detach", &Agent::detach}, {"events", &Agent::events},
        {"status", &Agent::status}, {"flows", &Agent::flows},
    };
    for (const Operation& operation : operations) {
      if (operation.name != request["op"].as_string()) continue;
      base::Json answer = (this->*operation.handler)(client, request);
      if (!answer.is_null()) reply(client, request["id"], std::move(answer));
      return;
    }
    reply(client, request["id"], refusal(0, "no such operation: " + request["op"].as_string()));
  }

  void reply(int client, const base::Json& id, base::Json answer) {
    auto at = clients_.find(client);
    if (at == clients_.end() || !at->second.channel) return;
    if (!id.is_null()) answer.set("id", id);
    at->second.channel->send(answer);
  }

  base::Json attach(int client, const base::Json& request) {
    Attached pod;
    pod.container = request["container"].as_string();
    pod.ifname = request["ifname"].as_string();
    pod.link = request["link"].as_string();
    pod.attachment.link_index = static_cast<int>(request["link_index"].as_int());
    if (std::optional<netlink::Mac> mac = netlink::parse_mac(request["mac"].as_string())) pod.attachment.mac = *mac;
    for (const base::Json& text : request["addresses"].items())
      if (auto address = model::Address::parse(text.as_string())) pod.attachment.addresses.push_back(*address);
    if (!request["pod_name"].as_string().empty())
      pod.attachment.pod = {model::Kind::Pod, request["pod_namespace"].as_string(), request["pod_name"].as_string()};
    if (pod.link.empty() || pod.attachment.link_index <= 0 || pod.attachment.addresses.empty())
      return refusal(0, "attach needs link, link_index and addresses");
    std::string link = pod.link;
    if (base::Status done = policy_.attach(std::move(pod)); !done.ok()) return refusal(try_again, done.error().text());
    changed();
    if (policy_.in_force(link)) return base::Json::object().set("ok", true);
    base::Json id = request["id"];
    auto at = waiting_.insert(waiting_.end(), {client, id, link, 0});
    at->timer = loop_->after(object_wait_ms, [this, at, client, id, name = request["pod_name"].as_string(),
                                              ns = request["pod_namespace"].as_string()] {
      waiting_.erase(at);
      std::string why = policy_.ready() ? "the node's agent does not know the pod " + ns + "/" + name + " yet"
                                        : "the node's agent has no objects yet";
      if (!policy_.last_error().empty()) why = "policies could not be put in force: " + policy_.last_error();
      reply(client, id, refusal(try_again, why + "; nothing passes to or from it until it can be judged"));
    });
    return {};
  }

  base::Json detach(int, const base::Json& request) {
    policy_.detach(request["container"].as_string(), request["ifname"].as_string());
    return base::Json::object().set("ok", true);
  }

  base::Json events(int, const base::Json& request) {
    if (!config_.files.empty()) return refusal(0, "objects come from files here");
    base::Result<std::vector<model::Event>> events = events_of(request["events"]);
    if (!events.ok()) return refusal(0, events.error().text());
    base::Result<ChangeOutcome> outcome = policy_.change(*events, request["replace"].as_bool());
    if (!outcome.ok()) return refusal(0, outcome.error().text());
    changed();
    base::Json out = base::Json::object().set("ok", true).set("generation", request["generation"]);
    const datapath::sys::Applied& applied = outcome->applied;
    out.set("milliseconds", outcome->milliseconds).set("identities", applied.identities);
    return out.set("endpoints", applied.endpoints).set("entries", applied.entries).set("epoch", applied.epoch);
  }

  void files_changed(const FilesSource::Change& change) {
    for (const std::string& problem : change.problems) warn("bad-input", problem);
    base::Result<ChangeOutcome> outcome = policy_.change(change.events, change.replace);
    if (!outcome.ok()) return warn("not-applied", outcome.error().text());
    changed();
    tell(event_line("config").set("milliseconds", outcome->milliseconds).set("epoch", outcome->applied.epoch));
  }

  // Whoever waits for a pod's object may have it now.
  void changed() {
    settle_later();
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      if (!policy_.in_force(at->link)) {
        ++at;
        continue;
      }
      loop_->cancel(at->timer);
      reply(at->client, at->id, base::Json::object().set("ok", true));
      at = waiting_.erase(at);
    }
  }

  void settle_later() {
    if (settling_) loop_->cancel(*settling_);
    settling_ = loop_->after(settle_after_ms, [this] {
      settling_.reset();
      if (base::Status done = policy_.settle(); !done.ok()) warn("not-settled", done.error().text());
    });
  }

  base::Json status(int, const base::Json&) { return policy_.status().set("pid", static_cast<std::int64_t>(getpid())); }

  base::Json flows(int, const base::Json& request) {
    asked_ns_ = io::now_ns();
    (void)policy_.read_events();
    std::optional<std::uint64_t> since;
    if (request["since"].is_int()) since = static_cast<std::uint64_t>(request["since"].as_int());
    return policy_.flows().read(since,
                                static_cast<std::size_t>(std::max<std::int64_t>(1, request["max"].as_int(1000))));
  }

  // Soon where somebody looks on; seldom where nothing happens, so that an idle node stays idle.
  void read_events() {
    std::uint64_t before = policy_.flows().next();
    if (base::Status done = policy_.read_events(); !done.ok()) warn("events-unread", done.error().text());
    std::int64_t now = io::now_ns();
    if (policy_.flows().next() != before) seen_ns_ = now;
    bool busy = now - seen_ns_ < 10'000'000'000 || now - asked_ns_ < 10'000'000'000;
    loop_->after(busy ? 100 : 500, [this] { read_events(); });
  }

  void look_at_table() {
    base::Result<datapath::sys::PodPath::Use> use = policy_.connection_use();
    if (!use.ok()) return;
    bool full = use->held * 100 >= use->size * warn_percent;
    if (full && !warned_)
      warn("connection-table-nearly-full", std::to_string(use->held) + " of " + std::to_string(use->size) +
                                               " connections are in the table; beyond that the longest unused are "
                                               "forgotten: raise `connections`");
    warned_ = full;
  }

  std::unique_ptr<io::Loop> loop_;
  Config config_;
  NodePolicy policy_;
  std::unique_ptr<FilesSource> files_;
  io::Fd listener_;
  io::Fd signals_;
  std::map<int, Client> clients_;
  std::list<Waiting> waiting_;
  int next_client_ = 1;
  std::optional<io::Loop::TimerId> settling_;
  std::int64_t asked_ns_ = 0;
  std::int64_t seen_ns_ = 0;
  bool warned_ = false;
};

// One agent for a folder of pins, which can hold no lock itself.
base::Result<io::Fd> lock(const Config& config) {
  std::string folder = config.socket.substr(0, config.socket.rfind('/'));
  if (base::Status made = io::make_folders(folder); !made.ok()) return made.error();
  if (base::Status made = io::make_folders(lock_folder, 0700); !made.ok()) return made.error();
  std::string name = config.pins;
  std::replace(name.begin(), name.end(), '/', '-');
  std::string path = std::string(lock_folder) + "/pins" + name + ".lock";
  io::Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file) return base::system_error("open", path, errno);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    base::Result<std::string> holder = io::read_file(path, 64);
    std::string pid(base::trim(holder.ok() ? *holder : "?"));
    return base::Error{
        "start the agent with", config.pins,
        "another agent (pid " + pid + ") has these pins; end it first, or give this one its own pins and socket",
        EBUSY};
  }
  (void)::ftruncate(file.get(), 0);
  std::string pid = std::to_string(::getpid()) + "\n";
  (void)::pwrite(file.get(), pid.data(), pid.size(), 0);
  return file;
}

base::Status find_defaults(Config& config) {
  if (config.node.empty()) {
    char name[256] = {};
    if (::gethostname(name, sizeof name - 1) != 0) return base::system_error("find", "the host's name", errno);
    config.node = name;
  }
  if (config.uplink) return {};
  config.uplink = "";
  base::Result<netlink::Socket> socket = netlink::Socket::open();
  if (!socket.ok()) return socket.error();
  // Addresses for documentation (RFC 5737, RFC 3849): only a default route leads to them.
  for (const char* nowhere : {"192.0.2.1", "2001:db8::1"}) {
    base::Result<netlink::Route> route = socket->lookup(*model::Address::parse(nowhere), std::nullopt, "");
    if (!route.ok()) continue;
    base::Result<std::optional<netlink::Link>> link = socket->link(route->link_index);
    if (link.ok() && link.value()) config.uplink = link.value()->name;
    if (!config.uplink->empty()) break;
  }
  return {};
}

}  // namespace

base::Status run(Config config) {
  ::signal(SIGPIPE, SIG_IGN);
  if (base::Status found = find_defaults(config); !found.ok()) return found;
  base::Result<io::Fd> held = lock(config);
  if (!held.ok()) return held.error();
  base::Result<std::unique_ptr<io::Loop>> loop = io::Loop::create();
  if (!loop.ok()) return loop.error();
  base::Result<NodePolicy> policy = NodePolicy::open(config);
  if (!policy.ok()) return policy.error();
  return Agent(std::move(loop).value(), std::move(config), std::move(policy).value()).run();
}

}  // namespace bailey::agent
