#include "lab/lock.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/strings.h"

namespace bailey::lab {
namespace {

constexpr std::string_view suffix = ".lock";

std::string path_of(const std::string& lab) { return std::string(lock_folder) + "/" + lab + std::string(suffix); }

// A lock on a file that somebody has removed meanwhile protects nothing.
bool still_there(const io::Fd& lock, const std::string& path) {
  struct stat held {};
  struct stat named {};
  return fstat(lock.get(), &held) == 0 && stat(path.c_str(), &named) == 0 && held.st_ino == named.st_ino &&
         held.st_dev == named.st_dev;
}

}  // namespace

bool is_lab_name(const std::string& name) {
  auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); };
  if (name.empty() || name.size() > 40 || !plain(name[0])) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) { return plain(c) || c == '-' || c == '_' || c == '.'; });
}

base::Result<io::Fd> take_lock(const std::string& lab) {
  base::Status made = io::make_folders(lock_folder);
  if (!made.ok()) return made.error();
  std::string path = path_of(lab);
  while (true) {
    io::Fd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (!lock) return base::system_error("open", path, errno);
    if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return base::system_error("lock", path, errno);
    if (still_there(lock, path)) return lock;
  }
}

base::Status write_pid(const io::Fd& lock, int pid) {
  std::string text = std::to_string(pid) + "\n";
  if (ftruncate(lock.get(), 0) != 0 || pwrite(lock.get(), text.data(), text.size(), 0) < 0)
    return base::system_error("write", "lock", errno);
  return {};
}

base::Result<int> running_pid(const std::string& lab) {
  std::string path = path_of(lab);
  io::Fd lock(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!lock && errno == ENOENT) return 0;
  if (!lock) return base::system_error("open", path, errno);
  if (flock(lock.get(), LOCK_SH | LOCK_NB) == 0) return 0;
  base::Result<std::string> text = io::read_file(path);
  if (!text.ok()) return text.error();
  return static_cast<int>(base::parse_number(base::trim(*text), 1U << 30).value_or(0));
}

std::vector<std::string> running_labs() {
  std::vector<std::string> labs;
  std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(lock_folder), closedir);
  while (dirent* entry = folder ? readdir(folder.get()) : nullptr) {
    std::string name = entry->d_name;
    if (!name.ends_with(suffix)) continue;
    name.resize(name.size() - suffix.size());
    base::Result<int> pid = running_pid(name);
    if (pid.ok() && *pid > 0) labs.push_back(name);
  }
  std::sort(labs.begin(), labs.end());
  return labs;
}

void remove_lock(const std::string& lab) {
  std::string path = path_of(lab);
  io::Fd lock(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (lock && flock(lock.get(), LOCK_EX | LOCK_NB) == 0 && still_there(lock, path)) ::unlink(path.c_str());
}

}  // namespace bailey::lab
