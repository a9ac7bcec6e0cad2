#include "reach/reach.h"

#include <algorithm>
#include <set>

#include "reach/nsg.h"
#include "reach/service.h"

namespace bailey::reach {
namespace {

using model::Address;
using model::EndpointName;
using model::Kind;
using model::resolve::ServiceEndpoint;

bool same_node(const Place& a, const Place& b) { return a.node && a.node == b.node; }

// Whether a pod's packets to this address leave the cluster with the node's address (kubenet).
bool masqueraded(const model::Snapshot& snapshot, const Place& from, const Address& destination) {
  if (!from.in_pod() || !from.node || !model::resolve::is_kubenet(snapshot, *from.node)) return false;
  const auto* cluster = snapshot.find<model::Cluster>(Kind::Cluster, from.node->cluster);
  if (!cluster) return false;
  for (const auto* list : {&cluster->pod_cidrs, &cluster->non_masquerade_cidrs})
    for (const model::Prefix& prefix : *list)
      if (prefix.contains(destination)) return false;
  return true;
}

Place place_of(const World& world, const ServiceEndpoint& endpoint) {
  const auto* pod = endpoint.pod ? world.snapshot().find<model::Pod>(*endpoint.pod) : nullptr;
  if (pod) return world.place(*pod);
  return world.find({EndpointName::Type::address, "", "", endpoint.address}).value_or(Place{});
}

// Everything that one question gathers on its way.
class Trip {
 public:
  Trip(const Reach& reach, const Place& from, const model::Port& port)
      : reach_(reach), world_(reach.world()), from_(from), port_(port) {}

  // To an address, whatever stands behind it. `to` is who has it, or nowhere.
  Answer run(const Place& to, const Address& destination) {
    const Address* source = from_.address(destination.family());
    if (!source) return refuse("no-address", Stage::route, {from_.name()});
    bool its_own = to.has(destination) || (to.nic && to.nic->public_address == destination);
    const model::Node* node = to.type == Place::Type::node && its_own ? to.node : nullptr;
    std::optional<ServiceTarget> service = service_behind(world_, destination, port_, node);
    if (!service) return direct(to, *source, destination, port_);
    if (!service->port)
      return refuse("no-service-port", Stage::service, {service->service->meta.name, port_.text()},
                    {decider(*service->service, "", "spec.ports")});
    if (service->door == ServiceDoor::node_port) return by_node_port(*service, to, *source, destination);
    if (inside_cluster(world_, from_, *service->service)) return inside(*service, *source, destination);
    if (service->door == ServiceDoor::cluster_address)
      return refuse("cluster-address-outside", Stage::service, {destination.text()},
                    {decider(*service->service, "", "spec.clusterIP")});
    return by_balancer(*service, *source, destination);
  }

  Answer refuse(const std::string& reason, Stage stage, std::vector<std::string> args, std::vector<Decider> by = {}) {
    add(stage, from_.name(), std::move(by), false, reason, std::move(args));
    return finish(false);
  }

  // To a place by its own address.
  Answer direct(const Place& to, const Address& source, const Address& destination, const model::Port& port) {
    bool looked_at = policy_applies(from_, to);
    if (looked_at && from_.in_pod() && !egress(to, destination, port)) return finish(false);
    return onward(from_, to, source, destination, port);
  }

 private:
  void add(Stage stage, const std::string& hop, std::vector<Decider> by, bool allow, const std::string& reason,
           std::vector<std::string> args) {
    answer_.steps.push_back(
        {false, hop, stage, std::move(by), allow, reason, {"reach.step." + reason, std::move(args)}});
  }

  bool judge(const Place& at, PolicyDirection direction, const PolicyPeerView& peer, const model::Pod* target,
             const model::Port& port) {
    PolicyVerdict says = verdict(world_.snapshot(), reach_.policies(*at.pod, direction), direction, peer, target, port);
    if (!says.isolated) return true;
    const char* reason = direction == PolicyDirection::egress ? (says.allow ? "egress-allowed" : "egress-denied")
                                                              : (says.allow ? "ingress-allowed" : "ingress-denied");
    add(Stage::policy, at.name(), says.by, says.allow, reason,
        {says.by.front().object.text(), peer.address.text(), port.text()});
    return says.allow;
  }

