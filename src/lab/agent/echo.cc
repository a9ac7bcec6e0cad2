// Sockets are bound to [::] with IPV6_V6ONLY off and so serve both families; a machine without IPv6 gets
// 0.0.0.0. UDP answers leave from the address that was asked (IPV6_PKTINFO), which matters where a namespace has
// several. A TCP connection starts undecided and becomes HTTP or echo with its first bytes.
#include "lab/agent/echo.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <unordered_map>

#include "base/strings.h"
#include "lab/agent/sctp.h"
#include "lab/agent/sockets.h"
#include "netlink/namespace.h"

namespace bailey::lab {
// Not in the anonymous namespace below: State, which the header names, has one.
enum class Mode : std::uint8_t { undecided, http, echo };

namespace {

constexpr std::size_t max_head = 65536;
constexpr std::size_t max_pending = std::size_t{1} << 20;
constexpr std::string_view methods[] = {"GET ",     "HEAD ",  "POST ",  "PUT ",    "DELETE ",
                                        "OPTIONS ", "PATCH ", "TRACE ", "CONNECT "};

Mode mode_of(std::string_view bytes) {
  for (std::string_view method : methods) {
    std::size_t shared = std::min(method.size(), bytes.size());
    if (method.substr(0, shared) != bytes.substr(0, shared)) continue;
    return bytes.size() >= method.size() ? Mode::http : Mode::undecided;
  }
  return Mode::echo;
}

struct Request {
  std::string method;
  std::string path;
  std::string host;
  base::Json headers = base::Json::object();
  std::size_t body_bytes = 0;
  bool keep_alive = true;
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

Request parse_head(std::string_view head) {
  Request request;
  std::vector<std::string_view> lines = base::split(head, '\n');
  std::vector<std::string_view> first = base::split(base::trim(lines[0]), ' ');
  request.method = first[0];
  if (first.size() > 1) request.path = first[1];
  if (first.size() > 2 && first[2] == "HTTP/1.0") request.keep_alive = false;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    std::size_t colon = lines[i].find(':');
    if (colon == std::string_view::npos) continue;
    std::string name = lower(base::trim(lines[i].substr(0, colon)));
    std::string value(base::trim(lines[i].substr(colon + 1)));
    if (name == "host") request.host = value;
    if (name == "content-length") request.body_bytes = base::parse_number(value, max_pending).value_or(0);
    if (name == "connection" && lower(value) == "close") request.keep_alive = false;
    request.headers.set(name, value);
  }
  return request;
}

}  // namespace

struct EchoServer::State : std::enable_shared_from_this<EchoServer::State> {
  struct Connection {
    io::Fd socket;
    SocketAddress peer;
    Mode mode = Mode::undecided;
    std::string in;
    std::string out;
    std::size_t skip = 0;  // bytes of a request body still to be read and dropped
    bool close_after = false;
  };

  io::Loop& loop;
  base::Json identity;
  std::uint64_t answered = 0;
  std::map<model::Port, io::Fd> listeners;
  std::map<model::Port, std::unique_ptr<SctpResponder>> sctp;
  std::unordered_map<int, std::shared_ptr<Connection>> connections;

  State(io::Loop& the_loop, base::Json the_identity) : loop(the_loop), identity(std::move(the_identity)) {}

  base::Json answer(const SocketAddress& peer) {
    ++answered;
    base::Json json = identity;
    json.set("client_address", peer.address.text()).set("client_port", peer.port);
    return json;
  }

  void close(int fd) {
    loop.forget(fd);
    connections.erase(fd);
  }

  void accept_all(int listener) {
    while (true) {
      SocketAddress peer;
      io::Fd socket = accept_from(listener, peer);
      if (!socket) return;
      int fd = socket.get();
      auto connection = std::make_shared<Connection>();
      connection->socket = std::move(socket);
      connection->peer = peer;
      connections[fd] = connection;
      base::Status watched = loop.watch(fd, EPOLLIN, [this, fd](std::uint32_t events) { serve(fd, events); });
      if (!watched.ok()) connections.erase(fd);
    }
  }

