// bailey-cni: the CNI plugin. Reads the environment and standard input, writes standard output.
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "cni/sys/plugin.h"

namespace {

constexpr std::size_t largest_input = std::size_t{4} << 20;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// Empty where it cannot be read or is too large: no configuration, which the plugin reports.
std::string read_input() {
  std::string text;
  char buffer[16384];
  while (true) {
    ssize_t count = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) return text;
    if (count < 0 || text.size() + static_cast<std::size_t>(count) > largest_input) return "";
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

bool write_output(std::string_view text) {
  while (!text.empty()) {
    ssize_t count = ::write(STDOUT_FILENO, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace

int main() {
  bailey::cni::Variables variables;
  variables.command = variable("CNI_COMMAND");
  variables.container_id = variable("CNI_CONTAINERID");
  variables.netns = variable("CNI_NETNS");
  variables.ifname = variable("CNI_IFNAME");
  variables.args = variable("CNI_ARGS");
  // VERSION may come without a configuration; do not wait for a person to type one.
  bool typed = variables.command.empty() || (variables.command == "VERSION" && ::isatty(STDIN_FILENO));
  bailey::cni::sys::Answer answer = bailey::cni::sys::run(variables, typed ? "" : read_input());
  if (!write_output(answer.output)) return 1;
  return answer.exit_status;
}
