#include "ipam/sys/leases.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "ipam/sys/leases_for_test.h"

namespace bailey::ipam::sys {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class LeasesTest : public LeaseFolder {};

TEST_F(LeasesTest, GivesOneOfEachFamilyAndFreesThem) {
  Leases leases = open();
  EXPECT_THAT(leases.allocate(pool_, owner("a"), {}).value(), ElementsAre(address("10.0.0.2"), address("fd00::2")));
  EXPECT_THAT(leases.allocate(pool_, owner("b"), {}).value(), ElementsAre(address("10.0.0.3"), address("fd00::3")));
  EXPECT_EQ(leases.usage(pool_, model::Family::v4).value().used, 2U);
  std::vector<Lease> list = leases.list().value();
  ASSERT_EQ(list.size(), 4U);
  EXPECT_EQ(list[0].owner, owner("a"));
  EXPECT_EQ(list[0].owner.text(), "pod shop/web-a (container a, eth0)");
  EXPECT_FALSE(list[0].damaged());
  EXPECT_FALSE(list[0].boot_id.empty());
  EXPECT_EQ(list[0].time, now_s_);
  EXPECT_THAT(leases.release("a", "eth0").value(), ElementsAre(address("10.0.0.2"), address("fd00::2")));
  EXPECT_THAT(leases.release("a", "eth0").value(), IsEmpty()) << "again is fine";
  EXPECT_THAT(leases.release("never-seen", "eth0").value(), IsEmpty());
  EXPECT_THAT(held(), ElementsAre("10.0.0.3", "fd00::3"));
  leases.release("b", "eth0").value();
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(LeasesTest, EverythingThatIsKnownOfTheOwnerIsWrittenDown) {
  Owner known{"c1", "eth0", "net", "shop", "web", "8e1f", "/run/netns/cni-1", 4026532345, 4026531840};
  open().allocate(pool_, known, {}).value();
  EXPECT_THAT(
      content("10.0.0.2"),
      HasSubstr(
          R"("podUid":"8e1f","netns":"/run/netns/cni-1","netnsInode":4026532345,"nodeNetnsInode":4026531840,"bootId":")"));
  EXPECT_EQ(open().node_inode(), 4026531840U);
  EXPECT_EQ(open().holder(address("10.0.0.2")).value()->owner, known);
  EXPECT_FALSE(open().holder(address("10.0.0.3")).value());
}

TEST_F(LeasesTest, LeasesOfTheFormerLayoutAreRead) {
  std::string former =
      R"({"schema":"bailey.dev/lease/v1","address":"10.0.0.2","network":"net","container":"c1","ifname":"eth0",)"
      R"("podNamespace":"shop","podName":"web","bootId":"x","time":5})";
  for (const char* part : {".owners", ".locks"}) fs::create_directory(folder_ + "/" + part);
  write("10.0.0.2", former);
  write(".locks/c1", "");
  write(".last-4", "10.0.0.2                                       \n");
  fs::create_hard_link(folder_ + "/10.0.0.2", folder_ + "/.owners/c1:eth0:4");
  Leases leases = std::move(Leases::open_existing(folder_, options())).value();
  Lease lease = leases.list().value().at(0);
  EXPECT_FALSE(lease.damaged());
  EXPECT_EQ(lease.owner, (Owner{"c1", "eth0", "net", "shop", "web", "", "", 0}));
  EXPECT_TRUE(leases.lock("c1").ok());
  EXPECT_THAT(leases.release("c1", "eth0").value(), ElementsAre(address("10.0.0.2")));
  EXPECT_EQ(leases.allocate(pool_, owner("d"), {}).value()[0], address("10.0.0.3")) << "the round goes on";
}

TEST_F(LeasesTest, RoundRobinFromTheLast) {
  Leases leases = open();
  std::vector<std::string> got;
  for (int i = 0; i < 5; ++i) {
    got.push_back(leases.allocate(v4_, owner("a"), {}).value()[0].text());
    leases.release("a", "eth0").value();
  }
  EXPECT_THAT(got, ElementsAre("10.0.0.10", "10.0.0.11", "10.0.0.12", "10.0.0.10", "10.0.0.11"));
}

TEST_F(LeasesTest, ManyHeldInARowAreSkipped) {
  Leases leases = open();
  Pool large = Pool::parse({"10.0.1.0-10.0.1.49"}).value();
  for (int i = 0; i < 50; ++i) leases.allocate(large, owner("c" + std::to_string(i)), {}).value();
  leases.release("c40", "eth0").value();
  EXPECT_EQ(leases.allocate(large, owner("x"), {}).value()[0], address("10.0.1.40"));
}

TEST_F(LeasesTest, InterfacesOfOneContainerAreApart) {
  Leases leases = open();
  leases.allocate(v4_, owner("a", "eth0"), {}).value();
  leases.allocate(v4_, owner("a", "net1"), {}).value();
  leases.release("a", "eth0").value();
  EXPECT_THAT(held(), ElementsAre("10.0.0.11"));
}

TEST_F(LeasesTest, AnotherTakeOfTheSameOwnerReplaces) {
  Leases leases = open();
  leases.allocate(v4_, owner("a"), {}).value();
  leases.allocate(v4_, owner("a"), {}).value();
  EXPECT_THAT(held(), ElementsAre("10.0.0.11"));
}

TEST_F(LeasesTest, RequestedAddresses) {
  Leases leases = open();
  EXPECT_THAT(leases.allocate(pool_, owner("a"), {address("10.0.0.5")}).value(),
              ElementsAre(address("10.0.0.5"), address("fd00::2")));
  base::Result<std::vector<model::Address>> taken = leases.allocate(pool_, owner("b"), {address("10.0.0.5")});
  EXPECT_EQ(taken.error().code, EADDRINUSE);
  EXPECT_THAT(taken.error().text(), HasSubstr("10.0.0.5: it is held by pod shop/web-a (container a, eth0)"));
  EXPECT_EQ(leases.allocate(pool_, owner("b"), {address("10.0.0.9")}).error().code, EADDRNOTAVAIL);
  EXPECT_EQ(leases.allocate(pool_, owner("b"), {address("10.0.0.1")}).error().code, EADDRNOTAVAIL);
  EXPECT_THAT(held(), ElementsAre("10.0.0.5", "fd00::2")) << "what fails takes nothing";
  EXPECT_THAT(leases.allocate(pool_, owner("a"), {address("10.0.0.5")}).value()[0], address("10.0.0.5"))
      << "its own address again";
}

TEST_F(LeasesTest, FullSaysWhatAndWhatNext) {
  Leases leases = open(30);
  for (const char* each : {"a", "b"}) leases.allocate(pool_, owner(each), {}).value();
  std::vector<std::string> before = files();
  base::Result<std::vector<model::Address>> full = leases.allocate(pool_, owner("c"), {});
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().code, EXFULL);
  EXPECT_THAT(full.error().text(),
              HasSubstr("fd00::/126: all 2 addresses are in use (size 2, used 2, cooling 0); delete pods, "));
  EXPECT_THAT(full.error().text(), HasSubstr("more podRanges"));
  EXPECT_THAT(full.error().text(), HasSubstr("`bailey ipam gc --dir " + folder_ + "`"));
  EXPECT_EQ(files(), before) << "the v4 one went back, and need not rest";
}

TEST_F(LeasesTest, TheFirstOneAfterARebootFreesWhatEarlierBootsHeld) {
  Leases leases = open(30);
  for (const char* each : {"a", "b"}) leases.allocate(v4_, owner(each), {}).value();
  make_old("10.0.0.10");
  EXPECT_EQ(leases.allocate(v4_, owner("c"), {}).value()[0], address("10.0.0.12"));
  EXPECT_THAT(held(), ElementsAre("10.0.0.10", "10.0.0.11", "10.0.0.12")) << "not looked for each time";
  write(".last-4", "10.0.0.12 0 0 30 7 earlier");
  EXPECT_EQ(leases.allocate(v4_, owner("d"), {}).value()[0], address("10.0.0.10")) << "without rest";
  EXPECT_THAT(files(), Not(Contains(".pods/net:shop:web-a:eth0")));
  EXPECT_THAT(files(), Not(Contains(".owners/a:eth0:4")));
}

TEST_F(LeasesTest, EarlierBootsHoldNothing) {
  Leases leases = open();
  for (const char* each : {"a", "b", "c"}) leases.allocate(v4_, owner(each), {}).value();
  make_old("10.0.0.11");
  EXPECT_EQ(leases.usage(v4_, model::Family::v4).value().used, 2U) << "else STATUS would say that nothing is left";
  EXPECT_EQ(leases.allocate(v4_, owner("d"), {}).value()[0], address("10.0.0.11"));
  make_old("10.0.0.12");
  EXPECT_EQ(leases.allocate(v4_, owner("e"), {address("10.0.0.12")}).value()[0], address("10.0.0.12"));
  EXPECT_EQ(leases.allocate(v4_, owner("f"), {}).error().code, EXFULL);
}

TEST_F(LeasesTest, HalfDoneWorkIsFinishedByRelease) {
  Leases leases = open();
  leases.allocate(v4_, owner("a"), {}).value();
  fs::remove(folder_ + "/10.0.0.10");  // killed between the removals of a release
  EXPECT_THAT(leases.release("a", "eth0").value(), IsEmpty());
  EXPECT_THAT(files(), IsEmpty());
  leases.allocate(v4_, owner("a"), {}).value();
  fs::rename(folder_ + "/10.0.0.11", folder_ + "/.cooling/10.0.0.11");
  EXPECT_THAT(leases.release("a", "eth0").value(), IsEmpty());
  EXPECT_THAT(files(), ElementsAre(".cooling/10.0.0.11"));
  leases.allocate(v4_, owner("a"), {}).value();
  write("10.0.0.12", "junk");  // found by its inode
  EXPECT_THAT(leases.release("a", "eth0").value(), ElementsAre(address("10.0.0.12")));
  EXPECT_THAT(held(), IsEmpty());
}

TEST_F(LeasesTest, AnOwnersFileNeverTakesAnothersAddress) {
  Leases leases = open();
  leases.allocate(v4_, owner("a"), {}).value();
  write(".owners/b:eth0:4", content("10.0.0.10"));  // says 10.0.0.10, but is another file
  EXPECT_THAT(leases.release("b", "eth0").value(), IsEmpty());
  EXPECT_THAT(held(), ElementsAre("10.0.0.10"));
}

TEST_F(LeasesTest, LongContainerIds) {
  Leases leases = open();
  std::string one(300, 'x');
  std::string two = one + "y";
  ASSERT_TRUE(leases.lock(one).ok());
  leases.allocate(v4_, owner(one), {}).value();
  leases.allocate(v4_, owner(two), {}).value();
  leases.release(one, "eth0").value();
  ASSERT_EQ(leases.list().value().size(), 1U);
  EXPECT_EQ(leases.list().value()[0].owner.container, two);
  EXPECT_THAT(leases.check().value(), IsEmpty());
}

TEST_F(LeasesTest, FoldersThatAreMissingOrBad) {
  EXPECT_EQ(Leases::open_existing(folder_ + "/nowhere").error().code, ENOENT);
  EXPECT_EQ(Leases::open_to_read(folder_ + "/nowhere").error().code, ENOENT);
  write("file", "");
  EXPECT_FALSE(Leases::open(folder_ + "/file").ok());
  EXPECT_TRUE(Leases::open(folder_ + "/deep/er").ok());
}

TEST_F(LeasesTest, OpeningToReadMakesNothing) {
  Leases::open_to_read(folder_).value().list().value();
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(LeasesTest, AFolderThatVanishesIsAnErrorAndTheNextOneWorks) {
  Leases leases = open();
  leases.allocate(v4_, owner("a"), {}).value();
  fs::remove_all(folder_);
  EXPECT_THAT(leases.lock("b").error().text(), HasSubstr("removed meanwhile"));
  EXPECT_FALSE(leases.allocate(v4_, owner("a"), {}).ok());
  EXPECT_FALSE(leases.release("a", "eth0").ok());
  EXPECT_FALSE(exists("")) << "nothing is made in its place";
  EXPECT_EQ(Leases::open_existing(folder_).error().code, ENOENT);
  EXPECT_EQ(open().allocate(v4_, owner("a"), {}).value()[0], address("10.0.0.10"));
}

// Resting

TEST_F(LeasesTest, AnAddressRestsBeforeItIsGivenAgain) {
  Leases leases = open(30);
  leases.allocate(v4_, owner("a"), {}).value();
  leases.allocate(v4_, owner("b"), {}).value();
  leases.release("a", "eth0").value();
  EXPECT_THAT(held(), ElementsAre("10.0.0.11"));
  EXPECT_THAT(cooling(), ElementsAre("10.0.0.10"));
  Usage usage = leases.usage(v4_, model::Family::v4).value();
  EXPECT_EQ(usage.size, 3U);
  EXPECT_EQ(usage.used, 1U);
  EXPECT_EQ(usage.cooling, 1U);
  leases.allocate(v4_, owner("c"), {}).value();  // .12
  leases.release("c", "eth0").value();
  now_s_ += 29;
  EXPECT_EQ(leases.allocate(v4_, owner("d"), {}).value()[0], address("10.0.0.10")) << "rather than fail; the oldest";
  EXPECT_THAT(cooling(), ElementsAre("10.0.0.12"));
  EXPECT_FALSE(exists(".cooling/10.0.0.10"));
  leases.release("d", "eth0").value();
  now_s_ += 1;
  EXPECT_EQ(leases.allocate(v4_, owner("e"), {}).value()[0], address("10.0.0.12")) << "has rested for 30 seconds";
  EXPECT_THAT(cooling(), ElementsAre("10.0.0.10"));
  EXPECT_EQ(leases.cooling().value()[0].released, now_s_ - 1);
  EXPECT_EQ(leases.cooling().value()[0].owner, owner("d"));
}

TEST_F(LeasesTest, WhoOnlyLooksTakesTheCoolDownOfWhoGave) {
  Leases leases = open(300);
  leases.allocate(v4_, owner("a"), {}).value();
  leases.release("a", "eth0").value();
  now_s_ += 200;
  EXPECT_THAT(cooling(30), IsEmpty());
  EXPECT_THAT(cooling(-1), ElementsAre("10.0.0.10"));
  EXPECT_EQ(open(-1).gc([](const Lease&) { return std::optional<std::string>(); }).value().rested, 0U);
  fs::remove(folder_ + "/.last-4");
  EXPECT_THAT(cooling(-1), IsEmpty()) << "30 seconds where nothing is known";
}

TEST_F(LeasesTest, ARequestedAddressNeedNotRest) {
  Leases leases = open(30);
  leases.allocate(v4_, owner("a"), {}).value();
  leases.release("a", "eth0").value();
  EXPECT_EQ(leases.allocate(v4_, owner("a"), {address("10.0.0.10")}).value()[0], address("10.0.0.10"));
  EXPECT_THAT(cooling(), IsEmpty());
  EXPECT_THAT(leases.check().value(), IsEmpty());
}

TEST_F(LeasesTest, WhatIsUndoneLetsTheAddressGoOnResting) {
  Leases leases = open(30);
  Pool one_v6 = Pool::parse({"10.0.0.10-10.0.0.11", "fd00::5"}).value();
  leases.allocate(v4_, owner("a"), {}).value();
  leases.release("a", "eth0").value();
  leases.allocate(one_v6, owner("b"), {}).value();
  now_s_ += 10;
  EXPECT_EQ(leases.allocate(one_v6, owner("c"), {}).error().code, EXFULL) << "v4 has a resting one, v6 has none";
  ASSERT_THAT(cooling(), ElementsAre("10.0.0.10"));
  EXPECT_EQ(leases.cooling().value()[0].released, now_s_ - 10);
}

TEST_F(LeasesTest, AClockThatIsSetBlocksNothingForEver) {
  Leases leases = open(30);
  Pool two = Pool::parse({"10.0.0.10-10.0.0.11"}).value();
  leases.allocate(two, owner("a"), {}).value();
  leases.release("a", "eth0").value();
  leases.allocate(two, owner("b"), {}).value();
  leases.release("b", "eth0").value();
  now_s_ -= 3600;  // back
  EXPECT_THAT(cooling(), IsEmpty());
  EXPECT_EQ(leases.allocate(two, owner("c"), {}).value()[0], address("10.0.0.10"));
  leases.release("c", "eth0").value();
  now_s_ += 1000000;  // forth
  EXPECT_EQ(leases.allocate(two, owner("d"), {}).value()[0], address("10.0.0.11"));
}

// A pool that never comes round must not collect records for ever.
TEST_F(LeasesTest, RecordsOfRestDoNotPileUp) {
  Leases leases = open(30);
  Pool huge = Pool::parse({"fd00:1::/64"}).value();
  std::size_t most = 0;
  for (int i = 0; i < 600; ++i) {
    leases.allocate(huge, owner("a"), {}).value();
    leases.release("a", "eth0").value();
    now_s_ += 1;
    most = std::max(most, files().size());
  }
  EXPECT_GE(most, 256U) << "so many are no burden";
  EXPECT_LE(most, 256U + 31U) << "looked through every 30 seconds";
}

TEST_F(LeasesTest, WithoutRestTheFolderStaysEmpty) {
  Leases leases = open(0);
  leases.allocate(v4_, owner("a"), {}).value();
  leases.release("a", "eth0").value();
  EXPECT_THAT(files(), IsEmpty());
}

// Pods

TEST_F(LeasesTest, ANewSandboxFindsTheOlderOne) {
  Leases leases = open();
  Owner first{"c1", "eth0", "net", "shop", "web", "u1", "/run/netns/one", 7};
  Owner next = first;
  next.container = "c2";
  EXPECT_FALSE(leases.older_sandbox(first).value());
  leases.allocate(pool_, first, {}).value();
  EXPECT_FALSE(leases.older_sandbox(first).value()) << "itself";
  EXPECT_EQ(leases.older_sandbox(next).value(), first);
  for (auto change :
       std::vector<void (*)(Owner&)>{[](Owner& o) { o.ifname = "net1"; }, [](Owner& o) { o.network = "other"; },
                                     [](Owner& o) { o.pod_namespace = "test"; }, [](Owner& o) { o.pod_name = "web-2"; },
                                     [](Owner& o) { o.pod_uid = "u2"; }, [](Owner& o) { o.pod_name = ""; }}) {
    Owner another = next;
    change(another);
    EXPECT_FALSE(leases.older_sandbox(another).value()) << another.text() << another.pod_uid;
  }
  Owner unknown = next;
  unknown.pod_uid = "";
  EXPECT_EQ(leases.older_sandbox(unknown).value(), first) << "one uid alone says nothing";
  fs::remove(folder_ + "/10.0.0.2");
  EXPECT_EQ(leases.older_sandbox(next).value(), first) << "still holds the v6 address";
  leases.release("c1", "eth0").value();
  EXPECT_FALSE(leases.older_sandbox(next).value());
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(LeasesTest, ReleaseLeavesTheEntryOfANewerSandbox) {
  Leases leases = open();
  Owner first{"c1", "eth0", "net", "shop", "web", "u1", "", 0};
  Owner next{"c2", "eth0", "net", "shop", "web", "u2", "", 0};
  Owner third{"c3", "eth0", "net", "shop", "web", "u2", "", 0};
  leases.allocate(v4_, first, {}).value();
  leases.allocate(v4_, next, {}).value();
  leases.release("c1", "eth0").value();
  EXPECT_EQ(leases.older_sandbox(third).value(), next);
  Leases other = open();
  Lock busy = std::move(other.lock_pod(next)).value();
  leases.release("c2", "eth0").value();
  EXPECT_THAT(files(), ElementsAre(".pods/net:shop:web:eth0")) << "somebody is making a sandbox of this pod";
  EXPECT_FALSE(leases.older_sandbox(third).value()) << "an entry alone means nothing";
}

TEST_F(LeasesTest, PodsWithLongOrOddNames) {
  Leases leases = open();
  for (const std::string& name : {std::string(253, 'x'), std::string("../../etc"), std::string("a:b")}) {
    Owner first{"c1", "eth0", "net", "shop", name, "", "", 0};
    Owner next{"c2", "eth0", "net", "shop", name, "", "", 0};
    leases.allocate(v4_, first, {}).value();
    EXPECT_EQ(leases.older_sandbox(next).value(), first) << name;
    EXPECT_THAT(leases.check().value(), IsEmpty());
    leases.release("c1", "eth0").value();
    EXPECT_THAT(files(), IsEmpty());
  }
}

// Locks

TEST_F(LeasesTest, LocksExcludeOthersAndLeaveNothing) {
  Leases leases = open();
  Leases other = open();  // as another process would
  int done[2];
  ASSERT_EQ(::pipe2(done, O_NONBLOCK | O_CLOEXEC), 0);
  for (bool pod : {false, true}) {
    auto lock = [&](Leases& by) { return pod ? by.lock_pod(owner("a")) : by.lock("a"); };
    std::optional<Lock> first = std::move(lock(leases)).value();
    std::optional<Lock> same = std::move(lock(leases)).value();
    EXPECT_TRUE(other.lock("b").ok()) << "others' containers are free";
    pid_t child = ::fork();
    if (child == 0) ::_exit(lock(other).ok() && ::write(done[1], "x", 1) == 1 ? 0 : 1);
    char byte = 0;
    ::usleep(50000);
    EXPECT_EQ(::read(done[0], &byte, 1), -1) << "the other had the lock as well";
    first.reset();
    ::usleep(50000);
    EXPECT_EQ(::read(done[0], &byte, 1), -1) << "counted: the second one is still held";
    same.reset();
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(::read(done[0], &byte, 1), 1);
  }
  for (int fd : done) ::close(fd);
  EXPECT_THAT(files(), IsEmpty());
  EXPECT_EQ(fs::file_size(folder_ + "/.lock"), 0U);
}

TEST_F(LeasesTest, ReleaseWithinAnAddKeepsItsLocks) {
  Leases leases = open();
  Lock pod = std::move(leases.lock_pod(owner("a"))).value();
  leases.allocate(v4_, owner("a"), {}).value();
  leases.release("a", "eth0").value();
  EXPECT_THAT(files(), IsEmpty()) << "its own pod's entry too";
  Leases other = open();
  pid_t child = ::fork();
  if (child == 0) {
    ::alarm(1);  // waits for ever otherwise
    ::_exit(other.lock_pod(owner("a")).ok() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the lock was given back too early";
}

}  // namespace
}  // namespace bailey::ipam::sys
