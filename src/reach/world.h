// The things a packet can start from, pass and end at, looked up in a snapshot by name and by address.
//
// Built once for a snapshot, which must outlive it. Nothing in here decides anything.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/endpoint_name.h"
#include "model/resolve/interfaces.h"
#include "model/snapshot.h"

namespace bailey::reach {

// One end of a connection. Points into the snapshot, and into the World that gave it.
struct Place {
  enum class Type : std::uint8_t {
    pod,          // `pod`, `node`, `nic`
    node,         // `node`, `nic`; a pod on the host's network is its node, with `pod` set as well
    host,         // a LabHost with interfaces: `host`, `nic`
    interface,    // a network interface that nobody answers for: `nic`
    on_premises,  // `network`; `host` or `on_premises_host` where an address is theirs
    internet,     // `host` where the address is a LabHost's
    nowhere       // an address that nobody has and that is none of the Internet's
  };
  Type type = Type::nowhere;
  const model::Pod* pod = nullptr;
  const model::Node* node = nullptr;
  const model::resolve::Interface* nic = nullptr;  // by which it speaks with the fabric
  const model::LabHost* host = nullptr;
  const model::OnPremisesHost* on_premises_host = nullptr;
  std::string network;                    // OnPremisesNetwork
  std::vector<model::Address> addresses;  // its own

  std::string name() const;  // as EndpointName writes it; the first address where it has no name
  bool in_pod() const { return type == Type::pod; }
  const model::Address* address(model::Family family) const;
  bool has(const model::Address& address) const;
};

class World {
 public:
  explicit World(const model::Snapshot& snapshot);

  const model::Snapshot& snapshot() const { return snapshot_; }
  const std::vector<model::resolve::Interface>& interfaces() const { return interfaces_; }

  // Empty where no such endpoint exists. Services are none: they are names for others.
  std::optional<Place> find(const model::EndpointName& name) const;
  Place place(const model::Pod& pod) const;
  // Who answers at an address behind this interface: a pod of the node, the node, the host.
  Place behind(const model::resolve::Interface& nic, const model::Address& address) const;
  Place on_premises(const std::string& network, const model::Address& address) const;
  Place on_internet(const model::Address& address) const;

  const model::resolve::Interface* interface_of_node(const std::string& node) const;
  const model::resolve::Interface* interface_with(const std::string& vnet, const model::Address& address) const;
  const model::resolve::Interface* interface_with_public(const model::Address& address) const;
  const model::VirtualNetwork* vnet(const std::string& name) const;
  const model::Subnet* subnet(const model::SubnetRef& ref) const;
  // The Service one of whose load balancer or external addresses this is.
  const model::Service* service_at(const model::Address& address) const;
  // The Service that has this cluster address; the one whose node port this is.
  const model::Service* service_with_cluster_address(const model::Address& address) const;
  const model::Service* service_with_node_port(const model::Port& port) const;
  // The pod whose own address this is; pods that have finished or share their node's network have none.
  const model::Pod* pod_at(const std::string& node, const model::Address& address) const;
  // The node's address in a family.
  static std::optional<model::Address> address_of(const model::Node& node, model::Family family);

  // Every place that the matrix speaks of, in the order pods, nodes, hosts, each ascending by name.
  std::vector<model::EndpointName> endpoints() const;

 private:
  std::optional<Place> find_by_address(const model::Address& address) const;
  Place place(const model::LabHost& host) const;
  Place place(const model::Node& node) const;

  const model::Snapshot& snapshot_;
  std::vector<model::resolve::Interface> interfaces_;
  std::map<std::string, std::size_t> interface_of_node_;
  std::map<std::string, std::size_t> interface_of_host_;
  std::map<std::pair<std::string, model::Address>, const model::Pod*> pods_;  // by node and address
  std::map<model::Address, const model::Service*> services_;                  // by load balancer and external addresses
  std::map<model::Address, const model::Service*> cluster_services_;          // by cluster addresses
  std::map<model::Port, const model::Service*> node_ports_;
};

// Whether an address is nowhere on the Internet: private, shared, link-local and loopback ranges.
bool is_private(const model::Address& address);

}  // namespace bailey::reach
