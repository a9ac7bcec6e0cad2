// Microsoft.ContainerService: clusters and their node pools.
#include "import/az_part.h"

#include "base/strings.h"

namespace bailey::importer {

using base::Json;

namespace {

Json texts_json(const std::vector<std::string>& texts) {
  Json out = Json::array();
  for (const std::string& text : texts) out.push(text);
  return out;
}

// "key=value:NoSchedule", as az writes taints.
Json taint_of(const std::string& text) {
  std::size_t colon = text.rfind(':');
  std::string head = text.substr(0, colon);
  std::size_t equals = head.find('=');
  Json out = Json::object();
  out.set("key", head.substr(0, equals));
  if (equals != std::string::npos) out.set("value", head.substr(equals + 1));
  if (colon != std::string::npos) out.set("effect", text.substr(colon + 1));
  return out;
}

}  // namespace

void Import::network_profile(Part& cluster, Draft& out) {
  std::optional<Part> profile = cluster.part("networkProfile");
  if (!profile) return;
  std::string plugin = lower(profile->text("networkPlugin"));
  std::string mode = lower(profile->text("networkPluginMode"));
  bool kubenet = plugin == "kubenet";
  out.spec.set("networkModel", kubenet ? "kubenet" : "vnet");
  if (mode == "overlay") profile->note_at("networkPluginMode", "import.overlay");
  if (plugin == "none") profile->note_at("networkPlugin", "import.no-plugin");
  auto ranges = [&](const char* single, const char* several, const char* key) {
    std::vector<std::string> list = profile->texts(several);
    std::string one = profile->text(single);
    if (list.empty() && !one.empty()) list.push_back(one);
    if (list.size() == 1) out.spec.set(key, list[0]);
    if (list.size() > 1) out.spec.set(std::string(key) + "s", texts_json(list));
  };
  // Outside kubenet Bailey has no range of pods of its own; az prints one for an overlay.
  if (kubenet)
    ranges("podCidr", "podCidrs", "podCIDR");
  else if (profile->has("podCidr"))
    profile->note_at("podCidr", "import.no-counterpart");
  ranges("serviceCidr", "serviceCidrs", "serviceCIDR");
  if (std::string dns = profile->text("dnsServiceIp"); !dns.empty()) out.spec.set("dnsServiceIP", dns);
  if (std::string bridge = profile->text("dockerBridgeCidr"); !bridge.empty()) out.spec.set("dockerBridgeCIDR", bridge);
  std::string policy = lower(profile->text("networkPolicy"));
  if (policy == "azure" || policy == "calico" || policy == "none")
    out.spec.set("networkPolicy", policy);
  else if (!policy.empty())
    profile->note_at("networkPolicy", "import.no-counterpart");
  profile->ignore({"podCidr", "podCidrs", "ipFamilies", "networkDataplane"});
  if (std::string outbound = profile->text("outboundType"); !outbound.empty() && outbound != "loadBalancer")
    profile->note_at("outboundType", "import.no-counterpart");
  profile->ignore({"loadBalancerSku"});
  profile->note_rest();
}

void Import::node_pool(Part part, Draft& out) {
  Json item = Json::object();
  item.set("name", part.text("name")).set("os", lower(part.text("osType")) == "windows" ? "windows" : "linux");
  for (const char* key : {"count", "minCount", "maxCount", "maxPods"})
    if (std::optional<std::int64_t> value = part.number(key)) item.set(key, *value);
  if (std::optional<Part> upgrade = part.part("upgradeSettings")) {
    if (std::string surge = upgrade->text("maxSurge"); !surge.empty()) item.set("maxSurge", surge);
    upgrade->ignore(
        {"drainTimeoutInMinutes", "nodeSoakDurationInMinutes", "undrainableNodeBehavior", "maxUnavailable"});
    upgrade->note_rest();
  }
  std::string subnet = refer_subnet(part, "vnetSubnetId", part.text("vnetSubnetId"));
  if (!subnet.empty()) item.set("subnet", subnet);
  if (part.has("podSubnetId")) part.note_at("podSubnetId", "import.pod-subnet");
  if (std::optional<Part> labels = part.part("nodeLabels")) item.set("labels", labels->all());
  Json taints = Json::array();
  for (const std::string& text : part.texts("nodeTaints")) taints.push(taint_of(text));
  if (!taints.items().empty()) item.set("taints", taints);
  part.ignore({"podSubnetId", "mode", "osSku", "vmSize", "osDiskSizeGb", "osDiskType", "kubeletDiskType",
               "orchestratorVersion", "currentOrchestratorVersion", "nodeImageVersion", "powerState",
               "enableAutoScaling", "typePropertiesType", "availabilityZones", "scaleDownMode", "workloadRuntime",
               "securityProfile", "eTag"});
  part.note_rest();
  give(out, "nodePools", std::move(item), part);
}

void Import::cluster(const Resource& resource) {
  Part part = resource.part;
  Draft out = draft("Cluster", resource);
  std::string group = part.text("resourceGroup");
  out.spec.set("resourceGroup", group.empty() ? resource.id.group : group);
  network_profile(part, out);
  Json identity = Json::object();
  std::optional<Part> principal = part.part("servicePrincipalProfile");
  bool managed = !principal || lower(principal->text("clientId")) == "msi" || part.has("identity");
  identity.set("type", managed ? "managed" : "servicePrincipal");
  if (!managed) identity.set("name", principal->text("clientId"));
  out.spec.set("identity", identity);
  for (Part& child : children(resource, part, "agentPoolProfiles", "agentpools")) node_pool(child, out);
  if (std::optional<Part> access = part.part("apiServerAccessProfile")) {
    std::vector<std::string> ranges = access->texts("authorizedIpRanges");
    if (!ranges.empty()) out.spec.set("apiServer", Json::object().set("authorizedRanges", texts_json(ranges)));
    access->note_rest();
  }
  part.ignore({"identity",
               "kubernetesVersion",
               "currentKubernetesVersion",
               "dnsPrefix",
               "fqdn",
               "azurePortalFqdn",
               "nodeResourceGroup",
               "powerState",
               "linuxProfile",
               "windowsProfile",
               "identityProfile",
               "sku",
               "maxAgentPools",
               "enableRbac",
               "supportPlan",
               "resourceUid",
               "storageProfile",
               "autoUpgradeProfile",
               "oidcIssuerProfile",
               "disableLocalAccounts",
               "autoScalerProfile",
               "metricsProfile",
               "eTag",
               "bootstrapProfile",
               "nodeProvisioningProfile",
               "securityProfile",
               "workloadAutoScalerProfile"});
  part.note_rest();
  finish(std::move(out));
}

}  // namespace bailey::importer
