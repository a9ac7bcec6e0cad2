// bailey ipam on a folder of the test's own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "ipam/sys/leases.h"
#include "session_for_test.h"

namespace bailey::cli {
namespace {

namespace fs = std::filesystem;
using base::Json;
using ::testing::HasSubstr;

class IpamTest : public ::testing::Test {
 protected:
  IpamTest() {
    char name[] = "/tmp/bailey-ipam-XXXXXX";
    folder_ = ::mkdtemp(name);
    dir_ = folder_ + "/ipam";
  }
  ~IpamTest() override { fs::remove_all(folder_); }

  // A lease whose pod's namespace is `netns`.
  void give(const std::string& container, const std::string& netns, std::uint64_t inode = 0) {
    ipam::sys::Leases leases = std::move(ipam::sys::Leases::open(dir_)).value();
    ipam::sys::Owner owner{container, "eth0", "net", "shop", container + "-pod", "uid-1", netns, inode};
    ASSERT_TRUE(leases.allocate(ipam::Pool::parse({"10.9.0.10-10.9.0.19"}).value(), owner, {}).ok());
  }
  int ipam(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "ipam");
    arguments.insert(arguments.end(), {"--dir", dir_});
    return run_.run(arguments);
  }
  Json document(const std::string& command, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {command, "-o", "json"});
    status_ = ipam(more);
    return Json::parse(run_.out).value();
  }

  std::string folder_;
  std::string dir_;
  FakeRun run_;
  int status_ = 0;
};

TEST_F(IpamTest, ListHasItsShape) {
  give("one", "/run/netns/one", 7);
  give("two", "/run/netns/two");
  ASSERT_TRUE(ipam::sys::Leases::open(dir_)->release("one", "eth0").ok());
  Json json = document("list");
  EXPECT_EQ(status_, 0);
  EXPECT_EQ(json["schema"].as_string(), "bailey.dev/ipam-leases/v1");
  EXPECT_EQ(json["dir"].as_string(), dir_);
  ASSERT_EQ(json["leases"].items().size(), 2U);
  Json held = json["leases"].items()[1];
  EXPECT_LE(held["age_s"].as_int(-1), 5);
  held.set("age_s", 0);
  EXPECT_EQ(
      held.dump(),
      R"({"address":"10.9.0.11","state":"held","network":"net","container":"two","ifname":"eth0",)"
      R"("pod":{"namespace":"shop","name":"two-pod","uid":"uid-1"},"netns":"/run/netns/two","earlier_boot":false,)"
      R"("age_s":0})");
  EXPECT_EQ(json["leases"].items()[0]["state"].as_string(), "cooling");
  EXPECT_EQ(json["summary"].dump(), R"({"cooling":1,"damaged":0,"held":1})");
  EXPECT_EQ(ipam({"list"}), 0);
  EXPECT_THAT(run_.out, HasSubstr("shop/two-pod"));
  EXPECT_TRUE(document("list", {"--network", "other"})["leases"].items().empty());
}

TEST_F(IpamTest, CheckFindsAndGcMends) {
  give("one", folder_);  // a path that exists: nothing says that this pod is dead
  EXPECT_EQ(ipam({"check"}), 0);
  std::ofstream(dir_ + "/10.9.0.15") << "{\"half";
  std::ofstream(dir_ + "/notes") << "?";
  Json json = document("check");
  EXPECT_EQ(status_, 1);
  EXPECT_EQ(json["schema"].as_string(), "bailey.dev/ipam-check/v1");
  ASSERT_EQ(json["findings"].items().size(), 2U);
  EXPECT_EQ(json["findings"].items()[0]["kind"].as_string(), "damaged-lease");
  EXPECT_EQ(json["findings"].items()[0]["file"].as_string(), "10.9.0.15");
  EXPECT_EQ(json["findings"].items()[1]["kind"].as_string(), "foreign");
  ipam({"gc"});
  EXPECT_TRUE(fs::exists(dir_ + "/10.9.0.10"));
  EXPECT_TRUE(fs::exists(dir_ + "/notes")) << "what is not the address book's stays";
  EXPECT_FALSE(fs::exists(dir_ + "/10.9.0.15"));
}

TEST_F(IpamTest, GcNeedsBothProofsAndTellsThem) {
  give("gone", "/nowhere/netns");
  give("alive", folder_);
  give("another", folder_, 1);  // the path is there, but it is another namespace now
  Json dry = document("gc", {"--dry-run"});
  EXPECT_EQ(dry["freed"].items().size(), 2U);
  EXPECT_TRUE(fs::exists(dir_ + "/10.9.0.10")) << "a dry run changes nothing";
  Json json = document("gc");
  EXPECT_EQ(json["schema"].as_string(), "bailey.dev/ipam-gc/v1");
  ASSERT_EQ(json["freed"].items().size(), 2U);
  EXPECT_EQ(json["freed"].items()[0]["container"].as_string(), "gone");
  EXPECT_EQ(json["freed"].items()[0]["proofs"].dump(), R"(["namespace-gone","no-link"])");
  EXPECT_EQ(json["freed"].items()[1]["container"].as_string(), "another");
  EXPECT_FALSE(fs::exists(dir_ + "/10.9.0.10"));
  EXPECT_TRUE(fs::exists(dir_ + "/10.9.0.11"));
  give("gone", "/nowhere/netns");
  EXPECT_EQ(ipam({"gc"}), 0);
  EXPECT_THAT(run_.out, HasSubstr("of shop/gone-pod: its namespace /nowhere/netns is gone; this node has no link"));
  EXPECT_EQ(ipam({"gc"}), 0);
  EXPECT_THAT(run_.out, HasSubstr("Nothing to free"));
}

TEST_F(IpamTest, FoldersThatAreMissingOrNone) {
  EXPECT_EQ(ipam({"list"}), 0);
  EXPECT_THAT(run_.out, HasSubstr("Nothing is leased"));
  EXPECT_EQ(document("list")["leases"].dump(), "[]");
  EXPECT_FALSE(fs::exists(dir_)) << "looking makes no folder";
  std::ofstream(dir_) << "a file";
  EXPECT_EQ(ipam({"list"}), 2);
  EXPECT_THAT(run_.err, HasSubstr(dir_));
  EXPECT_EQ(run_.run({"ipam"}), 2);
  EXPECT_EQ(run_.run({"ipam", "lst"}), 2);
}

}  // namespace
}  // namespace bailey::cli
