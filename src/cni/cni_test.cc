// The protocol without a kernel: environment, configuration, shapes of results.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "cni/config.h"
#include "cni/environment.h"
#include "cni/protocol.h"

namespace bailey::cni {
namespace {

using base::Json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

model::Address address(const std::string& text) { return model::Address::parse(text).value(); }

Variables variables(const std::string& command) { return {command, "c1", "/run/netns/x", "eth0", ""}; }

Environment environment(const std::string& command, const std::string& args = "") {
  Variables all = variables(command);
  all.args = args;
  return std::get<Environment>(parse_environment(all));
}

// A good configuration with members set or (null) taken away.
Json config_json(const std::vector<std::pair<std::string, std::string>>& changes = {}) {
  Json json = Json::parse(R"({"cniVersion":"1.1.0","name":"net","type":"bailey-cni",
    "podRanges":["10.240.0.10-10.240.0.39","fd00:1::/64"]})")
                  .value();
  for (const auto& [key, value] : changes) {
    if (value.empty()) {
      json.erase(key);
    } else {
      json.set(key, Json::parse(value).value());
    }
  }
  return json;
}

std::string failure_text(const Failure& failure) {
  return std::to_string(static_cast<int>(failure.code)) + " " + failure.message + " | " + failure.details;
}

template <typename T>
std::string outcome_text(const Outcome<T>& outcome) {
  const Failure* failure = std::get_if<Failure>(&outcome);
  return failure ? failure_text(*failure) : "fine";
}

TEST(Environment, EveryErrorHasCode4AndNamesTheVariables) {
  struct Row {
    Variables variables;
    std::string expected;
  };
  std::string id = "c1";
  std::string ns = "/run/netns/x";
  for (const Row& row : std::vector<Row>{
           {{"", id, ns, "eth0", ""}, "CNI_COMMAND is not set"},
           {{"add", id, ns, "eth0", ""}, "CNI_COMMAND: unknown command \"add\""},
           {{"ADD", "", "", "", ""}, "not set: CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME"},
           {{"CHECK", id, "", "eth0", ""}, "not set: CNI_NETNS"},
           {{"DEL", "", "", "", ""}, "not set: CNI_CONTAINERID, CNI_IFNAME"},
           {{"ADD", "-c1", ns, "eth0", ""}, "CNI_CONTAINERID: \"-c1\""},
           {{"ADD", "a/b", ns, "eth0", ""}, "CNI_CONTAINERID: \"a/b\""},
           {{"ADD", "a b", ns, "eth0", ""}, "CNI_CONTAINERID"},
           {{"ADD", "..", ns, "eth0", ""}, "CNI_CONTAINERID"},
           {{"ADD", id, ns, "sixteen-bytes-xx", ""}, "CNI_IFNAME"},
           {{"ADD", id, ns, "a/b", ""}, "CNI_IFNAME"},
           {{"ADD", id, ns, "a:b", ""}, "CNI_IFNAME"},
           {{"ADD", id, ns, "a b", ""}, "CNI_IFNAME"},
           {{"ADD", id, ns, "a\tb", ""}, "CNI_IFNAME"},
           {{"ADD", id, ns, ".", ""}, "CNI_IFNAME"},
           {{"ADD", id, ns, "..", ""}, "CNI_IFNAME"},
           {{"DEL", id, ns, "all", ""}, "CNI_IFNAME"},
           {{"ADD", id, ns, "eth0", "IP"}, "CNI_ARGS: expected KEY=VALUE, found \"IP\""},
           {{"ADD", id, ns, "eth0", "=x"}, "CNI_ARGS"},
           {{"ADD", id, ns, "eth0", "FOO=1;BAR=2"}, "CNI_ARGS: unknown key FOO, BAR"},
       }) {
    Outcome<Environment> outcome = parse_environment(row.variables);
    const Failure* failure = std::get_if<Failure>(&outcome);
    ASSERT_NE(failure, nullptr) << row.expected;
    EXPECT_EQ(failure->code, Code::bad_environment);
    EXPECT_THAT(failure->message, HasSubstr(row.expected));
  }
}

TEST(Environment, GoodOnes) {
  EXPECT_EQ(std::get<Environment>(parse_environment({"VERSION", "", "", "", ""})).command, Command::version);
  EXPECT_EQ(std::get<Environment>(parse_environment({"GC", "", "", "", ""})).command, Command::gc);
  EXPECT_EQ(std::get<Environment>(parse_environment({"STATUS", "", "", "", ""})).command, Command::status);
  EXPECT_EQ(std::get<Environment>(parse_environment({"DEL", "c1", "", "eth0", "junk"})).netns, "")
      << "DEL works without a namespace, and whatever the arguments are";
  Environment add =
      environment("ADD", "IgnoreUnknown=1;FOO=x;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;IP=10.0.0.1;MAC=m;");
  EXPECT_EQ(add.args.pod_namespace, "shop");
  EXPECT_EQ(add.args.pod_name, "web");
  EXPECT_EQ(add.args.ip, "10.0.0.1");
  EXPECT_EQ(add.args.mac, "m");
  for (const char* name : {"eth0", "fifteen-bytes-x", "net_1.2", "a@b"})
    EXPECT_TRUE(valid_interface_name(name)) << name;
}

TEST(Config, Defaults) {
  Config config = std::get<Config>(parse_config(config_json(), environment("ADD")));
  EXPECT_EQ(config.version, Version::v1_1_0);
  EXPECT_EQ(config.name, "net");
  EXPECT_EQ(config.model, NetworkModel::vnet);
  EXPECT_EQ(config.bridge, "bailey0");
  EXPECT_EQ(config.mtu, 0U);
  EXPECT_EQ(config.ipam_dir, "/run/bailey/ipam");
  EXPECT_EQ(config.pool.size(model::Family::v4), 30U);
}

TEST(Config, EveryKeyOfTheContractAndTheSpecificationIsTaken) {
  Json json = config_json({{"networkModel", "\"vnet\""},
                           {"bridge", "\"br0\""},
                           {"mtu", "1400"},
                           {"ipamDir", "\"/tmp/x\""},
                           {"agentSocket", "\"\""},
                           {"capabilities", R"({"ips":true,"mac":true,"portMappings":false})"},
                           {"runtimeConfig", R"({"ips":["10.240.0.11/24","fd00:1::5"],"mac":"02:00:00:00:00:01"})"},
                           {"args", R"({"cni":{"ips":["10.240.0.12"],"labels":[]},"other":1})"},
                           {"dns", R"({"nameservers":["10.0.0.10"],"domain":"d","search":["s"],"options":["o"]})"},
                           {"cniVersions", R"(["1.0.0","1.1.0"])"},
                           {"disableCheck", "true"},
                           {"prevResult", "null"},
                           {"cni.dev/valid-attachments", "[]"},
                           {"cni.dev/anything", "1"}});
  Outcome<Config> outcome = parse_config(json, environment("ADD", "IP=10.240.0.13"));
  ASSERT_EQ(outcome_text(outcome), "fine");
  const Config& config = std::get<Config>(outcome);
  EXPECT_EQ(config.mtu, 1400U);
  EXPECT_EQ(config.bridge, "br0");
  EXPECT_EQ(config.ipam_dir, "/tmp/x");
  EXPECT_EQ(config.mac, "02:00:00:00:00:01");
  EXPECT_THAT(config.requested, ElementsAre(address("10.240.0.11"), address("fd00:1::5"))) << "the capability wins";
  EXPECT_EQ(config.dns["domain"].as_string(), "d");
}

TEST(Config, AddressesAskedForInWeakerPlaces) {
  auto requested = [](const Json& json, const std::string& args) {
    return std::get<Config>(parse_config(json, environment("ADD", args))).requested;
  };
  EXPECT_THAT(requested(config_json({{"args", R"({"cni":{"ips":["10.240.0.12"]}})"}}), "IP=10.240.0.13"),
              ElementsAre(address("10.240.0.12")));
  EXPECT_THAT(requested(config_json(), "IP=10.240.0.13,fd00:1::7"),
              ElementsAre(address("10.240.0.13"), address("fd00:1::7")));
}

TEST(Config, EveryErrorHasItsCodeAndNamesTheKey) {
  struct Row {
    std::string key;
    std::string value;  // empty: taken away
    Code code;
    std::string expected;
    std::string command = "ADD";
  };
  constexpr Code bad = Code::bad_config;
  for (const Row& row : std::vector<Row>{
           {"cniVersion", "", Code::incompatible_version, "cniVersion: required"},
           {"cniVersion", "\"0.2.0\"", Code::incompatible_version, "\"0.2.0\" is not supported"},
           {"cniVersion", "\"2.0.0\"", Code::incompatible_version, "\"2.0.0\" is not supported"},
           {"cniVersion", "1", Code::incompatible_version, "1 is not supported"},
           {"cniVersion", "\"0.3.1\"", Code::incompatible_version, "CHECK needs cniVersion 0.4.0", "CHECK"},
           {"cniVersion", "\"1.0.0\"", Code::incompatible_version, "GC needs cniVersion 1.1.0", "GC"},
           {"cniVersion", "\"1.0.0\"", Code::incompatible_version, "STATUS needs cniVersion 1.1.0", "STATUS"},
           {"name", "", bad, "name: required"},
           {"name", "\"a/b\"", bad, "name: expected"},
           {"name", "7", bad, "name: expected"},
           {"type", "", bad, "type: required"},
           {"type", "null", bad, "type: expected"},
           {"podRanges", "", bad, "podRanges: required"},
           {"podRanges", "[]", bad, "podRanges: \"\": at least one"},
           {"podRanges", "\"10.0.0.0/24\"", bad, "podRanges: expected a list"},
           {"podRanges", "[1]", bad, "podRanges[0]: expected"},
           {"podRanges", "[\"10.0.0.1/24\"]", bad, "the block is 10.0.0.0/24"},
           {"podRanges", "[\"10.0.0.0/24\",\"10.0.0.9\"]", bad, "overlaps"},
           {"podRange", "[]", bad, "podRange: unknown key"},
           {"MTU", "1", bad, "MTU: unknown key"},
           {"plugins", "[]", bad, "plugins: unknown key"},
           {"ipMasq", "true", bad, "ipMasq: unknown key"},
           {"ipam", "{}", bad, "ipam: "},
           {"networkModel", "\"overlay\"", bad, "networkModel: expected \"vnet\" or \"kubenet\""},
           {"networkModel", "\"kubenet\"", bad, "podRanges: \"10.240.0.10-10.240.0.39\" has no address for the bridge"},
           {"masquerade", "1", bad, "masquerade: expected true or false"},
           {"masquerade", "true", bad, "masquerade: pods of the vnet model are reached without translation"},
           {"nonMasqueradeRanges", "[\"10.0.0.0/8\"]", bad, "nonMasqueradeRanges: pods of the vnet model"},
           {"nonMasqueradeRanges", "\"10.0.0.0/8\"", bad, "nonMasqueradeRanges: expected a list"},
           {"nonMasqueradeRanges", "[\"10.0.0.1/8\"]", bad, "nonMasqueradeRanges[0]: expected a prefix"},
           {"coolDownSeconds", "-1", bad, "coolDownSeconds: expected 0 to 3600"},
           {"coolDownSeconds", "\"30\"", bad, "coolDownSeconds: expected 0 to 3600"},
           {"mtu", "-1", bad, "mtu: expected"},
           {"mtu", "1.5", bad, "mtu: expected"},
           {"mtu", "\"1500\"", bad, "mtu: expected"},
           {"mtu", "67", bad, "mtu: expected"},
           {"mtu", "65536", bad, "mtu: expected"},
           {"mtu", "1279", bad, "mtu: IPv6 needs at least 1280"},
           {"bridge", "\"a b\"", bad, "bridge: expected"},
           {"ipamDir", "\"relative\"", bad, "ipamDir: expected an absolute path"},
           {"ipamDir", "\"\"", bad, "ipamDir: expected"},
           {"ipamDir", "\"/a\\u0000b\"", bad, "ipamDir: expected"},
           {"agentSocket", "1", bad, "agentSocket: expected"},
           {"agentSocket", "\"run/x\"", bad, "agentSocket: expected an absolute path"},
           {"capabilities", "[]", bad, "capabilities: expected"},
           {"capabilities", R"({"bandwidth":true})", bad, "capabilities.bandwidth: unknown capability"},
           {"capabilities", R"({"ips":1})", bad, "capabilities.ips: expected"},
           {"runtimeConfig", "1", bad, "runtimeConfig: expected"},
           {"runtimeConfig", R"({"portMappings":[]})", bad, "runtimeConfig.portMappings: unknown key"},
           {"runtimeConfig", R"({"ips":"10.0.0.1"})", bad, "runtimeConfig.ips: expected a list"},
           {"runtimeConfig", R"({"ips":["ten"]})", bad, "runtimeConfig.ips[0]: expected an address"},
           {"runtimeConfig", R"({"ips":["10.240.0.11","10.240.0.12"]})", bad, "a second address of one family"},
           {"runtimeConfig", R"({"mac":1})", bad, "runtimeConfig.mac: expected"},
           {"args", "[]", bad, "args: expected"},
           {"args", R"({"cni":{"ips":[7]}})", bad, "args.cni.ips[0]: expected"},
           {"dns", "[]", bad, "dns: expected"},
           {"dns", R"({"nameserver":[]})", bad, "dns.nameserver: unknown key"},
           {"dns", R"({"search":"x"})", bad, "dns.search: expected"},
           {"dns", R"({"domain":[]})", bad, "dns.domain: expected"},
           {"prevResult", "[]", bad, "prevResult: expected"},
           {"prevResult", "", bad, "prevResult: required for CHECK", "CHECK"},
           {"name", "\"net\"", bad, "cni.dev/valid-attachments: required for GC", "GC"},
           {"cni.dev/valid-attachments", R"([{"containerID":"a"}])", bad, "cni.dev/valid-attachments[0]: expected",
            "GC"},
       }) {
    Json json = config_json({{row.key, row.value}});
    Outcome<Config> outcome = parse_config(json, environment(row.command));
    const Failure* failure = std::get_if<Failure>(&outcome);
    ASSERT_NE(failure, nullptr) << row.key << " " << row.value;
    EXPECT_EQ(failure->code, row.code) << row.key << " " << row.value << ": " << failure->message;
    EXPECT_THAT(failure->message, HasSubstr(row.expected));
  }
  Outcome<Config> by_args = parse_config(config_json(), environment("ADD", "IP=ten"));
  EXPECT_THAT(outcome_text(by_args), HasSubstr("4 CNI_ARGS: IP: expected an address"));
  Outcome<Config> near = parse_config(config_json({{"podRange", "[]"}}), environment("ADD"));
  EXPECT_THAT(std::get<Failure>(near).details, HasSubstr("podRanges"));
}

TEST(Config, TextThatIsNoObject) {
  for (const char* text : {"", "{", "[]", "7", "\"x\"", "null", "{\"a\":1}x", "\xff\xfe"}) {
    Outcome<Json> outcome = parse_text(text);
    ASSERT_TRUE(std::holds_alternative<Failure>(outcome)) << text;
    EXPECT_EQ(std::get<Failure>(outcome).code, Code::decode_failure) << text;
  }
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "{\"a\":[";
  EXPECT_EQ(std::get<Failure>(parse_text(deep)).code, Code::decode_failure);
}

TEST(Protocol, ShapesOfEachVersion) {
  AddResult result;
  result.interfaces = {{"bl0", "ee:ee:ee:ee:ee:ee", 1500, ""}, {"eth0", "02:00:00:00:00:01", 1500, "/run/netns/x"}};
  result.ips = {{address("10.0.0.4"), 32, address("169.254.1.1"), 1}, {address("fd00::4"), 128, address("fe80::1"), 1}};
  result.routes = {{model::Prefix::host(address("169.254.1.1")), std::nullopt, true},
                   {model::Prefix::any(model::Family::v4), address("169.254.1.1"), false}};
  EXPECT_EQ(result_json(result, Version::v1_1_0, {}, {}).dump(),
            R"({"cniVersion":"1.1.0","interfaces":[{"name":"bl0","mac":"ee:ee:ee:ee:ee:ee","mtu":1500},)"
            R"({"name":"eth0","mac":"02:00:00:00:00:01","mtu":1500,"sandbox":"/run/netns/x"}],)"
            R"("ips":[{"address":"10.0.0.4/32","gateway":"169.254.1.1","interface":1},)"
            R"({"address":"fd00::4/128","gateway":"fe80::1","interface":1}],)"
            R"("routes":[{"dst":"169.254.1.1/32","scope":253},{"dst":"0.0.0.0/0","gw":"169.254.1.1"}],"dns":{}})");
  EXPECT_EQ(result_json(result, Version::v1_0_0, {}, {})["interfaces"].items()[0].dump(),
            R"({"name":"bl0","mac":"ee:ee:ee:ee:ee:ee"})");
  EXPECT_EQ(result_json(result, Version::v1_0_0, {}, {})["routes"].items()[0].dump(), R"({"dst":"169.254.1.1/32"})");
  for (Version old : {Version::v0_3_1, Version::v0_4_0}) {
    Json json = result_json(result, old, {}, {});
    EXPECT_EQ(json["cniVersion"].as_string(), version_text(old));
    EXPECT_EQ(json["ips"].items()[0].dump(),
              R"({"version":"4","address":"10.0.0.4/32","gateway":"169.254.1.1","interface":1})");
    EXPECT_EQ(json["ips"].items()[1]["version"].as_string(), "6");
  }
  Json dns = Json::parse(R"({"nameservers":["10.0.0.10"]})").value();
  EXPECT_EQ(result_json(result, Version::v1_0_0, {}, dns)["dns"], dns);
  Outcome<AddResult> back = parse_result(result_json(result, Version::v1_1_0, {}, {}));
  ASSERT_EQ(outcome_text(back), "fine");
  EXPECT_EQ(std::get<AddResult>(back).interfaces, result.interfaces);
  EXPECT_EQ(std::get<AddResult>(back).ips, result.ips);
  EXPECT_EQ(std::get<AddResult>(back).routes, result.routes);
}

TEST(Protocol, AnEarlierPluginsResultIsKept) {
  Json previous = Json::parse(R"({"cniVersion":"1.0.0","interfaces":[{"name":"lo","mac":"","own":1}],)"
                              R"("ips":[{"address":"127.0.0.1/8","interface":0}],"dns":{"domain":"d"}})")
                      .value();
  AddResult result;
  result.interfaces = {{"eth0", "02:00:00:00:00:01", 0, "/x"}};
  result.ips = {{address("10.0.0.4"), 32, std::nullopt, 0}};
  Json json = result_json(result, Version::v1_0_0, previous, {});
  EXPECT_EQ(json["interfaces"].items().size(), 2U);
  EXPECT_EQ(json["interfaces"].items()[0]["own"].as_int(), 1);
  EXPECT_EQ(json["ips"].items()[1]["interface"].as_int(), 1) << "counted after the earlier ones";
  EXPECT_EQ(json["dns"]["domain"].as_string(), "d");
}

TEST(Protocol, BadPreviousResults) {
  for (auto [text, expected] : std::vector<std::pair<const char*, const char*>>{
           {R"({"interfaces":1})", "prevResult.interfaces"},
           {R"({"interfaces":[{}]})", "prevResult.interfaces[0].name"},
           {R"({"interfaces":[{"name":"a","mtu":-1}]})", "prevResult.interfaces[0].mtu"},
           {R"({"ips":[{"address":"10.0.0.1"}]})", "prevResult.ips[0].address"},
           {R"({"ips":[{"address":"10.0.0.1/33"}]})", "prevResult.ips[0].address"},
           {R"({"ips":[{"address":"10.0.0.1/8","gateway":"x"}]})", "prevResult.ips[0].gateway"},
           {R"({"ips":[{"address":"10.0.0.1/8","interface":0}]})", "prevResult.ips[0].interface"},
           {R"({"routes":[{}]})", "prevResult.routes[0].dst"},
           {R"({"routes":[{"dst":"0.0.0.0/0","gw":"x"}]})", "prevResult.routes[0].gw"}}) {
    Outcome<AddResult> outcome = parse_result(Json::parse(text).value());
    ASSERT_TRUE(std::holds_alternative<Failure>(outcome)) << text;
    EXPECT_EQ(std::get<Failure>(outcome).code, Code::bad_config);
    EXPECT_THAT(std::get<Failure>(outcome).message, HasSubstr(expected));
  }
}

TEST(Protocol, FailuresAndVersions) {
  EXPECT_EQ(failure_json({Code::try_again, "m", "d"}, Version::v0_4_0).dump(),
            R"({"cniVersion":"0.4.0","code":11,"msg":"m","details":"d"})");
  EXPECT_EQ(version_json("").dump(), R"({"cniVersion":"1.1.0","supportedVersions":["0.3.1","0.4.0","1.0.0","1.1.0"]})");
  EXPECT_EQ(version_json("0.4.0")["cniVersion"].as_string(), "0.4.0");
}

// Whatever a runtime writes, the answer is a configuration or a failure with a code and a message.
TEST(Config, RandomMutationsAreAnswered) {
  std::string good =
      config_json({{"mtu", "1400"},
                   {"runtimeConfig", R"({"ips":["10.240.0.11/24"],"mac":"02:00:00:00:00:01"})"},
                   {"dns", R"({"nameservers":["10.0.0.10"]})"},
                   {"prevResult", R"({"interfaces":[{"name":"a","mac":"b"}],"ips":[{"address":"1.2.3.4/5",)"
                                  R"("interface":0}],"routes":[{"dst":"::/0","gw":"fe80::1"}]})"},
                   {"cni.dev/valid-attachments", R"([{"containerID":"a","ifname":"b"}])"}})
          .dump();
  const std::vector<std::string> pieces = {
      "\"",      "{",       "}",          "[",    "]", ",", ":",    "null",     "-1",  "1e999", "99999999999999999999",
      "\\u0000", "\\ud800", "10.0.0.0/8", "::/0", "-", "/", "\xff", "\"mtu\":", "true"};
  std::mt19937 random(5);
  auto below = [&](std::size_t bound) { return bound == 0 ? 0 : static_cast<std::size_t>(random() % bound); };
  std::size_t parsed = 0;
  for (int round = 0; round < 6000; ++round) {
    std::string text = good;
    for (std::size_t i = 0, count = 1 + below(3); i < count; ++i) {
      std::size_t at = below(text.size());
      switch (below(4)) {
        case 0: text[at] = static_cast<char>(random()); break;
        case 1: text.erase(at, 1 + below(12)); break;
        case 2: text.insert(at, pieces[below(pieces.size())]); break;
        default: text.insert(at, text.substr(below(text.size()), below(20))); break;
      }
    }
    Outcome<Json> json = parse_text(text);
    if (const Failure* failure = std::get_if<Failure>(&json)) {
      ASSERT_EQ(failure->code, Code::decode_failure);
      continue;
    }
    ++parsed;
    const char* command = std::vector<const char*>{"ADD", "DEL", "CHECK", "GC", "STATUS"}[below(5)];
    Outcome<Config> config = parse_config(std::get<Json>(json), environment(command));
    if (const Failure* failure = std::get_if<Failure>(&config)) {
      ASSERT_FALSE(failure->message.empty());
      ASSERT_TRUE(failure->code == Code::bad_config || failure->code == Code::incompatible_version);
      ASSERT_TRUE(Json::parse(failure_json(*failure, Version::v1_1_0).dump()).ok());
    } else {
      (void)parse_result(std::get<Config>(config).previous);
    }
  }
  EXPECT_GT(parsed, 300U);
}

}  // namespace
}  // namespace bailey::cni
