// Model objects for tests of the fabric, as short as they can be written.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "model/snapshot.h"

namespace bailey::fabric::testing {

inline model::Address address(const std::string& text) { return *model::Address::parse(text); }
inline model::Prefix prefix(const std::string& text) { return *model::Prefix::parse(text); }

template <typename T>
std::shared_ptr<T> object(model::Kind kind, const std::string& name) {
  auto out = std::make_shared<T>();
  out->meta.kind = kind;
  out->meta.name = name;
  return out;
}

// Objects that may still be changed; snapshot() freezes copies of them.
class World {
 public:
  model::VirtualNetwork& vnet(const std::string& name, std::initializer_list<const char*> space);
  model::Subnet& subnet(model::VirtualNetwork& vnet, const std::string& name,
                        std::initializer_list<const char*> prefixes);
  // Peers a and b in both directions; returns {a -> b, b -> a}.
  std::pair<model::NetworkPeering*, model::NetworkPeering*> peer(const std::string& a, const std::string& b);
  model::NetworkPeering& one_way(const std::string& from, const std::string& to);
  model::NetworkInterface& nic(const std::string& name, const std::string& subnet,
                               std::initializer_list<const char*> addresses);
  // A LabHost with one NetworkInterface of the same name.
  model::NetworkInterface& host(const std::string& name, const std::string& subnet,
                                std::initializer_list<const char*> addresses);
  model::LabHost& internet_host(const std::string& name, std::initializer_list<const char*> addresses);
  model::LabHost& on_premises_host(const std::string& name, const std::string& network,
                                   std::initializer_list<const char*> addresses);
  model::Node& node(const std::string& name, const std::string& subnet, std::initializer_list<const char*> addresses,
                    std::initializer_list<const char*> pod_ranges);
  model::RouteTable& table(const std::string& name);
  model::UserRoute& route(model::RouteTable& table, const char* prefix, model::NextHopType type,
                          const char* next_hop = "");
  model::OnPremisesNetwork& on_premises(const std::string& name, std::initializer_list<const char*> space);
  // A gateway named "gw-VNET" in VNET/GatewaySubnet (which the caller makes) and its connection "to-NETWORK".
  model::GatewayConnection& gateway(const std::string& vnet, const std::string& network);

  template <typename T>
  T& add(std::shared_ptr<T> row) {
    makers_.push_back([row] { return model::AnyObject(std::shared_ptr<const T>(std::make_shared<T>(*row))); });
    return *row;
  }
  std::vector<model::AnyObject> objects() const {
    std::vector<model::AnyObject> out;
    for (const auto& make : makers_) out.push_back(make());
    return out;
  }
  model::Snapshot snapshot() const { return model::snapshot_of(objects()); }

 private:
  std::vector<std::function<model::AnyObject()>> makers_;
};

inline std::vector<model::Address> addresses(std::initializer_list<const char*> texts) {
  std::vector<model::Address> out;
  for (const char* text : texts) out.push_back(address(text));
  return out;
}

inline std::vector<model::Prefix> prefixes(std::initializer_list<const char*> texts) {
  std::vector<model::Prefix> out;
  for (const char* text : texts) out.push_back(prefix(text));
  return out;
}

inline model::VirtualNetwork& World::vnet(const std::string& name, std::initializer_list<const char*> space) {
  model::VirtualNetwork& out = add(object<model::VirtualNetwork>(model::Kind::VirtualNetwork, name));
  out.address_space = prefixes(space);
  out.subnets.reserve(64);  // references to subnets stay valid
  return out;
}

inline model::Subnet& World::subnet(model::VirtualNetwork& vnet, const std::string& name,
                                    std::initializer_list<const char*> space) {
  model::Subnet out;
  out.name = name;
  out.prefixes = prefixes(space);
  vnet.subnets.push_back(out);
  return vnet.subnets.back();
}

inline model::NetworkPeering& World::one_way(const std::string& from, const std::string& to) {
  model::NetworkPeering& out = add(object<model::NetworkPeering>(model::Kind::NetworkPeering, from + "-to-" + to));
  out.from = from;
  out.to = to;
  return out;
}

inline std::pair<model::NetworkPeering*, model::NetworkPeering*> World::peer(const std::string& a,
                                                                             const std::string& b) {
  model::NetworkPeering& there = one_way(a, b);
  return {&there, &one_way(b, a)};
}

inline model::NetworkInterface& World::nic(const std::string& name, const std::string& subnet,
                                           std::initializer_list<const char*> texts) {
  model::NetworkInterface& out = add(object<model::NetworkInterface>(model::Kind::NetworkInterface, name));
  out.subnet = *model::SubnetRef::parse(subnet);
  out.addresses = addresses(texts);
  return out;
}

inline model::NetworkInterface& World::host(const std::string& name, const std::string& subnet,
                                            std::initializer_list<const char*> texts) {
  model::LabHost& out = add(object<model::LabHost>(model::Kind::LabHost, name));
  out.network = model::LabHost::Network::interfaces;
  out.interfaces = {name};
  return nic(name, subnet, texts);
}

inline model::LabHost& World::internet_host(const std::string& name, std::initializer_list<const char*> texts) {
  model::LabHost& out = add(object<model::LabHost>(model::Kind::LabHost, name));
  out.addresses = addresses(texts);
  return out;
}

inline model::LabHost& World::on_premises_host(const std::string& name, const std::string& network,
                                               std::initializer_list<const char*> texts) {
  model::LabHost& out = internet_host(name, texts);
  out.network = model::LabHost::Network::on_premises;
  out.on_premises_network = network;
  return out;
}

inline model::Node& World::node(const std::string& name, const std::string& subnet,
                                std::initializer_list<const char*> texts, std::initializer_list<const char*> ranges) {
  model::Node& out = add(object<model::Node>(model::Kind::Node, name));
  out.subnet = *model::SubnetRef::parse(subnet);
  out.addresses = addresses(texts);
  for (const char* range : ranges) out.pod_ranges.push_back(*model::AddressRange::parse(range));
  return out;
}

inline model::RouteTable& World::table(const std::string& name) {
  model::RouteTable& out = add(object<model::RouteTable>(model::Kind::RouteTable, name));
  out.routes.reserve(64);
  return out;
}

inline model::UserRoute& World::route(model::RouteTable& table, const char* text, model::NextHopType type,
                                      const char* next_hop) {
  model::UserRoute out;
  out.name = std::string("r") + std::to_string(table.routes.size());
  out.prefix = prefix(text);
  out.next_hop_type = type;
  if (*next_hop) out.next_hop_address = address(next_hop);
  table.routes.push_back(out);
  return table.routes.back();
}

inline model::OnPremisesNetwork& World::on_premises(const std::string& name, std::initializer_list<const char*> space) {
  model::OnPremisesNetwork& out = add(object<model::OnPremisesNetwork>(model::Kind::OnPremisesNetwork, name));
  out.address_space = prefixes(space);
  return out;
}

inline model::GatewayConnection& World::gateway(const std::string& vnet, const std::string& network) {
  model::NetworkGateway& gateway = add(object<model::NetworkGateway>(model::Kind::NetworkGateway, "gw-" + vnet));
  gateway.subnet = {vnet, "GatewaySubnet"};
  model::GatewayConnection& out =
      add(object<model::GatewayConnection>(model::Kind::GatewayConnection, "to-" + network));
  out.gateway = gateway.meta.name;
  out.on_premises_network = network;
  return out;
}

}  // namespace bailey::fabric::testing