  void serve(int fd, std::uint32_t events) {
    std::shared_ptr<Connection> connection = connections.at(fd);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
      char buffer[16384];
      ssize_t count = ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
      if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) return close(fd);
      if (count > 0) connection->in.append(buffer, static_cast<std::size_t>(count));
      if (!process(*connection)) return close(fd);
    }
    flush(fd, *connection);
  }

  // False when the connection must be closed at once.
  bool process(Connection& connection) {
    if (connection.mode == Mode::undecided) connection.mode = mode_of(connection.in);
    if (connection.mode == Mode::echo) {
      connection.out += connection.in;
      connection.in.clear();
      return connection.out.size() <= max_pending;
    }
    while (connection.mode == Mode::http) {
      std::size_t dropped = std::min(connection.skip, connection.in.size());
      connection.in.erase(0, dropped);
      connection.skip -= dropped;
      if (connection.skip > 0 || connection.close_after) return true;
      std::size_t end = connection.in.find("\r\n\r\n");
      if (end == std::string::npos) return connection.in.size() <= max_head;
      Request request = parse_head(std::string_view(connection.in).substr(0, end));
      connection.in.erase(0, end + 4);
      connection.skip = request.body_bytes;
      connection.close_after = !request.keep_alive;
      respond(connection, request);
    }
    return true;
  }

  void respond(Connection& connection, const Request& request) {
    base::Json json = answer(connection.peer);
    json.set("method", request.method).set("host", request.host).set("path", request.path);
    json.set("headers", request.headers);
    std::string body = json.dump() + "\n";
    connection.out +=
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
        (connection.close_after ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n");
    if (request.method != "HEAD") connection.out += body;
  }

  void flush(int fd, Connection& connection) {
    while (!connection.out.empty()) {
      ssize_t count = ::send(fd, connection.out.data(), connection.out.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count < 0 && errno == EAGAIN) return loop.change(fd, EPOLLIN | EPOLLOUT);
      if (count < 0) return close(fd);
      connection.out.erase(0, static_cast<std::size_t>(count));
    }
    if (connection.close_after && connection.skip == 0) return close(fd);
    loop.change(fd, EPOLLIN);
  }

  void answer_datagrams(int fd) {
    for (int i = 0; i < 64; ++i) {
      Datagram datagram;
      if (!receive_datagram(fd, datagram)) return;
      if (datagram.bytes == "bailey-probe") datagram.bytes = answer(datagram.peer).dump();
      send_datagram(fd, datagram);
    }
  }

  base::Status open(const model::Port& port) {
    if (port.protocol == model::Protocol::icmp) return {};
    if (port.protocol == model::Protocol::sctp) {
      base::Result<std::unique_ptr<SctpResponder>> responder =
          SctpResponder::open(loop, port.number, [this](const SocketAddress& peer) { return answer(peer).dump(); });
      if (!responder.ok()) return responder.error();
      sctp[port] = std::move(*responder);
      return {};
    }
    bool tcp = port.protocol == model::Protocol::tcp;
    base::Result<io::Fd> socket = listen_on(port.number, tcp);
    if (!socket.ok()) return socket.error();
    int fd = socket->get();
    listeners[port] = std::move(*socket);
    return loop.watch(fd, EPOLLIN, [this, fd, tcp](std::uint32_t) { tcp ? accept_all(fd) : answer_datagrams(fd); });
  }

  void shut(const model::Port& port) {
    sctp.erase(port);
    auto at = listeners.find(port);
    if (at == listeners.end()) return;
    loop.forget(at->second.get());
    listeners.erase(at);
  }

  void shut_all() {
    for (const auto& [fd, connection] : connections) loop.forget(fd);
    for (const auto& [port, socket] : listeners) loop.forget(socket.get());
    connections.clear();
    listeners.clear();
    sctp.clear();
  }
};

EchoServer::EchoServer(io::Loop& loop, base::Json identity)
    : state_(std::make_shared<State>(loop, std::move(identity))) {}

EchoServer::~EchoServer() { state_->shut_all(); }

std::uint64_t EchoServer::answered() const { return state_->answered; }

base::Status EchoServer::listen(int namespace_fd, const std::set<model::Port>& ports) {
  std::set<model::Port> now;
  for (const auto& [port, socket] : state_->listeners) now.insert(port);
  for (const auto& [port, responder] : state_->sctp) now.insert(port);
  for (const model::Port& port : now)
    if (!ports.contains(port)) state_->shut(port);

  base::Result<netlink::Inside> inside = netlink::Inside::enter(namespace_fd);
  if (!inside.ok()) return inside.error();
  base::Status first;
  for (const model::Port& port : ports) {
    if (now.contains(port)) continue;
    base::Status opened = state_->open(port);
    if (!opened.ok() && first.ok()) first = opened;
  }
  return first;
}

}  // namespace bailey::lab
