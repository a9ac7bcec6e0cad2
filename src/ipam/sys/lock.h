// Locks of a lease folder: single bytes of one file, locked by open file description (fcntl(2), F_OFD_SETLKW).
//
// Taking a lock writes nothing, so it needs no room on a full disk and leaves nothing when its holder is killed.
// A LockFile does not exclude itself: what it holds already is counted, and given back with the last Lock. So one
// process may hold the locks of several containers through one LockFile even if two names fall on one byte.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "io/fd.h"

namespace bailey::ipam::sys {

class LockFile;

// Held until it goes out of scope, or until the process dies. May outlive what it came from. An empty one holds
// nothing.
class Lock {
 public:
  Lock() = default;
  Lock(std::shared_ptr<LockFile> file, std::int64_t byte) : file_(std::move(file)), byte_(byte) {}
  Lock(Lock&& other) noexcept : file_(std::move(other.file_)), byte_(other.byte_) {}
  Lock& operator=(Lock&& other) noexcept;
  ~Lock() { reset(); }

  void reset();

 private:
  std::shared_ptr<LockFile> file_;
  std::int64_t byte_ = 0;
};

class LockFile : public std::enable_shared_from_this<LockFile> {
 public:
  // Bytes of containers and pods; the folder as a whole is byte 0.
  static constexpr std::int64_t folder_byte = 0;
  static std::int64_t container_byte(std::string_view container);
  static std::int64_t pod_byte(std::string_view pod_namespace, std::string_view pod_name);

  // `writable`: opened for reading only, it can lock shared only.
  LockFile(io::Fd file, bool writable, std::string shown)
      : file_(std::move(file)), writable_(writable), shown_(std::move(shown)) {}
  bool writable() const { return writable_; }

  enum class How : std::uint8_t { shared, exclusive };
  base::Result<Lock> wait_for(std::int64_t byte, How how);
  // Empty: somebody else holds it.
  base::Result<std::optional<Lock>> try_for(std::int64_t byte, How how);

 private:
  friend class Lock;
  base::Result<bool> take(std::int64_t byte, How how, bool wait);
  void give_back(std::int64_t byte);

  io::Fd file_;
  bool writable_;
  std::string shown_;
  std::map<std::int64_t, int> held_;
};

}  // namespace bailey::ipam::sys
