#include "lab/expectations/expectations.h"

#include <gtest/gtest.h>

namespace bailey::lab {
namespace {

using base::Json;
using Texts = std::vector<std::string>;

Json json(const std::string& text) {
  auto parsed = Json::parse(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed.ok() ? *parsed : Json();
}

Expectations parse(const std::string& rows) {
  return parse_expectations(json("{\"expect\":[" + rows + "]}"), "rows.yaml");
}

Texts mistakes(const std::string& rows) {
  Texts out;
  for (const model::InputError& error : parse(rows).errors) out.push_back(error.field + " " + error.code);
  return out;
}

Expectation row(const std::string& text) {
  Expectations parsed = parse(text);
  EXPECT_TRUE(parsed.errors.empty()) << text << ": "
                                     << (parsed.errors.empty() ? ""
                                                               : parsed.errors[0].field + " " + parsed.errors[0].code);
  return parsed.rows.empty() ? Expectation{} : parsed.rows[0];
}

std::string english(const base::Message& message) {
  base::Catalogue catalogue{expectation_texts()};
  return catalogue.render(message, base::Lang::en);
}

const std::string web = R"("from":"pod/shop/web","to":"svc/shop/db","port":"5432/tcp")";
const std::string allow = "{" + web + R"(,"verdict":"allow"})";

TEST(Parse, AReachRow) {
  Expectation parsed =
      row("{" + web + R"(,"verdict":"allow","family":6,"source_seen":"pod","answered_by":"pod/shop/db-0","id":"a"})");
  const auto& reach = std::get<ReachExpectation>(parsed.what);
  EXPECT_EQ(reach.from.text(), "pod/shop/web");
  EXPECT_EQ(reach.to.text(), "svc/shop/db");
  EXPECT_EQ(reach.port.text(), "5432/tcp");
  EXPECT_EQ(reach.family, model::Family::v6);
  EXPECT_TRUE(reach.allow);
  EXPECT_EQ(reach.source_seen, "pod");
  EXPECT_EQ(parsed.id, "a");
  EXPECT_EQ(parsed.field, "expect[0]");
  EXPECT_EQ(question(parsed).dump(),
            R"({"id":"a","from":"pod/shop/web","to":"svc/shop/db","port":"5432/tcp","family":6})");
}

TEST(Parse, NumbersAreIdsAndPorts) {
  Expectations parsed = parse(allow + R"(,{"from":"pod/a","to":"10.0.0.1","port":80,"verdict":"deny","id":7})");
  ASSERT_EQ(parsed.rows.size(), 2u);
  EXPECT_EQ(parsed.rows[0].id, "1");
  EXPECT_EQ(parsed.rows[1].id, "7");
  EXPECT_EQ(std::get<ReachExpectation>(parsed.rows[1].what).port.text(), "80/tcp");
}

TEST(Parse, TheListAloneIsADocument) {
  Expectations parsed = parse_expectations(json("[" + allow + ",{}]"), "rows.json");
  EXPECT_EQ(parsed.rows.size(), 1u);
  ASSERT_EQ(parsed.errors.size(), 1u);
  EXPECT_EQ(parsed.errors[0].field, "[1]");
  EXPECT_EQ(parsed.errors[0].file, "rows.json");
}

TEST(Parse, HttpAndCommand) {
  auto http = std::get<HttpExpectation>(
      row(R"({"http":{"from":"host/internet","url":"https://myapp.com/blog","status":404,"headers":{"X":"y"},"answered_by":"svc/blog"}})")
          .what);
  EXPECT_EQ(http.status, 404);
  EXPECT_EQ(http.method, "GET");
  EXPECT_EQ(http.headers.at(0).second, "y");
  auto command = std::get<CommandExpectation>(
      row(R"({"command":["bailey","check"],"exit":1,"stdout_has":["a","b"],"stdout_lacks":"c"})").what);
  EXPECT_EQ(command.command, (Texts{"bailey", "check"}));
  EXPECT_EQ(command.exit, 1);
  EXPECT_EQ(command.stdout_lacks, Texts{"c"});
  command = std::get<CommandExpectation>(row(R"({"command":{"command":["true"],"exit":3}})").what);
  EXPECT_EQ(command.exit, 3);
}

TEST(Parse, StatementsAndPending) {
  Expectation both = row(R"({"statement":{"en":"a","ko":"b"},"pending":"later"})");
  EXPECT_EQ(both.statement.in(base::Lang::ko), "b");
  EXPECT_EQ(both.pending->en, "later");
  EXPECT_TRUE(std::holds_alternative<std::monostate>(both.what));
  EXPECT_EQ(mistakes(R"({"statement":{"en":"a"},"pending":true})"),
            (Texts{"expect[0].statement bad-type", "expect[0].pending bad-type", "expect[0] bad-row"}));
}

TEST(Parse, EveryMistakeHasItsPlace) {
  EXPECT_EQ(mistakes(R"({"from":"web","to":"svc/shop/db","port":"http","verdict":"maybe","family":5})"),
            (Texts{"expect[0].from bad-endpoint", "expect[0].port bad-port", "expect[0].family bad-family",
                   "expect[0].verdict bad-verdict"}));
  EXPECT_EQ(mistakes(R"({"from":"pod/a","verdict":"allow"})"),
            (Texts{"expect[0] missing-field", "expect[0] missing-field"}));
  EXPECT_EQ(mistakes("{" + web + R"(,"verdict":"deny","source_seen":"pod"})"), Texts{"expect[0].source_seen unusable"});
  EXPECT_EQ(mistakes(R"({"from":"host/x","to":"pod/a","port":"80/tcp","verdict":"allow","source_seen":"pod"})"),
            Texts{"expect[0].source_seen bad-source"});
  EXPECT_EQ(mistakes("{" + web + R"(,"verdict":"deny","decided_by":"nonsense"})"),
            Texts{"expect[0].decided_by bad-object"});
  EXPECT_EQ(mistakes(R"({"http":{"from":"host/x","url":"ftp://a","status":20}})"),
            (Texts{"expect[0].http.url bad-url", "expect[0].http.status bad-number"}));
  EXPECT_EQ(mistakes(R"({"http":"x"},{"command":"ls -l"},{"command":[]},{"command":["a",1]})"),
            (Texts{"expect[0].http bad-type", "expect[1].command bad-type", "expect[2].command bad-type",
                   "expect[3].command bad-type"}));
  EXPECT_EQ(mistakes(R"("text",null,[])"), (Texts{"expect[0] bad-type", "expect[1] bad-type", "expect[2] bad-type"}));
  EXPECT_EQ(mistakes(R"({"http":{"from":"pod/a","url":"http://b"},"command":["c"]})"), Texts{"expect[0] bad-row"});
}

TEST(Parse, UnknownFieldsNameTheNearest) {
  Expectations parsed = parse("{" + web + R"(,"verdict":"allow","sourceseen":"pod"})");
  ASSERT_EQ(parsed.errors.size(), 1u);
  EXPECT_EQ(parsed.errors[0].field, "expect[0].sourceseen");
  EXPECT_EQ(english(parsed.errors[0].mend), "Write source_seen instead of sourceseen.");
  EXPECT_TRUE(parsed.rows.empty());
}

TEST(Parse, IdsAreUnique) {
  EXPECT_EQ(mistakes(R"({"id":"a","pending":"x"},{"id":"a","pending":"x"})"), Texts{"expect[1].id duplicate-id"});
}

TEST(Parse, DocumentsOfOtherShapes) {
  for (const char* text : {"{}", "{\"expect\":{}}", "1", "\"x\"", "null"}) {
    Expectations parsed = parse_expectations(json(text), "f");
    ASSERT_EQ(parsed.errors.size(), 1u) << text;
    EXPECT_EQ(parsed.errors[0].code, "bad-document") << text;
  }
  EXPECT_EQ(parse_expectations(json("{\"expect\":[],\"kind\":\"Pod\"}"), "f").errors.at(0).code, "unknown-field");
}

TEST(Parse, PositionsComeFromTheFile) {
  model::Source source("rows.yaml", {1, 1});
  source.mark("expect[0].port", {7, 9});
  Expectations parsed = parse_expectations(
      json(R"({"expect":[{"from":"pod/a","to":"pod/b","port":"x","verdict":"allow"}]})"), "rows.yaml", &source);
  ASSERT_EQ(parsed.errors.size(), 1u);
  EXPECT_EQ(parsed.errors[0].position, (model::Position{7, 9}));
}

// ---- judging ----

Facts facts() {
  Facts out;
  out.pod = {*model::Address::parse("10.1.0.7")};
  out.node = {*model::Address::parse("10.1.0.4")};
  out.service_pods = {"pod/shop/db-0"};
  return out;
}

std::string verdict(const std::string& expectation, const std::string& answer) {
  Outcome outcome = judge(row(expectation), json(answer), facts());
  std::string out(name(outcome.verdict));
  return outcome.reason.id.empty() ? out : out + " " + outcome.reason.id;
}
std::string reach(const std::string& more, const std::string& answer) {
  return verdict("{" + web + more + "}", answer);
}

TEST(Judge, AllowMeansOpenDenyMeansNotOpen) {
  EXPECT_EQ(reach(R"(,"verdict":"allow")", R"({"result":"open"})"), "passed");
  for (const char* result : {"refused", "dropped", "unreachable"}) {
    std::string answer = std::string(R"({"result":")") + result + "\"}";
    EXPECT_EQ(reach(R"(,"verdict":"allow")", answer), "failed expect.not-open");
    EXPECT_EQ(reach(R"(,"verdict":"deny")", answer), "passed");
  }
  EXPECT_EQ(reach(R"(,"verdict":"deny")", R"({"result":"open"})"), "failed expect.open");
}

TEST(Judge, NoAnswerPassesNothing) {
  for (const char* answer : {"{}", "null", R"({"error":"x"})"}) {
    EXPECT_EQ(reach(R"(,"verdict":"allow")", answer), "failed expect.no-answer");
    EXPECT_EQ(reach(R"(,"verdict":"deny")", answer), "failed expect.no-answer");
  }
  EXPECT_EQ(reach(R"(,"verdict":"deny")", R"({"result":"unreachable","dropped_at":{"reason":"no-common-family"}})"),
            "failed expect.no-common-family");
}

TEST(Judge, AnswersOfReachAreUnderstoodToo) {
  EXPECT_EQ(reach(R"(,"verdict":"allow")", R"({"verdict":"allow"})"), "passed");
  EXPECT_EQ(
      reach(R"(,"verdict":"deny","decided_by":"nsg/nodes")",
            R"({"verdict":"deny","decided_by":[{"object":"RouteTable/x"},{"object":"NetworkSecurityGroup/nodes"}]})"),
      "passed");
}

TEST(Judge, SourceSeen) {
  auto seen = [](const std::string& expected, const std::string& found) {
    return reach(R"(,"verdict":"allow","source_seen":")" + expected + "\"",
                 R"({"result":"open","source_seen":)" + found + "}");
  };
  EXPECT_EQ(seen("pod", "\"10.1.0.7\""), "passed");
  EXPECT_EQ(seen("pod", "\"10.1.0.4\""), "failed expect.source");
  EXPECT_EQ(seen("node", "\"10.1.0.4\""), "passed");
  EXPECT_EQ(seen("203.0.113.10", "\"203.0.113.10\""), "passed");
  EXPECT_EQ(seen("203.0.113.10", "\"10.1.0.7\""), "failed expect.source");
  EXPECT_EQ(seen("::ffff:203.0.113.10", "\"203.0.113.10\""), "passed");
  EXPECT_EQ(seen("pod", "null"), "failed expect.no-source");
}

TEST(Judge, AnsweredBy) {
  auto answered = [](const std::string& expected, const std::string& found) {
    return reach(R"(,"verdict":"allow","answered_by":")" + expected + "\"",
                 R"({"result":"open","answered_by":)" + found + "}");
  };
  EXPECT_EQ(answered("pod/shop/db-0", "\"pod/shop/db-0\""), "passed");
  EXPECT_EQ(answered("pod/db-0", "\"pod/default/db-0\""), "passed");
  EXPECT_EQ(answered("svc/shop/db", "\"pod/shop/db-0\""), "passed");
  EXPECT_EQ(answered("svc/shop/db", "\"pod/shop/web-0\""), "failed expect.answered-by");
  EXPECT_EQ(answered("pod/shop/db-1", "null"), "failed expect.answered-by");
}

TEST(Judge, DecidedBy) {
  const std::string denied = R"(,"verdict":"deny","decided_by":"NetworkSecurityGroup/nodes")";
  EXPECT_EQ(reach(denied, R"({"result":"dropped","dropped_at":{"object":"NetworkSecurityGroup/nodes"}})"), "passed");
  EXPECT_EQ(reach(denied, R"({"result":"dropped","dropped_at":{"object":"RouteTable/x"}})"),
            "failed expect.decided-by");
  EXPECT_EQ(reach(denied, R"({"result":"dropped","dropped_at":null})"), "failed expect.decided-by");
  EXPECT_EQ(reach(R"(,"verdict":"allow","decided_by":"RouteTable/x")", R"({"result":"open"})"), "passed");
}

TEST(Judge, Http) {
  const std::string expected = R"({"http":{"from":"host/internet","url":"http://a/","answered_by":"svc/shop/db"}})";
  EXPECT_EQ(verdict(expected, R"({"status":200,"answered_by":"pod/shop/db-0"})"), "passed");
  EXPECT_EQ(verdict(expected, R"({"status":200,"answered_by":"svc/shop/db"})"), "passed");
  EXPECT_EQ(verdict(expected, R"({"status":503})"), "failed expect.status");
  EXPECT_EQ(verdict(expected, R"({"error":"connection refused"})"), "failed expect.http-error");
  EXPECT_EQ(verdict(expected, "{}"), "failed expect.no-answer");
}

TEST(Judge, Commands) {
  const std::string expected = R"({"command":["x"],"exit":1,"stdout_has":["over","lap"],"stdout_lacks":["ok"]})";
  EXPECT_EQ(verdict(expected, R"({"exit":1,"stdout":"they overlap"})"), "passed");
  EXPECT_EQ(verdict(expected, R"({"exit":0,"stdout":"they overlap"})"), "failed expect.exit");
  EXPECT_EQ(verdict(expected, R"({"exit":1,"stdout":"over"})"), "failed expect.stdout-lacks");
  EXPECT_EQ(verdict(expected, R"({"exit":1,"stdout":"overlap ok"})"), "failed expect.stdout-has");
  EXPECT_EQ(verdict(expected, "{}"), "failed expect.no-answer");
}

TEST(Judge, APendingRowThatPassesFails) {
  const std::string pending = R"(,"verdict":"deny","pending":"security groups")";
  EXPECT_EQ(reach(pending, R"({"result":"open"})"), "pending expect.open");
  EXPECT_EQ(reach(pending, R"({"result":"dropped"})"), "failed expect.pending-passes");
  EXPECT_EQ(reach(pending, "{}"), "pending expect.no-answer");
  EXPECT_EQ(verdict(R"({"pending":"later"})", R"({"result":"open","status":200,"exit":0})"),
            "pending expect.nothing-to-see");
  EXPECT_EQ(english({"expect.pending-passes", {}}), "The pending row passes: remove pending.");
}

TEST(Facts, OutOfTheStatus) {
  Json status = json(
      R"({"hosts":[{"name":"node/n1","addresses":["10.1.0.4","fd01::4"]},{"name":"host/n1","addresses":["1.1.1.1"]}],
    "pods":[{"namespace":"other","name":"web","node":"n1","addresses":["10.1.0.9"]},
            {"namespace":"shop","name":"web","node":"n1","addresses":["10.1.0.7"]}],
    "services":[{"namespace":"shop","name":"db","pods":["pod/shop/db-0"]}]})");
  Facts of_pod = facts_of(status, row("{" + web + R"(,"verdict":"allow","answered_by":"svc/shop/db"})"));
  EXPECT_EQ(of_pod.pod, std::vector<model::Address>{*model::Address::parse("10.1.0.7")});
  EXPECT_EQ(of_pod.node.size(), 2u);
  EXPECT_EQ(of_pod.service_pods, Texts{"pod/shop/db-0"});
  Facts of_node = facts_of(status, row(R"({"from":"node/n1","to":"pod/a","port":"80","verdict":"allow"})"));
  EXPECT_EQ(of_node.node.size(), 2u);
  EXPECT_TRUE(of_node.pod.empty());
}

TEST(Summary, CountsAndSays) {
  Summary summary;
  for (Verdict one : {Verdict::passed, Verdict::passed, Verdict::pending}) summary.count(one);
  EXPECT_TRUE(summary.ok());
  EXPECT_EQ(english(summary.message()), "2 passed, 0 failed, 1 pending");
  summary.count(Verdict::failed);
  EXPECT_FALSE(summary.ok());
}

TEST(ExpectationTexts, BothLanguagesAreComplete) {
  for (const base::Text& text : expectation_texts()) {
    EXPECT_FALSE(text.en.empty() || text.ko.empty()) << text.id;
    for (int i = 0; i < 4; ++i) {
      std::string placeholder = "{" + std::to_string(i) + "}";
      EXPECT_EQ(text.en.find(placeholder) == std::string_view::npos,
                text.ko.find(placeholder) == std::string_view::npos)
          << text.id;
    }
  }
}

}  // namespace
}  // namespace bailey::lab
