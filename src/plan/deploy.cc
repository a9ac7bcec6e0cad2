#include "plan/deploy.h"

#include <algorithm>

namespace bailey::plan {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

const model::Prefix* first_of(const std::vector<model::Prefix>& prefixes, model::Family family) {
  for (const model::Prefix& prefix : prefixes)
    if (prefix.family() == family) return &prefix;
  return nullptr;
}

}  // namespace

std::string quoted_shell(std::string_view text) {
  constexpr std::string_view plain = "-_./:=,@%+";
  bool bare = !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_letter(c) || is_digit(c) || plain.find(c) != std::string_view::npos;
  });
  if (bare) return std::string(text);
  std::string out = "'";
  for (char c : text) c == '\'' ? out += "'\\''" : out += c;
  return out + "'";
}

std::string quoted_bicep(std::string_view text) {
  std::string out = "'";
  for (char c : text) switch (c) {
      case '\'': out += "\\'"; break;
      case '\\': out += "\\\\"; break;
      case '$': out += "\\$"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default: out += c;
    }
  return out + "'";
}

std::string quoted_terraform(std::string_view text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) switch (char c = text[i]) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '$':
      case '%':
        out += c;
        if (i + 1 < text.size() && text[i + 1] == '{') out += c;  // "$${" is the text "${"
        break;
      default: out += c;
    }
  return out + "\"";
}

const std::string& Identifiers::of(std::string_view kind, const std::string& name) {
  std::string& out = known_[{std::string(kind), name}];
  if (!out.empty()) return out;
  std::string base = std::string(kind) + "_";
  for (char c : name) base += is_letter(c) || is_digit(c) ? c : '_';
  out = base;
  for (int number = 2; !used_.insert(out).second; ++number) out = base + "_" + std::to_string(number);
  return out;
}

std::string pool_name(const model::NodePool& pool) {
  std::string out;
  for (char c : pool.name)
    if (is_letter(c) || is_digit(c)) out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (out.empty() || is_digit(out[0])) out.insert(0, "p");
  return out.substr(0, pool.os == model::Os::windows ? 6 : 12);
}

std::string group_of(const std::string& resource_group) { return resource_group.empty() ? "bailey" : resource_group; }

model::SubnetRef subnet_of(const model::Cluster& cluster, const model::NodePool& pool) {
  return pool.subnet.empty() ? cluster.subnet : pool.subnet;
}

std::string_view azure_protocol(const model::SecurityRule& rule) {
  if (!rule.protocol) return "*";
  switch (*rule.protocol) {
    case model::Protocol::tcp: return "Tcp";
    case model::Protocol::udp: return "Udp";
    case model::Protocol::icmp: return "Icmp";
    case model::Protocol::sctp: return "";
  }
  return "";
}

std::vector<std::string> port_texts(const std::vector<model::SecurityRule::PortRange>& ports) {
  std::vector<std::string> out;
  for (const auto& port : ports)
    out.push_back(port.first == port.last ? std::to_string(port.first)
                                          : std::to_string(port.first) + "-" + std::to_string(port.last));
  return any_if_empty(std::move(out));
}

std::vector<std::string> any_if_empty(std::vector<std::string> prefixes) {
  if (prefixes.empty()) prefixes.emplace_back("*");
  return prefixes;
}

std::set<std::string> application_groups(const model::Snapshot& snapshot) {
  std::set<std::string> out;
  for (const auto& group : snapshot.all<model::NetworkSecurityGroup>())
    for (const model::SecurityRule& rule : group->rules)
      for (const auto* names : {&rule.source_groups, &rule.destination_groups})
        out.insert(names->begin(), names->end());
  return out;
}

std::set<model::SubnetRef> cluster_subnets(const model::Cluster& cluster) {
  std::set<model::SubnetRef> out;
  for (const model::NodePool& pool : cluster.node_pools)
    if (model::SubnetRef ref = subnet_of(cluster, pool); !ref.empty()) out.insert(ref);
  return out;
}

bool is_principal(const model::Cluster& cluster) {
  return cluster.identity.type == model::ClusterIdentity::Type::service_principal;
}

const model::Cluster& owner_of_identity(const model::Snapshot& snapshot, const model::Cluster& cluster) {
  for (const auto& other : snapshot.all<model::Cluster>())
    if (other->identity.type == cluster.identity.type && other->identity.name == cluster.identity.name) return *other;
  return cluster;
}

Model model_of(const Deployment& deployment, const model::Cluster& cluster) {
  auto at = deployment.models.find(cluster.meta.name);
  return at == deployment.models.end() ? model_of(cluster.network_model) : at->second;
}

ClusterRanges ranges_of(const model::Cluster& cluster, Model model) {
  using model::Family;
  ClusterRanges out;
  bool with_pods = model != Model::vnet;
  const model::Prefix* pods[] = {first_of(cluster.pod_cidrs, Family::v4), first_of(cluster.pod_cidrs, Family::v6)};
  const model::Prefix* services[] = {first_of(cluster.service_cidrs, Family::v4),
                                     first_of(cluster.service_cidrs, Family::v6)};
  out.dual = with_pods && pods[0] && pods[1] && services[0] && services[1];
  out.ipv6_lost = !out.dual && ((with_pods && pods[1]) || services[1]);
  for (int i = 0; i < (out.dual ? 2 : 1); ++i) {
    if (with_pods && pods[i]) out.pods.push_back(pods[i]->text());
    if (services[i]) out.services.push_back(services[i]->text());
  }
  if (!services[0]) return out;
  bool given = cluster.dns_service_address && cluster.dns_service_address->family() == Family::v4;
  if (given)
    out.dns = cluster.dns_service_address->text();
  else if (services[0]->contains(services[0]->at(10)))
    out.dns = services[0]->at(10).text();
  return out;
}

}  // namespace bailey::plan
