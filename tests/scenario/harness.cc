#include "harness.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "base/strings.h"
#include "io/child.h"
#include "io/fd.h"
#include "io/loop.h"
#include "lab/lock.h"

extern char** environ;

namespace bailey::scenario {
namespace {

const std::string program = std::string(BAILEY_BINARY_DIR) + "/bin/bailey";

std::vector<std::string> environment() {
  std::vector<std::string> out;
  for (char** entry = environ; *entry; ++entry) {
    std::string text = *entry;
    bool locale = text.starts_with("LANG=") || text.starts_with("LC_") || text.starts_with("NO_COLOR=");
    if (!locale) out.push_back(text);
  }
  out.push_back("LANG=C.UTF-8");
  return out;
}

void tidy(const std::string& line) {
  std::string what = line.substr(line.find(' ') + 1);
  if (line.starts_with("folder ")) {
    std::error_code ignored;
    std::filesystem::remove_all(what, ignored);
    return;
  }
  base::Result<int> pid = lab::running_pid(what);
  if (pid.ok() && *pid > 0) bailey({"lab", "down", "--name", what});
  lab::remove_lock(what);
}

// A process that learns what the test makes and notices by the end of the pipe when the test is no more. It finds
// nothing to do after a test that ended by itself.
[[noreturn]] void guard(int from) {
  ::setsid();
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) ::signal(signal, SIG_IGN);
  int kept = ::fcntl(from, F_DUPFD, 512);
  ::close_range(0, 511, 0);  // whoever runs the test waits for the end of its output
  for (int fd = 0; fd < 3; ++fd) (void)::open("/dev/null", O_RDWR);
  std::string lines;
  char buffer[4096];
  for (ssize_t count = 0; (count = ::read(kept, buffer, sizeof buffer)) != 0;)
    if (count > 0) lines.append(buffer, static_cast<std::size_t>(count));
  for (std::string_view line : base::split(lines, '\n'))
    if (!line.empty()) tidy(std::string(line));
  ::_exit(0);
}

int start_guard() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return -1;
  pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[1]);
    guard(ends[0]);
  }
  ::close(ends[0]);
  return ends[1];
}

// What is to go even if the test is killed: "lab NAME" or "folder PATH".
void promise_to_tidy(const std::string& what) {
  static const int guardian = start_guard();
  std::string line = what + "\n";
  if (guardian >= 0) (void)!::write(guardian, line.data(), line.size());
}

}  // namespace

base::Json Outcome::json() const {
  base::Result<base::Json> parsed = base::Json::parse(out);
  return parsed.ok() ? *parsed : base::Json();
}

Outcome run(const std::vector<std::string>& command, const std::string& input) {
  auto loop = std::move(io::Loop::create().value());
  io::Command start{command[0], {command.begin() + 1, command.end()}, environment(), input, 120000};
  Outcome outcome;
  std::int64_t started = io::now_ns();
  base::Status running = io::start(*loop, start, [&](io::Finished finished) {
    outcome.status = WIFSIGNALED(finished.status) ? 128 + WTERMSIG(finished.status) : WEXITSTATUS(finished.status);
    outcome.out = std::move(finished.output);
    outcome.err = std::move(finished.errors);
    loop->stop();
  });
  if (!running.ok()) {
    outcome.err = running.error().text();
    return outcome;
  }
  loop->run();
  outcome.milliseconds = static_cast<double>(io::now_ns() - started) / 1e6;
  return outcome;
}

Outcome bailey(const std::vector<std::string>& arguments, const std::string& input) {
  std::vector<std::string> command{program};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run(command, input);
}

