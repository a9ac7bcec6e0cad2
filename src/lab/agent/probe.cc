// Each probe is a small object that lives in the loop's handlers: a socket, a deadline, and what it waits for. The
// four protocols differ in three steps only (open the socket, send the question, read an answer), which the class
// Probe leaves to its children.
#include "lab/agent/probe.h"

#include <fcntl.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "base/json.h"
#include "base/strings.h"
#include "lab/agent/sctp.h"
#include "netlink/namespace.h"

namespace bailey::lab {
namespace {

// What an errno of connect, send or recv says about the way.
const char* result_of(int code) {
  switch (code) {
    case ECONNREFUSED:
    case ENOPROTOOPT:
    case ECONNRESET: return "refused";
    case ETIMEDOUT:
    case EAGAIN: return "dropped";
    default: return "unreachable";
  }
}

class Probe : public std::enable_shared_from_this<Probe> {
 public:
  Probe(io::Loop& loop, const ProbeTarget& target, std::function<void(ProbeOutcome)> done)
      : loop_(loop), target_(target), done_(std::move(done)) {}
  virtual ~Probe() = default;
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  void start() {
    std::shared_ptr<Probe> self = shared_from_this();
    timer_ = loop_.after(target_.timeout_ms, [self] {
      self->timer_ = 0;
      self->on_timeout();
    });
    started_ns_ = io::now_ns();
    int failure = 0;
    {
      base::Result<netlink::Inside> inside = netlink::Inside::enter(target_.namespace_fd);
      failure = inside.ok() ? begin() : inside.error().code;
    }
    if (failure != 0) {
      loop_.after(0, [self, failure] { self->finish(result_of(failure)); });
      return;
    }
    base::Status watched = loop_.watch(socket_.get(), EPOLLIN | (waits_to_write() ? EPOLLOUT : 0U),
                                       [self](std::uint32_t events) { self->ready(events); });
    if (!watched.ok()) loop_.after(0, [self] { self->finish("unreachable"); });
  }

 protected:
  // Opens socket_ and sends or connects. Returns 0 or an errno.
  virtual int begin() = 0;
  virtual void ready(std::uint32_t events) = 0;
  virtual bool waits_to_write() const { return false; }
  virtual void on_timeout() { finish("dropped"); }

  void stop_clock() {
    if (outcome_.rtt_us < 0) outcome_.rtt_us = (io::now_ns() - started_ns_) / 1000;
  }
  void finish(const char* result) {
    if (!done_) return;
    std::shared_ptr<Probe> self = shared_from_this();
    if (timer_) loop_.cancel(timer_);
    if (socket_) loop_.forget(socket_.get());
    socket_.reset();
    outcome_.result = result;
    std::function<void(ProbeOutcome)> done = std::exchange(done_, nullptr);
    done(std::move(outcome_));
  }
  // Reads the answer of Bailey's echo server, if it is one.
  void read_answer(std::string_view text) {
    base::Result<base::Json> json = base::Json::parse(text);
    if (!json.ok()) return;
    outcome_.source_seen = (*json)["client_address"].as_string();
    outcome_.answered_by = (*json)["answered_by"].as_string();
  }
  int open_socket(int type, int protocol_v4, int protocol_v6) {
    bool v4 = target_.to.address.is_v4();
    socket_ =
        io::Fd(::socket(v4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, v4 ? protocol_v4 : protocol_v6));
    return socket_ ? limit_hops(v4) : errno;
  }
  int limit_hops(bool v4) {
    int limit = target_.hop_limit;
    if (limit == 0) return 0;
    int set = v4 ? ::setsockopt(socket_.get(), IPPROTO_IP, IP_TTL, &limit, sizeof limit)
                 : ::setsockopt(socket_.get(), IPPROTO_IPV6, IPV6_UNICAST_HOPS, &limit, sizeof limit);
    return set == 0 ? 0 : errno;
  }
  int connect_to_target(std::uint16_t port) {
    sockaddr_storage address;
    unsigned length = to_kernel({target_.to.address, port}, address);
    if (::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), length) == 0 || errno == EINPROGRESS) return 0;
    return errno;
  }
  // The payload of a raw socket's packet: IPv4 sockets deliver the IP header too.
  std::string_view receive_raw(char* buffer, std::size_t size, int& failure) {
    ssize_t count = ::recv(socket_.get(), buffer, size, MSG_DONTWAIT);
    failure = count < 0 ? errno : 0;
    if (count <= 0) return {};
    std::string_view bytes(buffer, static_cast<std::size_t>(count));
    if (target_.to.address.is_v4())
      bytes.remove_prefix(std::min<std::size_t>(bytes.size(), static_cast<std::size_t>(buffer[0] & 0x0f) * 4));
    return bytes;
  }

