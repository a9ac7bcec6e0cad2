// Bad input changes nothing in a running lab, and says where it is bad.
#include <gtest/gtest.h>

#include <filesystem>

#include "harness.h"

namespace bailey::scenario {
namespace {

TEST(InputScenario, EveryBrokenManifestIsRefusedAndChangesNothing) {
  if (!is_root()) GTEST_SKIP() << "labs need root";
  Lab lab(unique_name("input"));
  ASSERT_EQ(lab.up({"-f", source_path("examples/families/ipv4")}).status, 0);
  std::string before = realised_state(lab);
  base::Json status = lab.ask("status").json();
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(source_path("tests/manifest/broken"))) {
    if (!entry.is_regular_file()) continue;
    SCOPED_TRACE(entry.path().filename().string());
    // Old spellings of an Ingress that circulate are taken, with a warning; see ThePrintedTextsOfTheGuidanceAreTaken.
    std::string name = entry.path().filename().string();
    if (name == "ingress-old-backend.yaml" || name == "ingress-old-fields.yaml") continue;
    Outcome outcome = lab.ask("apply", {"-f", entry.path().string()});
    EXPECT_EQ(outcome.status, 2) << outcome.out << outcome.err;
    EXPECT_LT(outcome.milliseconds, 4000) << "with sanitizers; a second without";
    std::string said = outcome.out + outcome.err;
    EXPECT_NE(said.find(entry.path().filename().string()), std::string::npos) << said;
    ++count;
  }
  EXPECT_GE(count, 150u);
  base::Json after = lab.ask("status").json();
  EXPECT_EQ(after["generation"].as_int(), status["generation"].as_int());
  EXPECT_EQ(after["pods"].dump(), status["pods"].dump());
  EXPECT_EQ(realised_state(lab), before);
}

}  // namespace
}  // namespace bailey::scenario
