// The compiler's effective routes and the naive evaluator answer alike, on random topologies.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "fabric/route.h"
#include "reach/route.h"

namespace bailey {
namespace {

using model::Address;
using model::Family;
using model::Kind;
using model::NextHopType;
using model::Prefix;
using model::Uint128;

constexpr int topologies = 2200;
constexpr int destinations = 18;

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t n) { return engine_() % n; }
  bool chance(int percent) { return static_cast<int>(below(100)) < percent; }
  template <typename T>
  const T& of(const std::vector<T>& values) {
    return values[below(values.size())];
  }
  Uint128 number() { return (Uint128{engine_()} << 64) | engine_(); }

 private:
  std::mt19937_64 engine_;
};

template <typename T>
std::shared_ptr<T> object(Kind kind, const std::string& name) {
  auto out = std::make_shared<T>();
  out->meta.kind = kind;
  out->meta.name = name;
  return out;
}

// Prefixes from a small pool of nested ranges, so that equal and containing ones are common.
Prefix some_prefix(Dice& dice) {
  static const std::vector<const char*> bases = {"10.0.0.0",   "10.1.0.0", "10.255.0.0", "172.16.0.0", "192.168.0.0",
                                                 "100.64.0.0", "8.8.0.0",  "fd00::",     "fd00:1::",   "2001:db8::"};
  Address base = *Address::parse(dice.of(bases));
  static const std::vector<int> v4_lengths = {0, 7, 8, 10, 12, 15, 16, 17, 24, 32};
  static const std::vector<int> v6_lengths = {0, 6, 7, 8, 32, 48, 64, 128};
  return Prefix(base, dice.of(base.is_v4() ? v4_lengths : v6_lengths));
}

std::vector<Prefix> some_prefixes(Dice& dice, std::size_t most) {
  std::vector<Prefix> out;
  for (std::size_t n = dice.below(most + 1); n > 0; --n) out.push_back(some_prefix(dice));
  return out;
}

struct Topology {
  model::Snapshot snapshot;
  std::vector<Prefix> prefixes;  // every one that is written somewhere
};

Topology some_topology(Dice& dice) {
  std::vector<model::AnyObject> objects;
  std::vector<Prefix> used;
  auto note = [&](std::vector<Prefix> list) {
    used.insert(used.end(), list.begin(), list.end());
    return list;
  };
  const std::vector<std::string> vnets = {"a", "b", "c"};
  for (const std::string& name : vnets) {
    auto vnet = object<model::VirtualNetwork>(Kind::VirtualNetwork, name);
    vnet->address_space = note(some_prefixes(dice, 2));
    vnet->subnets = {{"s", {}, "", dice.chance(70) ? "t" + name : "", ""}};
    if (dice.chance(95)) objects.emplace_back(std::shared_ptr<const model::VirtualNetwork>(vnet));
    auto table = object<model::RouteTable>(Kind::RouteTable, "t" + name);
    table->disable_gateway_route_propagation = dice.chance(25);
    for (std::size_t i = dice.below(5); i > 0; --i) {
      model::UserRoute route;
      route.name = "r" + std::to_string(i);
      route.prefix = note({some_prefix(dice)})[0];
      route.next_hop_type = static_cast<NextHopType>(dice.below(5));
      if (route.next_hop_type == NextHopType::virtual_appliance) route.next_hop_address = Address::v4(i);
      table->routes.push_back(route);
    }
    if (dice.chance(90)) objects.emplace_back(std::shared_ptr<const model::RouteTable>(table));
  }
  for (const std::string& from : vnets) {
    for (const std::string& to : vnets) {
      if (dice.chance(35)) continue;
      auto peering = object<model::NetworkPeering>(Kind::NetworkPeering, from + to);
      peering->from = from;
      peering->to = to;
      peering->allow_virtual_network_access = dice.chance(80);
      peering->allow_gateway_transit = dice.chance(60);
      peering->use_remote_gateways = dice.chance(60);
      objects.emplace_back(std::shared_ptr<const model::NetworkPeering>(peering));
    }
  }
  for (int i = 0; i < 2; ++i) {
    auto network = object<model::OnPremisesNetwork>(Kind::OnPremisesNetwork, "o" + std::to_string(i));
    network->address_space = note(some_prefixes(dice, 2));
    objects.emplace_back(std::shared_ptr<const model::OnPremisesNetwork>(network));
    auto gateway = object<model::NetworkGateway>(Kind::NetworkGateway, "g" + std::to_string(i));
    gateway->subnet = {dice.of(vnets), "GatewaySubnet"};
    if (dice.chance(70)) objects.emplace_back(std::shared_ptr<const model::NetworkGateway>(gateway));
  }
  for (int i = 0; i < 3; ++i) {
    auto connection = object<model::GatewayConnection>(Kind::GatewayConnection, "x" + std::to_string(i));
    connection->gateway = "g" + std::to_string(dice.below(2));
    connection->on_premises_network = "o" + std::to_string(dice.below(2));
    connection->type = dice.chance(50) ? model::GatewayType::vpn : model::GatewayType::express_route;
    if (dice.chance(50)) connection->routes = note(some_prefixes(dice, 3));
    objects.emplace_back(std::shared_ptr<const model::GatewayConnection>(connection));
  }
  return {model::snapshot_of(std::move(objects)), std::move(used)};
}

