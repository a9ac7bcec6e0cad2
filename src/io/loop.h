// An event loop over epoll(7): descriptors, timers, ends of child processes. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>

#include "base/result.h"
#include "io/fd.h"

namespace bailey::io {

// CLOCK_MONOTONIC, in nanoseconds.
std::int64_t now_ns();

class Loop {
 public:
  // `events` are EPOLLIN and the like. A handler may forget its own or any other descriptor and may close it
  // after forgetting it; a forgotten descriptor's handler is never called again.
  using Handler = std::function<void(std::uint32_t events)>;
  using TimerId = std::uint64_t;

  static base::Result<std::unique_ptr<Loop>> create();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // The loop does not own `fd`. Watching a descriptor twice is a bug.
  base::Status watch(int fd, std::uint32_t events, Handler handler);
  void change(int fd, std::uint32_t events);
  void forget(int fd);

  // Calls `action` once, `milliseconds` from now.
  TimerId after(std::int64_t milliseconds, std::function<void()> action);
  void cancel(TimerId id);  // an id that has fired or never was is fine

  // Calls `action` with the wait status when the child ends, and reaps it.
  base::Status on_exit(int pid, std::function<void(int status)> action);

  void run();  // until stop()
  void stop() { stopped_ = true; }
  // One round: waits at most `milliseconds` (-1: until something happens).
  void step(std::int64_t milliseconds);

 private:
  explicit Loop(Fd epoll) : epoll_(std::move(epoll)) {}
  void fire_timers();

  struct Watch {
    std::uint32_t events = 0;
    Handler handler;
    bool live = true;
  };
  struct Timer {
    TimerId id;
    std::function<void()> action;
  };
  Fd epoll_;
  std::unordered_map<int, std::shared_ptr<Watch>> watches_;
  std::multimap<std::int64_t, Timer> timers_;  // by due time, ns
  TimerId next_timer_ = 1;
  bool stopped_ = false;
};

}  // namespace bailey::io
