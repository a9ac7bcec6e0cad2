// The commands as a user types them: what they ask of the lab, what they print, how they end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "diagnostics.h"
#include "files.h"
#include "options.h"
#include "rows.h"
#include "session_for_test.h"
#include "watch.h"

namespace bailey::cli {
namespace {

using base::Json;
using testing::HasSubstr;
using testing::StartsWith;

Json json(std::string_view text) {
  auto parsed = Json::parse(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed.ok() ? *parsed : Json();
}

// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    char path[] = "/tmp/bailey-cli-XXXXXX";
    path_ = ::mkdtemp(path);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string path(const std::string& name = "") const { return name.empty() ? path_ : path_ + "/" + name; }
  void write(const std::string& name, std::string_view text) const {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    std::ofstream(path(name), std::ios::binary) << text;
  }

 private:
  std::string path_;
};

constexpr std::string_view vnet = R"(apiVersion: bailey.dev/v1alpha1
kind: VirtualNetwork
metadata: {name: hub}
spec:
  addressSpace: [10.100.0.0/16]
  subnets:
  - {name: a, prefix: 10.100.1.0/24}
)";

std::vector<std::string> names(const std::vector<manifest::Document>& documents) {
  std::vector<std::string> out;
  for (const auto& document : documents) out.push_back(document.file);
  return out;
}

TEST(Files, FoldersAreReadSortedAndWithoutExpectations) {
  Folder folder;
  folder.write("b.yaml", vnet);
  folder.write("a/z.yml", "kind: Pod\n");
  folder.write("a/x.json", "{}");
  folder.write("a/readme.txt", "no");
  folder.write(".git/c.yaml", "no: 1");
  folder.write("expect.yaml", "# what must hold\n\nexpect:\n- {from: a, to: b}\n");
  FakeRun fake;
  auto read = read_inputs({folder.path()}, fake.session);
  ASSERT_TRUE(read.ok()) << read.error().text();
  EXPECT_THAT(names(*read),
              testing::ElementsAre(folder.path("a/x.json"), folder.path("a/z.yml"), folder.path("b.yaml")));
}

TEST(Files, StandardInputAndMissingFiles) {
  FakeRun fake;
  fake.input = "kind: Pod\n";
  auto read = read_inputs({"-"}, fake.session);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ((*read)[0].file, "<stdin>");
  EXPECT_EQ((*read)[0].text, "kind: Pod\n");
  EXPECT_EQ(fake.run({"check", "-f", "/nowhere/x.yaml"}), 2);
  EXPECT_THAT(fake.err, HasSubstr("/nowhere/x.yaml cannot be read: No such file or directory"));
  EXPECT_EQ(fake.run({"check", "-f", "/nowhere/x.yaml", "-o", "json"}), 2);
  EXPECT_EQ(json(fake.out)["schema"].as_string(), "bailey.dev/errors/v1");
  EXPECT_EQ(json(fake.out)["errors"].items().size(), 1u);
}

TEST(Files, OnlyTheKeyExpectMakesAnExpectationsFile) {
  EXPECT_TRUE(is_expectations("expect:\n- {from: x}\n"));
  EXPECT_TRUE(is_expectations("# c\n---\nexpect:\n  - {from: x}\n"));
  EXPECT_FALSE(is_expectations("expect: []\nkind: Pod\n"));
  EXPECT_FALSE(is_expectations("kind: Pod\nspec:\n  expect: 1\n"));
  EXPECT_FALSE(is_expectations(""));
}

TEST(Usage, MistakesEndWithTwoAndSayWhatToDo) {
  FakeRun fake;
  EXPECT_EQ(fake.run({"chek"}), 2);
  EXPECT_THAT(fake.err, HasSubstr("'chek' is not known here. Did you mean 'check'?"));
  EXPECT_EQ(fake.run({"lab"}), 2);
  EXPECT_THAT(fake.err, HasSubstr("bailey lab needs a command."));
  EXPECT_EQ(fake.run({"lab", "up"}), 2);
  EXPECT_THAT(fake.err, HasSubstr("--filename is missing."));
  EXPECT_EQ(fake.run({"lab", "status", "--name", "../x"}), 2);
  EXPECT_THAT(fake.err, HasSubstr("'../x'"));
  EXPECT_EQ(fake.run({"lab", "status", "-o", "xml"}), 2);
  EXPECT_THAT(fake.err, HasSubstr("one of text|json, not 'xml'"));
  EXPECT_EQ(fake.run({"lab", "status", "extra"}), 2);
  EXPECT_THAT(fake.err, HasSubstr("'extra'"));
  EXPECT_TRUE(fake.requests.empty());
}

TEST(Usage, HelpListsWhatIsBuiltInBothLanguages) {
  FakeRun fake;
  EXPECT_EQ(fake.run({"--help"}), 0);
  for (const char* word : {"plan", "check", "reach", "explain", "diff", "flows", "lab"})
    EXPECT_THAT(fake.out, HasSubstr(word));
  for (const char* word : {"waf", "bastion"})
    EXPECT_THAT(fake.out, testing::Not(HasSubstr(word))) << word << " is not built";
  EXPECT_EQ(fake.run({"lab", "--help", "--lang", "ko"}), 0);
  EXPECT_THAT(fake.out, HasSubstr("사용법"));
  EXPECT_THAT(fake.out, HasSubstr("매니페스트로 랩을 시작합니다"));
  EXPECT_EQ(fake.run({"--version"}), 0);
  EXPECT_THAT(fake.out, StartsWith("bailey "));
}

TEST(Usage, DurationsAndNames) {
  EXPECT_EQ(parse_duration("300ms"), 300);
  EXPECT_EQ(parse_duration("10s"), 10000);
  EXPECT_EQ(parse_duration("2m"), 120000);
  for (const char* text : {"", "10", "s", "-1s", "1.5s", "10h", "99999999s", "1 s"})
    EXPECT_FALSE(parse_duration(text)) << text;
  for (const char* text : {"default", "a", "demo-12", "A_b.c"}) EXPECT_TRUE(is_lab_name(text)) << text;
  for (const char* text : {"", ".", "..", ".x", "a/b", "a b", "ü"}) EXPECT_FALSE(is_lab_name(text)) << text;
  EXPECT_FALSE(is_lab_name(std::string(64, 'a')));
}

TEST(Lab, UpPassesItsOptionsAndShowsProgressInOneLine) {
  Folder folder;
  folder.write("a.yaml", vnet);
  FakeRun fake;
  fake.answer = json(R"({"generation":1,"converged_ms":300,"conditions":[],"made":["Cluster/default"],
                        "status":{"name":"x","generation":1,"ready":true,"seconds":0.3}})");
  EXPECT_EQ(fake.run({"lab", "up", "--name", "x", "-f", folder.path("a.yaml"), "--fill", "--network-model", "kubenet",
                      "--wait", "2m"}),
            0);
  EXPECT_EQ(fake.up.name, "x");
  EXPECT_EQ(fake.up.wait_ms, 120000);
  EXPECT_TRUE(fake.up.complete.fill);
  EXPECT_EQ(fake.up.complete.network_model, model::NetworkModel::kubenet);
  ASSERT_EQ(fake.up.documents.size(), 1u);
  EXPECT_EQ(fake.err, "lab x: fabric 2/2 300 ms, pods 12/12 0.00 ms\n");
  EXPECT_EQ(fake.out, "lab x · generation 1 · ready · up 300 ms\nmade, because nothing else did:\n  Cluster/default\n");
}

