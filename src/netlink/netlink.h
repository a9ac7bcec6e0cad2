// A thin layer over rtnetlink: links, addresses, routes, rules and neighbours of one network namespace.
//
// A Socket belongs to the namespace in which it was opened and stays there, whatever the thread does later;
// so one process may hold sockets of many namespaces. Requests are values; a Batch sends many of them in one
// system call and collects the kernel's answer to each. Not safe for use from several threads at once.
// Interface names are at most 15 bytes (IFNAMSIZ). Sources: rtnetlink(7), linux/rtnetlink.h.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/fd.h"
#include "model/address.h"

namespace bailey::netlink {

using Mac = std::array<std::uint8_t, 6>;
std::string mac_text(const Mac& mac);  // "02:00:0a:f0:00:04"
std::optional<Mac> parse_mac(std::string_view text);

struct Link {
  int index = 0;
  std::string name;
  std::string kind;  // "veth", "bridge", "" for lo and hardware
  Mac mac{};
  std::uint32_t mtu = 0;
  int peer_index = 0;  // veth: IFLA_LINK, an index in the peer's namespace
  int master = 0;
  bool up = false;
};

struct InterfaceAddress {
  int link_index = 0;
  model::Address address;
  int prefix_length = 32;
  friend auto operator<=>(const InterfaceAddress&, const InterfaceAddress&) = default;
};

enum class RouteType : std::uint8_t { unicast, local, blackhole, unreachable, prohibit, throw_ };

// A route as it is set and as it is read back. Equality is what a reconciler compares.
struct Route {
  std::uint32_t table = 254;  // main
  model::Prefix destination;
  RouteType type = RouteType::unicast;
  int link_index = 0;                     // 0: none (blackhole and the like)
  std::optional<model::Address> gateway;  // of the other family too (RTA_VIA)
  bool onlink = false;
  std::optional<model::Address> preferred_source;
  std::uint32_t metric = 0;    // v6 routes without one get 1024 from the kernel; read back as 0
  std::uint8_t protocol = 64;  // who set it (rt_protos): Bailey's own are 64, so that a reconciler touches no others
  bool link_scope = false;     // scope link: destination is on the link
  std::uint32_t mtu = 0;       // bytes; 0: the device's
  friend auto operator<=>(const Route&, const Route&) = default;
};

// The route as routes() gives it back once it is set: values that the kernel ignores or does not keep are cleared
// (link and gateway of a blackhole, IPv6's scope, which is "link" for a route without gateway). A reconciler
// compares normalised routes.
Route normalised(Route route);

struct Rule {
  model::Family family = model::Family::v4;
  std::uint32_t priority = 0;
  std::string incoming;  // iif name; empty: any
  std::optional<model::Prefix> source;
  std::optional<model::Prefix> destination;
  std::uint32_t mark = 0;
  std::uint32_t mark_mask = 0;
  std::uint32_t table = 0;
  enum class Action : std::uint8_t { lookup, blackhole, unreachable } action = Action::lookup;
  friend auto operator<=>(const Rule&, const Rule&) = default;
};

// As above: a mark without a mask has the full mask, prefixes of length 0 are none, only lookups have a table.
Rule normalised(Rule rule);

struct Neighbour {
  int link_index = 0;
  model::Address address;
  Mac mac{};
  bool proxy = false;  // NTF_PROXY: answer for this address (mac unused)
  friend auto operator<=>(const Neighbour&, const Neighbour&) = default;
};

// One end of a veth pair to create. namespace_fd < 0: the socket's own namespace.
struct VethEnd {
  std::string name;
  int namespace_fd = -1;
  std::optional<Mac> mac;
  bool up = false;  // for a peer in another namespace ignored: the kernel has no way to say it
};

class Batch;

class Socket {
 public:
  // In the namespace of the calling thread, or of `namespace_fd` (an open /proc/.../ns/net).
  static base::Result<Socket> open();
  static base::Result<Socket> open_in(int namespace_fd);
  Socket(Socket&&) noexcept;
  Socket& operator=(Socket&&) noexcept;
  ~Socket();

