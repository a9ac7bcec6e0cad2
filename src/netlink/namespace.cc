#include "netlink/namespace.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>

#include "base/check.h"

namespace bailey::netlink {
namespace {

// A thread in the wrong namespace would go on to change somebody else's network.
void go_home(const io::Fd& home) {
  if (::setns(home.get(), CLONE_NEWNET) != 0)
    base::fail_check("cannot return to the own network namespace", base::system_error("setns", "", errno).cause);
}

}  // namespace

base::Result<io::Fd> current_namespace() { return open_namespace("/proc/thread-self/ns/net"); }

base::Result<io::Fd> open_namespace(const std::string& path) {
  // Not blocking: the path comes from outside and may be a pipe.
  io::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return base::system_error("open network namespace", path, errno);
  if (::ioctl(fd.get(), NS_GET_NSTYPE) != CLONE_NEWNET)
    return base::Error{"open network namespace", path, "it is not a network namespace", EINVAL};
  return fd;
}

base::Result<io::Fd> create_namespace() {
  base::Result<io::Fd> home = current_namespace();
  if (!home.ok()) return home;
  if (::unshare(CLONE_NEWNET) != 0) return base::system_error("create", "network namespace", errno);
  base::Result<io::Fd> made = current_namespace();
  go_home(home.value());
  return made;
}

base::Status pin_namespace(const io::Fd& ns, const std::string& path) {
  io::Fd file(::open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444));
  if (!file) return base::system_error("create", path, errno);
  std::string source = "/proc/self/fd/" + std::to_string(ns.get());
  if (::mount(source.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) == 0) return {};
  int cause = errno;
  ::unlink(path.c_str());
  return base::system_error("mount network namespace on", path, cause);
}

base::Status unpin_namespace(const std::string& path) {
  // EINVAL: not a mount point; the file alone may be left by a pin that was cut short.
  if (::umount2(path.c_str(), MNT_DETACH) != 0 && errno != EINVAL && errno != ENOENT)
    return base::system_error("unmount", path, errno);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return base::system_error("remove", path, errno);
  return {};
}

base::Result<Inside> Inside::enter(int namespace_fd) {
  base::Result<io::Fd> home = current_namespace();
  if (!home.ok()) return home.error();
  if (::setns(namespace_fd, CLONE_NEWNET) != 0)
    return base::system_error("enter network namespace", std::to_string(namespace_fd), errno);
  return Inside(std::move(home).value());
}

Inside::~Inside() {
  if (home_) go_home(home_);
}

}  // namespace bailey::netlink