TEST(Lab, FailuresHaveTheirExitStatus) {
  FakeRun fake;
  using Class = lab::Failure::Class;
  for (auto [kind, status] : {std::pair{Class::usage, 2}, {Class::machine, 3}, {Class::bug, 70}}) {
    fake.answer = lab::Failure{kind, {"cli.no-labs", {}}, {}};
    EXPECT_EQ(fake.run({"lab", "status"}), status);
    EXPECT_EQ(fake.err, "bailey: No lab runs on this machine.\n");
    EXPECT_EQ(fake.out, "");
    EXPECT_EQ(fake.run({"lab", "status", "-o", "json"}), status);
    EXPECT_EQ(json(fake.out)["errors"].items().at(0)["message"].as_string(), "No lab runs on this machine.");
  }
}

TEST(Lab, EveryDocumentCarriesItsSchema) {
  Folder folder;
  folder.write("a.yaml", vnet);
  FakeRun fake;
  std::string file = folder.path("a.yaml");
  std::vector<std::pair<std::string, std::vector<std::string>>> calls = {
      {"status", {"lab", "status"}},
      {"list", {"lab", "list"}},
      {"logs", {"lab", "logs", "fabric"}},
      {"probe", {"lab", "probe"}},
      {"conn", {"lab", "conn", "list"}},
      {"up", {"lab", "up", "-f", file}},
      {"apply", {"lab", "apply", "-f", file}},
      {"delete", {"lab", "delete", "-f", file}},
      {"down", {"lab", "down"}},
      {"check", {"check", "-f", file}},
  };
  for (auto& [thing, words] : calls) {
    words.insert(words.end(), {"-o", "json"});
    EXPECT_EQ(fake.run(words), 0) << thing << fake.err << fake.out;
    ASSERT_TRUE(Json::parse(fake.out).ok()) << thing;
    EXPECT_EQ(json(fake.out).members().front().first, "schema");
    EXPECT_EQ(json(fake.out)["schema"].as_string(), "bailey.dev/" + thing + "/v1");
  }
}

