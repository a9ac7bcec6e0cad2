// A TCP server and client that exchange one byte for one byte, both on one processor: what is measured is the work of
// the path and not the wake-up of another processor.
#pragma once

#include <sys/types.h>

#include "model/address.h"

namespace bailey::bench {

// This process, and all that it starts from now on, runs on one processor only.
void stay_on_one_processor();

// A process that answers in a network namespace, until the object goes.
class Server {
 public:
  explicit Server(int space);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

 private:
  pid_t pid_ = -1;
};

enum class Exchange {
  round_trip,  // over one connection
  connection,  // connect, request, answer, and the server closes: nobody runs out of ports
};

struct Pace {
  double per_second = 0;
  double p50_us = 0;
};

// One after the other for some time, from `space` to the Server at `address`. Ends the process (must.h) when one fails.
Pace measure_pace(int space, const model::Address& address, Exchange exchange, double seconds);

}  // namespace bailey::bench
