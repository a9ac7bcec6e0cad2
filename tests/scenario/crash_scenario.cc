// Kill anything at any moment: nothing stays, and the next lab comes up.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>

#include "base/strings.h"
#include "harness.h"

namespace bailey::scenario {
namespace {

// A lab's processes die with their PID 1; the kernel may need a moment to take them down.
void expect_nothing_left(const std::string& lab, const std::string& when) {
  for (int i = 0; i < 200; ++i) {
    if (bailey_leftovers(lab).processes.empty()) return;
    usleep(10000);
  }
  Leftovers left = bailey_leftovers(lab);
  ADD_FAILURE() << when << ": " << left.processes.size() << " processes and " << left.namespaces.size()
                << " namespaces are left";
}

class CrashScenario : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!is_root()) GTEST_SKIP() << "labs need root";
  }
};

constexpr unsigned seed = 20;
const std::string example = source_path("examples/families/dual");

TEST_F(CrashScenario, AnythingIsKilledAtHundredRandomMoments) {
  std::string machine = machine_state();
  std::string name = unique_name("crash");
  std::mt19937 random(seed);
  Lab lab(name);
  double up_ms = lab.up({"-f", example}).milliseconds;
  ASSERT_EQ(lab.ask("down").status, 0);
  int rounds = 100;
  std::map<std::string, int> kinds;
  for (int round = 0; round < rounds; ++round) {
    std::string victim =
        std::vector<std::string>{"up: command",       "up: supervisor", "up: agent",    "apply: command",
                                 "apply: supervisor", "apply: agent",   "down: command"}[random() % 7];
    ++kinds[victim];
    SCOPED_TRACE("round " + std::to_string(round) + ", " + victim);
    bool during_up = victim.starts_with("up");
    if (!during_up) {
      Outcome up = lab.up({"-f", example});
      ASSERT_EQ(up.status, 0) << up.err;
    }
    std::vector<std::string> command{"lab", "up", "--name", name, "-f", example};
    if (victim.starts_with("apply")) command = {"lab", "delete", "--name", name, "-f", example};
    if (victim.starts_with("down")) command = {"lab", "down", "--name", name};
    int pid = start_bailey(command);
    usleep(static_cast<useconds_t>(static_cast<double>(random() % 1000) / 1000 * up_ms * 1000));
    if (victim.ends_with("command")) kill(pid, SIGKILL);
    if (victim.ends_with("supervisor"))
      if (int supervisor = lab.supervisor(); supervisor > 0) kill(supervisor, SIGKILL);
    if (victim.ends_with("agent")) {
      std::set<int> processes = bailey_leftovers(name).processes;
      processes.erase(pid);
      processes.erase(lab.supervisor());
      if (!processes.empty())
        kill(*std::next(processes.begin(), static_cast<long>(random() % processes.size())), SIGKILL);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    // Killing an agent ends nothing: the lab goes on. All else either ended it (which takes a moment) or left it whole.
    bool answers = false;
    for (int i = 0; i < 200 && !answers && lab.supervisor() > 0; ++i) {
      answers = lab.ask("status").json()["name"].as_string() == name;
      if (!answers) usleep(10000);
    }
    EXPECT_TRUE(answers || lab.supervisor() == 0) << "a lab that stays answers";
    if (lab.supervisor() > 0) lab.ask("down");
    expect_nothing_left(name, victim);
  }
  Outcome up = lab.up({"-f", example});
  EXPECT_EQ(up.status, 0) << up.err;
  EXPECT_TRUE(lab.ask("status").json()["ready"].as_bool());
  EXPECT_EQ(lab.ask("down").status, 0);
  expect_nothing_left(name, "end");
  EXPECT_EQ(machine_state(), machine);
  EXPECT_GE(kinds.size(), 6u) << "every kind of victim had its turn";
}

TEST_F(CrashScenario, AnAgentKilledDuringUpDelaysItOnly) {
  std::string name = unique_name("agentup");
  std::mt19937 random(seed + 1);
  for (int round = 0; round < 10; ++round) {
    Lab lab(name);
    int pid = start_bailey({"lab", "up", "--name", name, "-f", example});
    for (int i = 0; i < 3; ++i) {
      usleep(20000 + static_cast<useconds_t>(random() % 60000));
      std::set<int> processes = bailey_leftovers(name).processes;
      processes.erase(pid);
      processes.erase(lab.supervisor());
      if (!processes.empty())
        kill(*std::next(processes.begin(), static_cast<long>(random() % processes.size())), SIGKILL);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (lab.supervisor() == 0) continue;  // killed before it was ready: up failed as a whole, which is fine
    base::Json probes = lab.ask("probe", {"--from", "host/jump", "--to", "host/vm", "--port", "80/tcp"}).json();
    EXPECT_EQ(probes["rows"].items().at(0)["result"].as_string(), "open") << probes.dump();
    lab.ask("down");
    expect_nothing_left(name, "round " + std::to_string(round));
  }
}

}  // namespace
}  // namespace bailey::scenario