TEST(Lab, ConditionsSpeakTheUsersLanguage) {
  FakeRun fake;
  fake.answer = json(R"({"generation":2,"converged_ms":3.5,"applied":["Pod/a/b"],"conditions":[
    {"object":"Pod/a/b","type":"Joined","status":false,"reason":"PermissionMissing","message":{"id":"cli.more","args":["3"]}}]})");
  Folder folder;
  folder.write("a.yaml", vnet);
  EXPECT_EQ(fake.run({"lab", "apply", "-f", folder.path(), "--lang", "ko"}), 0);
  EXPECT_THAT(fake.out, HasSubstr("Pod/a/b: Joined (PermissionMissing): 외 3개"));
  EXPECT_EQ(fake.run({"lab", "apply", "-f", folder.path(), "-o", "json", "--lang=en"}), 0);
  EXPECT_EQ(json(fake.out)["conditions"].items().at(0)["message"].as_string(), "and 3 more");
}

TEST(Lab, DeleteChecksTheNamesBeforeItAsks) {
  FakeRun fake;
  EXPECT_EQ(fake.run({"lab", "delete", "Gadget/x"}), 2);
  EXPECT_TRUE(fake.requests.empty());
  EXPECT_EQ(fake.run({"lab", "delete"}), 2);
  fake.answer = json(R"({"generation":2,"converged_ms":1,"deleted":["Pod/default/web"],"conditions":[]})");
  EXPECT_EQ(fake.run({"lab", "delete", "--name", "x", "pod/web"}), 0);
  EXPECT_EQ(fake.requests.at(0).dump(), R"({"verb":"delete","refs":["Pod/default/web"]})");
  EXPECT_EQ(fake.labs.at(0), "x");
  EXPECT_EQ(fake.out, "generation 2: 1 objects deleted, in effect after 1.00 ms\n  Pod/default/web\n");
}

