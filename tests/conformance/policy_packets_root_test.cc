// The packet path in the kernel against reach, on random clusters: packets of their pods, judged by the programs, and
// the same connections judged from the policies as they are written. Between changes connections stay known, so what
// was judged before a change is judged anew.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>

#include "datapath/sys/node_for_test.h"
#include "model/resolve/services.h"
#include "random_cluster.h"
#include "reach/policy.h"

namespace bailey {
namespace {

using datapath::Direction;
using datapath::sys::Fate;
using model::Address;
using model::Pod;
using model::Port;
using model::Protocol;

constexpr int clusters = 100;
constexpr int changes_each = 3;
constexpr int packets_each = 60;
constexpr std::size_t most_pods = 40;

datapath::Layer transport(const Port& port, std::uint16_t source, bool v6) {
  switch (port.protocol) {
    case Protocol::tcp: return layer(datapath::TCP{source, port.number});
    case Protocol::udp: return layer(datapath::UDP{source, port.number});
    case Protocol::sctp: return layer(datapath::SCTP{source, port.number});
    case Protocol::icmp: return layer(datapath::ICMP{static_cast<std::uint8_t>(v6 ? 128 : 8), 0, source, v6});
  }
  return {};
}

datapath::Layer packet_of(const Address& from, const Address& to, const Port& port, std::uint16_t source) {
  if (from.is_v4()) return datapath::IPv4{from.text(), to.text()} / transport(port, source, false);
  return datapath::IPv6{from.text(), to.text()} / transport(port, source, true);
}

class PacketsAgainstReach : public ::testing::Test {
 protected:
  PacketsAgainstReach() : dice_(47) {}

  void SetUp() override {
    std::string why;
    node_ = datapath::sys::TestNode::make(why);
    if (!node_) GTEST_SKIP() << why;
    for (std::size_t i = 0; i < most_pods; ++i) links_.push_back(node_->add_link());
  }

  struct End {
    Address address;
    std::shared_ptr<const Pod> pod;  // null: none
    int link = 0;                    // of this node's pods
  };

  void begin(const model::Snapshot& snapshot, int cluster) {
    own_.reset();
    compiler_.reset();
    datapath::sys::Settings settings;
    settings.pins = node_->pins() + "-" + std::to_string(cluster);
    settings.connections = 4096;
    settings.tcx = true;  // so that the test can run what is attached
    auto opened = datapath::sys::PodPath::open(settings);
    ASSERT_TRUE(opened.ok()) << opened.error().text();
    own_.emplace(std::move(opened).value());
    const auto& nodes = snapshot.all<model::Node>().rows();
    here_ = nodes.empty() ? "none" : nodes[dice_.below(nodes.size())]->meta.name;
    compiler_.emplace(here_, own_->ids());
    link_of_.clear();
  }

  void apply(const model::Snapshot& snapshot) {
    ends_.clear();
    std::size_t used = 0;
    for (const auto& pod : snapshot.all<Pod>()) {
      if (pod->spec.host_network || pod->finished()) continue;
      std::vector<Address> addresses = model::resolve::pod_addresses(snapshot, *pod);
      bool local = pod->spec.node_name == here_ && used < links_.size();
      int link = 0;
      if (local) {
        link = link_of_.try_emplace(pod->meta.ref(), links_[link_of_.size()]).first->second;
        ASSERT_TRUE(own_->attach({link, {2, 0, 0, 0, 0, 9}, addresses, pod->meta.ref()}).ok());
        ++used;
      }
      for (const Address& address : addresses) ends_.push_back({address, pod, link});
    }
    for (const auto& node : snapshot.all<model::Node>())
      for (const Address& address : node->addresses) ends_.push_back({address, nullptr, 0});
    for (const char* text : {"192.0.2.1", "2001:db8::1", "10.200.0.1"})
      ends_.push_back({*Address::parse(text), nullptr, 0});
    auto applied = own_->apply(compiler_->compile(snapshot));
    ASSERT_TRUE(applied.ok()) << applied.error().text();
  }

