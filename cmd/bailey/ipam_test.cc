// bailey ipam as a user types it, over real lease folders. What the kernel says is tested in ipam_root_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>

#include "ipam/sys/leases_for_test.h"
#include "session_for_test.h"

namespace bailey::cli {
namespace {

namespace fs = std::filesystem;
using base::Json;
using testing::HasSubstr;

class IpamCommand : public ipam::sys::LeaseFolder {
 protected:
  int run(std::vector<std::string> words) {
    words.insert(words.begin(), "ipam");
    words.insert(words.end(), {"--dir", folder_});
    return fake_.run(words);
  }
  // The document, with the folder and what depends on the hour taken out.
  std::string golden(std::vector<std::string> words, int status) {
    words.insert(words.end(), {"-o", "json"});
    EXPECT_EQ(run(words), status) << fake_.err;
    EXPECT_EQ(fake_.err, "") << "a program reads one of both";
    std::string text = fake_.out;
    for (std::size_t at; (at = text.find(folder_)) != std::string::npos;) text.replace(at, folder_.size(), "DIR");
    for (std::size_t at = 0; (at = text.find("\"age_s\": ", at)) != std::string::npos;) {
      at += 9;
      std::size_t end = text.find_first_not_of("0123456789", at);
      if (end > at) text.replace(at, end - at, "0");
    }
    return text;
  }
  // A book with a held lease of each family, one that rests, one that is damaged, and what somebody left.
  void fill() {
    ipam::sys::Leases leases = std::move(ipam::sys::Leases::open(folder_)).value();
    leases.allocate(pool_, {"c1", "eth0", "net", "shop", "web", "u1", folder_ + "/gone", 7}, {}).value();
    leases.allocate(v4_, {"c2", "eth0", "net", "shop", "db", "", "", 0}, {}).value();
    leases.release("c2", "eth0").value();
    leases.allocate(v4_, {"c3", "net1", "other", "", "", "", "", 0}, {}).value();
    leases.allocate(v4_, {"c4", "eth0", "net", "", "", "", "", 0}, {}).value();
    write("10.0.0.12", "");
    write("note", "");
    write(".owners/c9:eth0:4", "");
  }

  FakeRun fake_;
};

TEST_F(IpamCommand, ListShowsWhoHoldsWhat) {
  fill();
  EXPECT_EQ(golden({"list"}, 0), R"json({
  "schema": "bailey.dev/ipam-leases/v1",
  "dir": "DIR",
  "leases": [
    {
      "address": "10.0.0.2",
      "state": "held",
      "network": "net",
      "container": "c1",
      "ifname": "eth0",
      "pod": {
        "namespace": "shop",
        "name": "web",
        "uid": "u1"
      },
      "netns": "DIR/gone",
      "earlier_boot": false,
      "age_s": 0
    },
    {
      "address": "10.0.0.10",
      "state": "cooling",
      "network": "net",
      "container": "c2",
      "ifname": "eth0",
      "pod": {
        "namespace": "shop",
        "name": "db",
        "uid": ""
      },
      "netns": "",
      "earlier_boot": false,
      "age_s": 0
    },
    {
      "address": "10.0.0.11",
      "state": "held",
      "network": "other",
      "container": "c3",
      "ifname": "net1",
      "pod": {
        "namespace": "",
        "name": "",
        "uid": ""
      },
      "netns": "",
      "earlier_boot": false,
      "age_s": 0
    },
    {
      "address": "10.0.0.12",
      "state": "damaged",
      "network": "",
      "container": "",
      "ifname": "",
      "pod": {
        "namespace": "",
        "name": "",
        "uid": ""
      },
      "netns": "",
      "earlier_boot": false,
      "age_s": null
    },
    {
      "address": "fd00::2",
      "state": "held",
      "network": "net",
      "container": "c1",
      "ifname": "eth0",
      "pod": {
        "namespace": "shop",
        "name": "web",
        "uid": "u1"
      },
      "netns": "DIR/gone",
      "earlier_boot": false,
      "age_s": 0
    }
  ],
  "summary": {
    "held": 3,
    "cooling": 1,
    "damaged": 1
  }
}
)json");
  EXPECT_EQ(run({"list", "--network", "other"}), 0);
  EXPECT_THAT(fake_.out, HasSubstr("ADDRESS    STATE  CONTAINER  INTERFACE  NETWORK  SINCE\n10.0.0.11  held   c3"));
  EXPECT_THAT(fake_.out, HasSubstr("1 held, 0 cooling, 0 damaged in " + folder_ + "\n"));
  EXPECT_EQ(run({"list", "--lang", "ko"}), 0);
  EXPECT_THAT(fake_.out, HasSubstr("shop/web"));
  EXPECT_THAT(fake_.out, HasSubstr("사용 중 3, 쉬는 중 1, 손상 1"));
}

TEST_F(IpamCommand, CheckEndsWithOneWhereSomethingIsWrong) {
  fill();
  EXPECT_EQ(golden({"check"}, 1), R"json({
  "schema": "bailey.dev/ipam-check/v1",
  "dir": "DIR",
  "findings": [
    {
      "kind": "unused-owner",
      "file": ".owners/c9:eth0:4",
      "object": "c9",
      "network": "",
      "mended_by_gc": true,
      "message": "c9 has no address: a call was killed"
    },
    {
      "kind": "damaged-lease",
      "file": "10.0.0.12",
      "object": "10.0.0.12",
      "network": "",
      "mended_by_gc": false,
      "damage": "empty",
      "message": "the lease of 10.0.0.12 is damaged and does not say who holds it (empty)"
    },
    {
      "kind": "foreign",
      "file": "note",
      "object": "",
      "network": "",
      "mended_by_gc": false,
      "message": "not a file of the address book"
    }
  ]
}
)json");
  EXPECT_EQ(run({"check"}), 1);
  EXPECT_THAT(fake_.out, HasSubstr(folder_ + "/note: not a file of the address book\n"));
  EXPECT_THAT(fake_.out, HasSubstr("Mend it with: bailey ipam gc --dir " + folder_ + "\n"));
  fs::remove(folder_ + "/.owners/c1:eth0:4");
  EXPECT_EQ(run({"check", "--network", "other"}), 1);
  EXPECT_THAT(fake_.out, testing::Not(HasSubstr("10.0.0.2:"))) << "of another network";
  EXPECT_EQ(run({"check", "--network", "net"}), 1);
  EXPECT_THAT(fake_.out, HasSubstr("10.0.0.2: 10.0.0.2 is held, but its container's DEL would not find it"));
}

