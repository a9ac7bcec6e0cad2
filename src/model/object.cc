#include "model/object.h"

#include <algorithm>

#include "base/check.h"
#include "base/strings.h"

namespace bailey::model {
namespace {

const std::vector<KindInfo>& kind_table() {
  static const std::vector<std::string_view> core = {"v1"};
  static const std::vector<std::string_view> apps = {"apps/v1"};
  static const std::vector<std::string_view> gateway_api = {"gateway.networking.k8s.io/v1",
                                                            "gateway.networking.k8s.io/v1beta1"};
  static const std::vector<std::string_view> ingress = {"networking.k8s.io/v1", "networking.k8s.io/v1beta1",
                                                        "extensions/v1beta1"};
  static const std::vector<std::string_view> own = {"bailey.dev/v1alpha1"};
  static const std::vector<KindInfo> table = {
      {Kind::Namespace, "Namespace", core, false, false},
      {Kind::Node, "Node", core, false, false},
      {Kind::Pod, "Pod", core, true, false},
      {Kind::Service, "Service", core, true, true},
      {Kind::Secret, "Secret", core, true, false},
      {Kind::ConfigMap, "ConfigMap", core, true, false},
      {Kind::Deployment, "Deployment", apps, true, false},
      {Kind::StatefulSet, "StatefulSet", apps, true, false},
      {Kind::DaemonSet, "DaemonSet", apps, true, false},
      {Kind::Job, "Job", {"batch/v1"}, true, false},
      {Kind::EndpointSlice, "EndpointSlice", {"discovery.k8s.io/v1", "discovery.k8s.io/v1beta1"}, true, false},
      {Kind::Ingress, "Ingress", ingress, true, true},
      {Kind::IngressClass, "IngressClass", {"networking.k8s.io/v1", "networking.k8s.io/v1beta1"}, false, true},
      {Kind::NetworkPolicy, "NetworkPolicy", {"networking.k8s.io/v1"}, true, true},
      {Kind::GatewayClass, "GatewayClass", gateway_api, false, true},
      {Kind::Gateway, "Gateway", gateway_api, true, true},
      {Kind::HTTPRoute, "HTTPRoute", gateway_api, true, true},
      {Kind::ReferenceGrant, "ReferenceGrant", gateway_api, true, true},
      {Kind::VirtualNetwork, "VirtualNetwork", own, false, true},
      {Kind::NetworkPeering, "NetworkPeering", own, false, true},
      {Kind::NetworkInterface, "NetworkInterface", own, false, true},
      {Kind::NetworkSecurityGroup, "NetworkSecurityGroup", own, false, true},
      {Kind::RouteTable, "RouteTable", own, false, true},
      {Kind::OnPremisesNetwork, "OnPremisesNetwork", own, false, true},
      {Kind::NetworkGateway, "NetworkGateway", own, false, true},
      {Kind::GatewayConnection, "GatewayConnection", own, false, true},
      {Kind::Cluster, "Cluster", own, false, true},
      {Kind::RoleAssignment, "RoleAssignment", own, false, true},
      {Kind::RoleDefinition, "RoleDefinition", own, false, true},
      {Kind::LoadBalancer, "LoadBalancer", own, false, true},
      {Kind::ApplicationGateway, "ApplicationGateway", own, false, true},
      {Kind::WafPolicy, "WafPolicy", own, true, true},
      {Kind::LabHost, "LabHost", own, false, true},
      {Kind::Bastion, "Bastion", own, false, true},
      {Kind::AccessGrant, "AccessGrant", own, false, true},
  };
  return table;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

struct Alias {
  std::string_view text;
  Kind kind;
};
constexpr Alias aliases[] = {
    {"ns", Kind::Namespace},
    {"no", Kind::Node},
    {"po", Kind::Pod},
    {"svc", Kind::Service},
    {"cm", Kind::ConfigMap},
    {"deploy", Kind::Deployment},
    {"sts", Kind::StatefulSet},
    {"ds", Kind::DaemonSet},
    {"ing", Kind::Ingress},
    {"netpol", Kind::NetworkPolicy},
    {"gw", Kind::Gateway},
    {"vnet", Kind::VirtualNetwork},
    {"peering", Kind::NetworkPeering},
    {"nic", Kind::NetworkInterface},
    {"nsg", Kind::NetworkSecurityGroup},
    {"udr", Kind::RouteTable},
    {"host", Kind::LabHost},
    {"lb", Kind::LoadBalancer},
};

bool plural_of(const std::string& text, const std::string& singular) {
  if (text == singular + "s" || text == singular + "es") return true;
  return !singular.empty() && singular.back() == 'y' && text == singular.substr(0, singular.size() - 1) + "ies";
}

}  // namespace

std::span<const KindInfo> kinds() { return kind_table(); }

const KindInfo& info(Kind kind) {
  const KindInfo& row = kind_table()[static_cast<std::size_t>(kind)];
  base::check(row.kind == kind, "the kind table is in the order of the enum");
  return row;
}

std::string_view name(Kind kind) { return info(kind).name; }

std::optional<Kind> kind_of(std::string_view text) {
  std::string word = lower(text);
  for (const KindInfo& row : kinds()) {
    std::string singular = lower(row.name);
    if (word == singular || plural_of(word, singular)) return row.kind;
  }
  for (const Alias& alias : aliases)
    if (word == alias.text) return alias.kind;
  return std::nullopt;
}

std::string ObjectRef::text() const {
  std::string out(model::name(kind));
  if (!ns.empty()) out += "/" + ns;
  return out + "/" + name;
}

std::optional<ObjectRef> ObjectRef::parse(std::string_view text) {
  std::vector<std::string_view> parts = base::split(text, '/');
  if (parts.size() < 2 || parts.size() > 3) return std::nullopt;
  std::optional<Kind> kind = kind_of(parts[0]);
  if (!kind || parts.back().empty()) return std::nullopt;
  bool namespaced = info(*kind).namespaced;
  std::string ns = namespaced ? "default" : "";
  if (parts.size() == 3) {
    if (!namespaced && !parts[1].empty()) return std::nullopt;
    if (namespaced && !parts[1].empty()) ns = parts[1];
  }
  return ObjectRef{*kind, ns, std::string(parts.back())};
}

std::string_view name(Protocol protocol) {
  constexpr std::string_view names[] = {"tcp", "udp", "sctp", "icmp"};
  return names[static_cast<int>(protocol)];
}

std::optional<Protocol> protocol_of(std::string_view text) {
  std::string word = lower(text);
  for (Protocol protocol : {Protocol::tcp, Protocol::udp, Protocol::sctp, Protocol::icmp})
    if (word == name(protocol)) return protocol;
  return std::nullopt;
}

std::string Port::text() const {
  if (protocol == Protocol::icmp) return "icmp";
  return std::to_string(number) + "/" + std::string(model::name(protocol));
}

std::optional<Port> Port::parse(std::string_view text) {
  if (lower(text) == "icmp") return Port{0, Protocol::icmp};
  std::size_t slash = text.find('/');
  std::optional<std::uint64_t> number = base::parse_number(text.substr(0, slash), 65535);
  if (!number || *number == 0) return std::nullopt;
  std::optional<Protocol> protocol = Protocol::tcp;
  if (slash != std::string_view::npos) protocol = protocol_of(text.substr(slash + 1));
  if (!protocol || *protocol == Protocol::icmp) return std::nullopt;
  return Port{static_cast<std::uint16_t>(*number), *protocol};
}

bool LabelSelector::matches(const Labels& labels) const {
  for (const auto& [key, value] : match_labels) {
    auto at = labels.find(key);
    if (at == labels.end() || at->second != value) return false;
  }
  for (const Expression& expression : expressions) {
    auto at = labels.find(expression.key);
    bool present = at != labels.end();
    bool listed =
        present && std::find(expression.values.begin(), expression.values.end(), at->second) != expression.values.end();
    bool holds = false;
    switch (expression.op) {
      case Operator::in: holds = listed; break;
      case Operator::not_in: holds = !listed; break;
      case Operator::exists: holds = present; break;
      case Operator::does_not_exist: holds = !present; break;
    }
    if (!holds) return false;
  }
  return true;
}

std::optional<SubnetRef> SubnetRef::parse(std::string_view text) {
  std::vector<std::string_view> parts = base::split(text, '/');
  if (parts.size() != 2 || parts[0].empty() || parts[1].empty()) return std::nullopt;
  return SubnetRef{std::string(parts[0]), std::string(parts[1])};
}

}  // namespace bailey::model
