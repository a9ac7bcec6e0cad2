#include "lab/mounts.h"

#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "io/fd.h"

namespace bailey::lab {
namespace {

base::Status mount_new(const char* type, const std::string& target, unsigned long flags, const char* data = nullptr) {
  if (mount(type, target.c_str(), type, flags, data) != 0)
    return base::system_error(std::string("mount ") + type + " on", target, errno);
  return {};
}

base::Status make_all(const std::vector<std::string>& folders) {
  for (const std::string& folder : folders) {
    base::Status made = io::make_folders(folder);
    if (!made.ok()) return made;
  }
  return {};
}

// Puts a file of the host's own over one that the machine has; where it has none, programs see none.
base::Status replace_file(const std::string& target, const std::string& text) {
  if (access(target.c_str(), F_OK) != 0) return {};
  std::string own = "/run" + target;
  base::Status written = io::make_folders(own.substr(0, own.rfind('/')));
  if (written.ok()) written = io::write_file(own, text);
  if (!written.ok()) return written;
  if (mount(own.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0)
    return base::system_error("mount over", target, errno);
  return {};
}

}  // namespace

base::Status prepare_lab_files() {
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return base::system_error("make mounts private", "/", errno);
  base::Status done = mount_new("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC);
  if (done.ok()) done = mount_new("tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=755,size=256m");
  if (done.ok()) done = make_all({"/run/bailey/lab", "/run/lock"});
  return done;
}

base::Status prepare_host_files(const std::string& host) {
  std::string name = host.substr(host.rfind('/') + 1);
  if (sethostname(name.data(), std::min<std::size_t>(name.size(), 64)) != 0)
    return base::system_error("set host name", name, errno);
  base::Status done = mount_new("tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=755,size=256m");
  if (done.ok()) done = make_all({"/run/netns", "/run/bailey/ipam", "/run/bailey/agent", "/run/lock"});
  if (done.ok()) done = mount_new("sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC);
  if (done.ok() && access("/sys/fs/bpf", F_OK) == 0)
    done = mount_new("bpf", "/sys/fs/bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC);
  if (done.ok()) done = replace_file("/etc/hostname", name + "\n");
  if (done.ok()) done = replace_file("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n127.0.1.1 " + name + "\n");
  if (done.ok()) done = replace_file("/etc/resolv.conf", "# the lab has no name server\n");
  if (done.ok() && access("/var/lib/bailey", F_OK) == 0)
    done = mount_new("tmpfs", "/var/lib/bailey", MS_NOSUID | MS_NODEV, "mode=755");
  return done;
}

}  // namespace bailey::lab
