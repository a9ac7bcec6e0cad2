// Fd: owns a file descriptor and closes it.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace bailey::io {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int number) : number_(number) {}  // takes ownership; -1 is "none"
  ~Fd() { reset(); }
  Fd(Fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;

  int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }
  int release() { return std::exchange(number_, -1); }
  void reset();
  base::Result<Fd> duplicate() const;  // close-on-exec

 private:
  int number_ = -1;
};

// The whole file. Fails on more than `max_bytes`.
base::Result<std::string> read_file(const std::string& path, std::size_t max_bytes = std::size_t{64} << 20);
// Writes a file that exists already (a sysctl), without creating or truncating it.
base::Status write_existing(const std::string& path, std::string_view text);
// Creates or replaces `path` as a whole: a reader sees the old file or the new one (temporary file, rename(2)).
base::Status write_file(const std::string& path, std::string_view text, unsigned mode = 0644);
// mkdir -p; existing folders are fine.
base::Status make_folders(const std::string& path, unsigned mode = 0755);

}  // namespace bailey::io
