// Kubernetes objects, as much of them as touches the network. Field names follow the Kubernetes API.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/object.h"

namespace bailey::model {

struct Namespace : Object {};

struct Toleration {
  std::string key;  // empty with Exists: tolerates everything
  std::string op;   // "Equal" (default) or "Exists"
  std::string value;
  std::string effect;  // empty: every effect
  friend auto operator<=>(const Toleration&, const Toleration&) = default;
};

struct Node : Object {
  std::string cluster;             // name of its Cluster; controllers fill it in
  std::string pool;                // label agentpool
  SubnetRef subnet;                // of its network interface; controllers fill it in
  Os os = Os::linux;               // label kubernetes.io/os
  std::vector<Address> addresses;  // status.addresses of type InternalIP; at most one of each family
  std::vector<Address> external_addresses;
  std::vector<Prefix> pod_cidrs;         // spec.podCIDRs (kubenet)
  std::vector<AddressRange> pod_ranges;  // vnet model: secondary addresses of its interface, for its pods
  std::vector<Taint> taints;
  bool unschedulable = false;
  std::uint32_t max_pods = 110;
  bool ready = true;
};

struct ContainerPort {
  std::string name;
  std::uint16_t port = 0;
  std::uint16_t host_port = 0;
  Protocol protocol = Protocol::tcp;
  friend auto operator<=>(const ContainerPort&, const ContainerPort&) = default;
};

// What a pod template says about the network.
struct PodSpec {
  std::string node_name;
  bool host_network = false;
  Labels node_selector;
  std::vector<Toleration> tolerations;
  std::vector<ContainerPort> ports;  // of all containers, init containers left out
  std::string service_account;
  friend bool operator==(const PodSpec&, const PodSpec&) = default;
};

struct Pod : Object {
  PodSpec spec;
  std::string phase;                      // "" until known; Pending, Running, Succeeded, Failed, Unknown
  std::vector<Address> addresses;         // status.podIPs, or what the network gave it
  std::vector<Address> pinned_addresses;  // annotation bailey.dev/addresses: gets just these
  bool ready = true;
  std::optional<ObjectRef> owner;  // the workload that made it

