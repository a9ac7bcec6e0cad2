#include "reach/matrix.h"

#include <algorithm>
#include <deque>
#include <map>
#include <tuple>

#include "reach/classes.h"
#include "reach/outcomes.h"
#include "reach/service.h"

namespace bailey::reach {
namespace {

using model::Address;
using model::Family;
using model::Port;

// Ports of pods that Services send to, and of nodes.
std::map<const model::Pod*, std::vector<Port>> service_ports(const model::Snapshot& snapshot) {
  std::map<const model::Pod*, std::vector<Port>> out;
  for (const auto& service : snapshot.all<model::Service>())
    for (const model::ServicePort& port : service->ports)
      for (const model::resolve::ServiceEndpoint& endpoint : model::resolve::endpoints(snapshot, *service, port))
        if (const auto* pod = endpoint.pod ? snapshot.find<model::Pod>(*endpoint.pod) : nullptr)
          out[pod].push_back({endpoint.port, port.protocol});
  return out;
}

void add_policy_ports(const model::Snapshot& snapshot, const model::Pod& pod, std::vector<Port>& out) {
  for (const model::NetworkPolicy* policy : selecting(snapshot, pod, PolicyDirection::ingress))
    for (const model::PolicyRule& rule : policy->ingress_rules)
      for (const model::PolicyPort& port : rule.ports)
        if (port.port && port.port->number != 0) out.push_back({port.port->number, port.protocol});
}

void sort_unique(std::vector<Port>& ports) {
  std::sort(ports.begin(), ports.end());
  ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
}

Verdict::Source source_kind(const Answer& answer, const Place& from) {
  if (!answer.allow || !answer.source_seen) return Verdict::Source::none;
  if (from.has(*answer.source_seen)) return Verdict::Source::own;
  const Address& seen = *answer.source_seen;
  auto has = [&](const std::vector<Address>& list) { return std::find(list.begin(), list.end(), seen) != list.end(); };
  // That of its bridge is the node's, too.
  bool node = from.node && (has(from.node->addresses) ||
                            std::any_of(from.node->pod_cidrs.begin(), from.node->pod_cidrs.end(),
                                        [&](const model::Prefix& block) { return block.contains(seen); }));
  return node ? Verdict::Source::node : Verdict::Source::translated;
}

Verdict verdict_from(const Answer& answer, const Place& from) {
  return {answer.allow, answer.reason, answer.decided_by, source_kind(answer, from)};
}

}  // namespace

struct Matrix::State {
  State(const model::Snapshot& snapshot, Family asked) : reach(snapshot), family(asked) {}

  Reach reach;
  Family family;
  std::vector<model::EndpointName> names;
  std::vector<Place> places;
  std::vector<std::vector<Port>> ports;
  Classes classes;
  std::vector<std::uint32_t> joint;  // class for policies and for the way at once
  std::size_t joint_count = 0;

  // Verdicts stay where they are, and equal parts have one.
  std::deque<Verdict> verdicts;
  std::map<Parts, const Verdict*> by_parts;
  PolicyOutcomes egress{PolicyDirection::egress};
  PolicyOutcomes ingress{PolicyDirection::ingress};
  std::vector<std::optional<PolicyOutcomes::List>> selected[2];  // by class for policies
  std::deque<WayOutcome> ways;
  std::map<std::tuple<std::uint32_t, std::uint32_t, Port>, std::uint32_t> way_numbers;

  // For each port: the verdict by [from][to][on one node]; null: not yet.
  using Table = std::vector<const Verdict*>;
  std::map<Port, Table> tables;
  std::optional<Port> last_port;  // rows come port by port
  Table* last_table = nullptr;
  std::map<std::tuple<std::size_t, std::size_t, Port>, const Verdict*> singles;  // ports of nodes that Services keep
  std::size_t worked_out = 0;

  void gather() {
    const model::Snapshot& snapshot = reach.world().snapshot();
    auto sent = service_ports(snapshot);
    for (const model::EndpointName& name : reach.world().endpoints()) {
      std::optional<Place> place = reach.world().find(name);
      if (!place || !place->address(family)) continue;
      std::vector<Port> asked;
      if (place->pod) {
        for (const model::ContainerPort& port : place->pod->spec.ports) asked.push_back({port.port, port.protocol});
        if (auto at = sent.find(place->pod); at != sent.end())
          asked.insert(asked.end(), at->second.begin(), at->second.end());
        add_policy_ports(snapshot, *place->pod, asked);
        if (asked.empty()) asked.push_back({80, model::Protocol::tcp});
      } else if (place->node) {
        asked = {{22, model::Protocol::tcp}, {10250, model::Protocol::tcp}};
      } else if (place->host) {
        asked = place->host->listeners;
        if (asked.empty()) asked.push_back({80, model::Protocol::tcp});
      }
      sort_unique(asked);
      names.push_back(name);
      places.push_back(std::move(*place));
      ports.push_back(std::move(asked));
    }
  }

  void sort_into_classes() {
    classes = classify(reach.world(), places, family);
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> numbers;
    for (std::size_t i = 0; i < places.size(); ++i) {
      auto next = static_cast<std::uint32_t>(numbers.size());
      joint.push_back(numbers.try_emplace({classes.policy[i], classes.way[i]}, next).first->second);
    }
    joint_count = numbers.size();
    for (auto& lists : selected) lists.resize(classes.policy_count);
    ways.push_back({.came = true, .whole = true});                                   // between two on one node
    ways.push_back({.came = true, .whole = true, .source = Verdict::Source::node});  // by the bridge of a node
  }

