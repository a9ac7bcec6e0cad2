// The command flows: what it asks of the lab, what it prints, how it ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "session_for_test.h"

namespace bailey::cli {
namespace {

using testing::HasSubstr;

constexpr const char* allowed =
    R"({"schema":"bailey.dev/event/v1","time":"2026-01-31T09:00:00.000000123Z","node":"a","component":"policy",)"
    R"("kind":"flow","event":"open","source":"pod/shop/web-0","source_address":"10.0.0.4",)"
    R"("destination":"pod/shop/db-0","destination_address":"10.0.0.5","port":"5432/tcp","direction":"ingress",)"
    R"("verdict":"allow","reason":"","object":"NetworkPolicy/shop/db","rule":"spec.ingress[0]","bytes":60,"packets":1})";
constexpr const char* refused =
    R"({"schema":"bailey.dev/event/v1","time":"2026-01-31T09:00:01.000000000Z","node":"a","component":"policy",)"
    R"("kind":"flow","event":"deny","source":"192.0.2.1","source_address":"192.0.2.1",)"
    R"("destination":"pod/shop/db-0","destination_address":"10.0.0.5","port":"22/tcp","direction":"ingress",)"
    R"("verdict":"deny","reason":"policy-ingress","object":"","rule":"","bytes":0,"packets":1})";
constexpr const char* pods =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: web-0, namespace: shop, labels: {app: web}}\n---\n"
    "apiVersion: v1\nkind: Pod\nmetadata: {name: db-0, namespace: shop, labels: {app: db}}\n";

class FlowsCommand : public ::testing::Test {
 protected:
  static base::Json answer_of(const std::vector<std::string>& flows, int next, int lost = 0) {
    base::Json list = base::Json::array();
    for (const std::string& flow : flows) list.push(*base::Json::parse(flow));
    base::Json at = base::Json::object().set("node/a", next);
    return base::Json::object().set("flows", list).set("next", at).set("lost", lost);
  }
  void seen(const std::vector<std::string>& flows, int lost = 0) { run_.answers["flows"] = answer_of(flows, 2, lost); }
  FakeRun run_;
};

TEST_F(FlowsCommand, JsonlIsTheEventsAsTheyCame) {
  seen({allowed, refused});
  EXPECT_EQ(run_.run({"flows", "--lab", "x", "-o", "jsonl"}), 0);
  EXPECT_EQ(run_.out, std::string(allowed) + "\n" + refused + "\n");
  EXPECT_EQ(run_.err, "");
  EXPECT_EQ(run_.labs, std::vector<std::string>{"x"});
  EXPECT_EQ(run_.requests.at(0).dump(), R"({"verb":"flows","max":1000})");
}

TEST_F(FlowsCommand, TextIsALineEach) {
  seen({allowed, refused});
  EXPECT_EQ(run_.run({"flows"}), 0);
  EXPECT_EQ(run_.out,
            "09:00:00.000  pod/shop/web-0           -> pod/shop/db-0 5432/tcp            allow                    "
            "NetworkPolicy/shop/db spec.ingress[0]     60 B\n"
            "09:00:01.000  192.0.2.1                -> pod/shop/db-0 22/tcp              deny   policy-ingress\n");
}

TEST_F(FlowsCommand, Filters) {
  seen({allowed, refused});
  for (const auto& [flags, wanted] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"--verdict", "deny"}, refused},
           {{"--reason", "policy-ingress"}, refused},
           {{"--from", "pod/shop/*"}, allowed},
           {{"--from", "192.0.2.0/24"}, refused},
           {{"--to", "pod/shop/db-0", "--port", "5432"}, allowed}}) {
    std::vector<std::string> words{"flows", "-o", "jsonl"};
    words.insert(words.end(), flags.begin(), flags.end());
    EXPECT_EQ(run_.run(words), 0);
    EXPECT_EQ(run_.out, wanted + "\n") << flags[0];
  }
  EXPECT_EQ(run_.run({"flows", "--from", "node/*"}), 0);
  EXPECT_EQ(run_.out, "");
  EXPECT_THAT(run_.err, HasSubstr("None of the 2 flows"));
}

