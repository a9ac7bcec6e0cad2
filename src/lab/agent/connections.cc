#include "lab/agent/connections.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "netlink/namespace.h"

namespace bailey::lab {

struct Connections::Held {
  io::Fd socket;
  bool connected = false;
  std::string to_send;       // until it has been written
  std::size_t expected = 0;  // bytes that are still to come back
  unsigned round = 0;
  State state{"cut", "connecting"};
  Done done;
  io::Loop::TimerId timer = 0;
};

Connections::~Connections() {
  while (!held_.empty()) close(held_.begin()->first);
}

namespace {

std::string reason_of(int code) {
  switch (code) {
    case ECONNREFUSED: return "refused";
    case ECONNRESET:
    case EPIPE: return "reset";
    case ETIMEDOUT: return "no answer";
    default: return "unreachable";
  }
}

}  // namespace

void Connections::settle(const std::shared_ptr<Held>& held, State state) {
  held->state = state;
  if (held->timer) loop_.cancel(held->timer);
  held->timer = 0;
  if (state.state == "cut" && held->socket) {
    loop_.forget(held->socket.get());
    held->socket.reset();
  }
  if (Done done = std::exchange(held->done, nullptr)) done(state);
}

void Connections::open(const std::string& id, int namespace_fd, const SocketAddress& to, std::int64_t timeout_ms,
                       Done done) {
  close(id);
  auto held = std::make_shared<Held>();
  held_[id] = held;
  held->done = std::move(done);
  int failure = 0;
  base::Result<netlink::Inside> inside = netlink::Inside::enter(namespace_fd);
  if (!inside.ok()) return settle(held, {"cut", inside.error().text()});
  held->socket =
      io::Fd(::socket(to.address.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_storage address;
  unsigned length = to_kernel(to, address);
  if (!held->socket) failure = errno;
  if (!failure && ::connect(held->socket.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 &&
      errno != EINPROGRESS)
    failure = errno;
  if (failure) return settle(held, {"cut", reason_of(failure)});
  base::Status watched =
      loop_.watch(held->socket.get(), EPOLLIN | EPOLLOUT, [this, held](std::uint32_t events) { ready(held, events); });
  if (!watched.ok()) return settle(held, {"cut", watched.error().text()});
  exchange(id, held, timeout_ms, std::exchange(held->done, nullptr));
}

void Connections::send(const std::string& id, std::int64_t timeout_ms, Done done) {
  auto at = held_.find(id);
  if (at == held_.end()) return done({"cut", "never opened"});
  if (!at->second->socket) return done(at->second->state);
  exchange(id, at->second, timeout_ms, std::move(done));
}

void Connections::exchange(const std::string& id, const std::shared_ptr<Held>& held, std::int64_t timeout_ms,
                           Done done) {
  if (held->done) return done({held->state.state, "busy"});
  held->done = std::move(done);
  held->to_send = "bailey-conn " + id + " " + std::to_string(++held->round) + "\n";
  held->expected += held->to_send.size();
  held->timer = loop_.after(timeout_ms, [this, held] {
    held->timer = 0;
    settle(held, {"cut", "no answer"});
  });
  if (held->connected) ready(held, EPOLLOUT);
}

void Connections::ready(const std::shared_ptr<Held>& held, std::uint32_t events) {
  std::shared_ptr<Held> kept = held;
  int failure = 0;
  socklen_t length = sizeof failure;
  getsockopt(kept->socket.get(), SOL_SOCKET, SO_ERROR, &failure, &length);
  if (failure) return settle(kept, {"cut", reason_of(failure)});
  if (events & EPOLLOUT) {
    kept->connected = true;
    if (!kept->to_send.empty() &&
        ::send(kept->socket.get(), kept->to_send.data(), kept->to_send.size(), MSG_NOSIGNAL) < 0)
      return settle(kept, {"cut", reason_of(errno)});
    kept->to_send.clear();
    loop_.change(kept->socket.get(), EPOLLIN);
  }
  if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
  char buffer[4096];
  ssize_t count = ::recv(kept->socket.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (count == 0) return settle(kept, {"cut", "closed by peer"});
  if (count < 0) return errno == EAGAIN ? void() : settle(kept, {"cut", reason_of(errno)});
  kept->expected -= std::min(kept->expected, static_cast<std::size_t>(count));
  if (kept->expected == 0) settle(kept, {"open", ""});
}

void Connections::close(const std::string& id) {
  auto at = held_.find(id);
  if (at == held_.end()) return;
  std::shared_ptr<Held> held = at->second;
  held_.erase(at);
  settle(held, {"cut", "closed"});
}

std::map<std::string, Connections::State> Connections::list() const {
  std::map<std::string, State> out;
  for (const auto& [id, held] : held_) out[id] = held->state;
  return out;
}

}  // namespace bailey::lab
