// The two proofs of `bailey ipam gc` against a kernel, in network namespaces of the test's own.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cni/sys/wiring.h"
#include "ipam/sys/leases_for_test.h"
#include "netlink/namespace.h"
#include "netlink/netlink.h"
#include "session_for_test.h"

namespace bailey::cli {
namespace {

namespace fs = std::filesystem;
using base::Json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class IpamOnANode : public ipam::sys::LeaseFolder {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "network namespaces need root";
    LeaseFolder::SetUp();
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    node_ = std::move(netlink::create_namespace()).value();
    inside_.emplace(std::move(netlink::Inside::enter(node_.get())).value());
    socket_.emplace(std::move(netlink::Socket::open()).value());
  }
  void TearDown() override {
    if (folder_.empty()) return;
    for (const std::string& path : pinned_) EXPECT_TRUE(netlink::unpin_namespace(path).ok());
    inside_.reset();
    LeaseFolder::TearDown();
  }

  static std::uint64_t inode(int fd) {
    struct stat info {};
    return ::fstat(fd, &info) == 0 ? info.st_ino : 0;
  }
  // A pod with namespace, lease, and what the plugin makes on the node.
  ipam::sys::Owner add_pod(const std::string& container) {
    io::Fd pod = std::move(netlink::create_namespace()).value();
    std::string path = folder_ + ".pod-" + container;
    EXPECT_TRUE(netlink::pin_namespace(pod, path).ok());
    pinned_.push_back(path);
    ipam::sys::Owner owner{container, "eth0", "net", "shop", "web-" + container, "", path, inode(pod.get())};
    owner.node_inode = inode(node_.get());
    std::vector<model::Address> given = book().allocate(pool_of_test_, owner, {}).value();
    std::string link = cni::sys::host_link_name(container, "eth0");
    EXPECT_TRUE(socket_->create_veth({link, -1, cni::sys::host_mac, true}, {"eth0", pod.get()}, 0).ok());
    netlink::Route route{.destination = model::Prefix::host(given.at(0)), .link_index = index_of(link)};
    route.protocol = cni::sys::route_protocol;
    route.link_scope = true;
    EXPECT_TRUE(socket_->run(netlink::Batch().add_route(route)).ok());
    return owner;
  }
  int index_of(const std::string& link) { return socket_->link(link).value()->index; }
  void end_namespace(const std::string& container) {
    std::string path = folder_ + ".pod-" + container;
    EXPECT_TRUE(netlink::unpin_namespace(path).ok());
    std::erase(pinned_, path);
  }
  void delete_link(const std::string& container) {
    base::Status done = socket_->delete_link(cni::sys::host_link_name(container, "eth0"));
    EXPECT_TRUE(done.ok() || done.error().code == ENODEV) << "the death of the namespace may have been first";
  }
  ipam::sys::Leases book() { return std::move(ipam::sys::Leases::open(folder_)).value(); }

  Json gc(int status = 0, std::vector<std::string> more = {}) {
    std::vector<std::string> words{"ipam", "gc", "-o", "json", "--dir", folder_};
    words.insert(words.end(), more.begin(), more.end());
    EXPECT_EQ(fake_.run(words), status) << fake_.err << fake_.out;
    base::Result<Json> document = Json::parse(fake_.out);
    return document.ok() ? document.value() : Json();
  }
  // "10.0.0.10 namespace-gone no-link"
  static std::vector<std::string> freed(const Json& document) {
    std::vector<std::string> out;
    for (const Json& lease : document["freed"].items()) {
      out.push_back(lease["address"].as_string());
      for (const Json& proof : lease["proofs"].items()) out.back() += " " + proof.as_string();
    }
    return out;
  }

