// Which network interfaces exist, whose they are, and which addresses stand behind each.
//
// Nodes own an interface implicitly, named as the node; a NetworkInterface object whose `node` names the node
// overrides it (several: the first by name is the primary one, with the pods' addresses). Nodes of a kubenet
// cluster forward. LabHosts own the NetworkInterfaces that they list. A NetworkInterface that nobody owns is
// reported too (owner none): it takes an address and nothing answers on it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/snapshot.h"

namespace bailey::model::resolve {

struct Interface {
  enum class Owner : std::uint8_t { none, node, lab_host };
  std::string name;  // of the NetworkInterface, or of the node
  Owner owner = Owner::none;
  std::string owner_name;  // Node or LabHost
  SubnetRef subnet;
  std::vector<Address> addresses;        // its own: at most one of each family
  std::vector<AddressRange> pod_ranges;  // vnet model: secondary addresses, for the pods of the node
  std::vector<Address> pod_addresses;    // pinned addresses of the node's pods that lie outside those ranges
  bool ip_forwarding = false;
  std::optional<Address> public_address;
  std::string network_security_group;
  std::vector<std::string> application_security_groups;
  ObjectRef object;  // NetworkInterface/NAME or Node/NAME: what to name in messages

  // Whether the address is one of its own or of its pods.
  bool holds(const Address& address) const;
  // Whether a packet from this source may leave by it (anything passes where ip_forwarding is on).
  bool owns(const Address& address) const;
};

// Whether the node's cluster has the kubenet model.
bool is_kubenet(const Snapshot& snapshot, const Node& node);

// Ascending by name. Reads what controllers completed: interfaces without an address yet have none here.
std::vector<Interface> interfaces(const Snapshot& snapshot);

}  // namespace bailey::model::resolve
