// The caller's half of the lab: starts the supervisor, asks it, enters its namespaces, ends it.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "io/channel.h"
#include "lab/lab.h"
#include "lab/lock.h"
#include "lab/supervisor.h"
#include "lab/wire.h"

namespace bailey::lab {
namespace {

constexpr int answer_timeout_ms = 120000;
constexpr int end_timeout_ms = 3000;

std::string plugin_path(const std::string& given) {
  if (!given.empty()) return given;
  char self[4096];
  ssize_t length = readlink("/proc/self/exe", self, sizeof self);
  std::string path(self, static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
  return path.substr(0, path.rfind('/')) + "/bailey-cni";
}

// Like fork(), into new namespaces of every kind that a lab has of its own; the child is PID 1 of them.
int clone_into_new_namespaces() {
  long flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | SIGCHLD;
  return static_cast<int>(syscall(SYS_clone, flags, nullptr, nullptr, nullptr, nullptr));
}

void report_progress(const base::Json& message, const Progress& progress) {
  if (!progress) return;
  progress({message["progress"].as_string(), static_cast<std::size_t>(message["done"].as_int()),
            static_cast<std::size_t>(message["total"].as_int()), message["milliseconds"].as_double()});
}

// The next message that is no progress.
base::Result<base::Json> final_answer(io::Channel& channel, int timeout_ms, const Progress& progress) {
  std::int64_t deadline = io::now_ns() + std::int64_t{timeout_ms} * 1'000'000;
  while (true) {
    int left = static_cast<int>(std::max<std::int64_t>((deadline - io::now_ns()) / 1'000'000, 1));
    base::Result<base::Json> message = channel.receive_now(left);
    if (!message.ok() || !message->has("progress")) return message;
    report_progress(*message, progress);
  }
}

std::variant<std::unique_ptr<io::Channel>, Failure> connect_to(const std::string& lab, int* pid_out = nullptr) {
  if (!is_lab_name(lab)) return usage_failure({"lab.bad-name", {lab}});
  base::Result<int> pid = running_pid(lab);
  if (!pid.ok()) return machine_failure(pid.error());
  if (*pid == 0) return usage_failure({"lab.runs-not", {lab}});
  if (geteuid() != 0) return Failure{Failure::Class::machine, {"lab.needs-root", {}}, {}};
  if (pid_out) *pid_out = *pid;
  io::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string path = "/proc/" + std::to_string(*pid) + "/root" + socket_path;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  if (!socket || connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return Failure{Failure::Class::usage, {"lab.no-answer", {lab, std::strerror(errno)}}, {}};
  return std::make_unique<io::Channel>(std::move(socket));
}

Answer<base::Json> checked(const std::string& lab, const base::Result<base::Json>& answer) {
  if (!answer.ok()) return Failure{Failure::Class::bug, {"lab.no-answer", {lab, answer.error().cause}}, {}};
  if (std::optional<Failure> failure = failure_from(*answer)) return *failure;
  return *answer;
}

std::optional<Failure> check_machine(const std::string& name, const std::string& plugin) {
  if (!is_lab_name(name)) return usage_failure({"lab.bad-name", {name}});
  if (geteuid() != 0) return Failure{Failure::Class::machine, {"lab.needs-root", {}}, {}};
  if (access(plugin.c_str(), X_OK) != 0) return Failure{Failure::Class::machine, {"lab.plugin-missing", {plugin}}, {}};
  return std::nullopt;
}

// What is known when the time is over: the lab stays, and its status says what is still missing.
Answer<base::Json> unfinished(io::Channel& control, const UpOptions& options) {
  if (!options.lifeline) (void)control.send_now(base::Json::object().set("commit", true));
  Answer<base::Json> status = request(options.name, base::Json::object().set("verb", "status"), nullptr);
  if (std::holds_alternative<Failure>(status)) return status;
  base::Json answer = base::Json::object();
  const base::Json& document = std::get<base::Json>(status);
  base::Json conditions = document["conditions"];
  base::Message late{"lab.not-ready-in-time", {std::to_string(options.wait_ms), options.name}};
  base::Json condition = base::Json::object().set("object", "Lab/" + options.name).set("type", "Ready");
  conditions.push(condition.set("status", false).set("reason", "TimedOut").set("message", to_json(late)));
  answer.set("generation", document["generation"]).set("converged_ms", nullptr).set("timed_out", true);
  return answer.set("conditions", std::move(conditions)).set("made", document["made"]).set("status", document);
}

void add_load_report(base::Json& answer, const manifest::Loaded& loaded) {
  base::Json warnings = base::Json::array();
  for (const model::InputError& error : loaded.errors) warnings.push(to_json(error));
  base::Json unknown = base::Json::object();
  for (const auto& [kind, count] : loaded.unknown_kinds) unknown.set(kind, count);
  answer.set("errors", std::move(warnings)).set("unknown_kinds", std::move(unknown));
}

}  // namespace

Answer<base::Json> up(const UpOptions& options, const Progress& progress) {
  std::string plugin = plugin_path(options.cni_plugin);
  std::int64_t started_ns = io::now_ns();
  manifest::Loaded loaded = manifest::load_mending(options.documents, options.manifest, nullptr);
  if (!loaded.ok()) return Failure{Failure::Class::input, {"lab.input-refused", {}}, loaded.errors};
  if (std::optional<Failure> failure = check_machine(options.name, plugin)) return *failure;
  base::Result<io::Fd> lock = take_lock(options.name);
  if (!lock.ok()) {
    if (lock.error().code == EWOULDBLOCK) return usage_failure({"lab.runs-already", {options.name}});
    return machine_failure(lock.error());
  }
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return machine_failure(base::system_error("start lab", options.name, errno));
  io::Fd ours(ends[0]);
  io::Fd theirs(ends[1]);
  int pid = clone_into_new_namespaces();
  if (pid < 0) return machine_failure(base::system_error("make namespaces for lab", options.name, errno));
  if (pid == 0) {
    ours.reset();
    run_supervisor({options.name, std::move(*lock), std::move(theirs), loaded.objects, options.complete, plugin,
                    started_ns, options.documents});
  }
  theirs.reset();
  base::Status written = write_pid(*lock, pid);
  auto held = std::make_shared<io::Channel>(std::move(ours));
  io::Channel& control = *held;
  if (options.lifeline) *options.lifeline = held;
  base::Result<base::Json> answer =
      written.ok() ? final_answer(control, options.wait_ms, progress) : base::Result<base::Json>(written.error());
  if (!answer.ok() && answer.error().code == ETIMEDOUT) return unfinished(control, options);
  if (!answer.ok() || failure_from(*answer)) {
    ::kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    lock->reset();
    remove_lock(options.name);
    if (answer.ok()) return *failure_from(*answer);
    return Failure{Failure::Class::bug, {"lab.supervisor-ended", {answer.error().cause}}, {}};
  }
  if (!options.lifeline) {
    (void)control.send_now(base::Json::object().set("commit", true));
    base::Result<base::Json> committed = control.receive_now(answer_timeout_ms);
    if (!committed.ok()) return Failure{Failure::Class::bug, {"lab.supervisor-ended", {committed.error().cause}}, {}};
  }
  add_load_report(*answer, loaded);
  return *answer;
}

Answer<base::Json> request(const std::string& lab, const base::Json& request, const Progress& progress) {
  auto connected = connect_to(lab);
  if (auto* failure = std::get_if<Failure>(&connected)) return *failure;
  auto& channel = std::get<std::unique_ptr<io::Channel>>(connected);
  base::Status sent = channel->send_now(request);
  if (!sent.ok()) return checked(lab, base::Result<base::Json>(sent.error()));
  return checked(lab, final_answer(*channel, answer_timeout_ms, progress));
}

namespace {

// In the forked child: enters and runs, or says on `failure_pipe` why it cannot.
[[noreturn]] void enter_and_run(const std::vector<io::Fd>& spaces, const std::vector<std::string>& command,
                                int failure_pipe) {
  std::string folder = [] {
    char buffer[4096];
    return std::string(getcwd(buffer, sizeof buffer) ? buffer : "/");
  }();
  constexpr int kinds[] = {CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWUTS};
  int failure = 0;
  for (int i = 0; i < 3 && !failure; ++i)
    if (setns(spaces[static_cast<std::size_t>(i)].get(), kinds[i]) != 0) failure = errno;
  if (!failure) {
    if (chdir(folder.c_str()) != 0 && chdir("/") != 0) failure = errno;
    std::vector<char*> words;
    for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    signal(SIGINT, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
    if (!failure) execvp(words[0], words.data());
    if (!failure) failure = errno;
  }
  (void)!::write(failure_pipe, &failure, sizeof failure);
  _exit(127);
}

int exit_status(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

}  // namespace

Answer<int> exec(const std::string& lab, const std::string& endpoint, const std::vector<std::string>& command) {
  auto connected = connect_to(lab);
  if (auto* failure = std::get_if<Failure>(&connected)) return *failure;
  auto& channel = std::get<std::unique_ptr<io::Channel>>(connected);
  base::Status sent = channel->send_now(base::Json::object().set("verb", "enter").set("endpoint", endpoint));
  std::vector<io::Fd> spaces;
  base::Result<base::Json> entered =
      sent.ok() ? channel->receive_now(answer_timeout_ms, &spaces) : base::Result<base::Json>(sent.error());
  Answer<base::Json> answer = checked(lab, entered);
  if (auto* failure = std::get_if<Failure>(&answer)) return *failure;
  if (spaces.size() != 4) return Failure{Failure::Class::bug, {"lab.no-answer", {lab, "no namespaces"}}, {}};

  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return machine_failure(base::system_error("run", command[0], errno));
  io::Fd failure_read(ends[0]);
  io::Fd failure_write(ends[1]);
  // A process joins a pid namespace only by being born into it. Ours is put back right after the birth.
  io::Fd home(::open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC));
  if (!home || setns(spaces[3].get(), CLONE_NEWPID) != 0)
    return machine_failure(base::system_error("enter processes of", endpoint, errno));
  void (*old_interrupt)(int) = signal(SIGINT, SIG_IGN);
  void (*old_quit)(int) = signal(SIGQUIT, SIG_IGN);
  pid_t pid = fork();
  if (pid < 0) return machine_failure(base::system_error("run", command[0], errno));
  if (pid == 0) enter_and_run(spaces, command, failure_write.get());
  (void)setns(home.get(), CLONE_NEWPID);
  failure_write.reset();
  int failure = 0;
  bool failed = ::read(failure_read.get(), &failure, sizeof failure) == sizeof failure;
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  signal(SIGINT, old_interrupt);
  signal(SIGQUIT, old_quit);
  if (failed) return usage_failure({"lab.cannot-run", {command[0], std::strerror(failure)}});
  return exit_status(status);
}

Answer<base::Json> list() {
  base::Json labs = base::Json::array();
  for (const std::string& lab : running_labs()) {
    base::Json row = base::Json::object().set("name", lab).set("pid", running_pid(lab).value());
    Answer<base::Json> status = request(lab, base::Json::object().set("verb", "status"), nullptr);
    if (auto* document = std::get_if<base::Json>(&status)) {
      row.set("pods", (*document)["pods"].items().size()).set("hosts", (*document)["hosts"].items().size());
      row.set("seconds", (*document)["seconds"]).set("ready", (*document)["ready"]);
    }
    labs.push(std::move(row));
  }
  return base::Json::object().set("labs", std::move(labs));
}

Answer<base::Json> down(const std::string& lab) {
  int pid = 0;
  auto connected = connect_to(lab, &pid);
  bool answers = std::holds_alternative<std::unique_ptr<io::Channel>>(connected);
  if (!answers && pid == 0) return std::get<Failure>(connected);
  io::Fd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (answers)
    (void)std::get<std::unique_ptr<io::Channel>>(connected)->send_now(base::Json::object().set("verb", "down"));
  pollfd waiting{process.get(), POLLIN, 0};
  // A lab that does not end by itself is ended; the kernel takes everything of it along.
  if (process && poll(&waiting, 1, answers ? end_timeout_ms : 0) == 0) {
    ::kill(pid, SIGKILL);
    poll(&waiting, 1, end_timeout_ms);
  }
  remove_lock(lab);
  return base::Json::object().set("name", lab).set("down", true);
}

}  // namespace bailey::lab
