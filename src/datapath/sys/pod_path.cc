// `held` is what the maps say in the column that holds. A change is written into the other column, and into rows that
// only exist from now on or only up to now; their value in the column where they are not meant to be is what the
// addresses around them have. Then the epoch turns the columns over. Rows that have become needless go later, when no
// processor works with the former epoch any more: membarrier(2) waits for that, as it waits for an RCU grace period.
#include "datapath/sys/pod_path.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/membarrier.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pod_path.skel.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "base/check.h"
#include "datapath/sys/maps.h"
#include "datapath/sys/programs.h"

namespace bailey::datapath::sys {
namespace {

constexpr std::uint32_t first_epoch = 1;
constexpr std::int64_t nanoseconds_a_second = 1'000'000'000;

base::Error map_error(const char* operation, const char* map) { return base::system_error(operation, map, errno); }

template <typename Key, typename Value>
base::Status put(int map, const Key& key, const Value& value, const char* name) {
  if (bpf_map_update_elem(map, &key, &value, BPF_ANY) == 0) return {};
  return map_error("write BPF map", name);
}

template <typename Key>
base::Status erase(int map, const Key& key, const char* name) {
  if (bpf_map_delete_elem(map, &key) == 0 || errno == ENOENT) return {};
  return map_error("remove from BPF map", name);
}

// Every row, one after the other: a trie cannot be read in batches.
template <typename Key, typename Value, typename Action>
base::Status each_row(int map, const char* name, const Action& action) {
  Key key{};
  Key next{};
  Value value{};
  const Key* from = nullptr;
  while (bpf_map_get_next_key(map, from, &next) == 0) {
    key = next;
    from = &key;
    if (bpf_map_lookup_elem(map, &key, &value) == 0) action(key, value);
  }
  return errno == ENOENT ? base::Status() : base::Status(map_error("read BPF map", name));
}

bool same(const path_endpoint_column& a, const path_endpoint_column& b) {
  return a.policy == b.policy && a.flags == b.flags;
}

const std::array<const char*, DROP_REASONS>& reason_names() {
  static const std::array<const char*, DROP_REASONS> names = {
#define BAILEY_ROW(name, text, meaning) text,
      BAILEY_DROP_REASONS(BAILEY_ROW)
#undef BAILEY_ROW
  };
  return names;
}

const char* allowed_name(std::uint8_t reason) {
  switch (reason) {
    case ALLOWED_RULE: return "rule";
    case ALLOWED_OWN_NODE: return "own-node";
    default: return "open";
  }
}

PathEvent event_of(const path_event& raw) {
  PathEvent out;
  out.kind = static_cast<PathEvent::Kind>(raw.kind);
  out.time_ns = static_cast<std::int64_t>(raw.time_ns);
  out.source = address_of(raw.source);
  out.destination = address_of(raw.destination);
  out.source_port = ntohs(raw.source_port);
  out.destination_port = ntohs(raw.destination_port);
  out.protocol = raw.protocol;
  if (raw.protocol == IPPROTO_ICMP || raw.protocol == IPPROTO_ICMPV6) out.source_port = out.destination_port = 0;
  out.direction = raw.direction == DIRECTION_INGRESS ? Direction::ingress : Direction::egress;
  if (raw.kind == EVENT_DROP)
    out.reason = raw.reason < DROP_REASONS ? reason_names()[raw.reason] : "unknown";
  else
    out.reason = allowed_name(raw.reason);
  if (raw.by.policy != 0) out.by = Rule{raw.by.policy, raw.by.rule};
  out.link_index = static_cast<int>(raw.link);
  out.bytes = raw.bytes;
  out.packets = raw.packets;
  return out;
}

// Until no program still runs that began before this call.
void wait_for_running_programs() {
  if (::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0) return;
  ::usleep(100'000);  // where the kernel has no such call: far longer than a packet takes
}

}  // namespace

struct PodPath::State {
  explicit State(Programs loaded) : programs(std::move(loaded)) {}

