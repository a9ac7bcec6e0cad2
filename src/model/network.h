// Bailey's own objects, group bailey.dev/v1alpha1. Their semantics are those of the Azure resources of the
// same name where there is one (learn.microsoft.com, virtual network and AKS documentation).
//
// None of these kinds has a namespace except WafPolicy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/object.h"

namespace bailey::model {

struct Subnet {
  std::string name;
  std::vector<Prefix> prefixes;  // one of each family; written `prefix: 10.0.0.0/24` or `prefixes: [...]`
  std::string network_security_group;
  std::string route_table;
  std::string delegation;
};

struct VirtualNetwork : Object {
  std::vector<Prefix> address_space;
  std::vector<Subnet> subnets;
  std::string resource_group;
  // Source addresses seen by the Internet for interfaces without a public address of their own (Azure: default
  // outbound access); one of each family. Controllers fill in what is missing.
  std::vector<Address> outbound_addresses;

  const Subnet* find(std::string_view subnet) const;
};

// One direction of a peering: what `from` allows of `to`. Traffic needs both directions.
struct NetworkPeering : Object {
  std::string from;
  std::string to;
  bool allow_virtual_network_access = true;
  bool allow_forwarded_traffic = false;
  bool allow_gateway_transit = false;
  bool use_remote_gateways = false;
};

struct NetworkInterface : Object {
  SubnetRef subnet;
  std::vector<Address> addresses;  // at most one of each family; a missing one is assigned
  std::string network_security_group;
  std::vector<std::string> application_security_groups;
  bool ip_forwarding = false;
  std::optional<Address> public_address;
  std::string node;  // overrides the implicit interface of this node; empty for others
};

struct SecurityRule {
  std::string name;
  std::uint16_t priority = 0;  // 100..4096, unique for a direction
  enum class Direction : std::uint8_t { inbound, outbound } direction = Direction::inbound;
  bool allow = false;
  std::optional<Protocol> protocol;  // absent: any
  // Prefixes, service tags ("VirtualNetwork", "Internet", "AzureLoadBalancer") or "*".
  std::vector<std::string> source_prefixes;
  std::vector<std::string> destination_prefixes;
  std::vector<std::string> source_groups;  // application security groups
  std::vector<std::string> destination_groups;
  struct PortRange {
    std::uint16_t first = 0;
    std::uint16_t last = 65535;
  };
  std::vector<PortRange> source_ports;  // empty: any
  std::vector<PortRange> destination_ports;
};

struct NetworkSecurityGroup : Object {
  std::vector<SecurityRule> rules;
  bool flush_connection = false;
};

// Next hop types of a user-defined route (Azure: virtual network traffic routing).
enum class NextHopType : std::uint8_t {
  virtual_network_gateway,
  vnet_local,
  internet,
  virtual_appliance,
  none,
  vnet_peering
};
std::string_view name(
    NextHopType type);  // "VirtualNetworkGateway", "VnetLocal", "Internet", "VirtualAppliance", "None", "VNetPeering"
std::optional<NextHopType> next_hop_type_of(std::string_view text);

struct UserRoute {
  std::string name;
  Prefix prefix;
  NextHopType next_hop_type = NextHopType::none;  // vnet_peering cannot be set
  std::optional<Address> next_hop_address;        // virtual_appliance only
};

struct RouteTable : Object {
  std::vector<UserRoute> routes;
  bool disable_gateway_route_propagation = false;
};

struct OnPremisesHost {
  std::string name;
  std::vector<Address> addresses;
  std::vector<Port> listeners;
};

struct OnPremisesNetwork : Object {
  std::vector<Prefix> address_space;
  std::vector<OnPremisesHost> hosts;
};

enum class GatewayType : std::uint8_t { vpn, express_route };

struct NetworkGateway : Object {
  GatewayType type = GatewayType::vpn;
  SubnetRef subnet;  // its subnet is named GatewaySubnet
  std::optional<Address> public_address;
};

struct GatewayConnection : Object {
  std::string gateway;
  std::string on_premises_network;
  GatewayType type = GatewayType::vpn;
  std::string shared_key_secret;  // "NS/NAME"
  enum class RouteSource : std::uint8_t { static_routes, bgp } route_source = RouteSource::static_routes;
  std::vector<Prefix> routes;  // learned or configured prefixes; empty: the network's whole address space
};

enum class NetworkModel : std::uint8_t { vnet, kubenet };
std::string_view name(NetworkModel model);

struct NodePool {
  std::string name;
  Os os = Os::linux;
  std::uint32_t count = 1;
  std::optional<std::uint32_t> min_count;
  std::optional<std::uint32_t> max_count;
  std::optional<std::uint32_t> max_pods;  // default 30 (vnet) or 110 (kubenet)
  std::string max_surge;                  // "1" or "33%"; default "10%"
  SubnetRef subnet;                       // empty: the cluster's
  Labels labels;
  std::vector<Taint> taints;
};

struct ClusterIdentity {
  enum class Type : std::uint8_t { managed, service_principal } type = Type::managed;
  std::string name;  // the principal of role assignments; default: the cluster's name
};

struct ApiServer {
  std::optional<Address> private_address;
  std::vector<Prefix> authorised_ranges;
};

struct Cluster : Object {
  NetworkModel network_model = NetworkModel::vnet;
  std::string resource_group;
  ClusterIdentity identity;
  SubnetRef subnet;  // of pools that name none
  std::vector<NodePool> node_pools;
  std::vector<Prefix> pod_cidrs;             // kubenet; one of each family
  std::vector<Prefix> non_masquerade_cidrs;  // kubenet; destinations that see pods' own addresses, besides pods
  std::vector<Prefix> service_cidrs;
  std::optional<Address> dns_service_address;
  std::optional<Prefix> docker_bridge_cidr;  // written with host bits: 172.17.0.1/16
  std::string network_policy;                // "", "none", "bailey", "azure", "calico"
  ApiServer api_server;
};

struct RoleDefinition : Object {
  std::vector<std::string> actions;  // "*" and "Microsoft.Network/*" match by segments
};

struct RoleAssignment : Object {
  std::string principal;
  std::string role;  // built in ("Network Contributor", "Contributor", "Owner", "Reader") or a RoleDefinition
  std::vector<std::string> actions;  // instead of a role
  std::string scope;  // "ResourceGroup/NAME", "VirtualNetwork/NAME", "VirtualNetwork/NAME/subnets/SUBNET", "*"
};

struct LoadBalancer : Object {
  bool internal = false;
  SubnetRef subnet;  // internal only
  std::vector<AddressRange> addresses;
  struct Probe {
    std::string protocol;  // Tcp, Http, Https
    std::uint16_t port = 0;
    std::string path;
    std::uint32_t interval_seconds = 5;
    std::uint32_t threshold = 2;
  };
  std::optional<Probe> probe;
  std::string distribution;  // FiveTuple (default), SourceIP, SourceIPProtocol
  std::uint32_t idle_timeout_minutes = 4;
};

struct ApplicationGateway : Object {
  bool in_front = false;  // placement: Cluster or Front
  SubnetRef subnet;       // in front only
  struct Listener {
    std::string name;
    std::string protocol;  // Http, Https
    std::uint16_t port = 0;
    std::string hostname;
    std::string certificate;  // Secret "NS/NAME"
  };
  std::vector<Listener> listeners;
  std::string default_certificate;
  std::string waf_policy;
  std::string ingress_class;
  std::vector<Address> addresses;
};

struct WafPolicy : Object {
  bool prevention = false;
  std::string rule_set;
  std::string rule_set_version;
  std::uint8_t paranoia_level = 1;  // 1..4
  std::uint32_t inbound_threshold = 5;
  std::uint32_t outbound_threshold = 4;
  struct Exclusion {
    std::vector<std::string> rules;  // ids, ranges or tags
    std::string variable;            // "ARGS:password"
    std::string path;
  };
  std::vector<Exclusion> exclusions;
  std::vector<std::string> custom_rules;  // SecLang
  std::uint64_t request_body_limit_bytes = 134217728;
  std::uint64_t response_body_limit_bytes = 524288;
  std::vector<std::string> attach_to;  // "ApplicationGateway/NAME", "Ingress/NS/NAME", a host name
};

struct LabHost : Object {
  enum class Network : std::uint8_t { internet, on_premises, interfaces } network = Network::internet;
  std::string on_premises_network;      // Network::on_premises
  std::vector<std::string> interfaces;  // Network::interfaces: names of NetworkInterfaces
  std::vector<Address> addresses;       // of hosts without interfaces; a missing one is assigned
  std::vector<Port> listeners;          // default: 80/tcp
};

struct Bastion : Object {
  std::string vnet;
  std::string subnet;
  std::vector<std::string> doors;  // "jump", "rec"
  std::optional<Address> public_address;
};

struct AccessGrant : Object {
  std::string user;
  LabelSelector nodes;
  std::vector<std::string> as;
  std::string not_before;  // RFC 3339
  std::string not_after;
  std::vector<Prefix> source_ranges;
  bool recorded = false;
  std::vector<std::string> allow;  // shell, scp-upload, scp-download, sftp, forwarding
  std::string approved_by;
};

}  // namespace bailey::model
