// check() and gc(): what lies in the folder is read once, as it was at one moment, and then judged.
#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <thread>

#include "ipam/sys/book.h"
#include "ipam/sys/leases.h"

namespace bailey::ipam::sys {
namespace {

using Kind = Finding::Kind;
using Part = Book::Part;
using FileId = std::pair<std::uint64_t, std::uint64_t>;  // device, inode

// What is half done by somebody who was not kept out is done after this.
constexpr std::chrono::milliseconds look_again_after{50};

FileId id_of(const struct stat& file) { return {file.st_dev, file.st_ino}; }

struct HeldLease {
  Lease lease;
  FileId file;
};

struct Survey {
  std::vector<HeldLease> leases;  // by address
  std::map<std::string, FileId> owners;
  std::map<std::string, std::string> pods;
  std::vector<Resting> records;
  std::vector<std::string> foreign;
  bool former_locks = false;
};

bool known_file(const std::string& name) {
  static constexpr const char* known[] = {".owners", ".pods", ".cooling", ".lock", ".locks", ".last-4", ".last-6"};
  return std::any_of(std::begin(known), std::end(known), [&](const char* each) { return name == each; });
}

base::Status survey_top(const Book& book, const std::string& boot, Survey& out) {
  base::Result<std::vector<std::string>> names = book.names(Part::top);
  if (!names.ok()) return names.error();
  for (const std::string& name : names.value()) {
    std::optional<model::Address> address = address_file(name);
    if (!address && !known_file(name)) out.foreign.push_back(name);
    std::optional<Book::Read> read = address ? book.read(*address) : std::nullopt;
    if (!read) continue;
    read->lease.earlier_boot = !read->lease.damaged() && read->lease.boot_id != boot;
    out.leases.push_back({std::move(read->lease), id_of(read->file)});
  }
  std::sort(out.leases.begin(), out.leases.end(),
            [](const HeldLease& a, const HeldLease& b) { return a.lease.address < b.lease.address; });
  return {};
}

base::Status survey_parts(const Book& book, Survey& out) {
  for (Part part : {Part::owners, Part::pods, Part::cooling}) {
    base::Result<std::vector<std::string>> names = book.names(part);
    if (!names.ok()) return names.error();
    std::string folder = part == Part::owners ? ".owners/" : part == Part::pods ? ".pods/" : ".cooling/";
    for (const std::string& name : names.value()) {
      std::optional<struct stat> info = book.look(part, name);
      if (!info) continue;
      bool fits = part == Part::owners ? parse_owner_file(name) && S_ISREG(info->st_mode)
                  : part == Part::pods ? S_ISLNK(info->st_mode)
                                       : address_file(name) && S_ISREG(info->st_mode);
      if (!fits)
        out.foreign.push_back(folder + name);
      else if (part == Part::owners)
        out.owners[name] = id_of(*info);
      else if (part == Part::pods)
        out.pods[name] = book.container_of(name);
    }
  }
  base::Result<std::vector<Resting>> records = book.records();
  if (!records.ok()) return records.error();
  out.records = std::move(records).value();
  return {};
}

// A lease's other name tells its owner even where the lease does not, and contradicts it where both differ.
void compare_with_owners(Survey& survey) {
  std::map<FileId, std::string> names;
  for (const auto& [name, file] : survey.owners) names[file] = name;
  for (HeldLease& each : survey.leases) {
    auto name = names.find(each.file);
    if (name == names.end()) continue;
    Lease& lease = each.lease;
    std::string expected = owner_file(lease.owner.container, lease.owner.ifname, lease.address.family());
    if (name->second == expected) continue;
    auto own = survey.owners.find(expected);
    if (!lease.damaged() && own != survey.owners.end() && own->second == each.file) continue;
    std::optional<OwnerFileParts> parts = parse_owner_file(name->second);
    if (!lease.damaged()) lease.damage = Damage::other_owner;
    lease.earlier_boot = false;
    if (!parts) continue;
    lease.owner.container = parts->container;
    lease.owner.ifname = parts->ifname;
  }
}

base::Result<Survey> survey_folder(Book& book) {
  base::Result<std::string> boot = book.boot_id();
  if (!boot.ok()) return boot.error();
  Survey out;
  if (base::Status done = survey_top(book, boot.value(), out); !done.ok()) return done.error();
  if (base::Status done = survey_parts(book, out); !done.ok()) return done.error();
  out.former_locks = book.has_former_locks();
  compare_with_owners(out);
  return out;
}

void judge_leases(const Survey& survey, std::vector<Finding>& out) {
  std::set<FileId> held;
  for (const HeldLease& each : survey.leases) held.insert(each.file);
  for (const HeldLease& each : survey.leases) {
    const Lease& lease = each.lease;
    std::string address = lease.address.text();
    if (lease.damaged()) {
      out.push_back({Kind::damaged_lease, address, address, lease.owner.network, lease.damage, false});
      continue;
    }
    if (lease.earlier_boot) out.push_back({Kind::earlier_boot, address, address, lease.owner.network});
    auto own = survey.owners.find(owner_file(lease.owner.container, lease.owner.ifname, lease.address.family()));
    if (own != survey.owners.end() && own->second == each.file) continue;
    bool holds_other = own != survey.owners.end() && held.contains(own->second);
    out.push_back({holds_other ? Kind::second_lease : Kind::lost_owner, address, address, lease.owner.network,
                   Damage::none, !holds_other});
  }
  for (const auto& [name, file] : survey.owners)
    if (!held.contains(file))
      out.push_back({Kind::unused_owner, ".owners/" + name, parse_owner_file(name)->container, ""});
}

void judge_pods(const Survey& survey, std::vector<Finding>& out) {
  std::set<std::pair<std::string, std::string>> holding;  // pod's entry, container
  std::set<std::string> pods;
  for (const HeldLease& each : survey.leases) {
    const Owner& owner = each.lease.owner;
    std::string pod = each.lease.damaged() ? "" : pod_file(owner);
    if (!pod.empty()) holding.insert({pod, owner.container});
  }
  for (const auto& [pod, container] : survey.pods) {
    if (holding.contains({pod, container}))
      pods.insert(pod);
    else
      out.push_back({Kind::dangling_pod, ".pods/" + pod, container, ""});
  }
  for (const HeldLease& each : survey.leases) {
    std::string pod = each.lease.damaged() ? "" : pod_file(each.lease.owner);
    if (!pod.empty() && pods.insert(pod).second)
      out.push_back({Kind::missing_pod, ".pods/" + pod, each.lease.owner.container, each.lease.owner.network});
  }
}

bool holds(const Survey& survey, const model::Address& address) {
  auto at = std::lower_bound(survey.leases.begin(), survey.leases.end(), address,
                             [](const HeldLease& a, const model::Address& b) { return a.lease.address < b; });
  return at != survey.leases.end() && at->lease.address == address;
}

std::vector<Finding> judge(const Survey& survey) {
  std::vector<Finding> out;
  judge_leases(survey, out);
  judge_pods(survey, out);
  for (const Resting& record : survey.records) {
    std::string address = record.address.text();
    if (holds(survey, record.address)) out.push_back({Kind::cooling_of_held, ".cooling/" + address, address, ""});
  }
  if (survey.former_locks) out.push_back({Kind::former_locks, ".locks", "", ""});
  for (const std::string& name : survey.foreign) out.push_back({Kind::foreign, name, "", "", Damage::none, false});
  std::stable_sort(out.begin(), out.end(), [](const Finding& a, const Finding& b) { return a.file < b.file; });
  return out;
}

base::Status mend_lost_owner(const Book& book, const Survey& survey, const Finding& finding) {
  auto at = std::find_if(survey.leases.begin(), survey.leases.end(),
                         [&](const HeldLease& each) { return each.lease.address.text() == finding.file; });
  const Lease& lease = at->lease;
  std::string name = owner_file(lease.owner.container, lease.owner.ifname, lease.address.family());
  if (base::Status removed = book.remove_owner(name); !removed.ok()) return removed;  // one that holds nothing
  return book.relink_owner(lease.address, name);
}

// The part of a finding's file behind the folder.
std::string behind_folder(const Finding& finding) { return finding.file.substr(finding.file.find('/') + 1); }

base::Status mend(const Book& book, const Survey& survey, const Finding& finding) {
  switch (finding.kind) {
    case Kind::lost_owner: return mend_lost_owner(book, survey, finding);
    case Kind::unused_owner: return book.remove_owner(behind_folder(finding));
    case Kind::dangling_pod: book.forget_pod(behind_folder(finding)); return {};
    case Kind::missing_pod: return book.note_pod(behind_folder(finding), finding.object);
    case Kind::cooling_of_held: book.end_rest(*model::Address::parse(finding.object)); return {};
    case Kind::former_locks: return book.remove_former_locks();
    case Kind::damaged_lease:
    case Kind::second_lease:
    case Kind::earlier_boot:
    case Kind::foreign: break;
  }
  return {};
}

// One run of gc over what was surveyed.
class Collector {
 public:
  Collector(const Book& book, Survey& survey, const Decide& decide, GcOptions options)
      : book_(book), survey_(survey), decide_(decide), options_(options) {}