  bool egress(const Place& to, const Address& destination, const model::Port& port) {
    const model::Pod* pod = to.in_pod() ? to.pod : nullptr;
    return judge(from_, PolicyDirection::egress, {pod, destination}, pod, port);
  }

  // From a place (where the trip began, or a node that passes it on) to the one that has the address.
  Answer onward(const Place& at, const Place& to, const Address& source, const Address& destination,
                const model::Port& port) {
    Passage passage = reach_.pass(at, to, source, destination, port);
    auto reply = std::find_if(passage.steps.begin(), passage.steps.end(), [](const Step& step) { return step.reply; });
    answer_.steps.insert(answer_.steps.end(), passage.steps.begin(), reply);
    bool came = passage.arrived || passage.reply_failed;
    if (came && to.in_pod() && policy_applies(from_, to) && !ingress(to, passage.source, port)) return finish(false);
    answer_.steps.insert(answer_.steps.end(), reply, passage.steps.end());
    if (came) {
      answer_.source_seen = passage.source;
      answer_.answered_by = to.name();
    }
    return finish(passage.arrived);
  }

  bool ingress(const Place& to, const Address& source, const model::Port& port) {
    if (to.node && std::find(to.node->addresses.begin(), to.node->addresses.end(), source) != to.node->addresses.end())
      return true;  // a pod's own node always reaches it
    const model::Pod* pod = from_.in_pod() && from_.has(source) ? from_.pod : nullptr;
    return judge(to, PolicyDirection::ingress, {pod, source}, to.pod, port);
  }

  // Tries each endpoint by `attempt` and keeps the answer of the first that is reached.
  template <typename Attempt>
  Answer any_of(const std::vector<ServiceEndpoint>& endpoints, const model::Service& service, Attempt attempt) {
    if (endpoints.empty())
      return refuse("no-endpoints", Stage::service, {service.meta.ns + "/" + service.meta.name},
                    {decider(service, "", "spec.selector")});
    std::optional<Answer> kept;
    std::size_t reached = 0;
    for (const ServiceEndpoint& endpoint : endpoints) {
      Trip trip(*this);
      Answer one = attempt(trip, endpoint);
      reached += one.allow ? 1 : 0;
      if (!kept || (one.allow && !kept->allow)) kept = std::move(one);
    }
    kept->endpoints = endpoints.size();
    kept->endpoints_reached = reached;
    return std::move(*kept);
  }

  void note_service(Stage stage, const std::string& hop, const ServiceTarget& target, const Address& destination,
                    const ServiceEndpoint& endpoint) {
    add(stage, hop, {decider(*target.service, target.port->name, "spec.ports")}, true, "service",
        {destination.text(), endpoint.address.text(), std::to_string(endpoint.port)});
  }

  model::Port port_at(const ServiceEndpoint& endpoint) const { return {endpoint.port, port_.protocol}; }

  // A client of the cluster: its own node translates, and policies see the endpoint.
  Answer inside(const ServiceTarget& target, const Address& source, const Address& destination) {
    bool local = target.door == ServiceDoor::cluster_address &&
                 target.service->internal_traffic_policy == model::TrafficPolicy::local;
    auto endpoints = eligible(world_, target, destination.family(), from_.node->meta.name, local);
    return any_of(endpoints, *target.service, [&](Trip& trip, const ServiceEndpoint& endpoint) {
      trip.note_service(Stage::service, from_.name(), target, destination, endpoint);
      return trip.direct(place_of(world_, endpoint), source, endpoint.address, port_at(endpoint));
    });
  }

