// One question to the network: does a packet from this namespace get an answer from there?
#pragma once

#include <functional>
#include <string>

#include "io/loop.h"
#include "lab/agent/sockets.h"
#include "model/object.h"

namespace bailey::lab {

struct ProbeTarget {
  int namespace_fd = -1;  // from where; only used while start_probe() runs
  SocketAddress to;       // port 0 for ICMP
  model::Protocol protocol = model::Protocol::tcp;
  std::int64_t timeout_ms = 300;
  int hop_limit = 0;  // after how many routers the question is lost; 0: the kernel's default
};

struct ProbeOutcome {
  // open: answered. refused: a reset, or ICMP port (or protocol) unreachable. unreachable: ICMP or the own kernel
  // says there is no way. dropped: nothing came in time.
  std::string result;
  std::string source_seen;   // the address that the far end saw; "" where it cannot say (ICMP, foreign servers)
  std::string answered_by;   // "pod/NS/NAME" and the like; "" likewise
  std::int64_t rtt_us = -1;  // TCP: until the connection stood; others: until the answer
  int hops = -1;             // routers on the way there; only count_hops() fills it
};

// Calls `done` once, from the loop.
void start_probe(io::Loop& loop, const ProbeTarget& target, std::function<void(ProbeOutcome)> done);

// As start_probe; what was answered is then asked again with rising hop limits, until it is answered again. At most
// 15 routers are counted. The outcome is the first one, and its time not that of the search.
void count_hops(io::Loop& loop, const ProbeTarget& target, std::function<void(ProbeOutcome)> done);

}  // namespace bailey::lab
