// The parts that a verdict of the matrix is put together of (matrix.cc). Internal to this folder.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "reach/matrix.h"

namespace bailey::reach {

// What the way between two classes comes to, in the parts that a verdict is put together of.
struct WayOutcome {
  bool came = false;   // the request arrived
  bool whole = false;  // and so did the reply
  Verdict::Source source = Verdict::Source::own;
  std::optional<model::Address> translated;
  std::string reason;
  std::vector<Decider> denied;
  std::vector<Decider> request;  // security groups that let it pass
  std::vector<Decider> reply;
  std::vector<Decider> route;  // the last one taken
};

WayOutcome outcome_of(const Passage& passage, const Place& from, const model::Address& source);

// Verdicts differ only by their parts: each of them has a number, and so has what they make together.
struct Parts {
  std::uint32_t egress = 0;
  std::uint32_t way = 0;
  std::uint32_t ingress = 0;
  friend auto operator<=>(const Parts&, const Parts&) = default;
};

// What policies of one direction say, told apart by the rule that allows or the policies that deny.
class PolicyOutcomes {
 public:
  explicit PolicyOutcomes(PolicyDirection direction) : direction_(direction) {}
  using List = std::vector<const model::NetworkPolicy*>;

  // `list` must be the same object for the same policies, and stay where it is.
  std::uint32_t number_of(const PolicyChoice& choice, const List& list) {
    if (list.empty()) return 0;
    auto [at, fresh] = numbers_.try_emplace({choice.policy, choice.rule, choice.allow ? nullptr : &list}, 0);
    if (fresh) {
      verdicts_.push_back(in_words(choice, list, direction_));
      at->second = static_cast<std::uint32_t>(verdicts_.size() - 1);
    }
    return at->second;
  }
  const PolicyVerdict& at(std::uint32_t number) const { return verdicts_[number]; }

 private:
  PolicyDirection direction_;
  std::vector<PolicyVerdict> verdicts_{PolicyVerdict{}};
  std::map<std::tuple<const model::NetworkPolicy*, std::size_t, const List*>, std::uint32_t> numbers_;
};

// The same as Reach answers (reach.cc), put together of its parts.
Verdict joined(const PolicyVerdict& egress, const WayOutcome& way, const PolicyVerdict& ingress);

}  // namespace bailey::reach
