// Lease files.
//
//   FOLDER/10.240.0.17                      a lease: one line of JSON that says who holds the address
//   FOLDER/.owners/CONTAINER:IFNAME:4       the same file (a hard link), by which its owner finds it
//   FOLDER/.locks/CONTAINER                 flock(2)ed while the container is worked on, removed afterwards
//   FOLDER/.last-4                          the address given last; a hint only
//
// Taking an address: the owner's file is written whole, then link(2)ed to the address' name. link(2) fails where
// the name exists, so the kernel decides who gets an address, and what it names is complete. Giving it back:
// the address' name goes first, then the owner's. A process that is killed in between leaves an owner's file that
// no address shares, which holds nothing; release() and gc() remove it.
//
// A lease is removed by its owner (who holds the container's lock, and removes the name only where it is the same
// inode as its own file) or by gc. gc decides from what it has read, so nothing may change in between: it holds
// flock(2) on the folder exclusively, everybody else shared.
#include "ipam/sys/leases.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <memory>
#include <set>

#include "base/strings.h"

namespace bailey::ipam::sys {
namespace {

constexpr std::size_t longest_plain_id = 200;  // file names end at 255 bytes
constexpr std::size_t hint_size = 48;          // the longest address, and blanks

// Container ids are [A-Za-z0-9_.-], so ':' and '~' are free as marks of our own.
std::string file_name(const std::string& container) {
  if (container.size() <= longest_plain_id) return container;
  return container.substr(0, longest_plain_id) + "~" + std::to_string(base::fnv1a(container));
}

std::string owner_prefix(const std::string& container, const std::string& ifname) {
  return file_name(container) + ":" + ifname + ":";
}

const char* family_digit(model::Family family) { return family == model::Family::v4 ? "4" : "6"; }

std::string hint_name(model::Family family) { return std::string(".last-") + family_digit(family); }

base::Result<io::Fd> open_folder(int at, const std::string& name, const std::string& shown) {
  io::Fd fd(::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return base::system_error("open folder", shown, errno);
  return fd;
}

base::Status make_folder(int at, const std::string& name, const std::string& shown) {
  if (::mkdirat(at, name.c_str(), 0755) != 0 && errno != EEXIST)
    return base::system_error("create folder", shown, errno);
  return {};
}

base::Status lock_file(int fd, int how, const std::string& shown) {
  while (::flock(fd, how) != 0)
    if (errno != EINTR) return base::system_error("lock", shown, errno);
  return {};
}

// Small files only: leases and hints have one line. Empty: there is no such file.
std::optional<std::string> read_small(int at, const std::string& name) {
  io::Fd fd(::openat(at, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd && errno == ENOENT) return std::nullopt;
  if (!fd) return "";
  char buffer[8192];
  ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
  return count > 0 ? std::string(buffer, static_cast<std::size_t>(count)) : "";
}

base::Status write_whole(int fd, std::string_view text, const std::string& shown) {
  if (::ftruncate(fd, 0) != 0) return base::system_error("write", shown, errno);
  ssize_t count = ::pwrite(fd, text.data(), text.size(), 0);
  if (count == static_cast<ssize_t>(text.size())) return {};
  return base::system_error("write", shown, count < 0 ? errno : ENOSPC);
}

base::Result<std::vector<std::string>> entries(int folder, const std::string& shown) {
  // A descriptor of its own: reading moves the position, and closedir() closes.
  int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  std::unique_ptr<DIR, int (*)(DIR*)> directory(copy < 0 ? nullptr : ::fdopendir(copy), ::closedir);
  if (!directory) return base::system_error("list folder", shown, errno);
  std::vector<std::string> out;
  while (dirent* entry = ::readdir(directory.get())) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") out.push_back(std::move(name));
  }
  return out;
}

bool same_file(int a_folder, const std::string& a, const struct stat& b) {
  struct stat info {};
  return ::fstatat(a_folder, a.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && info.st_ino == b.st_ino &&
         info.st_dev == b.st_dev;
}

Lease parse_lease(const model::Address& address, const std::string& text) {
  Lease lease;
  lease.address = address;
  base::Result<base::Json> read = base::Json::parse(text);
  if (!read.ok()) {
    lease.damaged = true;
    return lease;
  }
  const base::Json& json = read.value();
  lease.owner = {json["container"].as_string(), json["ifname"].as_string(), json["network"].as_string(),
                 json["podNamespace"].as_string(), json["podName"].as_string()};
  lease.boot_id = json["bootId"].as_string();
  lease.time = json["time"].as_int();
  lease.damaged = lease.owner.container.empty() || json["address"].as_string() != address.text();
  return lease;
}

}  // namespace

std::string Owner::text() const {
  std::string of_container = "container " + container + ", " + ifname;
  if (pod_name.empty()) return of_container;
  return "pod " + pod_namespace + "/" + pod_name + " (" + of_container + ")";
}

base::Json Lease::json() const {
  base::Json out = base::Json::object();
  out.set("schema", "bailey.dev/lease/v1").set("address", address.text()).set("network", owner.network);
  out.set("container", owner.container).set("ifname", owner.ifname);
  out.set("podNamespace", owner.pod_namespace).set("podName", owner.pod_name);
  return out.set("bootId", boot_id).set("time", time);
}

ContainerLock::~ContainerLock() {
  // Removed while it is still locked: whoever waits for it sees that the name is gone and begins anew.
  if (file_) ::unlinkat(folder_.get(), name_.c_str(), 0);
}

struct Leases::Guard {
  static base::Result<Guard> take(const Leases& leases, int how) {
    base::Result<io::Fd> fd = open_folder(leases.folder_.get(), ".", leases.path_);
    if (!fd.ok()) return fd.error();
    if (base::Status locked = lock_file(fd->get(), how, leases.path_); !locked.ok()) return locked.error();
    return Guard{std::move(fd).value()};
  }
  io::Fd fd;  // closing it unlocks
};

base::Result<Leases> Leases::open(const std::string& folder) {
  if (base::Status made = io::make_folders(folder); !made.ok()) return made.error();
  for (const char* part : {"/.owners", "/.locks"})
    if (base::Status made = make_folder(AT_FDCWD, folder + part, folder + part); !made.ok()) return made.error();
  return open_parts(folder);
}

base::Result<Leases> Leases::open_existing(const std::string& folder) { return open_parts(folder); }

base::Result<Leases> Leases::open_parts(const std::string& folder) {
  Leases leases;
  leases.path_ = folder;
  for (auto [part, fd] : {std::pair<const char*, io::Fd*>{"", &leases.folder_},
                          {"/.owners", &leases.owners_},
                          {"/.locks", &leases.locks_}}) {
    base::Result<io::Fd> opened = open_folder(AT_FDCWD, folder + part, folder + part);
    if (!opened.ok()) return opened.error();
    *fd = std::move(opened).value();
  }
  base::Result<std::string> boot = io::read_file("/proc/sys/kernel/random/boot_id", 4096);
  if (!boot.ok()) return boot.error();
  leases.boot_id_ = base::trim(boot.value());
  return leases;
}

base::Result<ContainerLock> Leases::lock(const std::string& container) {
  std::string name = file_name(container);
  std::string shown = path_ + "/.locks/" + name;
  base::Result<io::Fd> folder = locks_.duplicate();
  if (!folder.ok()) return folder.error();
  while (true) {
    io::Fd file(::openat(locks_.get(), name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (!file) return base::system_error("create", shown, errno);
    if (base::Status locked = lock_file(file.get(), LOCK_EX, shown); !locked.ok()) return locked.error();
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) return base::system_error("stat", shown, errno);
    if (same_file(locks_.get(), name, info)) return ContainerLock(std::move(folder).value(), std::move(file), name);
  }
}

base::Result<std::vector<model::Address>> Leases::allocate(const Pool& pool, const Owner& owner,
                                                           const std::vector<model::Address>& requested) {
  for (const model::Address& address : requested) {
    Pool::Place place = pool.place(address);
    if (place == Pool::Place::usable) continue;
    std::string cause = "it is not in this node's ranges (" + pool.text(address.family()) + ")";
    if (!pool.has(address.family())) cause = "this node has no ranges of its family";
    if (place == Pool::Place::reserved)
      cause = "it is a network, gateway or broadcast address of " + pool.text(address.family());
    return base::Error{"take address", address.text(), cause, EADDRNOTAVAIL};
  }
  bool swept = false;
  while (true) {
    base::Result<Guard> guard = Guard::take(*this, LOCK_SH);
    if (!guard.ok()) return guard.error();
    if (auto freed = release_held(owner.container, owner.ifname); !freed.ok()) return freed.error();
    std::vector<model::Address> out;
    base::Status outcome;
    for (model::Family family : pool.families()) {
      auto wish = std::find_if(requested.begin(), requested.end(),
                               [&](const model::Address& address) { return address.family() == family; });
      base::Result<model::Address> taken = take(pool, family, owner, wish == requested.end() ? nullptr : &*wish);
      if (!taken.ok()) {
        outcome = taken.error();
        break;
      }
      out.push_back(taken.value());
    }
    if (outcome.ok()) return out;
    if (auto freed = release_held(owner.container, owner.ifname); !freed.ok()) return freed.error();
    int code = outcome.error().code;
    if (swept || (code != EXFULL && code != EADDRINUSE)) return outcome.error();
    // What an earlier boot left holds nothing; look for it only now, as it means reading every lease.
    guard.value().fd.reset();
    swept = true;
    if (base::Status freed = free_earlier_boots(); !freed.ok()) return freed.error();
  }
}

base::Result<model::Address> Leases::take(const Pool& pool, model::Family family, const Owner& owner,
                                          const model::Address* requested) {
  std::string name = owner_prefix(owner.container, owner.ifname) + family_digit(family);
  std::string shown = path_ + "/.owners/" + name;
  io::Fd file(::openat(owners_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file) return base::system_error("create", shown, errno);
  return requested ? take_requested(owner, file.get(), name, *requested)
                   : take_next(pool, family, owner, file.get(), name);
}

base::Result<model::Address> Leases::take_requested(const Owner& owner, int file, const std::string& name,
                                                    const model::Address& address) {
  base::Result<bool> linked = link_lease(owner, file, name, address);
  if (!linked.ok()) return linked.error();
  if (linked.value()) return address;
  std::optional<Lease> holder = read_lease(address);
  std::string who = !holder ? "another pod" : holder->damaged ? "an unreadable lease" : holder->owner.text();
  return base::Error{"take address", address.text(), "it is held by " + who, EADDRINUSE};
}

base::Result<model::Address> Leases::take_next(const Pool& pool, model::Family family, const Owner& owner, int file,
                                               const std::string& name) {
  // Mostly the address after the last is free; only where it is not are the others looked up.
  std::optional<model::Address> last = last_given(family);
  std::set<model::Address> taken;
  bool looked = false;
  while (std::optional<model::Address> candidate =
             pool.next_free(family, last, [&](const model::Address& each) { return taken.contains(each); })) {
    base::Result<bool> linked = link_lease(owner, file, name, *candidate);
    if (!linked.ok()) return linked.error();
    if (linked.value()) {
      remember(*candidate);
      return *candidate;
    }
    taken.insert(*candidate);
    if (looked) continue;
    base::Result<std::vector<model::Address>> held = names();
    if (!held.ok()) return held.error();
    taken.insert(held->begin(), held->end());
    looked = true;
  }
  std::string all = count_text(pool.size(family));
  return base::Error{"take an address from", pool.text(family),
                     "all " + all + " addresses are in use (size " + all + ", used " + all +
                         "); delete pods, give the node more podRanges, or free what dead pods left with `bailey "
                         "ipam gc --dir " +
                         path_ + "`",
                     EXFULL};
}

// True: the address is the owner's now. False: somebody else has it.
base::Result<bool> Leases::link_lease(const Owner& owner, int file, const std::string& name,
                                      const model::Address& address) {
  Lease lease{address, owner, boot_id_, static_cast<std::int64_t>(::time(nullptr))};
  std::string shown = path_ + "/.owners/" + name;
  if (base::Status written = write_whole(file, lease.json().dump() + "\n", shown); !written.ok())
    return written.error();
  if (::linkat(owners_.get(), name.c_str(), folder_.get(), address.text().c_str(), 0) == 0) return true;
  if (errno == EEXIST) return false;
  return base::system_error("create", path_ + "/" + address.text(), errno);
}

base::Result<std::vector<model::Address>> Leases::release(const std::string& container, const std::string& ifname) {
  base::Result<Guard> guard = Guard::take(*this, LOCK_SH);
  if (!guard.ok()) return guard.error();
  return release_held(container, ifname);
}

base::Result<std::vector<model::Address>> Leases::release_held(const std::string& container,
                                                               const std::string& ifname) {
  std::vector<model::Address> out;
  for (model::Family family : {model::Family::v4, model::Family::v6}) {
    auto freed = release_file(owner_prefix(container, ifname) + family_digit(family));
    if (!freed.ok()) return freed.error();
    out.insert(out.end(), freed->begin(), freed->end());
  }
  return out;
}

base::Result<std::vector<model::Address>> Leases::release_file(const std::string& name) {
  std::vector<model::Address> out;
  struct stat own {};
  if (::fstatat(owners_.get(), name.c_str(), &own, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return out;
    return base::system_error("stat", path_ + "/.owners/" + name, errno);
  }
  if (own.st_nlink > 1) {
    base::Result<base::Json> json = base::Json::parse(read_small(owners_.get(), name).value_or(""));
    std::optional<model::Address> said =
        json.ok() ? model::Address::parse(json.value()["address"].as_string()) : std::nullopt;
    std::vector<model::Address> candidates;
    if (said && same_file(folder_.get(), said->text(), own)) {
      candidates.push_back(*said);
    } else {
      base::Result<std::vector<model::Address>> all = names();
      if (!all.ok()) return all.error();
      candidates = std::move(all).value();
    }
    for (const model::Address& address : candidates) {
      if (!same_file(folder_.get(), address.text(), own)) continue;
      if (::unlinkat(folder_.get(), address.text().c_str(), 0) != 0 && errno != ENOENT)
        return base::system_error("remove", path_ + "/" + address.text(), errno);
      out.push_back(address);
    }
  }
  if (::unlinkat(owners_.get(), name.c_str(), 0) != 0 && errno != ENOENT)
    return base::system_error("remove", path_ + "/.owners/" + name, errno);
  return out;
}

base::Result<std::vector<model::Address>> Leases::names() {
  base::Result<std::vector<std::string>> all = entries(folder_.get(), path_);
  if (!all.ok()) return all.error();
  std::vector<model::Address> out;
  for (const std::string& name : all.value())
    if (std::optional<model::Address> address = model::Address::parse(name)) out.push_back(*address);
  std::sort(out.begin(), out.end());
  return out;
}

// Empty: its owner has given it back meanwhile. What can be opened is whole, even if its name goes now.
std::optional<Lease> Leases::read_lease(const model::Address& address) {
  std::optional<std::string> text = read_small(folder_.get(), address.text());
  if (!text) return std::nullopt;
  return parse_lease(address, *text);
}

base::Result<std::vector<Lease>> Leases::list() {
  base::Result<Guard> guard = Guard::take(*this, LOCK_SH);
  if (!guard.ok()) return guard.error();
  base::Result<std::vector<model::Address>> held = names();
  if (!held.ok()) return held.error();
  std::vector<Lease> out;
  for (const model::Address& address : held.value()) {
    if (std::optional<Lease> lease = read_lease(address)) out.push_back(std::move(*lease));
  }
  return out;
}

base::Result<std::uint64_t> Leases::used(const Pool& pool, model::Family family) {
  base::Result<std::vector<model::Address>> held = names();
  if (!held.ok()) return held.error();
  return static_cast<std::uint64_t>(std::count_if(held->begin(), held->end(), [&](const model::Address& address) {
    return address.family() == family && pool.place(address) == Pool::Place::usable;
  }));
}

base::Result<std::vector<Lease>> Leases::gc(const std::string& network,
                                            const std::vector<std::pair<std::string, std::string>>& valid) {
  base::Result<Guard> guard = Guard::take(*this, LOCK_EX);
  if (!guard.ok()) return guard.error();
  base::Result<std::vector<model::Address>> held = names();
  if (!held.ok()) return held.error();
  std::set<std::pair<std::string, std::string>> living(valid.begin(), valid.end());
  std::vector<Lease> freed;
  base::Status outcome;
  for (const model::Address& address : held.value()) {
    std::optional<Lease> lease = read_lease(address);
    if (!lease || lease->damaged) continue;
    bool ours = lease->owner.network == network;
    bool dead = lease->boot_id != boot_id_ || (ours && !living.contains({lease->owner.container, lease->owner.ifname}));
    if (!dead) continue;
    if (::unlinkat(folder_.get(), address.text().c_str(), 0) != 0 && errno != ENOENT) {
      outcome = base::system_error("remove", path_ + "/" + address.text(), errno);
      continue;  // the others can still be freed
    }
    freed.push_back(std::move(*lease));
  }
  remove_leftovers();
  if (!outcome.ok()) return outcome.error();
  return freed;
}

base::Status Leases::free_earlier_boots() {
  base::Result<Guard> guard = Guard::take(*this, LOCK_EX);
  if (!guard.ok()) return guard.error();
  base::Result<std::vector<model::Address>> held = names();
  if (!held.ok()) return held.error();
  for (const model::Address& address : held.value()) {
    std::optional<Lease> lease = read_lease(address);
    if (!lease || lease->damaged || lease->boot_id == boot_id_) continue;
    if (::unlinkat(folder_.get(), address.text().c_str(), 0) != 0 && errno != ENOENT)
      return base::system_error("remove", path_ + "/" + address.text(), errno);
  }
  remove_leftovers();
  return {};
}

// With the folder locked exclusively nobody is between writing and linking: an owner's file without an address
// holds nothing. A lock that can be had is nobody's.
void Leases::remove_leftovers() {
  base::Result<std::vector<std::string>> owners = entries(owners_.get(), path_ + "/.owners");
  if (owners.ok()) {
    for (const std::string& name : owners.value()) {
      struct stat info {};
      if (::fstatat(owners_.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && info.st_nlink == 1)
        ::unlinkat(owners_.get(), name.c_str(), 0);
    }
  }
  base::Result<std::vector<std::string>> locks = entries(locks_.get(), path_ + "/.locks");
  if (!locks.ok()) return;
  for (const std::string& name : locks.value()) {
    io::Fd file(::openat(locks_.get(), name.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    struct stat info {};
    if (file && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0 && ::fstat(file.get(), &info) == 0 &&
        same_file(locks_.get(), name, info))
      ::unlinkat(locks_.get(), name.c_str(), 0);
  }
}

std::optional<model::Address> Leases::last_given(model::Family family) {
  std::string text = read_small(folder_.get(), hint_name(family)).value_or("");
  std::optional<model::Address> address = model::Address::parse(base::trim(text));
  return address && address->family() == family ? address : std::nullopt;
}

// One write of a fixed size, so that two at once leave one or the other. Losing it costs nothing but the rest.
void Leases::remember(const model::Address& address) {
  std::string text = address.text();
  text.resize(hint_size - 1, ' ');
  text += '\n';
  io::Fd file(::openat(folder_.get(), hint_name(address.family()).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  if (file && ::pwrite(file.get(), text.data(), text.size(), 0) < 0) return;
}

}  // namespace bailey::ipam::sys