  const PolicyOutcomes::List& policies(std::size_t endpoint, PolicyDirection direction) {
    auto& list = selected[static_cast<std::size_t>(direction)][classes.policy[endpoint]];
    if (!list) list = selecting(reach.world().snapshot(), *places[endpoint].pod, direction);
    return *list;
  }

  std::uint32_t way(std::size_t from, std::size_t to, const Port& port) {
    const Place& source = places[from];
    if (source.node && source.node == places[to].node)
      return bridge_address(reach.world().snapshot(), source, places[to], family) ? 1 : 0;
    auto [at, fresh] = way_numbers.try_emplace({classes.way[from], classes.way[to], port}, 0);
    if (fresh) {
      const Address& address = *source.address(family);
      Passage passage = reach.pass(source, places[to], address, *places[to].address(family), port);
      ways.push_back(outcome_of(passage, source, address));
      at->second = static_cast<std::uint32_t>(ways.size() - 1);
    }
    return at->second;
  }

  Address source_seen(std::size_t from, const WayOutcome& outcome) const {
    if (outcome.source == Verdict::Source::own) return *places[from].address(family);
    return outcome.translated ? *outcome.translated : *World::address_of(*places[from].node, family);
  }

  const Verdict* work_out(std::size_t from, std::size_t to, const Port& port) {
    ++worked_out;
    const model::Snapshot& snapshot = reach.world().snapshot();
    const Place& source = places[from];
    const Place& target = places[to];
    const model::Pod* pod = target.in_pod() ? target.pod : nullptr;
    bool judged = policy_applies(source, target);
    Parts parts;
    if (judged && source.in_pod()) {
      const auto& list = policies(from, PolicyDirection::egress);
      PolicyPeerView peer{pod, *target.address(family)};
      parts.egress = egress.number_of(choose(snapshot, list, PolicyDirection::egress, peer, pod, port), list);
    }
    parts.way = way(from, to, port);
    const WayOutcome& outcome = ways[parts.way];
    if (judged && pod && outcome.came) {
      Address seen = source_seen(from, outcome);
      bool own_node = target.node && World::address_of(*target.node, family) == seen;
      bool itself = source.in_pod() && outcome.source == Verdict::Source::own;
      const auto& list = policies(to, PolicyDirection::ingress);
      PolicyPeerView peer{itself ? source.pod : nullptr, seen};
      if (!own_node)
        parts.ingress = ingress.number_of(choose(snapshot, list, PolicyDirection::ingress, peer, pod, port), list);
    }
    const Verdict*& known = by_parts[parts];
    if (!known) {
      verdicts.push_back(joined(egress.at(parts.egress), outcome, ingress.at(parts.ingress)));
      known = &verdicts.back();
    }
    return known;
  }

  const Verdict* single(std::size_t from, std::size_t to, const Port& port) {
    const Verdict*& at = singles[{from, to, port}];
    if (at) return at;
    ++worked_out;
    verdicts.push_back(verdict_of(reach, places[from], places[to], *places[to].address(family), port));
    return at = &verdicts.back();
  }

  Table& table_of(const Port& port) {
    if (last_port == port) return *last_table;
    last_port = port;
    last_table = &tables[port];
    if (last_table->empty()) last_table->resize(joint_count * joint_count * 2);
    return *last_table;
  }
};

Matrix::Matrix(const model::Snapshot& snapshot, Family family) : state_(std::make_unique<State>(snapshot, family)) {
  state_->gather();
  state_->sort_into_classes();
}
Matrix::~Matrix() = default;
Matrix::Matrix(Matrix&&) noexcept = default;
Matrix& Matrix::operator=(Matrix&&) noexcept = default;

std::size_t Matrix::size() const { return state_->names.size(); }
const model::EndpointName& Matrix::endpoint(std::size_t index) const { return state_->names[index]; }
const Place& Matrix::place(std::size_t index) const { return state_->places[index]; }
const std::vector<Port>& Matrix::ports(std::size_t index) const { return state_->ports[index]; }
std::size_t Matrix::class_of(std::size_t index) const { return state_->joint[index]; }
std::size_t Matrix::class_count() const { return state_->joint_count; }
std::size_t Matrix::worked_out() const { return state_->worked_out; }

const Verdict& Matrix::verdict(std::size_t from, std::size_t to, const Port& port) {
  State& state = *state_;
  const Place& target = state.places[to];
  if (target.type == Place::Type::node && state.reach.world().service_with_node_port(port))
    return *state.single(from, to, port);
  bool neighbours = target.node && state.places[from].node == target.node;
  std::size_t at = (std::size_t{state.joint[from]} * state.joint_count + state.joint[to]) * 2 + (neighbours ? 1 : 0);
  const Verdict*& known = state.table_of(port)[at];
  if (!known) known = state.work_out(from, to, port);
  return *known;
}

Verdict verdict_of(const Reach& reach, const Place& from, const Place& to, const Address& destination,
                   const Port& port) {
  return verdict_from(reach.ask(from, to, destination, port), from);
}

}  // namespace bailey::reach
