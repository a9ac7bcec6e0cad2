#include "datapath/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bailey::datapath {
namespace {

using model::Address;
using model::Kind;
using model::Port;
using ::testing::ElementsAre;

TEST(PortPrefixes, CoverARangeExactly) {
  EXPECT_THAT(port_prefixes(80, 80), ElementsAre(PortPrefix{80, 16}));
  EXPECT_THAT(port_prefixes(0, 65535), ElementsAre(PortPrefix{0, 0}));
  EXPECT_THAT(port_prefixes(1024, 2047), ElementsAre(PortPrefix{1024, 6}));
  EXPECT_THAT(port_prefixes(80, 83), ElementsAre(PortPrefix{80, 14}));
  EXPECT_THAT(port_prefixes(79, 82), ElementsAre(PortPrefix{79, 16}, PortPrefix{80, 15}, PortPrefix{82, 16}));
  EXPECT_EQ(port_prefixes(1, 65534).size(), 30u);
  for (auto [first, last] : {std::pair{1, 65535}, {7, 4099}, {32767, 32769}, {65535, 65535}, {0, 0}, {30000, 32767}}) {
    int count = 0;
    int next = first;
    for (const PortPrefix& prefix :
         port_prefixes(static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last))) {
      EXPECT_EQ(prefix.port, next);
      int size = 1 << (16 - prefix.bits);
      EXPECT_EQ(prefix.port % size, 0);
      next += size;
      count += size;
    }
    EXPECT_EQ(count, last - first + 1);
  }
}

TEST(Numbers, AreGivenOnce) {
  Numbers numbers(256);
  EXPECT_EQ(numbers.of("a"), 256u);
  EXPECT_EQ(numbers.of("b"), 257u);
  EXPECT_EQ(numbers.of("a"), 256u);
  numbers.keep_only([](std::uint32_t number) { return number == 256; });
  EXPECT_EQ(numbers.of("a"), 256u);
  EXPECT_EQ(numbers.of("b"), 258u) << "no number comes back while its packets may be under way";
}

template <typename T>
std::shared_ptr<T> object(Kind kind, const std::string& name, const std::string& ns = "") {
  auto out = std::make_shared<T>();
  out->meta.kind = kind;
  out->meta.name = name;
  out->meta.ns = ns;
  return out;
}

// Two kinds of pods on node n1 (10.0.0.4) and one on n2, and a policy for app=web.
class PolicyMaps : public ::testing::Test {
 protected:
  PolicyMaps() {
    for (auto [name, address] : {std::pair{"n1", "10.0.0.4"}, {"n2", "10.0.0.5"}}) {
      auto node = object<model::Node>(Kind::Node, name);
      node->addresses = {*Address::parse(address)};
      objects.push_back(std::shared_ptr<const model::Node>(node));
    }
    objects.push_back(std::shared_ptr<const model::Namespace>(object<model::Namespace>(Kind::Namespace, "a")));
    pod("web-0", "n1", "10.0.1.10", "web");
    pod("web-1", "n1", "10.0.1.11", "web");
    pod("client", "n2", "10.0.2.10", "client");
    policy = object<model::NetworkPolicy>(Kind::NetworkPolicy, "p", "a");
    policy->pod_selector.match_labels["app"] = "web";
  }
  void pod(const std::string& name, const std::string& node, const char* address, const std::string& app) {
    auto out = object<model::Pod>(Kind::Pod, name, "a");
    out->meta.labels["app"] = app;
    out->spec.node_name = node;
    out->spec.ports.push_back({"http", 8080, 0, model::Protocol::tcp});
    out->addresses = {*Address::parse(address)};
    objects.push_back(std::shared_ptr<const model::Pod>(out));
  }
  Maps maps() {
    std::vector<model::AnyObject> all = objects;
    all.push_back(std::shared_ptr<const model::NetworkPolicy>(std::make_shared<model::NetworkPolicy>(*policy)));
    return compiler.compile(model::snapshot_of(all));
  }
  model::ObjectRef at(const Address& address) const {
    for (const model::AnyObject& object : objects)
      if (auto pod = object.as<model::Pod>(); pod && pod->addresses[0] == address) return pod->meta.ref();
    return {};
  }
  bool passes(const Maps& maps, const char* from, const char* to, const char* port) const {
    Packet packet{*Address::parse(from), *Address::parse(to), *Port::parse(port)};
    return evaluate(maps, at(packet.source), Direction::egress, packet).allow &&
           evaluate(maps, at(packet.destination), Direction::ingress, packet).allow;
  }
  model::PolicyRule from_app(const std::string& app) {
    model::PolicyRule rule;
    rule.peers.emplace_back().pod_selector.emplace().match_labels["app"] = app;
    return rule;
  }
  std::vector<model::AnyObject> objects;
  std::shared_ptr<model::NetworkPolicy> policy;
  Compiler compiler{"n1"};
};

