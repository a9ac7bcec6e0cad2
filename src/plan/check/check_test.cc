#include "plan/check/check.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "plan/check/facts.h"

namespace bailey::plan::check {
namespace {

using namespace model;

template <typename T>
std::shared_ptr<T> make(Kind kind, const std::string& name, const std::string& ns = "") {
  auto object = std::make_shared<T>();
  object->meta.kind = kind;
  object->meta.name = name;
  object->meta.ns = ns;
  return object;
}

template <typename T>
AnyObject any(std::shared_ptr<T> object) {
  return std::shared_ptr<const T>(std::move(object));
}

std::vector<std::string> found(const std::vector<AnyObject>& objects, std::string_view rule, Options options = {}) {
  std::vector<std::string> out;
  Snapshot snapshot = snapshot_of(objects);
  for (const Finding& finding : findings(snapshot, options))
    if (finding.rule->id == rule) out.push_back(finding.object + " " + finding.field);
  return out;
}

using Strings = std::vector<std::string>;

std::shared_ptr<VirtualNetwork> network(const std::string& name, const std::string& space, const std::string& nodes) {
  auto out = make<VirtualNetwork>(Kind::VirtualNetwork, name);
  out->address_space = {*Prefix::parse(space)};
  out->subnets.push_back({"nodes", {*Prefix::parse(nodes)}, "", "", ""});
  return out;
}

std::shared_ptr<Cluster> cluster(const std::string& name, const std::string& vnet, std::uint32_t count,
                                 std::uint32_t pods, const std::string& surge = "1") {
  auto out = make<Cluster>(Kind::Cluster, name);
  out->subnet = {vnet, "nodes"};
  NodePool pool;
  pool.name = "pool";
  pool.count = count;
  pool.max_pods = pods;
  pool.max_surge = surge;
  out->node_pools = {pool};
  return out;
}

TEST(Catalogue, IsComplete) {
  std::set<std::string_view> ids;
  for (const Rule* rule : catalogue()) {
    EXPECT_TRUE(ids.insert(rule->id).second) << rule->id;
    EXPECT_TRUE(rule->source.starts_with("https://")) << rule->id;
    for (const Words& words : {rule->statement, rule->why}) {
      EXPECT_TRUE(words.en.ends_with('.')) << rule->id << ": " << words.en;
      EXPECT_TRUE(words.ko.ends_with('.')) << rule->id << ": " << words.ko;
    }
    bool shown = rule->check || !rule->mistakes.empty();
    EXPECT_NE(shown, !rule->unchecked.en.empty()) << rule->id << " is checked, or says why not";
    EXPECT_EQ(rule->check != nullptr, !rule->forms.empty()) << rule->id;
    for (const Form& form : rule->forms) {
      EXPECT_FALSE(form.message.en.ends_with('.')) << rule->id << ": a message is no sentence";
      EXPECT_FALSE(form.mend.en.empty()) << rule->id;
    }
    EXPECT_EQ(find(rule->id), rule);
  }
  EXPECT_GE(ids.size(), 80u);
  EXPECT_EQ(find("NO-1"), nullptr);
}

TEST(Catalogue, IsInTheOrderOfItsNumbers) {
  std::map<std::string, int> last;
  for (const Rule* rule : catalogue()) {
    std::string id(rule->id);
    std::size_t dash = id.find('-');
    int number = std::stoi(id.substr(dash + 1));
    EXPECT_GT(number, last[id.substr(0, dash)]) << id;
    last[id.substr(0, dash)] = number;
  }
  EXPECT_EQ(last.size(), 11u) << "groups";
}

TEST(Catalogue, InputErrorsLeadToTheirRules) {
  auto id = [](const char* code, const char* object, const char* field) {
    InputError error;
    error.code = code;
    error.object = object;
    error.field = field;
    const Rule* rule = rule_of(error);
    return std::string(rule ? rule->id : "");
  };
  EXPECT_EQ(id("overlap", "Cluster/east", "spec.serviceCIDR"), "CID-01");
  EXPECT_EQ(id("overlap", "Cluster/east", "spec.podCIDRs[1]"), "CID-02");
  EXPECT_EQ(id("out-of-range", "Cluster/east", "spec.nodePools[3].maxPods"), "IP-07");
  EXPECT_EQ(id("subnet-size", "VirtualNetwork/net", "spec.subnets[0].prefix"), "IP-04");
  EXPECT_EQ(id("overlap", "NetworkPeering/a-b", "spec.to"), "CID-12");
  EXPECT_EQ(id("unknown-field", "Cluster/east", "spec.x"), "");
  EXPECT_EQ(id("overlap", "", ""), "");
}

// Figures of the guidance (configure Azure CNI): 50 nodes and one more with 30 pods need 1,581 addresses, which a /21
// holds; with ten more to scale out 1,891, which it holds too.
TEST(Addresses, FiguresOfTheGuidance) {
  auto judged = [](const char* nodes, std::uint32_t count, std::optional<std::uint32_t> most) {
    auto east = cluster("east", "net", count, 30);
    east->node_pools[0].max_count = most;
    std::vector<AnyObject> objects = {any(network("net", "10.0.0.0/8", nodes)), any(east)};
    std::string out;
    for (const char* rule : {"IP-01", "IP-02", "IP-05", "IP-06", "IP-14"})
      if (!found(objects, rule).empty()) out += std::string(rule) + " ";
    return out;
  };
  EXPECT_EQ(judged("10.1.0.0/20", 50, std::nullopt), "");
  EXPECT_EQ(judged("10.1.0.0/21", 50, std::nullopt), "") << "1,581 of 2,043 are 77 %";
  EXPECT_EQ(judged("10.1.0.0/21", 50, 60), "IP-05 ") << "1,891 fit, and are 92 %";
  EXPECT_EQ(judged("10.1.0.0/22", 50, std::nullopt), "IP-01 ");
  EXPECT_EQ(judged("10.1.0.0/21", 50, 66), "IP-02 ") << "67 nodes need 2,077";
}

TEST(Addresses, TheFirstLimitThatIsMetIsTold) {
  for (std::uint32_t count = 1; count <= 20; ++count)
    for (const char* surge : {"1", "33%", "100%"}) {
      auto east = cluster("east", "net", count, 30, surge);
      std::vector<AnyObject> objects = {any(network("net", "10.0.0.0/8", "10.1.0.0/24")), any(east)};
      std::size_t told = 0;
      for (const char* rule : {"IP-01", "IP-02", "IP-05", "IP-06"}) told += found(objects, rule).size();
      // Differently: one node more, or the surge of the pool, against 251 usable addresses.
      std::uint64_t percent = surge == std::string("1") ? 0 : surge == std::string("33%") ? 33 : 100;
      std::uint64_t extra = std::max<std::uint64_t>(1, (count * percent + 99) / 100);
      bool tight = (count + extra) * 31 * 100 > 251 * 80;
      EXPECT_EQ(told, tight ? 1u : 0u) << count << " " << surge;
      EXPECT_EQ(found(objects, "IP-01").empty(), (count + 1) * 31 <= 251) << count << " " << surge;
    }
}

TEST(Addresses, OneSubnetOfTwoPoolsIsJudgedOnce) {
  auto east = cluster("east", "net", 4, 30);
  east->node_pools.push_back(east->node_pools[0]);
  east->node_pools[1].name = "more";
  std::vector<AnyObject> objects = {any(network("net", "10.0.0.0/8", "10.1.0.0/24")), any(east)};
  EXPECT_EQ(found(objects, "IP-01"), Strings{"VirtualNetwork/net spec.subnets[0].prefix"}) << "2 x 5 x 31 = 310";
}

TEST(Ranges, PoolsOfOneClusterShareASubnetAndTwoClustersDoNot) {
  auto east = cluster("east", "net", 1, 30);
  east->node_pools.push_back(east->node_pools[0]);
  east->node_pools[1].name = "more";
  auto net = any(network("net", "10.0.0.0/8", "10.1.0.0/20"));
  EXPECT_EQ(found({net, any(east)}, "CID-13"), Strings{});
  auto west = cluster("west", "net", 1, 30);
  EXPECT_EQ(found({net, any(east), any(west)}, "CID-13"), Strings{"Cluster/west spec.subnet"});
  EXPECT_EQ(found({net, any(east), any(west), any(cluster("z", "net", 1, 30))}, "CID-13").size(), 2u);
  west = cluster("west", "net", 1, 30);
  west->network_model = NetworkModel::kubenet;
  EXPECT_EQ(found({net, any(east), any(west)}, "CID-13"), Strings{}) << "MOD-05 tells it";
  EXPECT_EQ(found({net, any(east), any(west)}, "MOD-05"), Strings{"Cluster/west spec.subnet"});
}

// The sweep against all pairs: a network is told whenever it meets an earlier one in the order of the sweep.
TEST(Ranges, SweptOverlapsAreThoseOfAllPairs) {
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    std::vector<AnyObject> objects;
    std::vector<Prefix> ranges;
    for (int i = 0; i < 12; ++i) {
      int length = 16 + static_cast<int>(random() % 8);
      Prefix range(Address::v4(0x0a000000u | (random() & 0x000fffffu)), length);
      ranges.push_back(range);
      auto net = make<VirtualNetwork>(Kind::VirtualNetwork, "n" + std::to_string(10 + i));
      net->address_space = {range};
      net->subnets.push_back({"nodes", {Prefix(range.address(), 26)}, "", "", ""});
      objects.push_back(any(net));
      objects.push_back(any(cluster("c" + std::to_string(10 + i), net->meta.name, 1, 10)));
    }
    bool overlaps = false;
    std::set<std::string> concerned;
    for (int i = 0; i < 12; ++i)
      for (int j = 0; j < 12; ++j)
        if (i != j && ranges[static_cast<std::size_t>(i)].overlaps(ranges[static_cast<std::size_t>(j)])) {
          overlaps = true;
          concerned.insert("VirtualNetwork/n" + std::to_string(10 + i) + " spec.addressSpace[0]");
        }
    Strings told = found(objects, "CID-10");
    ASSERT_EQ(!told.empty(), overlaps) << round;
    for (const std::string& each : told) ASSERT_TRUE(concerned.contains(each)) << round << " " << each;
  }
}

TEST(Facts, SelectedAgreesWithLookingAtEveryPod) {
  std::mt19937 random(5);
  auto pick = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
  std::vector<AnyObject> objects;
  std::vector<std::shared_ptr<Pod>> pods;
  for (int i = 0; i < 300; ++i) {
    auto pod = make<Pod>(Kind::Pod, "p" + std::to_string(i), "ns" + std::to_string(pick(3)));
    for (const char* key : {"app", "tier", "zone"})
      if (pick(3)) pod->meta.labels[key] = std::string(1, static_cast<char>('a' + pick(4)));
    if (pick(10) == 0) pod->phase = "Succeeded";
    pods.push_back(pod);
    objects.push_back(any(pod));
  }
  Snapshot snapshot = snapshot_of(objects);
  Facts facts(snapshot, {});
  for (int round = 0; round < 500; ++round) {
    LabelSelector selector;
    for (const char* key : {"app", "tier", "zone"})
      if (pick(3) == 0) selector.match_labels[key] = std::string(1, static_cast<char>('a' + pick(5)));
    if (pick(3) == 0) selector.expressions.push_back({"tier", LabelSelector::Operator::not_in, {"a", "b"}});
    std::string ns = "ns" + std::to_string(pick(4));
    std::set<std::string> expected;
    for (const auto& pod : pods)
      if (pod->meta.ns == ns && !pod->finished() && selector.matches(pod->meta.labels)) expected.insert(pod->meta.name);
    std::set<std::string> got;
    for (const Pods* each : facts.selected(ns, selector)) EXPECT_TRUE(got.insert(each->meta->name).second);
    ASSERT_EQ(got, expected) << round;
  }
}

TEST(Changes, NeedAnEarlierSnapshot) {
  auto net = any(network("net", "10.0.0.0/8", "10.1.0.0/20"));
  auto now = cluster("east", "net", 2, 60);
  Snapshot before = snapshot_of({net, any(cluster("east", "net", 2, 30))});
  EXPECT_EQ(found({net, any(now)}, "IP-10"), Strings{});
  EXPECT_EQ(found({net, any(now)}, "IP-10", {Profile::current, &before, ""}),
            Strings{"Cluster/east spec.nodePools[0].maxPods"});
  Snapshot other = snapshot_of({net, any(cluster("west", "net", 2, 30))});
  EXPECT_EQ(found({net, any(now)}, "IP-10", {Profile::current, &other, ""}), Strings{}) << "a new cluster";
}

TEST(Profiles, DecideWhichRulesHold) {
  auto net = any(network("net", "10.0.0.0/8", "10.1.0.0/20"));
  auto east = cluster("east", "net", 2, 30);
  east->identity.type = ClusterIdentity::Type::service_principal;
  EXPECT_EQ(found({net, any(east)}, "ID-03").size(), 1u);
  EXPECT_EQ(found({net, any(east)}, "ID-03", {Profile::classic, nullptr, ""}).size(), 0u);
  EXPECT_EQ(profile_of("classic"), Profile::classic);
  EXPECT_EQ(profile_of("2018"), std::nullopt);
}

TEST(Ingress, CertificatesMustNameTheHostAndNotHaveEnded) {
  // Made by `openssl req -x509` for shop.example.com and *.apps.example.com, until 2036; its key is gone.
  constexpr const char* pem =
      "-----BEGIN CERTIFICATE-----\n"
      "MIIBtDCCAVqgAwIBAgIUVBg8eWqJLkfmlqcMML1Tqv2PevswCgYIKoZIzj0EAwIw\n"
      "FjEUMBIGA1UEAwwLb2xkLmV4YW1wbGUwHhcNMjYxMTI0MjAxMjUxWhcNMzYxMTIx\n"
      "MjAxMjUxWjAWMRQwEgYDVQQDDAtvbGQuZXhhbXBsZTBZMBMGByqGSM49AgEGCCqG\n"
      "SM49AwEHA0IABFruDMfEA6ApwC0atjdsf6eFtt0UgxVSes1fKa3YelqwOkNi58su\n"
      "M7Zi43KGuPO4CceN1d1Y/jXN4oCgY0f3qeyjgYUwgYIwHQYDVR0OBBYEFHMkoDP9\n"
      "mwPgiMZTnU8uhXkMDEA5MB8GA1UdIwQYMBaAFHMkoDP9mwPgiMZTnU8uhXkMDEA5\n"
      "MA8GA1UdEwEB/wQFMAMBAf8wLwYDVR0RBCgwJoIQc2hvcC5leGFtcGxlLmNvbYIS\n"
      "Ki5hcHBzLmV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIEXQOFk+HLAXpUHI\n"
      "b457hFks3UGZ4mgBN+MwwjN+iyIJAiEA3bycGCUBQfK5Or7EjW+/fMxYPmisDRTn\n"
      "3hS+9/Bf6IM=\n"
      "-----END CERTIFICATE-----\n";
  auto secret = make<Secret>(Kind::Secret, "t", "d");
  secret->data = {{"tls.crt", pem}, {"tls.key", "-"}};
  auto told = [&](const std::string& host, const std::string& time) {
    auto ingress = make<Ingress>(Kind::Ingress, "web", "d");
    ingress->tls = {{{host}, "t"}};
    ingress->rules.push_back({host, {}});
    Snapshot snapshot = snapshot_of({any(secret), any(ingress)});
    std::string out;
    for (const Finding& finding : findings(snapshot, {Profile::current, nullptr, time}))
      if (finding.rule->id == "ING-02") out += finding.message.id + " ";
    return out;
  };
  EXPECT_EQ(told("shop.example.com", "2030-01-01T00:00:00Z"), "");
  EXPECT_EQ(told("shop.example.com", ""), "");
  EXPECT_EQ(told("shop.example.com", "2037-01-01T00:00:00Z"), "rule.ING-02.message-4 ");
  EXPECT_EQ(told("x.apps.example.com", ""), "");
  EXPECT_EQ(told("old.example", ""), "rule.ING-02.message-5 ");
  secret->data["tls.crt"] = "none";
  EXPECT_EQ(told("shop.example.com", ""), "rule.ING-02.message-3 ");
}

TEST(Findings, EmptySnapshotsAndObjectsWithoutFilesAreFine) {
  EXPECT_TRUE(findings(Snapshot(), {}).empty());
  Snapshot empty;
  auto lone = make<Cluster>(Kind::Cluster, "lone");
  lone->subnet = {"nowhere", "nodes"};
  Snapshot snapshot =
      snapshot_of({any(lone), any(make<Service>(Kind::Service, "s", "d")), any(make<Ingress>(Kind::Ingress, "i", "d")),
                   any(make<Bastion>(Kind::Bastion, "b")), any(make<NetworkPolicy>(Kind::NetworkPolicy, "p", "d"))});
  for (const Finding& finding : findings(snapshot, {Profile::current, &empty, ""})) EXPECT_EQ(finding.file, "");
}

}  // namespace
}  // namespace bailey::plan::check
