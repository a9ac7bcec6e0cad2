#include "io/fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace bailey::io {
namespace {

base::Status write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return base::system_error("write", path, errno);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

void Fd::reset() {
  if (number_ >= 0) ::close(number_);
  number_ = -1;
}

base::Result<Fd> Fd::duplicate() const {
  int copy = ::fcntl(number_, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return base::system_error("duplicate descriptor", std::to_string(number_), errno);
  return Fd(copy);
}

base::Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return base::system_error("read", path, errno);
  std::string text;
  // Of files in /proc/sys the kernel clears as much memory as is asked for, so no more is than may come.
  char buffer[65536];
  std::size_t most = std::min(sizeof buffer, max_bytes + 1);
  while (true) {
    ssize_t count = ::read(fd.get(), buffer, most);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return base::system_error("read", path, errno);
    if (count == 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
    if (text.size() > max_bytes)
      return base::Error{"read", path, "larger than " + std::to_string(max_bytes) + " bytes", EFBIG};
  }
}

base::Status write_existing(const std::string& path, std::string_view text) {
  Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return base::system_error("write", path, errno);
  return write_all(fd.get(), text, path);
}

base::Status write_file(const std::string& path, std::string_view text, unsigned mode) {
  std::string temporary = path + ".XXXXXX";
  Fd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) return base::system_error("create", temporary, errno);
  base::Status written = write_all(fd.get(), text, temporary);
  if (written.ok() && ::fchmod(fd.get(), mode) != 0) written = base::system_error("change mode of", temporary, errno);
  if (written.ok() && ::rename(temporary.c_str(), path.c_str()) != 0)
    written = base::system_error("replace", path, errno);
  if (!written.ok()) ::unlink(temporary.c_str());
  return written;
}

base::Status make_folders(const std::string& path, unsigned mode) {
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    std::string part = path.substr(0, slash);
    if (!part.empty() && ::mkdir(part.c_str(), mode) != 0 && errno != EEXIST)
      return base::system_error("create folder", part, errno);
    if (slash == std::string::npos) return {};
  }
}

}  // namespace bailey::io
