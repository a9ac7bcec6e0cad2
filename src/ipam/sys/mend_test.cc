#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <set>

#include "ipam/sys/leases_for_test.h"

namespace bailey::ipam::sys {

void PrintTo(const Finding& finding, std::ostream* out) {
  *out << static_cast<int>(finding.kind) << " " << finding.file << " (" << finding.object << ")"
       << (finding.mends ? "" : " not mended");
}

namespace {

namespace fs = std::filesystem;
using Kind = Finding::Kind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class MendTest : public LeaseFolder {
 protected:
  static base::Result<std::optional<std::string>> keep(const Lease&) { return std::optional<std::string>(); }
  static base::Result<std::optional<std::string>> dead(const Lease&) { return std::optional<std::string>("dead"); }

  GcReport gc(const Decide& decide, GcOptions gc_options = {}) { return open(30).gc(decide, gc_options).value(); }
  std::vector<Finding> check() { return Leases::open_to_read(folder_, options(30)).value().check().value(); }

  static std::vector<std::string> freed(const GcReport& report) {
    std::vector<std::string> out;
    for (const auto& each : report.freed) out.push_back(each.lease.address.text() + ": " + each.reason);
    return out;
  }
  // A dry run says what a real one does, and does nothing; the real one leaves nothing to be said.
  GcReport gc_after_dry_run(const Decide& decide) {
    std::vector<std::string> before = files();
    GcReport said = gc(decide, {true, false});
    EXPECT_EQ(files(), before);
    GcReport done = gc(decide);
    EXPECT_EQ(freed(said), freed(done));
    EXPECT_EQ(said.mended, done.mended);
    EXPECT_EQ(said.left, done.left);
    EXPECT_EQ(said.rested, done.rested);
    EXPECT_EQ(check(), done.left);
    return done;
  }
};

TEST_F(MendTest, NothingToFindInAFolderInOrder) {
  EXPECT_THAT(check(), IsEmpty()) << "an empty one";
  Leases leases = open(30);
  leases.allocate(pool_, owner("a"), {}).value();
  leases.allocate(pool_, owner("b"), {}).value();
  leases.release("a", "eth0").value();
  EXPECT_THAT(check(), IsEmpty());
  GcReport report = gc_after_dry_run(keep);
  EXPECT_THAT(freed(report), IsEmpty());
  EXPECT_THAT(report.mended, IsEmpty());
  EXPECT_EQ(report.rested, 0U);
  now_s_ += 30;
  EXPECT_EQ(gc_after_dry_run(keep).rested, 2U);
  EXPECT_THAT(files(),
              ElementsAre(".owners/b:eth0:4", ".owners/b:eth0:6", ".pods/net:shop:web-b:eth0", "10.0.0.3", "fd00::3"));
}

TEST_F(MendTest, GcFreesWhatTheCallerCallsDead) {
  Leases leases = open();
  for (const char* each : {"a", "b"}) leases.allocate(pool_, owner(each), {}).value();
  leases.allocate(v4_, owner("c"), {}).value();
  GcReport report = gc_after_dry_run([](const Lease& lease) -> base::Result<std::optional<std::string>> {
    if (lease.owner.container == "c") return base::Error{"look at", "c", "no permission", EPERM};
    if (lease.owner.container == "a") return std::optional<std::string>("gone");
    return std::optional<std::string>();
  });
  EXPECT_THAT(freed(report), ElementsAre("10.0.0.2: gone", "fd00::2: gone"));
  EXPECT_THAT(report.mended, IsEmpty()) << "what belongs to a lease goes with it";
  ASSERT_EQ(report.kept.size(), 1U);
  EXPECT_EQ(report.kept[0].lease.owner.container, "c");
  EXPECT_EQ(report.error->code, EPERM);
  EXPECT_THAT(held(), ElementsAre("10.0.0.3", "10.0.0.10", "fd00::3"));
  EXPECT_THAT(cooling(), ElementsAre("10.0.0.2", "fd00::2")) << "something may still fly about for it";
}

TEST_F(MendTest, DecideMayReadTheBook) {
  Leases leases = open();
  leases.allocate(v4_, owner("a"), {}).value();
  std::size_t seen = 0;
  leases
      .gc([&](const Lease& lease) -> base::Result<std::optional<std::string>> {
        seen = leases.list().value().size();
        EXPECT_TRUE(leases.holder(lease.address).value());
        return std::optional<std::string>();
      })
      .value();
  EXPECT_EQ(seen, 1U);
}

TEST_F(MendTest, EarlierBootsAreDeadUnlessTheCallerWantsToBeAsked) {
  open().allocate(v4_, owner("a"), {}).value();
  make_old("10.0.0.10");
  EXPECT_THAT(check(), ElementsAre(Finding{Kind::earlier_boot, "10.0.0.10", "10.0.0.10", "net"}));
  EXPECT_THAT(freed(gc(keep, {true, true})), IsEmpty());
  GcReport report = gc_after_dry_run(keep);
  ASSERT_EQ(report.freed.size(), 1U);
  EXPECT_THAT(report.freed[0].reason, HasSubstr("before the machine started"));
  EXPECT_THAT(files(), IsEmpty()) << "nothing of it can still fly about";
}

TEST_F(MendTest, DamagedLeasesAreNamedAndStayUnlessTheyAreDead) {
  struct Row {
    const char* container;
    Damage damage;
    std::function<void(const std::string&)> spoil;
  };
  std::string other;
  std::vector<Row> rows = {
      {"empty", Damage::empty, [&](const std::string& name) { write(name, ""); }},
      {"cut", Damage::not_json, [&](const std::string& name) { write(name, content(name).substr(0, 60)); }},
      {"junk", Damage::not_json, [&](const std::string& name) { write(name, std::string("\0\xff{", 3)); }},
      {"list", Damage::not_json, [&](const std::string& name) { write(name, "[]"); }},
      {"nobody", Damage::no_owner, [&](const std::string& name) { write(name, "{\"address\":\"" + name + "\"}"); }},
      {"moved", Damage::other_address,
       [&](const std::string& name) {
         std::string text = content(name);
         write(name, text.replace(text.find(name), name.size(), "10.9.9.9"));
       }},
      {"stolen", Damage::other_owner,
       [&](const std::string& name) {
         std::string text = content(name);
         write(name, text.replace(text.find("\"stolen\""), 8, "\"thieve\""));
       }},
  };
  Pool pool = Pool::parse({"10.0.0.10-10.0.0.30"}).value();
  std::set<std::string> networks = {"moved", "stolen"};  // what is readable says more
  std::vector<Finding> expected;
  for (const Row& row : rows) {
    std::string name = open().allocate(pool, owner(row.container), {}).value()[0].text();
    row.spoil(name);
    expected.push_back(
        {Kind::damaged_lease, name, name, networks.contains(row.container) ? "net" : "", row.damage, false});
  }
  std::vector<Finding> found = check();
  std::erase_if(found, [](const Finding& each) { return each.kind == Kind::dangling_pod; });
  EXPECT_EQ(found, expected);
  std::vector<std::string> asked;
  gc([&](const Lease& lease) -> base::Result<std::optional<std::string>> {
    EXPECT_TRUE(lease.damaged());
    asked.push_back(lease.owner.container + "," + lease.owner.ifname);
    return std::optional<std::string>();
  });
  EXPECT_THAT(asked, ElementsAre("empty,eth0", "cut,eth0", "junk,eth0", "list,eth0", "nobody,eth0", "moved,eth0",
                                 "stolen,eth0"))
      << "known by their other name";
  EXPECT_EQ(held().size(), rows.size());
  EXPECT_THAT(open().release("junk", "eth0").value(), ElementsAre(address("10.0.0.12"))) << "DEL finds it as well";
  EXPECT_EQ(gc_after_dry_run(dead).freed.size(), rows.size() - 1);
  EXPECT_THAT(files(), IsEmpty());
  EXPECT_TRUE(open().allocate(pool, owner("next"), {}).ok());
}

TEST_F(MendTest, WhatIsNoFileIsADamagedLease) {
  open();
  fs::create_directory(folder_ + "/10.0.0.10");
  ASSERT_EQ(::mkfifo((folder_ + "/10.0.0.11").c_str(), 0600), 0);
  fs::create_symlink("/dev/zero", folder_ + "/10.0.0.12");
  std::vector<Finding> expected;
  for (const char* name : {"10.0.0.10", "10.0.0.11", "10.0.0.12"})
    expected.push_back({Kind::damaged_lease, name, name, "", Damage::not_a_file, false});
  EXPECT_EQ(check(), expected);
  EXPECT_EQ(open().allocate(v4_, owner("a"), {}).error().code, EXFULL);
  EXPECT_EQ(gc_after_dry_run(dead).freed.size(), 3U);
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(MendTest, ALeaseThatItsOwnerWouldNotFindIsLinkedAgain) {
  Leases leases = open();
  leases.allocate(v4_, owner("a"), {}).value();
  leases.allocate(v4_, owner("b"), {}).value();
  fs::remove(folder_ + "/.owners/a:eth0:4");
  fs::remove(folder_ + "/.owners/b:eth0:4");
  write(".owners/b:eth0:4", "{");  // in the way, and holds nothing
  EXPECT_THAT(check(), ElementsAre(Finding{Kind::unused_owner, ".owners/b:eth0:4", "b", ""},
                                   Finding{Kind::lost_owner, "10.0.0.10", "10.0.0.10", "net"},
                                   Finding{Kind::lost_owner, "10.0.0.11", "10.0.0.11", "net"}));
  EXPECT_EQ(gc_after_dry_run(keep).mended.size(), 3U);
  EXPECT_THAT(open().release("a", "eth0").value(), ElementsAre(address("10.0.0.10")));
  EXPECT_THAT(open().release("b", "eth0").value(), ElementsAre(address("10.0.0.11")));
}

TEST_F(MendTest, AllOwnersGone) {
  Leases leases = open();
  leases.allocate(pool_, owner("a"), {}).value();
  fs::remove_all(folder_ + "/.owners");
  fs::remove_all(folder_ + "/.pods");
  EXPECT_THAT(gc_after_dry_run(keep).mended,
              ElementsAre(Finding{Kind::missing_pod, ".pods/net:shop:web-a:eth0", "a", "net"},
                          Finding{Kind::lost_owner, "10.0.0.2", "10.0.0.2", "net"},
                          Finding{Kind::lost_owner, "fd00::2", "fd00::2", "net"}));
  EXPECT_EQ(open().release("a", "eth0").value().size(), 2U);
}

TEST_F(MendTest, ASecondLeaseOfOneOwnerIsLeftToTheCaller) {
  Leases leases = open();
  leases.allocate(v4_, owner("a"), {}).value();
  fs::remove(folder_ + "/.owners/a:eth0:4");
  leases.allocate(v4_, owner("a"), {}).value();
  Finding finding{Kind::second_lease, "10.0.0.10", "10.0.0.10", "net", Damage::none, false};
  EXPECT_THAT(check(), ElementsAre(finding));
  EXPECT_THAT(gc_after_dry_run(keep).left, ElementsAre(finding));
  EXPECT_THAT(open().release("a", "eth0").value(), ElementsAre(address("10.0.0.11")));
}

TEST_F(MendTest, LeftoversOfKilledProcessesGo) {
  Leases leases = open(30);
  leases.allocate(v4_, owner("a"), {}).value();
  leases.allocate(v4_, owner("b"), {}).value();
  write(".owners/dead:eth0:4", "{\"half");
  fs::remove(folder_ + "/10.0.0.11");
  fs::create_symlink("nobody", folder_ + "/.pods/net:shop:web:eth0");
  write(".cooling/10.0.0.10", content("10.0.0.10"));
  fs::create_directory(folder_ + "/.locks");
  write(".locks/c1", "");
  EXPECT_THAT(gc_after_dry_run(keep).mended.size(), 6U) << "two owners, two pods, one record, the locks";
  EXPECT_THAT(files(), ElementsAre(".owners/a:eth0:4", ".pods/net:shop:web-a:eth0", "10.0.0.10"));
  EXPECT_FALSE(exists(".locks"));
}

TEST_F(MendTest, ForeignFilesAreNamedAndStay) {
  open(30).allocate(v4_, owner("a"), {}).value();
  for (const char* name : {"README", "10.0.0.010", "FD00::1", ".owners/x", ".pods/file", ".cooling/y"}) write(name, "");
  std::vector<std::string> names;
  for (const Finding& finding : gc_after_dry_run(dead).left) {
    EXPECT_EQ(finding.kind, Kind::foreign);
    names.push_back(finding.file);
  }
  EXPECT_THAT(names, ElementsAre(".cooling/y", ".owners/x", ".pods/file", "10.0.0.010", "FD00::1", "README"));
  for (const std::string& name : names) EXPECT_TRUE(exists(name)) << name;
}

TEST_F(MendTest, AHandMadeSecondNameDoesNotKeepAnAddress) {
  Leases leases = open(30);
  leases.allocate(v4_, owner("a"), {}).value();
  fs::create_hard_link(folder_ + "/10.0.0.10", folder_ + "/.cooling/10.0.0.10");
  EXPECT_THAT(leases.release("a", "eth0").value(), ElementsAre(address("10.0.0.10")));
  EXPECT_THAT(held(), IsEmpty());
  EXPECT_THAT(cooling(), ElementsAre("10.0.0.10"));
}

}  // namespace
}  // namespace bailey::ipam::sys
