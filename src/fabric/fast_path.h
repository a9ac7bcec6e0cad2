// What of the fabric can be said without rules: by the device by which a packet enters and by its source, the routing
// tables that know where it goes. The program bpf/fabric_path.bpf.c takes such packets there; whatever is not in here,
// or has no route in the tables, goes the way of the rules (ruleset.h), which know all.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "fabric/fabric.h"

namespace bailey::fabric {

struct FastPath {
  // Packets enter and leave the fast path by these.
  struct Device {
    std::string name;
    std::uint32_t mtu = 0;
    friend auto operator<=>(const Device&, const Device&) = default;
  };
  // Of the sources of a device the longest prefix counts.
  struct Source {
    std::string device;
    model::Prefix prefix;
    std::array<std::uint32_t, 2> tables{};  // the second is asked where the first has no answer; 0: none
    friend auto operator<=>(const Source&, const Source&) = default;
  };
  std::vector<Device> devices;  // ascending, as are the sources
  std::vector<Source> sources;
  friend bool operator==(const FastPath&, const FastPath&) = default;
};

// Of a compiled fabric. The Internet's device is never in it: what crosses it is translated.
FastPath fast_path(const Desired& desired);

}  // namespace bailey::fabric