TEST(Lab, OneProbeAnswersByItsExitStatus) {
  FakeRun fake;
  fake.answer = json(R"({"rows":[{"from":"pod/a/b","to":"host/c","port":"80/tcp","result":"open"}]})");
  EXPECT_EQ(fake.run({"lab", "probe", "--from", "pod/a/b", "--to", "host/c", "--port", "80", "--family", "6",
                      "--timeout", "1s"}),
            0);
  EXPECT_EQ(
      fake.requests.at(0).dump(),
      R"({"verb":"probe","timeout_ms":1000,"rows":[{"from":"pod/a/b","to":"host/c","port":"80/tcp","family":6}]})");
  fake.answer = json(R"({"rows":[{"from":"pod/a/b","to":"host/c","port":"80/tcp","result":"dropped"}]})");
  EXPECT_EQ(fake.run({"lab", "probe", "--from", "pod/a/b", "--to", "host/c", "--port", "80/tcp", "-o", "jsonl"}), 1);
  EXPECT_EQ(fake.out,
            R"({"schema":"bailey.dev/probe/v1","from":"pod/a/b","to":"host/c","port":"80/tcp","result":"dropped"})"
            "\n");
  EXPECT_EQ(fake.run({"lab", "probe"}), 0) << "a matrix has no one answer";
  EXPECT_FALSE(fake.requests.back().has("rows"));
}

TEST(Lab, ProbesThatMakeNoSenseAreNotAsked) {
  FakeRun fake;
  for (std::vector<std::string> words :
       std::vector<std::vector<std::string>>{{"--from", "pod/a/b"},
                                             {"--from", "pod/a/b", "--to", "x y", "--port", "80"},
                                             {"--from", "pod/a/b", "--to", "host/c", "--port", "http"},
                                             {"--from", "pod/a/b", "--to", "host/c", "--port", "80", "--family", "5"},
                                             {"--timeout", "soon"},
                                             {"--from", "pod/a/b", "--to", "host/c", "--port", "80", "--cases", "x"}}) {
    words.insert(words.begin(), {"lab", "probe"});
    EXPECT_EQ(fake.run(words), 2) << words.back();
    EXPECT_THAT(fake.err, StartsWith("bailey: "));
  }
  EXPECT_TRUE(fake.requests.empty());
}

TEST(Lab, ConnAsksForWhatItNeeds) {
  FakeRun fake;
  fake.answer = json(R"({"connections":[{"id":"c1","state":"cut","reason":"peering"}]})");
  EXPECT_EQ(fake.run({"lab", "conn", "open", "c1", "--from", "pod/a/b", "--to", "host/c", "--port", "80/tcp"}), 1);
  EXPECT_EQ(fake.requests.at(0).dump(),
            R"({"verb":"conn","action":"open","id":"c1","from":"pod/a/b","to":"host/c","port":"80/tcp"})");
  EXPECT_EQ(fake.run({"lab", "conn", "list"}), 0);
  EXPECT_EQ(fake.run({"lab", "conn", "send"}), 2);
  EXPECT_EQ(fake.run({"lab", "conn", "open", "c1"}), 2);
  EXPECT_EQ(fake.run({"lab", "conn", "shut", "c1"}), 2);
}

TEST(Lab, ExecPassesEverythingBehindTheDashes) {
  FakeRun fake;
  EXPECT_EQ(fake.run({"lab", "exec", "--name", "x", "pod/a/b", "--", "ls", "--name", "-f", "--", "--lang", "ko"}), 7);
  EXPECT_THAT(fake.command, testing::ElementsAre("ls", "--name", "-f", "--", "--lang", "ko"));
  EXPECT_EQ(fake.session.lang, base::Lang::en);
  EXPECT_EQ(fake.run({"lab", "exec", "pod/a/b"}), 2);
  EXPECT_EQ(fake.run({"lab", "status", "--", "x"}), 2);
}

TEST(Lab, DownAllEndsEachOfThem) {
  FakeRun fake;
  fake.answer = json(R"({"labs":[{"name":"a"},{"name":"b"}]})");
  EXPECT_EQ(fake.run({"lab", "down", "--all"}), 0);
  EXPECT_THAT(fake.labs, testing::ElementsAre("a", "b"));
  EXPECT_EQ(fake.run({"lab", "down", "--all", "--name", "x"}), 2);
}