  io::Fd node_;
  std::optional<netlink::Inside> inside_;
  std::optional<netlink::Socket> socket_;
  std::vector<std::string> pinned_;
  FakeRun fake_;
  ipam::Pool pool_of_test_ = ipam::Pool::parse({"10.0.0.10-10.0.0.30"}).value();
};

TEST_F(IpamOnANode, BothProofsAreNeeded) {
  add_pod("living");
  add_pod("link-lost");
  add_pod("route-left");
  add_pod("dead");
  delete_link("link-lost");  // and its route; but the namespace is there, as when somebody wires it anew
  // A route alone, as a killed call may leave it in another table's place.
  netlink::Route route{.destination = model::Prefix::host(address("10.0.0.12")), .link_index = 1};
  route.protocol = cni::sys::route_protocol;
  EXPECT_TRUE(socket_->set_up("lo").ok());
  delete_link("route-left");
  EXPECT_TRUE(socket_->run(netlink::Batch().add_route(route)).ok());
  end_namespace("route-left");
  delete_link("dead");
  end_namespace("dead");
  EXPECT_THAT(freed(gc(0, {"--dry-run"})), ElementsAre("10.0.0.13 namespace-gone no-link"));
  EXPECT_THAT(freed(gc()), ElementsAre("10.0.0.13 namespace-gone no-link"));
  EXPECT_THAT(held(), ElementsAre("10.0.0.10", "10.0.0.11", "10.0.0.12"));
  EXPECT_TRUE(socket_->run(netlink::Batch().delete_route(route)).ok());
  EXPECT_THAT(freed(gc()), ElementsAre("10.0.0.12 namespace-gone no-link"));
}

TEST_F(IpamOnANode, ALinkKeepsTheLeaseOfANamespaceThatIsGone) {
  add_pod("a");
  end_namespace("a");
  // The kernel may not have got round to the namespace's end of the pair yet; a link of that name stands for it.
  delete_link("a");
  std::string link = cni::sys::host_link_name("a", "eth0");
  EXPECT_TRUE(socket_->create_veth({link}, {"peer"}, 0).ok());
  EXPECT_THAT(freed(gc()), IsEmpty());
  EXPECT_TRUE(socket_->delete_link(link).ok());
  EXPECT_THAT(freed(gc()), ElementsAre("10.0.0.10 namespace-gone no-link"));
}

TEST_F(IpamOnANode, ANamespaceThatTookThePathIsAnother) {
  ipam::sys::Owner owner = add_pod("a");
  end_namespace("a");
  delete_link("a");
  io::Fd other = std::move(netlink::create_namespace()).value();
  EXPECT_TRUE(netlink::pin_namespace(other, owner.netns).ok());
  pinned_.push_back(owner.netns);
  EXPECT_THAT(freed(gc()), ElementsAre("10.0.0.10 namespace-gone no-link"));
}

TEST_F(IpamOnANode, EarlierBootsAreOneProof) {
  add_pod("a");
  make_old("10.0.0.10");
  EXPECT_THAT(freed(gc()), IsEmpty()) << "something has its link";
  delete_link("a");
  EXPECT_THAT(freed(gc()), ElementsAre("10.0.0.10 earlier-boot no-link"));
}

// A damaged lease does not tell the name of its link: it may be any that no other lease accounts for.
TEST_F(IpamOnANode, ADamagedLeaseStaysAsLongAsAnyLinkIsUnaccountedFor) {
  add_pod("living");
  add_pod("damaged");
  write("10.0.0.11", "{\"half");
  EXPECT_THAT(freed(gc()), IsEmpty());
  netlink::Route route{.destination = model::Prefix::host(address("10.0.0.11")), .link_index = 0};
  route.link_index = index_of(cni::sys::host_link_name("damaged", "eth0"));
  route.protocol = cni::sys::route_protocol;
  route.link_scope = true;
  EXPECT_TRUE(socket_->run(netlink::Batch().delete_route(route)).ok());
  EXPECT_THAT(freed(gc()), IsEmpty()) << "a pod of a bridge has no route of its own";
  delete_link("damaged");
  EXPECT_THAT(freed(gc(0, {"--network", "net"})), IsEmpty()) << "nobody knows of which network it is";
  EXPECT_THAT(freed(gc()), ElementsAre("10.0.0.11 names-nobody no-link-without-owner"));
  EXPECT_THAT(held(), ElementsAre("10.0.0.10"));
}

// The folder of one node, looked at from another: no link and no route of it is there, which proves nothing.
TEST_F(IpamOnANode, NothingIsFreedFromAnotherNetworkNamespace) {
  add_pod("a");
  add_pod("b");
  add_pod("c");
  delete_link("b");
  write("10.0.0.12", "");
  for (const char* container : {"a", "b"}) end_namespace(container);
  io::Fd other = std::move(netlink::create_namespace()).value();
  {
    netlink::Inside elsewhere = std::move(netlink::Inside::enter(other.get())).value();
    Json document = gc(1);
    EXPECT_THAT(freed(document), IsEmpty());
    ASSERT_EQ(document["kept"].items().size(), 2U);
    EXPECT_THAT(document["kept"].items()[0]["error"].as_string(), HasSubstr("given in another network namespace"));
    EXPECT_EQ(fake_.run({"ipam", "gc", "--lang", "ko", "--dir", folder_}), 1);
    EXPECT_THAT(fake_.out, HasSubstr("nsenter --net"));
  }
  EXPECT_EQ(held().size(), 3U);
  delete_link("a");
  EXPECT_THAT(freed(gc()), ElementsAre("10.0.0.10 namespace-gone no-link", "10.0.0.11 namespace-gone no-link"));
}

TEST_F(IpamOnANode, AReadOnlyFolderCanBeLookedAt) {
  add_pod("a");
  end_namespace("a");
  delete_link("a");
  ASSERT_EQ(::mount(folder_.c_str(), folder_.c_str(), nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(::mount(nullptr, folder_.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr), 0);
  EXPECT_EQ(fake_.run({"ipam", "list", "--dir", folder_}), 0);
  EXPECT_EQ(fake_.run({"ipam", "check", "--dir", folder_}), 0);
  EXPECT_THAT(freed(gc(0, {"--dry-run"})), ElementsAre("10.0.0.10 namespace-gone no-link"));
  EXPECT_EQ(fake_.run({"ipam", "gc", "--dir", folder_}), 3);
  EXPECT_THAT(fake_.err, HasSubstr("read-only file system"));
  EXPECT_THAT(fake_.err, HasSubstr("--dry-run"));
  ASSERT_EQ(::umount(folder_.c_str()), 0);
  EXPECT_EQ(held().size(), 1U);
}

TEST_F(IpamOnANode, WithoutPermissionItSaysSo) {
  add_pod("a");
  ASSERT_EQ(::chmod(folder_.c_str(), 0700), 0);
  ASSERT_EQ(::seteuid(65534), 0);
  int status = fake_.run({"ipam", "list", "--dir", folder_});
  std::string errors = fake_.err;
  ASSERT_EQ(::seteuid(0), 0);
  EXPECT_EQ(status, 3);
  EXPECT_THAT(errors, HasSubstr("try as root"));
  ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
  ASSERT_EQ(::seteuid(65534), 0);
  status = fake_.run({"ipam", "list", "--dir", folder_});
  int changing = fake_.run({"ipam", "gc", "--dir", folder_});
  ASSERT_EQ(::seteuid(0), 0);
  EXPECT_EQ(status, 0) << "whoever may read may look";
  EXPECT_EQ(changing, 3);
}

}  // namespace
}  // namespace bailey::cli
