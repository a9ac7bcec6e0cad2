// Taking an address: the owner's file is written whole, then link(2)ed to the address' name. link(2) fails where
// the name exists, so the kernel decides who gets an address, and what it names is complete. Giving it back: the
// address' name goes first (it is renamed into .cooling), then the pod's entry, then the owner's name. A process
// that is killed in between leaves an owner's file whose address is not its own, which holds nothing; release() and
// gc() remove it.
//
// A lease is removed by its owner (who holds the container's lock, and removes the name only where it is the same
// inode as its own file) or by gc. gc decides from what it has read, so nothing may change in between: it holds the
// folder's lock exclusively, everybody else shared.
//
// The next address is the one after the last that neither is held nor rests. Mostly the first or one of the next
// few is it, and then no folder is listed. Where none of them is, the address that has rested longest is taken, if
// one has rested long enough: only those that were given back lately are listed for that. Only then all that is held
// is looked through. That nothing is free but what rests is remembered, so that a pool that is nearly full is not
// looked through each time. So giving costs the same at one lease and at a thousand.
//
// A record of rest is removed when its address is given again. As a large pool does not come round to them, giving
// an address looks through the records once in a while.
#include "ipam/sys/leases.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.h"
#include "ipam/sys/book.h"

namespace bailey::ipam::sys {
namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;
constexpr std::int64_t sweep_every_s = 30;
constexpr std::size_t few_records = 256;  // no more are no burden, and tell what is free
constexpr std::size_t probes = 6;         // candidates that are tried one by one before folders are listed

bool same_inode(const struct stat& a, const struct stat& b) { return a.st_ino == b.st_ino && a.st_dev == b.st_dev; }

// `before`: how much the file has already.
base::Status write_whole(int fd, std::string_view text, std::size_t before, const std::string& shown) {
  ssize_t count = ::pwrite(fd, text.data(), text.size(), 0);
  if (count != static_cast<ssize_t>(text.size())) return base::system_error("write", shown, count < 0 ? errno : ENOSPC);
  if (text.size() < before && ::ftruncate(fd, count) != 0) return base::system_error("write", shown, errno);
  return {};
}

std::optional<base::Error> misplaced(const Pool& pool, const std::vector<model::Address>& requested) {
  for (const model::Address& address : requested) {
    Pool::Place place = pool.place(address);
    if (place == Pool::Place::usable) continue;
    std::string cause = "it is not in this node's ranges (" + pool.text(address.family()) + ")";
    if (!pool.has(address.family())) cause = "this node has no ranges of its family";
    if (place == Pool::Place::reserved)
      cause = "it is a network, gateway or broadcast address of " + pool.text(address.family());
    return base::Error{"take address", address.text(), cause, EADDRNOTAVAIL};
  }
  return std::nullopt;
}

bool in_pool(const Pool& pool, model::Family family, const model::Address& address) {
  return address.family() == family && pool.place(address) == Pool::Place::usable;
}

// One owner takes one address of one family. Until keep() everything can be undone.
class Taking {
 public:
  Taking(Book& book, const Pool& pool, const Owner& owner, model::Family family, Hint& hint)
      : book_(book),
        pool_(pool),
        owner_(owner),
        family_(family),
        hint_(hint),
        name_(owner_file(owner.container, owner.ifname, family)),
        pool_id_(base::fnv1a(pool.text(family))),
        now_(book.now_ns()) {}

  // Code EEXIST: the owner has a file of this family already.
  base::Result<model::Address> take(const model::Address* requested) {
    base::Result<io::Fd> file = book_.create_owner(name_);
    if (!file.ok()) return file.error();
    file_ = std::move(file).value();
    return requested ? take_requested(*requested) : take_next();
  }

  // Nothing that is taken here was in use, so it needs no rest, and what rested goes on resting. What cannot be
  // removed is a lease like any other, which its container's DEL frees.
  void undo() {
    if (taken_) static_cast<void>(book_.remove(*taken_));
    if (file_) static_cast<void>(book_.remove_owner(name_));
  }

