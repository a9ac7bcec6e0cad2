#include "floor.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <thread>

#include "must.h"
#include "netlink/namespace.h"
#include "netlink/netlink.h"
#include "node.h"

namespace bailey::bench {
namespace {

constexpr int floor_rounds = 40;

// Hears of links that go away in the namespace in which it was opened.
class Listener {
 public:
  Listener() : socket_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)) {
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = RTMGRP_LINK;
    if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      give_up(base::system_error("listen for", "links", errno).text());
  }

  void wait_until_gone(int index) {
    alignas(nlmsghdr) std::array<char, 32768> buffer{};
    while (true) {
      ssize_t count = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
      if (count < 0 && errno != EINTR) give_up(base::system_error("listen for", "links", errno).text());
      std::size_t left = count < 0 ? 0 : static_cast<std::size_t>(count);
      for (auto* message = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(message, left);
           message = NLMSG_NEXT(message, left))
        if (message->nlmsg_type == RTM_DELLINK && static_cast<ifinfomsg*>(NLMSG_DATA(message))->ifi_index == index)
          return;
    }
  }

 private:
  io::Fd socket_;
};

struct FloorTimes {
  std::vector<double> exec, space, veth, announced, deleted, space_gone, all;
};

const netlink::VethEnd host_end{"host", -1, std::nullopt, true};

// As short a way from nothing to a linked pod as there is.
void make(netlink::Socket& node, FloorTimes& times) {
  double exec = run({BAILEY_BENCH_EMPTY}).milliseconds;
  Stopwatch watch;
  io::Fd space = must(netlink::create_namespace());
  double made = watch.milliseconds();
  must(node.create_veth({"eth0", space.get(), std::nullopt, true}, host_end, 1500));
  double linked = watch.milliseconds();
  times.exec.push_back(exec);
  times.space.push_back(made);
  times.veth.push_back(linked - made);
  times.all.push_back(exec + linked);

  int index = must(node.link("host"))->index;
  rest();
  Listener listener;
  double returned = 0;
  watch = {};
  std::thread remover([&] {
    must(node.delete_link("host"));
    returned = watch.milliseconds();
  });
  listener.wait_until_gone(index);
  times.announced.push_back(watch.milliseconds());
  remover.join();
  times.deleted.push_back(returned);
}

// The last descriptor of a namespace is closed: the kernel destroys it, and with it both ends of its link, in the
// background.
void drop_namespace(netlink::Socket& node, FloorTimes& times) {
  io::Fd space = must(netlink::create_namespace());
  must(node.create_veth({"eth0", space.get(), std::nullopt, true}, host_end, 1500));
  int index = must(node.link("host"))->index;
  rest();
  Listener listener;
  Stopwatch watch;
  space.reset();
  listener.wait_until_gone(index);
  times.space_gone.push_back(watch.milliseconds());
  rest();
}

}  // namespace

void measure_floor(const Report& report) {
  netlink::Socket node = must(netlink::Socket::open());
  FloorTimes times;
  for (int round = 0; round < floor_rounds; ++round) {
    make(node, times);
    rest();
    drop_namespace(node, times);
  }
  report.add(figure("floor", "ms", times.all));
  report.add(figure("floor: exec of an empty static binary", "ms", times.exec));
  report.add(figure("floor: namespace", "ms", times.space));
  report.add(figure("floor: veth pair into it", "ms", times.veth));
  report.add(figure("floor: veth deletion until it is announced", "ms", times.announced));
  report.add(figure("floor: veth deletion until the call returns", "ms", times.deleted));
  report.add(figure("floor: namespace closed until its link is gone", "ms", times.space_gone));
}

}  // namespace bailey::bench
