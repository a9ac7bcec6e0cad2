// Full disks and read-only folders, on file systems of the test's own in a mount namespace of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>

#include "ipam/sys/leases_for_test.h"

namespace bailey::ipam::sys {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LeasesRootTest : public LeaseFolder {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "mounting needs root";
    LeaseFolder::SetUp();
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  }
  void TearDown() override {
    if (folder_.empty()) return;
    unmount();
    LeaseFolder::TearDown();
  }
  void mount(const std::string& how) {
    ASSERT_EQ(::mount("tmpfs", folder_.c_str(), "tmpfs", 0, how.c_str()), 0) << how;
    mounted_ = true;
  }
  void unmount() {
    if (std::exchange(mounted_, false)) {
      ASSERT_EQ(::umount2(folder_.c_str(), MNT_DETACH), 0);
    }
  }
  void make_read_only(bool on) {
    unsigned long flags = MS_BIND | MS_REMOUNT;
    if (on) flags |= MS_RDONLY;
    ASSERT_EQ(::mount("none", folder_.c_str(), nullptr, flags, nullptr), 0);
  }

  // On a file system with room for less and less: an ADD is done whole or leaves nothing, and everything can be
  // given back. True: at least one was refused.
  bool try_full(const std::string& how, int cool_down_s) {
    mount(how);
    base::Result<Leases> leases = Leases::open(folder_, options(cool_down_s));
    if (!leases.ok()) {
      EXPECT_EQ(leases.error().code, ENOSPC);
      unmount();
      return true;
    }
    int count = 0;
    base::Error refused;
    for (; count < 20 && refused.code == 0; ++count) {
      std::vector<std::string> before = files();
      auto taken = leases->allocate(pool_of_test_, owner("c" + std::to_string(count)), {});
      if (taken.ok()) continue;
      refused = taken.error();
      EXPECT_EQ(files(), before) << how;
      EXPECT_EQ(refused.code, ENOSPC) << refused.text();
      EXPECT_THAT(refused.text(), HasSubstr("No space left on device"));
    }
    EXPECT_THAT(leases->check().value(), IsEmpty()) << how;
    for (int i = 0; i < count; ++i) {
      base::Result<Leases> another = Leases::open_existing(folder_, options(cool_down_s));
      EXPECT_TRUE(another.ok() && another->lock("c" + std::to_string(i)).ok()) << how;
      EXPECT_TRUE(another.ok() && another->release("c" + std::to_string(i), "eth0").ok()) << how;
    }
    EXPECT_THAT(leases->list().value(), IsEmpty()) << how;
    EXPECT_THAT(leases->check().value(), IsEmpty()) << how;
    now_s_ += 60;
    EXPECT_FALSE(leases->gc([](const Lease&) { return std::optional<std::string>(); }).value().error) << how;
    EXPECT_THAT(files(), IsEmpty()) << how;
    if (count > 1) {
      EXPECT_TRUE(leases->allocate(pool_of_test_, owner("next"), {}).ok()) << how;
    }
    unmount();
    return refused.code != 0;
  }

  bool mounted_ = false;
  Pool pool_of_test_ = Pool::parse({"10.0.0.10-10.0.0.60", "fd00::10-fd00::60"}).value();
};

TEST_F(LeasesRootTest, WithoutInodesAnAddIsRefusedWholeAndADelWorks) {
  int refused = 0;
  for (int inodes = 2; inodes < 40; ++inodes)
    for (int cool_down_s : {0, 30}) refused += try_full("size=1m,nr_inodes=" + std::to_string(inodes), cool_down_s);
  EXPECT_GE(refused, 60) << "a disk that is not full proves nothing";
}

TEST_F(LeasesRootTest, WithoutBlocksAnAddIsRefusedWholeAndADelWorks) {
  int refused = 0;
  for (int pages = 1; pages < 24; ++pages)
    for (int cool_down_s : {0, 30}) refused += try_full("size=" + std::to_string(pages * 4) + "k", cool_down_s);
  EXPECT_GE(refused, 40) << "a disk that is not full proves nothing";
}

TEST_F(LeasesRootTest, AReadOnlyFolderIsSaidBeforeAnythingIsDone) {
  mount("size=1m");
  open(30).allocate(pool_of_test_, owner("a"), {}).value();
  open(30).allocate(pool_of_test_, owner("b"), {}).value();
  open(30).release("b", "eth0").value();
  write(".owners/killed:eth0:4", "");
  std::vector<std::string> before = files();
  make_read_only(true);
  for (bool existing : {false, true}) {
    base::Result<Leases> opened = existing ? Leases::open_existing(folder_) : Leases::open(folder_);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code, EROFS);
    EXPECT_THAT(opened.error().text(), HasSubstr(folder_ + ": the file system is read-only"));
    EXPECT_THAT(opened.error().text(), HasSubstr("remount,rw"));
  }
  EXPECT_EQ(Leases::open(folder_ + "/deeper").error().code, EROFS);
  Leases reading = std::move(Leases::open_to_read(folder_, options(30))).value();
  EXPECT_THAT(texts(reading.list().value()), ElementsAre("10.0.0.10", "fd00::10"));
  EXPECT_THAT(texts(reading.cooling().value()), ElementsAre("10.0.0.11", "fd00::11"));
  EXPECT_EQ(reading.check().value().size(), 1U);
  auto dead = [](const Lease&) { return std::optional<std::string>("x"); };
  EXPECT_EQ(reading.gc(dead, {true, false}).value().freed.size(), 2U);
  EXPECT_EQ(reading.gc(dead).value().error->code, EROFS);
  EXPECT_EQ(files(), before);
  make_read_only(false);
  EXPECT_EQ(open(30).release("a", "eth0").value().size(), 2U);
}

TEST_F(LeasesRootTest, AFolderOfTheFormerLayoutOnAFullDiskCanBeFreed) {
  mount("size=1m,nr_inodes=6");  // the folder itself, .owners, .locks, the hint, a lease and its second name
  for (const char* part : {".owners", ".locks"}) fs::create_directory(folder_ + "/" + part);
  write("10.0.0.10", R"({"address":"10.0.0.10","network":"net","container":"c","ifname":"eth0","bootId":"x"})");
  fs::create_hard_link(folder_ + "/10.0.0.10", folder_ + "/.owners/c:eth0:4");
  write(".last-4", "10.0.0.10\n");
  ASSERT_FALSE(std::ofstream(folder_ + "/one-more")) << "the disk is not full";
  base::Result<Leases> opened = Leases::open_existing(folder_, options(30));
  ASSERT_TRUE(opened.ok()) << opened.error().text();
  EXPECT_EQ(opened->release("c", "eth0").value().size(), 1U)
      << "where there is no room to rest, giving back comes first";
  EXPECT_THAT(files(), IsEmpty());
}

}  // namespace
}  // namespace bailey::ipam::sys
