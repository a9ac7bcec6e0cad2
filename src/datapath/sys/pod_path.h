// The packet path of a node's pods in the kernel: programs at their links and at the uplink, and the maps they share.
//
// Everything that must outlive this process is the kernel's: maps are pinned, programs stay with their devices. So
// traffic goes on, by the policies of the last apply(), while nobody holds a PodPath, and the next open() takes up
// where the last one ended, however that was. Acts in the calling thread's network namespace; single thread; one at a
// time for a folder of pins.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "datapath/policy.h"
#include "netlink/netlink.h"

namespace bailey::datapath::sys {

struct Settings {
  std::string pins = "/sys/fs/bpf/bailey";  // a folder on a bpffs; made where it is missing
  std::string uplink;                       // device to the other nodes; "": packets leave through the stack
  bool routed = true;                       // pods are routed (vnet), not on a bridge (kubenet)
  bool redirect = true;                     // past the stack where that is safe
  std::uint32_t connections = 65536;        // rows of the connection table, 176 bytes each
  std::uint32_t events_per_second = 5000;   // of each processor; what is beyond is counted only
  // Attach by tcx (Linux 6.6), not by clsact. The kernel waits for an RCU grace period at each link then, under the
  // lock that every other change of a link needs: 10 ms and more for each pod.
  bool tcx = false;
};

// A pod's link and what it is for.
struct Attachment {
  int link_index = 0;  // of the node's end
  netlink::Mac mac{};  // of the pod's end; all 0: what was said of the link before
  std::vector<model::Address> addresses;
  model::ObjectRef pod;  // without a name: no pod of the cluster, so no policy selects it
};

struct Applied {
  std::size_t identities = 0;  // addresses and blocks that changed
  std::size_t endpoints = 0;
  std::size_t entries = 0;  // that were added
  std::uint32_t epoch = 0;
};

struct DropCount {
  std::string reason;  // bpf/abi/drop_reasons.h
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
};

struct PathCounts {
  std::vector<DropCount> drops;  // every reason
  std::uint64_t to_pod = 0;      // packets past the stack
  std::uint64_t to_uplink = 0;
  std::uint64_t connections = 0;            // opened
  std::uint64_t connections_untracked = 0;  // let pass by policy, but the table did not take them
  std::uint64_t events_left_out = 0;        // beyond events_per_second
  std::uint64_t events_lost = 0;            // nobody read them in time
};

// What the programs tell.
struct PathEvent {
  enum class Kind : std::uint8_t { open, close, drop } kind = Kind::open;
  std::int64_t time_ns = 0;  // CLOCK_MONOTONIC
  model::Address source;     // who opened the connection
  model::Address destination;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint8_t protocol = 0;                 // IP protocol number
  Direction direction = Direction::ingress;  // at whose end it was judged
  std::string reason;                        // of a drop; else "open", "rule", "own-node"
  std::optional<Rule> by;
  int link_index = 0;  // of the pod that was judged
  std::uint64_t bytes = 0;
  std::uint64_t packets = 0;
};

class PodPath {
 public:
  // Fails where the kernel does not take the programs, or the folder is no bpffs.
  static base::Result<PodPath> open(const Settings& settings);
  PodPath(PodPath&&) noexcept;
  PodPath& operator=(PodPath&&) noexcept;
  ~PodPath();

  // Numbers for a Compiler, beyond those that the maps hold.
  Ids ids() const;

  // Puts the programs at a link. Until apply() knows its pod nothing passes; a link that had its programs keeps what
  // it may.
  base::Status attach(const Attachment& attachment);
  // A link that is gone. A pod's link that goes takes its programs with it.
  void remove(int link_index);
  std::vector<int> links() const;  // with programs, as far as the maps know

  // The node passes from what it does now to `next` between two packets: no packet sees a part of it.
  base::Result<Applied> apply(const Maps& next);
  // Removes what the last apply() has left behind. Done by the next apply() otherwise; waits until no processor still
  // works for a packet of before.
  base::Status settle();

  // Calls `action` for each event since the last call.
  base::Status read_events(const std::function<void(const PathEvent&)>& action);
  base::Result<PathCounts> counts() const;
  // Connections that the table holds, of how many it can.
  struct Use {
    std::uint64_t held = 0;
    std::uint64_t size = 0;
  };
  base::Result<Use> connection_use() const;
  std::uint32_t epoch() const;
  // "tcx" or "clsact".
  std::string attached_by() const;

 private:
  struct State;
  explicit PodPath(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace bailey::datapath::sys
