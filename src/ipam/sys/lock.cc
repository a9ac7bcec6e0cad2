#include "ipam/sys/lock.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/strings.h"

namespace bailey::ipam::sys {
namespace {

constexpr std::uint64_t half = std::uint64_t{1} << 62;  // containers below, pods above, to the end of off_t

struct flock byte_lock(short type, std::int64_t byte) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  return lock;
}

}  // namespace

Lock& Lock::operator=(Lock&& other) noexcept {
  if (this != &other) {
    reset();
    file_ = std::move(other.file_);
    byte_ = other.byte_;
  }
  return *this;
}

void Lock::reset() {
  if (file_) file_->give_back(byte_);
  file_.reset();
}

std::int64_t LockFile::container_byte(std::string_view container) {
  return static_cast<std::int64_t>(1 + base::fnv1a(container) % (half - 1));
}

std::int64_t LockFile::pod_byte(std::string_view pod_namespace, std::string_view pod_name) {
  std::string key = std::string(pod_namespace) + "/" + std::string(pod_name);
  return static_cast<std::int64_t>(half + base::fnv1a(key) % (half - 1));
}

base::Result<Lock> LockFile::wait_for(std::int64_t byte, How how) {
  base::Result<bool> taken = take(byte, how, true);
  if (!taken.ok()) return taken.error();
  return Lock(shared_from_this(), byte);
}

base::Result<std::optional<Lock>> LockFile::try_for(std::int64_t byte, How how) {
  base::Result<bool> taken = take(byte, how, false);
  if (!taken.ok()) return taken.error();
  if (!taken.value()) return std::optional<Lock>();
  return std::optional<Lock>(Lock(shared_from_this(), byte));
}

base::Result<bool> LockFile::take(std::int64_t byte, How how, bool wait) {
  auto known = held_.find(byte);
  if (known != held_.end()) {
    ++known->second;
    return true;
  }
  struct flock lock = byte_lock(how == How::exclusive ? F_WRLCK : F_RDLCK, byte);
  while (::fcntl(file_.get(), wait ? F_OFD_SETLKW : F_OFD_SETLK, &lock) != 0) {
    if (!wait && (errno == EAGAIN || errno == EACCES)) return false;
    if (errno != EINTR) return base::system_error("lock", shown_, errno);
  }
  held_[byte] = 1;
  // A file that was removed meanwhile excludes nobody who comes now. (What is removed later was locked in time.)
  if (held_.size() > 1) return true;
  struct stat info {};
  if (::fstat(file_.get(), &info) == 0 && info.st_nlink > 0) return true;
  give_back(byte);
  return base::Error{"lock", shown_, "the file, or its folder, was removed meanwhile; try again", ESTALE};
}

void LockFile::give_back(std::int64_t byte) {
  auto known = held_.find(byte);
  if (known == held_.end() || --known->second > 0) return;
  held_.erase(known);
  struct flock lock = byte_lock(F_UNLCK, byte);
  while (::fcntl(file_.get(), F_OFD_SETLK, &lock) != 0 && errno == EINTR) continue;
}

}  // namespace bailey::ipam::sys
