#include "traffic.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "figures.h"
#include "io/fd.h"
#include "io/loop.h"
#include "must.h"
#include "netlink/namespace.h"

namespace bailey::bench {
namespace {

constexpr std::uint16_t port = 5001;
constexpr char more = 'm';      // the client sends more requests on this connection
constexpr char close_it = 'c';  // the server closes after its answer

[[noreturn]] void give_up_on(const char* operation) { give_up(base::system_error(operation, "TCP", errno).text()); }

void answer_at_once(int socket) {
  int on = 1;
  if (::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) give_up_on("set up");
}

[[noreturn]] void serve(const io::Fd& listener) {
  while (true) {
    io::Fd connection(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection) give_up_on("accept");
    answer_at_once(connection.get());
    char request = 0;
    while (::recv(connection.get(), &request, 1, 0) == 1) {
      if (::send(connection.get(), &request, 1, MSG_NOSIGNAL) != 1) break;
      if (request == close_it) break;
    }
  }
}

io::Fd listen_in(int space) {
  auto inside = must(netlink::Inside::enter(space));
  io::Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  int on = 1;
  if (!listener || ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener.get(), 128) != 0)
    give_up_on("listen");
  return listener;
}

io::Fd connect_to(const sockaddr_in& address) {
  io::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  timeval limit{5, 0};
  if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
      ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0 ||
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    give_up_on("connect");
  answer_at_once(socket.get());
  return socket;
}

void ask(int socket, char request) {
  char answer = 0;
  if (::send(socket, &request, 1, MSG_NOSIGNAL) != 1 || ::recv(socket, &answer, 1, 0) != 1 || answer != request)
    give_up_on("exchange bytes");
}

void connect_and_ask(const sockaddr_in& address) {
  io::Fd socket = connect_to(address);
  ask(socket.get(), close_it);
  char end = 0;
  if (::recv(socket.get(), &end, 1, 0) != 0) give_up_on("wait for the end");
}

}  // namespace

void stay_on_one_processor() {
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) give_up_on("choose a processor");
  int chosen = CPU_SETSIZE - 1;
  while (chosen > 0 && !CPU_ISSET(chosen, &allowed)) --chosen;  // the last: interrupts mostly go to the first
  CPU_ZERO(&allowed);
  CPU_SET(chosen, &allowed);
  if (::sched_setaffinity(0, sizeof allowed, &allowed) != 0) give_up_on("choose a processor");
}

Server::Server(int space) {
  io::Fd listener = listen_in(space);
  pid_ = ::fork();
  if (pid_ < 0) give_up_on("fork");
  if (pid_ > 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  serve(listener);
}

Server::~Server() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

Pace measure_pace(int space, const model::Address& address, Exchange exchange, double seconds) {
  auto inside = must(netlink::Inside::enter(space));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  std::memcpy(&to.sin_addr, address.wire().data(), sizeof to.sin_addr);
  io::Fd held;
  if (exchange == Exchange::round_trip) held = connect_to(to);
  std::vector<double> times;
  times.reserve(1 << 16);
  std::int64_t started = io::now_ns();
  std::int64_t now = started;
  std::int64_t end = started + static_cast<std::int64_t>(seconds * 1e9);
  while (now < end) {
    held ? ask(held.get(), more) : connect_and_ask(to);
    std::int64_t after = io::now_ns();
    times.push_back(static_cast<double>(after - now) / 1e3);
    now = after;
  }
  double per_second = static_cast<double>(times.size()) * 1e9 / static_cast<double>(now - started);
  return {per_second, median(std::move(times))};
}

}  // namespace bailey::bench