  bool finished() const { return phase == "Succeeded" || phase == "Failed"; }
};

// Deployment, StatefulSet, DaemonSet and Job; meta.kind says which.
struct Workload : Object {
  std::uint32_t replicas = 1;  // Job: parallelism; unused for DaemonSet
  LabelSelector selector;
  Labels template_labels;
  Labels template_annotations;
  PodSpec pod;
  std::string service_name;  // StatefulSet: its headless service
};

struct ServicePort {
  std::string name;
  std::uint16_t port = 0;
  PortRef target;  // equals `port` where not given
  std::uint16_t node_port = 0;
  Protocol protocol = Protocol::tcp;
  std::string app_protocol;
};

enum class ServiceType : std::uint8_t { cluster_ip, node_port, load_balancer, external_name };
enum class TrafficPolicy : std::uint8_t { cluster, local };

struct Service : Object {
  ServiceType type = ServiceType::cluster_ip;
  std::optional<Labels> selector;  // absent: endpoints come from EndpointSlices
  std::vector<ServicePort> ports;
  bool headless = false;                    // clusterIP: None
  std::vector<Address> cluster_addresses;   // clusterIPs
  std::vector<Family> families;             // ipFamilies; empty: the cluster's
  std::string ip_family_policy;             // SingleStack, PreferDualStack, RequireDualStack
  std::vector<Address> external_addresses;  // externalIPs
  std::string external_name;
  std::string load_balancer_class;
  std::optional<Address> load_balancer_address;  // spec.loadBalancerIP
  std::vector<Address> load_balancer_addresses;  // status.loadBalancer.ingress[].ip
  std::vector<Prefix> load_balancer_source_ranges;
  TrafficPolicy external_traffic_policy = TrafficPolicy::cluster;
  TrafficPolicy internal_traffic_policy = TrafficPolicy::cluster;
  std::uint16_t health_check_node_port = 0;
  bool client_ip_affinity = false;
  std::uint32_t affinity_timeout_seconds = 10800;
  bool publish_not_ready_addresses = false;
};

struct Secret : Object {
  std::string type;
  std::map<std::string, std::string> data;  // decoded bytes; never printed
};

struct ConfigMap : Object {
  std::map<std::string, std::string> data;
};

struct Endpoint {
  std::vector<Address> addresses;
  bool ready = true;
  bool serving = true;
  bool terminating = false;
  std::string node_name;
  std::string hostname;
  std::optional<ObjectRef> target;  // the pod
};

struct EndpointPort {
  std::string name;
  std::uint16_t port = 0;
  Protocol protocol = Protocol::tcp;
};

struct EndpointSlice : Object {
  std::string service;  // label kubernetes.io/service-name
  Family family = Family::v4;
  std::vector<Endpoint> endpoints;
  std::vector<EndpointPort> ports;
};

enum class PathType : std::uint8_t { exact, prefix, implementation_specific };

struct IngressBackend {
  std::string service;
  PortRef port;
};

struct IngressPath {
  std::string path;
  PathType type = PathType::implementation_specific;
  IngressBackend backend;
};

struct IngressRule {
  std::string host;  // empty: every host
  std::vector<IngressPath> paths;
};

struct IngressTls {
  std::vector<std::string> hosts;
  std::string secret;
};

struct Ingress : Object {
  std::string api_version;                // as written; "" where it was missing
  std::optional<std::string> class_name;  // spec.ingressClassName, or the old annotation
  bool class_by_annotation = false;
  std::optional<IngressBackend> default_backend;
  std::vector<IngressTls> tls;
  std::vector<IngressRule> rules;
};

struct IngressClass : Object {
  std::string controller;
  bool is_default = false;
};

struct IpBlock {
  Prefix cidr;
  std::vector<Prefix> except;
};

// One entry of from/to: an ipBlock, or selectors. A missing namespace selector means the policy's own namespace.
struct PolicyPeer {
  std::optional<IpBlock> ip_block;
  std::optional<LabelSelector> namespace_selector;
  std::optional<LabelSelector> pod_selector;
};

struct PolicyPort {
  std::optional<PortRef> port;  // absent: every port of the protocol
  std::uint16_t end_port = 0;   // 0: none
  Protocol protocol = Protocol::tcp;
};

struct PolicyRule {
  std::vector<PolicyPeer> peers;  // empty: every peer
  std::vector<PolicyPort> ports;  // empty: every port
};

struct NetworkPolicy : Object {
  LabelSelector pod_selector;
  bool ingress = true;  // policyTypes, defaults applied
  bool egress = false;
  std::vector<PolicyRule> ingress_rules;
  std::vector<PolicyRule> egress_rules;
};

struct GatewayClass : Object {
  std::string controller;
};

struct GatewayListener {
  std::string name;
  std::string hostname;
  std::uint16_t port = 0;
  std::string protocol;  // HTTP, HTTPS, TLS, TCP, UDP
  std::string tls_mode;  // Terminate (default), Passthrough
  std::vector<ObjectRef> certificates;
  std::string routes_from;  // Same (default), All, Selector
  LabelSelector routes_selector;
};

struct Gateway : Object {
  std::string class_name;
  std::vector<GatewayListener> listeners;
  std::vector<std::string> addresses;
};

struct RouteParent {
  std::string ns;
  std::string name;
  std::string section;
  std::uint16_t port = 0;
};

// Lets objects of other namespaces refer to those of its own.
struct ReferenceGrant : Object {
  struct From {
    std::string kind;
    std::string ns;
  };
  struct To {
    std::string kind;
    std::string name;  // "": all of the kind
  };
  std::vector<From> from;
  std::vector<To> to;
};

struct RouteBackend {
  std::string ns;
  std::string service;
  std::uint16_t port = 0;
  std::uint32_t weight = 1;
};

struct HeaderMatch {
  std::string type;  // Exact, RegularExpression
  std::string name;
  std::string value;
};

struct HttpRouteMatch {
  std::string path_type = "PathPrefix";
  std::string path = "/";
  std::string method;
  std::vector<HeaderMatch> headers;
  std::vector<HeaderMatch> query;
};

struct HttpRouteRule {
  std::vector<HttpRouteMatch> matches;
  std::vector<RouteBackend> backends;
  std::vector<std::string> filters;  // types, in order
};

struct HTTPRoute : Object {
  std::vector<RouteParent> parents;
  std::vector<std::string> hostnames;
  std::vector<HttpRouteRule> rules;
};

}  // namespace bailey::model
