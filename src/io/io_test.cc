#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/channel.h"
#include "io/child.h"
#include "io/loop.h"

namespace bailey::io {
namespace {

std::unique_ptr<Loop> new_loop() { return std::move(Loop::create().value()); }

std::pair<Fd, Fd> socket_pair() {
  int ends[2] = {-1, -1};
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

TEST(Loop, TimersFireInOrderAndCancelledOnesDoNot) {
  auto loop = new_loop();
  std::string order;
  loop->after(20, [&] { order += 'b'; });
  loop->after(1, [&] { order += 'a'; });
  Loop::TimerId never = loop->after(5, [&] { order += 'x'; });
  loop->cancel(never);
  loop->after(30, [&] { loop->stop(); });
  loop->run();
  EXPECT_EQ(order, "ab");
}

TEST(Loop, AHandlerMayForgetAnotherOfTheSameRound) {
  auto loop = new_loop();
  auto [a, a_peer] = socket_pair();
  auto [b, b_peer] = socket_pair();
  ASSERT_EQ(write(a_peer.get(), "x", 1), 1);
  ASSERT_EQ(write(b_peer.get(), "x", 1), 1);
  int calls = 0;
  auto forget_both = [&](std::uint32_t) {
    ++calls;
    loop->forget(a.get());
    loop->forget(b.get());
  };
  ASSERT_TRUE(loop->watch(a.get(), EPOLLIN, forget_both).ok());
  ASSERT_TRUE(loop->watch(b.get(), EPOLLIN, forget_both).ok());
  loop->step(100);
  loop->step(10);
  EXPECT_EQ(calls, 1);
}

TEST(Channel, CarriesDocumentsAndDescriptors) {
  auto loop = new_loop();
  auto [a, b] = socket_pair();
  Channel left(std::move(a));
  Channel right(std::move(b));
  std::vector<std::int64_t> seen;
  std::string through;
  ASSERT_TRUE(left.attach(
                      *loop, [](base::Json, std::vector<Fd>) {}, [] {})
                  .ok());
  ASSERT_TRUE(right
                  .attach(
                      *loop,
                      [&](base::Json document, std::vector<Fd> descriptors) {
                        seen.push_back(document["n"].as_int());
                        if (!descriptors.empty()) {
                          char buffer[8];
                          through.assign(buffer, static_cast<std::size_t>(read(descriptors[0].get(), buffer, 8)));
                        }
                        if (seen.size() == 3) loop->stop();
                      },
                      [] {})
                  .ok());
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], "pipe", 4), 4);
  base::Json big = base::Json::object();
  big.set("n", 2).set("padding", std::string(3 << 20, 'x'));
  left.send(base::Json::object().set("n", 1), {ends[0]});
  left.send(big);
  left.send(base::Json::object().set("n", 3));
  close(ends[0]);
  close(ends[1]);
  loop->run();
  EXPECT_EQ(seen, (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_EQ(through, "pipe");
}

TEST(Channel, TheEndAndJunkAreReportedOnce) {
  for (std::string junk : {"", "not json\n"}) {
    auto loop = new_loop();
    auto [a, b] = socket_pair();
    Channel channel(std::move(a));
    int closed = 0;
    ASSERT_TRUE(channel
                    .attach(
                        *loop, [](base::Json, std::vector<Fd>) {},
                        [&] {
                          ++closed;
                          loop->stop();
                        })
                    .ok());
    if (!junk.empty()) {
      ASSERT_EQ(write(b.get(), junk.data(), junk.size()), static_cast<ssize_t>(junk.size()));
    } else {
      b.reset();
    }
    loop->run();
    loop->step(5);
    EXPECT_EQ(closed, 1);
  }
}

TEST(Child, InputOutputAndStatus) {
  auto loop = new_loop();
  Finished result;
  Command command{"/bin/cat", {}, {}, std::string(300000, 'y')};
  ASSERT_TRUE(start(*loop, command, [&](Finished finished) {
                result = std::move(finished);
                loop->stop();
              }).ok());
  loop->run();
  EXPECT_EQ(result.output.size(), 300000u);
  EXPECT_TRUE(WIFEXITED(result.status));
  EXPECT_EQ(WEXITSTATUS(result.status), 0);
}

TEST(Child, ATimeoutEndsIt) {
  auto loop = new_loop();
  Finished result;
  Command command{"/bin/sleep", {"20"}, {}, "", 50};
  ASSERT_TRUE(start(*loop, command, [&](Finished finished) {
                result = std::move(finished);
                loop->stop();
              }).ok());
  loop->run();
  EXPECT_TRUE(result.timed_out);
  EXPECT_TRUE(WIFSIGNALED(result.status));
}

TEST(Child, AMissingProgramIsAnError) {
  auto loop = new_loop();
  base::Status status = start(*loop, Command{"/no/such/program"}, [](Finished) { FAIL(); });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ENOENT);
}

}  // namespace
}  // namespace bailey::io
