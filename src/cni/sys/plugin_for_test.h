// The plugin against a kernel: a "node" and its pods are namespaces of the test.
#pragma once

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cni/sys/plugin.h"
#include "cni/sys/wiring.h"
#include "netlink/namespace.h"
#include "netlink/netlink.h"

namespace bailey::cni::sys {

namespace fs = std::filesystem;
using base::Json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

inline model::Address address(const std::string& text) { return model::Address::parse(text).value(); }

inline sockaddr_storage wire_address(const model::Address& at, int port, socklen_t& size) {
  sockaddr_storage storage{};
  if (at.is_v4()) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<std::uint16_t>(port));
    std::memcpy(&v4.sin_addr, at.wire().data(), 4);
    size = sizeof v4;
  } else {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(static_cast<std::uint16_t>(port));
    std::memcpy(&v6.sin6_addr, at.wire().data(), 16);
    size = sizeof v6;
  }
  return storage;
}

inline model::Address address_of(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET)
    return model::Address::v4(ntohl(reinterpret_cast<const sockaddr_in&>(storage).sin_addr.s_addr));
  std::array<std::uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr, 16);
  return model::Address::from_bytes(bytes);
}

inline bool readable(int fd, int milliseconds) {
  pollfd wait{fd, POLLIN, 0};
  return ::poll(&wait, 1, milliseconds) == 1;
}

class PluginTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "network namespaces need root";
    char name[] = "/tmp/bailey-cni-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    node_ = std::move(netlink::create_namespace()).value();
    node_socket_ = std::make_unique<netlink::Socket>(std::move(netlink::Socket::open_in(node_.get())).value());
    netlink::Inside inside = std::move(netlink::Inside::enter(node_.get())).value();
    for (const char* sysctl : {"/proc/sys/net/ipv4/conf/all/forwarding", "/proc/sys/net/ipv6/conf/all/forwarding"})
      ASSERT_TRUE(io::write_existing(sysctl, "1").ok());
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  // A pod's namespace, by the path under which a runtime would name it.
  struct Pod {
    io::Fd ns;
    std::string path;
    netlink::Socket socket;
  };
  static Pod make_pod() {
    io::Fd ns = std::move(netlink::create_namespace()).value();
    std::string path = "/proc/self/fd/" + std::to_string(ns.get());
    netlink::Socket socket = std::move(netlink::Socket::open_in(ns.get())).value();
    return {std::move(ns), path, std::move(socket)};
  }

  Json config() const {
    Json ranges = Json::array();
    for (const std::string& range : ranges_) ranges.push(range);
    Json json = Json::object();
    json.set("cniVersion", version_).set("name", "net").set("type", "bailey-cni").set("podRanges", std::move(ranges));
    return json.set("ipamDir", folder_ + "/ipam");
  }
  Answer call(const std::string& command, const std::string& container, const std::string& netns, const Json& json,
              const std::string& args = "", const std::string& ifname = "eth0") const {
    netlink::Inside inside = std::move(netlink::Inside::enter(node_.get())).value();
    return run({command, container, netns, ifname, args}, json.dump());
  }
  Json add(const std::string& container, const Pod& pod) const {
    Answer answer = call("ADD", container, pod.path, config());
    EXPECT_EQ(answer.exit_status, 0) << answer.output;
    return Json::parse(answer.output).value();
  }
  Answer del(const std::string& container, const Pod& pod) const { return call("DEL", container, pod.path, config()); }
  Answer check(const std::string& container, const Pod& pod, const Json& result) const {
    return call("CHECK", container, pod.path, config().set("prevResult", result));
  }
  static Json error_of(const Answer& answer) {
    EXPECT_EQ(answer.exit_status, 1) << answer.output;
    Json json = Json::parse(answer.output).value();
    EXPECT_FALSE(json["msg"].as_string().empty());
    return json;
  }
  static void expect_code(const Answer& answer, Code code, const std::string& text) {
    Json json = error_of(answer);
    EXPECT_EQ(json["code"].as_int(), static_cast<int>(code)) << answer.output;
    EXPECT_THAT(answer.output, HasSubstr(text));
  }
  static void expect_fine(const Answer& answer) {
    EXPECT_EQ(answer.exit_status, 0) << answer.output;
    EXPECT_EQ(answer.output, "");
  }

  // What a node must have once all pods are gone: nothing but lo, and no file that is more than a hint.
  void expect_nothing_left() const {
    EXPECT_EQ(node_socket_->links().value().size(), 1U);
    EXPECT_THAT(node_socket_->routes().value(), IsEmpty());
    EXPECT_THAT(node_socket_->neighbours().value(), IsEmpty());
    if (!fs::exists(folder_ + "/ipam")) return;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ + "/ipam"))
      EXPECT_TRUE(entry.is_directory() || entry.path().filename().string().starts_with(".last-")) << entry.path();
  }
  static void expect_empty(Pod& pod) { EXPECT_EQ(pod.socket.links().value().size(), 1U) << "only lo"; }

  static std::vector<model::Address> addresses_of(const Json& result) {
    std::vector<model::Address> out;
    for (const Json& ip : result["ips"].items()) {
      const std::string& text = ip["address"].as_string();
      out.push_back(address(text.substr(0, text.find('/'))));
    }
    return out;
  }

  // A TCP connection from one pod to the other: the source address that the far end sees. Empty: no connection.
  static std::optional<model::Address> connect(const Pod& from, const Pod& to, const model::Address& at) {
    int family = at.is_v4() ? AF_INET : AF_INET6;
    socklen_t size = 0;
    sockaddr_storage where = wire_address(at, 7777, size);
    auto socket_in = [&](const Pod& pod) {
      netlink::Inside inside = std::move(netlink::Inside::enter(pod.ns.get())).value();
      return io::Fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    };
    io::Fd listener = socket_in(to);
    EXPECT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&where), size), 0) << std::strerror(errno);
    EXPECT_EQ(::listen(listener.get(), 1), 0);
    io::Fd client = socket_in(from);
    (void)::connect(client.get(), reinterpret_cast<sockaddr*>(&where), size);
    if (!readable(listener.get(), 900)) return std::nullopt;  // under a second: no SYN was sent twice
    sockaddr_storage peer{};
    size = sizeof peer;
    io::Fd accepted(::accept(listener.get(), reinterpret_cast<sockaddr*>(&peer), &size));
    EXPECT_EQ(::write(accepted.get(), "hi", 2), 2);
    EXPECT_TRUE(readable(client.get(), 900));
    return address_of(peer);
  }

  std::string folder_;
  std::string version_ = "1.1.0";
  std::vector<std::string> ranges_ = {"10.240.0.10-10.240.0.39", "fd00:1::/64"};
  io::Fd node_;
  std::unique_ptr<netlink::Socket> node_socket_;
};

}  // namespace bailey::cni::sys
