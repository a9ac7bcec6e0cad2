// The sentences about network policy in tests/conformance/reach, with packets: each case's objects are applied to a
// running lab of its world, and each of its rows is sent, in every family that both ends have unless it names one.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "harness.h"
#include "lab/lab.h"
#include "manifest/manifest.h"
#include "tree.h"

namespace bailey::scenario {
namespace {

using base::Json;

std::string text_of_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

const std::string folder = "tests/conformance/reach/";

class PolicyConformance : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!is_root()) GTEST_SKIP() << "labs need root";
    lab_ = std::make_unique<Lab>(unique_name("sentences"));
  }

  // Null where the lab refused.
  Json ask(Json request) const {
    lab::Answer<Json> answer = lab::request(lab_->name(), std::move(request), {});
    return std::holds_alternative<Json>(answer) ? std::get<Json>(answer) : Json();
  }
  Json apply(const std::string& file, const std::string& text) const {
    Json documents = Json::array();
    documents.push(Json::object().set("file", file).set("text", text));
    return ask(Json::object().set("verb", "apply").set("documents", std::move(documents)));
  }

  void use(const std::string& world) {
    if (world == world_) return;
    if (!world_.empty()) {
      ASSERT_EQ(lab_->ask("down").status, 0);
    }
    world_ = world;
    world_text_ = text_of_file(source_path(folder + "worlds/" + world + ".yaml"));
    Outcome up = lab_->up({"-f", source_path(folder + "worlds/" + world + ".yaml")});
    ASSERT_EQ(up.status, 0) << up.err;
    objects_.clear();
    manifest::Loaded loaded = manifest::load({{world, world_text_}}, {});
    for (const model::AnyObject& object : loaded.objects) objects_.insert(model::meta(object).ref().text());
  }

  // What the case has brought goes, and what it has changed is as the world has it.
  void restore(const std::string& objects) {
    Json refs = Json::array();
    for (const model::AnyObject& object : manifest::load({{"case", objects}}, {}).objects) {
      std::string ref = model::meta(object).ref().text();
      if (!objects_.contains(ref)) refs.push(ref);
    }
    if (!refs.items().empty()) {
      EXPECT_FALSE(ask(Json::object().set("verb", "delete").set("refs", std::move(refs))).is_null());
    }
    EXPECT_FALSE(apply(world_, world_text_).is_null());
  }

  // A row without family is of the first that both ends have; where no block of addresses decides, it holds for both.
  void judge(const std::string& name, const Json& rows, bool of_both) {
    Json ask_rows = Json::array();
    std::vector<std::pair<Json, std::string>> wanted;
    for (const Json& row : rows.items()) {
      if (!row.has("verdict") || row.has("next_hop_type")) continue;
      for (int family : {4, 6}) {
        if (row.has("family") ? row["family"].as_int() != family : family == 6 && !of_both) continue;
        Json asked = Json::object().set("from", row["from"]).set("to", row["to"]).set("port", row["port"]);
        asked.set("family", family);
        wanted.emplace_back(asked, row["verdict"].as_string());
        ask_rows.push(asked);
      }
    }
    Json answer = ask(Json::object().set("verb", "probe").set("rows", ask_rows).set("timeout_ms", 150));
    if (answer.is_null()) {
      ++unsent_;
      std::printf("not sent: %s (an end that this lab has not)\n", name.c_str());
      return;
    }
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const Json& row = answer["rows"].items().at(i);
      if (row["dropped_at"]["reason"].as_string() == "no-common-family") continue;
      const std::string& result = row["result"].as_string();
      bool arrived = result == "open" || result == "refused";
      EXPECT_EQ(arrived ? "allow" : "deny", wanted[i].second) << name << ": " << row.dump();
      ++probes_;
    }
  }

  std::unique_ptr<Lab> lab_;
  std::string world_;
  std::string world_text_;
  std::set<std::string> objects_;
  int probes_ = 0;
  int unsent_ = 0;
};

TEST_P(PolicyConformance, PacketsDoWhatTheSentencesSay) {
  std::string file = std::string(GetParam()) + ".yaml";
  cli::Tree tree = cli::tree_of({file, text_of_file(source_path(folder + file))});
  ASSERT_TRUE(tree.errors.empty());
  int cases = 0;
  for (const Json& each : tree.json.items()) {
    const std::string& name = each["name"].as_string();
    ASSERT_NO_FATAL_FAILURE(use(each["world"].as_string()));
    if (apply(name, each["objects"].as_string()).is_null()) {
      ADD_FAILURE() << name << ": the lab refuses its objects";
      continue;
    }
    judge(name, each["expect"], each["objects"].as_string().find("ipBlock") == std::string::npos);
    restore(each["objects"].as_string());
    ++cases;
  }
  std::printf("%s: %d cases, %d probes, %d cases not sent\n", GetParam(), cases, probes_, unsent_);
  RecordProperty("cases", cases);
  RecordProperty("probes", probes_);
  EXPECT_GT(probes_, cases);
}

INSTANTIATE_TEST_SUITE_P(Topics, PolicyConformance,
                         ::testing::Values("policy-families", "policy-host-network", "policy-ipblock",
                                           "policy-namespaces", "policy-ports", "policy-selectors", "policy-types"),
                         [](const auto& each) {
                           std::string name = each.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace bailey::scenario
