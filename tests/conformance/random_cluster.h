// Small networks at random: a cluster of either network model with policies, a second VNet, security groups, routes,
// a gateway, hosts; of IPv4, of IPv6 or of both. Small pools of labels, addresses and ports make sure that rules meet
// each other.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "model/snapshot.h"

namespace bailey {

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t n) { return engine_() % n; }
  bool chance(unsigned percent) { return below(100) < percent; }
  template <typename T>
  const T& of(const std::vector<T>& values) {
    return values[below(values.size())];
  }
  template <typename T>
  void shuffle(std::vector<T>& values) {
    for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
  }

 private:
  std::mt19937_64 engine_;
};

template <typename T>
std::shared_ptr<T> object(model::Kind kind, const std::string& name, const std::string& ns = "") {
  auto out = std::make_shared<T>();
  out->meta.kind = kind;
  out->meta.name = name;
  out->meta.ns = ns;
  return out;
}

// Objects that a test may still change; those it changes are its own, copied with the whole.
struct RandomCluster {
  std::vector<model::Namespace> namespaces;
  std::vector<model::Pod> pods;
  std::vector<model::NetworkPolicy> policies;
  std::vector<model::NetworkSecurityGroup> groups;
  std::vector<model::RouteTable> tables;
  std::vector<model::Service> services;
  std::vector<model::AnyObject> others;
  bool kubenet = false;
  std::vector<model::Family> families{model::Family::v4, model::Family::v6};  // of its addresses: one or both

  bool speaks(model::Family family) const;

  model::Snapshot snapshot() const;
  std::vector<model::AnyObject> objects() const;
};

RandomCluster random_cluster(Dice& dice);
// One in a namespace that has pods.
model::NetworkPolicy random_policy(Dice& dice, const RandomCluster& cluster, const std::string& name);

}  // namespace bailey
