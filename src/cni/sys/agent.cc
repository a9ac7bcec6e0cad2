#include "cni/sys/agent.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>

#include "io/channel.h"

namespace bailey::cni::sys {
namespace {

constexpr int attach_timeout_ms = 5000;
constexpr int short_timeout_ms = 200;

}  // namespace

base::Result<base::Json> NodeAgent::ask(const base::Json& request, int timeout_ms) const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_.size() >= sizeof address.sun_path) return base::system_error("ask the agent", socket_, ENAMETOOLONG);
  socket_.copy(address.sun_path, sizeof address.sun_path - 1);
  io::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  // An agent that takes nothing any more must not hold up the runtime: this bounds connect() and send() too.
  timeval patience{timeout_ms / 1000, timeout_ms % 1000 * 1000};
  if (socket) (void)::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (!socket || ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return base::system_error("ask the agent", socket_, errno);
  io::Channel channel(std::move(socket));
  if (base::Status sent = channel.send_now(request); !sent.ok())
    return base::Error{"ask the agent", socket_, sent.error().cause, sent.error().code};
  base::Result<base::Json> answer = channel.receive_now(timeout_ms);
  if (!answer.ok()) return base::Error{"ask the agent", socket_, answer.error().cause, answer.error().code};
  return answer;
}

base::Status NodeAgent::attach(const Environment& environment, const Attachment& attachment, int link_index) const {
  base::Json addresses = base::Json::array();
  for (const Ip& ip : attachment.ips) addresses.push(ip.address.text());
  base::Json request = base::Json::object().set("op", "attach").set("container", environment.container_id);
  request.set("ifname", attachment.ifname).set("link", attachment.host_name).set("link_index", link_index);
  request.set("mac", netlink::mac_text(attachment.mac)).set("addresses", std::move(addresses));
  request.set("pod_namespace", environment.args.pod_namespace).set("pod_name", environment.args.pod_name);
  base::Result<base::Json> answer = ask(request, attach_timeout_ms);
  if (!answer.ok()) {
    base::Error error = answer.error();
    error.cause += "; network policy is on, so the pod must wait for the node's agent: is baileyd running?";
    return error;
  }
  if ((*answer)["ok"].as_bool()) return {};
  return base::Error{"attach with the agent", socket_, (*answer)["msg"].as_string(), EAGAIN};
}

void NodeAgent::detach(const Environment& environment) const {
  base::Json request = base::Json::object().set("op", "detach").set("container", environment.container_id);
  (void)ask(request.set("ifname", environment.ifname), short_timeout_ms);
}

base::Status NodeAgent::reach() const {
  base::Result<base::Json> answer = ask(base::Json::object().set("op", "status"), attach_timeout_ms);
  return answer.ok() ? base::Status() : base::Status(answer.error());
}

}  // namespace bailey::cni::sys
