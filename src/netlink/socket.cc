// The socket: requests out, answers in.
//
// rtnetlink works synchronously: when send() returns, the kernel has carried out every request of the datagram
// and its answers wait in our receive queue. It answers a request that failed always, and one that succeeded
// only when asked (NLM_F_ACK). So a batch goes out in chunks, the last request of each asks for an answer, and
// whatever comes before that answer is a failure, told apart by its sequence number. Chunks are small enough
// that even if every request fails the answers fit the receive buffer.
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <functional>

#include "netlink/decode.h"
#include "netlink/message.h"
#include "netlink/namespace.h"
#include "netlink/netlink.h"
#include "netlink/wire.h"

namespace bailey::netlink {
namespace {

constexpr std::size_t requests_per_chunk = 64;
constexpr int dump_attempts = 8;  // a dump that met a concurrent change is asked for again

// The error in an NLMSG_ERROR: strerror, then the kernel's own words where it has any.
base::Error error_of(const nlmsghdr* message, std::string operation, std::string object) {
  base::Error error = base::system_error(std::move(operation), std::move(object), error_code(message));
  if (message->nlmsg_flags & NLM_F_ACK_TLVS) {
    auto* answer = reinterpret_cast<const nlmsgerr*>(payload(message).data());
    std::size_t echoed = message->nlmsg_flags & NLM_F_CAPPED ? 0 : answer->msg.nlmsg_len - sizeof(nlmsghdr);
    std::string_view words =
        Attributes::of_message(message, sizeof *answer + NLMSG_ALIGN(echoed)).text(NLMSGERR_ATTR_MSG);
    if (!words.empty()) error.cause += " (" + std::string(words) + ")";
  }
  return error;
}

base::Status check_name(const std::string& name) {
  if (!name.empty() && name.size() < IFNAMSIZ) return {};
  return base::Error{"name link", name, "an interface name has 1 to 15 bytes", EINVAL};
}

void put_end(Message& message, const VethEnd& end, std::uint32_t mtu) {
  message.put_text(IFLA_IFNAME, end.name);
  if (mtu != 0) message.put_u32(IFLA_MTU, mtu);
  // One queue each way, which a veth has anyway: not told so, the kernel makes one for every processor, takes the rest
  // away again, and waits a grace period for each end.
  message.put_u32(IFLA_NUM_TX_QUEUES, 1).put_u32(IFLA_NUM_RX_QUEUES, 1);
  if (end.mac) message.put(IFLA_ADDRESS, {reinterpret_cast<const char*>(end.mac->data()), end.mac->size()});
  if (end.namespace_fd >= 0) message.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(end.namespace_fd));
}

ifinfomsg link_body(bool up) {
  ifinfomsg body{};
  if (up) body.ifi_flags = body.ifi_change = IFF_UP;
  return body;
}

ifreq request_for(const std::string& name) {
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  return request;
}

}  // namespace

struct Socket::State {
  WireSocket socket;
  std::uint32_t sequence = 0;

  base::Status run(const Batch& batch, std::size_t first, std::size_t count);
  base::Status request(std::string bytes, const std::string& operation, const std::string& object,
                       const std::function<void(const nlmsghdr*)>& answer);
  // True when complete, false when the kernel's tables changed meanwhile.
  base::Result<bool> dump_once(std::string bytes, const std::string& what,
                               const std::function<void(const nlmsghdr*)>& take);

  template <typename T>
  base::Result<std::vector<T>> dump(std::uint16_t kind, std::initializer_list<std::string_view> bodies,
                                    const std::string& what,
                                    const std::function<std::optional<T>(const nlmsghdr*)>& decode);
};

// One request that is answered by one message, or by an error or acknowledgement.
base::Status Socket::State::request(std::string bytes, const std::string& operation, const std::string& object,
                                    const std::function<void(const nlmsghdr*)>& answer) {
  nlmsghdr* header = reinterpret_cast<nlmsghdr*>(bytes.data());
  header->nlmsg_seq = ++sequence;
  if (!answer) header->nlmsg_flags |= NLM_F_ACK;
  if (base::Status sent = socket.send(bytes); !sent.ok()) return sent;
  base::Status outcome;
  base::Status received = socket.receive([&](const nlmsghdr* message) {
    if (message->nlmsg_seq != sequence) return true;  // a late answer to something given up
    if (message->nlmsg_type == NLMSG_ERROR) {
      if (error_code(message) != 0) outcome = error_of(message, operation, object);
    } else if (answer) {
      answer(message);
    }
    return false;
  });
  return received.ok() ? outcome : received;
}

