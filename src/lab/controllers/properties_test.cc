// What must hold for every input, on random ones; and how long a completion takes (printed, never asserted).
#include <chrono>
#include <random>

#include "lab/controllers/objects_for_test.h"

namespace bailey::lab::controllers {
namespace {

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  unsigned below(unsigned n) { return static_cast<unsigned>(engine_() % n); }
  bool one_in(unsigned n) { return below(n) == 0; }

 private:
  std::mt19937 engine_;
};

std::string number(unsigned n) { return std::to_string(n); }

// A small world, often crowded: a /25 or two, pools that may not fit, pins that may clash.
Objects world(Random& random) {
  Objects out;
  bool dual = random.one_in(2);
  std::vector<std::string> space = {"10.1.0.0/25"};
  if (dual) space.push_back("fd01::/64");
  out.push_back(vnet("hub", space));
  if (random.one_in(2)) out.push_back(vnet("spoke", {"10.2.0.0/24"}));
  auto aks =
      cluster("aks", random.one_in(4) ? "" : "hub/nodes", {pool("a", 1 + random.below(3), 10 + random.below(10))});
  if (random.one_in(2)) aks->node_pools.push_back(pool("b", random.below(3), 10));
  if (dual && random.one_in(2)) aks->service_cidrs = prefixes({"10.0.0.0/24", "fd00:10::/112"});
  if (random.one_in(5)) aks->network_model = model::NetworkModel::kubenet;
  out.push_back(aks);
  if (random.one_in(4)) out.push_back(cluster("edge", "", {pool("a", 1, 10)}));
  for (unsigned i = 0; i < random.below(5); ++i)
    out.push_back(random.one_in(2) ? nic("nic" + number(i), "hub/nodes")
                                   : nic("nic" + number(i), "hub/nodes", {"10.1.0." + number(20 + 4 * i)}));
  for (unsigned i = 0; i < random.below(4); ++i)
    out.push_back(pinned("pin" + number(i), "10.1.0." + number(4 + random.below(120))));
  constexpr Kind kinds[] = {Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet, Kind::Job};
  for (unsigned i = 0; i < random.below(5); ++i)
    out.push_back(workload(kinds[random.below(4)], "app" + number(random.below(3)), random.below(12)));
  for (unsigned i = 0; i < random.below(5); ++i) {
    auto object = service("app" + number(i));
    if (random.one_in(3)) object->type = model::ServiceType::node_port;
    if (random.one_in(3)) object->ip_family_policy = "PreferDualStack";
    if (random.one_in(5)) object->cluster_addresses = {addr("10.0.0." + number(1 + random.below(20)))};
    out.push_back(object);
  }
  for (unsigned i = 0; i < random.below(3); ++i)
    out.push_back(make<model::LabHost>(Kind::LabHost, "", "host" + number(i)));
  return out;
}

// Everything that stands in a VNet, the Internet or a service range, and who has it.
class Ownership {
 public:
  void add(const std::string& area, const AddressRange& range, const std::string& who) {
    auto& list = areas_[area];
    for (const auto& [other, owner] : list)
      EXPECT_FALSE(other.contains(range.first) || range.contains(other.first))
          << range.text() << " of " << who << " in " << area << " is also " << other.text() << " of " << owner;
    list.emplace_back(range, who);
  }
  void add(const std::string& area, const std::vector<Address>& addresses, const std::string& who) {
    for (const Address& address : addresses) add(area, AddressRange{address, address}, who);
  }

