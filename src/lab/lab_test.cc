// The parts of the lab that need no root: names, the wire format, SCTP packets, what a snapshot asks for.
#include <gtest/gtest.h>

#include "lab/agent/sctp.h"
#include "lab/lock.h"
#include "lab/network.h"
#include "lab/wire.h"

namespace bailey::lab {
namespace {

TEST(LabName, OnlyPlainNames) {
  for (const char* good : {"default", "a", "0-x_y.z"}) EXPECT_TRUE(is_lab_name(good)) << good;
  for (const std::string& bad : {std::string(), std::string("../x"), std::string("a/b"), std::string("-a"),
                                 std::string("a b"), std::string(41, 'a'), std::string(".hidden")})
    EXPECT_FALSE(is_lab_name(bad)) << bad;
}

TEST(Wire, AFailureIsReadBack) {
  Failure failure{Failure::Class::input, {"lab.input-refused", {"x", "y"}}, {}};
  model::InputError error;
  error.severity = model::InputError::Severity::warning;
  error.code = "bad-prefix";
  error.file = "a.yaml";
  error.position = {3, 7};
  error.object = "VirtualNetwork/hub";
  error.field = "spec.addressSpace[0]";
  error.expected = {"e", {"1"}};
  error.found = {"f", {}};
  error.mend = {"m", {"2", "3"}};
  failure.errors.push_back(error);
  std::optional<Failure> back = failure_from(*base::Json::parse(to_json(failure).dump()));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->kind, Failure::Class::input);
  EXPECT_EQ(back->message, failure.message);
  ASSERT_EQ(back->errors.size(), 1u);
  EXPECT_EQ(back->errors[0].severity, model::InputError::Severity::warning);
  EXPECT_EQ(back->errors[0].position, error.position);
  EXPECT_EQ(back->errors[0].field, error.field);
  EXPECT_EQ(back->errors[0].mend, error.mend);
  EXPECT_FALSE(failure_from(base::Json::object().set("rows", base::Json::array())));
}

// RFC 3720 appendix B.4 has these CRC32c vectors.
TEST(Sctp, ChecksumVectors) {
  EXPECT_EQ(sctp::crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(sctp::crc32c(std::string(32, '\xff')), 0x62a8ab43U);
  EXPECT_EQ(sctp::crc32c("123456789"), 0xe3069283U);
}

TEST(Sctp, PacketsAreReadBack) {
  sctp::Packet packet{4000, 5000, 7, 2, 9, "a cookie of odd length!"};
  std::optional<sctp::Packet> back = sctp::decode(sctp::encode(packet));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->source_port, 4000);
  EXPECT_EQ(back->destination_port, 5000);
  EXPECT_EQ(back->verification_tag, 7u);
  EXPECT_EQ(back->initiate_tag, 9u);
  EXPECT_EQ(back->cookie, packet.cookie);
}

TEST(Sctp, DamagedPacketsAreNoPackets) {
  std::string good = sctp::encode({1, 2, 0, 1, 3, ""});
  ASSERT_TRUE(sctp::decode(good));
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    EXPECT_FALSE(sctp::decode(bad)) << "byte " << i;
    EXPECT_FALSE(sctp::decode(std::string_view(good).substr(0, i)));
  }
}

template <typename T>
std::shared_ptr<T> make(model::Kind kind, const std::string& ns, const std::string& name) {
  auto object = std::make_shared<T>();
  object->meta.kind = kind;
  object->meta.ns = ns;
  object->meta.name = name;
  return object;
}

template <typename T>
model::AnyObject any(const std::shared_ptr<T>& object) {
  return std::shared_ptr<const T>(object);
}

TEST(Wanted, PodsThatCannotRunAreNotWanted) {
  auto node = make<model::Node>(model::Kind::Node, "", "n1");
  node->addresses = {*model::Address::parse("10.0.0.4")};
  node->pod_ranges = {*model::AddressRange::parse("10.0.0.5-10.0.0.9")};
  auto lame = make<model::Node>(model::Kind::Node, "", "n2");
  std::vector<model::AnyObject> objects{any(node), any(lame)};
  auto pod = [&](const std::string& name, const std::string& on, const std::string& phase) {
    auto object = make<model::Pod>(model::Kind::Pod, "default", name);
    object->spec.node_name = on;
    object->phase = phase;
    object->spec.ports = {{"http", 80, 0, model::Protocol::tcp}};
    objects.push_back(any(object));
  };
  pod("runs", "n1", "");
  pod("finished", "n1", "Succeeded");
  pod("pending", "n1", "Pending");
  pod("homeless", "", "");
  pod("on-a-lame-node", "n2", "");
  std::map<model::ObjectRef, RealisedPod> pods = wanted_pods(model::snapshot_of(objects));
  ASSERT_EQ(pods.size(), 1u);
  EXPECT_EQ(pods.begin()->first.name, "runs");
  EXPECT_EQ(pods.begin()->second.plugin["podRanges"].dump(), R"(["10.0.0.5-10.0.0.9"])");
  std::map<std::string, HostSpec> hosts = wanted_hosts(model::snapshot_of(objects));
  EXPECT_TRUE(hosts.contains("node/n1"));
  EXPECT_FALSE(hosts.contains("node/n2"));
  EXPECT_TRUE(hosts.contains("fabric") && hosts.contains("internet"));
}

}  // namespace
}  // namespace bailey::lab