base::Status Socket::State::run(const Batch& batch, std::size_t first, std::size_t count) {
  std::string datagram;
  std::uint32_t first_sequence = sequence + 1;
  for (std::size_t i = 0; i < count; ++i) {
    std::string bytes = batch.requests_[first + i].bytes;
    nlmsghdr* header = reinterpret_cast<nlmsghdr*>(bytes.data());
    header->nlmsg_seq = ++sequence;
    if (i + 1 == count) header->nlmsg_flags |= NLM_F_ACK;
    datagram += bytes;
  }
  if (base::Status sent = socket.send(datagram); !sent.ok()) return sent;
  base::Status outcome;
  base::Status received = socket.receive([&](const nlmsghdr* message) {
    std::uint32_t index = message->nlmsg_seq - first_sequence;
    if (message->nlmsg_type != NLMSG_ERROR || index >= count) return true;
    const Batch::Request& request = batch.requests_[first + index];
    bool failed = error_code(message) != 0;
    if (failed && outcome.ok()) outcome = error_of(message, request.operation, request.object);
    return index + 1 != count;
  });
  return received.ok() ? outcome : received;
}

base::Result<bool> Socket::State::dump_once(std::string bytes, const std::string& what,
                                            const std::function<void(const nlmsghdr*)>& take) {
  reinterpret_cast<nlmsghdr*>(bytes.data())->nlmsg_seq = ++sequence;
  if (base::Status sent = socket.send(bytes); !sent.ok()) return sent.error();
  bool complete = true;
  base::Status outcome;
  base::Status received = socket.receive([&](const nlmsghdr* message) {
    if (message->nlmsg_seq != sequence) return true;
    if (message->nlmsg_flags & NLM_F_DUMP_INTR) complete = false;
    if (message->nlmsg_type == NLMSG_ERROR) {
      outcome = error_of(message, "list", what);
      return false;
    }
    if (message->nlmsg_type == NLMSG_DONE) return false;
    take(message);
    return true;
  });
  if (!received.ok()) return received.error();
  if (!outcome.ok()) return outcome.error();
  return complete;
}

template <typename T>
base::Result<std::vector<T>> Socket::State::dump(std::uint16_t kind, std::initializer_list<std::string_view> bodies,
                                                 const std::string& what,
                                                 const std::function<std::optional<T>(const nlmsghdr*)>& decode) {
  std::vector<T> out;
  for (std::string_view body : bodies) {
    std::size_t before = out.size();
    bool complete = false;
    for (int attempt = 0; attempt < dump_attempts && !complete; ++attempt) {
      out.resize(before);
      base::Result<bool> once = dump_once(Message(kind, NLM_F_DUMP, body).take(), what, [&](const nlmsghdr* message) {
        if (std::optional<T> entry = decode(message)) out.push_back(std::move(*entry));
      });
      if (!once.ok()) return once.error();
      complete = once.value();
    }
    if (!complete) return base::Error{"list", what, "it changed at every attempt", EAGAIN};
  }
  return out;
}

Socket::Socket(std::unique_ptr<State> state) : state_(std::move(state)) {}
Socket::Socket(Socket&&) noexcept = default;
Socket& Socket::operator=(Socket&&) noexcept = default;
Socket::~Socket() = default;

base::Result<Socket> Socket::open() {
  base::Result<WireSocket> wire = WireSocket::open(NETLINK_ROUTE);
  if (!wire.ok()) return wire.error();
  auto state = std::make_unique<State>();
  state->socket = std::move(wire).value();
  state->socket.enable(NETLINK_EXT_ACK);
  state->socket.enable(NETLINK_CAP_ACK);  // answers without the echo of the request
  state->socket.enable(NETLINK_GET_STRICT_CHK);
  return Socket(std::move(state));
}

base::Result<Socket> Socket::open_in(int namespace_fd) {
  base::Result<Inside> inside = Inside::enter(namespace_fd);
  if (!inside.ok()) return inside.error();
  return open();
}

base::Result<std::vector<Link>> Socket::links() {
  ifinfomsg body{};
  return state_->dump<Link>(RTM_GETLINK, {raw_bytes(body)}, "links", decode_link);
}

base::Result<std::optional<Link>> Socket::link(const std::string& name) {
  if (base::Status named = check_name(name); !named.ok()) return named.error();
  ifinfomsg body{};
  std::optional<Link> found;
  base::Status asked =
      state_->request(Message(RTM_GETLINK, 0, raw_bytes(body)).put_text(IFLA_IFNAME, name).take(), "find link", name,
                      [&](const nlmsghdr* message) { found = decode_link(message); });
  if (!asked.ok() && asked.error().code != ENODEV) return asked.error();
  return found;
}

