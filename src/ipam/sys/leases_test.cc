#include "ipam/sys/leases.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <random>

namespace bailey::ipam::sys {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

model::Address address(const std::string& text) { return model::Address::parse(text).value(); }

class LeasesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/bailey-ipam-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  Leases open() { return std::move(Leases::open(folder_)).value(); }
  static Owner owner(const std::string& container, const std::string& ifname = "eth0") {
    return {container, ifname, "net", "shop", "web-" + container};
  }
  // Address texts of what is held.
  std::vector<std::string> held() {
    std::vector<std::string> out;
    std::vector<Lease> leases = open().list().value();
    for (const Lease& lease : leases) out.push_back(lease.address.text());
    return out;
  }
  std::size_t files() const {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder_))
      count += entry.is_regular_file() && !entry.path().filename().string().starts_with(".last-");
    return count;
  }
  // Rewrites a lease in place as if it were of an earlier boot.
  void age(const std::string& name) {
    std::string text = io::read_file(folder_ + "/" + name).value();
    std::size_t at = text.find("\"bootId\":\"") + 10;
    text.replace(at, 8, "00000000");
    std::ofstream(folder_ + "/" + name, std::ios::trunc) << text;
  }

  std::string folder_;
  Pool pool_ = Pool::parse({"10.0.0.0/29", "fd00::/126"}).value();  // five v4, two v6
  Pool v4_ = Pool::parse({"10.0.0.10-10.0.0.12"}).value();
};

TEST_F(LeasesTest, GivesOneOfEachFamilyAndFreesThem) {
  Leases leases = open();
  EXPECT_THAT(leases.allocate(pool_, owner("a"), {}).value(), ElementsAre(address("10.0.0.2"), address("fd00::2")));
  EXPECT_THAT(leases.allocate(pool_, owner("b"), {}).value(), ElementsAre(address("10.0.0.3"), address("fd00::3")));
  EXPECT_EQ(leases.used(pool_, model::Family::v4).value(), 2U);
  std::vector<Lease> list = leases.list().value();
  ASSERT_EQ(list.size(), 4U);
  EXPECT_EQ(list[0].owner, owner("a"));
  EXPECT_EQ(list[0].owner.text(), "pod shop/web-a (container a, eth0)");
  EXPECT_FALSE(list[0].damaged);
  EXPECT_FALSE(list[0].boot_id.empty());
  EXPECT_THAT(leases.release("a", "eth0").value(), ElementsAre(address("10.0.0.2"), address("fd00::2")));
  EXPECT_THAT(leases.release("a", "eth0").value(), IsEmpty()) << "again is fine";
  EXPECT_THAT(leases.release("never-seen", "eth0").value(), IsEmpty());
  EXPECT_THAT(held(), ElementsAre("10.0.0.3", "fd00::3"));
  leases.release("b", "eth0").value();
  EXPECT_EQ(files(), 0U);
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
  Leases leases = open();
  for (const char* each : {"a", "b"}) leases.allocate(pool_, owner(each), {}).value();
  base::Result<std::vector<model::Address>> full = leases.allocate(pool_, owner("c"), {});
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().code, EXFULL);
  EXPECT_THAT(full.error().text(), HasSubstr("fd00::/126: all 2 addresses are in use (size 2, used 2)"));
  EXPECT_THAT(full.error().text(), HasSubstr("bailey ipam gc --dir " + folder_));
  EXPECT_THAT(held(), ElementsAre("10.0.0.2", "10.0.0.3", "fd00::2", "fd00::3")) << "the v4 one went back";
}

TEST_F(LeasesTest, EarlierBootsHoldNothing) {
  Leases leases = open();
  for (const char* each : {"a", "b", "c"}) leases.allocate(v4_, owner(each), {}).value();
  age("10.0.0.11");
  EXPECT_EQ(leases.allocate(v4_, owner("d"), {}).value()[0], address("10.0.0.11"));
  age("10.0.0.12");
  EXPECT_EQ(leases.allocate(v4_, owner("e"), {address("10.0.0.12")}).value()[0], address("10.0.0.12"));
  EXPECT_EQ(leases.allocate(v4_, owner("f"), {}).error().code, EXFULL);
}

TEST_F(LeasesTest, GcFreesWhatIsNotValidAndLeftovers) {
  Leases leases = open();
  leases.allocate(pool_, owner("a"), {}).value();
  leases.allocate(pool_, owner("b"), {}).value();
  Owner foreign = owner("c");
  foreign.network = "other";
  leases.allocate(v4_, foreign, {}).value();
  std::ofstream(folder_ + "/.owners/dead:eth0:4") << "{\"half";
  std::ofstream(folder_ + "/.locks/dead") << "";
  std::ofstream(folder_ + "/10.0.0.6") << "junk";
  std::vector<Lease> freed = leases.gc("net", {{"b", "eth0"}, {"c", "eth0"}}).value();
  ASSERT_EQ(freed.size(), 2U);
  EXPECT_EQ(freed[0].owner.container, "a");
  EXPECT_THAT(held(), ElementsAre("10.0.0.3", "10.0.0.6", "10.0.0.10", "fd00::3")) << "damaged ones may be in use";
  EXPECT_TRUE(leases.list().value()[1].damaged);
  EXPECT_FALSE(fs::exists(folder_ + "/.owners/dead:eth0:4"));
  EXPECT_FALSE(fs::exists(folder_ + "/.owners/a:eth0:4"));
  EXPECT_FALSE(fs::exists(folder_ + "/.locks/dead"));
}

