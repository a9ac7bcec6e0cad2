// Leases: which pod holds which address, kept as files that survive the death of any process.
//
// A folder holds the leases of one node. Several processes may use it at the same time and be killed at any
// moment: no address is ever held twice, a lease is there whole or not at all, and what a killed process leaves
// is freed by release() of its container or by gc(). Pods do not survive a reboot, so a lease of an earlier boot
// (by boot id) holds nothing. An address that was given back rests before another pod gets it, so that what still
// flies about for the former one does not reach the next. book.h shows the files, leases.cc tells how.
//
// Order of locks: pod, container, older container. Nothing else may be waited for while holding the folder's lock.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "ipam/pool.h"
#include "ipam/sys/lease.h"
#include "ipam/sys/lock.h"

namespace bailey::ipam::sys {

class Book;
struct Hint;

struct Options {
  // How long an address rests; 0: not at all; -1: as long as whoever gave the last address said, else 30.
  int cool_down_s = 30;
  std::function<std::int64_t()> now_ns{};  // since 1970; empty: the system's clock
};

struct Usage {
  model::Uint128 size = 0;    // usable addresses of the pool
  std::uint64_t used = 0;     // held
  std::uint64_t cooling = 0;  // free, but resting; they are given when nothing else is left
};

// Something in the folder that is not as it should be.
struct Finding {
  enum class Kind : std::uint8_t {
    damaged_lease,    // gc frees it where there is proof that nobody uses it
    lost_owner,       // a lease that its container's DEL would not find
    second_lease,     // the container holds another address of this family too; DEL finds that one
    earlier_boot,     // a lease from before the machine started
    unused_owner,     // an owner's file without address: somebody was killed
    dangling_pod,     // the pod's entry names a container that holds nothing for it
    missing_pod,      // a lease whose pod has no entry: a new sandbox would not free it
    cooling_of_held,  // an address is held and rests at the same time
    former_locks,     // lock files of an earlier version
    foreign,          // not a file of the address book
  };
  Kind kind;
  std::string file;              // within the folder
  std::string object;            // address, container or pod that it is about
  std::string network;           // empty: not known, or of none
  Damage damage = Damage::none;  // of a damaged lease
  bool mends = true;             // gc mends it without being told more
  friend bool operator==(const Finding&, const Finding&) = default;
};

// Why a lease is dead; empty: it stays. An error keeps it too, and is reported.
using Decide = std::function<base::Result<std::optional<std::string>>(const Lease&)>;

struct GcOptions {
  bool dry_run = false;                  // tells what would be done
  bool ask_about_earlier_boots = false;  // else they are dead, whatever `decide` would say
};

struct GcReport {
  struct Freed {
    Lease lease;
    std::string reason;
  };
  struct Kept {
    Lease lease;
    base::Error error;
  };
  std::vector<Freed> freed;
  std::vector<Kept> kept;            // those that could not be decided on, or not be freed
  std::vector<Finding> mended;       // besides what was freed
  std::vector<Finding> left;         // what needs a person
  std::size_t rested = 0;            // records of addresses that have rested, removed
  std::optional<base::Error> error;  // the first of all
};

class Leases {
 public:
  // Creates the folder where it is missing. On a file system that cannot be written: EROFS, before anything is done.
  static base::Result<Leases> open(const std::string& folder, Options options = {});
  // Code ENOENT where the folder is missing: then nothing is leased. EROFS as above.
  static base::Result<Leases> open_existing(const std::string& folder, Options options = {});
  // For list(), cooling(), holder(), usage(), check() and a dry gc() only; needs no more than permission to read.
  static base::Result<Leases> open_to_read(const std::string& folder, Options options = {});
  Leases(Leases&&) noexcept;
  Leases& operator=(Leases&&) noexcept;
  ~Leases();

  // Held while one container is worked on; other processes that want the same container wait.
  base::Result<Lock> lock(const std::string& container);
  // Held by ADD while one pod is worked on, taken before the container's. Empty where the owner names no pod.
  base::Result<Lock> lock_pod(const Owner& owner);

  // The other container that holds an address for the same pod (network, namespace, name, interface): an earlier
  // sandbox of it, whose addresses the caller frees. Two known pod uids that differ are two pods.
  base::Result<std::optional<Owner>> older_sandbox(const Owner& owner);
  // One address of each family of the pool, v4 first; `requested` (at most one a family) are taken where given.
  // What the owner held before is given back first. All or nothing. Error.code: EADDRNOTAVAIL a requested address is
  // not the pool's to give, EADDRINUSE it is held by another, EXFULL no address is free; others are system calls.
  base::Result<std::vector<model::Address>> allocate(const Pool& pool, const Owner& owner,
                                                     const std::vector<model::Address>& requested);
  // Frees what this interface of the container holds, and tells what it was. Holding nothing is fine.
  base::Result<std::vector<model::Address>> release(const std::string& container, const std::string& ifname);

  base::Result<std::vector<Lease>> list();     // what is held at one moment, sorted by address
  base::Result<std::vector<Lease>> cooling();  // the last leases of what rests, sorted by address
  base::Result<std::optional<Lease>> holder(const model::Address& address);
  // The network namespace in which the last address was given, as Owner::node_inode; 0: not known, or in an earlier
  // boot.
  std::uint64_t node_inode();
  // Leases of earlier boots count as used only as long as the pool is not full without them.
  base::Result<Usage> usage(const Pool& pool, model::Family family);

  // Sorted by file. Looks twice where it may not lock the folder, since what is being done looks half done.
  base::Result<std::vector<Finding>> check();
  // Frees the leases that `decide` gives a reason for, and mends. Goes on after a failure. Nobody gives or takes an
  // address meanwhile. `decide` may use this object to read. Fails itself only where nothing could be begun.
  base::Result<GcReport> gc(const Decide& decide, GcOptions options = {});

 private:
  explicit Leases(std::unique_ptr<Book> book);
  base::Result<std::vector<model::Address>> release_held(const std::string& container, const std::string& ifname);
  base::Status free_earlier_boots(std::vector<Hint>& hints);
  struct Request;
  base::Result<std::vector<model::Address>> allocate_once(const Request& request, LockFile::How how);
  base::Result<std::vector<model::Address>> take_all(const Request& request);

  std::unique_ptr<Book> book_;
};

}  // namespace bailey::ipam::sys