  void keep() {
    if (rested_) book_.end_rest(*taken_);
    bool swept = hint_.swept_s > now_ / ns_per_s || now_ / ns_per_s - hint_.swept_s >= sweep_every_s;
    if (swept) {
      hint_.swept_s = now_ / ns_per_s;
      if (book_.sweep(now_, few_records) > 0) hint_.dry = 0;
    }
    // The round goes on from where it was, wherever somebody's wish lies.
    bool moved = !wish_ || !hint_.last;
    if (moved) hint_.last = taken_;
    base::Result<std::string> boot = book_.boot_id();
    std::string boot_id = boot.ok() ? boot.value() : "";
    bool others =
        hint_.boot_id != boot_id || hint_.node_inode != owner_.node_inode || hint_.cool_down_s != book_.cool_down_s();
    hint_.boot_id = boot_id;
    hint_.node_inode = owner_.node_inode;
    hint_.cool_down_s = book_.cool_down_s();
    if (swept || moved || others) book_.write_hint(hint_);
  }

 private:
  // True: the address is the owner's now. False: somebody else has it.
  base::Result<bool> link(const model::Address& address) {
    base::Result<std::string> boot = book_.boot_id();
    if (!boot.ok()) return boot.error();
    Lease lease{address, owner_, boot.value(), now_ / ns_per_s};
    std::string text = lease.json().dump() + "\n";
    base::Status written = write_whole(file_.get(), text, written_, book_.shown(".owners/" + name_));
    if (!written.ok()) return written.error();
    written_ = text.size();
    base::Result<bool> linked = book_.link_owner(name_, address);
    if (linked.ok() && linked.value()) taken_ = address;
    return linked;
  }

  base::Result<model::Address> take_requested(const model::Address& address) {
    wish_ = true;
    base::Result<bool> linked = link(address);
    if (!linked.ok()) return linked.error();
    rested_ = true;
    if (linked.value()) return address;
    std::optional<Book::Read> holder = book_.read(address);
    std::string who = !holder                   ? "another pod"
                      : holder->lease.damaged() ? "an unreadable lease (see `bailey ipam check`)"
                                                : holder->lease.owner.text();
    return base::Error{"take address", address.text(), "it is held by " + who, EADDRINUSE};
  }

  using Taken = base::Result<std::optional<model::Address>>;  // empty: none could be had this way

  base::Result<model::Address> take_next() {
    Taken taken = hint_.dry == pool_id_ ? Taken(std::nullopt) : take_near();
    if (taken.ok() && !taken.value()) taken = take_far();
    if (!taken.ok()) return taken.error();
    if (!taken.value()) return full();
    return **taken;
  }

  // One of the next few.
  Taken take_near() {
    std::vector<model::Address> unfit;
    while (unfit.size() < probes) {
      std::optional<model::Address> next = candidate(unfit);
      if (!next) return Taken(std::nullopt);
      // The first one is mostly free, so that looking before would be for nothing.
      if (unfit.empty() || book_.rest_of(*next, now_) != Rest::resting) {
        base::Result<bool> taken = take_unless_resting(*next);
        if (!taken.ok()) return taken.error();
        if (taken.value()) return Taken(*next);
      }
      unfit.push_back(*next);
    }
    return Taken(std::nullopt);
  }

  Taken take_far() {
    base::Result<std::vector<Resting>> records = book_.records();
    if (!records.ok()) return records.error();
    std::erase_if(records.value(), [&](const Resting& each) { return !in_pool(pool_, family_, each.address); });
    Taken taken = take_oldest(records.value(), hint_.dry != pool_id_);
    if (!taken.ok() || taken.value()) return taken;
    base::Result<std::vector<model::Address>> unfit = book_.held();
    if (!unfit.ok()) return unfit.error();
    for (const Resting& record : records.value()) unfit->push_back(record.address);
    while (std::optional<model::Address> next = candidate(unfit.value())) {
      base::Result<bool> free = take_unless_resting(*next);
      if (!free.ok()) return free.error();
      if (free.value()) return Taken(*next);
      unfit->push_back(*next);
    }
    hint_.dry = pool_id_;
    return take_oldest(records.value(), false);
  }

