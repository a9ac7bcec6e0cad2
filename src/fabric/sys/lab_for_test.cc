#include "fabric/sys/lab_for_test.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <sstream>

#include "base/check.h"
#include "fabric/sys/nft.h"

namespace bailey::fabric::sys::testing {
namespace {

constexpr std::uint16_t port = 7;
constexpr int patience_ms = 250;

template <typename T>
T need(base::Result<T> result) {
  if (!result.ok()) base::fail_check("test set-up", result.error().text());
  return std::move(result).value();
}
void need(const base::Status& status) {
  if (!status.ok()) base::fail_check("test set-up", status.error().text());
}

sockaddr_storage socket_address(const model::Address& address, std::uint16_t number) {
  sockaddr_storage out{};
  if (address.is_v4()) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(out);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(number);
    std::memcpy(&v4.sin_addr, address.wire().data(), 4);
  } else {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(number);
    std::memcpy(&v6.sin6_addr, address.wire().data(), 16);
  }
  return out;
}

socklen_t length_of(const sockaddr_storage& address) {
  return address.ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
}

model::Address address_of(const sockaddr_storage& given) {
  char text[INET6_ADDRSTRLEN];
  const void* bytes = given.ss_family == AF_INET
                          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in&>(given).sin_addr)
                          : static_cast<const void*>(&reinterpret_cast<const sockaddr_in6&>(given).sin6_addr);
  inet_ntop(given.ss_family, bytes, text, sizeof text);
  return *model::Address::parse(text);
}

