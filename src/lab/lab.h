// The lab as its callers see it: start one, talk to it, end it.
//
// A lab is one supervisor process, PID 1 of its own namespaces, in which every host and pod lives. Outside of
// them stands one file, the lock /run/bailey/lab/NAME.lock; it holds the supervisor's pid and is flock(2)ed as
// long as the lab lives. The lab's socket is inside (/run/bailey/lab.sock of its own file system) and is reached
// through /proc/PID/root, so that nothing is left outside when the supervisor is killed.
//
// Every answer is a JSON document in the shape that CONTRACTS fixes, without the "schema" key, which the command
// line adds. All calls block; single thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/text.h"
#include "lab/controllers/controllers.h"
#include "manifest/manifest.h"
#include "model/source.h"

namespace bailey::lab {

// Why a call did not do what was asked.
struct Failure {
  enum class Class : std::uint8_t {
    input,    // `errors` says where and how to mend it; exit 2
    usage,    // `message`: a name that does not exist, a lab that does not run; exit 2
    machine,  // `message`: what the machine lacks; exit 3
    bug,      // `message`; exit 70
  } kind = Class::bug;
  base::Message message;
  std::vector<model::InputError> errors;
};

template <typename T>
using Answer = std::variant<T, Failure>;

// Long work tells what it does: phase "namespaces", "fabric", "pods", "ready" and how far it is (done of total).
struct ProgressEvent {
  std::string phase;
  std::size_t done = 0;
  std::size_t total = 0;
  double milliseconds = 0;  // since the start of the call
};
using Progress = std::function<void(const ProgressEvent&)>;

struct UpOptions {
  std::string name = "default";
  std::vector<manifest::Document> documents;
  manifest::Options manifest;
  CompleteOptions complete;
  int wait_ms = 10000;
  std::string cni_plugin;  // path of bailey-cni; "" means beside the running program
  // Where given, the lab lives no longer than what up() stores there, and so never longer than this process.
  std::shared_ptr<void>* lifeline = nullptr;
};

// Starts a lab. The answer is {generation, converged_ms, conditions[], made[], phases[]{phase, milliseconds}}
// plus the `status` document under "status". If this process ends before the call returns, the lab goes too.
Answer<base::Json> up(const UpOptions& options, const Progress& progress);

// Sends one request to a running lab and returns its answer. Requests are objects with "verb":
//   apply   {documents[]{file,text}, allow_unknown}      {generation, converged_ms, conditions[], applied[],
//   unknown_kinds{}} delete  {refs[]"Kind/ns/name"} or {documents[]}      {generation, converged_ms, conditions[],
//   deleted[]} status  {}                                           the status document probe
//   {rows[]{id?,from,to,port,family?}, timeout_ms} or {} for the matrix   {rows[]} conn    {action:
//   open|send|close|list, id, from, to, port}                    {connections[]{id,state,reason}} logs    {host} {host,
//   lines[]}
//   manifests {}                                                    {documents[]{file,text}} as they were given
//   (given.h) prove   {rows[], timeout_ms} or {} for the matrix               {rows, agreed, disagreements[], ...}
//   (prove.h) explain {from, to, port, family?, timeout_ms}                   the row, reach's answer, packets{}, agree
//   (prove.h)
// Names that do not exist are Failure::Class::usage.
Answer<base::Json> request(const std::string& lab, const base::Json& request, const Progress& progress);

// Runs a command in the network, mount and UTS namespace of an endpoint with this process' standard streams.
// The answer is its exit status (128 + signal number where one ended it).
Answer<int> exec(const std::string& lab, const std::string& endpoint, const std::vector<std::string>& command);

// {labs[]{name, pid, pods, hosts, seconds}}
Answer<base::Json> list();

// Ends a lab and returns when every process of it is gone; a lab that does not run is a usage failure.
Answer<base::Json> down(const std::string& lab);

std::span<const base::Text> texts();

}  // namespace bailey::lab
