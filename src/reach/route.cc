// Every route that could apply is tried against the destination in turn, and kept if it beats the best so far.
// Nothing is sorted or shared between calls: slow, and easy to see right.
//
// The order in which routes are offered settles ties, since a later one must be strictly better.
#include "reach/route.h"

#include "model/resolve/peering.h"

namespace bailey::reach {
namespace {

using model::Address;
using model::Kind;
using model::NextHopType;
using model::Prefix;
using Source = RouteDecision::Source;

int preference(Source source) {
  if (source == Source::user) return 3;
  return source == Source::gateway ? 2 : 1;
}

class RouteQuestion {
 public:
  RouteQuestion(const model::Snapshot& snapshot, const model::VirtualNetwork& vnet, const model::RouteTable* table,
                const Address& destination)
      : snapshot_(snapshot), vnet_(vnet), table_(table), destination_(destination) {}

  std::optional<RouteDecision> answer() {
    try_user_routes();
    try_vnet_and_peers();
    if (!table_ || !table_->disable_gateway_route_propagation) try_gateways();
    try_internet_and_reserved();
    return best_;
  }

 private:
  struct Offer {
    Prefix prefix;
    Source source = Source::system;
    NextHopType type = NextHopType::none;
  };

  // Keeps the offer if it holds the destination and is better; says whether it did.
  bool offer(const Offer& offered, const model::Object& object, const std::string& field) {
    if (!offered.prefix.contains(destination_)) return false;
    if (best_) {
      if (offered.prefix.length() < best_->prefix.length()) return false;
      if (offered.prefix.length() == best_->prefix.length() && preference(offered.source) <= preference(best_->source))
        return false;
    }
    RouteDecision decision;
    decision.prefix = offered.prefix;
    decision.source = offered.source;
    decision.next_hop_type = offered.type;
    decision.object = object.meta.ref();
    decision.file = object.meta.source->file();
    decision.position = object.meta.source->at(field);
    best_ = std::move(decision);
    return true;
  }

  void try_user_routes() {
    if (!table_) return;
    for (std::size_t i = 0; i < table_->routes.size(); ++i) {
      const model::UserRoute& user = table_->routes[i];
      if (!user.prefix.contains(destination_)) continue;  // before its place is put into words
      if (!offer({user.prefix, Source::user, user.next_hop_type}, *table_, "spec.routes[" + std::to_string(i) + "]"))
        continue;
      best_->rule = user.name;
      best_->next_hop_address = user.next_hop_address;
    }
  }

  template <typename Visit>
  void each_space(Visit visit) const {
    for (std::size_t i = 0; i < vnet_.address_space.size(); ++i)
      visit(vnet_.address_space[i], NextHopType::vnet_local, static_cast<const model::Object&>(vnet_),
            "spec.addressSpace[" + std::to_string(i) + "]");
    for (const model::resolve::Peer& peer : model::resolve::connected_peers(snapshot_, vnet_.meta.name)) {
      if (!peer.access) continue;
      const auto* remote = snapshot_.find<model::VirtualNetwork>(Kind::VirtualNetwork, peer.vnet);
      for (const Prefix& prefix : remote->address_space)
        visit(prefix, NextHopType::vnet_peering, static_cast<const model::Object&>(*peer.ours), std::string());
    }
  }

  void try_vnet_and_peers() {
    each_space([&](const Prefix& prefix, NextHopType type, const model::Object& object, const std::string& field) {
      offer({prefix, Source::system, type}, object, field);
    });
  }

  // Whether the VNet's or a peer's own route is preferred over this one, however specific it is.
  bool inside_a_space(const Prefix& prefix) const {
    bool inside = false;
    each_space([&](const Prefix& space, NextHopType, const model::Object&, const std::string&) {
      if (space.family() == prefix.family() && space.length() <= prefix.length() && space.contains(prefix.address()))
        inside = true;
    });
    return inside;
  }

  void try_gateways() {
    bool own = try_gateways_of(vnet_.meta.name);
    if (own) return;
    for (const model::resolve::Peer& peer : model::resolve::connected_peers(snapshot_, vnet_.meta.name))
      if (peer.ours->use_remote_gateways && peer.theirs->allow_gateway_transit) try_gateways_of(peer.vnet);
  }

  // ExpressRoute is offered before VPN, so that it wins where both bring a prefix.
  bool try_gateways_of(const std::string& vnet) {
    bool any = false;
    for (model::GatewayType type : {model::GatewayType::express_route, model::GatewayType::vpn}) {
      for (const auto& connection : snapshot_.all<model::GatewayConnection>()) {
        const auto* gateway = snapshot_.find<model::NetworkGateway>(Kind::NetworkGateway, connection->gateway);
        if (gateway && gateway->subnet.vnet == vnet && connection->type == type) try_connection(*connection);
      }
    }
    for (const auto& gateway : snapshot_.all<model::NetworkGateway>()) any = any || gateway->subnet.vnet == vnet;
    return any;
  }

