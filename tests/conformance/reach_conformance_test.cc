// Sentences of the documents, as cases: each file in reach/ is one topic, each case a sentence with the objects that
// show it and the rows that must follow. Expectations are written from the documents, not from answers.
//
//   - name: unique over all files
//     statement: the sentence, in our words
//     source: the page that says it
//     world: a file in reach/worlds
//     objects: |          manifests that are added to the world; one of the same name takes the place of the world's
//     expect:             rows of an expectations file, which may say more precisely:
//     - {from, to, port, verdict, ...,
//        rule: NAME,      one of those that decide, within its object
//        reason: CODE,    of the step that denies
//        endpoints: N, reached: N}
//     - {url, method?, headers?{}, status, reason?, answered_by?, object?}   as `bailey reach --url`; `object` decides
//     - {from, to, next_hop_type, next_hop_source?, prefix?, next_hop_address?, decided_by?}   as `bailey reach
//     --route`
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "lab/controllers/controllers.h"
#include "lab/expectations/expectations.h"
#include "manifest/manifest.h"
#include "model/resolve/services.h"
#include "model/validate.h"
#include "reach/assume.h"
#include "reach/reach.h"
#include "reach/route.h"
#include "reach/url.h"
#include "tree.h"

namespace bailey {
namespace {

using base::Json;
namespace fs = std::filesystem;

constexpr std::size_t least_cases = 300;

const fs::path folder = fs::path(BAILEY_SOURCE_DIR) / "tests/conformance/reach";

std::string read(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> topics() {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".yaml") out.push_back(entry.path().stem());
  std::sort(out.begin(), out.end());
  return out;
}

std::string text_of(const model::InputError& error) {
  std::string out = error.file + ":" + std::to_string(error.position.line) + " " + error.object + " " + error.field +
                    ": " + error.code + " " + error.found.id;
  for (const std::string& arg : error.found.args) out += " " + arg;
  return out;
}

Json cases_of(const std::string& topic) {
  cli::Tree tree = cli::tree_of({topic + ".yaml", read(folder / (topic + ".yaml"))});
  for (const model::InputError& error : tree.errors) ADD_FAILURE() << text_of(error);
  EXPECT_TRUE(tree.json.is_array()) << topic;
  return tree.json;
}

// Complete, as `bailey reach -f` would have it. Mistakes fail the test: a case shall not rest on them.
model::Snapshot snapshot_of(const std::string& world, const std::string& objects, const std::string& where) {
  std::string base = read(folder / "worlds" / (world + ".yaml"));
  EXPECT_FALSE(base.empty()) << where << ": no world " << world;
  std::vector<model::AnyObject> all;
  for (const manifest::Document& document :
       {manifest::Document{world + ".yaml", base}, manifest::Document{where, objects}}) {
    manifest::Loaded loaded = manifest::load({document}, {});
    for (const model::InputError& error : loaded.errors)
      if (error.severity == model::InputError::Severity::error) ADD_FAILURE() << where << ": " << text_of(error);
    EXPECT_TRUE(loaded.unknown_kinds.empty()) << where;
    for (model::AnyObject& object : loaded.objects) all.push_back(std::move(object));
  }
  model::Snapshot given = model::snapshot_of(std::move(all));
  for (const model::InputError& error : model::validate(given))
    if (error.severity == model::InputError::Severity::error) ADD_FAILURE() << where << ": " << text_of(error);
  lab::Completion completion = lab::complete(given, {}, {});
  return reach::with_pod_addresses(completion.snapshot);
}

lab::Facts facts_of(const reach::Reach& reach, const lab::ReachExpectation& row) {
  lab::Facts facts;
  const model::Snapshot& snapshot = reach.world().snapshot();
  std::optional<reach::Place> from = reach.world().find(row.from);
  if (from && from->pod) facts.pod = from->addresses;
  if (from && from->node) facts.node = from->node->addresses;
  auto answerer = model::EndpointName::parse(row.answered_by);
  if (!answerer || answerer->type != model::EndpointName::Type::service) return facts;
  const auto* service = snapshot.find<model::Service>({model::Kind::Service, answerer->ns, answerer->name});
  if (service)
    for (const model::Pod* pod : model::resolve::service_pods(snapshot, *service))
      facts.service_pods.push_back("pod/" + pod->meta.ns + "/" + pod->meta.name);
  return facts;
}

// The steps of an answer, for who reads a failure.
std::string story(const reach::Answer& answer) {
  std::string out = answer.allow ? " [allow" : " [deny " + answer.reason;
  for (const reach::Step& step : answer.steps) {
    out += step.reply ? "; back " : "; ";
    out += step.hop + " " + step.reason + (step.allow ? "" : "!");
    for (const reach::Decider& by : step.by) out += " " + by.object.text() + "#" + by.rule;
  }
  return out + "]";
}

std::string mismatch(const Json& expected, const std::string& key, const std::string& found) {
  if (!expected.has(key)) return "";
  std::string wanted = expected[key].is_int() ? std::to_string(expected[key].as_int()) : expected[key].as_string();
  return wanted == found ? "" : key + " is " + (found.empty() ? "-" : found) + ", not " + wanted;
}

std::string judge_route(const reach::Reach& reach, const Json& row) {
  auto from = model::EndpointName::parse(row["from"].as_string());
  auto to = model::Address::parse(row["to"].as_string());
  if (!from || !to) return "from and to must be an endpoint and an address";
  auto nic = reach::interface_of(reach.world().snapshot(), *from);
  if (!nic) return "no interface";
  auto decision = reach::route(reach.world().snapshot(), nic->subnet, *to);
  if (!decision) return "no route";
  std::string address = decision->next_hop_address ? decision->next_hop_address->text() : "";
  for (const std::string& problem :
       {mismatch(row, "next_hop_type", std::string(model::name(decision->next_hop_type))),
        mismatch(row, "next_hop_source", std::string(reach::name(decision->source))),
        mismatch(row, "prefix", decision->prefix.text()), mismatch(row, "next_hop_address", address),
        mismatch(row, "rule", decision->rule), mismatch(row, "decided_by", decision->object.text())})
    if (!problem.empty()) return problem;
  return "";
}

std::string judge_url(const reach::Reach& reach, const Json& row) {
  for (const auto& [key, value] : row.members())
    if (!std::set<std::string>({"url", "method", "headers", "status", "reason", "answered_by", "object"}).contains(key))
      return "no such key: " + key;
  std::optional<reach::Url> url = reach::Url::parse(row["url"].as_string());
  if (!url || !row.has("status")) return "url and status must be given";
  reach::RequestHead head;
  if (row.has("method")) head.method = row["method"].as_string();
  for (const auto& [name, value] : row["headers"].members()) head.headers.emplace_back(name, value.as_string());
  reach::UrlAnswer answer = reach::answer(reach.world().snapshot(), *url, head);
  std::string object = answer.decided_by.empty() ? "" : answer.decided_by[0].object.text();
  for (const std::string& problem :
       {mismatch(row, "status", std::to_string(answer.status)), mismatch(row, "reason", answer.reason),
        mismatch(row, "answered_by", answer.answered_by), mismatch(row, "object", object)})
    if (!problem.empty()) return problem + " [" + answer.reason + " " + object + " " + answer.answered_by + "]";
  return "";
}

std::string judge_details(const Json& details, const reach::Answer& answer) {
  std::string rules;
  bool named = !details.has("rule");
  for (const reach::Decider& by : answer.decided_by) {
    named = named || by.rule == details["rule"].as_string();
    rules += " " + by.rule;
  }
  if (!named) return "the rule is" + rules + ", not " + details["rule"].as_string();
  for (const std::string& problem :
       {mismatch(details, "reason", answer.reason), mismatch(details, "endpoints", std::to_string(answer.endpoints)),
        mismatch(details, "reached", std::to_string(answer.endpoints_reached))})
    if (!problem.empty()) return problem;
  return "";
}

// What is wrong about the answer to a row; "" where nothing is.
std::string judge(const reach::Reach& reach, Json row) {
  if (row.has("next_hop_type")) return judge_route(reach, row);
  if (row.has("url")) return judge_url(reach, row);
  Json details = Json::object();
  for (const char* key : {"rule", "reason", "endpoints", "reached"}) {
    if (row.has(key)) details.set(key, row[key]);
    row.erase(key);
  }
  Json rows = Json::array();
  rows.push(row);
  lab::Expectations parsed = lab::parse_expectations(rows, "");
  for (const model::InputError& error : parsed.errors) return text_of(error);
  const auto* expected = std::get_if<lab::ReachExpectation>(&parsed.rows.at(0).what);
  if (!expected) return "not a row about who reaches whom";
  auto answer = reach.ask({expected->from, expected->to, expected->port, expected->family});
  const auto* found = std::get_if<reach::Answer>(&answer);
  if (!found) return "no such endpoint";
  lab::Outcome outcome = lab::judge(parsed.rows[0], reach::to_json(*found), facts_of(reach, *expected));
  std::string problem = outcome.verdict == lab::Verdict::passed ? judge_details(details, *found) : outcome.reason.id;
  if (outcome.verdict != lab::Verdict::passed)
    for (const std::string& arg : outcome.reason.args) problem += " " + arg;
  return problem.empty() ? "" : problem + story(*found);
}

class ReachConformance : public testing::TestWithParam<std::string> {};

TEST_P(ReachConformance, AnswersAsTheDocumentsSay) {
  Json cases = cases_of(GetParam());
  for (const Json& each : cases.items()) {
    std::string where = GetParam() + ".yaml: " + each["name"].as_string();
    for (const char* key : {"name", "statement", "source", "world"})
      EXPECT_FALSE(each[key].as_string().empty()) << where << ": " << key;
    EXPECT_FALSE(each["expect"].items().empty()) << where;
    for (const auto& [key, value] : each.members())
      EXPECT_TRUE(std::set<std::string>({"name", "statement", "source", "world", "objects", "expect"}).contains(key))
          << where << ": " << key;
    model::Snapshot snapshot = snapshot_of(each["world"].as_string(), each["objects"].as_string(), where);
    reach::Reach reach(snapshot);
    for (const Json& row : each["expect"].items()) {
      std::string problem = judge(reach, row);
      EXPECT_TRUE(problem.empty()) << where << "\n  " << row.dump() << "\n  " << problem;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Topics, ReachConformance, testing::ValuesIn(topics()), [](const auto& parameter) {
  std::string name = parameter.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(ReachConformanceCases, AreManyAndHaveNamesOfTheirOwn) {
  std::map<std::string, std::string> names;
  for (const std::string& topic : topics()) {
    Json cases = cases_of(topic);
    for (const Json& each : cases.items()) {
      auto [at, fresh] = names.emplace(each["name"].as_string(), topic);
      EXPECT_TRUE(fresh) << at->first << " is in " << at->second << " and in " << topic;
    }
  }
  EXPECT_GE(names.size(), least_cases);
}

}  // namespace
}  // namespace bailey
