// Processes that are killed at random moments, and random work against a twin in memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <map>
#include <random>
#include <set>

#include "ipam/sys/leases_for_test.h"

namespace bailey::ipam::sys {
namespace {

using Kind = Finding::Kind;
using ::testing::IsEmpty;

base::Result<std::optional<std::string>> keep_all(const Lease&) { return std::optional<std::string>(); }
base::Result<std::optional<std::string>> free_all(const Lease&) {
  return std::optional<std::string>("the test is over");
}

constexpr int workers = 16;

// Each worker writes down in shared memory what it holds: between taking and giving back the slot must be free.
struct Slots {
  std::atomic<int> holder[64];
  std::atomic<int> twice;
  std::atomic<int> errors;
  std::atomic<long> takes;
  std::atomic<long> full;
  std::atomic<long> older;
};

std::atomic<int>& slot_of(Slots& slots, const model::Address& address) {
  return slots.holder[static_cast<std::size_t>(address.number() & 63)];
}

class Worker {
 public:
  Worker(const std::string& folder, int number, unsigned seed, int cool_down_s, Slots& slots)
      : leases_(std::move(Leases::open(folder, {cool_down_s, {}})).value()),
        mark_(number + 1),
        random_(seed),
        slots_(slots) {
    // Two workers are sandboxes of one pod, so that each frees what the other left.
    std::string pod = "web-" + std::to_string(number / 2);
    owner_ = {"c" + std::to_string(number), "eth0", "net", "shop", pod, "", "", 0};
  }

  [[noreturn]] void run(const Pool& pool) {
    while (true) {
      std::optional<Lock> of_pod = std::move(leases_.lock_pod(owner_)).value();
      Lock lock = std::move(leases_.lock(owner_.container)).value();
      free_older();
      take(pool);
      of_pod.reset();
      if (random_() % 2 == 0) ::usleep(random_() % 16000);
      give_back(owner_.container, mark_);
      lock.reset();
      ::usleep(random_() % 12000);  // sixteen that never rest would keep the one with the gun from its turn
    }
  }

 private:
  void free_older() {
    std::optional<Owner> older = leases_.older_sandbox(owner_).value();
    if (!older) return;
    Lock lock = std::move(leases_.lock(older->container)).value();
    ++slots_.older;
    give_back(older->container, std::stoi(older->container.substr(1)) + 1);
  }

  void take(const Pool& pool) {
    forget(mark_);  // who was killed holding gives that back when it takes anew
    auto got = leases_.allocate(pool, owner_, {});
    if (!got.ok()) {
      ++(got.error().code == EXFULL ? slots_.full : slots_.takes);
      if (got.error().code != EXFULL) ++slots_.errors;
      return;
    }
    int expected = 0;
    if (!slot_of(slots_, got.value()[0]).compare_exchange_strong(expected, mark_)) ++slots_.twice;
    ++slots_.takes;
  }

  void forget(int mark) {
    for (auto& holder : slots_.holder) {
      int expected = mark;
      holder.compare_exchange_strong(expected, 0);
    }
  }

  void give_back(const std::string& container, int mark) {
    forget(mark);
    if (!leases_.release(container, "eth0").ok()) ++slots_.errors;
  }