  // The address after the last one that is not among `unfit`, which is sorted by this.
  std::optional<model::Address> candidate(std::vector<model::Address>& unfit) const {
    std::sort(unfit.begin(), unfit.end());
    return pool_.next_free(family_, hint_.last, [&](const model::Address& each) {
      return std::binary_search(unfit.begin(), unfit.end(), each);
    });
  }

  // Of what was given back, the one that has rested longest.
  Taken take_oldest(const std::vector<Resting>& records, bool only_rested) {
    for (const Resting& record : records) {
      if (only_rested && !book_.is_rested(record.since_ns, now_)) continue;
      base::Result<bool> linked = link(record.address);
      if (!linked.ok()) return linked.error();
      rested_ = true;
      if (linked.value()) return Taken(record.address);
    }
    return Taken(std::nullopt);
  }

  // Looks once it is taken: before, its owner could give it back between the two steps.
  base::Result<bool> take_unless_resting(const model::Address& address) {
    base::Result<bool> linked = link(address);
    if (!linked.ok() || !linked.value()) return linked;
    Rest rest = book_.rest_of(address, now_);
    rested_ = rest == Rest::rested;
    if (rest != Rest::resting) return true;
    if (base::Status removed = book_.remove(address); !removed.ok()) return removed.error();
    taken_.reset();
    return false;
  }

  base::Error full() {
    base::Result<std::vector<model::Address>> held = book_.held();
    auto used = !held.ok() ? 0 : std::count_if(held->begin(), held->end(), [&](const model::Address& each) {
      return in_pool(pool_, family_, each);
    });
    std::string size = count_text(pool_.size(family_));
    return {"take an address from", pool_.text(family_),
            "all " + size + " addresses are in use (size " + size + ", used " + std::to_string(used) +
                ", cooling 0); delete pods, give the node more podRanges, or free what dead pods left with `bailey "
                "ipam gc --dir " +
                book_.path() + "`",
            EXFULL};
  }

  Book& book_;
  const Pool& pool_;
  const Owner& owner_;
  model::Family family_;
  Hint& hint_;
  std::string name_;
  std::uint64_t pool_id_;
  std::int64_t now_;
  io::Fd file_;
  std::size_t written_ = 0;
  bool wish_ = false;
  std::optional<model::Address> taken_;
  bool rested_ = false;  // there may be a record of its rest
};

// What an owner's file holds: mostly one address or none.
base::Result<std::vector<model::Address>> addresses_of(const Book& book, const Book::OwnerFile& own,
                                                       const Lease& said) {
  std::vector<model::Address> out;
  if (own.file.st_nlink < 2) return out;
  if (!said.address.is_unspecified() && book.is_held_by(said.address, own.file)) return std::vector{said.address};
  // Killed while giving back: the second name is the record of rest.
  std::optional<struct stat> record = book.look(Book::Part::cooling, said.address.text());
  if (own.file.st_nlink == 2 && record && same_inode(*record, own.file)) return out;
  base::Result<std::vector<model::Address>> all = book.held();
  if (!all.ok()) return all.error();
  for (const model::Address& each : all.value())
    if (book.is_held_by(each, own.file)) out.push_back(each);
  return out;
}

// The lease that an owner's file says it is; unspecified address where it says none.
Lease said_by(const std::string& text) {
  base::Result<base::Json> json = base::Json::parse(text);
  std::optional<model::Address> address =
      json.ok() ? model::Address::parse(json.value()["address"].as_string()) : std::nullopt;
  return address ? Lease::parse(*address, text) : Lease{};
}

}  // namespace

Leases::Leases(std::unique_ptr<Book> book) : book_(std::move(book)) {}
Leases::Leases(Leases&&) noexcept = default;
Leases& Leases::operator=(Leases&&) noexcept = default;
Leases::~Leases() = default;

