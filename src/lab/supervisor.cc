#include "lab/supervisor.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <set>

#include "base/strings.h"
#include "io/channel.h"
#include "lab/flows.h"
#include "lab/given.h"
#include "lab/mounts.h"
#include "lab/prove.h"
#include "lab/questions.h"
#include "lab/status.h"
#include "lab/wire.h"

namespace bailey::lab {
namespace {

constexpr const char* log_path = "/run/bailey/lab/supervisor.log";

std::vector<manifest::Document> documents_of(const base::Json& request) {
  std::vector<manifest::Document> documents;
  for (const base::Json& document : request["documents"].items())
    documents.push_back({document["file"].as_string(), document["text"].as_string()});
  return documents;
}

base::Json refs_json(const std::vector<model::ObjectRef>& refs) {
  base::Json list = base::Json::array();
  for (const model::ObjectRef& ref : refs) list.push(ref.text());
  return list;
}

base::Json report_json(const ChangeReport& report) {
  base::Json conditions = base::Json::array();
  for (const Condition& condition : report.conditions) conditions.push(to_json(condition));
  base::Json phases = base::Json::array();
  for (const auto& [phase, milliseconds] : report.phases)
    phases.push(base::Json::object().set("phase", phase).set("milliseconds", milliseconds));
  base::Json json = base::Json::object().set("generation", report.generation).set("converged_ms", report.converged_ms);
  return json.set("conditions", std::move(conditions))
      .set("made", refs_json(report.made))
      .set("phases", std::move(phases));
}

std::string daemon_beside(const std::string& plugin) { return plugin.substr(0, plugin.rfind('/') + 1) + "baileyd"; }

class Supervisor {
 public:
  Supervisor(std::unique_ptr<io::Loop> loop, SupervisorStart start)
      : loop_(std::move(loop)),
        name_(std::move(start.name)),
        lock_(std::move(start.lock)),
        started_ns_(start.started_ns),
        hosts_(*loop_, start.plugin, daemon_beside(start.plugin)),
        network_(*loop_, hosts_, start.complete),
        questions_(hosts_, network_),
        prover_(questions_, network_),
        control_(std::make_unique<io::Channel>(std::move(start.control))),
        objects_(std::move(start.objects)) {
    texts_.add(Given::batch(std::move(start.documents), objects_));
  }

  int run() {
    base::Status ready = listen();
    if (ready.ok()) ready = watch_children();
    if (ready.ok())
      ready = control_->attach(
          *loop_, [this](base::Json said, std::vector<io::Fd>) { committed(said); }, [this] { loop_->stop(); });
    if (!ready.ok()) {
      (void)control_->send_now(to_json(machine_failure(ready.error())));
      return 1;
    }
    std::vector<model::Event> events;
    for (model::AnyObject& object : objects_) events.push_back({model::Event::Type::added, std::move(object)});
    objects_.clear();
    network_.change(
        std::move(events), [this](ChangeReport report) { up_done(std::move(report)); },
        [this](const ProgressEvent& event) { send_progress(*control_, event); });
    loop_->run();
    return 0;
  }

 private:
  struct Client {
    std::unique_ptr<io::Channel> channel;
  };
  using Reply = std::function<void(base::Json, const std::vector<int>&)>;
  using Handler = void (Supervisor::*)(int client, const base::Json&);
  struct Verb {
    std::string_view name;
    Handler handler;
  };

  base::Status listen() {
    socket_ = io::Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_) return base::system_error("open socket", socket_path, errno);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket_path, sizeof address.sun_path - 1);
    if (bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(socket_.get(), 64) != 0)
      return base::system_error("listen on", socket_path, errno);
    return loop_->watch(socket_.get(), EPOLLIN, [this](std::uint32_t) { accept_client(); });
  }

