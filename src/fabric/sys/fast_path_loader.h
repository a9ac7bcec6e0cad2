// The fast path in the kernel: one program, attached to devices of the fabric's namespace, and its maps.
//
// Nothing is pinned: when the loader goes, so does the fast path, and the rules carry on alone. Single thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "fabric/fast_path.h"

namespace bailey::fabric::sys {

class FastPathLoader {
 public:
  // Loads the program. Fails where the kernel does not take it (older than 6.6, or without leave to use BPF).
  static base::Result<FastPathLoader> load(int namespace_fd);
  FastPathLoader(FastPathLoader&&) noexcept;
  FastPathLoader& operator=(FastPathLoader&&) noexcept;
  ~FastPathLoader();

  // Device names of the namespace -> their indices.
  using Indices = std::map<std::string, int>;

  // The way from one state to the next is: withdraw(), everything else that changes, extend(). In between only that
  // goes the fast way which does so before and after.
  base::Status withdraw(const FastPath& next, const Indices& indices);
  base::Status extend(const FastPath& next, const Indices& indices);
  // Nothing goes the fast way any more.
  void clear();

  // Packets that went the fast way since load().
  base::Result<std::uint64_t> packets() const;

 private:
  struct Rows;
  struct State;
  static Rows rows_of(const FastPath& path, const Indices& indices);
  explicit FastPathLoader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace bailey::fabric::sys
