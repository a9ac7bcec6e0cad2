#include "lab/agent/sockets.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace bailey::lab {

unsigned to_kernel(const SocketAddress& from, sockaddr_storage& to) {
  std::memset(&to, 0, sizeof to);
  if (from.address.is_v4()) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(to);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(from.port);
    std::memcpy(&v4.sin_addr, from.address.wire().data(), 4);
    return sizeof v4;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(to);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(from.port);
  std::memcpy(&v6.sin6_addr, from.address.wire().data(), 16);
  return sizeof v6;
}

SocketAddress from_kernel(const sockaddr_storage& from) {
  if (from.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(from);
    return {model::Address::v4(ntohl(v4.sin_addr.s_addr)), ntohs(v4.sin_port)};
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(from);
  std::array<std::uint8_t, 16> bytes;
  std::memcpy(bytes.data(), &v6.sin6_addr, 16);
  return {model::Address::from_bytes(bytes), ntohs(v6.sin6_port)};
}

base::Result<io::Fd> listen_on(std::uint16_t port, bool tcp) {
  std::string what = std::to_string(port) + (tcp ? "/tcp" : "/udp");
  int type = (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
  io::Fd socket(::socket(AF_INET6, type, 0));
  bool both = static_cast<bool>(socket);
  if (!both) socket = io::Fd(::socket(AF_INET, type, 0));
  if (!socket) return base::system_error("open socket", what, errno);
  int on = 1;
  int off = 0;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (both) {
    setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (!tcp) setsockopt(socket.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
  } else if (!tcp) {
    setsockopt(socket.get(), IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
  }
  sockaddr_storage address;
  SocketAddress any{both ? model::Address() : model::Address::v4(0), port};
  unsigned length = to_kernel(any, address);
  if (bind(socket.get(), reinterpret_cast<sockaddr*>(&address), length) != 0)
    return base::system_error("listen on", what, errno);
  if (tcp && ::listen(socket.get(), 128) != 0) return base::system_error("listen on", what, errno);
  return socket;
}

io::Fd accept_from(int listener, SocketAddress& peer) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  int fd = accept4(listener, reinterpret_cast<sockaddr*>(&address), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) peer = from_kernel(address);
  return io::Fd(fd);
}

bool receive_datagram(int fd, Datagram& datagram) {
  char buffer[65536];
  alignas(cmsghdr) char control[256];
  sockaddr_storage peer{};
  iovec part{buffer, sizeof buffer};
  msghdr message{};
  message.msg_name = &peer;
  message.msg_namelen = sizeof peer;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t count = recvmsg(fd, &message, MSG_DONTWAIT);
  if (count < 0) return false;
  datagram.bytes.assign(buffer, static_cast<std::size_t>(count));
  datagram.peer = from_kernel(peer);
  datagram.mapped = peer.ss_family == AF_INET6 && datagram.peer.address.is_v4();
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(header), sizeof info);
      std::array<std::uint8_t, 16> bytes;
      std::memcpy(bytes.data(), &info.ipi6_addr, 16);
      datagram.local = model::Address::from_bytes(bytes);
    } else if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(header), sizeof info);
      datagram.local = model::Address::v4(ntohl(info.ipi_addr.s_addr));
    }
  }
  return true;
}

void send_datagram(int fd, const Datagram& datagram) {
  sockaddr_storage peer;
  unsigned length = 0;
  bool v6_socket = datagram.mapped || datagram.peer.address.is_v6();
  if (datagram.mapped) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(peer);
    std::memset(&peer, 0, sizeof peer);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(datagram.peer.port);
    std::memcpy(&v6.sin6_addr, datagram.peer.address.bytes().data(), 16);
    length = sizeof v6;
  } else {
    length = to_kernel(datagram.peer, peer);
  }
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(in6_pktinfo))] = {};
  iovec part{const_cast<char*>(datagram.bytes.data()), datagram.bytes.size()};
  msghdr message{};
  message.msg_name = &peer;
  message.msg_namelen = length;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  auto* header = reinterpret_cast<cmsghdr*>(control);
  if (v6_socket) {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, datagram.local.bytes().data(), 16);
    message.msg_controllen = CMSG_SPACE(sizeof info);
    header->cmsg_level = IPPROTO_IPV6;
    header->cmsg_type = IPV6_PKTINFO;
    header->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(header), &info, sizeof info);
  } else {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, datagram.local.wire().data(), 4);
    message.msg_controllen = CMSG_SPACE(sizeof info);
    header->cmsg_level = IPPROTO_IP;
    header->cmsg_type = IP_PKTINFO;
    header->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(header), &info, sizeof info);
  }
  // A datagram that cannot be sent is lost, as datagrams are.
  (void)sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace bailey::lab
