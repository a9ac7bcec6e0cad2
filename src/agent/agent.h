// baileyd: the agent of one node. Joins its network policy with where objects come from, with the plugin that attaches
// pods, and with who asks.
//
// On the socket, JSON lines (CONTRACTS, io/channel.h), or one HTTP request: GET /metrics, /status, /healthz.
//   attach  {container, ifname, link, link_index, mac, addresses[], pod_namespace?, pod_name?}
//           -> {ok} once the pod's policies are in force; {ok: false, code: 11, msg} where its object does not come
//   detach  {container, ifname}                                   -> {ok}
//   events  {events[]{type: ADDED|MODIFIED|DELETED, object}, replace?, generation?}
//           -> {ok, generation, milliseconds, identities, endpoints, entries, epoch} once they are in force
//   status  {}                                                    -> the status document
//   flows   {since?, max?}                                        -> {flows[], next, lost}
// What it does is told on standard output, one event a line.
#pragma once

#include "agent/config.h"
#include "base/result.h"

namespace bailey::agent {

// Runs until SIGTERM or SIGINT. What is in the kernel stays, and traffic goes on by it.
base::Status run(Config config);

}  // namespace bailey::agent
