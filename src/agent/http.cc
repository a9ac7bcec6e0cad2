#include "agent/http.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

namespace bailey::agent {
namespace {

constexpr std::size_t longest_request = 8192;
constexpr std::int64_t patience_ms = 5000;

const char* phrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 404: return "Not Found";
    case 503: return "Service Unavailable";
    default: return "Bad Request";
  }
}

}  // namespace

HttpAnswer::HttpAnswer(io::Loop& loop, io::Fd socket, Pages pages, std::function<void()> done)
    : loop_(loop),
      socket_(std::move(socket)),
      pages_(std::move(pages)),
      done_(std::move(done)),
      patience_(loop.after(patience_ms, [this] { end(); })) {}

std::unique_ptr<HttpAnswer> HttpAnswer::begin(io::Loop& loop, io::Fd socket, Pages pages, std::function<void()> done) {
  std::unique_ptr<HttpAnswer> out(new HttpAnswer(loop, std::move(socket), std::move(pages), std::move(done)));
  HttpAnswer* self = out.get();
  base::Status watched = loop.watch(self->socket_.get(), EPOLLIN, [self](std::uint32_t) { self->go_on(); });
  return watched.ok() ? std::move(out) : nullptr;
}

HttpAnswer::~HttpAnswer() {
  loop_.cancel(patience_);
  loop_.forget(socket_.get());
}

void HttpAnswer::go_on() { answer_.empty() ? read() : write(); }

void HttpAnswer::read() {
  char bytes[2048];
  ssize_t count = ::recv(socket_.get(), bytes, sizeof bytes, MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return end();
  request_.append(bytes, static_cast<std::size_t>(count));
  HttpPage page{400, "text/plain", "one GET request, please\n"};
  if (request_.find("\r\n\r\n") == std::string::npos) {
    if (request_.size() < longest_request) return;
  } else {
    std::string path = request_.substr(4, request_.find_first_of(" \r\n", 4) - 4);
    page = pages_(path.substr(0, path.find('?')));
  }
  answer_ = fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
                        page.status, phrase(page.status), page.type, page.body.size(), page.body);
  loop_.change(socket_.get(), EPOLLOUT);
}

void HttpAnswer::write() {
  ssize_t count = ::send(socket_.get(), answer_.data(), answer_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count < 0) return end();
  answer_.erase(0, static_cast<std::size_t>(count));
  if (answer_.empty()) end();
}

void HttpAnswer::end() {
  std::function<void()> done = std::move(done_);
  if (done) done();
}

}  // namespace bailey::agent