  bool allowed(const model::Snapshot& snapshot, Direction direction, const End& own, const End& other,
               const Port& port) const {
    bool inwards = direction == Direction::ingress;
    auto way = inwards ? reach::PolicyDirection::ingress : reach::PolicyDirection::egress;
    const auto* node = snapshot.find<model::Node>(model::Kind::Node, here_);
    if (std::find(node->addresses.begin(), node->addresses.end(), other.address) != node->addresses.end()) return true;
    return reach::choose(snapshot, reach::selecting(snapshot, *own.pod, way), way, {other.pod.get(), other.address},
                         inwards ? own.pod.get() : other.pod.get(), port)
        .allow;
  }

  // A pod of this node and whoever else, either way.
  void compare(const model::Snapshot& snapshot) {
    std::vector<End> local;
    for (const End& end : ends_)
      if (end.link != 0) local.push_back(end);
    if (local.empty()) return;
    End own = dice_.of(local);
    End other = dice_.of(ends_);
    if (own.address.family() != other.address.family() || own.address == other.address || own.link == other.link)
      return;
    static const std::vector<std::uint16_t> numbers{80, 81, 82, 53, 50, 1, 65535, 8080};
    auto protocol = dice_.chance(60) ? Protocol::tcp : static_cast<Protocol>(dice_.below(4));
    Port port{protocol == Protocol::icmp ? std::uint16_t{0} : dice_.of(numbers), protocol};
    // Few source ports: connections come back after changes.
    auto source = static_cast<std::uint16_t>(20000 + dice_.below(3));
    bool out = dice_.chance(50) || other.link != 0;
    const End& from = out ? own : other;
    const End& to = out ? other : own;
    bool wanted = allowed(snapshot, out ? Direction::egress : Direction::ingress, own, other, port);
    if (out && other.link != 0) wanted = wanted && allowed(snapshot, Direction::ingress, other, own, port);
    datapath::Bytes frame = datapath::Eth{node_->mac_of(own.link)} / packet_of(from.address, to.address, port, source);
    Fate fate = node_->run(out ? "from_pod" : "to_pod", own.link, frame);
    EXPECT_EQ(fate != Fate::dropped, wanted)
        << from.address.text() << " to " << to.address.text() << " " << port.text() << " on " << here_;
    ++compared_[wanted ? "allow" : "deny"];
  }

  void change(RandomCluster& cluster) {
    if (dice_.chance(60) && !cluster.policies.empty()) {
      model::NetworkPolicy& policy = cluster.policies[dice_.below(cluster.policies.size())];
      policy = random_policy(dice_, cluster, policy.meta.name);
    }
    if (dice_.chance(60) && !cluster.pods.empty())
      cluster.pods[dice_.below(cluster.pods.size())].meta.labels["app"] = dice_.of(std::vector<std::string>{"x", "y"});
    if (dice_.chance(30) && !cluster.namespaces.empty())
      cluster.namespaces[dice_.below(cluster.namespaces.size())].meta.labels["env"] =
          dice_.of(std::vector<std::string>{"dev", "prod"});
  }

  Dice dice_;
  std::unique_ptr<datapath::sys::TestNode> node_;
  std::vector<int> links_;
  std::map<model::ObjectRef, int> link_of_;
  std::optional<datapath::sys::PodPath> own_;
  std::optional<datapath::Compiler> compiler_;
  std::string here_;
  std::vector<End> ends_;
  std::map<std::string, int> compared_;
};

TEST_F(PacketsAgainstReach, OnRandomClusters) {
  for (int i = 0; i < clusters && !HasFailure(); ++i) {
    SCOPED_TRACE("cluster " + std::to_string(i));
    RandomCluster cluster = random_cluster(dice_);
    begin(cluster.snapshot(), i);
    for (int step = 0; step <= changes_each && !HasFailure(); ++step) {
      if (step > 0) change(cluster);
      model::Snapshot snapshot = cluster.snapshot();
      apply(snapshot);
      for (int packet = 0; packet < packets_each; ++packet) compare(snapshot);
    }
  }
  EXPECT_GT(compared_["allow"], 3000);
  EXPECT_GT(compared_["deny"], 2000);
  RecordProperty("compared", std::to_string(compared_["allow"] + compared_["deny"]));
}

}  // namespace
}  // namespace bailey
