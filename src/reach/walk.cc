#include "reach/walk.h"

#include <algorithm>

#include "model/resolve/peering.h"
#include "reach/nsg.h"
#include "reach/route.h"

namespace bailey::reach {
namespace {

using model::Address;
using model::Kind;
using model::NextHopType;
using model::Prefix;
using model::resolve::Interface;
using model::resolve::Peer;
using Bound = model::SecurityRule::Direction;

constexpr int most_hops = 8;  // appliances that point at each other would go on for ever

bool holds(const std::vector<Prefix>& space, const Address& address) {
  return std::any_of(space.begin(), space.end(), [&](const Prefix& prefix) { return prefix.contains(address); });
}

bool reaches(const Peer& peer) { return peer.access && peer.theirs->allow_virtual_network_access; }

// The prefixes that a connection brings from on-premises.
std::vector<Prefix> brought_by(const model::Snapshot& snapshot, const model::GatewayConnection& connection) {
  if (!connection.routes.empty()) return connection.routes;
  const auto* network =
      snapshot.find<model::OnPremisesNetwork>(Kind::OnPremisesNetwork, connection.on_premises_network);
  return network ? network->address_space : std::vector<Prefix>{};
}

class Walker {
 public:
  Walker(const World& world, Packet packet, bool reply, Flow& flow)
      : world_(world), snapshot_(world.snapshot()), reply_(reply), flow_(flow) {
    out_.packet = std::move(packet);
  }

  Walk run(const Place& from) {
    switch (from.type) {
      case Place::Type::on_premises: from_on_premises(from.network); break;
      case Place::Type::internet: from_internet(); break;
      default:
        if (from.nic)
          from_interface(*from.nic);
        else
          lose("no-interface", from.name(), std::nullopt);
    }
    return std::move(out_);
  }

  Walk enter_by(const Interface& nic) {
    if (pass_groups(nic, Bound::inbound)) arrive(world_.behind(nic, packet().destination));
    return std::move(out_);
  }

 private:
  Packet& packet() { return out_.packet; }

  void say(Stage stage, const std::string& hop, std::optional<Decider> by, bool allow, const std::string& reason,
           std::vector<std::string> args = {}) {
    Step step{reply_, hop, stage, {}, allow, reason, {"reach.step." + reason, std::move(args)}};
    if (by) step.by.push_back(std::move(*by));
    out_.steps.push_back(std::move(step));
    out_.last_hop = hop;
  }
  void lose(const std::string& reason, const std::string& hop, std::optional<Decider> by,
            std::vector<std::string> args = {}) {
    if (args.empty()) args = {packet().destination.text()};
    say(Stage::route, hop, std::move(by), false, reason, std::move(args));
  }
  void arrive(Place end) {
    out_.arrived = true;
    out_.end = std::move(end);
  }

  // One side of an interface: its own group and its subnet's, in the order of the direction.
  bool pass_groups(const Interface& nic, Bound direction) {
    if (reply_ && flow_.contains(nic.name)) return true;
    if (!reply_) flow_.insert(nic.name);
    const model::Subnet* subnet = world_.subnet(nic.subnet);
    std::vector<std::string> groups{nic.network_security_group, subnet ? subnet->network_security_group : ""};
    if (direction == Bound::inbound) std::swap(groups[0], groups[1]);
    for (const std::string& name : groups) {
      const auto* group = snapshot_.find<model::NetworkSecurityGroup>(Kind::NetworkSecurityGroup, name);
      if (!group) continue;
      NsgPacket seen{packet().source, packet().destination, packet().port, owner_near(nic, packet().source),
                     owner_near(nic, packet().destination)};
      NsgVerdict says = verdict(snapshot_, *group, direction, nic.subnet, seen);
      say(Stage::nsg, "nic/" + nic.name, says.by, says.allow, "nsg",
          {group->meta.name, says.by.rule, says.allow ? "@reach.allows" : "@reach.denies"});
      if (!says.allow) return false;
    }
    return true;
  }

  // Whose interface an address is as seen from another one: of its VNet, or of a peer.
  const Interface* owner_near(const Interface& nic, const Address& address) const {
    if (const Interface* own = world_.interface_with(nic.subnet.vnet, address)) return own;
    for (const Peer& peer : model::resolve::connected_peers(snapshot_, nic.subnet.vnet))
      if (const Interface* theirs = world_.interface_with(peer.vnet, address)) return theirs;
    return nullptr;
  }

