#include "watch.h"

#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace bailey::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t changes =
    IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF;
constexpr int quiet_ms = 100;

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

base::Status add(const io::Fd& inotify, const std::string& path) {
  if (inotify_add_watch(inotify.get(), path.c_str(), changes) < 0) return base::system_error("watch", path, errno);
  return {};
}

base::Status add_tree(const io::Fd& inotify, const std::string& folder) {
  if (base::Status added = add(inotify, folder); !added) return added;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code status_error;
    if (!at->is_directory(status_error) || at->is_symlink(status_error)) continue;
    // A folder may vanish while we look; what is left of it shows up as a change of its parent.
    base::Status added = add(inotify, at->path().string());
    if (!added && added.error().code != ENOENT) return added;
  }
  return {};
}

void drain(const io::Fd& fd) {
  char buffer[8192];
  while (::read(fd.get(), buffer, sizeof buffer) > 0) {
  }
}

}  // namespace

base::Status block_signals() {
  sigset_t set = stop_signals();
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return base::system_error("block signals", "SIGINT", errno);
  return {};
}

base::Result<Watcher> Watcher::create(const std::vector<std::string>& paths) {
  io::Fd inotify(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify) return base::system_error("watch", "files", errno);
  sigset_t set = stop_signals();
  io::Fd signals(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return base::system_error("watch", "signals", errno);
  for (const std::string& path : paths) {
    std::error_code error;
    bool folder = fs::is_directory(path, error);
    std::string parent = fs::path(path).parent_path().string();
    base::Status added = folder ? add_tree(inotify, path) : add(inotify, parent.empty() ? "." : parent);
    if (!added) return added.error();
  }
  return Watcher(std::move(inotify), std::move(signals));
}

base::Result<bool> Watcher::wait() {
  bool changed = false;
  while (true) {
    pollfd fds[2] = {{inotify_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}};
    int ready = ::poll(fds, 2, changed ? quiet_ms : -1);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return base::system_error("wait for", "changes", errno);
    if (fds[1].revents != 0) return false;
    if (ready == 0) return true;
    drain(inotify_);
    changed = true;
  }
}

}  // namespace bailey::cli
