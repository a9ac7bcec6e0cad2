// baileyd as a process, with manifests in a folder and the plugin that asks it.
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cerrno>
#include <fstream>
#include <thread>

#include "cni/sys/plugin_for_test.h"
#include "io/child.h"
#include "io/loop.h"

namespace bailey::cni::sys {
namespace {

const std::string objects = R"(
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {addresses: [{type: InternalIP, address: 10.0.0.4}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {nodeName: n1, containers: [{name: c}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec: {nodeName: n1, containers: [{name: c}]}
---
apiVersion: v1
kind: Pod
metadata: {name: foe, namespace: shop, labels: {app: foe}}
spec: {nodeName: n1, containers: [{name: c}]}
)";
const std::string policy = R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]
)";

class AgentTest : public PluginTest {
 protected:
  void SetUp() override {
    PluginTest::SetUp();
    if (IsSkipped()) return;
    static const bool own =
        ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    ASSERT_TRUE(own);
    fs::create_directories(folder_ + "/bpf");
    fs::create_directories(folder_ + "/manifests");
    ASSERT_EQ(::mount("bpf", (folder_ + "/bpf").c_str(), "bpf", 0, nullptr), 0) << std::strerror(errno);
    write("objects.yaml", objects);
    write("policy.yaml", policy);
    std::ofstream(folder_ + "/agent.yaml")
        << "node: n1\nuplink: ''\nsource: {files: [" << folder_ << "/manifests]}\nsocket: " << socket_path()
        << "\nipamDir: " << folder_ << "/ipam\npins: " << folder_ << "/bpf/pins\n";
    ranges_ = {"10.9.0.10-10.9.0.100"};
  }
  void TearDown() override {
    end();
    ::umount2((folder_ + "/bpf").c_str(), MNT_DETACH);
    PluginTest::TearDown();
  }

  std::string socket_path() const { return folder_ + "/agent.sock"; }
  void write(const std::string& file, const std::string& text) const {
    std::ofstream(folder_ + "/.new") << text;
    fs::rename(folder_ + "/.new", folder_ + "/manifests/" + file);
  }
  Json guarded() const { return config().set("agentSocket", socket_path()); }

  int start() {
    netlink::Inside inside = std::move(netlink::Inside::enter(node_.get())).value();
    io::Command command{BAILEY_BINARY_DIR "/bin/baileyd"};
    command.arguments = {"--config", folder_ + "/agent.yaml"};
    io::Fd log(::open((folder_ + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    return io::launch(command, log.get()).value();
  }
  void begin() {
    agent_ = start();
    for (int i = 0; i < 1000 && ask("/healthz").find("200 OK") == std::string::npos; ++i) ::usleep(10'000);
  }
  void end() {
    if (agent_ <= 0) return;
    ::kill(agent_, SIGKILL);
    ::waitpid(agent_, nullptr, 0);
    agent_ = 0;
  }
  std::string ask(const std::string& page) const {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    socket_path().copy(to.sun_path, sizeof to.sun_path - 1);
    io::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) return "";
    std::string request = "GET " + page + " HTTP/1.1\r\nHost: agent\r\n\r\n";
    (void)::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL);
    std::string out;
    char bytes[4096];
    for (ssize_t count = 0; (count = ::recv(socket.get(), bytes, sizeof bytes, 0)) > 0;)
      out.append(bytes, static_cast<std::size_t>(count));
    return out;
  }
  Answer add_pod(const std::string& name, const Pod& pod) const {
    return call("ADD", "c-" + name, pod.path, guarded(), "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=" + name);
  }
  static std::string address_in(const Answer& answer) {
    std::string text = Json::parse(answer.output).value()["ips"].items()[0]["address"].as_string();
    return text.substr(0, text.find('/'));
  }
  // Whether a datagram from one pod arrives at the other.
  static bool arrives(const Pod& from, const Pod& to, const std::string& at) {
    socklen_t size = 0;
    auto bound = [&](const Pod& pod) {
      netlink::Inside inside = std::move(netlink::Inside::enter(pod.ns.get())).value();
      return io::Fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    };
    io::Fd receiver = bound(to);
    io::Fd sender = bound(from);
    sockaddr_storage place = wire_address(address(at), 7777, size);
    EXPECT_EQ(::bind(receiver.get(), reinterpret_cast<sockaddr*>(&place), size), 0);
    (void)::sendto(sender.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&place), size);
    return readable(receiver.get(), 200);
  }

  int agent_ = 0;
};

TEST_F(AgentTest, PodsComeUpUnderTheirPolicies) {
  Pod web = make_pod(), db = make_pod(), foe = make_pod();
  Answer refused = add_pod("db", db);
  EXPECT_EQ(error_of(refused)["code"].as_int(), 11) << "no agent runs";
  EXPECT_THAT(refused.output, HasSubstr("baileyd"));
  begin();
  Answer added = add_pod("db", db);
  ASSERT_EQ(added.exit_status, 0) << added.output;
  ASSERT_EQ(add_pod("web", web).exit_status, 0);
  ASSERT_EQ(add_pod("foe", foe).exit_status, 0);
  std::string at = address_in(added);
  EXPECT_TRUE(arrives(web, db, at));
  EXPECT_FALSE(arrives(foe, db, at));
  EXPECT_THAT(ask("/metrics"), HasSubstr("bailey_policy_drops_total{reason=\"policy-ingress\"} 1\n"));
  EXPECT_THAT(ask("/status"), HasSubstr("\"pending\":false"));
  // Killed, it changes nothing; and what changed meanwhile holds once it is back.
  end();
  EXPECT_TRUE(arrives(web, db, at));
  EXPECT_FALSE(arrives(foe, db, at));
  fs::remove(folder_ + "/manifests/policy.yaml");
  begin();
  EXPECT_TRUE(arrives(foe, db, at));
  write("policy.yaml", policy);
  for (int i = 0; i < 50 && arrives(foe, db, at); ++i) ::usleep(50'000);
  EXPECT_FALSE(arrives(foe, db, at)) << "a file that comes back";
  write("policy.yaml", "kind: NetworkPolicy\nspec: [\n");
  ::usleep(400'000);
  EXPECT_FALSE(arrives(foe, db, at)) << "of a file that cannot be read the last good version holds";
  EXPECT_EQ(call("DEL", "c-foe", foe.path, guarded()).exit_status, 0);
}

TEST_F(AgentTest, WhoIsNotKnownWaits) {
  begin();
  Pod late = make_pod();
  Answer unknown = add_pod("late", late);
  EXPECT_EQ(error_of(unknown)["code"].as_int(), 11);
  EXPECT_THAT(unknown.output, HasSubstr("shop/late"));
  EXPECT_EQ(node_socket_->index_of(host_link_name("c-late", "eth0")).error().code, ENODEV) << "nothing is left";
  std::thread writer([&] {
    ::usleep(300'000);
    write("late.yaml",
          "apiVersion: v1\nkind: Pod\nmetadata: {name: late, namespace: shop}\nspec: {nodeName: n1, "
          "containers: [{name: c}]}\n");
  });
  EXPECT_EQ(add_pod("late", late).exit_status, 0) << "its object came in time";
  writer.join();
}

TEST_F(AgentTest, RefusesWhatWouldOpen) {
  begin();
  int second = start();
  int status = 0;
  ASSERT_EQ(::waitpid(second, &status, 0), second);
  EXPECT_EQ(WEXITSTATUS(status), 3) << "one agent for a folder of pins";
  end();
  write("policy.yaml", "kind: NetworkPolicy\nspec: [\n");
  int broken = start();
  ASSERT_EQ(::waitpid(broken, &status, 0), broken);
  EXPECT_EQ(WEXITSTATUS(status), 3) << "a broken policy has no former version at the start";
}

}  // namespace
}  // namespace bailey::cni::sys
