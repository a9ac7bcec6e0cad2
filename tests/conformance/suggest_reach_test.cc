// Suggested policies against reach on random clusters: what was seen passes, and nothing else that they speak of.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "flows/suggest.h"
#include "random_cluster.h"
#include "reach/reach.h"

namespace bailey {
namespace {

using flows::Flow;
using model::EndpointName;

constexpr int clusters = 400;
constexpr int connections_each = 12;
constexpr int strangers_each = 10;
constexpr model::Port unseen_port{4242, model::Protocol::tcp};

class SuggestAgainstReach : public ::testing::Test {
 protected:
  SuggestAgainstReach() : dice_(53) {}

  struct Seen {
    reach::Question question;
    const model::Pod* from = nullptr;  // null: no pod with an address of its own
    const model::Pod* to = nullptr;
  };

  static const model::Pod* pod_of(const model::Snapshot& snapshot, const EndpointName& name) {
    if (name.type != EndpointName::Type::pod) return nullptr;
    const auto* pod = snapshot.find<model::Pod>(model::ObjectRef{model::Kind::Pod, name.ns, name.name});
    return pod && !pod->spec.host_network ? pod : nullptr;
  }

  // As the nodes of both ends tell of it: the far one sees the address that the packet has by then.
  static std::vector<Flow> records(const reach::Reach& reach, const Seen& seen, const reach::Answer& answer) {
    model::Family family = *seen.question.family;
    auto from = reach.world().find(seen.question.from);
    auto to = reach.world().find(seen.question.to);
    Flow flow;
    flow.source = seen.question.from.text();
    flow.source_address = *from->address(family);
    flow.destination = seen.question.to.text();
    flow.destination_address = *to->address(family);
    flow.port = seen.question.port;
    flow.direction = Flow::Direction::egress;
    Flow inwards = flow;
    inwards.direction = Flow::Direction::ingress;
    inwards.source_address = *answer.source_seen;
    if (inwards.source_address != flow.source_address) inwards.source = inwards.source_address.text();
    std::vector<Flow> out;
    if (seen.from) out.push_back(flow);
    if (seen.to) out.push_back(inwards);
    return out;
  }

  std::optional<Seen> draw(const model::Snapshot& snapshot, const std::vector<EndpointName>& ends) {
    Seen out;
    out.question.from = dice_.of(ends);
    out.question.to = dice_.of(ends);
    out.question.port = {static_cast<std::uint16_t>(80 + dice_.below(4)),
                         dice_.chance(70) ? model::Protocol::tcp : model::Protocol::udp};
    out.question.family = dice_.chance(50) ? model::Family::v4 : model::Family::v6;
    out.from = pod_of(snapshot, out.question.from);
    out.to = pod_of(snapshot, out.question.to);
    if (!out.from && !out.to) return std::nullopt;
    return out;
  }

  // Empty where the question has no answer, as where an end lacks the family.
  static std::optional<reach::Answer> ask(const reach::Reach& reach, const reach::Question& question) {
    auto from = reach.world().find(question.from);
    auto to = reach.world().find(question.to);
    if (!from || !to || !from->address(*question.family) || !to->address(*question.family)) return std::nullopt;
    if (!reach::policy_applies(*from, *to)) return std::nullopt;
    auto answer = reach.ask(question);
    return std::holds_alternative<reach::Answer>(answer) ? std::optional(std::get<reach::Answer>(answer))
                                                         : std::nullopt;
  }

  static std::pair<std::string, model::Labels> group(const model::Pod& pod) {
    return {pod.meta.ns, flows::stable_labels(pod.meta.labels)};
  }

  void expect_seen_only(const reach::Reach& reach, const std::vector<Seen>& seen, const std::vector<Flow>& records,
                        const std::vector<EndpointName>& ends) {
    std::set<model::Address> addresses;
    for (const Flow& flow : records) addresses.insert({flow.source_address, flow.destination_address});
    for (const Seen& each : seen) {
      auto answer = ask(reach, each.question);
      ASSERT_TRUE(answer);
      EXPECT_TRUE(answer->allow) << each.question.from.text() << " to " << each.question.to.text() << " "
                                 << each.question.port.text() << ": " << answer->reason;
      ++allowed_;
      bool judged = (each.from && !group(*each.from).second.empty()) || (each.to && !group(*each.to).second.empty());
      reach::Question other = each.question;
      other.port = unseen_port;
      if (auto denied = ask(reach, other); denied && judged) {
        EXPECT_FALSE(denied->allow) << other.from.text() << " to " << other.to.text();
        ++unseen_ports_;
      }
      for (int n = 0; n < strangers_each; ++n) expect_strangers_denied(reach, each, seen, addresses, ends);
    }
  }

  // Of groups that were not seen to send to the group of `each.to`, from addresses that nobody was seen with.
  void expect_strangers_denied(const reach::Reach& reach, const Seen& each, const std::vector<Seen>& seen,
                               const std::set<model::Address>& addresses, const std::vector<EndpointName>& ends) {
    if (!each.to || group(*each.to).second.empty()) return;
    reach::Question question = each.question;
    question.from = dice_.of(ends);
    const model::Pod* stranger = pod_of(reach.world().snapshot(), question.from);
    if (!stranger) return;
    for (const Seen& other : seen)
      if (other.to && other.from && group(*other.to) == group(*each.to) && group(*other.from) == group(*stranger))
        return;
    auto answer = ask(reach, question);
    auto place = reach.world().find(question.from);
    if (!answer || addresses.contains(*place->address(*question.family))) return;
    if (answer->source_seen && addresses.contains(*answer->source_seen)) return;
    EXPECT_FALSE(answer->allow) << question.from.text() << " to " << question.to.text();
    ++strangers_;
  }

  Dice dice_;
  std::size_t allowed_ = 0;
  std::size_t unseen_ports_ = 0;
  std::size_t strangers_ = 0;
};

TEST_F(SuggestAgainstReach, OnRandomClusters) {
  for (int i = 0; i < clusters && !HasFailure(); ++i) {
    SCOPED_TRACE("cluster " + std::to_string(i));
    RandomCluster cluster = random_cluster(dice_);
    model::Snapshot before = cluster.snapshot();
    reach::Reach as_it_was(before);
    std::vector<EndpointName> ends = as_it_was.world().endpoints();
    if (ends.empty()) continue;
    std::vector<Seen> seen;
    std::vector<Flow> records_of_all;
    for (int n = 0; n < connections_each; ++n) {
      std::optional<Seen> drawn = draw(before, ends);
      std::optional<reach::Answer> answer = drawn ? ask(as_it_was, drawn->question) : std::nullopt;
      if (!answer || !answer->allow || !answer->source_seen) continue;
      for (Flow& flow : records(as_it_was, *drawn, *answer)) records_of_all.push_back(std::move(flow));
      seen.push_back(*drawn);
    }
    cluster.policies.clear();
    for (flows::Suggested& each : flows::suggest(records_of_all, before).policies) {
      EXPECT_FALSE(each.policy.pod_selector.empty());
      cluster.policies.push_back(std::move(each.policy));
    }
    model::Snapshot after = cluster.snapshot();
    expect_seen_only(reach::Reach(after), seen, records_of_all, ends);
  }
  EXPECT_GT(allowed_, 500u);
  EXPECT_GT(unseen_ports_, 300u);
  EXPECT_GT(strangers_, 100u);
}

}  // namespace
}  // namespace bailey