// At, just inside and just outside of the prefixes in use, and anywhere.
Address some_destination(Dice& dice, const std::vector<Prefix>& prefixes) {
  if (prefixes.empty() || dice.chance(15))
    return dice.chance(50) ? Address::from_number(Family::v4, dice.number())
                           : Address::from_number(Family::v6, dice.number());
  const Prefix& prefix = dice.of(prefixes);
  switch (dice.below(4)) {
    case 0: return prefix.first();
    case 1: return prefix.last();
    case 2: return prefix.last().plus(1);
    default: return prefix.at(prefix.size() ? dice.number() % prefix.size() : 0);
  }
}

TEST(Routes, CompilerAndEvaluatorAgree) {
  Dice dice(20240501);
  std::map<std::string, int> seen;
  int compared = 0;
  for (int i = 0; i < topologies; ++i) {
    Topology topology = some_topology(dice);
    for (const char* vnet : {"a", "b", "c"}) {
      model::SubnetRef subnet{vnet, "s"};
      std::vector<fabric::EffectiveRoute> routes = fabric::effective_routes(topology.snapshot, subnet);
      for (int j = 0; j < destinations / 3; ++j) {
        Address destination = some_destination(dice, topology.prefixes);
        const fabric::EffectiveRoute* ours = fabric::longest_match(routes, destination);
        std::optional<reach::RouteDecision> theirs = reach::route(topology.snapshot, subnet, destination);
        std::string where = "topology " + std::to_string(i) + ", " + subnet.text() + " to " + destination.text();
        ASSERT_EQ(ours != nullptr, theirs.has_value()) << where;
        if (!ours) continue;
        ASSERT_EQ(ours->prefix, theirs->prefix) << where;
        ASSERT_EQ(fabric::name(ours->source), reach::name(theirs->source)) << where;
        ASSERT_EQ(model::name(ours->next_hop_type), model::name(theirs->next_hop_type)) << where;
        ASSERT_EQ(ours->next_hop_address, theirs->next_hop_address) << where;
        ASSERT_EQ(ours->object.text(), theirs->object.text()) << where;
        ASSERT_EQ(ours->name, theirs->rule) << where;
        ++seen[std::string(fabric::name(ours->source)) + " " + std::string(model::name(ours->next_hop_type))];
        ++compared;
      }
    }
  }
  // The random input reaches every kind of answer often enough to mean something.
  for (const char* answer : {"Default VnetLocal", "Default VNetPeering", "Default Internet", "Default None",
                             "User None", "User VirtualAppliance", "User VnetLocal", "User Internet",
                             "User VirtualNetworkGateway", "VirtualNetworkGateway VirtualNetworkGateway"})
    EXPECT_GT(seen[answer], 200) << answer;
  EXPECT_GT(compared, 30000);
}

}  // namespace
}  // namespace bailey