TEST_F(PolicyMaps, PodsAlikeShareTheirEntries) {
  policy->ingress_rules = {from_app("client")};
  Maps one = maps();
  EXPECT_EQ(one.endpoints.size(), 2u);
  EXPECT_EQ(one.endpoints.begin()->second, std::next(one.endpoints.begin())->second);
  EXPECT_EQ(one.entries.size(), 1u);
  for (int i = 0; i < 50; ++i)
    pod("more-" + std::to_string(i), i % 2 ? "n1" : "n2", ("10.0.3." + std::to_string(i + 1)).c_str(), "web");
  Maps many = maps();
  EXPECT_EQ(many.endpoints.size(), 27u);
  EXPECT_EQ(many.entries, one.entries) << "the same entries under the same numbers";
}

TEST_F(PolicyMaps, OwnNodeAndOneselfPass) {
  Maps shut = maps();  // isolates, and lets nobody in
  EXPECT_TRUE(passes(shut, "10.0.0.4", "10.0.1.10", "80/tcp"));
  EXPECT_TRUE(passes(shut, "10.0.1.10", "10.0.1.10", "80/tcp"));
  EXPECT_FALSE(passes(shut, "10.0.0.5", "10.0.1.10", "80/tcp"));
  EXPECT_FALSE(passes(shut, "10.0.2.10", "10.0.1.10", "icmp"));
  EXPECT_TRUE(passes(shut, "10.0.1.10", "10.0.2.10", "80/tcp")) << "no policy isolates it for egress";
}

TEST_F(PolicyMaps, BlocksWithHolesAndPodsInThem) {
  model::PolicyRule rule;
  rule.peers.emplace_back().ip_block =
      model::IpBlock{*model::Prefix::parse("10.0.0.0/8"), {*model::Prefix::parse("10.0.2.0/24")}};
  policy->ingress_rules = {rule};
  Maps built = maps();
  EXPECT_FALSE(passes(built, "10.0.2.10", "10.0.1.10", "80/tcp"));
  EXPECT_FALSE(passes(built, "10.0.2.99", "10.0.1.10", "80/tcp"));
  EXPECT_TRUE(passes(built, "10.0.3.1", "10.0.1.10", "80/tcp"));
  EXPECT_TRUE(passes(built, "10.0.1.11", "10.0.1.10", "80/tcp"));
  EXPECT_FALSE(passes(built, "192.0.2.1", "10.0.1.10", "80/tcp"));
  EXPECT_FALSE(passes(built, "fd00::1", "10.0.1.10", "80/tcp"));
}