  GcReport run() {
    std::vector<HeldLease> living;
    for (HeldLease& each : survey_.leases)
      if (!free_dead(each)) living.push_back(each);
    survey_.leases = std::move(living);
    std::vector<Finding> findings = judge(survey_);
    // What is in the way of something goes first.
    for (bool first : {true, false})
      for (const Finding& finding : findings)
        if ((finding.kind == Kind::unused_owner) == first) treat(finding);
    report_.rested = options_.dry_run ? rested() : book_.sweep(book_.now_ns(), 0);
    return std::move(report_);
  }

 private:
  // Records that a sweep would find. Those of held addresses are findings.
  std::size_t rested() const {
    std::int64_t now = book_.now_ns();
    return static_cast<std::size_t>(
        std::count_if(survey_.records.begin(), survey_.records.end(), [&](const Resting& record) {
          return book_.is_rested(record.since_ns, now) && !holds(survey_, record.address);
        }));
  }

  void note(const base::Error& error) {
    if (!report_.error) report_.error = error;
  }

  // True: it is gone (or would be).
  bool free_dead(const HeldLease& held) {
    const Lease& lease = held.lease;
    std::optional<std::string> reason;
    if (lease.earlier_boot && !options_.ask_about_earlier_boots) {
      reason = "given before the machine started (boot " + lease.boot_id + ")";
    } else {
      base::Result<std::optional<std::string>> decided = decide_(lease);
      if (!decided.ok()) {
        note(decided.error());
        report_.kept.push_back({lease, decided.error()});
        return false;
      }
      reason = std::move(decided).value();
    }
    if (!reason) return false;
    if (base::Status freed = options_.dry_run ? base::Status() : remove(held); !freed.ok()) {
      note(freed.error());
      report_.kept.push_back({lease, freed.error()});
      return false;
    }
    std::erase_if(survey_.owners, [&](const auto& each) { return each.second == held.file; });
    std::erase_if(survey_.pods, [&](const auto& each) { return names_its_pod(each, lease); });
    report_.freed.push_back({lease, *reason});
    return true;
  }

