// The command line program: joins the lab, the texts of every library and the terminal, and runs one command.
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "commands.h"
#include "import/az.h"
#include "lab/controllers/texts.h"
#include "lab/expectations/expectations.h"
#include "lab/lab.h"
#include "manifest/manifest.h"
#include "model/texts.h"
#include "plan/advice.h"
#include "plan/check/check.h"
#include "reach/walk.h"
#include "texts.h"

namespace {

using namespace bailey;

constexpr std::size_t max_stdin = std::size_t{256} << 20;

// The first of the three that is set decides, as for every program.
base::Lang language_of_environment() {
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"})
    if (const char* value = std::getenv(name); value && *value) return base::lang_of(value);
  return base::Lang::en;
}

// UTF-8 unless the locale names another encoding; the plain "C" locale has none.
bool utf8_of_environment() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (const char* value = std::getenv(name); value && *value) {
      std::string text(value);
      for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      return text.find("utf-8") != std::string::npos || text.find("utf8") != std::string::npos;
    }
  return false;
}

std::size_t columns_of_terminal() {
  winsize size{};
  bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40;
  return known ? size.ws_col : 80;
}

cli::Session::Output output(std::FILE* file) {
  const char* term = std::getenv("TERM");
  bool dumb = term && std::string_view(term) == "dumb";
  return {[file](std::string_view bytes) {
            std::fwrite(bytes.data(), 1, bytes.size(), file);
            std::fflush(file);
          },
          ::isatty(::fileno(file)) == 1 && !dumb};
}

std::string own_path() {
  char path[4096];
  ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
  return length > 0 ? std::string(path, static_cast<std::size_t>(length)) : "/proc/self/exe";
}

base::Result<std::string> read_stdin() {
  std::string text;
  char part[65536];
  while (true) {
    ssize_t count = ::read(STDIN_FILENO, part, sizeof part);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return base::system_error("read", "<stdin>", errno);
    if (count == 0) return text;
    text.append(part, static_cast<std::size_t>(count));
    if (text.size() > max_stdin)
      return base::Error{"read", "<stdin>", "larger than " + std::to_string(max_stdin) + " bytes", 0};
  }
}

cli::Engine engine() {
  cli::Engine out;
  out.up = lab::up;
  out.request = lab::request;
  out.exec = lab::exec;
  out.list = lab::list;
  out.down = lab::down;
  out.complete = [](const model::Snapshot& given, const lab::CompleteOptions& options) {
    return lab::complete(given, {}, options).snapshot;
  };
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  base::Catalogue catalogue{
      cli::texts(),         manifest::texts(), importer::texts(),         model::texts(),           plan::texts(),
      plan::check::texts(), lab::texts(),      lab::controllers::texts(), lab::expectation_texts(), reach::texts()};
  cli::Session session(catalogue, engine(), output(stdout), output(stderr));
  session.lang = language_of_environment();
  const char* no_color = std::getenv("NO_COLOR");
  session.color = !no_color || !*no_color;
  session.columns = columns_of_terminal();
  session.utf8 = utf8_of_environment() || session.lang == base::Lang::ko;
  session.read_stdin = read_stdin;
  session.program = own_path();
  return cli::run(std::vector<std::string>(argv + 1, argv + argc), session);
}