  void from_interface(const Interface& first) {
    if (!first.owns(packet().source)) return lose("foreign-source", "nic/" + first.name, std::nullopt);
    const Interface* nic = &first;
    for (int hop = 0; hop < most_hops; ++hop) {
      if (!pass_groups(*nic, Bound::outbound)) return;
      std::optional<RouteDecision> decision = route(snapshot_, nic->subnet, packet().destination);
      std::string here = "nic/" + nic->name;
      if (!decision) return lose("no-route", here, std::nullopt);
      nic = follow(*decision, here, nic->subnet.vnet, nic);
      if (!nic) return;
    }
    lose("loop", "nic/" + nic->name, std::nullopt);
  }

  // Takes the route. The appliance that sends it on, or null where the way ends, here or there.
  const Interface* follow(const RouteDecision& decision, const std::string& here, const std::string& vnet,
                          const Interface* self) {
    Decider by{decision.object, decision.rule, decision.file, decision.position};
    switch (decision.next_hop_type) {
      case NextHopType::none: no_way(by, here, vnet, decision); return nullptr;
      case NextHopType::vnet_local:
      case NextHopType::vnet_peering: deliver(by, here, vnet, decision, self); return nullptr;
      case NextHopType::internet: to_internet(by, here, self); return nullptr;
      case NextHopType::virtual_network_gateway: to_gateway(by, here, vnet, decision); return nullptr;
      case NextHopType::virtual_appliance: return to_appliance(by, here, vnet, decision, self);
    }
    return nullptr;
  }

  void note_route(const Decider& by, const std::string& here, const RouteDecision& decision) {
    say(Stage::route, here, by, true, "route",
        {packet().destination.text(), decision.prefix.text(), std::string(model::name(decision.next_hop_type)),
         std::string(reach::name(decision.source))});
  }

  // Dropped by a route to nowhere. Where a peering would have been the way, it is what is wrong.
  void no_way(const Decider& by, const std::string& here, const std::string& vnet, const RouteDecision& decision) {
    if (decision.source == RouteDecision::Source::system && blame_peering(here, vnet)) return;
    lose("route-none", here, by, {packet().destination.text(), decision.prefix.text()});
  }

  bool blame_peering(const std::string& here, const std::string& vnet) {
    for (const auto& peering : snapshot_.all<model::NetworkPeering>()) {
      bool ours = peering->from == vnet;
      if (!ours && peering->to != vnet) continue;
      const model::VirtualNetwork* other = world_.vnet(ours ? peering->to : peering->from);
      if (!other || !holds(other->address_space, packet().destination)) continue;
      Decider by = decider(*peering, "", "spec");
      if (model::resolve::state(snapshot_, *peering) != model::resolve::PeeringState::connected) {
        lose("peering-initiated", here, by, {peering->meta.name, peering->from, peering->to});
        return true;
      }
      if (!peering->allow_virtual_network_access) {
        lose("peering-without-access", here, by, {peering->meta.name});
        return true;
      }
    }
    return false;
  }

  // Within the VNet and its peers. `self` is the interface that sends, null for a gateway.
  void deliver(const Decider& by, const std::string& here, const std::string& vnet, const RouteDecision& decision,
               const Interface* self) {
    const std::vector<Prefix>& space = world_.vnet(vnet)->address_space;
    bool local = decision.next_hop_type == NextHopType::vnet_local;
    // A user's route of this type reaches the VNet's own addresses and no peer's.
    if (local &&
        !std::any_of(space.begin(), space.end(), [&](const Prefix& own) { return own.contains(decision.prefix); }))
      return lose("no-such-address", here, by);
    note_route(by, here, decision);
    bool forwarded = self && !self->holds(packet().source) && !holds(space, packet().source);
    if (arrive_in(vnet)) return;
    for (const Peer& peer : model::resolve::connected_peers(snapshot_, vnet)) {
      const model::VirtualNetwork* other = world_.vnet(peer.vnet);
      if (!holds(other->address_space, packet().destination)) continue;
      if (self && peer.access && !peer.theirs->allow_virtual_network_access)
        return lose("peering-without-access", here, decider(*peer.theirs, "", "spec.allowVirtualNetworkAccess"),
                    {peer.theirs->meta.name});
      if (self ? !reaches(peer) : !peer.lends_gateway) continue;
      Decider side = decider(*peer.theirs, "", "spec.allowForwardedTraffic");
      if (forwarded && !peer.theirs->allow_forwarded_traffic)
        return lose("no-forwarded-traffic", here, side, {peer.theirs->meta.name, packet().source.text()});
      if (arrive_in(peer.vnet)) return;
    }
    if (out_.steps.empty() || out_.steps.back().allow) lose("no-such-address", here, by);
  }

