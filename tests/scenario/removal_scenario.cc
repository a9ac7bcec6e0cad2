// What can be added can be taken away: apply every example, delete it object by object in random order, and what is
// realised equals the empty lab.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "harness.h"

namespace bailey::scenario {
namespace {

struct Removed {
  std::string name;
  std::string files;
  std::vector<std::string> options = {};
};

class RemovalScenario : public ::testing::TestWithParam<Removed> {
 protected:
  void SetUp() override {
    if (!is_root()) GTEST_SKIP() << "labs need root";
  }
};
INSTANTIATE_TEST_SUITE_P(Examples, RemovalScenario,
                         ::testing::Values(Removed{"contoso", "examples/contoso"},
                                           Removed{"ipv4", "examples/families/ipv4"},
                                           Removed{"ipv6", "examples/families/ipv6"},
                                           Removed{"dual", "examples/families/dual"},
                                           Removed{"kubenet", "examples/models", {"--network-model", "kubenet"}}),
                         [](const auto& parameter) { return parameter.param.name; });

TEST_P(RemovalScenario, DeletedInRandomOrderEqualsTheEmptyLab) {
  Folder folder;
  // An empty lab: no object at all, only the Internet and the fabric.
  std::string empty = folder.write("empty.yaml", "# nothing\n");
  Lab lab(unique_name("removal"));
  std::vector<std::string> arguments = GetParam().options;
  arguments.insert(arguments.end(), {"-f", empty});
  Outcome up = lab.up(arguments);
  ASSERT_EQ(up.status, 0) << up.err;
  std::string before = realised_state(lab);
  ASSERT_NE(before.find("## fabric"), std::string::npos);

  for (unsigned seed : {1u, 2u}) {
    Outcome applied = lab.ask("apply", {"-f", source_path(GetParam().files)});
    ASSERT_EQ(applied.status, 0) << applied.err << applied.out;
    std::vector<std::string> objects;
    base::Json answer = applied.json();
    for (const base::Json& ref : answer["applied"].items()) objects.push_back(ref.as_string());
    ASSERT_GT(objects.size(), 5u);
    EXPECT_NE(realised_state(lab), before);
    std::shuffle(objects.begin(), objects.end(), std::mt19937(seed));
    for (const std::string& object : objects) {
      Outcome deleted = lab.ask("delete", {object});
      ASSERT_EQ(deleted.status, 0) << object << ": " << deleted.err << deleted.out;
    }
    EXPECT_EQ(realised_state(lab), before);
  }
}

}  // namespace
}  // namespace bailey::scenario