  Programs programs;
  std::uint32_t epoch = first_epoch;
  std::map<model::Prefix, Identity> ipcache;
  std::map<std::uint32_t, path_endpoint_column> endpoints;
  std::map<PolicyKey, Rule> entries;
  std::map<std::uint32_t, model::ObjectRef> pods;  // by link
  std::map<std::uint32_t, std::vector<model::Address>> addresses;
  std::map<std::uint32_t, netlink::Mac> macs;
  std::uint32_t highest = 0;  // number in any map when they were taken up

  // What the last change has left for settle().
  std::set<model::Prefix> worn_prefixes;
  std::set<std::uint32_t> worn_endpoints;
  std::vector<PolicyKey> worn_entries;

  struct RingDeleter {
    void operator()(ring_buffer* reader_of_ring) const { ring_buffer__free(reader_of_ring); }
  };
  std::unique_ptr<ring_buffer, RingDeleter> ring;
  std::function<void(const PathEvent&)> reader;

  int map(bpf_map* const& which) const { return bpf_map__fd(which); }
  const auto& maps() const { return programs.skeleton().maps; }
  int column() const { return static_cast<int>(epoch & 1); }

  base::Status configure(const Settings& settings);
  base::Status take_up();
  base::Status take_up_entries();
  base::Status write_endpoint(std::uint32_t link, const path_endpoint_column& now, const path_endpoint_column& next);
  base::Status write_prefix(const model::Prefix& prefix, Identity now, Identity next);
  base::Status add_entries(const Maps& next, Applied& applied);
  using PrefixChange = std::pair<model::Prefix, std::optional<Identity>>;  // empty: it goes
  using EndpointChange = std::pair<std::uint32_t, path_endpoint_column>;
  std::vector<PrefixChange> prefix_changes(const Maps& next) const;
  std::vector<EndpointChange> endpoint_changes(const Maps& next) const;
  base::Status begin_endpoints(std::vector<EndpointChange>& changes);
  base::Status change_one(const std::vector<PrefixChange>& prefixes, const std::vector<EndpointChange>& changes);
  base::Status change_all(const Maps& next, const std::vector<PrefixChange>& prefixes,
                          const std::vector<EndpointChange>& changes);
  base::Status turn(std::uint32_t by);
  base::Result<Applied> apply(const Maps& next);
  base::Status settle();
};

base::Status PodPath::State::configure(const Settings& settings) {
  path_settings set{};
  if (!settings.uplink.empty()) {
    set.uplink = if_nametoindex(settings.uplink.c_str());
    if (set.uplink == 0) return base::system_error("find the uplink", settings.uplink, errno);
  }
  set.flags = (settings.routed ? PATH_ROUTED : 0) | (settings.redirect ? PATH_REDIRECT : 0);
  std::uint64_t tick_ns = std::uint64_t{1} << PATH_TICK_SHIFT;
  set.events_a_tick = static_cast<std::uint32_t>(settings.events_per_second * tick_ns / nanoseconds_a_second);
  std::uint32_t zero = 0;
  if (base::Status done = put(map(maps().settings), zero, set, "settings"); !done.ok()) return done;
  if (set.uplink == 0 || !settings.routed) return {};
  return programs.attach_to_uplink(static_cast<int>(set.uplink));
}

// What a killed predecessor may have left half done is in the column that does not hold.
base::Status PodPath::State::take_up() {
  std::uint32_t zero = 0;
  path_epoch row{};
  if (bpf_map_lookup_elem(map(maps().epoch), &zero, &row) != 0) return map_error("read BPF map", "epoch");
  epoch = row.epoch != 0 ? row.epoch : first_epoch;
  if (row.epoch == 0)
    if (base::Status done = put(map(maps().epoch), zero, path_epoch{epoch}, "epoch"); !done.ok()) return done;
  base::Status done = each_row<path_prefix, path_identity>(map(maps().ipcache), "ipcache",
                                                           [&](const path_prefix& key, const path_identity& value) {
                                                             model::Prefix prefix = prefix_of(key);
                                                             ipcache[prefix] = value.columns[column()];
                                                             for (Identity identity : value.columns)
                                                               highest = std::max(highest, identity);
                                                             if (value.columns[0] != value.columns[1])
                                                               worn_prefixes.insert(prefix);
                                                           });
  if (!done.ok()) return done;
  done = each_row<std::uint32_t, path_endpoint>(map(maps().endpoints), "endpoints",
                                                [&](std::uint32_t link, const path_endpoint& value) {
                                                  endpoints[link] = value.columns[column()];
                                                  for (const path_endpoint_column& each : value.columns)
                                                    highest = std::max(highest, each.policy);
                                                  if (!same(value.columns[0], value.columns[1]))
                                                    worn_endpoints.insert(link);
                                                });
  if (!done.ok()) return done;
  done = each_row<path_address, path_local>(
      map(maps().addresses), "addresses", [&](const path_address& key, const path_local& value) {
        addresses[value.link].push_back(address_of(key.bytes));
        std::copy(std::begin(value.mac), std::end(value.mac), macs[value.link].begin());
      });
  return done.ok() ? take_up_entries() : done;
}

base::Status PodPath::State::take_up_entries() {
  return each_row<path_policy_key, path_rule>(map(maps().policies), "policies",
                                              [&](const path_policy_key& key, const path_rule& value) {
                                                PolicyKey entry = key_of(key);
                                                entries[entry] = Rule{value.policy, value.rule};
                                                highest = std::max({highest, entry.set, entry.identity, value.policy});
                                              });
}

base::Status PodPath::State::write_endpoint(std::uint32_t link, const path_endpoint_column& now,
                                            const path_endpoint_column& next) {
  path_endpoint value{};
  value.columns[column()] = now;
  value.columns[1 - column()] = next;
  return put(map(maps().endpoints), link, value, "endpoints");
}

base::Status PodPath::State::write_prefix(const model::Prefix& prefix, Identity now, Identity next) {
  path_identity value{};
  value.columns[column()] = now;
  value.columns[1 - column()] = next;
  return put(map(maps().ipcache), prefix_key(prefix), value, "ipcache");
}

// Nothing refers to them yet.
base::Status PodPath::State::add_entries(const Maps& next, Applied& applied) {
  auto held = entries.begin();
  for (const auto& [key, rule] : next.entries) {
    while (held != entries.end() && held->first < key) worn_entries.push_back((held++)->first);
    if (held != entries.end() && held->first == key) {
      ++held;
      continue;
    }
    path_rule value{rule.policy, rule.rule};
    if (base::Status done = put(map(maps().policies), policy_key(key), value, "policies"); !done.ok()) return done;
    held = std::next(entries.emplace_hint(held, key, rule));
    ++applied.entries;
  }
  while (held != entries.end()) worn_entries.push_back((held++)->first);
  return {};
}

std::vector<PodPath::State::PrefixChange> PodPath::State::prefix_changes(const Maps& next) const {
  std::vector<PrefixChange> changes;
  auto held = ipcache.begin();
  for (const auto& [prefix, identity] : next.ipcache) {
    for (; held != ipcache.end() && held->first < prefix; ++held) changes.emplace_back(held->first, std::nullopt);
    bool there = held != ipcache.end() && held->first == prefix;
    if (!there || held->second != identity) changes.emplace_back(prefix, identity);
    if (there) ++held;
  }
  for (; held != ipcache.end(); ++held) changes.emplace_back(held->first, std::nullopt);
  return changes;
}

std::vector<PodPath::State::EndpointChange> PodPath::State::endpoint_changes(const Maps& next) const {
  std::vector<EndpointChange> changes;
  for (const auto& [link, held] : endpoints) {
    auto pod = pods.find(link);
    if (pod == pods.end()) continue;  // of an earlier process; attach() will say whose it is
    path_endpoint_column wanted{0, ENDPOINT_READY};
    if (!pod->second.name.empty()) {
      auto endpoint = next.endpoints.find(pod->second);
      wanted = endpoint != next.endpoints.end() ? column_of(endpoint->second) : path_endpoint_column{0, 0};
    }
    if (!same(held, wanted)) changes.emplace_back(link, wanted);
  }
  return changes;
}

// Nothing passes a pending pod: there is no state of before that its packets could mix with.
base::Status PodPath::State::begin_endpoints(std::vector<EndpointChange>& changes) {
  base::Status done;
  std::erase_if(changes, [&](const EndpointChange& change) {
    path_endpoint_column& held = endpoints.at(change.first);
    if (held.flags & ENDPOINT_READY || !done.ok()) return false;
    done = write_endpoint(change.first, change.second, change.second);
    if (done.ok()) held = change.second;
    return true;
  });
  return done;
}

// One row is changed between two packets anyway; the column stays, and only what was judged is judged anew.
base::Status PodPath::State::change_one(const std::vector<PrefixChange>& prefixes,
                                        const std::vector<EndpointChange>& changes) {
  base::Status done;
  if (!changes.empty()) {
    const auto& [link, wanted] = changes.front();
    done = write_endpoint(link, wanted, wanted);
    if (done.ok()) endpoints[link] = wanted;
  } else if (const auto& [prefix, identity] = prefixes.front(); identity) {
    done = write_prefix(prefix, *identity, *identity);
    if (done.ok()) ipcache[prefix] = *identity;
  } else {
    done = erase(map(maps().ipcache), prefix_key(prefix), "ipcache");
    if (done.ok()) ipcache.erase(prefix);
  }
  return done.ok() ? turn(2) : done;
}

base::Status PodPath::State::change_all(const Maps& next, const std::vector<PrefixChange>& prefixes,
                                        const std::vector<EndpointChange>& changes) {
  for (const auto& [prefix, identity] : prefixes) {
    auto known = ipcache.find(prefix);
    Identity now = known != ipcache.end() ? known->second : around(ipcache, prefix);
    if (base::Status done = write_prefix(prefix, now, identity ? *identity : around(next.ipcache, prefix)); !done.ok())
      return done;
    worn_prefixes.insert(prefix);
  }
  for (const auto& [link, wanted] : changes) {
    if (base::Status done = write_endpoint(link, endpoints.at(link), wanted); !done.ok()) return done;
    worn_endpoints.insert(link);
  }
  if (base::Status done = turn(1); !done.ok()) return done;
  ipcache = next.ipcache;
  for (const auto& [link, wanted] : changes) endpoints[link] = wanted;
  return {};
}

// By one: the other column holds. By two: the same does, but under another epoch.
base::Status PodPath::State::turn(std::uint32_t by) {
  std::uint32_t next = epoch + by;
  if (next < by) next += 2;  // 0 is none; the column must be the same
  if (base::Status done = put(map(maps().epoch), std::uint32_t{0}, path_epoch{next}, "epoch"); !done.ok()) return done;
  epoch = next;
  return {};
}

base::Status PodPath::State::settle() {
  if (worn_prefixes.empty() && worn_endpoints.empty() && worn_entries.empty()) return {};
  wait_for_running_programs();
  base::Status done;
  auto keep = [&](base::Status each) {
    if (!each.ok() && done.ok()) done = std::move(each);
  };
  for (const model::Prefix& prefix : worn_prefixes) {
    auto row = ipcache.find(prefix);
    if (row != ipcache.end())
      keep(write_prefix(prefix, row->second, row->second));
    else
      keep(erase(map(maps().ipcache), prefix_key(prefix), "ipcache"));
  }
  for (std::uint32_t link : worn_endpoints)
    if (auto row = endpoints.find(link); row != endpoints.end()) keep(write_endpoint(link, row->second, row->second));
  for (const PolicyKey& key : worn_entries) {
    keep(erase(map(maps().policies), policy_key(key), "policies"));
    entries.erase(key);
  }
  worn_prefixes.clear();
  worn_endpoints.clear();
  worn_entries.clear();
  return done;
}

PodPath::PodPath(std::unique_ptr<State> state) : state_(std::move(state)) {}
PodPath::PodPath(PodPath&&) noexcept = default;
PodPath& PodPath::operator=(PodPath&&) noexcept = default;
PodPath::~PodPath() = default;

base::Result<PodPath> PodPath::open(const Settings& settings) {
  base::Result<Programs> programs = Programs::load(settings);
  if (!programs.ok()) return programs.error();
  auto state = std::make_unique<State>(std::move(programs).value());
  if (base::Status done = state->take_up(); !done.ok()) return done.error();
  if (base::Status done = state->configure(settings); !done.ok()) return done.error();
  return PodPath(std::move(state));
}

Ids PodPath::ids() const {
  std::uint32_t next = state_->highest + 1;
  return {Numbers(std::max(first_identity, next)), Numbers(next), Numbers(next)};
}

base::Status PodPath::attach(const Attachment& attachment) {
  State& state = *state_;
  auto link = static_cast<std::uint32_t>(attachment.link_index);
  bool known = state.endpoints.contains(link);
  if (!known) {
    if (base::Status done = state.write_endpoint(link, {}, {}); !done.ok()) return done;
    state.endpoints[link] = {};
  }
  netlink::Mac& mac = state.macs[link];
  if (attachment.mac != netlink::Mac{}) mac = attachment.mac;
  for (const model::Address& address : state.addresses[link])
    if (std::find(attachment.addresses.begin(), attachment.addresses.end(), address) == attachment.addresses.end())
      (void)erase(state.map(state.maps().addresses), address_key(address), "addresses");
  for (const model::Address& address : attachment.addresses) {
    path_local local{};
    local.link = link;
    std::copy(mac.begin(), mac.end(), local.mac);
    if (base::Status done = put(state.map(state.maps().addresses), address_key(address), local, "addresses");
        !done.ok())
      return done;
    for (auto& [other, held] : state.addresses)
      if (other != link) std::erase(held, address);
  }
  state.addresses[link] = attachment.addresses;
  state.pods[link] = attachment.pod;
  return state.programs.attach_to_pod(attachment.link_index);
}

void PodPath::remove(int link_index) {
  State& state = *state_;
  auto link = static_cast<std::uint32_t>(link_index);
  for (const model::Address& address : state.addresses[link])
    (void)erase(state.map(state.maps().addresses), address_key(address), "addresses");
  (void)erase(state.map(state.maps().endpoints), link, "endpoints");
  state.addresses.erase(link);
  state.macs.erase(link);
  state.endpoints.erase(link);
  state.pods.erase(link);
  state.worn_endpoints.erase(link);
}

std::vector<int> PodPath::links() const {
  std::vector<int> out;
  for (const auto& [link, column] : state_->endpoints) out.push_back(static_cast<int>(link));
  return out;
}

base::Result<Applied> PodPath::State::apply(const Maps& next) {
  Applied applied;
  std::vector<PrefixChange> prefixes = prefix_changes(next);
  std::vector<EndpointChange> changes = endpoint_changes(next);
  applied.identities = prefixes.size();
  applied.endpoints = changes.size();
  base::Status done = add_entries(next, applied);
  if (done.ok()) done = begin_endpoints(changes);
  std::size_t rows = prefixes.size() + changes.size();
  if (done.ok() && rows == 1) done = change_one(prefixes, changes);
  if (done.ok() && rows > 1) done = change_all(next, prefixes, changes);
  if (!done.ok()) return done.error();
  applied.epoch = epoch;
  return applied;
}

base::Result<Applied> PodPath::apply(const Maps& next) {
  // The other column must be free of what packets of before still read. Entries alone can wait: they are found again.
  if (!state_->worn_prefixes.empty() || !state_->worn_endpoints.empty())
    if (base::Status done = state_->settle(); !done.ok()) return done.error();
  state_->worn_entries.clear();
  base::Result<Applied> applied = state_->apply(next);
  // What could not be brought to its end does not hold, so what it would have replaced is still needed.
  if (!applied.ok()) state_->worn_entries.clear();
  return applied;
}

base::Status PodPath::settle() {
  base::Status done = state_->settle();
  state_->programs.remove_older_pins();
  return done;
}

base::Status PodPath::read_events(const std::function<void(const PathEvent&)>& action) {
  State& state = *state_;
  state.reader = action;
  if (!state.ring) {
    auto take = [](void* context, void* data, size_t size) {
      if (size >= sizeof(path_event))
        static_cast<State*>(context)->reader(event_of(*static_cast<const path_event*>(data)));
      return 0;
    };
    state.ring.reset(ring_buffer__new(state.map(state.maps().events), take, &state, nullptr));
    if (!state.ring) return map_error("read BPF ring", "events");
  }
  int count = ring_buffer__consume(state.ring.get());
  return count >= 0 ? base::Status() : base::Status(base::system_error("read BPF ring", "events", -count));
}

base::Result<PathCounts> PodPath::counts() const {
  State& state = *state_;
  auto processors = static_cast<std::size_t>(std::max(1, libbpf_num_possible_cpus()));
  PathCounts out;
  std::vector<path_count> each(processors);
  for (std::uint32_t reason = 0; reason < DROP_REASONS; ++reason) {
    if (bpf_map_lookup_elem(state.map(state.maps().drops), &reason, each.data()) != 0)
      return map_error("read BPF map", "drops");
    DropCount count{reason_names()[reason]};
    for (const path_count& one : each) {
      count.packets += one.packets;
      count.bytes += one.bytes;
    }
    out.drops.push_back(std::move(count));
  }
  std::array<std::uint64_t, PATH_COUNTERS> sums{};
  std::vector<std::uint64_t> numbers(processors);
  for (std::uint32_t counter = 0; counter < PATH_COUNTERS; ++counter) {
    if (bpf_map_lookup_elem(state.map(state.maps().counts), &counter, numbers.data()) != 0)
      return map_error("read BPF map", "counts");
    for (std::uint64_t number : numbers) sums[counter] += number;
  }
  out.to_pod = sums[COUNT_TO_POD];
  out.to_uplink = sums[COUNT_TO_UPLINK];
  out.connections = sums[COUNT_FLOWS];
  out.connections_untracked = sums[COUNT_FLOWS_UNTRACKED];
  out.events_left_out = sums[COUNT_EVENTS_LEFT_OUT];
  out.events_lost = sums[COUNT_EVENTS_LOST];
  return out;
}

base::Result<PodPath::Use> PodPath::connection_use() const {
  State& state = *state_;
  Use use;
  use.size = bpf_map__max_entries(state.maps().flows);
  constexpr std::uint32_t rows = 4096;
  std::vector<path_flow_key> keys(rows);
  std::vector<path_flow> values(rows);
  std::uint64_t place = 0;
  bool first = true;
  while (true) {
    std::uint32_t count = rows;
    int done = bpf_map_lookup_batch(state.map(state.maps().flows), first ? nullptr : &place, &place, keys.data(),
                                    values.data(), &count, nullptr);
    if (done != 0 && errno != ENOENT) return map_error("read BPF map", "flows");
    use.held += count;
    first = false;
    if (done != 0) return use;
  }
}

std::uint32_t PodPath::epoch() const { return state_->epoch; }
std::string PodPath::attached_by() const { return state_->programs.by_tcx() ? "tcx" : "clsact"; }

}  // namespace bailey::datapath::sys
