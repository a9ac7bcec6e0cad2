// The parts of the agent that need no kernel: its configuration, events, and what it remembers of flows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/config.h"
#include "agent/files.h"
#include "agent/flow_log.h"

namespace bailey::agent {
namespace {

std::optional<Config> parse(const std::string& text, std::vector<model::InputError>& errors) {
  errors.clear();
  return parse_config({"agent.yaml", text}, errors);
}

TEST(AgentConfig, DefaultsAndEveryKey) {
  std::vector<model::InputError> errors;
  std::optional<Config> least = parse("source: {files: [/etc/bailey/manifests]}\n", errors);
  ASSERT_TRUE(least);
  EXPECT_THAT(least->files, ::testing::ElementsAre("/etc/bailey/manifests"));
  EXPECT_TRUE(least->routed);
  EXPECT_FALSE(least->uplink) << "to be found";
  EXPECT_EQ(least->connections, 65536u);
  std::optional<Config> all = parse(
      R"({"node":"n","source":{"socket":true},"networkModel":"kubenet","uplink":"","socket":"/s","ipamDir":"/i",
          "pins":"/p","connections":1024,"eventsPerSecond":0,"redirect":false})",
      errors);
  ASSERT_TRUE(all) << errors.front().code;
  EXPECT_TRUE(all->files.empty());
  EXPECT_FALSE(all->routed);
  EXPECT_EQ(all->uplink, "");
  EXPECT_EQ(all->connections, 1024u);
  EXPECT_FALSE(all->redirect);
}

TEST(AgentConfig, MistakesNameTheirPlace) {
  struct Case {
    const char* text;
    std::uint32_t line;
  };
  for (const Case& each : {Case{"node: a\n", 1},
                           {"source: {files: [/a], socket: true}\n", 1},
                           {"source: {socket: true}\nconections: 5\n", 2},
                           {"source: {socket: true}\nconnections: 5\n", 2},
                           {"source: {socket: true}\nnetworkModel: overlay\n", 2},
                           {"- a\n", 1},
                           {"", 1},
                           {"source: {socket: true\n", 1}}) {
    std::vector<model::InputError> errors;
    EXPECT_FALSE(parse(each.text, errors)) << each.text;
    ASSERT_FALSE(errors.empty()) << each.text;
    EXPECT_EQ(errors[0].file, "agent.yaml");
    EXPECT_GE(errors[0].position.line, 1u) << each.text;
    EXPECT_LE(errors[0].position.line, each.line + 1) << each.text;
  }
}

base::Json event(const char* type, const std::string& object) {
  return base::Json::object().set("type", type).set("object", base::Json::parse(object).value());
}

const std::string space = R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"a"}})";
const std::string labelled = R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"a","labels":{"x":"y"}}})";

TEST(Events, OfOneObjectTheLastCounts) {
  base::Json list = base::Json::array();
  list.push(event("ADDED", space));
  list.push(event("MODIFIED", labelled));
  auto changed = events_of(list);
  ASSERT_TRUE(changed.ok()) << changed.error().text();
  ASSERT_EQ(changed->size(), 1u);
  EXPECT_EQ(model::meta(*changed->front().object).labels.at("x"), "y");
  list.push(event("DELETED", R"({"kind":"Namespace","metadata":{"name":"a"}})"));
  auto gone = events_of(list);
  ASSERT_EQ(gone->size(), 1u);
  EXPECT_EQ(gone->front().type, model::Event::Type::deleted);
}

TEST(Events, OtherKindsDoNotMatterAndMistakesAreTold) {
  base::Json list = base::Json::array();
  list.push(event("ADDED", R"({"kind":"Service","metadata":{"name":"s"},"spec":{"nonsense":1}})"));
  list.push(event("ADDED", space));
  auto events = events_of(list);
  ASSERT_TRUE(events.ok());
  EXPECT_EQ(events->size(), 1u);
  list.push(event("ADDED", R"({"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"p"},
                               "spec":{"podSelector":[1]}})"));
  EXPECT_FALSE(events_of(list).ok()) << "a policy that cannot be read must not be passed over";
}

TEST(FlowLog, ReadersGoOnAndLossesAreCounted) {
  FlowLog log("n1", 3);
  FlowNames names{[](const model::Address& address) { return address.text(); },
                  [](const datapath::sys::PathEvent&) { return std::string("NetworkPolicy/a/p"); }};
  datapath::sys::PathEvent event;
  event.kind = datapath::sys::PathEvent::Kind::drop;
  event.source = *model::Address::parse("10.0.0.1");
  event.destination = *model::Address::parse("10.0.0.2");
  event.destination_port = 80;
  event.protocol = 6;
  event.reason = "policy-ingress";
  for (int i = 0; i < 2; ++i) log.add(event, names);
  base::Json first = log.read(std::nullopt, 10);
  ASSERT_EQ(first["flows"].items().size(), 2u);
  const base::Json& flow = first["flows"].items()[0];
  EXPECT_EQ(flow["verdict"].as_string(), "deny");
  EXPECT_EQ(flow["port"].as_string(), "80/tcp");
  EXPECT_EQ(flow["object"].as_string(), "NetworkPolicy/a/p");
  EXPECT_EQ(flow["direction"].as_string(), "ingress");
  EXPECT_EQ(first["next"].as_int(), 2);
  for (int i = 0; i < 5; ++i) log.add(event, names);
  base::Json second = log.read(2, 10);
  EXPECT_EQ(second["flows"].items().size(), 3u);
  EXPECT_EQ(second["lost"].as_int(), 2);
  EXPECT_EQ(second["next"].as_int(), 7);
  EXPECT_EQ(log.read(7, 10)["flows"].items().size(), 0u);
  EXPECT_EQ(log.read(500, 10)["flows"].items().size(), 3u) << "asked of an agent that has ended since";
}

}  // namespace
}  // namespace bailey::agent