TEST_F(FlowsCommand, WrongWordsAreToldBeforeTheLabIsAsked) {
  for (const auto& [words, part] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"flows", "--from", "shop/web"}, "'shop/web' names no end of a flow"},
           {{"flows", "--to", "10.0.0.300"}, "'10.0.0.300'"},
           {{"flows", "--port", "http"}, "http"},
           {{"flows", "--verdict", "maybe"}, "maybe"},
           {{"flows", "--follow", "--suggest"}, "--suggest"},
           {{"flows", "-f", "x.yaml"}, "--suggest"}}) {
    EXPECT_EQ(run_.run(words), exit_status::usage);
    EXPECT_THAT(run_.err, HasSubstr(part));
  }
  EXPECT_TRUE(run_.requests.empty());
}

TEST_F(FlowsCommand, NothingSeenYetSaysWhatToDo) {
  seen({});
  EXPECT_EQ(run_.run({"flows", "--lab", "x"}), 0);
  EXPECT_EQ(run_.out, "");
  EXPECT_THAT(run_.err, HasSubstr("bailey lab probe --name x"));
}

TEST_F(FlowsCommand, TellsOfLostAndUnreadableOnes) {
  seen({allowed, R"({"kind":"access"})"}, 7);
  EXPECT_EQ(run_.run({"flows", "-o", "jsonl"}), 0);
  EXPECT_EQ(run_.out, std::string(allowed) + "\n");
  EXPECT_THAT(run_.err, HasSubstr("7 flows were lost"));
  EXPECT_THAT(run_.err, HasSubstr("1 flows of the lab could not be read"));
}

TEST_F(FlowsCommand, FollowsFromWhereItWasUntilInterrupted) {
  seen({allowed});
  std::vector<int> waits;
  run_.session.wait = [&](int milliseconds) {
    waits.push_back(milliseconds);
    run_.answers["flows"] = waits.size() == 1 ? answer_of({refused}, 3) : answer_of({}, 3);
    return waits.size() < 3;
  };
  EXPECT_EQ(run_.run({"flows", "--follow", "-o", "jsonl"}), 0);
  EXPECT_EQ(run_.out, std::string(allowed) + "\n" + refused + "\n");
  EXPECT_EQ(waits, (std::vector<int>{100, 100, 100}));
  ASSERT_EQ(run_.requests.size(), 3u);
  EXPECT_EQ(run_.requests[1]["since"].dump(), R"({"node/a":2})");
  EXPECT_EQ(run_.requests[2]["since"].dump(), R"({"node/a":3})");
}

TEST_F(FlowsCommand, FollowEndsWithTheLab) {
  seen({allowed});
  run_.session.wait = [&](int) {
    run_.answers["flows"] = lab::Failure{lab::Failure::Class::usage, {"x", {}}, {}};
    return true;
  };
  EXPECT_EQ(run_.run({"flows", "--follow"}), 0);
  EXPECT_THAT(run_.err, HasSubstr("has ended"));
}

TEST_F(FlowsCommand, SuggestsPoliciesThatLoad) {
  seen({allowed, refused});
  base::Json documents = base::Json::array();
  documents.push(base::Json::object().set("file", "lab").set("text", pods));
  run_.answers["objects"] = base::Json::object().set("documents", documents);
  EXPECT_EQ(run_.run({"flows", "--suggest"}), 0);
  EXPECT_EQ(run_.requests.at(1).dump(), R"({"verb":"objects","kinds":["Namespace","Node","Pod"]})");
  EXPECT_THAT(run_.out, HasSubstr("# flows that need it: 1\n"));
  manifest::Loaded loaded = manifest::load({{"out.yaml", run_.out}}, {});
  EXPECT_TRUE(loaded.ok()) << run_.out;
  ASSERT_EQ(loaded.objects.size(), 2u);
  EXPECT_EQ(loaded.objects[0]->meta.ref().text(), "NetworkPolicy/shop/suggested-db");
  EXPECT_EQ(loaded.objects[0].as<model::NetworkPolicy>()->ingress_rules.size(), 1u);
  EXPECT_EQ(loaded.objects[1]->meta.ref().text(), "NetworkPolicy/shop/suggested-web");
}

TEST_F(FlowsCommand, SuggestsFromManifests) {
  seen({allowed});
  run_.input = pods;
  EXPECT_EQ(run_.run({"flows", "--suggest", "-f", "-"}), 0);
  EXPECT_THAT(run_.out, HasSubstr("suggested-web"));
  EXPECT_EQ(run_.requests.size(), 1u);
}

}  // namespace
}  // namespace bailey::cli