int start_bailey(const std::vector<std::string>& arguments) {
  std::vector<std::string> words{program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (int fd : {0, 1, 2}) posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  pid_t pid = -1;
  posix_spawn(&pid, program.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

std::string source_path(const std::string& relative) { return std::string(BAILEY_SOURCE_DIR) + "/" + relative; }

bool is_root() { return geteuid() == 0; }

std::string unique_name(const std::string& base) { return base + "-" + std::to_string(getpid()); }

Lab::Lab(std::string name) : name_(std::move(name)) { promise_to_tidy("lab " + name_); }

Lab::~Lab() {
  if (supervisor() > 0) bailey({"lab", "down", "--name", name_});
  lab::remove_lock(name_);
}

Outcome Lab::up(std::vector<std::string> arguments, const std::string& input) const {
  std::vector<std::string> all{"lab", "up", "--name", name_, "-o", "json"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return bailey(all, input);
}

Outcome Lab::ask(const std::string& verb, std::vector<std::string> arguments) const {
  std::vector<std::string> all{"lab", verb, "--name", name_, "-o", "json"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return bailey(all);
}

base::Json Lab::probe(const std::string& from, const std::string& to, const std::string& port, int family) const {
  std::vector<std::string> arguments{"--from", from, "--to", to, "--port", port};
  if (family) arguments.insert(arguments.end(), {"--family", std::to_string(family)});
  base::Json document = ask("probe", arguments).json();
  const base::Json::Array& rows = document["rows"].items();
  return rows.size() == 1 ? rows[0] : base::Json();
}

Outcome Lab::exec(const std::string& endpoint, std::vector<std::string> command) const {
  std::vector<std::string> all{"lab", "exec", "--name", name_, endpoint, "--"};
  all.insert(all.end(), command.begin(), command.end());
  return bailey(all);
}

int Lab::supervisor() const {
  base::Result<int> pid = lab::running_pid(name_);
  return pid.ok() ? *pid : 0;
}

Folder::Folder() {
  char path[] = "/tmp/bailey-test-XXXXXX";
  path_ = mkdtemp(path);
  promise_to_tidy("folder " + path_);
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Folder::write(const std::string& file, const std::string& text) const {
  std::string path = path_ + "/" + file;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  io::write_file(path, text).ok();
  return path;
}

std::string machine_state() {
  std::string out;
  const std::vector<std::vector<std::string>> commands = {
      {"/sbin/ip", "-d", "link"},
      {"/sbin/ip", "address"},
      {"/sbin/ip", "route", "show", "table", "all"},
      {"/sbin/ip", "-6", "route", "show", "table", "all"},
      {"/sbin/ip", "rule"},
      {"/sbin/ip", "-6", "rule"},
      {"/sbin/ip", "neighbour", "show", "nud", "permanent"},
      {"/usr/sbin/nft", "list", "ruleset"},
      {"/bin/cat", "/proc/self/mountinfo"},
  };
  for (const auto& command : commands) {
    std::string name = base::join(command, " ");
    out += "# " + name + "\n" + run(command).out;
  }
  // Lifetimes count down and cached entries come and go; neither is a setting.
  std::string stable;
  for (std::string_view line : base::split(out, '\n')) {
    bool moving = line.find("valid_lft") != std::string_view::npos || line.find("expires") != std::string_view::npos;
    if (!moving) stable += std::string(line) + "\n";
  }
  return stable;
}

Leftovers bailey_leftovers(const std::string& lab) {
  Leftovers left;
  std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), closedir);
  while (dirent* entry = readdir(proc.get())) {
    std::optional<std::uint64_t> pid = base::parse_number(entry->d_name);
    if (!pid) continue;
    std::string folder = "/proc/" + std::to_string(*pid);
    base::Result<std::string> command = io::read_file(folder + "/cmdline");
    // Every process of a lab comes from the command that started it and keeps its arguments.
    if (!command.ok() || command->find(lab) == std::string::npos || command->find("bailey") == std::string::npos)
      continue;
    if (static_cast<int>(*pid) == getpid()) continue;
    base::Result<std::string> state = io::read_file(folder + "/stat");
    if (state.ok() && state->find(") Z ") != std::string::npos) continue;
    left.processes.insert(static_cast<int>(*pid));
    for (const char* kind : {"net", "mnt", "pid", "uts", "ipc"}) {
      char target[64];
      ssize_t length = readlink((folder + "/ns/" + kind).c_str(), target, sizeof target);
      if (length > 0) left.namespaces.insert(std::string(target, static_cast<std::size_t>(length)));
    }
  }
  return left;
}

std::string realised_state(const Lab& lab) {
  std::string out;
  std::vector<std::string> hosts;
  base::Json status = lab.ask("status").json();
  for (const base::Json& host : status["hosts"].items()) hosts.push_back(host["name"].as_string());
  std::sort(hosts.begin(), hosts.end());
  for (const std::string& host : hosts) {
    out += "## " + host + "\n";
    out += lab.exec(host, {"sh", "-c",
                           "ip -br link; ip -br address; ip route show table all; ip -6 route show table all; ip rule; "
                           "ip -6 rule"})
               .out;
  }
  out += lab.exec("fabric", {"nft", "-s", "list", "ruleset"}).out;
  std::string stable;
  for (std::string_view line : base::split(out, '\n'))
    if (line.find("proto kernel") == std::string_view::npos) stable += std::string(line) + "\n";
  return stable;
}

}  // namespace bailey::scenario
