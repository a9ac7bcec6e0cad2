// Who reaches whom: one question answered straight from the objects, step by step, with what decides at each.
//
// It shares only model/resolve with what configures the kernel, whose slow twin it is: nothing is compiled, and every
// question walks its own way. The objects must be complete (nodes, pods and services with their addresses), as the
// controllers leave them.
//
// A connection is allowed when its first packet arrives and the answer comes back. Whether something listens on the
// port is not asked. On the way:
//   service   the address of a Service becomes that of an endpoint: of cluster, external and load balancer addresses at
//             the node of a client inside the cluster, of a node port at the node addressed, of a load balancer
//             address behind it for clients outside. Policy sees what comes out. The name of a headless Service gives
//             its ready endpoints, which are asked on their own ports.
//   policy    egress where the packet starts, ingress where it ends (policy.h)
//   snat      pods of the kubenet model leave their cluster with the address of their node, which speaks with its own
//             pods by the address of their bridge; a node port whose endpoint
//             is on another node passes on with the address of the node; the Internet sees public addresses
//   route, nsg  walk.h
// Load balancers keep the client's address and hand packets on as they are: security groups see the load balancer's
// address and the service's port. Several endpoints: one that is reached is enough, and the answer says how many are.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "reach/policy.h"
#include "reach/walk.h"
#include "reach/world.h"

namespace bailey::reach {

struct Question {
  model::EndpointName from;
  model::EndpointName to;
  model::Port port;
  std::optional<model::Family> family;  // absent: IPv4 where both ends have it
};

struct Answer {
  bool allow = false;
  std::string reason;       // stable code of the step that denies; "" where it is allowed
  std::vector<Step> steps;  // of the request and of the reply, in their order
  std::vector<Decider> decided_by;
  std::optional<model::Address> source_seen;  // by the far end; absent where nothing arrives
  std::string answered_by;                    // an endpoint's name, or an address; "" where nothing answers
  std::size_t endpoints = 1;                  // how many could answer: those of a Service
  std::size_t endpoints_reached = 0;
};

// What a packet meets between two places apart from policies.
struct Passage {
  bool arrived = false;       // and its reply came back
  bool reply_failed = false;  // it arrived, and the reply did not come back
  model::Address source;      // as the far end sees it
  std::vector<Step> steps;
};

class Reach {
 public:
  explicit Reach(const model::Snapshot& snapshot) : world_(snapshot) {}
  virtual ~Reach() = default;

  const World& world() const { return world_; }

  // The message says which end does not exist.
  std::variant<Answer, base::Message> ask(const Question& question) const;
  // The same for two places of world(), addressed directly.
  Answer ask(const Place& from, const Place& to, const model::Address& destination, const model::Port& port) const;

  // The way there and back for a packet that is addressed to `destination`, which is `to`'s own. No services.
  virtual Passage pass(const Place& from, const Place& to, const model::Address& source,
                       const model::Address& destination, const model::Port& port) const;
  // policy.h; what asks many questions may remember the answers of these two.
  virtual std::vector<const model::NetworkPolicy*> policies(const model::Pod& pod, PolicyDirection direction) const {
    return selecting(world_.snapshot(), pod, direction);
  }

 private:
  std::optional<Place> place_near(const Place& from, const model::EndpointName& name) const;
  Answer ask_headless(const Place& from, const model::Service& service, const Question& question) const;

  World world_;
};

// The address by which a node speaks with this one of its own pods: under kubenet that of the bridge, the first of the
// node's block; empty where it uses one of its own.
std::optional<model::Address> bridge_address(const model::Snapshot& snapshot, const Place& from, const Place& to,
                                             model::Family family);

// Whether policies look at what passes between these two: not within a pod, nor between a pod and its own node.
bool policy_applies(const Place& from, const Place& to);

// Keys of a row of `bailey reach`: {verdict, reason, decided_by[], source_seen, answered_by, endpoints,
// endpoints_reached}
base::Json to_json(const Answer& answer);
// [{direction, hop, stage, object, rule, file, line, verdict, reason, message}]
base::Json steps_json(const Answer& answer);

}  // namespace bailey::reach