  static bool names_its_pod(const std::pair<const std::string, std::string>& entry, const Lease& lease) {
    return entry.second == lease.owner.container && entry.first == pod_file(lease.owner);
  }

  base::Status remove(const HeldLease& held) {
    const model::Address& address = held.lease.address;
    // Nobody of this boot has used what an earlier one gave; and what is no lease would not do as a record.
    bool rests = !held.lease.earlier_boot && !held.lease.damaged();
    base::Status removed = rests ? book_.lay_to_rest(address, 3, book_.now_ns()) : book_.remove(address);
    if (!removed.ok()) return removed;
    for (const auto& entry : survey_.pods)
      if (names_its_pod(entry, held.lease)) book_.forget_pod(entry.first);
    for (const auto& [name, file] : survey_.owners)
      if (file == held.file)
        if (base::Status gone = book_.remove_owner(name); !gone.ok()) return gone;
    return {};
  }

  void treat(const Finding& finding) {
    if (finding.kind == Kind::earlier_boot) return;  // was decided on
    if (!finding.mends) return report_.left.push_back(finding);
    if (base::Status mended = options_.dry_run ? base::Status() : mend(book_, survey_, finding); !mended.ok()) {
      note(mended.error());
      return report_.left.push_back(finding);
    }
    report_.mended.push_back(finding);
  }

  const Book& book_;
  Survey& survey_;
  const Decide& decide_;
  GcOptions options_;
  GcReport report_;
};

}  // namespace

base::Result<std::vector<Finding>> Leases::check() {
  base::Result<Lock> guard = book_->guard(LockFile::How::exclusive);
  if (!guard.ok()) return guard.error();
  base::Result<Survey> survey = survey_folder(*book_);
  if (!survey.ok()) return survey.error();
  std::vector<Finding> first = judge(survey.value());
  if (first.empty() || book_->can_exclude()) return first;
  std::this_thread::sleep_for(look_again_after);
  survey = survey_folder(*book_);
  if (!survey.ok()) return survey.error();
  std::vector<Finding> again = judge(survey.value());
  std::erase_if(again, [&](const Finding& each) { return std::find(first.begin(), first.end(), each) == first.end(); });
  return again;
}

base::Result<GcReport> Leases::gc(const Decide& decide, GcOptions options) {
  base::Result<Lock> guard = book_->guard(LockFile::How::exclusive);
  if (!guard.ok()) return guard.error();
  base::Result<Survey> survey = survey_folder(*book_);
  if (!survey.ok()) return survey.error();
  GcReport report = Collector(*book_, survey.value(), decide, options).run();
  // Addresses may be free without a record now.
  for (model::Family family : {model::Family::v4, model::Family::v6}) {
    Hint hint = options.dry_run ? Hint() : book_->open_hint(family);
    if (std::exchange(hint.dry, 0) != 0) book_->write_hint(hint);
  }
  return report;
}

}  // namespace bailey::ipam::sys
