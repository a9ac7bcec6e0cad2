// Network namespaces: create, pin, enter.
//
// A namespace lives as long as a process is in it, a descriptor of it is open, or it is bind-mounted on a
// file. The calls that switch act on the calling thread alone.
#pragma once

#include <string>

#include "base/result.h"
#include "io/fd.h"

namespace bailey::netlink {

// The calling thread's network namespace.
base::Result<io::Fd> current_namespace();
base::Result<io::Fd> open_namespace(const std::string& path);
// A new, empty namespace (lo down); the calling thread is back in its own when this returns.
base::Result<io::Fd> create_namespace();
// Bind-mounts the namespace on `path` (created as an empty file), so that it stays without a process.
base::Status pin_namespace(const io::Fd& ns, const std::string& path);
// Undoes pin_namespace; what is missing is fine.
base::Status unpin_namespace(const std::string& path);

// The calling thread is in `ns` until this goes out of scope. Ends the process if it cannot come back.
class Inside {
 public:
  static base::Result<Inside> enter(int namespace_fd);
  Inside(Inside&&) noexcept = default;
  ~Inside();

 private:
  explicit Inside(io::Fd home) : home_(std::move(home)) {}
  io::Fd home_;
};

}  // namespace bailey::netlink