 private:
  std::map<std::string, std::vector<std::pair<AddressRange, std::string>>> areas_;
};

void expect_no_address_twice(const Snapshot& now) {
  Ownership owners;
  for (const auto& node : now.all<model::Node>()) {
    owners.add(node->subnet.vnet, node->addresses, node->meta.name);
    for (const AddressRange& range : node->pod_ranges) owners.add(node->subnet.vnet, range, node->meta.name + " pods");
    for (const Prefix& cidr : node->pod_cidrs)
      owners.add("pods", AddressRange{cidr.first(), cidr.last()}, node->meta.name);
  }
  for (const auto& interface : now.all<model::NetworkInterface>())
    if (interface->node.empty()) owners.add(interface->subnet.vnet, interface->addresses, interface->meta.name);
  for (const auto& pod : now.all<model::Pod>()) {
    const auto* node = now.find<model::Node>(Kind::Node, pod->spec.node_name);
    if (node && node->pod_cidrs.empty() && !pod->spec.host_network && pod->phase != "Pending")
      owners.add(node->subnet.vnet, pod->pinned_addresses, pod->meta.name);
  }
  for (const auto& host : now.all<model::LabHost>()) owners.add("internet", host->addresses, host->meta.name);
  for (const auto& network : now.all<model::VirtualNetwork>())
    owners.add("internet", network->outbound_addresses, network->meta.name);
  // The services of the worlds here all belong to one cluster.
  for (const auto& given : now.all<model::Service>())
    owners.add("services", given->cluster_addresses, given->meta.name);
}

void expect_references_resolve(const Snapshot& now) {
  for (const auto& pod : now.all<model::Pod>()) {
    EXPECT_TRUE(now.find<model::Namespace>(Kind::Namespace, pod->meta.ns));
    EXPECT_TRUE(!pod->owner || now.find(*pod->owner)) << pod->meta.name;
    if (pod->phase == "Pending" || pod->finished()) continue;
    const auto* node = now.find<model::Node>(Kind::Node, pod->spec.node_name);
    ASSERT_TRUE(node) << pod->meta.name;
    EXPECT_FALSE(node->addresses.empty()) << pod->meta.name;
  }
  for (const auto& node : now.all<model::Node>()) {
    EXPECT_TRUE(now.find<model::Cluster>(Kind::Cluster, node->cluster));
    const auto* network = now.find<model::VirtualNetwork>(Kind::VirtualNetwork, node->subnet.vnet);
    ASSERT_TRUE(network);
    EXPECT_TRUE(network->find(node->subnet.subnet));
  }
  for (const auto& slice : now.all<model::EndpointSlice>()) {
    EXPECT_TRUE(now.find<model::Service>({Kind::Service, slice->meta.ns, slice->service}));
    for (const model::Endpoint& endpoint : slice->endpoints) EXPECT_TRUE(endpoint.target && now.find(*endpoint.target));
  }
}

void expect_limits(const Snapshot& now) {
  std::map<std::string, std::uint32_t> pods;
  for (const auto& pod : now.all<model::Pod>())
    if (pod->phase != "Pending" && !pod->finished()) ++pods[pod->spec.node_name];
  for (const auto& node : now.all<model::Node>()) EXPECT_LE(pods[node->meta.name], node->max_pods);
}

// What a completion says, as text: two completions are equal if this is.
std::string everything(const Completion& done) {
  std::string out;
  for (const AnyObject& object : done.snapshot.objects()) out += meta(object).ref().text() + "\n";
  for (const auto& node : done.snapshot.all<model::Node>())
    out += node->meta.name + " " + texts_of(node->addresses) + " " + texts_of(node->pod_ranges) +
           texts_of(node->pod_cidrs) + "\n";
  for (const auto& pod : done.snapshot.all<model::Pod>())
    out += pod->meta.name + "@" + pod->spec.node_name + " " + pod->phase + texts_of(pod->addresses) + "\n";
  for (const auto& given : done.snapshot.all<model::Service>()) {
    out += given->meta.name + " " + texts_of(given->cluster_addresses);
    for (const auto& port : given->ports) out += " " + std::to_string(port.node_port);
    out += "\n";
  }
  for (const auto& host : done.snapshot.all<model::LabHost>())
    out += host->meta.name + " " + texts_of(host->addresses) + "\n";
  for (const auto& network : done.snapshot.all<model::VirtualNetwork>())
    out += network->meta.name + " " + texts_of(network->address_space) + texts_of(network->outbound_addresses) + "\n";
  for (const auto& interface : done.snapshot.all<model::NetworkInterface>())
    out += interface->meta.name + " " + texts_of(interface->addresses) + "\n";
  for (const std::string& condition : conditions(done)) out += condition + "\n";
  for (const ObjectRef& ref : done.made) out += ref.text() + "\n";
  return out;
}

CompleteOptions random_options(Random& random) {
  CompleteOptions options;
  options.fill = random.one_in(3);
  return options;
}

TEST(Properties, EveryWorldHoldsTheInvariantsAndIsRepeatable) {
  for (unsigned seed = 0; seed < 150 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + number(seed));
    Random random(seed);
    Snapshot given = model::snapshot_of(world(random));
    CompleteOptions options = random_options(random);
    Completion first = complete(given, {}, options);
    expect_no_address_twice(first.snapshot);
    expect_references_resolve(first.snapshot);
    expect_limits(first.snapshot);
    EXPECT_EQ(everything(complete(given, {}, options)), everything(first));
    Completion second = complete(given, first.assignments, options);
    EXPECT_EQ(second.assignments, first.assignments);
    EXPECT_EQ(everything(second), everything(first));
  }
}

TEST(Properties, ACompletedSnapshotCompletesToItself) {
  for (unsigned seed = 0; seed < 60 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + number(seed));
    Random random(seed);
    Completion first = run(world(random));
    Completion second = complete(first.snapshot, first.assignments, {});
    for (const auto& node : first.snapshot.all<model::Node>()) {
      const auto* again = second.snapshot.find<model::Node>(Kind::Node, node->meta.name);
      ASSERT_TRUE(again);
      EXPECT_EQ(again->addresses, node->addresses);
      EXPECT_EQ(again->pod_ranges, node->pod_ranges);
    }
    for (const auto& pod : first.snapshot.all<model::Pod>()) {
      const auto* again = second.snapshot.find<model::Pod>(pod->meta.ref());
      ASSERT_TRUE(again) << pod->meta.name;
      EXPECT_EQ(again->spec.node_name, pod->spec.node_name);
    }
  }
}