  io::Loop& loop_;
  ProbeTarget target_;
  ProbeOutcome outcome_;
  io::Fd socket_;
  std::int64_t started_ns_ = 0;

 private:
  std::function<void(ProbeOutcome)> done_;
  io::Loop::TimerId timer_ = 0;
};

class TcpProbe : public Probe {
  using Probe::Probe;
  bool waits_to_write() const override { return true; }

  int begin() override {
    int failure = open_socket(SOCK_STREAM, 0, 0);
    return failure ? failure : connect_to_target(target_.to.port);
  }

  void ready(std::uint32_t events) override {
    if (!connected_) {
      int failure = 0;
      socklen_t length = sizeof failure;
      getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &failure, &length);
      if (failure != 0) return finish(result_of(failure));
      if (!(events & EPOLLOUT)) return;
      stop_clock();
      connected_ = true;
      std::string request = "GET /bailey-probe HTTP/1.1\r\nHost: " + host() + "\r\nConnection: close\r\n\r\n";
      (void)::send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL);
      loop_.change(socket_.get(), EPOLLIN);
      return;
    }
    char buffer[8192];
    ssize_t count = ::recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return;
    if (count > 0) answer_.append(buffer, static_cast<std::size_t>(count));
    if (count > 0 && answer_.size() < 65536) return;
    finish_open();
  }

  // Whatever the server says after the connection stood, the port is open.
  void on_timeout() override { connected_ ? finish_open() : finish("dropped"); }

  void finish_open() {
    std::size_t body = answer_.find("\r\n\r\n");
    if (body != std::string::npos) read_answer(std::string_view(answer_).substr(body + 4));
    finish("open");
  }

  std::string host() const {
    std::string text = target_.to.address.text();
    return target_.to.address.is_v6() ? "[" + text + "]" : text;
  }

  bool connected_ = false;
  std::string answer_;
};

class UdpProbe : public Probe {
  using Probe::Probe;

  int begin() override {
    int failure = open_socket(SOCK_DGRAM, 0, 0);
    if (!failure) failure = connect_to_target(target_.to.port);
    if (failure) return failure;
    return ::send(socket_.get(), "bailey-probe", 12, MSG_NOSIGNAL) < 0 ? errno : 0;
  }

  void ready(std::uint32_t) override {
    char buffer[8192];
    ssize_t count = ::recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (count < 0) return errno == EAGAIN ? void() : finish(result_of(errno));
    stop_clock();
    read_answer(std::string_view(buffer, static_cast<std::size_t>(count)));
    finish("open");
  }
};

class IcmpProbe : public Probe {
  using Probe::Probe;

  int begin() override {
    int failure = open_socket(SOCK_RAW, IPPROTO_ICMP, IPPROTO_ICMPV6);
    if (!failure) failure = connect_to_target(0);
    if (failure) return failure;
    id_ = static_cast<std::uint16_t>((started_ns_ / 1000) ^ (socket_.get() << 4));
    std::string packet(16, '\0');
    packet[0] = static_cast<char>(target_.to.address.is_v4() ? ICMP_ECHO : ICMP6_ECHO_REQUEST);
    packet[4] = static_cast<char>(id_ >> 8);
    packet[5] = static_cast<char>(id_ & 0xff);
    if (target_.to.address.is_v4()) {
      std::uint32_t sum = 0;
      for (std::size_t i = 0; i < packet.size(); i += 2)
        sum += (static_cast<std::uint32_t>(static_cast<std::uint8_t>(packet[i])) << 8) |
               static_cast<std::uint8_t>(packet[i + 1]);
      while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
      packet[2] = static_cast<char>((~sum >> 8) & 0xff);
      packet[3] = static_cast<char>(~sum & 0xff);
    }
    return ::send(socket_.get(), packet.data(), packet.size(), MSG_NOSIGNAL) < 0 ? errno : 0;
  }

