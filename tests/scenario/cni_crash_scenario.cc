// The plugin is killed at random moments, many at once, and the address book and the wire are looked at all the time.
//
// The test is the container runtime: 16 pods, each a namespace, each with one call under way. A call that is to be
// killed gets SIGKILL after a random time; what a runtime does then is tried in turn: DEL, a new sandbox for the same
// pod, or nothing until GC. What must hold at every moment is checked whenever an ADD succeeds; what must hold when
// nothing runs is checked at rest.
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <sstream>

#include "harness.h"
#include "netlink/namespace.h"
#include "netlink/netlink.h"

namespace bailey::scenario {
namespace {

namespace fs = std::filesystem;
using base::Json;

constexpr std::size_t slots = 16;
constexpr int calls_wanted = 2000;
constexpr int kills_wanted = 500;

std::string read_text(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// One pod: its namespace lives on, its sandboxes come and go.
struct Slot {
  std::string pod;
  std::string netns;  // path
  io::Fd ns;
  std::unique_ptr<netlink::Socket> socket;
  std::string container;
  int sandboxes = 0;
  bool attached = false;
  std::set<model::Address> addresses;  // while attached
  // The call under way, or the last one.
  int pid = 0;
  std::string command;          // "killed": its ADD or DEL did not end by itself
  std::int64_t kill_at_ns = 0;  // 0: not
};

std::int64_t clock_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

class CniCrash : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!is_root()) GTEST_SKIP() << "network namespaces need root";
    node_ = std::move(netlink::create_namespace()).value();
    node_socket_ = std::make_unique<netlink::Socket>(std::move(netlink::Socket::open_in(node_.get())).value());
    for (std::size_t i = 0; i < slots; ++i) {
      Slot slot;
      slot.pod = "p" + std::to_string(i);
      new_namespace(slot);
      slots_.push_back(std::move(slot));
    }
  }
  void TearDown() override {
    for (Slot& slot : slots_) {
      if (slot.pid > 0) {
        ::kill(slot.pid, SIGKILL);
        ::waitpid(slot.pid, nullptr, 0);
      }
    }
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }

  void new_namespace(Slot& slot) {
    slot.ns = std::move(netlink::create_namespace()).value();
    slot.netns = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(slot.ns.get());
    slot.socket = std::make_unique<netlink::Socket>(std::move(netlink::Socket::open_in(slot.ns.get())).value());
  }

  Json config() const {
    bool vnet = GetParam() == std::string("vnet");
    Json ranges = Json::array();
    // Few addresses for many pods, so that they are used again and again.
    ranges.push(vnet ? "10.240.0.10-10.240.0.33" : "10.244.1.0/27");
    ranges.push(vnet ? "fd00:1::10-fd00:1::27" : "fd00:244::/64");
    Json json = Json::object().set("cniVersion", "1.1.0").set("name", "net").set("type", "bailey-cni");
    json.set("networkModel", GetParam()).set("podRanges", std::move(ranges)).set("coolDownSeconds", 1);
    return json.set("ipamDir", ipam_dir());
  }
  std::string ipam_dir() const { return folder_.path() + "/ipam"; }

  // Starts a call; its standard input and output are files.
  int start(const std::string& command, const std::string& container, const std::string& netns, const std::string& pod,
            const Json& json, const std::string& tag) {
    std::string input = folder_.write(tag + ".in", json.dump());
    std::string output = folder_.path() + "/" + tag + ".out";
    pid_t child = ::fork();
    if (child != 0) return child;
    if (::setns(node_.get(), CLONE_NEWNET) != 0) ::_exit(99);
    if (!::freopen(input.c_str(), "r", stdin) || !::freopen(output.c_str(), "w", stdout)) ::_exit(98);
    std::vector<std::string> variables = {"CNI_COMMAND=" + command, "CNI_CONTAINERID=" + container,
                                          "CNI_NETNS=" + netns, "CNI_IFNAME=eth0",
                                          "CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=" + pod};
    std::vector<char*> environment;
    for (std::string& variable : variables) environment.push_back(variable.data());
    environment.push_back(nullptr);
    std::string program = std::string(BAILEY_BINARY_DIR) + "/bin/bailey-cni";
    char* arguments[] = {program.data(), nullptr};
    ::execve(program.c_str(), arguments, environment.data());
    ::_exit(97);
  }
  // Runs one to its end.
  std::pair<int, std::string> call(const std::string& command, const std::string& container, const std::string& netns,
                                   const std::string& pod, const Json& json) {
    int child = start(command, container, netns, pod, json, "one");
    int status = -1;
    ::waitpid(child, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128, read_text(folder_.path() + "/one.out")};
  }