  // The node addressed translates; for an endpoint elsewhere it stands in for the client.
  Answer by_node_port(const ServiceTarget& target, const Place& node, const Address& source,
                      const Address& destination) {
    if (policy_applies(from_, node) && from_.in_pod() && !egress(node, destination, port_)) return finish(false);
    Passage there = reach_.pass(from_, node, source, destination, port_);
    answer_.steps.insert(answer_.steps.end(), there.steps.begin(), there.steps.end());
    if (!there.arrived) return finish(false);
    bool local = target.service->external_traffic_policy == model::TrafficPolicy::local;
    auto endpoints = eligible(world_, target, destination.family(), node.node->meta.name, local);
    return any_of(endpoints, *target.service, [&](Trip& trip, const ServiceEndpoint& endpoint) {
      trip.note_service(Stage::service, node.name(), target, destination, endpoint);
      Place end = place_of(world_, endpoint);
      if (same_node(end, node)) return trip.deliver(end, there.source, endpoint);
      const Address& own = *node.address(destination.family());
      trip.add(Stage::snat, node.name(), {}, true, "node-stands-in", {there.source.text(), own.text()});
      return trip.onward(node, end, own, endpoint.address, port_at(endpoint));
    });
  }

  // On the node already: only the pod's own policy is left.
  Answer deliver(const Place& to, const Address& source, const ServiceEndpoint& endpoint) {
    if (to.in_pod() && policy_applies(from_, to) && !ingress(to, source, port_at(endpoint))) return finish(false);
    answer_.source_seen = source;
    answer_.answered_by = to.name();
    return finish(true);
  }

  // A client outside the cluster: to the load balancer, which hands the packet to a node with an endpoint.
  Answer by_balancer(const ServiceTarget& target, const Address& source, const Address& destination) {
    std::optional<Address> sent = source;
    if (masqueraded(world_.snapshot(), from_, destination)) {
      sent = World::address_of(*from_.node, destination.family());
      if (!sent) return refuse("no-node-address", Stage::snat, {from_.node->meta.name});
      add(Stage::snat, from_.name(), {}, true, "snat", {source.text(), sent->text()});
    }
    Flow flow;
    Walk there = walk(world_, from_, {*sent, destination, port_}, false, flow);
    answer_.steps.insert(answer_.steps.end(), there.steps.begin(), there.steps.end());
    if (!there.arrived) return finish(false);
    const Address& client = there.packet.source;
    const auto& ranges = target.service->load_balancer_source_ranges;
    if (!ranges.empty() && std::none_of(ranges.begin(), ranges.end(),
                                        [&](const model::Prefix& range) { return range.contains(client); })) {
      add(Stage::lb, target.service->meta.name, {decider(*target.service, "", "spec.loadBalancerSourceRanges")}, false,
          "source-ranges", {client.text()});
      return finish(false);
    }
    auto endpoints = eligible(world_, target, destination.family(), "", false);
    return any_of(endpoints, *target.service, [&](Trip& trip, const ServiceEndpoint& endpoint) {
      Place end = place_of(world_, endpoint);
      trip.note_service(Stage::lb, "svc/" + target.service->meta.ns + "/" + target.service->meta.name, target,
                        destination, endpoint);
      if (!end.nic) return trip.onward(from_, end, client, endpoint.address, port_at(endpoint));
      Flow entering;
      Walk in = enter(world_, *end.nic, {client, destination, port_}, entering);
      trip.answer_.steps.insert(trip.answer_.steps.end(), in.steps.begin(), in.steps.end());
      return in.arrived ? trip.deliver(end, client, endpoint) : trip.finish(false);
    });
  }

  Answer finish(bool allow) {
    answer_.allow = allow;
    answer_.endpoints_reached = allow ? 1 : 0;
    const Step* last = nullptr;
    for (const Step& step : answer_.steps) {
      if (step.allow && step.stage == Stage::route && !step.by.empty()) last = &step;
      bool decides = step.allow ? allow && (step.stage == Stage::policy || step.stage == Stage::nsg) : !allow;
      if (!decides) continue;
      answer_.decided_by.insert(answer_.decided_by.end(), step.by.begin(), step.by.end());
      if (!step.allow) answer_.reason = step.reason;
    }
    if (answer_.decided_by.empty() && allow && last) answer_.decided_by = last->by;
    std::vector<Decider> unique;
    for (Decider& by : answer_.decided_by)
      if (std::find(unique.begin(), unique.end(), by) == unique.end()) unique.push_back(std::move(by));
    answer_.decided_by = std::move(unique);
    if (!allow) answer_.source_seen.reset();
    if (!allow) answer_.answered_by.clear();
    return std::move(answer_);
  }

