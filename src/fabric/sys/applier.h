// Makes the kernel equal to a fabric::Desired.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "fabric/fabric.h"

namespace bailey::fabric::sys {

// Observes and changes the namespaces of the lab's hosts. Holds one netlink socket a namespace; single thread.
class Applier {
 public:
  // Whether packets that need nothing but a route go past the rules (fast_path.h). Results are the same without.
  enum class Speed : std::uint8_t { fast_path, rules_alone };
  explicit Applier(Speed speed = Speed::fast_path);
  ~Applier();
  Applier(const Applier&) = delete;
  Applier& operator=(const Applier&) = delete;

  // The namespace of a host; the descriptor is duplicated. Must be known before apply() names the host.
  base::Status add_host(const HostName& host, int namespace_fd);
  // Forgets a host whose namespace goes away; its cables go with it.
  void remove_host(const HostName& host);

  struct Changes {
    std::size_t links = 0;
    std::size_t addresses = 0;
    std::size_t routes = 0;
    std::size_t rules = 0;
    bool filter = false;
    bool observed = false;  // the kernel was read first
  };
  // Brings every known host to `desired`: what is missing is added, what is too much is taken away. Removal and
  // addition are ordered so that no packet takes a way that neither the old nor the new state has. What was there
  // at the first call is observed from the kernel; later calls compare with what was applied last.
  base::Result<Changes> apply(const Desired& desired);
  // Forgets what was applied last, so that the next apply() observes the kernel again, and tries the fast path again
  // where it was given up.
  void forget();

  // Packets dropped by the fabric since start, by reason and object ("source-check", "NetworkInterface/web").
  struct DropCounter {
    std::string reason;
    std::string object;
    std::uint64_t packets = 0;
  };
  base::Result<std::vector<DropCounter>> drops();

  // Where the kernel does not take the fast path, `off` says why; the rules then carry everything.
  struct FastPathStatus {
    bool on = false;
    std::optional<base::Error> off;
    std::uint64_t packets = 0;
  };
  FastPathStatus fast_path() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bailey::fabric::sys
