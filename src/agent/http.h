// One HTTP request on a connection, for who looks at a daemon with curl or Prometheus. GET only; the connection is
// closed after the answer.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "io/fd.h"
#include "io/loop.h"

namespace bailey::agent {

struct HttpPage {
  int status = 200;
  std::string type;
  std::string body;
};

class HttpAnswer {
 public:
  using Pages = std::function<HttpPage(const std::string& path)>;
  // Null where the connection cannot be watched. `done` is called once, from the loop, and may destroy this.
  static std::unique_ptr<HttpAnswer> begin(io::Loop& loop, io::Fd socket, Pages pages, std::function<void()> done);
  ~HttpAnswer();
  HttpAnswer(const HttpAnswer&) = delete;
  HttpAnswer& operator=(const HttpAnswer&) = delete;

 private:
  HttpAnswer(io::Loop& loop, io::Fd socket, Pages pages, std::function<void()> done);
  void go_on();
  void read();
  void write();
  void end();

  io::Loop& loop_;
  io::Fd socket_;
  Pages pages_;
  std::function<void()> done_;
  std::string request_;
  std::string answer_;
  io::Loop::TimerId patience_;
};

}  // namespace bailey::agent
