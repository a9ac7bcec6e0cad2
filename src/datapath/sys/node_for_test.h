// A node of a test: a network namespace with links, a bpffs of its own, and programs that are run on packets without
// sending any (BPF_PROG_TEST_RUN).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "datapath/sys/packet_for_test.h"
#include "datapath/sys/pod_path.h"
#include "io/fd.h"
#include "netlink/namespace.h"

namespace bailey::datapath::sys {

// What a program said of a packet.
enum class Fate : std::uint8_t { stack, redirected, dropped };

class TestNode {
 public:
  // `why` says what the machine lacks, where it is not empty: the test is skipped then.
  static std::unique_ptr<TestNode> make(std::string& why);
  ~TestNode();

  const std::string& pins() const { return pins_; }
  // The near end of a new link; its far end stays in the namespace too.
  int add_link();
  std::string far_of(int link) const;
  std::array<std::uint8_t, 6> mac_of(int link) const;
  // For another thread: its network namespace is this node's while the answer lives.
  netlink::Inside enter() const;
  // Puts a frame on the far end, as a pod would send it.
  void send_from_far(int link, const Bytes& frame) const;

  // Runs what is attached to the link, without sending anything.
  Fate run(const char* program, int link, const Bytes& packet) const;
  // ns for one packet, over `times`.
  double cost_ns(const char* program, int link, const Bytes& packet, std::uint32_t times) const;

 private:
  TestNode() = default;
  io::Fd program_of(const char* program, int link) const;
  std::string folder_;
  std::string pins_;
  io::Fd space_;
  std::unique_ptr<netlink::Inside> inside_;
  int links_ = 0;
  std::map<int, std::string> far_;
};

}  // namespace bailey::datapath::sys
