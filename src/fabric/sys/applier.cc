// apply() compares what is with what should be and sends the difference, in this order:
//
//   fast path: what goes or changes           from here to the end the rules decide about it
//   settings                                  before the devices that inherit them
//   cables that are in the way, then new cables, addresses and neighbours
//   fabric: delivery routes that go           nothing is delivered that the new state would not deliver
//           rules that come
//           other routes that come or change  most specific first
//           other routes that go              least specific first
//           delivery routes that come
//           the filter, in one transaction    opens new devices, closes old ones
//           rules that go
//   routes and rules of all other hosts
//   addresses, neighbours and cables that go
//   fast path: what comes
//
// With routes in that order a lookup never meets a route that neither state would choose: while routes come, one
// that is less specific than the old or the new choice cannot win; the same while they go. A packet of a device
// that the filter does not know yet has no mark and goes nowhere.
//
// `current_` is what was applied last, or what observe() read. Whatever fails, it is thrown away; if it came from
// memory the call is tried once more with what the kernel says.
#include "fabric/sys/applier.h"

#include <algorithm>
#include <cerrno>

#include "fabric/fast_path.h"
#include "fabric/ruleset.h"
#include "fabric/sys/fast_path_loader.h"
#include "fabric/sys/kernel.h"
#include "fabric/sys/nft.h"
#include "netlink/namespace.h"

namespace bailey::fabric::sys {
namespace {

const HostName fabric_name = "fabric";

// What is in `a` and not in `b`; both sorted.
template <typename T>
std::vector<T> missing(const std::vector<T>& a, const std::vector<T>& b) {
  std::vector<T> out;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  return out;
}

void most_specific_first(std::vector<KernelRoute>& routes) {
  std::stable_sort(routes.begin(), routes.end(), [](const KernelRoute& a, const KernelRoute& b) {
    return a.destination.length() > b.destination.length();
  });
}

void least_specific_first(std::vector<KernelRoute>& routes) {
  most_specific_first(routes);
  std::reverse(routes.begin(), routes.end());
}

// Writing these resets others, so they come first.
bool is_forwarding(const std::string& key) { return key == "ipv4/ip_forward" || key == "ipv6/conf/all/forwarding"; }

struct RouteChange {
  std::vector<KernelRoute> come;  // new, or instead of one with the same table and destination
  std::vector<KernelRoute> go;    // the destination goes
  std::vector<KernelRoute> old;   // is replaced by one of `come`
};

RouteChange compare(const std::vector<KernelRoute>& before, const std::vector<KernelRoute>& after) {
  RouteChange out;
  out.come = missing(after, before);
  std::set<std::pair<std::uint32_t, model::Prefix>> coming;
  for (const KernelRoute& route : out.come) coming.emplace(route.table, route.destination);
  for (KernelRoute& route : missing(before, after))
    (coming.contains({route.table, route.destination}) ? out.old : out.go).push_back(std::move(route));
  return out;
}

// Tables in which a lookup ends that a `throw` let pass.
std::set<std::uint32_t> delivery_tables(const HostNetwork& before, const HostNetwork& after) {
  std::set<std::uint32_t> out;
  for (const HostNetwork* host : {&before, &after})
    for (const KernelRule& rule : host->rules)
      if (rule.priority == 200) out.insert(rule.table);
  return out;
}

bool vanished(const base::Status& status) {
  if (status.ok()) return false;
  int code = status.error().code;
  return code == ENODEV || code == ESRCH || code == ENOENT || code == EADDRNOTAVAIL;
}

}  // namespace

struct Applier::State {
  Hosts hosts;
  std::optional<Desired> current;
  std::optional<Ruleset> rules;  // in the kernel, as far as it is known
  std::optional<Nft> nft;
  // Of every counter that is or was: what to call it.
  std::map<std::string, Ruleset::Counter> counters;
  Speed speed = Speed::fast_path;
  std::optional<FastPathLoader> fast;
  std::optional<base::Error> fast_off;

