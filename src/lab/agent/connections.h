// Connections that are held open: does one that stands survive a change of the network?
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "io/loop.h"
#include "lab/agent/sockets.h"

namespace bailey::lab {

// The client ends of TCP connections from this host's namespaces, by id. A connection is open as long as what is
// sent comes back (the echo server's raw mode).
class Connections {
 public:
  struct State {
    std::string state;   // "open" or "cut"
    std::string reason;  // of a cut: "refused", "reset", "closed by peer", "no answer", "unreachable"
  };
  using Done = std::function<void(State)>;

  explicit Connections(io::Loop& loop) : loop_(loop) {}
  ~Connections();
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  // Connects and exchanges one message. An id that is in use is closed first.
  void open(const std::string& id, int namespace_fd, const SocketAddress& to, std::int64_t timeout_ms, Done done);
  // Sends one message and waits for it to come back.
  void send(const std::string& id, std::int64_t timeout_ms, Done done);
  void close(const std::string& id);
  // What is known without sending: a reset that has arrived counts.
  std::map<std::string, State> list() const;

 private:
  struct Held;
  void exchange(const std::string& id, const std::shared_ptr<Held>& held, std::int64_t timeout_ms, Done done);
  void settle(const std::shared_ptr<Held>& held, State state);
  void ready(const std::shared_ptr<Held>& held, std::uint32_t events);
  io::Loop& loop_;
  std::map<std::string, std::shared_ptr<Held>> held_;
};

}  // namespace bailey::lab