base::Result<Leases> Leases::open(const std::string& folder, Options options) {
  base::Result<std::unique_ptr<Book>> book = Book::open(folder, Book::Access::create, std::move(options));
  if (!book.ok()) return book.error();
  return Leases(std::move(book).value());
}

base::Result<Leases> Leases::open_existing(const std::string& folder, Options options) {
  base::Result<std::unique_ptr<Book>> book = Book::open(folder, Book::Access::change, std::move(options));
  if (!book.ok()) return book.error();
  return Leases(std::move(book).value());
}

base::Result<Leases> Leases::open_to_read(const std::string& folder, Options options) {
  base::Result<std::unique_ptr<Book>> book = Book::open(folder, Book::Access::read, std::move(options));
  if (!book.ok()) return book.error();
  return Leases(std::move(book).value());
}

base::Result<Lock> Leases::lock(const std::string& container) {
  return book_->locks()->wait_for(LockFile::container_byte(container), LockFile::How::exclusive);
}

// One lock for all interfaces of the pod: two sandboxes of it that are made at once, each for another interface,
// could otherwise wait for each other's container.
base::Result<Lock> Leases::lock_pod(const Owner& owner) {
  if (owner.pod_name.empty()) return Lock();
  return book_->locks()->wait_for(LockFile::pod_byte(owner.pod_namespace, owner.pod_name), LockFile::How::exclusive);
}

base::Result<std::optional<Owner>> Leases::older_sandbox(const Owner& owner) {
  std::string pod = pod_file(owner);
  std::string container = pod.empty() ? "" : book_->container_of(pod);
  if (container.empty() || container == owner.container) return std::optional<Owner>();
  for (model::Family family : {model::Family::v4, model::Family::v6}) {
    std::optional<Book::OwnerFile> own = book_->read_owner(owner_file(container, owner.ifname, family));
    if (!own) continue;
    Lease said = said_by(own->text);
    if (said.owner.container != container || pod_file(said.owner) != pod) continue;
    base::Result<std::vector<model::Address>> addresses = addresses_of(*book_, *own, said);
    if (!addresses.ok()) return addresses.error();
    if (addresses->empty()) continue;
    bool another = !said.owner.pod_uid.empty() && !owner.pod_uid.empty() && said.owner.pod_uid != owner.pod_uid;
    return another ? std::optional<Owner>() : std::optional<Owner>(said.owner);
  }
  return std::optional<Owner>();
}

struct Leases::Request {
  const Pool& pool;
  const Owner& owner;
  const std::vector<model::Address>& requested;
  std::vector<Hint>& hints;  // one for each family of the pool
};

base::Result<std::vector<model::Address>> Leases::allocate(const Pool& pool, const Owner& owner,
                                                           const std::vector<model::Address>& requested) {
  if (std::optional<base::Error> error = misplaced(pool, requested)) return *error;
  base::Result<std::string> boot = book_->boot_id();
  if (!boot.ok()) return boot.error();
  // The first one after a reboot frees what the earlier boots left; later it is looked for only where addresses
  // lack, as it means reading every lease.
  std::vector<Hint> hints;
  bool known = true;
  for (model::Family family : pool.families()) {
    hints.push_back(book_->open_hint(family));
    known = known && hints.back().boot_id == boot.value();
  }
  if (!known) {
    if (base::Status made = book_->make_parts(); !made.ok()) return made.error();
    if (base::Status done = free_earlier_boots(hints); !done.ok()) return done.error();
  }
  Request request{pool, owner, requested, hints};
  base::Result<std::vector<model::Address>> taken = allocate_once(request, LockFile::How::shared);
  bool lacking = !taken.ok() && (taken.error().code == EXFULL || taken.error().code == EADDRINUSE);
  if (!lacking) return taken;
  if (known)
    if (base::Status done = free_earlier_boots(hints); !done.ok()) return done.error();
  // While others give and take, addresses that are looked at one after the other may all be held, each at its time.
  // With nobody else in the folder "full" is the truth.
  return allocate_once(request, LockFile::How::exclusive);
}