TEST_F(LeasesTest, HalfDoneWorkIsFinishedByRelease) {
  Leases leases = open();
  leases.allocate(v4_, owner("a"), {}).value();
  fs::remove(folder_ + "/10.0.0.10");  // killed between the two removals of a release
  EXPECT_THAT(leases.release("a", "eth0").value(), IsEmpty());
  EXPECT_EQ(files(), 0U);
  leases.allocate(v4_, owner("a"), {}).value();
  std::ofstream(folder_ + "/10.0.0.11", std::ios::trunc) << "junk";  // found by its inode
  EXPECT_THAT(leases.release("a", "eth0").value(), ElementsAre(address("10.0.0.11")));
  EXPECT_EQ(files(), 0U);
}

TEST_F(LeasesTest, AnOwnersFileNeverTakesAnothersAddress) {
  Leases leases = open();
  leases.allocate(v4_, owner("a"), {}).value();
  std::string text = io::read_file(folder_ + "/10.0.0.10").value();
  std::ofstream(folder_ + "/.owners/b:eth0:4") << text;  // says 10.0.0.10, but is another file
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
}

TEST_F(LeasesTest, FoldersThatAreMissingOrBad) {
  EXPECT_EQ(Leases::open_existing(folder_ + "/nowhere").error().code, ENOENT);
  std::ofstream(folder_ + "/file") << "";
  EXPECT_FALSE(Leases::open(folder_ + "/file").ok());
  EXPECT_TRUE(Leases::open(folder_ + "/deep/er").ok());
}

TEST_F(LeasesTest, ContainerLockExcludesAndLeavesNothing) {
  Leases leases = open();
  int go[2];
  int done[2];
  ASSERT_EQ(::pipe(go), 0);
  ASSERT_EQ(::pipe(done), 0);
  char byte = 0;
  pid_t child = ::fork();  // before the lock is taken: a copy of its descriptor would hold it too
  if (child == 0) {
    Leases other = std::move(Leases::open(folder_)).value();
    bool fine = ::read(go[0], &byte, 1) == 1;
    base::Result<ContainerLock> waits = other.lock("a");
    fine = fine && waits.ok() && ::write(done[1], "x", 1) == 1;
    ::_exit(fine ? 0 : 1);
  }
  ::fcntl(done[0], F_SETFL, O_NONBLOCK);
  {
    ContainerLock lock = std::move(leases.lock("a")).value();
    EXPECT_EQ(::write(go[1], "x", 1), 1);
    ::usleep(50000);
    EXPECT_EQ(::read(done[0], &byte, 1), -1) << "the other had the lock as well";
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(::read(done[0], &byte, 1), 1);
  for (int fd : {go[0], go[1], done[0], done[1]}) ::close(fd);
  EXPECT_TRUE(leases.lock("a").ok()) << "what the child left by _exit is no obstacle, and goes";
  EXPECT_EQ(files(), 0U);
}

// Sixteen processes take and give back, and are killed at random moments. Each writes down in shared memory what
// it holds: between a take and its give-back the slot must be free.
struct Slots {
  std::atomic<int> holder[64];
  std::atomic<int> twice;
  std::atomic<long> takes;
};

void work(const std::string& folder, const Pool& pool, int worker, int incarnation, Slots& slots) {
  Leases leases = std::move(Leases::open(folder)).value();
  std::mt19937 random(static_cast<unsigned>(worker * 1000 + incarnation));
  std::string container = "c" + std::to_string(worker);
  while (true) {
    ContainerLock lock = std::move(leases.lock(container)).value();
    auto got = leases.allocate(pool, {container, "eth0", "net", "", ""}, {});
    if (got.ok()) {
      std::size_t slot = static_cast<std::size_t>(got.value()[0].number() & 63);
      int expected = 0;
      if (!slots.holder[slot].compare_exchange_strong(expected, worker + 1)) ++slots.twice;
      ++slots.takes;
      if (random() % 4 == 0) ::usleep(random() % 200);
      slots.holder[slot].store(0);
    }
    leases.release(container, "eth0").value();
  }
}

TEST_F(LeasesTest, NoAddressTwiceWithKillsAtRandom) {
  constexpr int workers = 16;
  Pool small = Pool::parse({"10.9.0.0-10.9.0.11"}).value();  // fewer than workers: "full" is met as well
  void* memory = ::mmap(nullptr, sizeof(Slots), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  Slots& slots = *new (memory) Slots();
  Leases leases = open();
  std::vector<pid_t> pids(workers, -1);
  std::mt19937 random(11);
  auto start = [&](int worker, int incarnation) {
    pid_t pid = ::fork();
    if (pid == 0) work(folder_, small, worker, incarnation, slots);
    pids[static_cast<std::size_t>(worker)] = pid;
  };
  for (int i = 0; i < workers; ++i) start(i, 0);
  for (int kill_number = 1; kill_number <= 100; ++kill_number) {
    ::usleep(1000 + random() % 4000);
    int worker = static_cast<int>(random() % workers);
    pid_t pid = pids[static_cast<std::size_t>(worker)];
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    for (auto& holder : slots.holder) {
      int expected = worker + 1;
      holder.compare_exchange_strong(expected, 0);
    }
    std::vector<Lease> now = leases.list().value();
    for (const Lease& lease : now) EXPECT_FALSE(lease.damaged) << "half a lease: " << lease.address.text();
    start(worker, kill_number);
  }
  for (pid_t pid : pids) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  EXPECT_EQ(slots.twice.load(), 0);
  EXPECT_GT(slots.takes.load(), 1000);
  leases.gc("net", {}).value();
  EXPECT_THAT(held(), IsEmpty());
  EXPECT_EQ(files(), 0U);
  ::munmap(memory, sizeof(Slots));
}

}  // namespace
}  // namespace bailey::ipam::sys
