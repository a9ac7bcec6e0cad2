#include "ipam/sys/book.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "base/strings.h"

namespace bailey::ipam::sys {
namespace {

constexpr std::size_t longest_plain_id = 200;  // file names end at 255 bytes
constexpr std::size_t hint_size = 192;
constexpr std::int64_t second = 1'000'000'000;

std::string hashed(std::string_view text) { return "~" + std::to_string(base::fnv1a(text)); }

// Container ids are [A-Za-z0-9_.-], so ':' and '~' are free as marks of our own.
std::string plain_name(const std::string& container) {
  if (container.size() <= longest_plain_id) return container;
  return container.substr(0, longest_plain_id) + hashed(container);
}

const char* family_digit(model::Family family) { return family == model::Family::v4 ? "4" : "6"; }

base::Result<io::Fd> open_folder(int at, const std::string& name, const std::string& shown) {
  io::Fd fd(::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return base::system_error("open folder", shown, errno);
  return fd;
}

// Small files only: leases have one line. Empty: there is no such file.
struct SmallFile {
  struct stat info {};
  std::string text;
};
std::optional<SmallFile> read_small(int at, const std::string& name) {
  io::Fd fd(::openat(at, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  SmallFile out;
  if (!fd) {
    if (::fstatat(at, name.c_str(), &out.info, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
    return out;
  }
  if (::fstat(fd.get(), &out.info) != 0 || !S_ISREG(out.info.st_mode)) return out;
  char buffer[8192];
  ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
  if (count > 0) out.text.assign(buffer, static_cast<std::size_t>(count));
  return out;
}

Lease lease_of(const model::Address& address, const SmallFile& file) {
  Lease lease = Lease::parse(address, file.text);
  if (!S_ISREG(file.info.st_mode)) lease.damage = Damage::not_a_file;
  return lease;
}

std::string hint_name(model::Family family) { return std::string(".last-") + family_digit(family); }

Hint parse_hint(const io::Fd& file, model::Family family) {
  Hint hint;
  char buffer[hint_size];
  ssize_t count = file ? ::pread(file.get(), buffer, sizeof buffer, 0) : 0;
  if (count <= 0) return hint;
  std::vector<std::string_view> words;
  for (std::string_view word : base::split(base::trim({buffer, static_cast<std::size_t>(count)}), ' '))
    if (!word.empty()) words.push_back(word);
  if (words.empty()) return hint;
  std::optional<model::Address> last = model::Address::parse(words[0]);
  if (last && last->family() == family) hint.last = last;
  if (words.size() != 6) return hint;  // an earlier version's, or a torn one
  hint.swept_s = static_cast<std::int64_t>(base::parse_number(words[1], INT64_MAX).value_or(0));
  hint.dry = base::parse_number(words[2]).value_or(0);
  if (auto seconds = base::parse_number(words[3], INT32_MAX)) hint.cool_down_s = static_cast<int>(*seconds);
  hint.node_inode = base::parse_number(words[4]).value_or(0);
  hint.boot_id = words[5];
  return hint;
}

// Names within the top folder; a descriptor for each part would cost more than the longer path.
std::string in_owners(const std::string& name) { return ".owners/" + name; }
std::string in_pods(const std::string& name) { return ".pods/" + name; }
std::string in_cooling(const std::string& name) { return ".cooling/" + name; }

const char* folder_of(Book::Part part) {
  switch (part) {
    case Book::Part::top: break;
    case Book::Part::owners: return ".owners";
    case Book::Part::pods: return ".pods";
    case Book::Part::cooling: return ".cooling";
  }
  return ".";
}

std::int64_t mtime_ns(const struct stat& info) {
  return std::int64_t{info.st_mtim.tv_sec} * second + info.st_mtim.tv_nsec;
}

}  // namespace

std::string owner_file(const std::string& container, const std::string& ifname, model::Family family) {
  return plain_name(container) + ":" + ifname + ":" + family_digit(family);
}

std::optional<OwnerFileParts> parse_owner_file(const std::string& name) {
  std::size_t first = name.find(':');
  std::size_t last = name.rfind(':');
  if (first == std::string::npos || first == 0 || last <= first + 1 || last + 2 != name.size()) return std::nullopt;
  if (name[last + 1] != '4' && name[last + 1] != '6') return std::nullopt;
  if (name.find('~') < first) return OwnerFileParts{};
  return OwnerFileParts{name.substr(0, first), name.substr(first + 1, last - first - 1)};
}

std::string pod_file(const Owner& owner) {
  if (owner.pod_name.empty()) return "";
  std::string key;
  bool plain = true;
  for (const std::string* part : {&owner.network, &owner.pod_namespace, &owner.pod_name, &owner.ifname}) {
    key += (part == &owner.network ? "" : ":") + *part;
    plain = plain && part->find_first_of("/:~") == std::string::npos;
  }
  if (plain && key.size() <= longest_plain_id) return key;
  return hashed(key);
}

std::optional<model::Address> address_file(const std::string& name) {
  std::optional<model::Address> address = model::Address::parse(name);
  return address && address->text() == name ? address : std::nullopt;
}

base::Result<std::unique_ptr<Book>> Book::open(const std::string& path, Access access, Options options) {
  auto book = std::make_unique<Book>();
  book->path_ = path;
  book->options_ = std::move(options);
  base::Result<io::Fd> top = open_folder(AT_FDCWD, path, path);
  if (!top.ok() && top.error().code == ENOENT && access == Access::create) {
    if (base::Status made = io::make_folders(path); !made.ok()) return made.error();
    top = open_folder(AT_FDCWD, path, path);
  }
  if (!top.ok()) return top.error();
  book->top_ = std::move(top).value();
  if (base::Status opened = book->open_lock(access); !opened.ok()) return opened.error();
  book->settle_options();
  return book;
}

// First of all, since it tells whether the folder can be changed. Nobody but its owner may open the file: a lock
// needs no more than that.
base::Status Book::open_lock(Access access) {
  constexpr int how = O_CLOEXEC | O_NOFOLLOW;
  int create = access == Access::read ? 0 : O_CREAT;
  io::Fd file(::openat(top_.get(), ".lock", O_RDWR | create | how, 0600));
  // On a full disk a folder of before .lock could not even be emptied. Hints are worth less than that.
  if (!file && errno == ENOSPC) {
    for (const char* hint : {".last-4", ".last-6"}) ::unlinkat(top_.get(), hint, 0);
    file = io::Fd(::openat(top_.get(), ".lock", O_RDWR | create | how, 0600));
  }
  bool writable = static_cast<bool>(file);
  if (!file && access == Access::read) {
    file = io::Fd(::openat(top_.get(), ".lock", O_RDONLY | how));
    if (!file) return {};
  }
  if (!file && errno == EROFS)
    return base::Error{"open for changing", path_,
                       "the file system is read-only, so no address can be taken or given back; make it writable "
                       "(mount -o remount,rw) or set ipamDir to a folder that is",
                       EROFS};
  if (!file) return base::system_error("open", shown(".lock"), errno);
  locks_ = std::make_shared<LockFile>(std::move(file), writable, shown(".lock"));
  return {};
}

void Book::settle_options() {
  if (options_.cool_down_s >= 0) return;
  for (model::Family family : {model::Family::v4, model::Family::v6})
    options_.cool_down_s = std::max(options_.cool_down_s, read_hint(family).cool_down_s);
  if (options_.cool_down_s < 0) options_.cool_down_s = Options{}.cool_down_s;
}

base::Status Book::make_parts() const {
  for (Part part : {Part::owners, Part::pods, Part::cooling})
    if (::mkdirat(top_.get(), folder_of(part), 0755) != 0 && errno != EEXIST)
      return base::system_error("create folder", shown(folder_of(part)), errno);
  return {};
}

template <typename Call>
int Book::in_part(Part part, const Call& call) const {
  int result = call();
  if (result >= 0 || errno != ENOENT) return result;
  if (::mkdirat(top_.get(), folder_of(part), 0755) != 0 && errno != EEXIST) return -1;
  return call();
}

base::Result<Lock> Book::guard(LockFile::How how) const {
  if (!locks_) return Lock();
  if (!locks_->writable()) how = LockFile::How::shared;
  return locks_->wait_for(LockFile::folder_byte, how);
}

base::Result<std::string> Book::boot_id() {
  if (!boot_id_.empty()) return boot_id_;
  // The kernel clears as much memory as is asked for, so that a larger buffer costs more than all the rest.
  constexpr const char* path = "/proc/sys/kernel/random/boot_id";
  io::Fd file(::open(path, O_RDONLY | O_CLOEXEC));
  char text[64];
  ssize_t count = file ? ::read(file.get(), text, sizeof text) : -1;
  if (count <= 0) return base::system_error("read", path, errno);
  boot_id_ = base::trim(std::string_view(text, static_cast<std::size_t>(count)));
  return boot_id_;
}

std::int64_t Book::now_ns() const {
  if (options_.now_ns) return options_.now_ns();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

base::Result<std::vector<std::string>> Book::names(Part part) const {
  std::vector<std::string> out;
  int folder = ::openat(top_.get(), folder_of(part), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0 && errno == ENOENT && part != Part::top) return out;
  std::unique_ptr<DIR, int (*)(DIR*)> directory(folder < 0 ? nullptr : ::fdopendir(folder), ::closedir);
  if (!directory) return base::system_error("list folder", path_, errno);
  errno = 0;
  while (dirent* entry = ::readdir(directory.get())) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") out.push_back(std::move(name));
    errno = 0;
  }
  if (errno != 0) return base::system_error("list folder", path_, errno);
  return out;
}

std::optional<struct stat> Book::look(Part part, const std::string& name) const {
  struct stat info {};
  std::string path = part == Part::top ? name : std::string(folder_of(part)) + "/" + name;
  if (::fstatat(top_.get(), path.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  return info;
}

base::Result<std::vector<model::Address>> Book::held() const {
  base::Result<std::vector<std::string>> all = names(Part::top);
  if (!all.ok()) return all.error();
  std::vector<model::Address> out;
  for (const std::string& name : all.value())
    if (std::optional<model::Address> address = address_file(name)) out.push_back(*address);
  std::sort(out.begin(), out.end());
  return out;
}

std::optional<Book::Read> Book::read(const model::Address& address) const {
  std::optional<SmallFile> file = read_small(top_.get(), address.text());
  if (!file) return std::nullopt;
  return Read{lease_of(address, *file), file->info};
}

bool Book::is_held_by(const model::Address& address, const struct stat& file) const {
  std::optional<struct stat> info = look(Part::top, address.text());
  return info && info->st_ino == file.st_ino && info->st_dev == file.st_dev;
}

base::Status Book::remove(const model::Address& address) const {
  std::string name = address.text();
  if (::unlinkat(top_.get(), name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno == EISDIR && ::unlinkat(top_.get(), name.c_str(), AT_REMOVEDIR) == 0) return {};
  return base::system_error("remove", shown(name), errno);
}

base::Result<io::Fd> Book::create_owner(const std::string& name) const {
  std::string path = in_owners(name);
  io::Fd file(in_part(
      Part::owners, [&] { return ::openat(top_.get(), path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644); }));
  if (!file) return base::system_error("create", shown(path), errno);
  return file;
}

std::optional<Book::OwnerFile> Book::read_owner(const std::string& name) const {
  std::optional<SmallFile> file = read_small(top_.get(), in_owners(name));
  if (!file) return std::nullopt;
  return OwnerFile{file->info, std::move(file->text)};
}

base::Result<bool> Book::link_owner(const std::string& name, const model::Address& address) const {
  std::string to = address.text();
  if (::linkat(top_.get(), in_owners(name).c_str(), top_.get(), to.c_str(), 0) == 0) return true;
  if (errno == EEXIST) return false;
  return base::system_error("create", shown(to), errno);
}

base::Status Book::relink_owner(const model::Address& address, const std::string& name) const {
  std::string from = address.text();
  std::string to = in_owners(name);
  int linked = in_part(Part::owners, [&] { return ::linkat(top_.get(), from.c_str(), top_.get(), to.c_str(), 0); });
  if (linked == 0) return {};
  return base::system_error("create", shown(to), errno);
}

base::Status Book::remove_owner(const std::string& name) const {
  std::string path = in_owners(name);
  if (::unlinkat(top_.get(), path.c_str(), 0) == 0 || errno == ENOENT) return {};
  return base::system_error("remove", shown(path), errno);
}

// A time in the future says that the clock was set back: then the address has rested, as nobody knows better.
// Another process' clock may be read a little later than `now`, so not every time in the future counts.
bool Book::is_rested(std::int64_t since_ns, std::int64_t now) const {
  std::int64_t wanted = options_.cool_down_s * second;
  return now - since_ns >= wanted || since_ns - now > wanted;
}

Rest Book::rest_of(const model::Address& address, std::int64_t now) const {
  std::optional<struct stat> info = look(Part::cooling, address.text());
  if (!info) return Rest::none;
  return is_rested(mtime_ns(*info), now) ? Rest::rested : Rest::resting;
}

// A rename needs no room on the disk where it overwrites nothing; where it fails all the same, giving back goes
// before resting.
base::Status Book::lay_to_rest(const model::Address& address, std::size_t links, std::int64_t now) const {
  std::string name = address.text();
  std::string record = in_cooling(name);
  if (options_.cool_down_s > 0) {
    struct timespec times[2] = {{0, UTIME_OMIT}, {now / second, now % second}};
    ::utimensat(top_.get(), name.c_str(), times, AT_SYMLINK_NOFOLLOW);
    // rename(2) does nothing where both names are one file already, as somebody's hand may have made it.
    if (links > 2) ::unlinkat(top_.get(), record.c_str(), 0);
    int renamed =
        in_part(Part::cooling, [&] { return ::renameat(top_.get(), name.c_str(), top_.get(), record.c_str()); });
    if (renamed == 0) return {};
  }
  return remove(address);
}

void Book::end_rest(const model::Address& address) const {
  ::unlinkat(top_.get(), in_cooling(address.text()).c_str(), 0);
}

base::Result<std::vector<Resting>> Book::records() const {
  base::Result<std::vector<std::string>> all = names(Part::cooling);
  if (!all.ok()) return all.error();
  std::vector<Resting> out;
  for (const std::string& name : all.value()) {
    std::optional<model::Address> address = address_file(name);
    std::optional<struct stat> info = address ? look(Part::cooling, name) : std::nullopt;
    if (info) out.push_back({*address, mtime_ns(*info)});
  }
  std::sort(out.begin(), out.end(), [](const Resting& a, const Resting& b) {
    return std::pair(a.since_ns, a.address) < std::pair(b.since_ns, b.address);
  });
  return out;
}

std::optional<Lease> Book::read_record(const Resting& record) const {
  std::optional<SmallFile> file = read_small(top_.get(), in_cooling(record.address.text()));
  if (!file) return std::nullopt;
  Lease lease = lease_of(record.address, *file);
  lease.released = record.since_ns / second;
  return lease;
}

// Between looking and removing, the address may be taken and given back by somebody: then it loses its rest. That
// is a whole life of a pod within microseconds, and rest is a courtesy, so nobody is kept waiting for it.
std::size_t Book::sweep(std::int64_t now, std::size_t few) const {
  base::Result<std::vector<std::string>> all = names(Part::cooling);
  if (!all.ok() || all->size() <= few) return 0;
  std::size_t removed = 0;
  for (const std::string& name : all.value()) {
    std::optional<model::Address> address = address_file(name);
    if (address && rest_of(*address, now) == Rest::rested)
      removed += ::unlinkat(top_.get(), in_cooling(name).c_str(), 0) == 0;
  }
  return removed;
}

std::string Book::container_of(const std::string& pod) const {
  char target[4096];
  ssize_t length = ::readlinkat(top_.get(), in_pods(pod).c_str(), target, sizeof target);
  return length > 0 ? std::string(target, static_cast<std::size_t>(length)) : "";
}

base::Status Book::note_pod(const std::string& pod, const std::string& container) const {
  std::string path = in_pods(pod);
  for (int tries = 0; tries < 3; ++tries) {
    if (in_part(Part::pods, [&] { return ::symlinkat(container.c_str(), top_.get(), path.c_str()); }) == 0) return {};
    if (errno != EEXIST) return base::system_error("create", shown(path), errno);
    if (container_of(pod) == container) return {};
    ::unlinkat(top_.get(), path.c_str(), 0);
  }
  return base::system_error("create", shown(path), EEXIST);
}

void Book::forget_pod(const std::string& pod) const { ::unlinkat(top_.get(), in_pods(pod).c_str(), 0); }

Hint Book::open_hint(model::Family family) const {
  io::Fd file(
      ::openat(top_.get(), hint_name(family).c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644));
  Hint hint = parse_hint(file, family);
  hint.file = std::move(file);
  return hint;
}

Hint Book::read_hint(model::Family family) const {
  return parse_hint(
      io::Fd(::openat(top_.get(), hint_name(family).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)), family);
}

// One write of a fixed size, so that two at once leave one or the other.
void Book::write_hint(const Hint& hint) const {
  if (!hint.file || !hint.last) return;
  std::string text = hint.last->text();
  for (const std::string& word :
       {std::to_string(hint.swept_s), std::to_string(hint.dry), std::to_string(std::max(hint.cool_down_s, 0)),
        std::to_string(hint.node_inode), hint.boot_id})
    text += " " + word;
  text.resize(hint_size - 1, ' ');
  text += '\n';
  if (::pwrite(hint.file.get(), text.data(), text.size(), 0) < 0) return;  // lost: nothing but time
}

bool Book::has_former_locks() const {
  std::optional<struct stat> info = look(Part::top, ".locks");
  return info && S_ISDIR(info->st_mode);
}

base::Status Book::remove_former_locks() const {
  base::Result<io::Fd> folder = open_folder(top_.get(), ".locks", shown(".locks"));
  if (!folder.ok()) return folder.error();
  std::unique_ptr<DIR, int (*)(DIR*)> directory(::fdopendir(folder->get()), ::closedir);
  if (!directory) return base::system_error("list folder", shown(".locks"), errno);
  int at = folder->release();  // closedir() closes it
  while (dirent* entry = ::readdir(directory.get()))
    if (entry->d_type != DT_DIR) ::unlinkat(at, entry->d_name, 0);
  if (::unlinkat(top_.get(), ".locks", AT_REMOVEDIR) == 0) return {};
  return base::system_error("remove", shown(".locks"), errno);
}

}  // namespace bailey::ipam::sys
