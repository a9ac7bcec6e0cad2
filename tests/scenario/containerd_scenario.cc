// A real container runtime calls the plugin: Debian's containerd, as `ctr run --cni` does it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/strings.h"
#include "harness.h"

namespace bailey::scenario {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::map<std::string, std::string> facts_of(const std::string& text) {
  std::map<std::string, std::string> facts;
  for (std::string_view line : base::split(text, '\n')) {
    std::size_t blank = line.find(' ');
    if (blank != std::string_view::npos) facts[std::string(line.substr(0, blank))] = line.substr(blank + 1);
  }
  return facts;
}

class ContainerdScenario : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Models, ContainerdScenario, ::testing::Values("kubenet", "vnet"));

TEST_P(ContainerdScenario, ContainersReachEachOtherAndLeaveNothing) {
  if (!is_root()) GTEST_SKIP() << "a container runtime needs root";
  std::string tools = source_path("build/tools");
  if (!std::filesystem::exists(tools + "/usr/bin/containerd")) GTEST_SKIP() << "./dev setup unpacks containerd";
  Folder folder;
  std::string conflist = source_path("examples/cni/10-bailey.conflist");
  if (GetParam() == std::string("vnet"))
    conflist = folder.write("10-bailey.conflist", R"({"cniVersion":"1.0.0","name":"bailey","plugins":[
      {"type":"bailey-cni","networkModel":"vnet","podRanges":["10.240.0.10-10.240.0.19","fd00:240::10-fd00:240::19"]}]})");
  std::string machine = machine_state();
  std::string name = unique_name(std::string("containerd-") + GetParam());
  std::string work = folder.path() + "/work";
  std::filesystem::create_directory(work);
  Outcome outcome = run({"/usr/bin/unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "/bin/bash",
                         source_path("tests/scenario/containerd.sh"), tools,
                         std::string(BAILEY_BINARY_DIR) + "/bin/bailey-cni", conflist, work, name});
  EXPECT_EQ(outcome.status, 0) << outcome.err << outcome.out;
  std::map<std::string, std::string> facts = facts_of(outcome.out);
  EXPECT_THAT(facts["server_v4"], StartsWith(GetParam() == std::string("vnet") ? "10.240.0.1" : "10.88.0."));
  EXPECT_THAT(facts["server_v6"], StartsWith(GetParam() == std::string("vnet") ? "fd00:240::1" : "fd00:88::"));
  EXPECT_EQ(facts["held"], "2");
  EXPECT_THAT(facts["answer_from_" + facts["server_v4"]], HasSubstr("hello")) << outcome.out;
  EXPECT_THAT(facts["answer_from_" + facts["server_v6"]], HasSubstr("hello")) << outcome.out;
  EXPECT_EQ(facts["held_after"], "0");
  EXPECT_EQ(facts["links_after"], "0");
  EXPECT_EQ(machine_state(), machine);
  for (const auto& entry : std::filesystem::directory_iterator("/sys/fs/cgroup"))
    EXPECT_FALSE(std::filesystem::exists(entry.path() / name)) << entry.path() << " keeps a control group";
}

}  // namespace
}  // namespace bailey::scenario
