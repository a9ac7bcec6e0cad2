#include "netlink/detached.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "io/fd.h"
#include "netlink/netlink.h"

namespace bailey::netlink {
namespace {

base::Result<io::Fd> watch_links() {
  io::Fd watch(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  sockaddr_nl group{};
  group.nl_family = AF_NETLINK;
  group.nl_groups = RTMGRP_LINK;
  if (!watch || ::bind(watch.get(), reinterpret_cast<sockaddr*>(&group), sizeof group) != 0)
    return base::system_error("watch", "links", errno);
  return watch;
}

enum class Seen : std::uint8_t { nothing, gone, lost };  // lost: the kernel had more to tell than there was room for

Seen read_news(int watch, int index) {
  alignas(nlmsghdr) std::array<char, 32768> buffer;
  while (true) {
    ssize_t count = ::recv(watch, buffer.data(), buffer.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno == ENOBUFS ? Seen::lost : Seen::nothing;
    auto left = static_cast<unsigned>(count);
    for (auto* message = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_type == RTM_DELLINK && static_cast<ifinfomsg*>(NLMSG_DATA(message))->ifi_index == index)
        return Seen::gone;
    }
  }
}

// In the child: the caller's locks are on its open files, so none of them may stay open here.
[[noreturn]] void delete_and_end(const std::string& name) {
  ::close_range(0, ~0U, 0);
  base::Result<Socket> socket = Socket::open();
  base::Status deleted = socket.ok() ? socket->delete_link(name) : base::Status(socket.error());
  ::_exit(deleted.ok() ? 0 : deleted.error().code > 0 && deleted.error().code < 256 ? deleted.error().code : EIO);
}

base::Status ended(pid_t child, const std::string& name) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return base::system_error("wait for deletion of link", name, errno);
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
  return code == 0 ? base::Status() : base::Status(base::system_error("delete link", name, code));
}

}  // namespace

base::Status delete_link_detached(const std::string& name) {
  base::Result<Socket> socket = Socket::open();
  if (!socket.ok()) return socket.error();
  base::Result<std::optional<Link>> link = socket->link(name);
  if (!link.ok()) return link.error();
  if (!link.value()) return base::system_error("delete link", name, ENODEV);
  base::Result<io::Fd> watch = watch_links();
  if (!watch.ok()) return watch.error();
  pid_t child = ::fork();
  if (child < 0) return socket->delete_link(name);
  if (child == 0) delete_and_end(name);
  io::Fd process(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  if (!process) return ended(child, name);
  while (true) {
    std::array<pollfd, 2> both{{{watch->get(), POLLIN, 0}, {process.get(), POLLIN, 0}}};
    if (::poll(both.data(), both.size(), -1) < 0 && errno != EINTR) return ended(child, name);
    Seen seen = both[0].revents != 0 ? read_news(watch->get(), link.value()->index) : Seen::nothing;
    if (seen == Seen::gone) return {};
    if (seen == Seen::lost || both[1].revents != 0) return ended(child, name);
  }
}

}  // namespace bailey::netlink
