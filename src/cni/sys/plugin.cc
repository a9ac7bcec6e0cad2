// The commands. Each holds the container's lock from beginning to end, so that an ADD and a DEL of one container
// never cross. ADD takes the lease first and gives it back last when it fails; DEL removes the link first and
// then the lease, so that no address is free while something still answers to it, and it gives the lease back
// even when the link cannot be removed.
#include "cni/sys/plugin.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>

#include "base/strings.h"
#include "cni/config.h"
#include "cni/sys/agent.h"
#include "cni/sys/check.h"
#include "cni/sys/kubenet.h"
#include "cni/sys/vnet.h"
#include "ipam/sys/leases.h"
#include "netlink/masquerade.h"
#include "netlink/namespace.h"
#include "netlink/netlink.h"

namespace bailey::cni::sys {
namespace {

using Leases = ipam::sys::Leases;

Failure io_failure(const base::Error& error) { return {Code::io_failure, error.text(), ""}; }

Failure lease_failure(const base::Error& error) {
  Failure failure = io_failure(error);
  if (error.code == EADDRNOTAVAIL) failure.code = Code::bad_config;
  if (error.code == EADDRINUSE) failure.code = Code::address_in_use;
  if (error.code == EXFULL) failure.code = Code::try_again;
  return failure;
}

bool same_namespace(int a, int b) {
  struct stat first {};
  struct stat second {};
  return ::fstat(a, &first) == 0 && ::fstat(b, &second) == 0 && first.st_ino == second.st_ino &&
         first.st_dev == second.st_dev;
}

std::uint64_t inode_of(const io::Fd& file) {
  struct stat info {};
  return ::fstat(file.get(), &info) == 0 ? info.st_ino : 0;
}

// The sockets of one attachment.
struct Ends {
  io::Fd node_namespace;
  io::Fd pod_namespace;
  netlink::Socket node;
  netlink::Socket pod;
};

Outcome<Ends> open_ends(const Environment& environment) {
  base::Result<io::Fd> target = netlink::open_namespace(environment.netns);
  if (!target.ok()) {
    Code code = target.error().code == ENOENT ? Code::unknown_container : Code::bad_environment;
    return Failure{code, "CNI_NETNS: " + target.error().text(), ""};
  }
  base::Result<io::Fd> own = netlink::current_namespace();
  if (!own.ok()) return io_failure(own.error());
  if (same_namespace(target->get(), own->get()))
    return Failure{Code::bad_environment, "CNI_NETNS: " + environment.netns + " is the node's own network namespace",
                   ""};
  base::Result<netlink::Socket> node = netlink::Socket::open();
  if (!node.ok()) return io_failure(node.error());
  base::Result<netlink::Socket> pod = netlink::Socket::open_in(target->get());
  if (!pod.ok()) return io_failure(pod.error());
  return Ends{std::move(own).value(), std::move(target).value(), std::move(node).value(), std::move(pod).value()};
}

// Names and sizes; the addresses come later.
Outcome<Attachment> begin_attachment(const Environment& environment, const Config& config, netlink::Socket& node) {
  Attachment out;
  out.ifname = environment.ifname;
  out.host_name = host_link_name(environment.container_id, environment.ifname);
  if (!config.mac.empty()) {
    std::optional<netlink::Mac> mac = netlink::parse_mac(config.mac);
    if (!mac || ((*mac)[0] & 1) != 0 || *mac == netlink::Mac{})
      return Failure{Code::bad_config, "mac: \"" + config.mac + "\" is not the MAC address of one interface", ""};
    out.mac = *mac;
  }
  out.mtu = config.mtu;
  if (out.mtu == 0) {
    base::Result<std::uint32_t> mtu = uplink_mtu(node);
    if (!mtu.ok()) return io_failure(mtu.error());
    out.mtu = std::min<std::uint32_t>(mtu.value(), 65535);
  }
  return out;
}

AddResult result_of(const Attachment& attachment, const std::optional<netlink::Link>& bridge,
                    const std::string& netns) {
  AddResult out;
  if (bridge) out.interfaces.push_back({bridge->name, netlink::mac_text(bridge->mac), bridge->mtu, ""});
  out.interfaces.push_back({attachment.host_name, netlink::mac_text(host_mac), attachment.mtu, ""});
  out.interfaces.push_back({attachment.ifname, netlink::mac_text(attachment.mac), attachment.mtu, netns});
  out.ips = attachment.ips;
  for (Ip& ip : out.ips) ip.interface = out.interfaces.size() - 1;
  out.routes = attachment.routes;
  return out;
}

// Of the routes that the pod needs those that no other interface of it has: the first interface keeps the default
// route when a second network is attached, and after that is detached again.
base::Status keep_missing_routes(netlink::Socket& pod, const std::vector<netlink::Link>& links,
                                 std::vector<RouteEntry>& wanted) {
  if (links.size() <= 1) return {};  // only lo
  base::Result<std::vector<netlink::Route>> present = pod.routes();
  if (!present.ok()) return present.error();
  std::erase_if(wanted, [&](const RouteEntry& entry) {
    return std::any_of(present->begin(), present->end(), [&](const netlink::Route& route) {
      return route.destination == entry.destination && route.table == netlink::Route{}.table;
    });
  });
  return {};
}

// One table for each bridge, so that two networks of one node do not replace each other's.
base::Status masquerade(const Config& config, const kubenet::Bridge& bridge) {
  netlink::Masquerade rules{"bailey-" + bridge.name, {}, config.non_masquerade};
  for (const ipam::Pool::Block& block : bridge.blocks) {
    rules.sources.push_back(block.prefix);
    rules.except.push_back(block.prefix);
  }
  return netlink::set_masquerade(rules);
}

// Gives the attachment its addresses and makes it. Gives back the bridge, where the model has one.
base::Result<std::optional<netlink::Link>> wire(const Config& config, Ends& ends,
                                                const std::vector<netlink::Link>& links,
                                                const std::vector<model::Address>& addresses, Attachment& attachment) {
  kubenet::Bridge bridge = kubenet::bridge_of(config.bridge, config.pool, attachment.mtu);
  bool routed = config.model == NetworkModel::vnet;
  routed ? vnet::plan(attachment, addresses) : kubenet::plan(attachment, bridge, addresses);
  bool chosen = attachment.mac != netlink::Mac{};
  if (!chosen) attachment.mac = routed ? mac_of(attachment.host_name) : kubenet::pod_mac(addresses);
  if (base::Status done = keep_missing_routes(ends.pod, links, attachment.routes); !done.ok()) return done.error();
  if (base::Status done = enable_forwarding(attachment.ips); !done.ok()) return done.error();
  std::optional<netlink::Link> made;
  base::Status wired;
  if (routed) {
    wired = vnet::wire(ends.node, ends.pod, ends.pod_namespace.get(), attachment);
  } else {
    base::Result<netlink::Link> link = kubenet::ensure_bridge(ends.node, bridge);
    if (!link.ok()) return link.error();
    made = link.value();
    if (config.masquerade) wired = masquerade(config, bridge);
    if (wired.ok()) wired = kubenet::wire(ends.node, ends.pod, ends.pod_namespace.get(), attachment, *made);
  }
  if (!wired.ok()) return wired.error();
  return made;
}

ipam::sys::Options lease_options(const Config& config) { return {static_cast<int>(config.cool_down_s), {}}; }

ipam::sys::Owner owner_of(const Environment& environment, const Config& config, const Ends& ends) {
  ipam::sys::Owner out{environment.container_id, environment.ifname, config.name, environment.args.pod_namespace,
                       environment.args.pod_name};
  out.pod_uid = environment.args.pod_uid;
  out.netns = environment.netns;
  out.netns_inode = inode_of(ends.pod_namespace);
  out.node_inode = inode_of(ends.node_namespace);
  return out;
}

// A runtime that makes a pod's sandbox anew may never say what became of the former one. Its link goes before its
// addresses do, so that nothing answers to them any more when they are given again.
base::Status free_older_sandbox(Leases& leases, netlink::Socket& node, const ipam::sys::Owner& owner) {
  base::Result<std::optional<ipam::sys::Owner>> older = leases.older_sandbox(owner);
  if (!older.ok()) return older.error();
  if (!older.value()) return {};
  base::Result<ipam::sys::Lock> lock = leases.lock(older.value()->container);
  if (!lock.ok()) return lock.error();
  base::Status removed = disconnect(node, host_link_name(older.value()->container, owner.ifname));
  if (!removed.ok()) return removed;
  auto freed = leases.release(older.value()->container, owner.ifname);
  return freed.ok() ? base::Status() : base::Status(freed.error());
}

// With the locks of pod and container held.
Outcome<std::string> attach(const Environment& environment, const Config& config, Ends& ends, Leases& leases,
                            const ipam::sys::Owner& owner) {
  base::Result<std::vector<netlink::Link>> links = ends.pod.links();
  if (!links.ok()) return io_failure(links.error());
  if (std::any_of(links->begin(), links->end(),
                  [&](const netlink::Link& link) { return link.name == environment.ifname; }))
    return Failure{Code::interface_exists,
                   "CNI_IFNAME: " + environment.ifname + " exists in " + environment.netns + " already", ""};
  Outcome<Attachment> begun = begin_attachment(environment, config, ends.node);
  if (auto* failure = std::get_if<Failure>(&begun)) return *failure;
  Attachment& attachment = std::get<Attachment>(begun);
  if (base::Status freed = free_older_sandbox(leases, ends.node, owner); !freed.ok()) return io_failure(freed.error());
  base::Result<std::vector<model::Address>> addresses = leases.allocate(config.pool, owner, config.requested);
  if (!addresses.ok()) return lease_failure(addresses.error());

  bool refused = false;
  NodeAgent agent(config.agent_socket);
  if (!config.agent_socket.empty())
    attachment.guard = [&](int link) {
      base::Status attached = agent.attach(environment, attachment, link);
      refused = !attached.ok();
      return attached;
    };
  auto wired = wire(config, ends, links.value(), addresses.value(), attachment);
  if (!wired.ok()) {
    Failure failure = io_failure(wired.error());
    if (refused) failure.code = Code::try_again;
    if (!config.agent_socket.empty()) agent.detach(environment);
    if (base::Status undone = disconnect(ends.node, attachment.host_name); !undone.ok()) {
      // Something may still answer to the addresses: they stay taken until DEL or GC can remove the link.
      failure.details = "not undone: " + undone.error().text();
    } else if (auto freed = leases.release(environment.container_id, environment.ifname); !freed.ok()) {
      failure.details = "not undone: " + freed.error().text();
    }
    return failure;
  }
  AddResult result = result_of(attachment, wired.value(), environment.netns);
  return result_json(result, config.version, config.previous, config.dns).dump() + "\n";
}

Outcome<std::string> add(const Environment& environment, const Config& config) {
  Outcome<Ends> opened = open_ends(environment);
  if (auto* failure = std::get_if<Failure>(&opened)) return *failure;
  Ends& ends = std::get<Ends>(opened);
  base::Result<Leases> leases = Leases::open(config.ipam_dir, lease_options(config));
  if (!leases.ok()) return io_failure(leases.error());
  ipam::sys::Owner owner = owner_of(environment, config, ends);
  base::Result<ipam::sys::Lock> pod = leases->lock_pod(owner);
  if (!pod.ok()) return io_failure(pod.error());
  base::Result<ipam::sys::Lock> container = leases->lock(environment.container_id);
  if (!container.ok()) return io_failure(container.error());
  return attach(environment, config, ends, leases.value(), owner);
}

Outcome<std::string> del(const Environment& environment, const Config& config) {
  std::optional<Leases> leases;
  ipam::sys::Lock lock;
  base::Result<Leases> opened = Leases::open_existing(config.ipam_dir, lease_options(config));
  if (!opened.ok() && opened.error().code != ENOENT) return io_failure(opened.error());
  if (opened.ok()) {
    leases = std::move(opened).value();
    base::Result<ipam::sys::Lock> locked = leases->lock(environment.container_id);
    if (!locked.ok()) return io_failure(locked.error());
    lock = std::move(locked).value();
  }
  base::Status removed = disconnect_detached(host_link_name(environment.container_id, environment.ifname));
  if (!config.agent_socket.empty()) NodeAgent(config.agent_socket).detach(environment);
  if (leases) {
    auto freed = leases->release(environment.container_id, environment.ifname);
    if (!freed.ok()) return io_failure(freed.error());
  }
  if (!removed.ok()) return io_failure(removed.error());
  return std::string();
}

Outcome<std::string> check(const Environment& environment, const Config& config) {
  Outcome<AddResult> expected = parse_result(config.previous);
  if (auto* failure = std::get_if<Failure>(&expected)) return *failure;
  Outcome<Ends> ends = open_ends(environment);
  if (auto* failure = std::get_if<Failure>(&ends)) return *failure;
  base::Result<Leases> leases = Leases::open(config.ipam_dir, lease_options(config));
  if (!leases.ok()) return io_failure(leases.error());
  base::Result<ipam::sys::Lock> lock = leases->lock(environment.container_id);
  if (!lock.ok()) return io_failure(lock.error());
  Ends& open = std::get<Ends>(ends);
  base::Result<std::vector<std::string>> differences =
      find_differences(environment, config, std::get<AddResult>(expected), open.node, open.pod, leases.value());
  if (!differences.ok()) return io_failure(differences.error());
  if (differences->empty()) return std::string();
  return Failure{Code::check_failed, "CHECK: " + differences->front(), base::join(differences.value(), "; ")};
}

// Two proofs before an address is free: the runtime does not know the attachment, and its link is gone (made to go
// here). Where the link cannot be removed the lease stays.
Outcome<std::string> gc(const Environment&, const Config& config) {
  base::Result<Leases> leases = Leases::open_existing(config.ipam_dir, lease_options(config));
  if (!leases.ok() && leases.error().code == ENOENT) return std::string();
  if (!leases.ok()) return io_failure(leases.error());
  base::Result<netlink::Socket> node = netlink::Socket::open();
  if (!node.ok()) return io_failure(node.error());
  std::set<std::pair<std::string, std::string>> valid(config.valid_attachments.begin(), config.valid_attachments.end());
  auto decide = [&](const ipam::sys::Lease& lease) -> base::Result<std::optional<std::string>> {
    bool known = valid.contains({lease.owner.container, lease.owner.ifname});
    if (lease.damaged() || lease.owner.network != config.name || known) return std::optional<std::string>();
    base::Status removed = disconnect(node.value(), host_link_name(lease.owner.container, lease.owner.ifname));
    if (!removed.ok()) return removed.error();
    return std::optional<std::string>("not among the runtime's valid attachments");
  };
  base::Result<ipam::sys::GcReport> report = leases->gc(decide);
  if (!report.ok()) return io_failure(report.error());
  std::string problems;
  for (const ipam::sys::GcReport::Kept& kept : report->kept)
    problems += (problems.empty() ? "" : "; ") + kept.error.text();
  if (problems.empty() && report->error) problems = report->error->text();
  if (!problems.empty()) return Failure{Code::io_failure, "GC: not everything could be removed", problems};
  return std::string();
}

Outcome<std::string> status(const Environment&, const Config& config) {
  if (config.model == NetworkModel::kubenet) {
    base::Result<netlink::Socket> node = netlink::Socket::open();
    base::Status usable = node.ok() ? kubenet::check_name(node.value(), config.bridge) : base::Status(node.error());
    if (!usable.ok()) return Failure{Code::not_available, usable.error().text(), ""};
  }
  if (!config.agent_socket.empty())
    if (base::Status reached = NodeAgent(config.agent_socket).reach(); !reached.ok())
      return Failure{Code::not_available, reached.error().text(), ""};
  base::Result<Leases> leases = Leases::open(config.ipam_dir, lease_options(config));
  if (!leases.ok()) return Failure{Code::not_available, leases.error().text(), ""};
  for (model::Family family : config.pool.families()) {
    base::Result<ipam::sys::Usage> usage = leases->usage(config.pool, family);
    if (!usage.ok()) return Failure{Code::not_available, usage.error().text(), ""};
    if (usage->used >= usage->size)
      return Failure{Code::not_available,
                     "no address is free in " + config.pool.text(family) + " (size " + ipam::count_text(usage->size) +
                         ", used " + std::to_string(usage->used) + ", cooling " + std::to_string(usage->cooling) + ")",
                     ""};
  }
  return std::string();
}

Outcome<std::string> carry_out(const Environment& environment, const Config& config) {
  switch (environment.command) {
    case Command::add: return add(environment, config);
    case Command::del: return del(environment, config);
    case Command::check: return check(environment, config);
    case Command::gc: return gc(environment, config);
    case Command::status: return status(environment, config);
    case Command::version: break;
  }
  return std::string();
}

Answer failed(const Failure& failure, Version version) { return {1, failure_json(failure, version).dump() + "\n"}; }

}  // namespace

Answer run(const Variables& variables, const std::string& input) {
  Outcome<base::Json> text = parse_text(input);
  const base::Json* json = std::get_if<base::Json>(&text);
  Version version = json ? version_of(*json) : newest_version;
  Outcome<Environment> environment = parse_environment(variables);
  if (auto* failure = std::get_if<Failure>(&environment)) return failed(*failure, version);
  const Environment& known = std::get<Environment>(environment);
  if (known.command == Command::version)
    return {0, version_json(json ? (*json)["cniVersion"].as_string() : "").dump() + "\n"};
  if (auto* failure = std::get_if<Failure>(&text)) return failed(*failure, version);
  Outcome<Config> config = parse_config(*json, known);
  if (auto* failure = std::get_if<Failure>(&config)) return failed(*failure, version);
  Outcome<std::string> outcome = carry_out(known, std::get<Config>(config));
  if (auto* failure = std::get_if<Failure>(&outcome)) return failed(*failure, version);
  return {0, std::get<std::string>(outcome)};
}

}  // namespace bailey::cni::sys
