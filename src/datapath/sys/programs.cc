// Programs stay at a device without a link object or a pin: clsact filters and BPF_PROG_ATTACH of tcx (Linux 6.6) both
// last as long as the device, so there is nothing that could be left behind.
#include "datapath/sys/programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <linux/magic.h>
#include <pod_path.skel.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "abi/pod_path.h"
#include "io/fd.h"

namespace bailey::datapath::sys {
namespace {

// BPF_TCX_INGRESS, BPF_TCX_EGRESS and BPF_F_REPLACE for them (6.6), for which libbpf 1.1 has no names.
constexpr auto tcx_ingress = static_cast<bpf_attach_type>(46);
constexpr auto tcx_egress = static_cast<bpf_attach_type>(47);
constexpr std::uint32_t clsact_priority = 1;
constexpr std::uint32_t clsact_handle = 1;

base::Error bpf_error(const std::string& operation, const std::string& object) {
  return base::system_error(operation, object, errno);
}

std::string layout_folder(int layout) { return "layout-" + std::to_string(layout); }

std::vector<std::string> entries_of(const std::string& folder) {
  std::vector<std::string> out;
  DIR* directory = opendir(folder.c_str());
  if (!directory) return out;
  while (const dirent* entry = readdir(directory))
    if (entry->d_name[0] != '.') out.emplace_back(entry->d_name);
  closedir(directory);
  return out;
}

void remove_folder(const std::string& folder) {
  for (const std::string& name : entries_of(folder)) ::unlink((folder + "/" + name).c_str());
  ::rmdir(folder.c_str());
}

std::optional<bpf_map_info> info_of(int map) {
  bpf_map_info info{};
  std::uint32_t size = sizeof info;
  if (map < 0 || bpf_obj_get_info_by_fd(map, &info, &size) != 0) return std::nullopt;
  return info;
}

// A table of another size cannot be taken up.
void drop_connections_of_other_size(const std::string& pin, std::uint32_t rows) {
  io::Fd map(bpf_obj_get(pin.c_str()));
  std::optional<bpf_map_info> info = info_of(map.get());
  if (info &&
      (info->max_entries != rows || info->key_size != sizeof(path_flow_key) || info->value_size != sizeof(path_flow)))
    ::unlink(pin.c_str());
}

void take_over_connections(const std::string& root, const std::string& folder, std::uint32_t rows) {
  std::string own = folder + "/flows";
  if (::access(own.c_str(), F_OK) == 0) return;
  for (const std::string& name : entries_of(root)) {
    io::Fd map(bpf_obj_get((root + "/" + name + "/flows").c_str()));
    std::optional<bpf_map_info> info = info_of(map.get());
    if (info && info->max_entries == rows && info->key_size == sizeof(path_flow_key) &&
        info->value_size == sizeof(path_flow) && bpf_obj_pin(map.get(), own.c_str()) == 0)
      return;
  }
}

base::Status prepare_folder(const std::string& root, const std::string& folder) {
  if (base::Status made = io::make_folders(root, 0700); !made.ok()) return made;
  struct statfs what {};
  if (::statfs(root.c_str(), &what) != 0) return bpf_error("look at", root);
  if (what.f_type != BPF_FS_MAGIC)
    return base::Error{"pin BPF maps in", root, "it is no bpffs; mount one: mount -t bpf bpf /sys/fs/bpf", EINVAL};
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return bpf_error("make folder", folder);
  return {};
}

// Of ours, by its name; -1: there is none.
io::Fd program_at(int link_index, bpf_attach_type where, const char* name) {
  std::array<std::uint32_t, 64> ids{};
  std::uint32_t count = ids.size();
  if (bpf_prog_query(link_index, where, 0, nullptr, ids.data(), &count) != 0) return {};
  for (std::uint32_t i = 0; i < count && i < ids.size(); ++i) {
    io::Fd program(bpf_prog_get_fd_by_id(ids[i]));
    bpf_prog_info info{};
    std::uint32_t size = sizeof info;
    if (program && bpf_obj_get_info_by_fd(program.get(), &info, &size) == 0 && std::strcmp(info.name, name) == 0)
      return program;
  }
  return {};
}

std::string name_of(int program) {
  bpf_prog_info info{};
  std::uint32_t size = sizeof info;
  return bpf_obj_get_info_by_fd(program, &info, &size) == 0 ? info.name : "";
}

// libbpf tells standard error what our errors say.
class Quiet {
 public:
  Quiet() : before_(libbpf_set_print(nullptr)) {}
  ~Quiet() { libbpf_set_print(before_); }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;

