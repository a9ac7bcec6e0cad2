// Channel: JSON documents, one a line, over a connected stream socket, with file descriptors beside them.
//
// In a Loop it never blocks: what the peer does not take yet is kept. Without one, send_now() and receive_now()
// block, for a command that asks one question. One thread.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "io/fd.h"
#include "io/loop.h"

namespace bailey::io {

class Channel {
 public:
  using Receiver = std::function<void(base::Json document, std::vector<Fd> descriptors)>;

  explicit Channel(Fd socket) : socket_(std::move(socket)) {}
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Joins the loop: `receive` is called for each document, `closed` once when the peer is gone or sends what is
  // not JSON. Both may destroy the channel.
  base::Status attach(Loop& loop, Receiver receive, std::function<void()> closed);
  // Queues a document. `descriptors` are duplicated by the kernel; the caller keeps its own.
  void send(const base::Json& document, const std::vector<int>& descriptors = {});
  // Calls `closed` after what is queued has been sent.
  void close_when_sent() {
    closing_ = true;
    flush();
  }

  base::Status send_now(const base::Json& document);
  // Waits for one document; an error with code ETIMEDOUT after `timeout_ms` (-1: never), ECONNRESET at the end.
  base::Result<base::Json> receive_now(int timeout_ms, std::vector<Fd>* descriptors = nullptr);

  int fd() const { return socket_.get(); }

 private:
  struct Outgoing {
    std::string bytes;
    std::size_t sent = 0;
    std::vector<Fd> descriptors;
  };
  enum class Read : std::uint8_t { some, nothing, end };
  Read read_some(int flags);
  std::optional<base::Result<base::Json>> next_line();
  void readable();
  void flush();
  void fail();

  Fd socket_;
  Loop* loop_ = nullptr;
  Receiver receive_;
  std::function<void()> closed_;
  std::string incoming_;
  std::size_t scanned_ = 0;
  std::vector<Fd> descriptors_;
  std::deque<Outgoing> outgoing_;
  bool closing_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace bailey::io
