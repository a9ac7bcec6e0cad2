#include "io/child.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

namespace bailey::io {
namespace {

constexpr std::size_t max_output = std::size_t{1} << 20;

// One running program. Kept alive by the loop's handlers until the process and both its streams have ended.
struct Running {
  Loop& loop;
  std::function<void(Finished)> done;
  Finished finished;
  Fd input;
  Fd output;
  Fd errors;
  std::string to_write;
  std::size_t written = 0;
  int pid = -1;
  Loop::TimerId timer = 0;
  int waiting_for = 3;  // process, output, errors

  void ended() {
    if (--waiting_for > 0) return;
    loop.cancel(timer);
    if (input) loop.forget(input.get());
    input.reset();
    if (done) done(std::move(finished));
  }

  void write_input() {
    while (written < to_write.size()) {
      ssize_t count =
          ::send(input.get(), to_write.data() + written, to_write.size() - written, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) return;
      if (count < 0) break;
      written += static_cast<std::size_t>(count);
    }
    loop.forget(input.get());
    input.reset();
  }

  void read_stream(Fd& stream, std::string& into) {
    std::array<char, 16384> buffer;
    ssize_t count = ::read(stream.get(), buffer.data(), buffer.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (count > 0) {
      std::size_t room = max_output - std::min(max_output, into.size());
      into.append(buffer.data(), std::min(room, static_cast<std::size_t>(count)));
      return;
    }
    loop.forget(stream.get());
    stream.reset();
    ended();
  }
};

struct Pipe {
  Fd ours;
  Fd theirs;
};

// A socket pair rather than a pipe: writing to a program that has ended gives EPIPE and no SIGPIPE.
base::Result<Pipe> make_pipe() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return base::system_error("create pipe", "", errno);
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

base::Result<int> spawn(const Command& command, const Fd& in, const Fd& out, const Fd& err) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.get(), 0);
  posix_spawn_file_actions_adddup2(&actions, out.get(), 1);
  posix_spawn_file_actions_adddup2(&actions, err.get(), 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  sigset_t defaults;
  sigfillset(&defaults);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<std::string> words{command.path};
  words.insert(words.end(), command.arguments.begin(), command.arguments.end());
  pid_t pid = -1;
  int failed = posix_spawn(&pid, command.path.c_str(), &actions, &attributes, pointers(words).data(),
                           pointers(command.environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failed) return base::system_error("run", command.path, failed);
  return static_cast<int>(pid);
}

}  // namespace

base::Status start(Loop& loop, const Command& command, std::function<void(Finished)> done) {
  auto running = std::make_shared<Running>(Running{loop, std::move(done), {}, {}, {}, {}, command.input});
  base::Result<Pipe> in = make_pipe();
  base::Result<Pipe> out = make_pipe();
  base::Result<Pipe> err = make_pipe();
  for (base::Result<Pipe>* pipe : {&in, &out, &err})
    if (!pipe->ok()) return pipe->error();
  base::Result<int> pid = spawn(command, in->theirs, out->theirs, err->theirs);
  if (!pid.ok()) return pid.error();
  running->pid = *pid;
  running->input = std::move(in->ours);
  running->output = std::move(out->ours);
  running->errors = std::move(err->ours);

  base::Status watched = loop.on_exit(*pid, [running](int status) {
    running->finished.status = status;
    running->ended();
  });
  if (watched.ok())
    watched = loop.watch(running->output.get(), EPOLLIN,
                         [running](std::uint32_t) { running->read_stream(running->output, running->finished.output); });
  if (watched.ok())
    watched = loop.watch(running->errors.get(), EPOLLIN,
                         [running](std::uint32_t) { running->read_stream(running->errors, running->finished.errors); });
  if (watched.ok())
    watched = loop.watch(running->input.get(), EPOLLOUT, [running](std::uint32_t) { running->write_input(); });
  if (!watched.ok()) {
    ::kill(*pid, SIGKILL);
    return watched;
  }
  running->timer = loop.after(command.timeout_ms, [running] {
    running->finished.timed_out = true;
    ::kill(running->pid, SIGKILL);
  });
  return {};
}

base::Result<int> launch(const Command& command, int output) {
  std::vector<std::string> words{command.path};
  words.insert(words.end(), command.arguments.begin(), command.arguments.end());
  std::vector<char*> arguments = pointers(words);
  std::vector<char*> environment = pointers(command.environment);
  Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  pid_t parent = ::getpid();
  pid_t pid = ::fork();
  if (pid < 0) return base::system_error("start", command.path, errno);
  if (pid > 0) return pid;
  // What posix_spawn cannot do: to end with who has started it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  if (::getppid() == parent && ::dup2(null.get(), 0) == 0 && ::dup2(output, 1) == 1 && ::dup2(output, 2) == 2)
    ::execve(command.path.c_str(), arguments.data(), environment.data());
  ::_exit(127);
}

}  // namespace bailey::io