  std::vector<std::string> lease_names() const {
    std::vector<std::string> names;
    if (!fs::exists(ipam_dir())) return names;
    for (const auto& entry : fs::directory_iterator(ipam_dir()))
      if (model::Address::parse(entry.path().filename().string())) names.push_back(entry.path().filename().string());
    return names;
  }

  // The address that was just given is on no other pod's interface and in nobody else's hands.
  void expect_held_by_one(const Slot& owner) {
    for (const Slot& other : slots_) {
      if (&other == &owner) continue;
      for (const netlink::InterfaceAddress& each : other.socket->addresses().value())
        EXPECT_FALSE(owner.addresses.contains(each.address))
            << each.address.text() << " of " << owner.container << " is on the interface of " << other.container;
      for (const model::Address& address : owner.addresses)
        EXPECT_FALSE(other.attached && other.addresses.contains(address)) << address.text();
    }
  }

  void expect_whole_leases() {
    for (const std::string& name : lease_names()) {
      std::string text = read_text(ipam_dir() + "/" + name);
      if (text.empty() && !fs::exists(ipam_dir() + "/" + name)) continue;  // given back meanwhile
      base::Result<Json> json = Json::parse(text);
      ASSERT_TRUE(json.ok()) << name << ": " << text;
      EXPECT_EQ((*json)["address"].as_string(), name);
      EXPECT_FALSE((*json)["container"].as_string().empty()) << text;
    }
  }

  void launch(Slot& slot);
  void finished(Slot& slot, int status);
  void collect(int timeout_ms);
  void settle_at_rest();

  std::mt19937 random_{20251};
  Folder folder_;
  io::Fd node_;
  std::unique_ptr<netlink::Socket> node_socket_;
  std::vector<Slot> slots_;
  int calls_ = 0;
  int kills_ = 0;
  int added_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Models, CniCrash, ::testing::Values("vnet", "kubenet"));