  base::Result<Changes> apply(const Desired& desired);
  base::Status know_hosts(const Desired& desired) const;
  base::Status learn(const Desired& desired, Changes& changes);
  base::Status write_settings(const Desired& desired);
  base::Status delete_cable(const Cable& cable);
  base::Status clear_the_way(const std::vector<Cable>& come, std::vector<Cable>& go);
  base::Status make_cables(const std::vector<Cable>& cables);
  base::Status add_addresses(const Desired& desired, Changes& changes);
  base::Status settle_addresses(const Desired& desired);
  base::Status change_fabric(const Desired& desired, const Ruleset& rules, Changes& changes);
  base::Status change_host(const HostName& name, const HostNetwork& after, Changes& changes);
  void withdraw_fast_path(const FastPath& next);
  void extend_fast_path(const FastPath& next);
  void stop_fast_path(const base::Error& why);
  unsigned index_of_internet(const Desired& desired) const;
  base::Status change_filter(const Ruleset& rules, Changes& changes);
  base::Status remove_leftovers(const Desired& desired, const std::vector<Cable>& cables, Changes& changes);
  void forget_device(const HostName& host, const std::string& device);
};

Applier::Applier(Speed speed) : state_(std::make_unique<State>()) { state_->speed = speed; }
Applier::~Applier() = default;

base::Status Applier::add_host(const HostName& host, int namespace_fd) {
  remove_host(host);
  base::Result<netlink::Socket> socket = netlink::Socket::open_in(namespace_fd);
  if (!socket.ok()) return socket.error();
  io::Fd borrowed(namespace_fd);
  base::Result<io::Fd> space = borrowed.duplicate();
  borrowed.release();
  if (!space.ok()) return space.error();
  Host entry{std::move(space).value(), std::move(socket).value(), {}};
  if (base::Status up = entry.socket.set_up("lo"); !up.ok()) return up;
  if (base::Status read = entry.read_links(); !read.ok()) return read;
  state_->hosts.emplace(host, std::move(entry));
  if (state_->current) state_->current->hosts[host];
  return {};
}

void Applier::remove_host(const HostName& host) {
  auto found = state_->hosts.find(host);
  if (found == state_->hosts.end()) return;
  if (state_->current) {
    std::vector<Cable> cables = state_->current->cables;
    for (const Cable& cable : cables) {
      if (cable.a.host != host && cable.b.host != host) continue;
      // The kernel would take them with the namespace, but later; whoever comes next may want the names.
      if (!state_->delete_cable(cable).ok()) state_->current.reset();
      if (!state_->current) break;
      std::erase(state_->current->cables, cable);
    }
  }
  if (state_->current) state_->current->hosts.erase(host);
  if (host == fabric_name) {
    state_->nft.reset();
    state_->fast.reset();
    forget();
  }
  state_->hosts.erase(host);
}

void Applier::forget() {
  state_->current.reset();
  state_->rules.reset();
  if (state_->fast) state_->fast->clear();
  state_->fast_off.reset();  // may have been a matter of the moment
}

base::Result<Applier::Changes> Applier::apply(const Desired& desired) {
  bool from_memory = state_->current.has_value();
  base::Result<Changes> done = state_->apply(desired);
  if (done.ok()) return done;
  forget();
  if (!from_memory) return done;
  done = state_->apply(desired);
  if (!done.ok()) forget();
  return done;
}

base::Result<std::vector<Applier::DropCounter>> Applier::drops() {
  std::vector<DropCounter> out;
  if (!state_->nft) return out;
  base::Result<std::map<std::string, std::uint64_t>> packets = state_->nft->counters();
  if (!packets.ok()) return packets.error();
  std::map<std::pair<std::string, std::string>, std::uint64_t> sums;
  for (const auto& [name, count] : *packets) {
    auto known = state_->counters.find(name);
    if (known != state_->counters.end()) sums[{known->second.reason, known->second.object}] += count;
  }
  for (const auto& [key, count] : sums) out.push_back({key.first, key.second, count});
  return out;
}

Applier::FastPathStatus Applier::fast_path() const {
  FastPathStatus out;
  out.off = state_->fast_off;
  out.on = state_->fast && !out.off;
  if (!state_->fast) return out;
  base::Result<std::uint64_t> packets = state_->fast->packets();
  if (packets.ok()) out.packets = *packets;
  return out;
}

base::Result<Applier::Changes> Applier::State::apply(const Desired& desired) {
  Changes changes;
  if (base::Status known = know_hosts(desired); !known.ok()) return known.error();
  if (base::Status learned = learn(desired, changes); !learned.ok()) return learned.error();
  for (const auto& [name, host] : hosts) current->hosts[name];
  std::vector<Cable> come = missing(desired.cables, current->cables);
  std::vector<Cable> go = missing(current->cables, desired.cables);
  changes.links += come.size() + go.size();
  FastPath fast_way = fabric::fast_path(desired);
  withdraw_fast_path(fast_way);
  base::Status status = write_settings(desired);
  if (status.ok()) status = clear_the_way(come, go);
  if (status.ok()) status = make_cables(come);
  if (status.ok()) status = add_addresses(desired, changes);
  Ruleset target;
  if (status.ok()) {
    target = ruleset(desired.filter, index_of_internet(desired));
    status = change_fabric(desired, target, changes);
  }
  static const HostNetwork nothing;
  for (const auto& [name, host] : hosts) {
    if (!status.ok() || name == fabric_name) continue;
    auto wanted = desired.hosts.find(name);
    status = change_host(name, wanted == desired.hosts.end() ? nothing : wanted->second, changes);
  }
  if (status.ok()) status = settle_addresses(desired);
  if (status.ok()) status = remove_leftovers(desired, go, changes);
  if (!status.ok()) return status.error();
  extend_fast_path(fast_way);
  current = desired;
  for (const auto& [name, counter] : target.counters) counters[name] = counter;
  rules = std::move(target);
  return changes;
}

base::Status Applier::State::know_hosts(const Desired& desired) const {
  for (const auto& [name, host] : desired.hosts)
    if (!hosts.contains(name)) return base::Error{"apply fabric to", name, "no namespace is known for this host"};
  return {};
}

// Fills `current` from the kernel where it is not known, and takes away what cannot be a part of `desired`.
base::Status Applier::State::learn(const Desired& desired, Changes& changes) {
  if (current) return {};
  changes.observed = true;
  base::Result<Observed> seen = observe(hosts, desired);
  if (!seen.ok()) return seen.error();
  for (const auto& [host, device] : seen->strays) {
    base::Status gone = hosts.at(host).socket.delete_link(device);
    if (!gone.ok() && !vanished(gone)) return gone;  // the other end of a stray that went before
    changes.links += gone.ok() ? 1 : 0;
  }
  // Addresses and routes went with them.
  if (!seen->strays.empty()) seen = observe(hosts, desired);
  if (!seen.ok()) return seen.error();
  current = std::move(seen->state);
  return {};
}

base::Status Applier::State::write_settings(const Desired& desired) {
  for (const auto& [name, after] : desired.hosts) {
    const auto& before = current->hosts[name].settings;
    std::vector<std::pair<std::string, std::string>> changed;
    for (const auto& setting : after.settings) {
      auto old = before.find(setting.first);
      if (old == before.end() || old->second != setting.second) changed.push_back(setting);
    }
    if (changed.empty()) continue;
    std::stable_partition(changed.begin(), changed.end(), [](const auto& row) { return is_forwarding(row.first); });
    // /proc/sys/net shows the namespace of whoever opens it.
    base::Result<netlink::Inside> inside = netlink::Inside::enter(hosts.at(name).space.get());
    if (!inside.ok()) return inside.error();
    for (const auto& [key, value] : changed) {
      base::Status written = io::write_existing("/proc/sys/net/" + key, value);
      bool no_ipv6 = !written.ok() && written.error().code == ENOENT && key.starts_with("ipv6/");
      if (!written.ok() && !no_ipv6) return written;  // a machine without IPv6 has no such settings
    }
  }
  return {};
}

void Applier::State::forget_device(const HostName& host, const std::string& device) {
  auto known = hosts.find(host);
  if (known != hosts.end()) known->second.links.erase(device);
  auto found = current->hosts.find(host);
  if (found == current->hosts.end()) return;
  std::erase_if(found->second.addresses, [&](const DeviceAddress& address) { return address.device == device; });
  std::erase_if(found->second.neighbours, [&](const DeviceNeighbour& other) { return other.device == device; });
  std::erase_if(found->second.routes, [&](const KernelRoute& route) { return route.device == device; });
}

// Its addresses and routes at both ends go with it.
base::Status Applier::State::delete_cable(const Cable& cable) {
  for (const CableEnd* end : {&cable.a, &cable.b}) {
    auto host = hosts.find(end->host);
    if (host == hosts.end()) continue;
    base::Status gone = host->second.socket.delete_link(end->device);
    if (!gone.ok() && !vanished(gone)) return gone;
    break;
  }
  forget_device(cable.a.host, cable.a.device);
  forget_device(cable.b.host, cable.b.device);
  return {};
}

// Cables that go and have a name that one that comes wants too are deleted at once.
base::Status Applier::State::clear_the_way(const std::vector<Cable>& come, std::vector<Cable>& go) {
  std::set<std::pair<HostName, std::string>> wanted;
  for (const Cable& cable : come) {
    wanted.emplace(cable.a.host, cable.a.device);
    wanted.emplace(cable.b.host, cable.b.device);
  }
  for (std::size_t i = 0; i < go.size();) {
    bool in_the_way =
        wanted.contains({go[i].a.host, go[i].a.device}) || wanted.contains({go[i].b.host, go[i].b.device});
    if (!in_the_way) {
      ++i;
      continue;
    }
    if (base::Status gone = delete_cable(go[i]); !gone.ok()) return gone;
    go.erase(go.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return {};
}

base::Status Applier::State::make_cables(const std::vector<Cable>& cables) {
  std::map<HostName, std::vector<std::string>> ends;
  for (const Cable& cable : cables) {
    Host& a = hosts.at(cable.a.host);
    netlink::VethEnd near{cable.a.device, -1, cable.a.mac, false};
    netlink::VethEnd far{cable.b.device, hosts.at(cable.b.host).space.get(), cable.b.mac, false};
    if (base::Status made = a.socket.create_veth(near, far, cable.mtu); !made.ok()) return made;
    ends[cable.a.host].push_back(cable.a.device);
    ends[cable.b.host].push_back(cable.b.device);
  }
  for (const auto& [name, devices] : ends) {
    Host& host = hosts.at(name);
    if (base::Status read = host.read_links(); !read.ok()) return read;
    netlink::Batch batch;
    for (const std::string& device : devices) batch.set_up(host.links.at(device));
    if (base::Status up = host.socket.run(batch); !up.ok()) return up;
  }
  for (const auto& [name, devices] : ends)
    for (const std::string& device : devices)
      if (base::Status settled = hosts.at(name).socket.settle(device); !settled.ok()) return settled;
  return {};
}

base::Status Applier::State::add_addresses(const Desired& desired, Changes& changes) {
  for (const auto& [name, after] : desired.hosts) {
    Host& host = hosts.at(name);
    netlink::Batch batch;
    for (const DeviceAddress& address : missing(after.addresses, current->hosts[name].addresses))
      batch.add_address({host.links.at(address.device), address.address, address.prefix_length});
    changes.addresses += batch.size();
    for (const DeviceNeighbour& neighbour : missing(after.neighbours, current->hosts[name].neighbours))
      batch.add_neighbour({host.links.at(neighbour.device), neighbour.address, neighbour.mac, false});
    if (batch.empty()) continue;
    if (base::Status added = host.socket.run(batch); !added.ok()) return added;
  }
  return {};
}

// New addresses of owners take packets; what is said to them before is lost. Link-local ones need not be ready, since
// neighbours are known.
base::Status Applier::State::settle_addresses(const Desired& desired) {
  for (const auto& [name, after] : desired.hosts)
    for (const DeviceAddress& address : missing(after.addresses, current->hosts[name].addresses))
      if (address.prefix_length == address.address.bits())
        if (base::Status ready = hosts.at(name).socket.settle(address.address); !ready.ok()) return ready;
  return {};
}

base::Status Applier::State::change_fabric(const Desired& desired, const Ruleset& target, Changes& changes) {
  auto known = hosts.find(fabric_name);
  if (known == hosts.end()) return {};
  Host& host = known->second;
  static const HostNetwork nothing;
  auto wanted = desired.hosts.find(fabric_name);
  const HostNetwork& after = wanted == desired.hosts.end() ? nothing : wanted->second;
  const HostNetwork& before = current->hosts[fabric_name];
  std::set<std::uint32_t> delivery = delivery_tables(before, after);
  RouteChange change = compare(before.routes, after.routes);
  most_specific_first(change.come);
  least_specific_first(change.go);
  changes.routes += change.come.size() + change.go.size();

  netlink::Batch batch;
  auto delivers = [&](const KernelRoute& route) { return delivery.contains(route.table); };
  for (const std::vector<KernelRoute>* list : {&change.go, &change.old})
    for (const KernelRoute& route : *list)
      if (delivers(route)) batch.delete_route(to_kernel(route, host));
  std::vector<KernelRule> new_rules = missing(after.rules, before.rules);
  for (const KernelRule& rule : new_rules) batch.add_rule(to_kernel(rule));
  for (const KernelRoute& route : change.come)
    if (!delivers(route)) batch.add_route(to_kernel(route, host));
  for (const KernelRoute& route : change.go)
    if (!delivers(route)) batch.delete_route(to_kernel(route, host));
  for (const KernelRoute& route : change.come)
    if (delivers(route)) batch.add_route(to_kernel(route, host));
  if (!batch.empty())
    if (base::Status done = host.socket.run(batch); !done.ok()) return done;

  if (base::Status done = change_filter(target, changes); !done.ok()) return done;

  netlink::Batch last;
  for (const KernelRule& rule : missing(before.rules, after.rules)) last.delete_rule(to_kernel(rule));
  changes.rules += new_rules.size() + last.size();
  return last.empty() ? base::Status() : host.socket.run(last);
}

// Trouble with the fast path is never trouble with the fabric: it is taken away, and the rules carry on.
void Applier::State::stop_fast_path(const base::Error& why) {
  fast_off = why;
  if (fast) fast->clear();
}

void Applier::State::withdraw_fast_path(const FastPath& next) {
  if (!fast || fast_off) return;
  if (base::Status done = fast->withdraw(next, hosts.at(fabric_name).links); !done.ok()) stop_fast_path(done.error());
}

void Applier::State::extend_fast_path(const FastPath& next) {
  auto fabric = hosts.find(fabric_name);
  if (speed == Speed::rules_alone || fabric == hosts.end() || fast_off) return;
  if (!fast) {
    base::Result<FastPathLoader> loaded = FastPathLoader::load(fabric->second.space.get());
    if (!loaded.ok()) return stop_fast_path(loaded.error());
    fast = std::move(loaded).value();
  }
  if (base::Status done = fast->extend(next, fabric->second.links); !done.ok()) stop_fast_path(done.error());
}

unsigned Applier::State::index_of_internet(const Desired& desired) const {
  auto fabric = hosts.find(fabric_name);
  if (fabric == hosts.end()) return 0;
  auto device = fabric->second.links.find(desired.filter.internet_device);
  return device == fabric->second.links.end() ? 0 : static_cast<unsigned>(device->second);
}

base::Status Applier::State::change_filter(const Ruleset& target, Changes& changes) {
  if (!nft) {
    base::Result<Nft> opened = Nft::open_in(hosts.at(fabric_name).space.get());
    if (!opened.ok()) return opened.error();
    nft = std::move(opened).value();
  }
  base::Json commands;
  if (!rules) {
    base::Result<std::map<std::string, std::uint64_t>> packets = nft->counters();
    if (!packets.ok()) return packets.error();
    commands = replacement(target, *packets);
  } else {
    commands = transaction(*rules, target);
  }
  if (commands.is_null()) return {};
  changes.filter = true;
  return nft->run(commands);
}

base::Status Applier::State::change_host(const HostName& name, const HostNetwork& after, Changes& changes) {
  Host& host = hosts.at(name);
  const HostNetwork& before = current->hosts[name];
  RouteChange change = compare(before.routes, after.routes);
  most_specific_first(change.come);
  least_specific_first(change.go);
  netlink::Batch batch;
  for (const KernelRule& rule : missing(before.rules, after.rules)) batch.delete_rule(to_kernel(rule));
  for (const KernelRule& rule : missing(after.rules, before.rules)) batch.add_rule(to_kernel(rule));
  changes.rules += batch.size();
  for (const KernelRoute& route : change.come) batch.add_route(to_kernel(route, host));
  for (const KernelRoute& route : change.go) batch.delete_route(to_kernel(route, host));
  changes.routes += change.come.size() + change.go.size();
  return batch.empty() ? base::Status() : host.socket.run(batch);
}

base::Status Applier::State::remove_leftovers(const Desired& desired, const std::vector<Cable>& cables,
                                              Changes& changes) {
  static const HostNetwork nothing;
  for (auto& [name, host] : hosts) {
    auto wanted = desired.hosts.find(name);
    const HostNetwork& after = wanted == desired.hosts.end() ? nothing : wanted->second;
    netlink::Batch batch;
    // Neighbours go first: they would go by themselves with the last IPv4 address of their device.
    auto replaced = [&](const DeviceNeighbour& old) {
      return std::any_of(after.neighbours.begin(), after.neighbours.end(), [&](const DeviceNeighbour& other) {
        return other.device == old.device && other.address == old.address;
      });
    };
    for (const DeviceNeighbour& neighbour : missing(current->hosts[name].neighbours, after.neighbours))
      if (!replaced(neighbour))
        batch.delete_neighbour({host.links.at(neighbour.device), neighbour.address, neighbour.mac, false});
    std::size_t neighbours = batch.size();
    for (const DeviceAddress& address : missing(current->hosts[name].addresses, after.addresses))
      batch.delete_address({host.links.at(address.device), address.address, address.prefix_length});
    changes.addresses += batch.size() - neighbours;
    if (batch.empty()) continue;
    if (base::Status done = host.socket.run(batch); !done.ok()) return done;
  }
  for (const Cable& cable : cables)
    if (base::Status gone = delete_cable(cable); !gone.ok()) return gone;
  return {};
}

}  // namespace bailey::fabric::sys