  // PID 1 inherits every orphan of the lab. Agents are reaped by whoever watches them; all others here.
  base::Status watch_children() {
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, nullptr);
    children_ = io::Fd(signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!children_) return base::system_error("watch children", "", errno);
    return loop_->watch(children_.get(), EPOLLIN, [this](std::uint32_t) {
      signalfd_siginfo ignored;
      while (::read(children_.get(), &ignored, sizeof ignored) > 0) {
      }
      reap_orphans();
    });
  }

  void reap_orphans() {
    std::set<int> agents;
    for (const std::string& host : hosts_.names()) agents.insert(hosts_.pid(host));
    base::Result<std::string> children = io::read_file("/proc/1/task/1/children");
    if (!children.ok()) return;
    for (std::string_view text : base::split(base::trim(*children), ' ')) {
      std::optional<std::uint64_t> pid = base::parse_number(text);
      if (pid && !agents.contains(static_cast<int>(*pid))) waitpid(static_cast<pid_t>(*pid), nullptr, WNOHANG);
    }
  }

  void send_progress(io::Channel& channel, const ProgressEvent& event) {
    base::Json json = base::Json::object().set("progress", event.phase).set("done", event.done);
    channel.send(json.set("total", event.total).set("milliseconds", event.milliseconds));
  }

  base::Json answer_of(const ChangeReport& report) {
    if (!report.errors.empty())
      return to_json(Failure{Failure::Class::input, {"lab.input-refused", {}}, report.errors});
    if (report.failed) return to_json(machine_failure(*report.failed));
    return report_json(report);
  }

  void up_done(ChangeReport report) {
    if (!control_) return;
    base::Json answer = answer_of(report);
    if (!failure_from(answer)) answer.set("status", status());
    control_->send(answer);
  }

  void committed(const base::Json& said) {
    if (!said["commit"].as_bool()) return loop_->stop();
    control_->send(base::Json::object().set("committed", true));
    loop_->after(0, [this] { control_.reset(); });
  }

  base::Json status() const {
    return status_document(name_, static_cast<double>(io::now_ns() - started_ns_) / 1e9, hosts_, network_);
  }

  void accept_client() {
    int fd = accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    int id = next_client_++;
    auto channel = std::make_unique<io::Channel>(io::Fd(fd));
    base::Status attached = channel->attach(
        *loop_, [this, id](base::Json request, std::vector<io::Fd>) { dispatch(id, request); },
        [this, id] { clients_.erase(id); });
    if (attached.ok()) clients_[id] = std::move(channel);
  }

  void reply(int client, const base::Json& answer, const std::vector<int>& descriptors = {}) {
    auto at = clients_.find(client);
    if (at != clients_.end()) at->second->send(answer, descriptors);
  }
  void refuse(int client, base::Message message) { reply(client, to_json(usage_failure(std::move(message)))); }

  void dispatch(int client, const base::Json& request) {
    static constexpr Verb verbs[] = {
        {"apply", &Supervisor::apply},         {"delete", &Supervisor::remove}, {"status", &Supervisor::send_status},
        {"probe", &Supervisor::probe},         {"conn", &Supervisor::conn},     {"logs", &Supervisor::logs},
        {"enter", &Supervisor::enter},         {"down", &Supervisor::down},     {"flows", &Supervisor::flows},
        {"objects", &Supervisor::objects},     {"prove", &Supervisor::prove},   {"explain", &Supervisor::explain},
        {"manifests", &Supervisor::manifests},
    };
    for (const Verb& verb : verbs)
      if (verb.name == request["verb"].as_string()) return (this->*verb.handler)(client, request);
    refuse(client, {"lab.bad-verb", {request["verb"].as_string()}});
  }

  void change(int client, std::vector<model::Event> events, std::function<void(base::Json&)> complete_answer) {
    network_.change(
        std::move(events),
        [this, client, complete_answer = std::move(complete_answer)](ChangeReport report) {
          base::Json answer = answer_of(report);
          if (!failure_from(answer)) complete_answer(answer);
          reply(client, answer);
        },
        [this, client](const ProgressEvent& event) {
          auto at = clients_.find(client);
          if (at != clients_.end()) send_progress(*at->second, event);
        });
  }

  void apply(int client, const base::Json& request) {
    manifest::Options options;
    options.allow_unknown = request["allow_unknown"].as_bool();
    manifest::Loaded loaded = manifest::load_mending(documents_of(request), options, nullptr);
    // With keep_last_good what is right is taken and what is wrong stays as it was; otherwise it is all or nothing.
    if (!loaded.ok() && !request["keep_last_good"].as_bool())
      return reply(client, to_json(Failure{Failure::Class::input, {"lab.input-refused", {}}, loaded.errors}));
    auto texts = std::make_shared<Given::Batch>(Given::batch(documents_of(request), loaded.objects));
    std::vector<model::Event> events;
    base::Json applied = base::Json::array();
    base::Json warnings = base::Json::array();
    for (const model::InputError& error : loaded.errors) warnings.push(to_json(error));
    for (model::AnyObject& object : loaded.objects) {
      applied.push(model::meta(object).ref().text());
      events.push_back({model::Event::Type::modified, std::move(object)});
    }
    base::Json unknown = base::Json::object();
    for (const auto& [kind, count] : loaded.unknown_kinds) unknown.set(kind, count);
    change(client, std::move(events), [this, applied, unknown, warnings, texts](base::Json& answer) {
      texts_.add(std::move(*texts));
      answer.set("applied", applied).set("unknown_kinds", unknown).set("errors", warnings);
    });
  }

  void remove(int client, const base::Json& request) {
    std::vector<model::ObjectRef> refs;
    for (const base::Json& text : request["refs"].items()) {
      std::optional<model::ObjectRef> ref = model::ObjectRef::parse(text.as_string());
      if (!ref) return refuse(client, {"lab.bad-object", {text.as_string()}});
      refs.push_back(*ref);
    }
    if (request.has("documents")) {
      manifest::Loaded loaded = manifest::load_mending(documents_of(request), {}, nullptr);
      if (!loaded.ok())
        return reply(client, to_json(Failure{Failure::Class::input, {"lab.input-refused", {}}, loaded.errors}));
      for (const model::AnyObject& object : loaded.objects) refs.push_back(model::meta(object).ref());
    }
    std::map<model::ObjectRef, model::AnyObject> known;
    for (const model::AnyObject& object : network_.given().objects()) known.emplace(model::meta(object).ref(), object);
    std::vector<model::Event> events;
    for (const model::ObjectRef& ref : refs) {
      auto at = known.find(ref);
      if (at != known.end()) {
        events.push_back({model::Event::Type::deleted, at->second});
      } else if (!request.has("documents")) {
        bool generated = network_.current().find(ref) != nullptr;
        return refuse(client, {generated ? "lab.object-is-generated" : "lab.no-object", {ref.text()}});
      }
    }
    base::Json deleted = base::Json::array();
    for (const model::Event& event : events) deleted.push(model::meta(*event.object).ref().text());
    change(client, std::move(events), [this, refs, deleted](base::Json& answer) {
      for (const model::ObjectRef& ref : refs) texts_.remove(ref);
      answer.set("deleted", deleted);
    });
  }

  void send_status(int client, const base::Json&) { reply(client, status()); }

  void answer(int client, const Answer<base::Json>& answered) {
    const auto* failure = std::get_if<Failure>(&answered);
    reply(client, failure ? to_json(*failure) : std::get<base::Json>(answered));
  }

  void probe(int client, const base::Json& request) {
    questions_.probe(request, [this, client](Answer<base::Json> answered) { answer(client, answered); });
  }

  void prove(int client, const base::Json& request) {
    prover_.prove(request, [this, client](Answer<base::Json> answered) { answer(client, answered); });
  }

  void explain(int client, const base::Json& request) {
    prover_.explain(request, [this, client](Answer<base::Json> answered) { answer(client, answered); });
  }

  void manifests(int client, const base::Json&) {
    base::Json list = base::Json::array();
    for (const manifest::Document& document : texts_.documents())
      list.push(base::Json::object().set("file", document.file).set("text", document.text));
    reply(client, base::Json::object().set("documents", std::move(list)));
  }

  void conn(int client, const base::Json& request) {
    questions_.conn(request, [this, client](Answer<base::Json> answered) { answer(client, answered); });
  }

  void flows(int client, const base::Json& request) {
    ask_flows(hosts_, request, [this, client](Answer<base::Json> answered) { answer(client, answered); });
  }

  void objects(int client, const base::Json&) { reply(client, policy_documents(network_)); }

  void logs(int client, const base::Json& request) {
    std::string host = request["host"].as_string();
    if (host == "supervisor") {
      base::Json lines = base::Json::array();
      base::Result<std::string> text = io::read_file(log_path);
      if (text.ok())
        for (std::string_view line : base::split(base::trim(*text), '\n')) lines.push(line);
      return reply(client, base::Json::object().set("host", host).set("lines", std::move(lines)));
    }
    if (!hosts_.has(host)) return refuse(client, {"lab.no-host", {host}});
    hosts_.ask(host, base::Json::object().set("op", "logs"), [this, client, host](base::Json answered) {
      reply(client, base::Json::object().set("host", host).set("lines", answered["lines"]));
    });
  }

  // Sends the namespaces of an endpoint: network, mounts, UTS, processes.
  void enter(int client, const base::Json& request) {
    std::string name = request["endpoint"].as_string();
    Place place;
    if (hosts_.has(name) && !model::EndpointName::parse(name)) {
      place.host = name;
    } else {
      std::optional<model::EndpointName> endpoint = model::EndpointName::parse(name);
      if (!endpoint) return refuse(client, {"lab.bad-endpoint", {name}});
      std::variant<Place, Failure> found = questions_.find(*endpoint);
      if (auto* failure = std::get_if<Failure>(&found)) return reply(client, to_json(*failure));
      place = std::get<Place>(found);
      if (place.host.empty()) return refuse(client, {"lab.cannot-start-there", {name}});
    }
    auto send = [this, client, host = place.host](int network) {
      io::Fd processes(::open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC));
      Hosts::Namespaces spaces = hosts_.namespaces(host);
      reply(client, base::Json::object().set("entered", true), {network, spaces.mounts, spaces.uts, processes.get()});
    };
    if (place.container.empty()) return send(hosts_.namespaces(place.host).network);
    hosts_.ask(
        place.host, base::Json::object().set("op", "namespace").set("pod", place.container), [](base::Json) {},
        [this, client, name, send](std::vector<io::Fd> descriptors) {
          if (descriptors.empty()) return refuse(client, {"lab.no-endpoint", {name}});
          send(descriptors[0].get());
        });
  }

  void down(int, const base::Json&) { loop_->stop(); }

  std::unique_ptr<io::Loop> loop_;
  std::string name_;
  io::Fd lock_;
  std::int64_t started_ns_;
  Hosts hosts_;
  Network network_;
  Questions questions_;
  Prover prover_;
  std::unique_ptr<io::Channel> control_;
  std::vector<model::AnyObject> objects_;
  Given texts_;
  io::Fd socket_;
  io::Fd children_;
  std::map<int, std::unique_ptr<io::Channel>> clients_;
  int next_client_ = 1;
};

void redirect_output() {
  io::Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  io::Fd log(::open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (null) dup2(null.get(), 0);
  if (log) dup2(log.get(), 1);
  if (log) dup2(log.get(), 2);
}

}  // namespace

void run_supervisor(SupervisorStart start) {
  prctl(PR_SET_NAME, "bailey-lab");
  setsid();
  signal(SIGPIPE, SIG_IGN);
  signal(SIGTERM, [](int) { _exit(0); });
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  base::Status prepared = prepare_lab_files();
  base::Result<std::unique_ptr<io::Loop>> loop = io::Loop::create();
  if (!prepared.ok() || !loop.ok()) {
    io::Channel control(std::move(start.control));
    (void)control.send_now(to_json(machine_failure(prepared.ok() ? loop.error() : prepared.error())));
    _exit(1);
  }
  redirect_output();
  auto supervisor = std::make_unique<Supervisor>(std::move(*loop), std::move(start));
  int status = supervisor->run();
  // Ending PID 1 ends the lab; nothing is left to tidy up.
  _exit(status);
}

}  // namespace bailey::lab