base::Result<std::vector<model::Address>> Leases::allocate_once(const Request& request, LockFile::How how) {
  base::Result<Lock> guard = book_->guard(how);
  if (!guard.ok()) return guard.error();
  base::Result<std::vector<model::Address>> taken = take_all(request);
  if (taken.ok() || taken.error().code != EEXIST) return taken;
  auto freed = release_held(request.owner.container, request.owner.ifname);
  if (!freed.ok()) return freed.error();
  return take_all(request);
}

base::Result<std::vector<model::Address>> Leases::take_all(const Request& request) {
  const auto& [pool, owner, requested, hints] = request;
  // The pod's entry comes first: one without lease is harmless, a lease without would not be found by the next
  // sandbox of the pod.
  std::string pod = pod_file(owner);
  if (!pod.empty())
    if (base::Status noted = book_->note_pod(pod, owner.container); !noted.ok()) return noted.error();
  std::vector<Taking> takings;
  takings.reserve(2);
  std::vector<model::Address> out;
  for (model::Family family : pool.families()) {
    auto wish = std::find_if(requested.begin(), requested.end(),
                             [&](const model::Address& address) { return address.family() == family; });
    takings.emplace_back(*book_, pool, owner, family, hints[takings.size()]);
    base::Result<model::Address> taken = takings.back().take(wish == requested.end() ? nullptr : &*wish);
    if (!taken.ok()) {
      for (Taking& each : takings) each.undo();
      if (!pod.empty() && taken.error().code != EEXIST) book_->forget_pod(pod);
      return taken.error();
    }
    out.push_back(taken.value());
  }
  for (Taking& each : takings) each.keep();
  return out;
}

base::Result<std::vector<model::Address>> Leases::release(const std::string& container, const std::string& ifname) {
  base::Result<Lock> guard = book_->guard(LockFile::How::shared);
  if (!guard.ok()) return guard.error();
  return release_held(container, ifname);
}

base::Result<std::vector<model::Address>> Leases::release_held(const std::string& container,
                                                               const std::string& ifname) {
  std::vector<model::Address> out;
  std::vector<std::string> files;
  Owner owner;
  for (model::Family family : {model::Family::v4, model::Family::v6}) {
    std::string name = owner_file(container, ifname, family);
    std::optional<Book::OwnerFile> own = book_->read_owner(name);
    if (!own) continue;
    files.push_back(name);
    Lease said = said_by(own->text);
    if (!said.owner.container.empty()) owner = said.owner;
    base::Result<std::vector<model::Address>> addresses = addresses_of(*book_, *own, said);
    if (!addresses.ok()) return addresses.error();
    for (const model::Address& address : addresses.value()) {
      base::Status laid = book_->lay_to_rest(address, own->file.st_nlink, book_->now_ns());
      if (!laid.ok()) return laid.error();
      out.push_back(address);
    }
  }
  // A newer sandbox of the pod may have put itself into the entry. While one is being made, which is when the lock
  // is taken, the entry is its own business; this must not wait for it, as it may be waiting for us.
  if (std::string pod = pod_file(owner); !pod.empty()) {
    auto lock =
        book_->locks()->try_for(LockFile::pod_byte(owner.pod_namespace, owner.pod_name), LockFile::How::exclusive);
    if (lock.ok() && lock.value() && book_->container_of(pod) == container) book_->forget_pod(pod);
  }
  for (const std::string& name : files)
    if (base::Status removed = book_->remove_owner(name); !removed.ok()) return removed.error();
  return out;
}

