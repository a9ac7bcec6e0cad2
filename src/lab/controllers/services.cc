// Services get what the API server gives them: families, cluster addresses, node ports; and load-balancer
// addresses where a pool exists.
//
// As for interfaces, what files say comes first, then earlier decisions, then the lowest that is free. A Service
// that asks for what another one has, or for what no cluster can give, would be refused by an API server; here it
// keeps its ports and selector, gets no address, and a condition says why.
#include <algorithm>
#include <array>

#include "lab/controllers/draft.h"

namespace bailey::lab::controllers {
namespace {

using model::Cluster;
using model::LoadBalancer;
using model::Protocol;
using model::Service;
using model::ServicePort;
using model::ServiceType;

constexpr std::uint16_t first_node_port = 30000;
constexpr std::uint16_t last_node_port = 32767;
constexpr const char* internal_annotation = "service.beta.kubernetes.io/azure-load-balancer-internal";

using PortKey = std::pair<std::uint16_t, Protocol>;

// What the Services of one cluster share.
struct Shared {
  const Cluster* cluster = nullptr;
  std::vector<Family> families;  // in the cluster's order
  std::map<Family, AddressPool> pools;
  std::map<Address, ObjectRef> owners;
  std::map<PortKey, ObjectRef> node_ports;
  std::uint16_t next_node_port = first_node_port;
};

struct Item {
  std::shared_ptr<Service> service;
  Shared* shared = nullptr;
  bool refused = false;

  std::string key() const { return "Service/" + service->meta.ns + "/" + service->meta.name; }
  bool has_address() const { return !service->headless && service->type != ServiceType::external_name; }
  bool has_node_ports() const {
    return !service->headless &&
           (service->type == ServiceType::node_port || service->type == ServiceType::load_balancer);
  }
};

bool contains(const std::vector<Family>& list, Family family) {
  return std::find(list.begin(), list.end(), family) != list.end();
}

Shared shared_of(const Cluster& cluster) {
  Shared shared;
  shared.cluster = &cluster;
  for (const Prefix& range : cluster.service_cidrs) {
    if (!contains(shared.families, range.family())) shared.families.push_back(range.family());
    bool broadcast = range.family() == Family::v4 && range.size() > 2;
    if (range.size() < 2) continue;
    shared.pools[range.family()].add({range.at(1), broadcast ? range.last().plus(~model::Uint128{0}) : range.last()});
  }
  return shared;
}

class Services {
 public:
  explicit Services(Draft& draft) : draft_(draft) {
    for (const auto& cluster : draft.now().all<Cluster>()) shared_[cluster->meta.name] = shared_of(*cluster);
    for (const auto& row : draft.now().all<Service>()) {
      auto at = shared_.find(draft.tell_cluster_of(row->meta));
      if (at != shared_.end()) items_.push_back({std::make_shared<Service>(*row), &at->second, false});
    }
  }

  void run() {
    for (Item& item : items_) choose_families(item);
    for (Item& item : items_)
      if (!item.refused) take_given_addresses(item);
    for (Item& item : items_)
      if (!item.refused && item.has_node_ports()) take_given_ports(item);
    for (auto& [name, shared] : shared_) reserve(shared);
    for (Item& item : items_)
      if (!item.refused) keep(item);
    for (Item& item : items_)
      if (!item.refused) assign(item);
    for (Item& item : items_) draft_.put(item.service);
  }

 private:
  void refuse(Item& item, const char* reason, base::Message message) {
    item.refused = true;
    item.service->cluster_addresses.clear();
    for (ServicePort& port : item.service->ports) port.node_port = 0;
    draft_.condition(item.service->meta.ref(), "Accepted", reason, std::move(message));
  }