// An object that asks for nothing that is in short supply moves nothing; without it all is as before.
TEST(Properties, AnUnrelatedObjectMovesNothingAndItsRemovalReturns) {
  for (unsigned seed = 0; seed < 120 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + number(seed));
    Random random(seed);
    Objects objects = world(random);
    Completion before = run(objects);
    Objects more = objects;
    more.insert(
        more.begin() + random.below(static_cast<unsigned>(more.size() + 1)),
        random.one_in(2)
            ? AnyObject(std::shared_ptr<const model::LabHost>(make<model::LabHost>(Kind::LabHost, "", "a-host")))
            : AnyObject(std::shared_ptr<const model::VirtualNetwork>(vnet("another", {"192.168.77.0/24"}))));
    Completion after = run(more, before.assignments);
    for (const auto& [key, address] : before.assignments.addresses)
      EXPECT_EQ(after.assignments.addresses[key], address) << key;
    for (const auto& [key, range] : before.assignments.ranges)
      EXPECT_EQ(after.assignments.ranges[key].text(), range.text()) << key;
    EXPECT_EQ(after.assignments.nodes, before.assignments.nodes);
    EXPECT_EQ(after.assignments.ports, before.assignments.ports);
    Completion back = run(objects, after.assignments);
    EXPECT_EQ(back.assignments, before.assignments);
    EXPECT_EQ(everything(back), everything(before));
  }
}

// Edits of every sort, one after the other, with the assignments handed on as a lab does.
TEST(Properties, ALongLifeNeverGivesAnAddressTwice) {
  for (unsigned seed = 0; seed < 12 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + number(seed));
    Random random(seed);
    Assignments assignments;
    for (int step = 0; step < 12; ++step) {
      Completion done = run(world(random), assignments);
      expect_no_address_twice(done.snapshot);
      expect_references_resolve(done.snapshot);
      expect_limits(done.snapshot);
      assignments = done.assignments;
    }
  }
}

TEST(Properties, GivenObjectsKeepTheirPointersWhereNothingIsMissing) {
  auto group = make<model::NetworkSecurityGroup>(Kind::NetworkSecurityGroup, "", "nsg");
  Snapshot given = model::snapshot_of({group, vnet("hub", {"10.1.0.0/24"})});
  Completion done = complete(given, {}, {});
  EXPECT_EQ(done.snapshot.table<model::NetworkSecurityGroup>(), given.table<model::NetworkSecurityGroup>());
  EXPECT_EQ(done.snapshot.generation(), given.generation() + 1);
}

TEST(Texts, EveryConditionOfRandomWorldsIsInBothLanguages) {
  base::Catalogue catalogue{controllers::texts()};
  for (unsigned seed = 0; seed < 100; ++seed) {
    Random random(seed);
    for (const Condition& condition : run(world(random)).conditions) {
      ASSERT_TRUE(catalogue.find(condition.message.id)) << condition.message.id;
      for (base::Lang lang : {base::Lang::en, base::Lang::ko})
        EXPECT_EQ(catalogue.render(condition.message, lang).find('{'), std::string::npos) << condition.message.id;
    }
  }
  for (const base::Text& text : controllers::texts()) {
    EXPECT_FALSE(text.en.empty() || text.ko.empty()) << text.id;
    for (int i = 0; i < 8; ++i) {
      std::string placeholder = "{" + std::to_string(i) + "}";
      EXPECT_EQ(text.en.find(placeholder) == std::string_view::npos,
                text.ko.find(placeholder) == std::string_view::npos)
          << text.id << " " << placeholder;
    }
  }
}

void time_completion(std::uint32_t node_count, std::uint32_t pod_count) {
  Objects objects = {vnet("hub", {"10.0.0.0/8"}), cluster("aks", "hub/nodes", {pool("p", node_count, 60)})};
  for (std::uint32_t i = 0; i < pod_count / 50; ++i) {
    objects.push_back(workload(Kind::Deployment, "app" + number(i), 50));
    objects.push_back(service("app" + number(i)));
  }
  Snapshot given = model::snapshot_of(objects);
  Assignments earlier = complete(given, {}, {}).assignments;
  auto start = std::chrono::steady_clock::now();
  Completion done = complete(given, earlier, {});
  std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  EXPECT_TRUE(done.conditions.empty());
  EXPECT_EQ(done.snapshot.all<model::Pod>().size(), pod_count);
  printf("completion of %u nodes, %u pods: %.1f ms\n", node_count, pod_count, took.count());
}

TEST(Speed, IsPrinted) {
  time_completion(10, 500);
  time_completion(100, 5000);
}

}  // namespace
}  // namespace bailey::lab::controllers