TEST(Overview, NamesThreeCommands) {
  FakeRun fake;
  fake.answer = json(R"({"labs":[]})");
  EXPECT_EQ(fake.run({}), 0);
  EXPECT_THAT(fake.out, HasSubstr("No lab runs on this machine."));
  EXPECT_THAT(fake.out, HasSubstr("bailey lab up -f examples/contoso"));
  fake.answer = json(R"({"labs":[{"name":"x","pid":1,"pods":2,"hosts":3,"seconds":4}]})");
  EXPECT_EQ(fake.run({}), 0);
  EXPECT_THAT(fake.out, HasSubstr("bailey lab down --name x"));
}

TEST(Diagnostics, PointAtTheColumn) {
  FakeRun fake;
  model::InputError error;
  error.code = "x";
  error.file = "a.yaml";
  error.position = {2, 6};
  error.object = "Pod/a/b";
  error.field = "spec.x";
  error.expected = {"cli.rows.family", {}};
  error.found = {"cli.rows.value", {"5"}};
  error.mend = {"cli.rows.mend", {}};
  EXPECT_EQ(error_text(error, {{"a.yaml", "spec:\n\tx: 가5\n"}}, fake.session, false),
            "a.yaml:2:6: error: expected 4 or 6, found `5` (Pod/a/b spec.x)\n"
            "  Write rows such as {from: pod/shop/web, to: host/desk, port: 80/tcp}.\n"
            "    2 | \tx: 가5\n"
            "      | \t     ^\n");
  EXPECT_EQ(
      error_json(error, fake.session).dump(),
      R"({"code":"x","file":"a.yaml","line":2,"column":6,"object":"Pod/a/b","field":"spec.x","expected":"4 or 6","found":"`5`",)"
      R"("mend":"Write rows such as {from: pod/shop/web, to: host/desk, port: 80/tcp}."})");
}

TEST(Diagnostics, LinesThatCannotBeShownAreLeftOut) {
  FakeRun fake;
  model::InputError error;
  error.file = "a";
  error.position = {1, 1};
  error.code = "code";
  EXPECT_EQ(error_text(error, {{"a", std::string("\x1b[31m\n", 6)}}, fake.session, false), "a:1:1: error: code\n");
  EXPECT_EQ(error_text(error, {{"a", std::string(1000, 'x')}}, fake.session, false), "a:1:1: error: code\n");
  error.position = {9, 1};
  EXPECT_EQ(error_text(error, {{"a", "x\n"}}, fake.session, false), "a:9:1: error: code\n");
}

TEST(Check, BrokenInputEndsWithTwoAndSaysWhere) {
  FakeRun fake;
  fake.input =
      "apiVersion: bailey.dev/v1alpha1\nkind: VirtualNetwork\nmetadata: {name: hub}\nspec:\n  adressSpace: "
      "[10.0.0.0/16]\n";
  EXPECT_EQ(fake.run({"check", "-f", "-"}), 2);
  EXPECT_THAT(fake.err, HasSubstr("<stdin>:5:3: error: "));
  EXPECT_EQ(fake.run({"check", "-f", "-", "-o", "json"}), 2);
  Json document = json(fake.out);
  EXPECT_EQ(document["errors"].items().at(0)["line"].as_int(), 4) << "what is missing";
  EXPECT_EQ(document["errors"].items().at(1)["line"].as_int(), 5) << "what is not known";
  EXPECT_FALSE(document["errors"].items().at(1)["mend"].as_string().empty());
  EXPECT_GE(document["summary"]["errors"].as_int(), 1);
}