TEST_F(PolicyMaps, RangesAndNamesOfPorts) {
  model::PolicyRule rule;
  rule.ports.push_back({model::PortRef{1000, ""}, 1999, model::Protocol::tcp});
  rule.ports.push_back({model::PortRef{0, "http"}, 0, model::Protocol::tcp});
  policy->ingress_rules = {rule};
  Maps built = maps();
  for (const char* open : {"1000/tcp", "1500/tcp", "1999/tcp", "8080/tcp"})
    EXPECT_TRUE(passes(built, "10.0.2.10", "10.0.1.10", open)) << open;
  for (const char* shut : {"999/tcp", "2000/tcp", "1500/udp", "8081/tcp", "icmp"})
    EXPECT_FALSE(passes(built, "10.0.2.10", "10.0.1.10", shut)) << shut;
  EXPECT_LE(built.entries.size(), 10u) << "a range is not written out";
}

TEST_F(PolicyMaps, NumbersStayOverChanges) {
  policy->ingress_rules = {from_app("client")};
  Maps before = maps();
  pod("zz", "n2", "10.0.2.11", "a-new-kind");
  objects.erase(objects.begin() + 5);  // the client
  pod("client", "n2", "10.0.2.77", "client");
  Maps after = maps();
  EXPECT_EQ(after.entries, before.entries);
  EXPECT_EQ(after.endpoints, before.endpoints);
  EXPECT_EQ(after.ipcache.at(*model::Prefix::parse("10.0.2.77")),
            before.ipcache.at(*model::Prefix::parse("10.0.2.10")));
}

// An entry once written is true for ever: what changes gets new numbers.
TEST_F(PolicyMaps, ChangesGetNewNumbers) {
  model::PolicyRule rule = from_app("client");
  rule.peers[0].namespace_selector.emplace().match_labels["team"] = "red";
  policy->ingress_rules = {rule};
  Maps before = maps();
  EXPECT_FALSE(passes(before, "10.0.2.10", "10.0.1.10", "80/tcp"));
  auto space = object<model::Namespace>(Kind::Namespace, "a");
  space->meta.labels["team"] = "red";
  objects.push_back(std::shared_ptr<const model::Namespace>(space));
  Maps red = maps();
  EXPECT_TRUE(passes(red, "10.0.2.10", "10.0.1.10", "80/tcp"));
  model::Prefix client = *model::Prefix::parse("10.0.2.10");
  EXPECT_NE(red.ipcache.at(client), before.ipcache.at(client)) << "its namespace has other labels now";
  EXPECT_EQ(red.endpoints.begin()->second, before.endpoints.begin()->second);
  policy->ingress_rules = {from_app("web")};
  Maps other = maps();
  EXPECT_EQ(other.ipcache.at(client), red.ipcache.at(client));
  EXPECT_NE(other.endpoints.begin()->second.set, red.endpoints.begin()->second.set);
  for (const auto& [key, by] : other.entries) EXPECT_FALSE(red.entries.contains(key)) << "of another set";
}

// A block around an address gives it another identity, whatever else the address is.
TEST_F(PolicyMaps, NewBlocksSplitIdentities) {
  policy->ingress_rules = {from_app("client")};
  Maps before = maps();
  model::PolicyRule wide;
  wide.peers.emplace_back().ip_block = model::IpBlock{*model::Prefix::parse("10.0.2.0/24"), {}};
  policy->ingress_rules = {wide};
  Maps after = maps();
  model::Prefix client = *model::Prefix::parse("10.0.2.10");
  EXPECT_NE(after.ipcache.at(client), before.ipcache.at(client));
  model::PolicyRule wider;
  wider.peers.emplace_back().ip_block = model::IpBlock{*model::Prefix::parse("10.0.0.0/16"), {}};
  policy->ingress_rules = {wide, wider};
  Maps both = maps();
  EXPECT_EQ(both.ipcache.at(client), after.ipcache.at(client)) << "the narrowest block is the same";
  EXPECT_TRUE(passes(both, "10.0.2.10", "10.0.1.10", "80/tcp"));
  EXPECT_TRUE(passes(both, "10.0.3.10", "10.0.1.10", "80/tcp"));
}

}  // namespace
}  // namespace bailey::datapath