void CniCrash::launch(Slot& slot) {
  bool add = !slot.attached && slot.command != "killed";
  if (slot.command == "killed") {
    // As runtimes do: mostly DEL, sometimes a new sandbox for the same pod in a new namespace, without any DEL.
    add = random_() % 3 == 0;
    if (add) new_namespace(slot);
  }
  if (add) slot.container = slot.pod + "-" + std::to_string(++slot.sandboxes);
  slot.command = add ? "ADD" : "DEL";
  if (!add) {
    slot.attached = false;
    slot.addresses.clear();
  }
  slot.pid = start(slot.command, slot.container, slot.netns, slot.pod, config(), slot.pod);
  ++calls_;
  bool kill = kills_ < kills_wanted && random_() % 100 < 35;
  slot.kill_at_ns = kill ? clock_ns() + static_cast<std::int64_t>(random_() % 60'000) * 1000 : 0;
}

void CniCrash::finished(Slot& slot, int status) {
  slot.pid = 0;
  if (WIFSIGNALED(status)) {
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
    ++kills_;
    slot.command = "killed";
    return;
  }
  std::string output = read_text(folder_.path() + "/" + slot.pod + ".out");
  EXPECT_EQ(WEXITSTATUS(status), 0) << slot.command << " " << slot.container << ": " << output;
  if (slot.command != "ADD" || WEXITSTATUS(status) != 0) return;
  ++added_;
  slot.attached = true;
  Json result = Json::parse(output).value();
  for (const Json& ip : result["ips"].items()) {
    const std::string& text = ip["address"].as_string();
    slot.addresses.insert(model::Address::parse(text.substr(0, text.find('/'))).value());
  }
  EXPECT_EQ(slot.addresses.size(), 2U) << output;
  expect_held_by_one(slot);
}

// Kills what is due and takes in what has ended.
void CniCrash::collect(int timeout_ms) {
  std::int64_t until = clock_ns() + std::int64_t{timeout_ms} * 1'000'000;
  bool any = false;
  while (!any && clock_ns() < until) {
    for (Slot& slot : slots_) {
      if (slot.pid == 0) continue;
      if (slot.kill_at_ns != 0 && clock_ns() >= slot.kill_at_ns) {
        ::kill(slot.pid, SIGKILL);
        slot.kill_at_ns = 0;
      }
      int status = 0;
      if (::waitpid(slot.pid, &status, WNOHANG) == slot.pid) {
        finished(slot, status);
        any = true;
      }
    }
    if (!any) ::usleep(300);
  }
}

// Nothing runs: the book says what the wire says, GC frees what killed calls left, and nothing else.
void CniCrash::settle_at_rest() {
  while (std::any_of(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.pid != 0; })) collect(1000);
  expect_whole_leases();
  Json valid = Json::array();
  for (const Slot& slot : slots_)
    if (slot.attached) valid.push(Json::object().set("containerID", slot.container).set("ifname", "eth0"));
  auto [status, output] = call("GC", "", "", "", config().set("cni.dev/valid-attachments", std::move(valid)));
  EXPECT_EQ(status, 0) << output;
  std::set<std::string> expected;
  for (const Slot& slot : slots_) {
    for (const model::Address& address : slot.addresses) expected.insert(address.text());
    std::set<model::Address> there;
    for (const netlink::InterfaceAddress& each : slot.socket->addresses().value())
      if (each.link_index != 1 && (each.address.is_v4() || (each.address.number() >> 118) != (0xfe80 >> 6)))
        there.insert(each.address);
    EXPECT_EQ(there, slot.addresses) << slot.container;
  }
  std::vector<std::string> names = lease_names();
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()), expected);
  std::size_t veths = 0;
  for (const netlink::Link& link : node_socket_->links().value()) veths += link.kind == "veth";
  EXPECT_EQ(veths, static_cast<std::size_t>(
                       std::count_if(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.attached; })));
}

TEST_P(CniCrash, NoAddressIsEverHeldTwiceAndNothingLeaks) {
  int rest = 0;
  while ((calls_ < calls_wanted || kills_ < kills_wanted) && !HasFailure()) {
    for (Slot& slot : slots_)
      if (slot.pid == 0) launch(slot);
    collect(1000);
    if (calls_ / 400 > rest) {
      rest = calls_ / 400;
      settle_at_rest();
    }
  }
  settle_at_rest();
  EXPECT_GE(kills_, kills_wanted);
  EXPECT_GT(added_, calls_wanted / 5);
  for (Slot& slot : slots_) {
    auto [status, output] = call("DEL", slot.container, slot.netns, slot.pod, config());
    EXPECT_EQ(status, 0) << output;
    slot.attached = false;
    slot.addresses.clear();
  }
  settle_at_rest();
  EXPECT_TRUE(lease_names().empty());
  // And the next ADD works.
  Slot& slot = slots_[0];
  new_namespace(slot);
  slot.command.clear();
  launch(slot);
  slot.kill_at_ns = 0;
  while (slot.pid != 0) collect(1000);
  EXPECT_TRUE(slot.attached);
  RecordProperty("calls", calls_);
  RecordProperty("kills", kills_);
  printf("%d calls, %d of them killed, %d times attached\n", calls_, kills_, added_);
}

}  // namespace
}  // namespace bailey::scenario
