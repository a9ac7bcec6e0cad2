// What a predicate reports to. Internal to the catalogue.
#pragma once

#include <string>
#include <vector>

#include "plan/check/check.h"

namespace bailey::plan::check {

// Takes what one rule found.
class Findings {
 public:
  explicit Findings(std::vector<Finding>& out) : out_(out) {}
  void begin(const Rule& rule) { rule_ = &rule; }

  // The object breaks the rule at `field`: form `form` of the rule with these arguments.
  Finding& add(const model::Meta& meta, std::string field, std::vector<std::string> args = {}, std::size_t form = 0);

 private:
  std::vector<Finding>& out_;
  const Rule* rule_ = nullptr;
};

// The groups, one file each; catalogue.cc joins them.
const std::vector<Rule>& model_rules();
const std::vector<Rule>& address_rules();
const std::vector<Rule>& range_rules();
const std::vector<Rule>& route_rules();
const std::vector<Rule>& balancing_rules();
const std::vector<Rule>& ingress_rules();
const std::vector<Rule>& firewall_rules();
const std::vector<Rule>& policy_rules();
const std::vector<Rule>& bastion_rules();
const std::vector<Rule>& identity_rules();
const std::vector<Rule>& change_rules();

// CID-13, which asks in the vnet model what MOD-05 asks of kubenet.
void clusters_share_subnet(const Facts& facts, Findings& report);

// Pages that rules come from.
namespace pages {
inline constexpr std::string_view best_practices =
    "https://learn.microsoft.com/azure/aks/operator-best-practices-network";
inline constexpr std::string_view azure_cni = "https://learn.microsoft.com/azure/aks/configure-azure-cni";
inline constexpr std::string_view kubenet = "https://learn.microsoft.com/azure/aks/configure-kubenet";
inline constexpr std::string_view overlay = "https://learn.microsoft.com/azure/aks/azure-cni-overlay";
inline constexpr std::string_view legacy = "https://learn.microsoft.com/azure/aks/concepts-network-legacy-cni";
inline constexpr std::string_view planning =
    "https://learn.microsoft.com/azure/aks/concepts-network-ip-address-planning";
inline constexpr std::string_view policies = "https://learn.microsoft.com/azure/aks/use-network-policies";
inline constexpr std::string_view concepts = "https://learn.microsoft.com/azure/aks/concepts-network";
inline constexpr std::string_view networks = "https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq";
inline constexpr std::string_view peering =
    "https://learn.microsoft.com/azure/virtual-network/virtual-network-peering-overview";
inline constexpr std::string_view balancer = "https://learn.microsoft.com/azure/aks/load-balancer-standard";
inline constexpr std::string_view balancers =
    "https://learn.microsoft.com/azure/aks/use-multiple-standard-load-balancer";
inline constexpr std::string_view balancer_concepts =
    "https://learn.microsoft.com/azure/load-balancer/load-balancer-overview";
inline constexpr std::string_view kubernetes_policies =
    "https://kubernetes.io/docs/concepts/services-networking/network-policies/";
inline constexpr std::string_view security_groups =
    "https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview";
}  // namespace pages

}  // namespace bailey::plan::check