  const Reach& reach_;
  const World& world_;
  const Place& from_;
  model::Port port_;
  Answer answer_;
};

// Whether what was translated to this public address is known where its answer has come to.
bool stands_for(const Place& end, const Address& address) {
  return end.nic ? end.nic->public_address == address : end.type == Place::Type::internet;
}

// Where packets of a place enter the fabric, when another place takes their source address.
Place sender(const Place& place) {
  Place out = place;
  if (out.in_pod()) out.type = Place::Type::node;
  return out;
}

// By name: places may come from two Worlds of one snapshot.
bool same_interface(const model::resolve::Interface* a, const model::resolve::Interface* b) {
  return a == b || (a && b && a->name == b->name);
}

bool same_place(const Place& a, const Place& b) {
  if (a.type != b.type || a.node != b.node || a.host != b.host || !same_interface(a.nic, b.nic)) return false;
  if (a.in_pod()) return a.pod == b.pod;
  return a.node || a.host || a.nic || a.addresses == b.addresses;
}

}  // namespace

std::optional<Address> bridge_address(const model::Snapshot& snapshot, const Place& from, const Place& to,
                                      model::Family family) {
  bool own_pod = same_node(from, to) && !from.in_pod() && to.in_pod();
  if (!own_pod || !model::resolve::is_kubenet(snapshot, *from.node)) return std::nullopt;
  for (const model::Prefix& block : from.node->pod_cidrs)
    if (block.family() == family) return block.at(1);
  return std::nullopt;
}

bool policy_applies(const Place& from, const Place& to) {
  bool itself = from.in_pod() && to.in_pod() && from.pod == to.pod;
  bool own_node = same_node(from, to) && (from.in_pod() != to.in_pod());
  return !itself && !own_node;
}

Passage Reach::pass(const Place& from, const Place& to, const Address& source, const Address& destination,
                    const model::Port& port) const {
  Passage out;
  out.source = source;
  if (same_node(from, to) || (from.host && from.host == to.host)) {
    out.arrived = true;
    out.source = bridge_address(world_.snapshot(), from, to, source.family()).value_or(source);
    return out;
  }
  auto say = [&](bool reply, Stage stage, bool allow, const std::string& reason, std::vector<std::string> args) {
    out.steps.push_back({reply, from.name(), stage, {}, allow, reason, {"reach.step." + reason, std::move(args)}});
  };
  if (masqueraded(world_.snapshot(), from, destination)) {
    std::optional<Address> node = World::address_of(*from.node, destination.family());
    if (!node) {
      say(false, Stage::snat, false, "no-node-address", {from.node->meta.name});
      return out;
    }
    out.source = *node;
    say(false, Stage::snat, true, "snat", {source.text(), node->text()});
  }
  Flow flow;
  Address sent = out.source;
  Walk there = walk(world_, from, {sent, destination, port}, false, flow);
  out.steps.insert(out.steps.end(), there.steps.begin(), there.steps.end());
  out.source = there.packet.source;
  if (!there.arrived) return out;
  if (!same_place(there.end, to)) {
    say(false, Stage::route, false, "another-answers", {destination.text(), there.end.name()});
    return out;
  }
  // What was translated on its way to the Internet is known there, and an answer of the Internet comes back as it went.
  bool translated = out.source != sent;
  if (translated && there.end.type == Place::Type::internet) {
    out.arrived = true;
    return out;
  }
  Walk back =
      walk(world_, sender(to), {there.packet.destination, out.source, {client_port, port.protocol}}, true, flow);
  out.steps.insert(out.steps.end(), back.steps.begin(), back.steps.end());
  bool home =
      back.arrived && (translated ? stands_for(back.end, out.source)
                                  : same_interface(back.end.nic, from.nic) && back.end.type != Place::Type::nowhere);
  out.arrived = home;
  out.reply_failed = !home;
  if (back.arrived && !home) say(true, Stage::route, false, "return-elsewhere", {out.source.text(), back.end.name()});
  return out;
}

Answer Reach::ask(const Place& from, const Place& to, const Address& destination, const model::Port& port) const {
  return Trip(*this, from, port).run(to, destination);
}

// An address may stand in several VNets: the one that the client's own would reach is meant.
std::optional<Place> Reach::place_near(const Place& from, const EndpointName& name) const {
  if (name.type != EndpointName::Type::address || !from.nic) return world_.find(name);
  if (from.node)
    if (const model::Pod* pod = world_.pod_at(from.node->meta.name, *name.address)) return world_.place(*pod);
  if (const auto* nic = world_.interface_with(from.nic->subnet.vnet, *name.address))
    return world_.behind(*nic, *name.address);
  return world_.find(name);
}

// Clients get the addresses of the endpoints themselves, and use whatever port they ask for.
Answer Reach::ask_headless(const Place& from, const model::Service& service, const Question& question) const {
  std::optional<Answer> kept;
  std::size_t endpoints = 0;
  std::size_t reached = 0;
  std::set<model::ObjectRef> seen;
  for (const ServiceEndpoint& endpoint : named_by(world_, service)) {
    model::Family family = endpoint.address.family();
    if (!from.address(family) || (question.family && *question.family != family)) continue;
    if (endpoint.pod && !seen.insert(*endpoint.pod).second) continue;  // by its other family already
    Answer one = ask(from, place_of(world_, endpoint), endpoint.address, question.port);
    ++endpoints;
    reached += one.allow ? 1 : 0;
    if (!kept || (one.allow && !kept->allow)) kept = std::move(one);
  }
  if (!kept)
    return Trip(*this, from, question.port)
        .refuse("no-endpoints", Stage::service, {service.meta.ns + "/" + service.meta.name},
                {decider(service, "", "spec.selector")});
  kept->endpoints = endpoints;
  kept->endpoints_reached = reached;
  return std::move(*kept);
}

std::variant<Answer, base::Message> Reach::ask(const Question& question) const {
  std::optional<Place> from = world_.find(question.from);
  if (!from) return base::Message{"reach.no-endpoint", {question.from.text()}};
  auto ours = [&](model::Family family) { return from->address(family) != nullptr; };
  auto fits = [&](model::Family family) { return (!question.family || *question.family == family) && ours(family); };
  Place to;
  std::vector<Address> addresses;
  if (question.to.type == EndpointName::Type::service) {
    const auto* service = world_.snapshot().find<model::Service>({Kind::Service, question.to.ns, question.to.name});
    if (!service) return base::Message{"reach.no-endpoint", {question.to.text()}};
    addresses = service->cluster_addresses;
    if (service->type == model::ServiceType::external_name)
      return Trip(*this, *from, question.port)
          .refuse("external-name", Stage::service, {service->external_name},
                  {decider(*service, "", "spec.externalName")});
    if (service->headless) return ask_headless(*from, *service, question);
  } else {
    std::optional<Place> found = place_near(*from, question.to);
    if (!found) return base::Message{"reach.no-endpoint", {question.to.text()}};
    to = std::move(*found);
    addresses = question.to.address ? std::vector{*question.to.address} : to.addresses;
  }
  for (model::Family family : {model::Family::v4, model::Family::v6})
    for (const Address& address : addresses)
      if (address.family() == family && fits(family)) return ask(*from, to, address, question.port);
  return Trip(*this, *from, question.port).refuse("no-common-family", Stage::route, {from->name(), question.to.text()});
}

}  // namespace bailey::reach