TEST_F(IpamCommand, CheckEndsWithZeroWhereNothingIs) {
  std::move(ipam::sys::Leases::open(folder_)).value().allocate(pool_, owner("a"), {}).value();
  EXPECT_EQ(run({"check"}), 0);
  EXPECT_EQ(fake_.out, folder_ + " is sound.\n");
  EXPECT_EQ(golden({"check"}, 0),
            "{\n  \"schema\": \"bailey.dev/ipam-check/v1\",\n  \"dir\": \"DIR\",\n  \"findings\": []\n}\n");
}

TEST_F(IpamCommand, GcTellsTheProofsOfEachAddress) {
  fill();
  std::vector<std::string> before = files();
  std::string said = golden({"gc", "--dry-run"}, 0);
  EXPECT_EQ(files(), before);
  std::string done = golden({"gc"}, 0);
  EXPECT_NE(said.find("\"dry_run\": true"), std::string::npos);
  EXPECT_EQ(said.replace(said.find("\"dry_run\": true"), 15, "\"dry_run\": false"), done);
  EXPECT_EQ(done, R"json({
  "schema": "bailey.dev/ipam-gc/v1",
  "dir": "DIR",
  "dry_run": false,
  "freed": [
    {
      "address": "10.0.0.2",
      "state": "held",
      "network": "net",
      "container": "c1",
      "ifname": "eth0",
      "pod": {
        "namespace": "shop",
        "name": "web",
        "uid": "u1"
      },
      "netns": "DIR/gone",
      "earlier_boot": false,
      "age_s": 0,
      "proofs": [
        "namespace-gone",
        "no-link"
      ]
    },
    {
      "address": "fd00::2",
      "state": "held",
      "network": "net",
      "container": "c1",
      "ifname": "eth0",
      "pod": {
        "namespace": "shop",
        "name": "web",
        "uid": "u1"
      },
      "netns": "DIR/gone",
      "earlier_boot": false,
      "age_s": 0,
      "proofs": [
        "namespace-gone",
        "no-link"
      ]
    }
  ],
  "kept": [],
  "mended": [
    {
      "kind": "unused-owner",
      "file": ".owners/c9:eth0:4",
      "object": "c9",
      "network": "",
      "mended_by_gc": true,
      "message": "c9 has no address: a call was killed"
    }
  ],
  "left": [
    {
      "kind": "damaged-lease",
      "file": "10.0.0.12",
      "object": "10.0.0.12",
      "network": "",
      "mended_by_gc": false,
      "damage": "empty",
      "message": "the lease of 10.0.0.12 is damaged and does not say who holds it (empty)"
    },
    {
      "kind": "foreign",
      "file": "note",
      "object": "",
      "network": "",
      "mended_by_gc": false,
      "message": "not a file of the address book"
    }
  ],
  "rested": 0
}
)json");
  std::vector<ipam::sys::Lease> rest = ipam::sys::Leases::open_to_read(folder_).value().cooling().value();
  EXPECT_EQ(texts(rest), (std::vector<std::string>{"10.0.0.2", "10.0.0.10", "fd00::2"}));
}