  base::Result<std::vector<Link>> links();
  base::Result<std::optional<Link>> link(const std::string& name);
  base::Result<std::optional<Link>> link(int index);
  // Without the rest of the link's description, for which the kernel walks the numbers of all namespaces that this one
  // has links to. An error with code ENODEV where there is none.
  base::Result<int> index_of(const std::string& name);
  base::Result<std::vector<InterfaceAddress>> addresses();
  // Routes of every table and both families but the kernel's own (protocol kernel, cloned cache entries).
  base::Result<std::vector<Route>> routes();
  base::Result<std::vector<Rule>> rules();            // without the three default rules of each family
  base::Result<std::vector<Neighbour>> neighbours();  // permanent and proxy entries only
  // What the kernel would do with a packet: the route chosen for source -> destination arriving on `incoming`
  // (empty: sent by this host). An error with code EINVAL, EHOSTUNREACH, EACCES or ENETUNREACH means blackhole,
  // unreachable, prohibit, no route. The answer is the entry of the routing table, as routes() shows it; the
  // kernel's own entries are possible here. An arriving IPv4 packet without a source is never routed (EINVAL).
  base::Result<Route> lookup(const model::Address& destination, const std::optional<model::Address>& source,
                             const std::string& incoming);

  // One request, one answer.
  base::Status create_veth(const VethEnd& end, const VethEnd& peer, std::uint32_t mtu);
  base::Status create_bridge(const std::string& name, const std::optional<Mac>& mac, std::uint32_t mtu);
  base::Status delete_link(const std::string& name);  // deleting what is not there is an error with code ENODEV
  base::Status set_up(const std::string& name, bool up = true);
  // Returns once a link that is up can send: the kernel gives it its transmit queue in a worker, some time after
  // both ends of a veth pair came up, and drops what is sent before. A link without carrier is no error.
  base::Status settle(const std::string& name);
  // Returns once packets for an IPv6 address that was just added are taken: a worker enters it into the local table
  // and joins its solicited-node group. IPv4 addresses need no waiting.
  base::Status settle(const model::Address& address);
  base::Status rename(const std::string& from, const std::string& to);
  // Sends the batch; the first failure is returned after the rest was tried as well.
  base::Status run(const Batch& batch);

 private:
  struct State;
  explicit Socket(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
  friend class Batch;
};

// Requests to be sent together. Each carries a text of what it does, for its error.
class Batch {
 public:
  enum class Exists : std::uint8_t { fail, replace };  // NLM_F_EXCL or NLM_F_REPLACE

  Batch& set_up(int link_index, bool up = true);
  Batch& set_mac(int link_index, const Mac& mac);
  Batch& set_mtu(int link_index, std::uint32_t mtu);
  Batch& set_master(int link_index, int master_index);
  // Of a bridge's port: frames may leave by the port on which they came, so that a pod reaches itself by a service.
  Batch& set_hairpin(int link_index, bool on);
  // Off: the kernel gives the link no fe80:: address of its own when it comes up. Takes effect before set_up only.
  Batch& set_automatic_v6(int link_index, bool on);
  // The sysctl net.ipv4.conf.LINK.* of that name, without a need for /proc.
  enum class V4Option : std::uint8_t { forwarding, rp_filter, proxy_arp };
  Batch& set_v4_option(int link_index, V4Option option, std::uint32_t value);
  Batch& delete_link(int link_index);
  // IPv6 addresses are added with IFA_F_NODAD, IPv4 ones without broadcast and label.
  Batch& add_address(const InterfaceAddress& address, Exists exists = Exists::replace);
  Batch& delete_address(const InterfaceAddress& address);
  Batch& add_route(const Route& route, Exists exists = Exists::replace);
  Batch& delete_route(const Route& route);
  Batch& add_rule(const Rule& rule);
  Batch& delete_rule(const Rule& rule);
  Batch& add_neighbour(const Neighbour& neighbour);  // permanent (or proxy)
  Batch& delete_neighbour(const Neighbour& neighbour);

  Batch& append(Batch other);

  bool empty() const { return requests_.empty(); }
  std::size_t size() const { return requests_.size(); }

 private:
  friend class Socket;
  struct Request {
    std::string bytes;  // a complete nlmsghdr and payload, sequence number left 0
    std::string operation;
    std::string object;
  };
  std::vector<Request> requests_;
};

}  // namespace bailey::netlink