base::Result<std::optional<Link>> Socket::link(int index) {
  if (index <= 0) return std::optional<Link>();
  ifinfomsg body{};
  body.ifi_index = index;
  std::optional<Link> found;
  base::Status asked =
      state_->request(Message(RTM_GETLINK, 0, raw_bytes(body)).take(), "find link", std::to_string(index),
                      [&](const nlmsghdr* message) { found = decode_link(message); });
  if (!asked.ok() && asked.error().code != ENODEV) return asked.error();
  return found;
}

base::Result<std::vector<InterfaceAddress>> Socket::addresses() {
  ifaddrmsg v4{};
  v4.ifa_family = AF_INET;
  ifaddrmsg v6{};
  v6.ifa_family = AF_INET6;
  return state_->dump<InterfaceAddress>(RTM_GETADDR, {raw_bytes(v4), raw_bytes(v6)}, "addresses", decode_address);
}

base::Result<std::vector<Route>> Socket::routes() {
  rtmsg v4{};
  v4.rtm_family = AF_INET;
  rtmsg v6{};
  v6.rtm_family = AF_INET6;
  return state_->dump<Route>(RTM_GETROUTE, {raw_bytes(v4), raw_bytes(v6)}, "routes",
                             [](const nlmsghdr* message) { return decode_route(message); });
}

base::Result<std::vector<Rule>> Socket::rules() {
  rtmsg v4{};  // fib_rule_hdr has the same size and begins with the family as well
  v4.rtm_family = AF_INET;
  rtmsg v6{};
  v6.rtm_family = AF_INET6;
  return state_->dump<Rule>(RTM_GETRULE, {raw_bytes(v4), raw_bytes(v6)}, "rules", decode_rule);
}

base::Result<std::vector<Neighbour>> Socket::neighbours() {
  ndmsg own{};
  ndmsg proxies{};
  proxies.ndm_flags = NTF_PROXY;
  return state_->dump<Neighbour>(RTM_GETNEIGH, {raw_bytes(own), raw_bytes(proxies)}, "neighbours", decode_neighbour);
}

base::Result<Route> Socket::lookup(const model::Address& destination, const std::optional<model::Address>& source,
                                   const std::string& incoming) {
  std::string object = destination.text() + (source ? " from " + source->text() : "");
  rtmsg body{};
  body.rtm_family = destination.is_v4() ? AF_INET : AF_INET6;
  body.rtm_dst_len = static_cast<std::uint8_t>(destination.bits());
  body.rtm_flags = RTM_F_FIB_MATCH;
  if (destination.is_v4()) body.rtm_flags |= RTM_F_LOOKUP_TABLE;  // IPv6 tells the table always, and refuses the flag
  if (source) body.rtm_src_len = static_cast<std::uint8_t>(source->bits());
  Message message(RTM_GETROUTE, 0, raw_bytes(body));
  message.put(RTA_DST, destination.wire());
  if (source) message.put(RTA_SRC, source->wire());
  if (!incoming.empty()) {
    base::Result<std::optional<Link>> from = link(incoming);
    if (!from.ok()) return from.error();
    if (!from.value()) return base::system_error("find link", incoming, ENODEV);
    message.put_u32(RTA_IIF, static_cast<std::uint32_t>(from.value()->index));
  }
  std::optional<Route> route;
  base::Status asked = state_->request(message.take(), "look up route to", object,
                                       [&](const nlmsghdr* answer) { route = decode_route(answer, true); });
  if (!asked.ok()) return asked.error();
  if (!route) return base::Error{"look up route to", object, "the kernel answered with no route", ENETUNREACH};
  // IPv6 answers with the route itself where IPv4 gives an error.
  switch (route->type) {
    case RouteType::blackhole: return base::system_error("look up route to", object, EINVAL);
    case RouteType::unreachable: return base::system_error("look up route to", object, EHOSTUNREACH);
    case RouteType::prohibit: return base::system_error("look up route to", object, EACCES);
    default: return *route;
  }
}

base::Status Socket::create_veth(const VethEnd& end, const VethEnd& peer, std::uint32_t mtu) {
  for (const std::string& name : {end.name, peer.name})
    if (base::Status named = check_name(name); !named.ok()) return named;
  Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, raw_bytes(link_body(end.up)));
  put_end(message, end, mtu);
  message.begin(IFLA_LINKINFO).put_text(IFLA_INFO_KIND, "veth").begin(IFLA_INFO_DATA).begin(VETH_INFO_PEER);
  message.append(raw_bytes(link_body(false)));  // the kernel makes the peer first, when it cannot come up yet
  put_end(message, peer, mtu);
  message.end().end().end();
  base::Status made = state_->request(message.take(), "create veth", end.name + " and " + peer.name, nullptr);
  if (!made.ok() || !peer.up || peer.namespace_fd >= 0) return made;
  return set_up(peer.name);
}