TEST_F(IpamCommand, GcPrintsOneLineAnAddress) {
  fill();
  EXPECT_EQ(run({"gc", "--network", "other"}), 0);
  EXPECT_THAT(fake_.out, testing::Not(HasSubstr("freed "))) << "of another network";
  EXPECT_EQ(run({"gc", "--dry-run"}), 0);
  std::string proofs = ": its namespace " + folder_ + "/gone is gone; this node has no link and no route for it\n";
  EXPECT_THAT(fake_.out, HasSubstr("would free 10.0.0.2 of shop/web" + proofs));
  EXPECT_EQ(run({"gc"}), 0);
  EXPECT_THAT(fake_.out, HasSubstr("freed 10.0.0.2 of shop/web" + proofs));
  EXPECT_THAT(fake_.out, HasSubstr("freed fd00::2 of shop/web" + proofs));
  fs::remove(folder_ + "/note");
  fs::remove(folder_ + "/10.0.0.12");
  fs::remove(folder_ + "/.owners/c4:eth0:4");
  EXPECT_EQ(run({"gc"}), 0);
  EXPECT_EQ(fake_.out, "Nothing to free or to mend in " + folder_ + ".\n");
}

TEST_F(IpamCommand, AMissingFolderHoldsNothing) {
  folder_ += "/none";
  for (const char* word : {"list", "check", "gc"}) {
    EXPECT_EQ(run({word}), 0);
    EXPECT_EQ(fake_.out, "Nothing is leased: there is no " + folder_ + ". Other folders: --dir DIR\n") << word;
    EXPECT_EQ(run({word, "-o", "json"}), 0);
    EXPECT_TRUE(Json::parse(fake_.out).ok()) << word;
    EXPECT_FALSE(fs::exists(folder_));
  }
}

TEST_F(IpamCommand, MistakesAreSaid) {
  write("file", "");
  std::string folder = folder_;
  folder_ += "/file";
  for (const char* word : {"list", "check", "gc"}) {
    EXPECT_EQ(run({word}), 2);
    EXPECT_EQ(fake_.err, "bailey: " + folder_ + " is no folder; --dir is the ipamDir of the plugin's configuration.\n");
    EXPECT_EQ(run({word, "-o", "json"}), 2);
    EXPECT_EQ(Json::parse(fake_.out).value()["errors"].items().at(0)["code"].as_string(), "usage");
  }
  folder_ = folder;
  EXPECT_EQ(run({"lst"}), 2);
  EXPECT_THAT(fake_.err, HasSubstr("Did you mean 'list'?"));
  EXPECT_EQ(run({"list", "--dry-run"}), 2) << "only gc changes anything";
  EXPECT_EQ(run({"list", "-o", "yaml"}), 2);
  EXPECT_EQ(fake_.run({"ipam"}), 2);
  EXPECT_THAT(fake_.err, HasSubstr("bailey ipam needs a command."));
}

TEST_F(IpamCommand, HelpNamesTheCommands) {
  EXPECT_EQ(fake_.run({"ipam", "--help"}), 0);
  for (const char* word : {"list", "check", "gc"}) EXPECT_THAT(fake_.out, HasSubstr(word));
  EXPECT_EQ(fake_.run({"ipam", "gc", "--help"}), 0);
  EXPECT_THAT(fake_.out, HasSubstr("bailey ipam gc [OPTIONS]"));
  EXPECT_THAT(fake_.out, HasSubstr("--dry-run"));
  EXPECT_EQ(fake_.run({"lab", "up", "--help"}), 0);
  EXPECT_THAT(fake_.out, HasSubstr("bailey lab up [OPTIONS]"));
}

}  // namespace
}  // namespace bailey::cli