  void ready(std::uint32_t) override {
    char buffer[4096];
    int failure = 0;
    std::string_view bytes = receive_raw(buffer, sizeof buffer, failure);
    if (failure) return failure == EAGAIN ? void() : finish(result_of(failure));
    if (bytes.size() < 8) return;
    auto type = static_cast<std::uint8_t>(bytes[0]);
    std::uint16_t id =
        static_cast<std::uint16_t>((static_cast<std::uint8_t>(bytes[4]) << 8) | static_cast<std::uint8_t>(bytes[5]));
    if (type != (target_.to.address.is_v4() ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY) || id != id_) return;
    stop_clock();
    finish("open");
  }

  std::uint16_t id_ = 0;
};

class SctpProbe : public Probe {
  using Probe::Probe;

  int begin() override {
    int failure = open_socket(SOCK_RAW, IPPROTO_SCTP, IPPROTO_SCTP);
    if (!failure) failure = connect_to_target(0);
    if (failure) return failure;
    port_ = static_cast<std::uint16_t>(32768 + (started_ns_ / 1000 + socket_.get()) % 28000);
    std::string packet = sctp::encode({port_, target_.to.port, 0, 1, 0x62616c79, ""});
    return ::send(socket_.get(), packet.data(), packet.size(), MSG_NOSIGNAL) < 0 ? errno : 0;
  }

  void ready(std::uint32_t) override {
    char buffer[4096];
    int failure = 0;
    std::string_view bytes = receive_raw(buffer, sizeof buffer, failure);
    if (failure) return failure == EAGAIN ? void() : finish(result_of(failure));
    std::optional<sctp::Packet> packet = sctp::decode(bytes);
    if (!packet || packet->destination_port != port_ || packet->source_port != target_.to.port) return;
    stop_clock();
    read_answer(packet->cookie);
    finish(packet->chunk == 2 ? "open" : "refused");
  }

  std::uint16_t port_ = 0;
};

constexpr int most_hops = 15;

// The namespace stays open for as long as the search goes on, even if the pod is removed meanwhile.
struct HopSearch {
  ProbeTarget target;
  io::Fd network;
  ProbeOutcome first;
  std::function<void(ProbeOutcome)> done;
};

void search_hops(io::Loop& loop, const std::shared_ptr<HopSearch>& search) {
  ++search->target.hop_limit;
  start_probe(loop, search->target, [&loop, search](const ProbeOutcome& outcome) {
    bool answered = outcome.result == search->first.result;
    if (!answered && search->target.hop_limit <= most_hops) return search_hops(loop, search);
    if (answered) search->first.hops = search->target.hop_limit - 1;
    search->done(std::move(search->first));
  });
}

}  // namespace

void count_hops(io::Loop& loop, const ProbeTarget& target, std::function<void(ProbeOutcome)> done) {
  auto search = std::make_shared<HopSearch>();
  search->target = target;
  search->network = io::Fd(::fcntl(target.namespace_fd, F_DUPFD_CLOEXEC, 3));
  search->target.namespace_fd = search->network.get();
  search->done = std::move(done);
  start_probe(loop, target, [&loop, search](ProbeOutcome outcome) {
    bool answered = outcome.result == "open" || outcome.result == "refused";
    search->first = std::move(outcome);
    answered ? search_hops(loop, search) : search->done(std::move(search->first));
  });
}

void start_probe(io::Loop& loop, const ProbeTarget& target, std::function<void(ProbeOutcome)> done) {
  std::shared_ptr<Probe> probe;
  switch (target.protocol) {
    case model::Protocol::tcp: probe = std::make_shared<TcpProbe>(loop, target, std::move(done)); break;
    case model::Protocol::udp: probe = std::make_shared<UdpProbe>(loop, target, std::move(done)); break;
    case model::Protocol::icmp: probe = std::make_shared<IcmpProbe>(loop, target, std::move(done)); break;
    case model::Protocol::sctp: probe = std::make_shared<SctpProbe>(loop, target, std::move(done)); break;
  }
  probe->start();
}

}  // namespace bailey::lab
