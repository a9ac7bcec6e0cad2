// Why did a packet not arrive? Answered from the objects, as a person would look for it: does the sender's subnet have
// a route, is a peering missing, does an appliance forward, does anyone own the address; then the same for the way
// back. The packets have said already that nothing came; this only names the likely place.
#include <algorithm>

#include "fabric/route.h"
#include "lab/questions.h"
#include "model/resolve/interfaces.h"
#include "model/resolve/peering.h"
#include "reach/policy.h"

namespace bailey::lab {
namespace {

using model::resolve::Interface;

base::Json at(std::string component, std::string reason, std::string object) {
  base::Json json = base::Json::object().set("host", "fabric").set("component", std::move(component));
  return json.set("reason", std::move(reason)).set("object", std::move(object));
}

struct View {
  const model::Snapshot& snapshot;
  std::vector<Interface> interfaces;

  const Interface* of_host(const std::string& host) const {
    for (const Interface& nic : interfaces) {
      bool node = nic.owner == Interface::Owner::node && host == "node/" + nic.owner_name;
      bool lab_host = nic.owner == Interface::Owner::lab_host && host == "host/" + nic.owner_name;
      if (node || lab_host) return &nic;
    }
    return nullptr;
  }
  const Interface* owner_of(const model::Address& address) const {
    for (const Interface& nic : interfaces) {
      bool own = std::find(nic.addresses.begin(), nic.addresses.end(), address) != nic.addresses.end();
      for (const model::AddressRange& range : nic.pod_ranges) own = own || range.contains(address);
      own = own || std::find(nic.pod_addresses.begin(), nic.pod_addresses.end(), address) != nic.pod_addresses.end();
      if (own) return &nic;
    }
    return nullptr;
  }
  const model::VirtualNetwork* vnet_of(const model::Address& address) const {
    for (const auto& vnet : snapshot.all<model::VirtualNetwork>())
      for (const model::Prefix& prefix : vnet->address_space)
        if (prefix.contains(address)) return vnet.get();
    return nullptr;
  }
  bool on_internet(const model::Address& address) const {
    for (const auto& host : snapshot.all<model::LabHost>())
      if (host->network == model::LabHost::Network::internet &&
          std::find(host->addresses.begin(), host->addresses.end(), address) != host->addresses.end())
        return true;
    return of_public(address) != nullptr;
  }
  const Interface* of_public(const model::Address& address) const {
    for (const Interface& nic : interfaces)
      if (nic.public_address == address) return &nic;
    return nullptr;
  }
};

base::Json peering_fault(const View& view, const std::string& from, const std::string& to) {
  for (const auto& peering : view.snapshot.all<model::NetworkPeering>()) {
    bool ours = peering->from == from && peering->to == to;
    bool theirs = peering->from == to && peering->to == from;
    if ((ours || theirs) && model::resolve::state(view.snapshot, *peering) != model::resolve::PeeringState::connected)
      return at("peering", "peering-initiated", peering->meta.ref().text());
    if ((ours || theirs) && !peering->allow_virtual_network_access)
      return at("peering", "peering-without-access", peering->meta.ref().text());
  }
  return at("peering", "peering-missing", "VirtualNetwork/" + from);
}

bool peered(const View& view, const std::string& from, const std::string& to) {
  for (const model::resolve::Peer& peer : model::resolve::connected_peers(view.snapshot, from))
    if (peer.vnet == to && peer.access) return true;
  return false;
}

// One direction, from an interface. Null: no fault found.
base::Json fault_from(const View& view, const Interface& nic, const model::Address& to, int hops = 4) {
  const fabric::EffectiveRoute* best = nullptr;
  std::vector<fabric::EffectiveRoute> routes = fabric::effective_routes(view.snapshot, nic.subnet);
  for (const fabric::EffectiveRoute& route : routes)
    if (route.active && route.prefix.contains(to) && (!best || route.prefix.length() > best->prefix.length()))
      best = &route;
  const Interface* target = view.owner_of(to);
  bool system = !best || best->source == fabric::EffectiveRoute::Source::system;
  const model::VirtualNetwork* vnet = view.vnet_of(to);
  bool same_vnet = target && target->subnet.vnet == nic.subnet.vnet;
  if (system && vnet && vnet->meta.name != nic.subnet.vnet && !same_vnet &&
      !peered(view, nic.subnet.vnet, vnet->meta.name))
    return peering_fault(view, nic.subnet.vnet, vnet->meta.name);
  if (!best) return at("route", "no-route", "VirtualNetwork/" + nic.subnet.vnet);
  switch (best->next_hop_type) {
    case model::NextHopType::none: return at("route", "route-none", best->object.text());
    case model::NextHopType::virtual_appliance: {
      const Interface* appliance = best->next_hop_address ? view.owner_of(*best->next_hop_address) : nullptr;
      if (!appliance || appliance->owner == Interface::Owner::none)
        return at("route", "appliance-missing", best->object.text());
      if (!appliance->ip_forwarding) return at("route", "appliance-does-not-forward", appliance->object.text());
      const std::string& beyond = appliance->subnet.vnet;
      if (beyond != nic.subnet.vnet && !peered(view, nic.subnet.vnet, beyond))
        return peering_fault(view, nic.subnet.vnet, beyond);
      // The appliance sends it on by its own routes; two appliances that point at each other end the search.
      return hops > 0 ? fault_from(view, *appliance, to, hops - 1) : base::Json();
    }
    case model::NextHopType::vnet_local:
    case model::NextHopType::vnet_peering:
      if (!target || target->owner == Interface::Owner::none)
        return at("route", "no-such-address", best->object.text());
      return {};
    case model::NextHopType::internet:
      if (!view.on_internet(to)) return at("route", "not-on-the-internet", best->object.text());
      return {};
    case model::NextHopType::virtual_network_gateway: return {};
  }
  return {};
}

// The pod of a namespace of its own that has an address; null: none.
const model::Pod* pod_at(const model::Snapshot& snapshot, const model::Address& address) {
  for (const auto& pod : snapshot.all<model::Pod>())
    if (!pod->spec.host_network && !pod->finished() &&
        std::find(pod->addresses.begin(), pod->addresses.end(), address) != pod->addresses.end())
      return pod.get();
  return nullptr;
}

bool is_node_of(const model::Snapshot& snapshot, const model::Pod& pod, const model::Address& address) {
  const auto* node = snapshot.find<model::Node>(model::Kind::Node, pod.spec.node_name);
  return node && std::find(node->addresses.begin(), node->addresses.end(), address) != node->addresses.end();
}

// What the policies of `own` say of a connection with the other address; null: they let it pass.
base::Json policy_fault(const model::Snapshot& snapshot, const model::Pod& own, reach::PolicyDirection direction,
                        const model::Address& other, const model::Port& port) {
  if (is_node_of(snapshot, own, other)) return {};
  const model::Pod* peer = pod_at(snapshot, other);
  bool ingress = direction == reach::PolicyDirection::ingress;
  reach::PolicyVerdict verdict = reach::verdict(snapshot, reach::selecting(snapshot, own, direction), direction,
                                                {peer, other}, ingress ? &own : peer, port);
  if (verdict.allow) return {};
  base::Json out = at("policy", ingress ? "policy-ingress" : "policy-egress", verdict.by.front().object.text());
  return out.set("host", "node/" + own.spec.node_name);
}

base::Json fault_on_the_way(const model::Snapshot& snapshot, const Place& from, const model::Address& to,
                            const Place* target);

}  // namespace

// In the order in which the packet meets them.
base::Json why_dropped(const model::Snapshot& snapshot, const Place& from, const model::Address& to, model::Port port,
                       const Place* target) {
  const model::Pod* source = nullptr;
  const model::Address* own = nullptr;
  for (const model::Address& address : from.addresses)
    if (address.family() == to.family()) own = &address;
  if (own && !from.container.empty()) source = pod_at(snapshot, *own);
  if (source) {
    base::Json fault = policy_fault(snapshot, *source, reach::PolicyDirection::egress, to, port);
    if (!fault.is_null()) return fault;
  }
  base::Json fault = fault_on_the_way(snapshot, from, to, target);
  const model::Pod* receiver = pod_at(snapshot, to);
  // What comes from elsewhere may have another address by now, so only what bears its own is judged.
  bool translated = from.host.starts_with("host/");
  if (!fault.is_null() || !receiver || !own || translated) return fault;
  return policy_fault(snapshot, *receiver, reach::PolicyDirection::ingress, *own, port);
}

namespace {

base::Json fault_on_the_way(const model::Snapshot& snapshot, const Place& from, const model::Address& to,
                            const Place* target) {
  View view{snapshot, model::resolve::interfaces(snapshot)};
  const Interface* source = view.of_host(from.host);
  if (source) {
    base::Json fault = fault_from(view, *source, to);
    if (!fault.is_null()) return fault;
  } else if (const model::VirtualNetwork* vnet = view.vnet_of(to); vnet && !view.on_internet(to)) {
    // From the Internet or from on-premises: is there a way in at all?
    bool internet = from.host.starts_with("host/") && [&] {
      const auto* host = snapshot.find<model::LabHost>(model::Kind::LabHost, from.host.substr(5));
      return host && host->network == model::LabHost::Network::internet;
    }();
    if (internet) return at("route", "private-address", "VirtualNetwork/" + vnet->meta.name);
    if (!view.owner_of(to)) return at("route", "no-such-address", "VirtualNetwork/" + vnet->meta.name);
  }
  const Interface* back = target && !target->host.empty() ? view.of_host(target->host) : nullptr;
  // What comes from inside is seen with another address than its own, so its way back is not known here.
  const Interface* by_public = source ? nullptr : view.of_public(to);
  if (!back) back = by_public;
  if (!back) return source ? base::Json() : at("route", "no-way", "");
  for (const model::Address& address : from.addresses) {
    if (address.family() != to.family()) continue;
    base::Json fault = fault_from(view, *back, address);
    if (!fault.is_null()) return fault.set("reason", "return-" + fault["reason"].as_string());
    // A way back through an appliance that has not seen the way in is none.
    std::vector<fabric::EffectiveRoute> routes = fabric::effective_routes(view.snapshot, back->subnet);
    const fabric::EffectiveRoute* route = fabric::longest_match(routes, address);
    if (by_public && route && route->next_hop_type == model::NextHopType::virtual_appliance)
      return at("route", "return-through-appliance", route->object.text());
  }
  return {};
}

}  // namespace

}  // namespace bailey::lab