  // True when the packet has met its fate in this VNet.
  bool arrive_in(const std::string& vnet) {
    const model::VirtualNetwork* network = world_.vnet(vnet);
    if (!network || !holds(network->address_space, packet().destination)) return false;
    if (const Interface* nic = world_.interface_with(vnet, packet().destination)) {
      if (pass_groups(*nic, Bound::inbound)) arrive(world_.behind(*nic, packet().destination));
      return true;
    }
    if (!world_.service_at(packet().destination)) return false;
    Place balancer;  // who answers there is the load balancer's to say
    balancer.addresses = {packet().destination};
    arrive(std::move(balancer));
    return true;
  }

  const Interface* to_appliance(const Decider& by, const std::string& here, const std::string& vnet,
                                const RouteDecision& decision, const Interface* self) {
    const Address& next = decision.next_hop_address ? *decision.next_hop_address : packet().destination;
    const Interface* appliance = appliance_near(vnet, next);
    if (!appliance) {
      lose("appliance-missing", here, by, {next.text()});
      return nullptr;
    }
    if (!appliance->ip_forwarding) {
      lose("appliance-does-not-forward", here, by, {next.text(), appliance->name});
      return nullptr;
    }
    if (appliance == self) {
      lose("loop", here, by);
      return nullptr;
    }
    note_route(by, here, decision);
    if (!pass_groups(*appliance, Bound::inbound)) return nullptr;
    // A kubenet node is the appliance in front of its own pods.
    if (appliance->owner == Interface::Owner::node && world_.pod_at(appliance->owner_name, packet().destination)) {
      arrive(world_.behind(*appliance, packet().destination));
      return nullptr;
    }
    return appliance;
  }

  const Interface* appliance_near(const std::string& vnet, const Address& address) const {
    auto in = [&](const std::string& name) -> const Interface* {
      const Interface* nic = world_.interface_with(name, address);
      bool own = nic && std::find(nic->addresses.begin(), nic->addresses.end(), address) != nic->addresses.end();
      return own ? nic : nullptr;
    };
    if (const Interface* own = in(vnet)) return own;
    for (const Peer& peer : model::resolve::connected_peers(snapshot_, vnet))
      if (reaches(peer))
        if (const Interface* theirs = in(peer.vnet)) return theirs;
    return nullptr;
  }

  void to_gateway(const Decider& by, const std::string& here, const std::string& vnet, const RouteDecision& decision) {
    const model::GatewayConnection* best = nullptr;
    int best_length = -1;
    auto consider = [&](const std::string& name) {
      for (const auto& connection : snapshot_.all<model::GatewayConnection>()) {
        const auto* gateway = snapshot_.find<model::NetworkGateway>(Kind::NetworkGateway, connection->gateway);
        if (!gateway || gateway->subnet.vnet != name) continue;
        if (decision.source == RouteDecision::Source::gateway && connection->meta.ref() != decision.object) continue;
        for (const Prefix& prefix : brought_by(snapshot_, *connection))
          if (prefix.contains(packet().destination) && prefix.length() > best_length) {
            best = connection.get();
            best_length = prefix.length();
          }
      }
    };
    consider(vnet);
    for (const Peer& peer : model::resolve::connected_peers(snapshot_, vnet))
      if (peer.uses_its_gateway) consider(peer.vnet);
    if (!best) return lose("no-gateway", here, by);
    note_route(by, here, decision);
    Place there = world_.on_premises(best->on_premises_network, packet().destination);
    if (there.type != Place::Type::on_premises) return lose("no-such-address", "onprem/" + there.network, by);
    arrive(std::move(there));
  }

  void to_internet(const Decider& by, const std::string& here, const Interface* self) {
    if (is_private(packet().destination)) return lose("private-address", here, by);
    // A public address is translated at its interface, both ways: an answer that leaves by another one is none.
    if (reply_ && !self->holds(packet().source))
      return lose("return-elsewhere", here, by, {packet().destination.text(), here});
    say(Stage::route, here, by, true, "route", {packet().destination.text(), "Internet", "Internet", ""});
    if (!reply_) {
      std::optional<Address> outside = outside_address(*self, packet().destination.family());
      if (!outside) {
        say(Stage::snat, here, std::nullopt, false, "no-public-address", {packet().source.text()});
        return;
      }
      say(Stage::snat, here, std::nullopt, true, "snat", {packet().source.text(), outside->text()});
      packet().source = *outside;
    }
    from_internet();
  }

