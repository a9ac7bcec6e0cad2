// What all objects share: kind, name, labels, where they came from.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/address.h"
#include "model/source.h"

namespace bailey::model {

enum class Kind : std::uint8_t {
  // Kubernetes
  Namespace,
  Node,
  Pod,
  Service,
  Secret,
  ConfigMap,
  Deployment,
  StatefulSet,
  DaemonSet,
  Job,
  EndpointSlice,
  Ingress,
  IngressClass,
  NetworkPolicy,
  GatewayClass,
  Gateway,
  HTTPRoute,
  ReferenceGrant,
  // bailey.dev/v1alpha1
  VirtualNetwork,
  NetworkPeering,
  NetworkInterface,
  NetworkSecurityGroup,
  RouteTable,
  OnPremisesNetwork,
  NetworkGateway,
  GatewayConnection,
  Cluster,
  RoleAssignment,
  RoleDefinition,
  LoadBalancer,
  ApplicationGateway,
  WafPolicy,
  LabHost,
  Bastion,
  AccessGrant,
};

// One row for each kind, in the order of the enum.
struct KindInfo {
  Kind kind;
  std::string_view name;                       // "VirtualNetwork"
  std::vector<std::string_view> api_versions;  // accepted spellings, the current one first
  bool namespaced;
  bool strict;  // unknown fields are errors
};
std::span<const KindInfo> kinds();
const KindInfo& info(Kind kind);
std::string_view name(Kind kind);
// By name, case-insensitive, also the usual plural and short forms ("pods", "po", "netpol", "vnet").
std::optional<Kind> kind_of(std::string_view text);

struct ObjectRef {
  Kind kind = Kind::Namespace;
  std::string ns;  // empty for kinds without namespace
  std::string name;

  // "Pod/shop/web", "VirtualNetwork/hub".
  std::string text() const;
  // KIND/NS/NAME or KIND/NAME (namespace "default" where the kind has one).
  static std::optional<ObjectRef> parse(std::string_view text);
  friend auto operator<=>(const ObjectRef&, const ObjectRef&) = default;
};

using Labels = std::map<std::string, std::string>;

struct Meta {
  Kind kind = Kind::Namespace;
  std::string ns;
  std::string name;
  Labels labels;
  Labels annotations;
  bool deleting = false;   // metadata.deletionTimestamp is set: terminating
  bool generated = false;  // made by a controller, not read from a file
  std::shared_ptr<const Source> source = std::make_shared<const Source>();

  ObjectRef ref() const { return {kind, ns, name}; }
};

// Every object type derives from this. Objects are immutable once they are in a Snapshot.
struct Object {
  Meta meta;
};

enum class Protocol : std::uint8_t { tcp, udp, sctp, icmp };
std::string_view name(Protocol protocol);                    // "tcp"
std::optional<Protocol> protocol_of(std::string_view text);  // case-insensitive

// "80/tcp", "53/udp", "icmp" (number 0).
struct Port {
  std::uint16_t number = 0;
  Protocol protocol = Protocol::tcp;
  std::string text() const;
  static std::optional<Port> parse(std::string_view text);  // "80" alone is tcp
  friend auto operator<=>(const Port&, const Port&) = default;
};

// A port by number or by name (targetPort, NetworkPolicy port, Ingress backend port).
struct PortRef {
  std::uint16_t number = 0;  // 0 where `name` is set
  std::string name;
  friend auto operator<=>(const PortRef&, const PortRef&) = default;
};

struct Taint {
  std::string key;
  std::string value;
  std::string effect;  // NoSchedule, PreferNoSchedule, NoExecute
  friend auto operator<=>(const Taint&, const Taint&) = default;
};

enum class Os : std::uint8_t { linux, windows };

// metav1.LabelSelector. An empty selector selects everything; a missing one is std::nullopt where it matters.
struct LabelSelector {
  enum class Operator : std::uint8_t { in, not_in, exists, does_not_exist };
  struct Expression {
    std::string key;
    Operator op = Operator::in;
    std::vector<std::string> values;
    friend bool operator==(const Expression&, const Expression&) = default;
  };
  Labels match_labels;
  std::vector<Expression> expressions;

  bool empty() const { return match_labels.empty() && expressions.empty(); }
  // not_in and does_not_exist also match an absent key (Kubernetes, labels and selectors).
  bool matches(const Labels& labels) const;
  friend bool operator==(const LabelSelector&, const LabelSelector&) = default;
};

// A subnet by the name of its VNet and its own: "hub/nodes".
struct SubnetRef {
  std::string vnet;
  std::string subnet;
  bool empty() const { return vnet.empty(); }
  std::string text() const { return vnet + "/" + subnet; }
  static std::optional<SubnetRef> parse(std::string_view text);
  friend auto operator<=>(const SubnetRef&, const SubnetRef&) = default;
};

}  // namespace bailey::model
