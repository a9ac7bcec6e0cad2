// Leases: which pod holds which address, kept as files that survive the death of any process.
//
// A folder holds the leases of one node. Several processes may use it at the same time and be killed at any
// moment: no address is ever held twice, a lease is there whole or not at all, and what a killed process leaves
// is freed by release() of its container or by gc(). Pods do not survive a reboot, so a lease of an earlier boot
// (by boot id) holds nothing. leases.cc tells how.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "io/fd.h"
#include "ipam/pool.h"

namespace bailey::ipam::sys {

struct Owner {
  std::string container;  // CNI_CONTAINERID
  std::string ifname;     // CNI_IFNAME
  std::string network;    // name of the network configuration
  std::string pod_namespace;
  std::string pod_name;

  std::string text() const;  // "pod shop/web (container 1f…, eth0)"
  friend auto operator<=>(const Owner&, const Owner&) = default;
};

struct Lease {
  model::Address address;
  Owner owner;
  std::string boot_id;
  std::int64_t time = 0;  // seconds since 1970
  bool damaged = false;   // the file does not say whose it is

  base::Json json() const;
};

// Held while one container is worked on; other processes that want the same container wait.
class ContainerLock {
 public:
  ContainerLock(ContainerLock&&) noexcept = default;
  ContainerLock& operator=(ContainerLock&&) = delete;
  ~ContainerLock();

 private:
  friend class Leases;
  ContainerLock(io::Fd folder, io::Fd file, std::string name)
      : folder_(std::move(folder)), file_(std::move(file)), name_(std::move(name)) {}
  io::Fd folder_;
  io::Fd file_;
  std::string name_;
};

class Leases {
 public:
  // Creates the folder where it is missing.
  static base::Result<Leases> open(const std::string& folder);
  // Code ENOENT where the folder is missing: then nothing is leased.
  static base::Result<Leases> open_existing(const std::string& folder);

  base::Result<ContainerLock> lock(const std::string& container);

  // One address of each family of the pool, v4 first; `requested` (at most one a family) are taken where given.
  // What the owner held before is freed first. All or nothing. Error.code: EADDRNOTAVAIL a requested address is
  // not the pool's to give, EADDRINUSE it is held by another, EXFULL no address is free; others are system calls.
  base::Result<std::vector<model::Address>> allocate(const Pool& pool, const Owner& owner,
                                                     const std::vector<model::Address>& requested);
  // Frees what this interface of the container holds, and tells what it was. Holding nothing is fine.
  base::Result<std::vector<model::Address>> release(const std::string& container, const std::string& ifname);
  // Sorted by address.
  base::Result<std::vector<Lease>> list();
  // Addresses of the pool that are held.
  base::Result<std::uint64_t> used(const Pool& pool, model::Family family);

  // Frees every lease of `network` whose (container, ifname) is not among `valid`, every lease of an earlier
  // boot, and leftovers of killed processes. Damaged leases stay: they may be in use. No ADD or DEL may run
  // for the network meanwhile (CNI specification, GC); those of other networks wait.
  base::Result<std::vector<Lease>> gc(const std::string& network,
                                      const std::vector<std::pair<std::string, std::string>>& valid);

 private:
  static base::Result<Leases> open_parts(const std::string& folder);
  struct Guard;  // flock on the folder
  base::Result<model::Address> take(const Pool& pool, model::Family family, const Owner& owner,
                                    const model::Address* requested);
  base::Result<model::Address> take_next(const Pool& pool, model::Family family, const Owner& owner, int file,
                                         const std::string& name);
  base::Result<model::Address> take_requested(const Owner& owner, int file, const std::string& name,
                                              const model::Address& address);
  base::Result<bool> link_lease(const Owner& owner, int file, const std::string& name, const model::Address& address);
  base::Result<std::vector<model::Address>> release_held(const std::string& container, const std::string& ifname);
  base::Result<std::vector<model::Address>> release_file(const std::string& name);
  base::Result<std::vector<model::Address>> names();
  std::optional<Lease> read_lease(const model::Address& address);
  base::Status free_earlier_boots();
  void remove_leftovers();
  std::optional<model::Address> last_given(model::Family family);
  void remember(const model::Address& address);

  std::string path_;
  io::Fd folder_;
  io::Fd owners_;
  io::Fd locks_;
  std::string boot_id_;
};

}  // namespace bailey::ipam::sys
