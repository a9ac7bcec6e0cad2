// A packet's way from one place to another through subnets, peerings, appliances, gateways and the Internet: one hop
// after the other, each decided by the routes and security groups of the interface that it leaves.
//
// Sources: learn.microsoft.com, virtual network traffic routing, network security groups, virtual network peering;
// route.h and nsg.h for what decides at each hop. A network security group remembers the flows it let out or in: a
// reply through an interface that saw the request passes, one by another way is a new packet.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/text.h"
#include "reach/decision.h"
#include "reach/world.h"

namespace bailey::reach {

enum class Stage : std::uint8_t { route, nsg, snat, lb, service, policy, gateway };
std::string_view name(Stage stage);  // "route", "nsg", ...

// One decision on the way.
struct Step {
  bool reply = false;  // of the way back
  std::string hop;     // where it is taken: "nic/web", "node/a", "internet"
  Stage stage = Stage::route;
  std::vector<Decider> by;  // empty where no object decides; several where each alone would deny
  bool allow = true;
  std::string reason;  // stable code: "route", "no-peering", "nsg", ...
  base::Message note;  // the same for people
};

struct Packet {
  model::Address source;
  model::Address destination;
  model::Port port;  // of the destination; of a reply, that of the client
};

// Names of interfaces whose security groups know the flow.
using Flow = std::set<std::string>;

struct Walk {
  bool arrived = false;
  Place end;      // where it arrived
  Packet packet;  // as it arrived: translated
  std::vector<Step> steps;
  std::string last_hop;  // the interface at which it was delivered, or where it was lost
};

// `from` says by what the packet enters: an interface (pods enter by their node's), an on-premises network, or the
// Internet. Ends at the interface, network or Internet that the destination is in; what is done there is not asked.
Walk walk(const World& world, const Place& from, const Packet& packet, bool reply, Flow& flow);

// What a load balancer hands to a node: the packet enters by the interface, whose security groups see it as it is.
Walk enter(const World& world, const model::resolve::Interface& nic, const Packet& packet, Flow& flow);

// The texts of this library.
std::span<const base::Text> texts();

}  // namespace bailey::reach