// What is freed here gets no record, so the hints no longer tell what is free.
base::Status Leases::free_earlier_boots(std::vector<Hint>& hints) {
  for (Hint& hint : hints) hint.dry = 0;
  base::Result<Lock> guard = book_->guard(LockFile::How::exclusive);
  if (!guard.ok()) return guard.error();
  base::Result<std::vector<Lease>> held = list();
  if (!held.ok()) return held.error();
  for (const Lease& lease : held.value()) {
    if (!lease.earlier_boot) continue;
    if (base::Status removed = book_->remove(lease.address); !removed.ok()) return removed;
    std::string name = owner_file(lease.owner.container, lease.owner.ifname, lease.address.family());
    if (base::Status removed = book_->remove_owner(name); !removed.ok()) return removed;
    std::string pod = pod_file(lease.owner);
    if (!pod.empty() && book_->container_of(pod) == lease.owner.container) book_->forget_pod(pod);
  }
  return {};
}

// Address by address is not one moment: who gives one back and takes another meanwhile would be seen with both.
base::Result<std::vector<Lease>> Leases::list() {
  base::Result<Lock> guard = book_->guard(LockFile::How::exclusive);
  if (!guard.ok()) return guard.error();
  base::Result<std::string> boot = book_->boot_id();
  if (!boot.ok()) return boot.error();
  base::Result<std::vector<model::Address>> held = book_->held();
  if (!held.ok()) return held.error();
  std::vector<Lease> out;
  for (const model::Address& address : held.value()) {
    std::optional<Book::Read> read = book_->read(address);
    if (!read) continue;
    out.push_back(std::move(read->lease));
    out.back().earlier_boot = !out.back().damaged() && out.back().boot_id != boot.value();
  }
  return out;
}

base::Result<std::optional<Lease>> Leases::holder(const model::Address& address) {
  std::optional<Book::Read> read = book_->read(address);
  if (!read) return std::optional<Lease>();
  base::Result<std::string> boot = book_->boot_id();
  if (!boot.ok()) return boot.error();
  read->lease.earlier_boot = !read->lease.damaged() && read->lease.boot_id != boot.value();
  return std::optional<Lease>(std::move(read->lease));
}

base::Result<std::vector<Lease>> Leases::cooling() {
  std::int64_t now = book_->now_ns();
  base::Result<std::vector<Resting>> records = book_->records();
  if (!records.ok()) return records.error();
  std::vector<Lease> out;
  for (const Resting& record : records.value()) {
    if (book_->is_rested(record.since_ns, now) || book_->look(Book::Part::top, record.address.text())) continue;
    if (std::optional<Lease> lease = book_->read_record(record)) out.push_back(std::move(*lease));
  }
  std::sort(out.begin(), out.end(), [](const Lease& a, const Lease& b) { return a.address < b.address; });
  return out;
}

std::uint64_t Leases::node_inode() {
  base::Result<std::string> boot = book_->boot_id();
  for (model::Family family : {model::Family::v4, model::Family::v6}) {
    Hint hint = book_->read_hint(family);
    if (boot.ok() && hint.boot_id == boot.value() && hint.node_inode != 0) return hint.node_inode;
  }
  return 0;
}

base::Result<Usage> Leases::usage(const Pool& pool, model::Family family) {
  std::int64_t now = book_->now_ns();
  base::Result<std::vector<model::Address>> held = book_->held();
  if (!held.ok()) return held.error();
  auto ours = [&](const model::Address& address) { return in_pool(pool, family, address); };
  Usage out;
  out.size = pool.size(family);
  out.used = static_cast<std::uint64_t>(std::count_if(held->begin(), held->end(), ours));
  if (out.used >= out.size) {
    base::Result<std::vector<Lease>> leases = list();
    if (!leases.ok()) return leases.error();
    out.used = static_cast<std::uint64_t>(std::count_if(leases->begin(), leases->end(), [&](const Lease& lease) {
      return !lease.earlier_boot && ours(lease.address);
    }));
  }
  base::Result<std::vector<Resting>> records = book_->records();
  if (!records.ok()) return records.error();
  for (const Resting& record : records.value())
    out.cooling += ours(record.address) && !book_->is_rested(record.since_ns, now) &&
                   !std::binary_search(held->begin(), held->end(), record.address);
  return out;
}

}  // namespace bailey::ipam::sys
