// `held` is what the maps hold, in their own terms (indices of devices, not names): a device that is made anew under
// its old name is another row.
#include "fabric/sys/fast_path_loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fabric_path.skel.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <vector>

#include "abi/fabric_path.h"
#include "io/fd.h"
#include "netlink/namespace.h"

namespace bailey::fabric::sys {
namespace {

// BPF_TCX_INGRESS (6.6): libbpf 1.1 attaches it by its number, though it has no name for it.
constexpr auto tcx_ingress = static_cast<bpf_attach_type>(46);

static_assert(sizeof(fast_device) == 4 && sizeof(fast_source_key) == 24 && sizeof(fast_source) == 8);

using Key = std::array<std::uint8_t, sizeof(fast_source_key)>;
using Value = std::array<std::uint32_t, 2>;

Key key_of(std::uint32_t index, const model::Prefix& prefix) {
  bool v4 = prefix.address().is_v4();
  fast_source_key key{};
  key.prefix_bits = 32 + static_cast<std::uint32_t>(prefix.length()) + (v4 ? 96 : 0);
  key.port = index << 1 | (v4 ? 0 : 1);
  std::memcpy(key.address, prefix.address().bytes().data(), sizeof key.address);
  Key out;
  std::memcpy(out.data(), &key, sizeof key);
  return out;
}

base::Error failed(const char* operation, const std::string& object) {
  int code = errno;
  return base::Error{operation, object, std::strerror(code), code};
}

// A destroyed namespace or device took the entry's device with it; the entry itself always stands.
base::Status remove(int map, const void* key, const char* object) {
  if (bpf_map_delete_elem(map, key) == 0 || errno == ENOENT) return {};
  return failed("remove from the fast path", object);
}

}  // namespace

struct FastPathLoader::Rows {
  std::map<std::uint32_t, std::uint32_t> devices;  // index -> MTU
  std::map<Key, Value> sources;
};

struct FastPathLoader::State {
  io::Fd space;
  fabric_path_bpf* program = nullptr;
  std::map<std::uint32_t, io::Fd> links;  // by index of the device
  Rows held;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    links.clear();
    if (program) fabric_path_bpf__destroy(program);
  }

  int devices() const { return bpf_map__fd(program->maps.devices); }
  int sources() const { return bpf_map__fd(program->maps.sources); }
  base::Status attach(std::uint32_t index);
};

FastPathLoader::Rows FastPathLoader::rows_of(const FastPath& path, const Indices& indices) {
  Rows out;
  for (const FastPath::Device& device : path.devices)
    if (auto index = indices.find(device.name); index != indices.end())
      out.devices[static_cast<std::uint32_t>(index->second)] = device.mtu;
  for (const FastPath::Source& source : path.sources)
    if (auto index = indices.find(source.device); index != indices.end())
      out.sources[key_of(static_cast<std::uint32_t>(index->second), source.prefix)] = source.tables;
  return out;
}

FastPathLoader::FastPathLoader(std::unique_ptr<State> state) : state_(std::move(state)) {}
FastPathLoader::FastPathLoader(FastPathLoader&&) noexcept = default;
FastPathLoader& FastPathLoader::operator=(FastPathLoader&&) noexcept = default;
FastPathLoader::~FastPathLoader() = default;

base::Result<FastPathLoader> FastPathLoader::load(int namespace_fd) {
  auto state = std::make_unique<State>();
  io::Fd borrowed(namespace_fd);
  base::Result<io::Fd> space = borrowed.duplicate();
  borrowed.release();
  if (!space.ok()) return space.error();
  state->space = std::move(space).value();
  // libbpf would tell standard error what the error says here.
  libbpf_print_fn_t printer = libbpf_set_print(nullptr);
  state->program = fabric_path_bpf__open_and_load();
  libbpf_set_print(printer);
  if (!state->program) return failed("load BPF program", "fabric_path");
  return FastPathLoader(std::move(state));
}

base::Status FastPathLoader::State::attach(std::uint32_t index) {
  // The kernel looks for the device in the namespace of the caller.
  base::Result<netlink::Inside> inside = netlink::Inside::enter(space.get());
  if (!inside.ok()) return inside.error();
  int link =
      bpf_link_create(bpf_program__fd(program->progs.fabric_path), static_cast<int>(index), tcx_ingress, nullptr);
  if (link < 0) return failed("attach BPF program fabric_path to", "device " + std::to_string(index));
  links[index] = io::Fd(link);
  return {};
}

base::Status FastPathLoader::withdraw(const FastPath& next, const Indices& indices) {
  Rows wanted = rows_of(next, indices);
  Rows& held = state_->held;
  for (auto row = held.sources.begin(); row != held.sources.end();) {
    auto stays = wanted.sources.find(row->first);
    if (stays != wanted.sources.end() && stays->second == row->second) {
      ++row;
      continue;
    }
    if (base::Status gone = remove(state_->sources(), row->first.data(), "a source"); !gone.ok()) return gone;
    row = held.sources.erase(row);
  }
  for (auto row = held.devices.begin(); row != held.devices.end();) {
    auto stays = wanted.devices.find(row->first);
    if (stays != wanted.devices.end() && stays->second == row->second) {
      ++row;
      continue;
    }
    if (base::Status gone = remove(state_->devices(), &row->first, "a device"); !gone.ok()) return gone;
    state_->links.erase(row->first);
    row = held.devices.erase(row);
  }
  return {};
}

base::Status FastPathLoader::extend(const FastPath& next, const Indices& indices) {
  Rows wanted = rows_of(next, indices);
  Rows& held = state_->held;
  for (const auto& [key, tables] : wanted.sources) {
    if (held.sources.contains(key)) continue;
    fast_source value{{tables[0], tables[1]}};
    if (bpf_map_update_elem(state_->sources(), key.data(), &value, BPF_ANY) != 0)
      return failed("add to the fast path", "a source");
    held.sources.emplace(key, tables);
  }
  for (const auto& [index, mtu] : wanted.devices) {
    if (held.devices.contains(index)) continue;
    fast_device value{mtu};
    if (bpf_map_update_elem(state_->devices(), &index, &value, BPF_ANY) != 0)
      return failed("add to the fast path", "device " + std::to_string(index));
    held.devices.emplace(index, mtu);
    if (base::Status attached = state_->attach(index); !attached.ok()) return attached;
  }
  return {};
}

void FastPathLoader::clear() {
  // Without a link no packet is looked at, whatever the maps hold.
  state_->links.clear();
  (void)withdraw({}, {});
}

base::Result<std::uint64_t> FastPathLoader::packets() const {
  int cpus = libbpf_num_possible_cpus();
  if (cpus < 1) return failed("count", "processors");
  std::vector<std::uint64_t> each(static_cast<std::size_t>(cpus));
  std::uint32_t zero = 0;
  if (bpf_map_lookup_elem(bpf_map__fd(state_->program->maps.taken), &zero, each.data()) != 0)
    return failed("read", "the packets of the fast path");
  return std::accumulate(each.begin(), each.end(), std::uint64_t{0});
}

}  // namespace bailey::fabric::sys
