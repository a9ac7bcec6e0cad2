#include "process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "must.h"

namespace bailey::bench {
namespace {

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) give_up(base::system_error("make", "pipe", errno).text());
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

}  // namespace

Process::Process(std::vector<std::string> words, std::vector<std::string> environment,
                 const std::optional<std::string>& input) {
  Pipe to;
  Pipe from;
  if (input && ::write(to.in.get(), input->data(), input->size()) != static_cast<ssize_t>(input->size()))
    give_up("cannot write to a pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, to.out.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, from.in.get(), STDOUT_FILENO);
  int failed =
      ::posix_spawn(&pid_, words[0].c_str(), &actions, nullptr, pointers(words).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) give_up(base::system_error("start", words[0], failed).text());
  if (!input) input_ = std::move(to.in);
  output_ = std::move(from.out);
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), input_(std::move(other.input_)), output_(std::move(other.output_)) {}

Process::~Process() {
  input_.reset();
  std::string ignored;
  if (pid_ > 0) finish(ignored);
}

std::string Process::read_line() {
  std::string line;
  char byte = 0;
  while (::read(output_.get(), &byte, 1) == 1 && byte != '\n') line += byte;
  return line;
}

int Process::finish(std::string& output) {
  std::array<char, 16384> buffer{};
  ssize_t count = 0;
  while ((count = ::read(output_.get(), buffer.data(), buffer.size())) > 0)
    output.append(buffer.data(), static_cast<std::size_t>(count));
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace bailey::bench
