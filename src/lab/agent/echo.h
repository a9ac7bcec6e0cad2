// Bailey's echo server: what answers on the ports of every pod and host of a lab.
//
//   TCP   an HTTP/1 request is answered with a JSON document that says who answers and whom it sees:
//         {answered_by, pod?, namespace?, node?, client_address, client_port, method, host, path, headers{}};
//         anything else is sent back as it came
//   UDP   "bailey-probe" is answered with {answered_by, client_address, client_port}; anything else comes back
//   SCTP  an INIT is answered with an INIT-ACK whose state cookie is that same document (lab/agent/sctp.h)
//
// One EchoServer serves one network namespace from the loop of its host's agent.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "io/loop.h"
#include "model/object.h"

namespace bailey::lab {

class EchoServer {
 public:
  // `identity` has answered_by and, for a pod, pod, namespace and node. The namespace descriptor is not kept.
  EchoServer(io::Loop& loop, base::Json identity);
  ~EchoServer();
  EchoServer(const EchoServer&) = delete;
  EchoServer& operator=(const EchoServer&) = delete;

  // Listens on exactly these ports of both families, in the namespace. Returns the first failure after trying all.
  base::Status listen(int namespace_fd, const std::set<model::Port>& ports);
  // Requests answered since start.
  std::uint64_t answered() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace bailey::lab