  Leases leases_;
  int mark_;
  std::mt19937 random_;
  Slots& slots_;
  Owner owner_;
};

class CrashTest : public LeaseFolder, public ::testing::WithParamInterface<int> {
 protected:
  void SetUp() override {
    LeaseFolder::SetUp();
    void* memory = ::mmap(nullptr, sizeof(Slots), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    slots_ = new (memory) Slots();
    pids_.assign(workers + 1, -1);
  }
  void TearDown() override {
    for (std::size_t i = 0; i < pids_.size(); ++i) end(i);
    ::munmap(slots_, sizeof(Slots));
    LeaseFolder::TearDown();
  }

  // The last one mends all the time, and is killed like the others.
  void start(std::size_t number, unsigned seed) {
    pid_t pid = ::fork();
    if (pid != 0) {
      pids_[number] = pid;
      return;
    }
    ::alarm(120);  // a lock that is never given back ends here
    if (number < workers) Worker(folder_, static_cast<int>(number), seed, GetParam(), *slots_).run(pool_of_test_);
    Leases leases = std::move(Leases::open(folder_, {GetParam(), {}})).value();
    while (true) {
      if (!leases.gc(keep_all).value().kept.empty()) ++slots_->errors;
      ::usleep(10000);
    }
  }
  void end(std::size_t number) {
    if (pids_[number] <= 0) return;
    ::kill(pids_[number], SIGKILL);
    int status = 0;
    ::waitpid(pids_[number], &status, 0);
    EXPECT_EQ(WTERMSIG(status), SIGKILL) << "ended by itself";
    pids_[number] = -1;
  }

  // What may be there after any kill: things that hold nothing and that gc takes away. Nobody is between two steps
  // while this looks.
  void expect_no_damage() {
    Leases leases = std::move(Leases::open(folder_, {GetParam(), {}})).value();
    for (const Finding& finding : leases.check().value())
      EXPECT_TRUE(finding.kind == Kind::unused_owner || finding.kind == Kind::dangling_pod ||
                  finding.kind == Kind::cooling_of_held)
          << static_cast<int>(finding.kind) << " " << finding.file;
    std::set<std::string> containers;
    for (const Lease& lease : leases.list().value()) {
      EXPECT_FALSE(lease.damaged()) << "half a lease: " << lease.address.text();
      EXPECT_TRUE(containers.insert(lease.owner.container).second) << lease.owner.container << " holds two";
    }
  }

  Slots* slots_ = nullptr;
  std::vector<pid_t> pids_;
  Pool pool_of_test_ = Pool::parse({"10.9.0.0-10.9.0.4"}).value();  // fewer than pods: "full" is met as well
};

TEST_P(CrashTest, NoAddressTwiceWithKillsAtRandom) {
  open();  // the folder's files are those of this process
  std::mt19937 random(11);
  for (std::size_t i = 0; i < pids_.size(); ++i) start(i, static_cast<unsigned>(random()));
  for (int kills = 0; kills < 120; ++kills) {
    ::usleep(500 + random() % 8000);
    std::size_t victim = random() % pids_.size();
    end(victim);
    if (kills % 10 == 0) expect_no_damage();
    start(victim, static_cast<unsigned>(random()));
  }
  for (std::size_t i = 0; i < pids_.size(); ++i) end(i);
  EXPECT_EQ(slots_->twice.load(), 0);
  EXPECT_EQ(slots_->errors.load(), 0);
  EXPECT_GT(slots_->takes.load(), 500);
  EXPECT_GT(slots_->full.load(), 0);
  EXPECT_GT(slots_->older.load(), 0);
  expect_no_damage();

  Leases leases = open();  // everything has rested
  EXPECT_TRUE(leases.gc(free_all).value().kept.empty());
  EXPECT_THAT(files(), IsEmpty());
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(leases.allocate(pool_of_test_, owner("n" + std::to_string(i)), {}).ok());
}
// Addresses that are looked at one after the other may all be held, each at its time, while one is always free.
TEST_P(CrashTest, NobodyHearsFullWhereThereIsOneForEach) {
  constexpr int takers = 4;
  Pool one_each = Pool::parse({"10.9.0.0-10.9.0.3"}).value();
  std::vector<pid_t> children;
  for (int i = 0; i < takers; ++i) {
    pid_t pid = ::fork();
    children.push_back(pid);
    if (pid != 0) continue;
    Leases leases = std::move(Leases::open(folder_, {GetParam(), {}})).value();
    std::string container = "c" + std::to_string(i);
    bool refused = false;
    for (int round = 0; round < 400 && !refused; ++round) {
      refused = !leases.allocate(one_each, owner(container), {}).ok();
      refused = refused || !leases.release(container, "eth0").ok();
    }
    ::_exit(refused ? 1 : 0);
  }
  for (pid_t pid : children) {
    int status = -1;
    ::waitpid(pid, &status, 0);
    EXPECT_EQ(status, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(RestOfSeconds, CrashTest, ::testing::Values(0, 1, 30));

// The twin: who holds what, and what rests since when. Which of several free addresses is given is the book's own
// business; that it is free, that it need not rest, and else that it has rested longest, is not.
struct Twin {
  std::map<model::Address, std::string> held;
  std::map<model::Address, std::int64_t> since;

  bool rests(const model::Address& address, std::int64_t now) const {
    auto at = since.find(address);
    return at != since.end() && now - at->second < 30;
  }
  std::vector<model::Address> give_back(const std::string& container, std::int64_t now) {
    std::vector<model::Address> out;
    for (auto at = held.begin(); at != held.end();) {
      if (at->second != container) {
        ++at;
        continue;
      }
      out.push_back(at->first);
      since[at->first] = now;
      at = held.erase(at);
    }
    return out;
  }
  std::vector<model::Address> free_of(const std::vector<model::Address>& all) const {
    std::vector<model::Address> out;
    for (const model::Address& each : all)
      if (!held.contains(each)) out.push_back(each);
    return out;
  }
};

class TwinTest : public LeaseFolder {
 protected:
  struct Range {
    std::vector<std::string> texts;
    std::vector<model::Address> v4;
    std::vector<model::Address> v6;
  };
  Range range(unsigned v4, unsigned v6) {
    Range out;
    for (unsigned i = 0; i < v4; ++i) out.v4.push_back(address("10.0.0." + std::to_string(10 + i)));
    for (unsigned i = 1; i <= v6; ++i) out.v6.push_back(address("fd00::").plus(i));
    out.texts.push_back(out.v4.front().text() + "-" + out.v4.back().text());
    if (v6 > 0) out.texts.push_back(out.v6.front().text() + "-" + out.v6.back().text());
    return out;
  }

  void expect_choice(const std::vector<model::Address>& all, const model::Address& given, bool wished) {
    std::vector<model::Address> free = twin_.free_of(all);
    ASSERT_NE(std::find(free.begin(), free.end(), given), free.end()) << given.text() << " is held or not of the pool";
    if (wished || !twin_.rests(given, now_s_)) return;
    for (const model::Address& other : free) {
      ASSERT_TRUE(twin_.rests(other, now_s_)) << given.text() << " rests, " << other.text() << " need not";
      ASSERT_LE(twin_.since[given], twin_.since[other]) << given.text() << " was taken before " << other.text();
    }
  }

  void allocate(const Range& range, const std::string& container, std::optional<model::Address> wish) {
    Pool pool = Pool::parse(range.texts).value();
    std::vector<model::Address> requested;
    if (wish) requested.push_back(*wish);
    auto got = open(30).allocate(pool, owner(container), requested);
    if (!got.ok() && got.error().code == EADDRNOTAVAIL) {
      ASSERT_EQ(std::find(range.v4.begin(), range.v4.end(), *wish), range.v4.end());
      return;
    }
    twin_.give_back(container, now_s_);
    if (!got.ok()) {
      bool held = wish && twin_.held.contains(*wish);
      bool full = twin_.free_of(range.v4).empty() || (!range.v6.empty() && twin_.free_of(range.v6).empty());
      ASSERT_TRUE(got.error().code == EADDRINUSE ? held : full) << got.error().text();
      return;
    }
    ASSERT_EQ(got->size(), range.v6.empty() ? 1U : 2U);
    expect_choice(range.v4, got.value()[0], wish.has_value());
    if (!range.v6.empty()) expect_choice(range.v6, got.value()[1], false);
    for (const model::Address& each : got.value()) {
      twin_.held[each] = container;
      twin_.since.erase(each);
    }
  }

  void collect(unsigned modulus) {
    auto dead = [&](const Lease& lease) -> base::Result<std::optional<std::string>> {
      bool frees = std::stoul(lease.owner.container.substr(1)) % modulus == 0;
      return frees ? std::optional<std::string>("so chosen") : std::optional<std::string>();
    };
    std::set<model::Address> freed;
    for (const auto& each : open(30).gc(dead).value().freed) freed.insert(each.lease.address);
    std::set<model::Address> expected;
    for (unsigned i = 0; i < 20; i += modulus)
      for (const model::Address& each : twin_.give_back("c" + std::to_string(i), now_s_)) expected.insert(each);
    ASSERT_EQ(freed, expected);
  }

  void compare(const Range& range) {
    Leases leases = open(30);
    std::map<model::Address, std::string> held;
    for (const Lease& lease : leases.list().value()) held[lease.address] = lease.owner.container;
    ASSERT_EQ(held, twin_.held);
    std::map<model::Address, std::int64_t> cooling;
    for (const Lease& lease : leases.cooling().value()) cooling[lease.address] = lease.released;
    std::map<model::Address, std::int64_t> expected;
    for (const auto& [each, since] : twin_.since)
      if (twin_.rests(each, now_s_)) expected[each] = since;
    ASSERT_EQ(cooling, expected);
    Usage usage = leases.usage(Pool::parse(range.texts).value(), model::Family::v4).value();
    ASSERT_EQ(usage.size, range.v4.size());
    ASSERT_EQ(usage.used, range.v4.size() - twin_.free_of(range.v4).size());
    ASSERT_EQ(usage.cooling,
              static_cast<std::size_t>(std::count_if(range.v4.begin(), range.v4.end(), [&](const model::Address& each) {
                return twin_.rests(each, now_s_);
              })));
    ASSERT_THAT(leases.check().value(), IsEmpty());
  }

  Twin twin_;
};

TEST_F(TwinTest, RandomWorkAgreesWithTheTwin) {
  std::mt19937 random(23);
  auto below = [&](unsigned bound) { return static_cast<unsigned>(random() % bound); };
  for (int round = 0; round < 25; ++round) {
    std::filesystem::remove_all(folder_);
    twin_ = {};
    // Two pools of one folder overlap, as when a node's ranges are extended.
    std::vector<Range> ranges = {range(1 + below(20), below(2) * (1 + below(12))), range(1 + below(20), 0)};
    for (int step = 0; step < 120 && !HasFatalFailure(); ++step) {
      const Range& range = ranges[below(8) == 0];
      std::string container = "c" + std::to_string(below(20));
      unsigned what = below(100);
      if (what < 50) {
        std::optional<model::Address> wish;
        if (below(6) == 0) wish = address("10.0.0." + std::to_string(10 + below(22)));
        allocate(range, container, wish);
      } else if (what < 85) {
        auto freed = open(30).release(container, "eth0");
        ASSERT_EQ(freed.value(), twin_.give_back(container, now_s_));
      } else if (what < 88) {
        collect(2 + below(5));
      } else {
        now_s_ += below(3) == 0 ? 30 : below(12);
      }
      if (step % 5 == 0) compare(range);
    }
    ASSERT_FALSE(HasFatalFailure()) << "round " << round;
  }
}

}  // namespace
}  // namespace bailey::ipam::sys