  // Kubernetes: IPv4/IPv6 dual-stack, configuration options for Services.
  void choose_families(Item& item) {
    Service& service = *item.service;
    if (service.type == ServiceType::external_name) return;
    std::vector<Family> wanted = service.families;
    for (const Address& address : service.cluster_addresses)
      if (!contains(wanted, address.family())) wanted.push_back(address.family());
    const std::vector<Family>& offered = item.shared->families;
    bool selectorless = service.headless && (!service.selector || service.selector->empty());
    if (service.ip_family_policy.empty())
      service.ip_family_policy = wanted.size() > 1 || (selectorless && wanted.empty() && offered.size() > 1)
                                     ? "RequireDualStack"
                                     : "SingleStack";
    for (Family family : wanted)
      if (!contains(offered, family))
        return refuse(
            item, "FamilyMissing",
            {"controllers.family-missing",
             {service.meta.ref().text(), family == Family::v4 ? "IPv4" : "IPv6", item.shared->cluster->meta.name}});
    if (service.ip_family_policy == "RequireDualStack" && offered.size() < 2)
      return refuse(item, "FamilyMissing",
                    {"controllers.dual-stack-missing", {service.meta.ref().text(), item.shared->cluster->meta.name}});
    for (Family family : offered)
      if (!contains(wanted, family) && (wanted.empty() || service.ip_family_policy != "SingleStack"))
        wanted.push_back(family);
    if (service.ip_family_policy == "SingleStack" && wanted.size() > 1) wanted.resize(1);
    service.families = wanted;
  }

  // "" where nobody holds it.
  std::string holder(const Item& item, const Address& address) const {
    auto owner = item.shared->owners.find(address);
    if (owner != item.shared->owners.end()) return owner->second.text();
    const Cluster& cluster = *item.shared->cluster;
    ObjectRef ref = item.service->meta.ref();
    for (const Prefix& range : cluster.service_cidrs)
      if (address == range.at(1) && !(ref.ns == "default" && ref.name == "kubernetes"))
        return "Service/default/kubernetes";
    if (cluster.dns_service_address == address && ref.ns != "kube-system") return "dnsServiceIP";
    return "";
  }

  void take_given_addresses(Item& item) {
    if (!item.has_address()) item.service->cluster_addresses.clear();
    std::string who = item.service->meta.ref().text();
    for (const Address& address : std::vector(item.service->cluster_addresses)) {
      AddressPool& pool = item.shared->pools[address.family()];
      if (!pool.holds(address))
        return refuse(
            item, "AddressOutsideRange",
            {"controllers.service-address-outside", {who, address.text(), ranges_text(*item.shared->cluster)}});
      std::string other = holder(item, address);
      if (!other.empty())
        return refuse(item, "AddressTaken", {"controllers.service-address-taken", {who, address.text(), other}});
    }
    for (const Address& address : item.service->cluster_addresses) {
      item.shared->pools[address.family()].take(address);
      item.shared->owners[address] = item.service->meta.ref();
    }
  }

  static std::string ranges_text(const Cluster& cluster) {
    std::string out;
    for (const Prefix& range : cluster.service_cidrs) out += (out.empty() ? "" : ", ") + range.text();
    return out;
  }

  void take_given_ports(Item& item) {
    std::string who = item.service->meta.ref().text();
    auto take = [&](std::uint16_t& port, Protocol protocol) {
      if (port == 0) return;
      if (port < first_node_port || port > last_node_port) {
        draft_.condition(item.service->meta.ref(), "Accepted", "NodePortOutsideRange",
                         {"controllers.node-port-outside", {who, std::to_string(port)}});
        port = 0;
        return;
      }
      auto [at, free] = item.shared->node_ports.try_emplace({port, protocol}, item.service->meta.ref());
      if (free) return;
      draft_.condition(item.service->meta.ref(), "Accepted", "NodePortTaken",
                       {"controllers.node-port-taken", {who, std::to_string(port), at->second.text()}});
      port = 0;
    };
    for (ServicePort& port : item.service->ports) {
      std::uint16_t asked = port.node_port;
      take(port.node_port, port.protocol);
      if (asked != 0 && port.node_port == 0) refused_ports_.insert({item.service->meta.ref(), port_key(item, port)});
    }
    take(item.service->health_check_node_port, Protocol::tcp);
  }

  static std::string port_key(const Item& item, const ServicePort& port) {
    return item.key() + "/" + model::Port{port.port, port.protocol}.text();
  }

  // What nobody may be given: the API server's address and the DNS service's.
  static void reserve(Shared& shared) {
    for (const Prefix& range : shared.cluster->service_cidrs) shared.pools[range.family()].take(range.at(1));
    if (const auto& dns = shared.cluster->dns_service_address) shared.pools[dns->family()].take(*dns);
  }

  bool wants_health_port(const Item& item) const {
    return item.service->type == ServiceType::load_balancer && item.service->health_check_node_port == 0 &&
           item.service->external_traffic_policy == model::TrafficPolicy::local;
  }

