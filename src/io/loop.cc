// Handlers live behind shared pointers: a round of epoll_wait may hold events for a descriptor that an earlier
// handler of the same round has forgotten (and closed, and the number may even be in use again). Each event is
// therefore looked up by number and must find the same watch that was there when the round began.
#include "io/loop.h"

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace bailey::io {

std::int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

base::Result<std::unique_ptr<Loop>> Loop::create() {
  Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return base::system_error("create event loop", "", errno);
  return std::unique_ptr<Loop>(new Loop(std::move(epoll)));
}

base::Status Loop::watch(int fd, std::uint32_t events, Handler handler) {
  base::check(!watches_.contains(fd), "a descriptor is watched once");
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    return base::system_error("watch descriptor", std::to_string(fd), errno);
  watches_[fd] = std::make_shared<Watch>(Watch{events, std::move(handler)});
  return {};
}

void Loop::change(int fd, std::uint32_t events) {
  auto at = watches_.find(fd);
  base::check(at != watches_.end(), "only a watched descriptor can change");
  if (at->second->events == events) return;
  at->second->events = events;
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Loop::forget(int fd) {
  auto at = watches_.find(fd);
  if (at == watches_.end()) return;
  at->second->live = false;
  watches_.erase(at);
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

Loop::TimerId Loop::after(std::int64_t milliseconds, std::function<void()> action) {
  TimerId id = next_timer_++;
  timers_.emplace(now_ns() + milliseconds * 1'000'000, Timer{id, std::move(action)});
  return id;
}

void Loop::cancel(TimerId id) {
  for (auto at = timers_.begin(); at != timers_.end(); ++at) {
    if (at->second.id != id) continue;
    timers_.erase(at);
    return;
  }
}

base::Status Loop::on_exit(int pid, std::function<void(int)> action) {
  auto handle = std::make_shared<Fd>(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!*handle) return base::system_error("watch process", std::to_string(pid), errno);
  return watch(handle->get(), EPOLLIN, [this, pid, handle, action = std::move(action)](std::uint32_t) {
    std::shared_ptr<Fd> kept = handle;
    std::function<void(int)> call = action;
    forget(kept->get());
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    call(status);
  });
}

void Loop::fire_timers() {
  std::int64_t now = now_ns();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    std::function<void()> action = std::move(timers_.begin()->second.action);
    timers_.erase(timers_.begin());
    action();
  }
}

void Loop::step(std::int64_t milliseconds) {
  int timeout = static_cast<int>(milliseconds);
  if (!timers_.empty()) {
    std::int64_t due = (timers_.begin()->first - now_ns() + 999'999) / 1'000'000;
    if (due < 0) due = 0;
    if (timeout < 0 || due < timeout) timeout = static_cast<int>(due);
  }
  std::array<epoll_event, 128> events;
  int count = epoll_wait(epoll_.get(), events.data(), events.size(), timeout);
  std::array<std::shared_ptr<Watch>, 128> found;
  for (int i = 0; i < count; ++i) {
    auto at = watches_.find(events[i].data.fd);
    if (at != watches_.end()) found[i] = at->second;
  }
  for (int i = 0; i < count; ++i)
    if (found[i] && found[i]->live) found[i]->handler(events[i].events);
  fire_timers();
}

void Loop::run() {
  stopped_ = false;
  while (!stopped_) step(-1);
}

}  // namespace bailey::io