  std::optional<Address> outside_address(const Interface& nic, model::Family family) const {
    if (nic.public_address && nic.public_address->family() == family) return nic.public_address;
    for (const Address& address : world_.vnet(nic.subnet.vnet)->outbound_addresses)
      if (address.family() == family) return address;
    return std::nullopt;
  }

  void from_internet() {
    if (is_private(packet().destination)) return lose("private-address", "internet", std::nullopt);
    if (const Interface* nic = world_.interface_with_public(packet().destination)) return enter(*nic);
    arrive(world_.on_internet(packet().destination));
  }

  // From the Internet to an interface with a public address, which is translated to its own.
  void enter(const Interface& nic) {
    for (const Address& own : nic.addresses) {
      if (own.family() != packet().destination.family()) continue;
      say(Stage::snat, "nic/" + nic.name, std::nullopt, true, "public-address",
          {packet().destination.text(), own.text()});
      packet().destination = own;
      if (pass_groups(nic, Bound::inbound)) arrive(world_.behind(nic, own));
      return;
    }
    lose("no-such-address", "internet", std::nullopt);
  }

  void from_on_premises(const std::string& network) {
    std::string here = "onprem/" + network;
    Place same = world_.on_premises(network, packet().destination);
    if (same.type == Place::Type::on_premises) return arrive(std::move(same));
    for (const auto& connection : snapshot_.all<model::GatewayConnection>()) {
      const auto* gateway = snapshot_.find<model::NetworkGateway>(Kind::NetworkGateway, connection->gateway);
      if (!gateway || connection->on_premises_network != network) continue;
      if (!behind_gateway(gateway->subnet.vnet)) continue;
      return through_gateway(*connection, *gateway, here);
    }
    lose("no-gateway", here, std::nullopt);
  }

  // Whether the destination is in the gateway's VNet or in one that uses the gateway.
  bool behind_gateway(const std::string& vnet) const {
    const model::VirtualNetwork* own = world_.vnet(vnet);
    if (own && holds(own->address_space, out_.packet.destination)) return true;
    for (const Peer& peer : model::resolve::connected_peers(snapshot_, vnet))
      if (peer.lends_gateway && holds(world_.vnet(peer.vnet)->address_space, out_.packet.destination)) return true;
    return false;
  }

  void through_gateway(const model::GatewayConnection& connection, const model::NetworkGateway& gateway,
                       const std::string& here) {
    Decider by = decider(connection, "", "spec");
    if (!holds(brought_by(snapshot_, connection), packet().source))
      return lose("source-not-announced", here, by, {packet().source.text(), connection.meta.name});
    say(Stage::route, here, by, true, "connection", {connection.meta.name, gateway.meta.name});
    std::string hop = "gateway/" + gateway.meta.name;
    std::optional<RouteDecision> decision = route(snapshot_, gateway.subnet, packet().destination);
    if (!decision) return lose("no-route", hop, by);
    bool outwards = decision->next_hop_type == NextHopType::internet ||
                    decision->next_hop_type == NextHopType::virtual_network_gateway;
    if (outwards) return lose("route-none", hop, by, {packet().destination.text(), decision->prefix.text()});
    const Interface* nic = follow(*decision, hop, gateway.subnet.vnet, nullptr);
    for (int count = 0; nic && count < most_hops; ++count) {
      if (!pass_groups(*nic, Bound::outbound)) return;
      std::optional<RouteDecision> next = route(snapshot_, nic->subnet, packet().destination);
      if (!next) return lose("no-route", "nic/" + nic->name, std::nullopt);
      nic = follow(*next, "nic/" + nic->name, nic->subnet.vnet, nic);
    }
  }

  const World& world_;
  const model::Snapshot& snapshot_;
  bool reply_;
  Flow& flow_;
  Walk out_;
};

}  // namespace

std::string_view name(Stage stage) {
  switch (stage) {
    case Stage::route: return "route";
    case Stage::nsg: return "nsg";
    case Stage::snat: return "snat";
    case Stage::lb: return "lb";
    case Stage::service: return "service";
    case Stage::policy: return "policy";
    case Stage::gateway: return "gateway";
  }
  return "";
}

Walk enter(const World& world, const Interface& nic, const Packet& packet, Flow& flow) {
  return Walker(world, packet, false, flow).enter_by(nic);
}

Walk walk(const World& world, const Place& from, const Packet& packet, bool reply, Flow& flow) {
  return Walker(world, packet, reply, flow).run(from);
}

}  // namespace bailey::reach
