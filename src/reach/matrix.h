// Who reaches whom, all of it: every pair of endpoints and the ports of the second, by classes of endpoints that
// nothing in the objects tells apart.
//
// Two endpoints are of one class for policies when the same policies select them, the same peers of rules include
// them, and named ports mean the same for them; of one class for the way when routes, security groups and peerings
// treat their addresses alike and they enter the fabric alike. A verdict is then worked out once for each pair of
// classes and port, with two of their members, by the same functions that answer single questions. What differs
// between members of a class is only whether two of them share a node, which each pair says for itself.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "reach/reach.h"

namespace bailey::reach {

// What is answered for a pair; shared by all pairs that are alike.
struct Verdict {
  bool allow = false;
  std::string reason;  // as in Answer
  std::vector<Decider> decided_by;
  enum class Source : std::uint8_t { none, own, node, translated } source = Source::none;  // what the far end sees
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

class Matrix {
 public:
  // The snapshot must outlive the matrix. `family` is the one asked about.
  Matrix(const model::Snapshot& snapshot, model::Family family);
  ~Matrix();
  Matrix(Matrix&&) noexcept;
  Matrix& operator=(Matrix&&) noexcept;

  // Endpoints with an address of the family: pods, nodes, hosts, as World::endpoints() has them.
  std::size_t size() const;
  const model::EndpointName& endpoint(std::size_t index) const;
  const Place& place(std::size_t index) const;
  // What an endpoint is asked about: the ports it declares or listens on, those that Services send to it, those that
  // policies which select it name; 80/tcp for a pod of which nothing is known.
  const std::vector<model::Port>& ports(std::size_t index) const;
  // The class of an endpoint, below class_count(): pairs of the same classes have the same verdicts, as long as
  // they are both on one node or both are not.
  std::size_t class_of(std::size_t index) const;
  std::size_t class_count() const;

  // The verdict for a pair of different endpoints. Lives as long as the matrix.
  const Verdict& verdict(std::size_t from, std::size_t to, const model::Port& port);
  // How many verdicts have been worked out so far.
  std::size_t worked_out() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The same answer without classes, for comparison. The places are those of reach.world().
Verdict verdict_of(const Reach& reach, const Place& from, const Place& to, const model::Address& destination,
                   const model::Port& port);

}  // namespace bailey::reach