  // Calls `give(port, protocol, key)` for each node port that is still missing.
  template <typename Give>
  void each_missing_port(Item& item, Give give) {
    if (!item.has_node_ports()) return;
    for (ServicePort& port : item.service->ports) {
      std::string key = port_key(item, port);
      if (port.node_port == 0 && !refused_ports_.contains({item.service->meta.ref(), key}))
        give(port.node_port, port.protocol, key);
    }
    if (wants_health_port(item)) give(item.service->health_check_node_port, Protocol::tcp, item.key() + "/health");
  }

  void keep(Item& item) {
    for (Family family : item.service->families)
      if (item.has_address() && !has(item.service->cluster_addresses, family))
        if (auto address = draft_.keep(item.key() + "/" + name(family), item.shared->pools[family]))
          own(item, *address);
    each_missing_port(item, [&](std::uint16_t& port, Protocol protocol, const std::string& key) {
      auto earlier = draft_.earlier.ports.find(key);
      if (earlier == draft_.earlier.ports.end()) return;
      if (!item.shared->node_ports.try_emplace({earlier->second, protocol}, item.service->meta.ref()).second) return;
      port = draft_.next.ports[key] = earlier->second;
    });
  }

  void own(Item& item, const Address& address) {
    item.service->cluster_addresses.push_back(address);
    item.shared->owners[address] = item.service->meta.ref();
  }

  void assign(Item& item) {
    Service& service = *item.service;
    for (Family family : service.families) {
      if (!item.has_address() || has(service.cluster_addresses, family)) continue;
      auto address = draft_.assign(item.key() + "/" + name(family), item.shared->pools[family]);
      if (!address)
        return refuse(
            item, "ServiceRangeFull",
            {"controllers.service-range-full", {service.meta.ref().text(), ranges_text(*item.shared->cluster)}});
      own(item, *address);
    }
    std::stable_sort(service.cluster_addresses.begin(), service.cluster_addresses.end(),
                     [&](const Address& a, const Address& b) { return rank(service, a) < rank(service, b); });
    each_missing_port(item, [&](std::uint16_t& port, Protocol protocol, const std::string& key) {
      std::uint16_t candidate = item.shared->next_node_port;
      while (candidate <= last_node_port && item.shared->node_ports.contains({candidate, protocol})) ++candidate;
      if (candidate > last_node_port) {
        draft_.condition(service.meta.ref(), "Accepted", "NodePortsFull",
                         {"controllers.node-ports-full", {service.meta.ref().text()}});
        return;
      }
      item.shared->node_ports.emplace(PortKey{candidate, protocol}, service.meta.ref());
      port = draft_.next.ports[key] = candidate;
    });
  }

  // The primary family's address stands first.
  static std::size_t rank(const Service& service, const Address& address) {
    return static_cast<std::size_t>(std::find(service.families.begin(), service.families.end(), address.family()) -
                                    service.families.begin());
  }

  Draft& draft_;
  std::map<std::string, Shared> shared_;
  std::vector<Item> items_;
  std::set<std::pair<ObjectRef, std::string>> refused_ports_;
};

// Addresses of Services of type LoadBalancer, out of the pools of LoadBalancer objects.
class Balancers {
 public:
  explicit Balancers(Draft& draft) : draft_(draft) {
    for (const auto& balancer : draft.now().all<LoadBalancer>()) {
      Pools& pools = pools_.emplace_back();
      pools.balancer = balancer.get();
      for (const AddressRange& range : balancer->addresses) pools.own[range.first.family()].add(range);
    }
  }

  void run() {
    std::vector<std::shared_ptr<Service>> services;
    for (const auto& row : draft_.now().all<Service>())
      if (row->type == ServiceType::load_balancer) services.push_back(std::make_shared<Service>(*row));
    for (auto& service : services)
      for (const Address& address : service->load_balancer_addresses)
        for (Pools& pools : pools_) pools.own[address.family()].take(address);
    for (auto& service : services) take_given(*service);
    for (auto& [key, addresses] : draft_.subnets) addresses.release_set_aside();
    for (auto& service : services)
      each_missing(*service,
                   [&](const std::string& key, Pools& from, Family family) { return keep(key, from, family); });
    for (auto& service : services)
      each_missing(*service,
                   [&](const std::string& key, Pools& from, Family family) { return give(key, from, family); });
    for (auto& service : services) {
      if (service->load_balancer_addresses.empty() && !candidates(*service).empty() &&
          !told_.contains(service->meta.ref()))
        draft_.condition(service->meta.ref(), "AddressAssigned", "LoadBalancerFull",
                         {"controllers.load-balancer-full", {service->meta.ref().text()}});
      draft_.put(service);
    }
  }

