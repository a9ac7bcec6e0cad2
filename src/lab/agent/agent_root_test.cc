// Echo server, probes and held connections over real sockets, in a network namespace that the test makes.
#include <gtest/gtest.h>
#include <unistd.h>

#include "lab/agent/connections.h"
#include "lab/agent/echo.h"
#include "lab/agent/probe.h"
#include "netlink/namespace.h"
#include "netlink/netlink.h"

namespace bailey::lab {
namespace {

class AgentTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "network namespaces need root";
    loop_ = std::move(io::Loop::create().value());
    network_ = std::move(netlink::create_namespace().value());
    netlink::Socket socket = std::move(netlink::Socket::open_in(network_.get()).value());
    ASSERT_TRUE(socket.set_up("lo").ok());
  }

  ProbeOutcome ask(const std::string& address, const std::string& port, std::int64_t timeout_ms = 300) {
    ProbeOutcome result;
    model::Port wanted = *model::Port::parse(port);
    ProbeTarget target{network_.get(), {*model::Address::parse(address), wanted.number}, wanted.protocol, timeout_ms};
    start_probe(*loop_, target, [&](ProbeOutcome outcome) {
      result = std::move(outcome);
      loop_->stop();
    });
    loop_->run();
    return result;
  }

  std::unique_ptr<io::Loop> loop_;
  io::Fd network_;
};

TEST_F(AgentTest, EveryProtocolAnswersInBothFamilies) {
  EchoServer echo(*loop_, base::Json::object().set("answered_by", "host/x"));
  ASSERT_TRUE(echo.listen(network_.get(), {*model::Port::parse("80/tcp"), *model::Port::parse("53/udp"),
                                           *model::Port::parse("99/sctp")})
                  .ok());
  for (const char* address : {"127.0.0.1", "127.9.9.9", "::1"}) {
    for (const char* port : {"80/tcp", "53/udp", "99/sctp"}) {
      ProbeOutcome outcome = ask(address, port);
      EXPECT_EQ(outcome.result, "open") << address << " " << port;
      EXPECT_EQ(outcome.answered_by, "host/x") << address << " " << port;
      EXPECT_EQ(outcome.source_seen, std::string(address) == "::1" ? "::1" : "127.0.0.1");
      EXPECT_GE(outcome.rtt_us, 0);
    }
    EXPECT_EQ(ask(address, "icmp").result, "open") << address;
  }
}

TEST_F(AgentTest, ClosedPortsAndMissingRoutesAreToldApart) {
  EchoServer echo(*loop_, base::Json::object().set("answered_by", "host/x"));
  EXPECT_EQ(ask("127.0.0.1", "80/tcp").result, "refused");
  EXPECT_EQ(ask("127.0.0.1", "80/udp").result, "refused");
  EXPECT_EQ(ask("10.1.2.3", "80/tcp").result, "unreachable");
  EXPECT_EQ(ask("10.1.2.3", "icmp").result, "unreachable");
  EXPECT_EQ(ask("fd00::1", "53/udp").result, "unreachable");
  ASSERT_TRUE(echo.listen(network_.get(), {*model::Port::parse("80/tcp")}).ok());
  EXPECT_EQ(ask("127.0.0.1", "80/tcp").result, "open");
  ASSERT_TRUE(echo.listen(network_.get(), {}).ok());
  EXPECT_EQ(ask("127.0.0.1", "80/tcp").result, "refused") << "ports are taken away again";
}

TEST_F(AgentTest, AHeldConnectionIsCutWhenItsPeerGoes) {
  auto echo = std::make_unique<EchoServer>(*loop_, base::Json::object().set("answered_by", "host/x"));
  ASSERT_TRUE(echo->listen(network_.get(), {*model::Port::parse("80/tcp")}).ok());
  Connections connections(*loop_);
  Connections::State seen;
  auto note = [&](Connections::State state) {
    seen = state;
    loop_->stop();
  };
  connections.open("a", network_.get(), {*model::Address::parse("127.0.0.1"), 80}, 500, note);
  loop_->run();
  EXPECT_EQ(seen.state, "open") << seen.reason;
  connections.send("a", 500, note);
  loop_->run();
  EXPECT_EQ(seen.state, "open") << seen.reason;
  echo.reset();
  connections.send("a", 500, note);
  loop_->run();
  EXPECT_EQ(seen.state, "cut");
  EXPECT_EQ(connections.list()["a"].state, "cut");
  connections.open("b", network_.get(), {*model::Address::parse("127.0.0.1"), 80}, 500, note);
  loop_->run();
  EXPECT_EQ(seen.reason, "refused");
}

}  // namespace
}  // namespace bailey::lab