 private:
  libbpf_print_fn_t before_;
};

}  // namespace

void Programs::Deleter::operator()(pod_path_bpf* skeleton) const { pod_path_bpf__destroy(skeleton); }
Programs::Programs(Programs&&) noexcept = default;
Programs& Programs::operator=(Programs&&) noexcept = default;
Programs::~Programs() = default;

base::Result<Programs> Programs::load(const Settings& settings) {
  Programs out;
  Quiet quiet;
  out.root_ = settings.pins;
  out.folder_ = settings.pins + "/" + layout_folder(POD_PATH_LAYOUT);
  out.tcx_ = settings.tcx;
  if (base::Status made = prepare_folder(out.root_, out.folder_); !made.ok()) return made.error();
  drop_connections_of_other_size(out.folder_ + "/flows", settings.connections);
  take_over_connections(out.root_, out.folder_, settings.connections);
  out.skeleton_.reset(pod_path_bpf__open());
  if (!out.skeleton_) return bpf_error("open BPF programs", "pod_path");
  bpf_map__set_max_entries(out.skeleton_->maps.flows, settings.connections);
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, out.skeleton_->obj) {
    if (bpf_map__is_internal(map)) continue;
    if (bpf_map__set_pin_path(map, (out.folder_ + "/" + bpf_map__name(map)).c_str()) != 0)
      return bpf_error("pin BPF map", bpf_map__name(map));
  }
  if (pod_path_bpf__load(out.skeleton_.get()) != 0)
    return base::Error{"load BPF programs", "pod_path",
                       std::string(std::strerror(errno)) +
                           "; the kernel must be 6.1 or newer, and the process needs CAP_BPF and CAP_NET_ADMIN",
                       errno};
  return out;
}

base::Status Programs::attach_tcx(int link_index, Side side, int program) const {
  bpf_attach_type where = side == Side::ingress ? tcx_ingress : tcx_egress;
  io::Fd before = program_at(link_index, where, name_of(program).c_str());
  struct bpf_prog_attach_opts options {};
  options.sz = sizeof options;
  if (before) {
    options.flags = BPF_F_REPLACE;
    options.replace_prog_fd = before.get();
  }
  if (bpf_prog_attach_opts(program, link_index, where, &options) == 0 || errno == EEXIST) return {};
  return bpf_error("attach BPF program to", "device " + std::to_string(link_index));
}

base::Status Programs::attach_clsact(int link_index, Side side, int program) const {
  bpf_tc_hook hook{};
  hook.sz = sizeof hook;
  hook.ifindex = link_index;
  hook.attach_point = static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS);
  if (int made = bpf_tc_hook_create(&hook); made != 0 && made != -EEXIST) {
    errno = -made;
    return bpf_error("add clsact to", "device " + std::to_string(link_index));
  }
  hook.attach_point = side == Side::ingress ? BPF_TC_INGRESS : BPF_TC_EGRESS;
  bpf_tc_opts options{};
  options.sz = sizeof options;
  options.handle = clsact_handle;
  options.priority = clsact_priority;
  options.prog_fd = program;
  options.flags = BPF_TC_F_REPLACE;
  // Of a predecessor that attached the other way; a packet meets both until it is gone, which changes nothing.
  bpf_attach_type other = side == Side::ingress ? tcx_ingress : tcx_egress;
  io::Fd before = program_at(link_index, other, name_of(program).c_str());
  if (int done = bpf_tc_attach(&hook, &options); done != 0) {
    errno = -done;
    return bpf_error("attach BPF program to", "device " + std::to_string(link_index));
  }
  if (before) (void)bpf_prog_detach2(before.get(), link_index, other);
  return {};
}

base::Status Programs::attach(int link_index, Side side, int program) {
  Quiet quiet;
  if (tcx_) {
    base::Status done = attach_tcx(link_index, side, program);
    if (done.ok() || done.error().code != EINVAL) return done;
    tcx_ = false;
  }
  return attach_clsact(link_index, side, program);
}

base::Status Programs::attach_to_pod(int link_index) {
  base::Status done = attach(link_index, Side::ingress, bpf_program__fd(skeleton_->progs.from_pod));
  return done.ok() ? attach(link_index, Side::egress, bpf_program__fd(skeleton_->progs.to_pod)) : done;
}

base::Status Programs::attach_to_uplink(int link_index) {
  return attach(link_index, Side::ingress, bpf_program__fd(skeleton_->progs.from_uplink));
}

void Programs::remove_older_pins() const {
  for (const std::string& name : entries_of(root_))
    if (name.starts_with("layout-") && root_ + "/" + name != folder_) remove_folder(root_ + "/" + name);
}

}  // namespace bailey::datapath::sys