 private:
  struct Pools {
    const LoadBalancer* balancer = nullptr;
    std::map<Family, AddressPool> own;
  };

  // An internal one without addresses of its own draws from its subnet.
  SubnetAddresses* subnet(const Pools& pools, Family family) {
    if (!pools.balancer->internal || !pools.balancer->addresses.empty()) return nullptr;
    return addresses_of(draft_, pools.balancer->subnet, family);
  }
  AddressPool& pool(Pools& pools, Family family) {
    SubnetAddresses* from = subnet(pools, family);
    return from ? from->free : pools.own[family];
  }

  std::optional<Address> keep(const std::string& key, Pools& pools, Family family) {
    SubnetAddresses* from = subnet(pools, family);
    if (!from) return draft_.keep(key, pools.own[family]);
    auto earlier = draft_.earlier.addresses.find(key);
    if (earlier == draft_.earlier.addresses.end() || !from->take(earlier->second)) return std::nullopt;
    draft_.next.addresses[key] = earlier->second;
    return earlier->second;
  }

  std::optional<Address> give(const std::string& key, Pools& pools, Family family) {
    SubnetAddresses* from = subnet(pools, family);
    if (!from) return draft_.assign(key, pools.own[family]);
    std::optional<Address> address = from->take_one();
    if (address) draft_.next.addresses[key] = *address;
    return address;
  }

  std::vector<Pools*> candidates(const Service& service) {
    auto annotation = service.meta.annotations.find(internal_annotation);
    bool internal = annotation != service.meta.annotations.end() && annotation->second == "true";
    const std::string& wanted = service.load_balancer_class;
    std::string_view class_name = wanted;
    if (class_name.starts_with("bailey.dev/")) class_name.remove_prefix(11);
    std::vector<Pools*> out;
    for (Pools& pools : pools_) {
      if (class_name.empty() ? pools.balancer->internal == internal : pools.balancer->meta.name == class_name)
        out.push_back(&pools);
    }
    return out;
  }

  void take_given(Service& service) {
    if (!service.load_balancer_address || !service.load_balancer_addresses.empty() || pools_.empty()) return;
    const Address& wanted = *service.load_balancer_address;
    bool held = false;
    for (Pools* pools : candidates(service)) {
      AddressPool& from = pool(*pools, wanted.family());
      held = held || from.holds(wanted);
      // In a subnet the address was set aside for this Service before anybody else was served.
      bool set_aside = pools->balancer->addresses.empty() && from.holds(wanted) && given_.insert(wanted).second;
      if (!set_aside && !from.take(wanted)) continue;
      service.load_balancer_addresses = {wanted};
      return;
    }
    told_.insert(service.meta.ref());
    draft_.condition(service.meta.ref(), "AddressAssigned", held ? "AddressTaken" : "AddressOutsidePool",
                     {held ? "controllers.load-balancer-address-taken" : "controllers.load-balancer-address-outside",
                      {service.meta.ref().text(), wanted.text()}});
  }

  template <typename Give>
  void each_missing(Service& service, Give give_from) {
    if (service.load_balancer_address || service.cluster_addresses.empty()) return;
    for (Family family : service.families) {
      if (has(service.load_balancer_addresses, family)) continue;
      std::string key = balancer_key(service.meta, family);
      for (Pools* pools : candidates(service)) {
        std::optional<Address> address = give_from(key, *pools, family);
        if (!address) continue;
        service.load_balancer_addresses.push_back(*address);
        break;
      }
    }
  }

  Draft& draft_;
  std::vector<Pools> pools_;
  std::set<Address> given_;
  std::set<ObjectRef> told_;
};

}  // namespace

std::string balancer_key(const model::Meta& service, Family family) {
  return "Service/" + service.ns + "/" + service.name + "/balancer/" + name(family);
}

void complete_services(Draft& draft) {
  Services(draft).run();
  draft.commit();
  Balancers(draft).run();
}

}  // namespace bailey::lab::controllers
