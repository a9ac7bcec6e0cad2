#include "datapath/sys/node_for_test.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "netlink/netlink.h"

namespace bailey::datapath::sys {
namespace {

// By number: libbpf 1.1 has no names for tcx.
constexpr auto tcx_in = static_cast<bpf_attach_type>(46);
constexpr auto tcx_out = static_cast<bpf_attach_type>(47);

}  // namespace

std::unique_ptr<TestNode> TestNode::make(std::string& why) {
  if (::geteuid() != 0) {
    why = "network namespaces and BPF need root";
    return nullptr;
  }
  static const bool own_mounts =
      ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  auto node = std::unique_ptr<TestNode>(new TestNode());
  char folder[] = "/tmp/bailey-test-XXXXXX";
  if (!own_mounts || !::mkdtemp(folder)) {
    why = "no mount namespace of its own";
    return nullptr;
  }
  node->folder_ = folder;
  if (::mount("bpf", folder, "bpf", 0, nullptr) != 0) {
    why = std::string("a bpffs cannot be mounted: ") + std::strerror(errno);
    return nullptr;
  }
  node->pins_ = node->folder_ + "/pins";
  node->space_ = netlink::create_namespace().value();
  node->inside_ = std::make_unique<netlink::Inside>(netlink::Inside::enter(node->space_.get()).value());
  return node;
}

TestNode::~TestNode() {
  inside_.reset();
  ::umount2(folder_.c_str(), MNT_DETACH);
  ::rmdir(folder_.c_str());
}

int TestNode::add_link() {
  netlink::Socket socket = netlink::Socket::open().value();
  std::string name = "near" + std::to_string(++links_);
  base::Status made = socket.create_veth({name, -1, std::nullopt, true}, {"far" + std::to_string(links_)}, 1500);
  base::check(made.ok(), "a link can be made");
  int index = socket.index_of(name).value();
  far_[index] = "far" + std::to_string(links_);
  return index;
}

std::string TestNode::far_of(int link) const { return far_.at(link); }

netlink::Inside TestNode::enter() const { return netlink::Inside::enter(space_.get()).value(); }

void TestNode::send_from_far(int link, const Bytes& frame) const {
  io::Fd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = netlink::Socket::open()->index_of(far_of(link)).value();
  ssize_t sent = ::sendto(socket.get(), frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to);
  base::check(sent == static_cast<ssize_t>(frame.size()), "a frame can be sent");
}

std::array<std::uint8_t, 6> TestNode::mac_of(int link) const {
  netlink::Socket socket = netlink::Socket::open().value();
  return socket.link(link).value().value().mac;
}

io::Fd TestNode::program_of(const char* program, int link) const {
  for (bpf_attach_type where : {tcx_in, tcx_out}) {
    std::array<std::uint32_t, 64> ids{};
    std::uint32_t count = ids.size();
    if (bpf_prog_query(link, where, 0, nullptr, ids.data(), &count) != 0) continue;
    for (std::uint32_t i = 0; i < count; ++i) {
      io::Fd found(bpf_prog_get_fd_by_id(ids[i]));
      bpf_prog_info info{};
      std::uint32_t size = sizeof info;
      if (bpf_obj_get_info_by_fd(found.get(), &info, &size) == 0 && std::strcmp(info.name, program) == 0) return found;
    }
  }
  base::fail_check("the program is at the link", program);
}

Fate TestNode::run(const char* program, int link, const Bytes& packet) const {
  io::Fd found = program_of(program, link);
  __sk_buff context{};
  context.ifindex = static_cast<__u32>(link);
  bpf_test_run_opts options{};
  options.sz = sizeof options;
  options.data_in = packet.data();
  options.data_size_in = static_cast<__u32>(packet.size());
  options.ctx_in = &context;
  options.ctx_size_in = sizeof context;
  int done = bpf_prog_test_run_opts(found.get(), &options);
  if (done != 0) base::fail_check("the kernel runs the program", std::strerror(errno));
  if (options.retval == TC_ACT_SHOT) return Fate::dropped;
  return options.retval == TC_ACT_REDIRECT ? Fate::redirected : Fate::stack;
}

double TestNode::cost_ns(const char* program, int link, const Bytes& packet, std::uint32_t times) const {
  io::Fd found = program_of(program, link);
  __sk_buff context{};
  context.ifindex = static_cast<__u32>(link);
  bpf_test_run_opts options{};
  options.sz = sizeof options;
  options.data_in = packet.data();
  options.data_size_in = static_cast<__u32>(packet.size());
  options.ctx_in = &context;
  options.ctx_size_in = sizeof context;
  options.repeat = static_cast<int>(times);
  if (bpf_prog_test_run_opts(found.get(), &options) != 0)
    base::fail_check("the kernel runs the program", std::strerror(errno));
  return options.duration;
}

}  // namespace bailey::datapath::sys
