#include "netlink/wire.h"

#include <sys/socket.h>

#include <cerrno>

namespace bailey::netlink {
namespace {

constexpr std::size_t receive_buffer_size = 32768;  // the kernel never fills more than this in one read of a dump

}  // namespace

std::string_view payload(const nlmsghdr* message) {
  std::size_t length = message->nlmsg_len >= NLMSG_HDRLEN ? message->nlmsg_len - NLMSG_HDRLEN : 0;
  return {reinterpret_cast<const char*>(message) + NLMSG_HDRLEN, length};
}

int error_code(const nlmsghdr* message) {
  std::string_view body = payload(message);
  if (body.size() < sizeof(nlmsgerr)) return EBADMSG;
  return -reinterpret_cast<const nlmsgerr*>(body.data())->error;
}

base::Result<WireSocket> WireSocket::open(int protocol) {
  WireSocket out;
  out.fd_ = io::Fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  sockaddr_nl own{};  // port 0: the kernel chooses
  own.nl_family = AF_NETLINK;
  if (!out.fd_ || ::bind(out.fd_.get(), reinterpret_cast<sockaddr*>(&own), sizeof own) != 0)
    return base::system_error("open", "netlink socket", errno);
  out.buffer_ = std::make_unique_for_overwrite<char[]>(receive_buffer_size);
  return out;
}

void WireSocket::enable(int option) {
  int on = 1;
  (void)::setsockopt(fd_.get(), SOL_NETLINK, option, &on, sizeof on);
}

base::Status WireSocket::send(std::string_view datagram) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  while (::sendto(fd_.get(), datagram.data(), datagram.size(), 0, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel) <
         0)
    if (errno != EINTR) return base::system_error("send to", "netlink", errno);
  return {};
}

base::Status WireSocket::receive(const std::function<bool(const nlmsghdr*)>& take) {
  while (true) {
    sockaddr_nl from{};
    socklen_t from_size = sizeof from;
    ssize_t count = ::recvfrom(fd_.get(), buffer_.get(), receive_buffer_size, MSG_TRUNC,
                               reinterpret_cast<sockaddr*>(&from), &from_size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return base::system_error("read from", "netlink", errno);
    if (static_cast<std::size_t>(count) > receive_buffer_size)
      return base::system_error("read from", "netlink", EMSGSIZE);
    if (from.nl_pid != 0) continue;  // another process, not the kernel
    auto left = static_cast<unsigned>(count);
    for (auto* message = reinterpret_cast<const nlmsghdr*>(buffer_.get()); NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left))
      if (!take(message)) return {};
  }
}

}  // namespace bailey::netlink
