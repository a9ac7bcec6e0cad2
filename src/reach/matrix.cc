#include "reach/matrix.h"

#include <algorithm>
#include <deque>
#include <map>
#include <unordered_map>

#include "reach/classes.h"
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
  bool node = from.node && std::find(from.node->addresses.begin(), from.node->addresses.end(), *answer.source_seen) !=
                               from.node->addresses.end();
  return node ? Verdict::Source::node : Verdict::Source::translated;
}

Verdict verdict_from(const Answer& answer, const Place& from) {
  return {answer.allow, answer.reason, answer.decided_by, source_kind(answer, from)};
}

std::size_t mix(std::size_t hash, std::size_t value) { return (hash ^ value) * 0x9e3779b97f4a7c15u; }

}  // namespace

// Answers like Reach, but asks for the way between two classes only once.
class RememberingReach : public Reach {
 public:
  using Reach::Reach;

  std::map<const model::Pod*, std::uint32_t> pods;  // place in the matrix -> class of the way
  std::map<const model::Node*, std::uint32_t> nodes;
  std::map<const model::LabHost*, std::uint32_t> hosts;

  Passage pass(const Place& from, const Place& to, const Address& source, const Address& destination,
               const Port& port) const override {
    std::optional<std::uint32_t> a = class_of(from);
    std::optional<std::uint32_t> b = class_of(to);
    bool neighbours = from.node && from.node == to.node;
    if (!a || !b || neighbours) return Reach::pass(from, to, source, destination, port);
    auto [at, fresh] = ways_.try_emplace({*a, *b, port});
    Known& known = at->second;
    if (fresh) {
      known.passage = Reach::pass(from, to, source, destination, port);
      known.own = known.passage.source == source;
      known.node = from.node && World::address_of(*from.node, source.family()) == known.passage.source;
    }
    Passage out = known.passage;
    if (known.own) out.source = source;
    if (!known.own && known.node) out.source = *World::address_of(*from.node, source.family());
    return out;
  }

  std::vector<const model::NetworkPolicy*> policies(const model::Pod& pod, PolicyDirection direction) const override {
    auto [at, fresh] = selecting_[static_cast<std::size_t>(direction)].try_emplace(&pod);
    if (fresh) at->second = Reach::policies(pod, direction);
    return at->second;
  }

 private:
  struct WayKey {
    std::uint32_t from;
    std::uint32_t to;
    Port port;
    friend bool operator==(const WayKey&, const WayKey&) = default;
  };
  struct WayHash {
    std::size_t operator()(const WayKey& key) const {
      return mix(mix(mix(key.from, key.to), key.port.number), static_cast<std::size_t>(key.port.protocol));
    }
  };
  struct Known {
    Passage passage;
    bool own = false;
    bool node = false;
  };

  std::optional<std::uint32_t> class_of(const Place& place) const {
    auto look = [](const auto& map, const auto* key) -> std::optional<std::uint32_t> {
      auto at = map.find(key);
      return at == map.end() ? std::nullopt : std::optional(at->second);
    };
    if (place.in_pod()) return look(pods, place.pod);
    if (place.node) return place.pod ? std::nullopt : look(nodes, place.node);
    return place.host ? look(hosts, place.host) : std::nullopt;
  }

  mutable std::unordered_map<WayKey, Known, WayHash> ways_;
  mutable std::unordered_map<const model::Pod*, std::vector<const model::NetworkPolicy*>> selecting_[2];
};

struct Matrix::State {
  State(const model::Snapshot& snapshot, Family asked) : reach(snapshot), family(asked) {}

  RememberingReach reach;
  Family family;
  std::vector<model::EndpointName> names;
  std::vector<Place> places;
  std::vector<std::vector<Port>> ports;
  std::vector<std::uint32_t> joint;  // class for policies and for the way at once
  std::size_t joint_count = 0;
  std::deque<Verdict> verdicts;  // stay where they are
  // For each port: index of the verdict by [from][to][on one node], plus one; 0: not yet.
  std::map<Port, std::vector<std::uint32_t>> tables;
  std::map<std::tuple<std::size_t, std::size_t, Port>, std::uint32_t> singles;  // ports of nodes that Services keep

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
    Classes classes = classify(reach.world(), places, family);
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> numbers;
    for (std::size_t i = 0; i < places.size(); ++i) {
      auto next = static_cast<std::uint32_t>(numbers.size());
      joint.push_back(numbers.try_emplace({classes.policy[i], classes.way[i]}, next).first->second);
      const Place& place = places[i];
      if (place.in_pod()) reach.pods.emplace(place.pod, classes.way[i]);
      if (place.node && !place.pod) reach.nodes.emplace(place.node, classes.way[i]);
      if (place.host) reach.hosts.emplace(place.host, classes.way[i]);
    }
    joint_count = numbers.size();
  }

  std::uint32_t work_out(std::size_t from, std::size_t to, const Port& port) {
    const Place& source = places[from];
    Answer answer = reach.ask(source, places[to], *places[to].address(family), port);
    verdicts.push_back(verdict_from(answer, source));
    return static_cast<std::uint32_t>(verdicts.size());
  }

  std::uint32_t& slot(std::size_t from, std::size_t to, const Port& port) {
    const Place& target = places[to];
    if (target.type == Place::Type::node && reach.world().service_with_node_port(port))
      return singles[{from, to, port}];
    std::vector<std::uint32_t>& table = tables[port];
    if (table.empty()) table.resize(joint_count * joint_count * 2);
    bool neighbours = places[from].node && places[from].node == target.node;
    return table[(std::size_t{joint[from]} * joint_count + joint[to]) * 2 + (neighbours ? 1 : 0)];
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
std::size_t Matrix::worked_out() const { return state_->verdicts.size(); }

const Verdict& Matrix::verdict(std::size_t from, std::size_t to, const Port& port) {
  std::uint32_t& at = state_->slot(from, to, port);
  if (at == 0) at = state_->work_out(from, to, port);
  return state_->verdicts[at - 1];
}

Verdict verdict_of(const Reach& reach, const Place& from, const Place& to, const Address& destination,
                   const Port& port) {
  return verdict_from(reach.ask(from, to, destination, port), from);
}

}  // namespace bailey::reach