io::Fd datagram_socket(int space, const model::Address& bind_to, std::uint16_t number, bool any_address) {
  netlink::Inside inside = need(netlink::Inside::enter(space));
  io::Fd out(socket(bind_to.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  base::check(static_cast<bool>(out), "socket");
  int on = 1;
  if (any_address && bind_to.is_v4()) setsockopt(out.get(), SOL_IP, IP_TRANSPARENT, &on, sizeof on);
  if (any_address && bind_to.is_v6()) setsockopt(out.get(), SOL_IPV6, IPV6_TRANSPARENT, &on, sizeof on);
  if (bind_to.is_v6()) setsockopt(out.get(), SOL_IPV6, IPV6_V6ONLY, &on, sizeof on);
  sockaddr_storage at = socket_address(bind_to, number);
  if (bind(out.get(), reinterpret_cast<sockaddr*>(&at), length_of(at)) != 0)
    base::fail_check("bind", bind_to.text() + ": " + std::strerror(errno));
  return out;
}

bool readable(int fd) {
  pollfd one{fd, POLLIN, 0};
  return poll(&one, 1, patience_ms) == 1 && (one.revents & POLLIN) != 0;
}

std::uint64_t field(const std::string& text, const std::string& group, const std::string& name) {
  std::istringstream lines(text);
  std::string names;
  std::string values;
  while (std::getline(lines, names)) {
    if (!names.starts_with(group + ":") || !std::getline(lines, values)) continue;
    std::istringstream n(names);
    std::istringstream v(values);
    std::string key;
    std::string value;
    while (n >> key && v >> value)
      if (key == name) return std::stoull(value);
  }
  return 0;
}

// Without handles and counts, and with the elements of sets in order. Of the device that a route leads to remains
// whether there is one: its index is another one in each lab.
base::Json comparable(const base::Json& json) {
  if (json.has("key") && json["key"].has("fib")) {
    base::Json out = base::Json::array();
    for (const base::Json& item : json["data"]["set"].items())
      out.push(item.items()[0].as_string() == "0" ? item : item.items()[1]);
    return out;
  }
  if (json.is_array()) {
    std::vector<base::Json> items;
    for (const base::Json& item : json.items()) items.push_back(comparable(item));
    return base::Json(std::move(items));
  }
  if (!json.is_object()) return json;
  base::Json out = base::Json::object();
  for (const auto& [key, value] : json.members()) {
    if (key == "handle" || key == "packets" || key == "bytes") continue;
    if ((key != "elem" && key != "set") || !value.is_array()) {
      out.set(key, comparable(value));
      continue;
    }
    std::vector<base::Json> elements = value.items();  // the kernel gives them in an order of its own
    std::sort(elements.begin(), elements.end(),
              [](const base::Json& a, const base::Json& b) { return a.dump() < b.dump(); });
    out.set(key, base::Json(std::move(elements)));
  }
  return out;
}

}  // namespace

void PrintTo(const Delivery& delivery, std::ostream* out) {
  *out << (delivery.answered ? "answered" : delivery.arrived ? "arrived" : "lost");
  if (delivery.source_seen) *out << ", from " << delivery.source_seen->text();
}

void Lab::make(const HostName& host) {
  io::Fd space = need(netlink::create_namespace());
  need(applier_.add_host(host, space.get()));
  spaces_[host] = std::move(space);
}

void Lab::make_hosts(const model::Snapshot& snapshot) {
  for (const auto& [name, host] : compile(snapshot).hosts)
    if (!has(name)) make(name);
}

Applier::Changes Lab::apply(const model::Snapshot& snapshot) {
  make_hosts(snapshot);
  base::Result<Applier::Changes> done = applier_.apply(compile(snapshot));
  if (!done.ok()) {
    ADD_FAILURE() << done.error().text();
    return {};
  }
  return *done;
}

void Lab::remove(const HostName& host) {
  applier_.remove_host(host);
  spaces_.erase(host);
}

void Lab::add_pod(const std::string& name, const HostName& node, const std::vector<model::Address>& addresses) {
  io::Fd space = need(netlink::create_namespace());
  netlink::Socket inside_pod = need(netlink::Socket::open_in(space.get()));
  netlink::Socket inside_node = need(netlink::Socket::open_in(spaces_.at(node).get()));
  netlink::Mac node_mac{0x02, 0xff, 0, 0, 0, 1};
  need(inside_node.create_veth({name, -1, node_mac, true}, {"eth0", space.get(), {}, false}, 1500));
  need(inside_pod.set_up("lo"));
  need(inside_pod.set_up("eth0"));
  need(inside_pod.settle("eth0"));
  need(inside_node.settle(name));
  int at_node = need(inside_node.link(name))->index;
  int at_pod = need(inside_pod.link("eth0"))->index;
  model::Address gateway = *model::Address::parse("169.254.99.1");
  model::Address gateway6 = *model::Address::parse("fe80::99");
  netlink::Batch in_pod;
  netlink::Batch in_node;
  for (const model::Address& address : addresses) {
    in_pod.add_address({at_pod, address, address.bits()});
    const model::Address& next = address.is_v4() ? gateway : gateway6;
    in_pod.add_neighbour({at_pod, next, node_mac, false});
    netlink::Route away;
    away.destination = model::Prefix::any(address.family());
    away.link_index = at_pod;
    away.gateway = next;
    away.onlink = true;
    in_pod.add_route(away);
    netlink::Route there;
    there.destination = model::Prefix::host(address);
    there.link_index = at_node;
    there.link_scope = true;
    in_node.add_route(there);
  }
  need(inside_pod.run(in_pod));
  for (const model::Address& address : addresses) need(inside_pod.settle(address));
  need(inside_node.run(in_node));
  spaces_[name] = std::move(space);
}

Delivery Lab::send(const HostName& host, const model::Address& to, const HostName& at,
                   std::optional<model::Address> from) {
  model::Address any = model::Address::from_number(to.family(), 0);
  io::Fd server = datagram_socket(spaces_.at(at).get(), any, port, false);
  io::Fd client = datagram_socket(spaces_.at(host).get(), from.value_or(any), 0, from.has_value());
  Delivery out;
  sockaddr_storage target = socket_address(to, port);
  char text[16] = "question";
  if (sendto(client.get(), text, 8, 0, reinterpret_cast<sockaddr*>(&target), length_of(target)) != 8) return out;
  if (!readable(server.get())) return out;
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  if (recvfrom(server.get(), text, sizeof text, 0, reinterpret_cast<sockaddr*>(&peer), &length) < 0) return out;
  out.arrived = true;
  out.source_seen = address_of(peer);
  sendto(server.get(), "answer", 6, 0, reinterpret_cast<sockaddr*>(&peer), length);
  if (!readable(client.get())) return out;
  length = sizeof peer;
  if (recvfrom(client.get(), text, sizeof text, 0, reinterpret_cast<sockaddr*>(&peer), &length) < 0) return out;
  out.answered = address_of(peer) == to;
  return out;
}

std::uint64_t Lab::forwarded(const HostName& host) {
  netlink::Inside inside = need(netlink::Inside::enter(spaces_.at(host).get()));
  std::string v4 = need(io::read_file("/proc/thread-self/net/snmp"));
  std::string v6 = need(io::read_file("/proc/thread-self/net/snmp6"));
  std::uint64_t out = field(v4, "Ip", "ForwDatagrams");
  std::istringstream lines(v6);
  std::string key;
  std::uint64_t value = 0;
  while (lines >> key >> value)
    if (key == "Ip6OutForwDatagrams") out += value;
  return out;
}

std::uint64_t Lab::dropped(const std::string& reason, const std::string& object) {
  std::uint64_t sum = 0;
  for (const Applier::DropCounter& counter : need(applier_.drops()))
    if (counter.reason == reason && counter.object.starts_with(object)) sum += counter.packets;
  return sum;
}

std::vector<std::string> Lab::everything() {
  std::vector<std::string> lines;
  for (const auto& [host, space] : spaces_) {
    netlink::Socket socket = need(netlink::Socket::open_in(space.get()));
    std::map<int, std::string> names;
    for (const netlink::Link& link : need(socket.links())) {
      names[link.index] = link.name;
      lines.push_back(host + " link " + link.name + " " + link.kind + " " + netlink::mac_text(link.mac) +
                      (link.up ? " up" : ""));
    }
    for (const netlink::InterfaceAddress& address : need(socket.addresses()))
      lines.push_back(host + " address " + names[address.link_index] + " " + address.address.text() + "/" +
                      std::to_string(address.prefix_length));
    for (const netlink::Neighbour& neighbour : need(socket.neighbours()))
      lines.push_back(host + " neighbour " + names[neighbour.link_index] + " " + neighbour.address.text() + " " +
                      netlink::mac_text(neighbour.mac));
    for (const netlink::Route& route : need(socket.routes()))
      lines.push_back(host + " route " + std::to_string(route.table) + " " + route.destination.text() + " " +
                      std::to_string(static_cast<int>(route.type)) + " " + names[route.link_index] + " " +
                      (route.gateway ? route.gateway->text() : ""));
    for (const netlink::Rule& rule : need(socket.rules()))
      lines.push_back(host + " rule " + std::to_string(static_cast<int>(rule.family)) + " " +
                      std::to_string(rule.priority) + " " + std::to_string(rule.mark) + " " +
                      std::to_string(rule.table) + (rule.source ? rule.source->text() : ""));
    Nft nft = need(Nft::open_in(space.get()));
    base::Json ruleset = need(nft.list());
    for (const base::Json& item : ruleset["nftables"].items())
      if (!item.has("metainfo")) lines.push_back(host + " nft " + comparable(item).dump());
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

}  // namespace bailey::fabric::sys::testing