TEST(Check, TheGuidancesIngressIsMended) {
  FakeRun fake;
  std::string file = std::string(BAILEY_SOURCE_DIR) + "/examples/seed/ingress.yaml";
  EXPECT_EQ(fake.run({"check", "-f", file}), 2);
  EXPECT_THAT(fake.err, HasSubstr("ingress.yaml:4:"));
  EXPECT_THAT(fake.err, HasSubstr("Mended,"));
  EXPECT_EQ(fake.run({"check", "--fix", "-f", file}), 0) << fake.err;
  fake.input = fake.out;
  EXPECT_THAT(fake.input, HasSubstr("kubernetes.io/ingress.class: "));
  EXPECT_EQ(fake.run({"check", "-f", "-", "--profile", "classic"}), 0) << fake.input << fake.err;
  EXPECT_EQ(fake.run({"check", "-f", "-"}), 1) << "today a class is no annotation";
  EXPECT_THAT(fake.out, HasSubstr("[ING-03]"));
}

TEST(Check, TheExamplesAreInOrder) {
  for (const char* folder :
       {"contoso", "families/ipv4", "families/ipv6", "families/dual", "seed/network-policy.yaml"}) {
    FakeRun fake;
    EXPECT_EQ(fake.run({"check", "-f", std::string(BAILEY_SOURCE_DIR) + "/examples/" + folder}), 0)
        << folder << fake.err;
    EXPECT_THAT(fake.out, HasSubstr(" 0 errors, ")) << folder;
  }
}

TEST(Reach, RoutesOfTheExample) {
  FakeRun fake;
  std::string folder = std::string(BAILEY_SOURCE_DIR) + "/examples/contoso";
  EXPECT_EQ(fake.run({"reach", "-f", folder, "--route", "--from", "nic/vm", "--to", "192.168.1.10", "-o", "json"}), 0)
      << fake.err;
  Json route = json(fake.out);
  EXPECT_EQ(route["schema"].as_string(), "bailey.dev/route/v1");
  EXPECT_EQ(route["next_hop_type"].as_string(), "VirtualAppliance");
  EXPECT_EQ(route["next_hop_address"].as_string(), "10.100.2.4");
  EXPECT_EQ(route["source"].as_string(), "User");
  EXPECT_EQ(route["prefix"].as_string(), "192.168.0.0/16");
  EXPECT_EQ(fake.run({"reach", "-f", folder, "--route", "--from", "nic/vm", "--to", "10.100.1.4"}), 0) << fake.err;
  EXPECT_THAT(fake.out, HasSubstr("VNetPeering"));
  EXPECT_EQ(fake.run({"reach", "-f", folder, "--route", "--from", "nic/none", "--to", "10.100.1.4"}), 2);
  EXPECT_THAT(fake.err, HasSubstr("nic/vm"));
  EXPECT_EQ(fake.run({"reach", "-f", folder, "--from", "nic/vm"}), 2);
}

TEST(Rows, AreReadFromThreeForms) {
  std::string expected = R"({"from":"pod/a/b","to":"host/c","port":"80/tcp"})";
  for (std::string_view text :
       {"- {from: pod/a/b, to: host/c, port: 80/tcp}\n", "- from: pod/a/b\n  to: host/c\n  port: 80\n",
        R"([{"from":"pod/a/b","to":"host/c","port":"80/tcp"}])",
        R"({"rows":[{"from":"pod/a/b","to":"host/c","port":"80/tcp"}]})",
        "{\"from\":\"pod/a/b\",\"to\":\"host/c\",\"port\":\"80/tcp\"}\n",
        "expect:\n- {from: pod/a/b, to: host/c, port: 80/tcp, verdict: deny}\n"}) {
    Rows rows = parse_rows({"x", std::string(text)});
    ASSERT_TRUE(rows.errors.empty()) << text;
    ASSERT_EQ(rows.rows.size(), 1u) << text;
    EXPECT_EQ(rows.rows[0].dump(), expected) << text;
  }
  Rows lines = parse_rows({"x",
                           "{\"id\":\"1\",\"from\":\"pod/a/b\",\"to\":\"host/c\",\"port\":\"icmp\",\"family\":6}\n\n"
                           "{\"id\":\"2\",\"from\":\"pod/a/b\",\"to\":\"host/c\",\"port\":\"53/udp\"}\n"});
  ASSERT_EQ(lines.rows.size(), 2u);
  EXPECT_EQ(lines.rows[0].dump(), R"({"id":"1","from":"pod/a/b","to":"host/c","port":"icmp","family":6})");
}

