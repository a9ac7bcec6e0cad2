// Reach and packets side by side: every connection is sent as a packet and asked of `reach` about the objects that the
// lab holds at that moment, and what the two say is compared.
//
// They agree when reach allows what is open or refused (nobody listening is no matter of the network), or denies what
// is dropped or unreachable; and, where a packet is answered, when the far end sees the source that reach names.
//
// In a busy lab an answer may come too late, and the objects may change between the packet and the question. So what
// does not agree is asked once more, a few connections at a time and with more patience, before it counts.
#pragma once

#include <memory>

#include "base/json.h"
#include "lab/network.h"
#include "lab/questions.h"
#include "reach/reach.h"

namespace bailey::lab {

// `packets` is a row of a probe's answer to `asked`.
bool agrees(const reach::Question& asked, const base::Json& packets, const reach::Answer& said);

class Prover {
 public:
  Prover(Questions& questions, const Network& network) : questions_(questions), network_(network) {}

  // {rows[]?, timeout_ms?} -> {rows: how many, agreed, allowed, denied (by packets), generation, disagreements[]{the
  // row, packets{result, source_seen, answered_by, dropped_at}, reach{verdict, reason, decided_by[], source_seen,
  // answered_by, steps[]}}}. Without rows: the matrix of a probe, in each family that both ends have. `verdict` is null
  // where reach knows no such endpoint; a row whose endpoints are gone by the second time is left out.
  void prove(const base::Json& request, Questions::Answered answered);

  // {from, to, port, family?, timeout_ms?} -> the row with the keys of `reach` and steps[], packets{...}, agree.
  void explain(const base::Json& request, Questions::Answered answered);

 private:
  struct Proof;
  void compare(Proof& proof, const std::vector<std::size_t>& asked, const base::Json& answer);
  void ask_again(const std::shared_ptr<Proof>& proof);
  void finish(Proof& proof);

  Questions& questions_;
  const Network& network_;
};

}  // namespace bailey::lab
