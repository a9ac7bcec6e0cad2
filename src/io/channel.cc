#include "io/channel.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace bailey::io {
namespace {

constexpr std::size_t max_line = std::size_t{256} << 20;
constexpr std::size_t max_descriptors = 16;

}  // namespace

Channel::~Channel() {
  *alive_ = false;
  if (loop_ && socket_) loop_->forget(socket_.get());
}

base::Status Channel::attach(Loop& loop, Receiver receive, std::function<void()> closed) {
  loop_ = &loop;
  receive_ = std::move(receive);
  closed_ = std::move(closed);
  return loop.watch(socket_.get(), EPOLLIN, [this](std::uint32_t events) {
    std::shared_ptr<bool> alive = alive_;
    if (events & EPOLLOUT) flush();
    if (*alive && (events & (EPOLLIN | EPOLLHUP | EPOLLERR))) readable();
  });
}

Channel::Read Channel::read_some(int flags) {
  char buffer[65536];
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * max_descriptors)];
  iovec part{buffer, sizeof buffer};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t count = recvmsg(socket_.get(), &message, flags | MSG_CMSG_CLOEXEC);
  if (count < 0) return errno == EAGAIN || errno == EINTR ? Read::nothing : Read::end;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    for (std::size_t offset = 0; offset + sizeof(int) <= header->cmsg_len - CMSG_LEN(0); offset += sizeof(int)) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + offset, sizeof fd);
      descriptors_.emplace_back(fd);
    }
  }
  if (count == 0) return Read::end;
  incoming_.append(buffer, static_cast<std::size_t>(count));
  return Read::some;
}

std::optional<base::Result<base::Json>> Channel::next_line() {
  std::size_t end = incoming_.find('\n', scanned_);
  if (end == std::string::npos) {
    scanned_ = incoming_.size();
    if (incoming_.size() > max_line)
      return base::Result<base::Json>(base::Error{"receive", "", "line too long", EMSGSIZE});
    return std::nullopt;
  }
  base::Result<base::Json> document = base::Json::parse(std::string_view(incoming_).substr(0, end));
  incoming_.erase(0, end + 1);
  scanned_ = 0;
  return document;
}

void Channel::readable() {
  std::shared_ptr<bool> alive = alive_;
  Read read = read_some(MSG_DONTWAIT);
  while (*alive) {
    std::optional<base::Result<base::Json>> line = next_line();
    if (!line) break;
    if (!line->ok()) return fail();
    receive_(std::move(**line), std::exchange(descriptors_, {}));
  }
  if (*alive && read == Read::end) fail();
}

void Channel::fail() {
  if (loop_) loop_->forget(socket_.get());
  loop_ = nullptr;
  outgoing_.clear();
  std::function<void()> closed = std::move(closed_);
  if (closed) closed();
}

void Channel::send(const base::Json& document, const std::vector<int>& descriptors) {
  Outgoing out{document.dump() + "\n", 0, {}};
  for (int fd : descriptors) {
    Fd borrowed(fd);
    base::Result<Fd> copy = borrowed.duplicate();
    borrowed.release();
    if (copy.ok()) out.descriptors.push_back(std::move(*copy));
  }
  outgoing_.push_back(std::move(out));
  flush();
}

void Channel::flush() {
  if (!loop_) return;
  while (!outgoing_.empty()) {
    Outgoing& out = outgoing_.front();
    iovec part{out.bytes.data() + out.sent, out.bytes.size() - out.sent};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * max_descriptors)] = {};
    if (!out.descriptors.empty() && out.sent == 0) {
      base::check(out.descriptors.size() <= max_descriptors, "at most 16 descriptors a document");
      message.msg_control = control;
      message.msg_controllen = CMSG_SPACE(sizeof(int) * out.descriptors.size());
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof(int) * out.descriptors.size());
      for (std::size_t i = 0; i < out.descriptors.size(); ++i) {
        int fd = out.descriptors[i].get();
        std::memcpy(CMSG_DATA(header) + i * sizeof fd, &fd, sizeof fd);
      }
    }
    ssize_t count = sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) {
      loop_->change(socket_.get(), EPOLLIN | EPOLLOUT);
      return;
    }
    if (count < 0) {
      // The end is reported by the read side, where the owner expects it.
      outgoing_.clear();
      return;
    }
    out.sent += static_cast<std::size_t>(count);
    if (out.sent == out.bytes.size()) outgoing_.pop_front();
  }
  loop_->change(socket_.get(), EPOLLIN);
  if (closing_) fail();
}

base::Status Channel::send_now(const base::Json& document) {
  std::string bytes = document.dump() + "\n";
  std::string_view rest = bytes;
  while (!rest.empty()) {
    ssize_t count = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return base::system_error("send", "", errno);
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

base::Result<base::Json> Channel::receive_now(int timeout_ms, std::vector<Fd>* descriptors) {
  std::int64_t deadline = now_ns() + std::int64_t{timeout_ms} * 1'000'000;
  while (true) {
    if (std::optional<base::Result<base::Json>> line = next_line()) {
      if (descriptors) *descriptors = std::exchange(descriptors_, {});
      return std::move(*line);
    }
    int wait = -1;
    if (timeout_ms >= 0) {
      std::int64_t left = (deadline - now_ns()) / 1'000'000;
      if (left <= 0) return base::system_error("receive", "", ETIMEDOUT);
      wait = static_cast<int>(left);
    }
    pollfd waiting{socket_.get(), POLLIN, 0};
    int ready = poll(&waiting, 1, wait);
    if (ready < 0 && errno != EINTR) return base::system_error("receive", "", errno);
    if (ready > 0 && read_some(0) == Read::end) return base::system_error("receive", "", ECONNRESET);
  }
}

}  // namespace bailey::io