TEST(Rows, MistakesSayWhere) {
  Rows rows = parse_rows({"x",
                          "- {from: pod/a/b, to: nowhere, port: 80}\n- {from: pod/a/b, port: 80}\n- 7\n- {from: "
                          "pod/a/b, to: host/c, port: x, family: 5}\n"});
  EXPECT_TRUE(rows.rows.empty());
  ASSERT_EQ(rows.errors.size(), 5u);
  EXPECT_EQ(rows.errors[0].position, (model::Position{1, 23}));
  EXPECT_EQ(rows.errors[1].code, "missing-field");
  EXPECT_EQ(rows.errors[1].position.line, 2u);
  EXPECT_EQ(rows.errors[2].code, "not-a-row");
  EXPECT_EQ(rows.errors[3].code, "bad-port");
  EXPECT_EQ(rows.errors[4].code, "bad-family");
  EXPECT_EQ(parse_rows({"x", "kind: Pod\nspec: {}\n"}).errors.size(), 1u);
  EXPECT_FALSE(parse_rows({"x", std::string("\0\1", 2)}).errors.empty());
}

constexpr std::string_view expectations = R"(expect:
- id: one
  statement: {en: it works, ko: 됩니다}
  from: pod/a/b
  to: host/c
  port: 80/tcp
  verdict: allow
  source_seen: pod
- {id: two, from: pod/a/b, to: host/d, port: 80/tcp, verdict: deny}
- {id: three, pending: {en: later, ko: 나중}, from: pod/a/b, to: host/d, port: 81/tcp, verdict: allow}
)";

TEST(LabTest, ComparesAndCounts) {
  FakeRun fake;
  fake.input = expectations;
  fake.answers["status"] =
      json(R"({"pods":[{"namespace":"a","name":"b","node":"n","addresses":["10.0.0.9"]}],"hosts":[]})");
  fake.answers["probe"] = json(R"({"rows":[{"result":"open","source_seen":"10.0.0.9","answered_by":"host/c"},
                                           {"result":"dropped"},{"result":"dropped"}]})");
  fake.answer = json(R"({"labs":[]})");
  EXPECT_EQ(fake.run({"lab", "test", "--name", "x", "-f", "-"}), 0) << fake.err;
  EXPECT_EQ(fake.out,
            "passed  it works\n"
            "        bailey lab probe --name x --from pod/a/b --to host/c --port 80/tcp\n"
            "passed  two: pod/a/b → host/d 80/tcp deny\n"
            "pending  three: pod/a/b → host/d 81/tcp allow\n"
            "        later\n"
            "2 passed, 0 failed, 1 pending\n");
  EXPECT_EQ(fake.run({"lab", "test", "-f", "-", "--lang", "ko"}), 0);
  EXPECT_THAT(fake.out, HasSubstr("됩니다"));
  EXPECT_THAT(fake.out, HasSubstr("나중"));
  EXPECT_TRUE(fake.out.ends_with("2 passed, 0 failed, 1 pending\n")) << "the same in every language";
}

