// The programs of the packet path: loading them with maps that are pinned, and putting them at devices.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "datapath/sys/pod_path.h"

struct pod_path_bpf;  // of bpftool's skeleton

namespace bailey::datapath::sys {

class Programs {
 public:
  // Loads the programs. Maps that are pinned in settings.pins by the same layout are taken up, others made and pinned;
  // the connections of an older layout are taken over where their rows have the same shape.
  static base::Result<Programs> load(const Settings& settings);
  Programs(Programs&&) noexcept;
  Programs& operator=(Programs&&) noexcept;
  ~Programs();

  const pod_path_bpf& skeleton() const { return *skeleton_; }
  const std::string& folder() const { return folder_; }  // of the pins

  // In place of what an earlier load() has put there. By clsact where the kernel knows no tcx.
  base::Status attach_to_pod(int link_index);
  base::Status attach_to_uplink(int link_index);
  // Pins of other layouts, once no device has their programs any more.
  void remove_older_pins() const;
  bool by_tcx() const { return tcx_; }

 private:
  enum class Side : std::uint8_t { ingress, egress };
  Programs() = default;
  base::Status attach(int link_index, Side side, int program);
  base::Status attach_tcx(int link_index, Side side, int program) const;
  base::Status attach_clsact(int link_index, Side side, int program) const;

  struct Deleter {
    void operator()(pod_path_bpf* skeleton) const;
  };
  std::unique_ptr<pod_path_bpf, Deleter> skeleton_;
  std::string root_;
  std::string folder_;
  bool tcx_ = true;
};

}  // namespace bailey::datapath::sys