  void try_connection(const model::GatewayConnection& connection) {
    auto bring = [&](const Prefix& prefix, const std::string& field) {
      if (!inside_a_space(prefix))
        offer({prefix, Source::gateway, NextHopType::virtual_network_gateway}, connection, field);
    };
    for (std::size_t i = 0; i < connection.routes.size(); ++i)
      bring(connection.routes[i], "spec.routes[" + std::to_string(i) + "]");
    if (!connection.routes.empty()) return;
    const auto* network =
        snapshot_.find<model::OnPremisesNetwork>(Kind::OnPremisesNetwork, connection.on_premises_network);
    if (!network) return;
    for (const Prefix& prefix : network->address_space) bring(prefix, "spec.onPremisesNetwork");
  }

  void try_internet_and_reserved() {
    Prefix everything = Prefix::any(destination_.family());
    offer({everything, Source::system, NextHopType::internet}, vnet_, "");
    bool overridden = false;
    if (table_)
      for (const model::UserRoute& user : table_->routes) overridden = overridden || user.prefix == everything;
    if (overridden) return;
    for (const char* text : {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"}) {
      Prefix reserved = *Prefix::parse(text);
      if (!inside_a_space(reserved)) offer({reserved, Source::system, NextHopType::none}, vnet_, "");
    }
  }

  const model::Snapshot& snapshot_;
  const model::VirtualNetwork& vnet_;
  const model::RouteTable* table_;
  Address destination_;
  std::optional<RouteDecision> best_;
};

}  // namespace

std::string_view name(Source source) {
  if (source == Source::user) return "User";
  return source == Source::gateway ? "VirtualNetworkGateway" : "Default";
}

std::optional<model::resolve::Interface> interface_of(const model::Snapshot& snapshot,
                                                      const model::EndpointName& endpoint) {
  using Type = model::EndpointName::Type;
  using Owner = model::resolve::Interface::Owner;
  std::vector<model::resolve::Interface> all = model::resolve::interfaces(snapshot);
  auto first = [&](auto matches) -> std::optional<model::resolve::Interface> {
    for (const auto& candidate : all)
      if (matches(candidate)) return candidate;
    return std::nullopt;
  };
  auto of_node = [&](const std::string& node) {
    return first([&](const auto& nic) { return nic.owner == Owner::node && nic.owner_name == node; });
  };
  switch (endpoint.type) {
    case Type::nic: return first([&](const auto& nic) { return nic.name == endpoint.name; });
    case Type::node: return of_node(endpoint.name);
    case Type::pod: {
      const auto* pod = snapshot.find<model::Pod>({Kind::Pod, endpoint.ns, endpoint.name});
      return pod ? of_node(pod->spec.node_name) : std::nullopt;
    }
    case Type::host: {
      const auto* host = snapshot.find<model::LabHost>(Kind::LabHost, endpoint.name);
      if (!host || host->network != model::LabHost::Network::interfaces) return std::nullopt;
      for (const std::string& name : host->interfaces)
        if (auto nic = first([&](const auto& candidate) { return candidate.name == name; })) return nic;
      return std::nullopt;
    }
    case Type::address: return first([&](const auto& nic) { return endpoint.address && nic.holds(*endpoint.address); });
    case Type::service: break;
  }
  return std::nullopt;
}

std::optional<RouteDecision> route(const model::Snapshot& snapshot, const model::SubnetRef& from,
                                   const Address& destination) {
  const auto* vnet = snapshot.find<model::VirtualNetwork>(Kind::VirtualNetwork, from.vnet);
  const model::Subnet* subnet = vnet ? vnet->find(from.subnet) : nullptr;
  if (!subnet) return std::nullopt;
  const auto* table = snapshot.find<model::RouteTable>(Kind::RouteTable, subnet->route_table);
  return RouteQuestion(snapshot, *vnet, table, destination).answer();
}

base::Json to_json(const RouteDecision& decision) {
  base::Json by = base::Json::object();
  by.set("object", decision.object.text());
  by.set("rule", decision.rule);
  by.set("file", decision.file);
  by.set("line", decision.position.line);
  base::Json out = base::Json::object();
  out.set("next_hop_type", model::name(decision.next_hop_type));
  out.set("next_hop_address", decision.next_hop_address ? base::Json(decision.next_hop_address->text()) : base::Json());
  out.set("source", name(decision.source));
  out.set("prefix", decision.prefix.text());
  base::Json list = base::Json::array();
  list.push(std::move(by));
  out.set("decided_by", std::move(list));
  return out;
}

}  // namespace bailey::reach
