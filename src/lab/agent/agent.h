// The agent of one host of the lab: a process in the host's own network, mount and UTS namespace.
//
// The supervisor forks it and speaks JSON lines with it. It serves the host's ports, keeps its pods, sends the
// probes that start here and holds connections. It keeps no state that it could not be given again: when it
// dies, the namespaces stay (the supervisor holds them), a new agent enters them and takes up the pods.
//
// Requests {id, op, ...} and the answers {id, ...}:
//   listen      {ports[]}                                       {error?}
//   pod_add     {pod{id,namespace,name,ports[],host_network,network}}   {ok, addresses[], error?, milliseconds}
//   pod_attach  as pod_add                                       likewise
//   pod_remove  {pod, network}                                   {ok, error?, milliseconds}
//   probe       {rows[]{pod?, to, port, timeout_ms}}             {rows[]{result, source_seen, answered_by, rtt_us}}
//   conn_open   {conn, pod?, to, port, timeout_ms}               {state, reason}
//   conn_send   {conn, timeout_ms}                               {state, reason}
//   conn_close  {conn}                                           {}
//   conn_list   {}                                               {connections[]{id, state, reason}}
//   policy      {events[], replace?, network_model?, generation?}  {ok, milliseconds, …} of the node's baileyd, or {ok:
//   false, error} flows       {since?, max}                                    {flows[], next, lost} likewise
//   policy_status {}                                             baileyd's status, and its pid
//   namespace   {pod?}                                           {found} and the namespace's descriptor
//   logs        {}                                               {lines[]}
// After start it says {"ready":true}.
#pragma once

#include <string>

#include "base/json.h"
#include "io/fd.h"

namespace bailey::lab {

struct AgentSettings {
  std::string host;     // "node/NAME", "host/NAME", "fabric", ...
  std::string node;     // name for pods; "" for others
  base::Json identity;  // what its echo server says of itself
  std::string plugin;   // path of bailey-cni
  std::string daemon;   // path of baileyd
  // Namespaces of a former agent to enter; unset at the first start, when new ones are made.
  io::Fd network;
  io::Fd mounts;
  io::Fd uts;
};

// Runs until the supervisor closes the channel. Called in the forked child; ends the process.
[[noreturn]] void run_agent(io::Fd channel, AgentSettings settings);

}  // namespace bailey::lab