TEST(LabTest, AFailureAndAPendingRowThatPassesFailTheRun) {
  FakeRun fake;
  fake.input = expectations;
  fake.answers["status"] =
      json(R"({"pods":[{"namespace":"a","name":"b","node":"n","addresses":["10.0.0.9"]}],"hosts":[]})");
  fake.answers["probe"] = json(R"({"rows":[{"result":"open","source_seen":"10.0.0.1","answered_by":"host/c"},
                                           {"result":"dropped"},{"result":"open"}]})");
  fake.answer = json(R"({"labs":[]})");
  EXPECT_EQ(fake.run({"lab", "test", "-f", "-", "-o", "json"}), 1);
  Json document = json(fake.out);
  EXPECT_EQ(document["schema"].as_string(), "bailey.dev/test/v1");
  EXPECT_EQ(document["summary"].dump(), R"({"passed":1,"failed":2,"pending":0})");
  EXPECT_EQ(document["rows"].items().at(0)["result"].as_string(), "failed");
  EXPECT_THAT(document["rows"].items().at(0)["detail"].as_string(), HasSubstr("10.0.0.1"));
  EXPECT_EQ(document["rows"].items().at(0)["line"].as_int(), 2);
  EXPECT_EQ(fake.run({"lab", "test", "-f", "-", "-o", "junit"}), 1);
  EXPECT_THAT(fake.out, HasSubstr("tests=\"3\" failures=\"2\" skipped=\"0\""));
  EXPECT_THAT(fake.out, HasSubstr("<failure message=\""));
}

TEST(LabTest, CommandsOfThisProgramAreRun) {
  FakeRun fake;
  fake.session.program = "/bin/echo";  // prints what it is asked for
  fake.input =
      "expect:\n- {id: a, command: [bailey, hello, \"{lab}\"], stdout_has: [hello x]}\n"
      "- {id: b, command: [bailey, hello], exit: 2}\n- {id: c, command: [rm, x]}\n";
  fake.answer = json(R"({"labs":[]})");
  EXPECT_EQ(fake.run({"lab", "test", "--name", "x", "-f", "-"}), 1);
  EXPECT_TRUE(fake.out.ends_with("1 passed, 2 failed, 0 pending\n")) << fake.out;
}

TEST(LabTest, MistakesOfTheFileAreInputErrors) {
  FakeRun fake;
  fake.input = "expect:\n- {from: pod/a/b, to: host/c, port: 80/tcp, verdict: maybe}\n";
  EXPECT_EQ(fake.run({"lab", "test", "-f", "-"}), 2);
  EXPECT_THAT(fake.err, HasSubstr("<stdin>:2:"));
  EXPECT_TRUE(fake.requests.empty());
  fake.input = "kind: Pod\n---\nkind: Pod\n";
  EXPECT_EQ(fake.run({"lab", "test", "-f", "-"}), 2);
  EXPECT_THAT(fake.err, HasSubstr("a second one"));
}

TEST(LabTest, TheExamplesExpectationsAreInOrder) {
  for (const char* file :
       {"contoso.expect.yaml", "families.expect.yaml", "families.dual.expect.yaml", "seed/walkthrough.yaml"}) {
    FakeRun fake;
    fake.answers["status"] = lab::Failure{lab::Failure::Class::usage, {"cli.no-labs", {}}, {}};
    EXPECT_EQ(fake.run({"lab", "test", "-f", std::string(BAILEY_SOURCE_DIR) + "/examples/" + file}), 2);
    EXPECT_EQ(fake.err, "bailey: No lab runs on this machine.\n") << file;
  }
}

TEST(Watch, SeesAFileThatIsReplaced) {
  Folder folder;
  folder.write("a.yaml", "1");
  auto watcher = Watcher::create({folder.path("a.yaml")});
  ASSERT_TRUE(watcher.ok()) << watcher.error().text();
  folder.write("b.tmp", "2");
  std::filesystem::rename(folder.path("b.tmp"), folder.path("a.yaml"));
  auto changed = watcher->wait();
  ASSERT_TRUE(changed.ok());
  EXPECT_TRUE(*changed);
  EXPECT_FALSE(Watcher::create({folder.path("none/x.yaml")}).ok());
}

}  // namespace
}  // namespace bailey::cli
