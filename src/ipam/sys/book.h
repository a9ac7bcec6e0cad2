// The files of a lease folder, one step each. Internal to this folder; leases.cc and mend.cc say when which step.
//
//   FOLDER/10.240.0.17                      a lease: one line of JSON that says who holds the address
//   FOLDER/.owners/CONTAINER:IFNAME:4       the same file (a hard link), by which its owner finds it
//   FOLDER/.cooling/10.240.0.16             the last lease of an address that rests; its mtime is when that began
//   FOLDER/.pods/NETWORK:NAMESPACE:NAME:IF  a symbolic link: the container that holds addresses for this pod
//   FOLDER/.last-4                          the address given last, and when resting was looked through; a hint
//   FOLDER/.lock                            bytes of it are locked, nothing is written into it
//
// Names that would be too long, or have characters of their own, end in '~' and a hash instead.
#pragma once

#include <sys/stat.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/fd.h"
#include "ipam/sys/lease.h"
#include "ipam/sys/leases.h"
#include "ipam/sys/lock.h"

namespace bailey::ipam::sys {

std::string owner_file(const std::string& container, const std::string& ifname, model::Family family);
// The reverse of it, as far as the name has not been shortened; empty strings where it is no such name.
struct OwnerFileParts {
  std::string container;
  std::string ifname;
};
std::optional<OwnerFileParts> parse_owner_file(const std::string& name);
// Empty where the owner names no pod.
std::string pod_file(const Owner& owner);
// The address that a file is named after; empty where the name is anything else, another spelling included.
std::optional<model::Address> address_file(const std::string& name);

enum class Rest : std::uint8_t { none, resting, rested };

// An address that was given back.
struct Resting {
  model::Address address;
  std::int64_t since_ns = 0;  // since 1970
};

// What .last-4 and .last-6 hold. Losing it costs time, never an address.
struct Hint {
  io::Fd file;
  std::optional<model::Address> last;
  std::int64_t swept_s = 0;  // when records were looked through, seconds since 1970
  std::uint64_t dry = 0;     // the pool (a hash of it) of which every free address has a record; 0: none
  // Of who wrote it:
  int cool_down_s = -1;  // -1: not known
  std::uint64_t node_inode = 0;
  std::string boot_id;
};

class Book {
 public:
  enum class Access : std::uint8_t { create, change, read };
  enum class Part : std::uint8_t { top, owners, pods, cooling };
  // create: makes what is missing. change: fails with ENOENT where the folder is missing. read: changes nothing,
  // and does without whatever it may not open.
  static base::Result<std::unique_ptr<Book>> open(const std::string& path, Access access, Options options);

  // The folders of every part, before the first address is given: once the disk is full it is too late.
  base::Status make_parts() const;

  const std::string& path() const { return path_; }
  std::string shown(const std::string& name) const { return path_ + "/" + name; }
  const std::shared_ptr<LockFile>& locks() const { return locks_; }
  // Shared: others may give and take. Exclusive: nobody is between two steps. Empty where there is nothing to lock.
  base::Result<Lock> guard(LockFile::How how) const;
  bool can_exclude() const { return locks_ && locks_->writable(); }
  base::Result<std::string> boot_id();
  std::int64_t now_ns() const;
  int cool_down_s() const { return options_.cool_down_s; }

  // Leases.
  base::Result<std::vector<model::Address>> held() const;  // sorted
  struct Read {
    Lease lease;
    struct stat file {};
  };
  // Empty: its owner has given it back meanwhile. What can be opened is whole, even if its name goes now.
  std::optional<Read> read(const model::Address& address) const;
  bool is_held_by(const model::Address& address, const struct stat& file) const;
  base::Status remove(const model::Address& address) const;

  // Files of owners.
  base::Result<io::Fd> create_owner(const std::string& name) const;
  // Empty: there is none. `text` is what it says.
  struct OwnerFile {
    struct stat file {};
    std::string text;
  };
  std::optional<OwnerFile> read_owner(const std::string& name) const;
  // False: the address is held.
  base::Result<bool> link_owner(const std::string& name, const model::Address& address) const;
  base::Status relink_owner(const model::Address& address, const std::string& name) const;
  base::Status remove_owner(const std::string& name) const;

  // Rest.
  Rest rest_of(const model::Address& address, std::int64_t now) const;
  // Takes the address from its owner; `links` is the count of names that its file had.
  base::Status lay_to_rest(const model::Address& address, std::size_t links, std::int64_t now) const;
  void end_rest(const model::Address& address) const;
  bool is_rested(std::int64_t since_ns, std::int64_t now) const;
  base::Result<std::vector<Resting>> records() const;  // those that were given back first come first
  std::optional<Lease> read_record(const Resting& record) const;
  // Removes the records of addresses that have rested, if there are more than `few` records; how many.
  std::size_t sweep(std::int64_t now, std::size_t few) const;

  // Pods.
  std::string container_of(const std::string& pod) const;  // "": none
  base::Status note_pod(const std::string& pod, const std::string& container) const;
  void forget_pod(const std::string& pod) const;

  Hint open_hint(model::Family family) const;
  Hint read_hint(model::Family family) const;  // without the file
  void write_hint(const Hint& hint) const;

  // Everything that lies in the folders, by name.
  base::Result<std::vector<std::string>> names(Part part) const;
  std::optional<struct stat> look(Part part, const std::string& name) const;
  // Locks of the layout before .lock: one file a container. True: there were some.
  bool has_former_locks() const;
  base::Status remove_former_locks() const;

 private:
  base::Status open_lock(Access access);
  void settle_options();
  // Runs the system call; where that fails because the part's folder is missing, makes the folder and runs it again.
  template <typename Call>
  int in_part(Part part, const Call& call) const;

  std::string path_;
  io::Fd top_;
  std::shared_ptr<LockFile> locks_;
  Options options_;
  std::string boot_id_;
};

}  // namespace bailey::ipam::sys