base::Status Socket::create_bridge(const std::string& name, const std::optional<Mac>& mac, std::uint32_t mtu) {
  if (base::Status named = check_name(name); !named.ok()) return named;
  Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, raw_bytes(link_body(false)));
  put_end(message, VethEnd{name, -1, mac, false}, 0);
  message.begin(IFLA_LINKINFO).put_text(IFLA_INFO_KIND, "bridge").end();
  base::Status made = state_->request(message.take(), "create bridge", name, nullptr);
  if (!made.ok() || mtu == 0) return made;
  // An MTU given at creation would follow the ports; one that is set afterwards stays.
  Message change(RTM_SETLINK, 0, raw_bytes(link_body(false)));
  change.put_text(IFLA_IFNAME, name).put_u32(IFLA_MTU, mtu);
  return state_->request(change.take(), "set MTU of bridge", name, nullptr);
}

base::Status Socket::delete_link(const std::string& name) {
  if (base::Status named = check_name(name); !named.ok()) return named;
  Message message(RTM_DELLINK, 0, raw_bytes(link_body(false)));
  return state_->request(message.put_text(IFLA_IFNAME, name).take(), "delete link", name, nullptr);
}

base::Status Socket::set_up(const std::string& name, bool up) {
  if (base::Status named = check_name(name); !named.ok()) return named;
  ifinfomsg body{};
  body.ifi_flags = up ? IFF_UP : 0;
  body.ifi_change = IFF_UP;
  Message message(RTM_SETLINK, 0, raw_bytes(body));
  return state_->request(message.put_text(IFLA_IFNAME, name).take(), up ? "bring up" : "take down", name, nullptr);
}

// A netlink socket hands interface requests on to its namespace like any other socket (net/socket.c).
base::Result<int> Socket::index_of(const std::string& name) {
  if (base::Status named = check_name(name); !named.ok()) return named.error();
  ifreq request = request_for(name);
  if (ioctl(state_->socket.get(), SIOCGIFINDEX, &request) != 0) return base::system_error("find link", name, errno);
  return request.ifr_ifindex;
}

// Asking for the link state (ETHTOOL_GLINK) makes the kernel do the worker's pending work for this link at once.
base::Status Socket::settle(const std::string& name) {
  if (base::Status named = check_name(name); !named.ok()) return named;
  ethtool_value value{ETHTOOL_GLINK, 0};
  ifreq request = request_for(name);
  request.ifr_data = reinterpret_cast<char*>(&value);
  if (ioctl(state_->socket.get(), SIOCETHTOOL, &request) == 0) return {};
  return errno == EOPNOTSUPP ? base::Status() : base::system_error("settle link", name, errno);
}

base::Status Socket::settle(const model::Address& address) {
  if (address.is_v4()) return {};
  constexpr timespec pause{0, 100'000};
  for (int tries = 0; tries < 20'000; ++tries) {
    base::Result<Route> route = lookup(address, std::nullopt, "");
    if (route.ok() && route->type == RouteType::local) return {};
    nanosleep(&pause, nullptr);
  }
  return base::Error{"settle address", address.text(), "the kernel does not take packets for it", ETIMEDOUT};
}

base::Status Socket::rename(const std::string& from, const std::string& to) {
  if (base::Status named = check_name(to); !named.ok()) return named;
  base::Result<std::optional<Link>> found = link(from);
  if (!found.ok()) return found.error();
  if (!found.value()) return base::system_error("rename link", from, ENODEV);
  ifinfomsg body{};
  body.ifi_index = found.value()->index;
  Message message(RTM_SETLINK, 0, raw_bytes(body));
  return state_->request(message.put_text(IFLA_IFNAME, to).take(), "rename link", from + " to " + to, nullptr);
}

base::Status Socket::run(const Batch& batch) {
  base::Status outcome;
  for (std::size_t first = 0; first < batch.size(); first += requests_per_chunk) {
    base::Status chunk = state_->run(batch, first, std::min(requests_per_chunk, batch.size() - first));
    if (!chunk.ok() && outcome.ok()) outcome = chunk;
  }
  return outcome;
}

}  // namespace bailey::netlink
