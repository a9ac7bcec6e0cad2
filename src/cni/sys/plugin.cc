// The commands. Each holds the container's lock from beginning to end, so that an ADD and a DEL of one container
// never cross. ADD takes the lease first and gives it back last when it fails; DEL removes the link first and
// then the lease, so that no address is free while something still answers to it, and it gives the lease back
// even when the link cannot be removed.
#include "cni/sys/plugin.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "cni/config.h"
#include "cni/sys/vnet.h"
#include "ipam/sys/leases.h"
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

// The sockets of one attachment.
struct Ends {
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
  return Ends{std::move(target).value(), std::move(node).value(), std::move(pod).value()};
}

Outcome<Attachment> plan_attachment(const Environment& environment, const Config& config, netlink::Socket& node) {
  Attachment out;
  out.ifname = environment.ifname;
  out.host_name = host_link_name(environment.container_id, environment.ifname);
  out.mac = pod_mac(environment.container_id, environment.ifname);
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

AddResult result_of(const Attachment& attachment, const std::string& netns) {
  AddResult out;
  out.interfaces = {{attachment.host_name, netlink::mac_text(host_mac), attachment.mtu, ""},
                    {attachment.ifname, netlink::mac_text(attachment.mac), attachment.mtu, netns}};
  for (const model::Address& address : attachment.addresses)
    out.ips.push_back({address, address.bits(), pod_gateway(address.family()), 1});
  out.routes = attachment.routes;
  return out;
}

// Of the routes that the pod needs those that no other interface of it has: the first interface keeps the default
// route when a second network is attached, and after that is detached again.
base::Result<std::vector<RouteEntry>> missing_routes(netlink::Socket& pod, const std::vector<netlink::Link>& links,
                                                     const std::vector<model::Address>& addresses) {
  std::vector<RouteEntry> wanted = pod_routes(addresses);
  if (links.size() <= 1) return wanted;  // only lo
  base::Result<std::vector<netlink::Route>> present = pod.routes();
  if (!present.ok()) return present.error();
  std::erase_if(wanted, [&](const RouteEntry& entry) {
    return std::any_of(present->begin(), present->end(), [&](const netlink::Route& route) {
      return route.destination == entry.destination && route.table == netlink::Route{}.table;
    });
  });
  return wanted;
}

Outcome<std::string> add(const Environment& environment, const Config& config) {
  Outcome<Ends> opened = open_ends(environment);
  if (auto* failure = std::get_if<Failure>(&opened)) return *failure;
  Ends& ends = std::get<Ends>(opened);
  base::Result<Leases> leases = Leases::open(config.ipam_dir);
  if (!leases.ok()) return io_failure(leases.error());
  base::Result<ipam::sys::Lock> lock = leases->lock(environment.container_id);
  if (!lock.ok()) return io_failure(lock.error());

  base::Result<std::vector<netlink::Link>> links = ends.pod.links();
  if (!links.ok()) return io_failure(links.error());
  if (std::any_of(links->begin(), links->end(),
                  [&](const netlink::Link& link) { return link.name == environment.ifname; }))
    return Failure{Code::interface_exists,
                   "CNI_IFNAME: " + environment.ifname + " exists in " + environment.netns + " already", ""};
  Outcome<Attachment> planned = plan_attachment(environment, config, ends.node);
  if (auto* failure = std::get_if<Failure>(&planned)) return *failure;
  Attachment& attachment = std::get<Attachment>(planned);
  ipam::sys::Owner owner{environment.container_id,
                         environment.ifname,
                         config.name,
                         environment.args.pod_namespace,
                         environment.args.pod_name,
                         "",
                         environment.netns,
                         0};
  base::Result<std::vector<model::Address>> addresses = leases->allocate(config.pool, owner, config.requested);
  if (!addresses.ok()) return lease_failure(addresses.error());
  attachment.addresses = std::move(addresses).value();

  base::Result<std::vector<RouteEntry>> routes = missing_routes(ends.pod, links.value(), attachment.addresses);
  base::Status wired;
  if (routes.ok()) {
    attachment.routes = std::move(routes).value();
    wired = wire(ends.node, ends.pod, ends.pod_namespace.get(), attachment);
  } else {
    wired = routes.error();
  }
  if (!wired.ok()) {
    Failure failure = io_failure(wired.error());
    if (base::Status undone = unwire(ends.node, attachment.host_name); !undone.ok())
      failure.details = "not undone: " + undone.error().text();
    if (auto freed = leases->release(environment.container_id, environment.ifname); !freed.ok())
      failure.details += (failure.details.empty() ? "not undone: " : "; ") + freed.error().text();
    return failure;
  }
  AddResult result = result_of(attachment, environment.netns);
  return result_json(result, config.version, config.previous, config.dns).dump() + "\n";
}

Outcome<std::string> del(const Environment& environment, const Config& config) {
  std::optional<Leases> leases;
  ipam::sys::Lock lock;
  base::Result<Leases> opened = Leases::open_existing(config.ipam_dir);
  if (!opened.ok() && opened.error().code != ENOENT) return io_failure(opened.error());
  if (opened.ok()) {
    leases = std::move(opened).value();
    base::Result<ipam::sys::Lock> locked = leases->lock(environment.container_id);
    if (!locked.ok()) return io_failure(locked.error());
    lock = std::move(locked).value();
  }
  base::Status removed;
  base::Result<netlink::Socket> node = netlink::Socket::open();
  removed = node.ok() ? unwire(node.value(), host_link_name(environment.container_id, environment.ifname))
                      : base::Status(node.error());
  if (leases) {
    auto freed = leases->release(environment.container_id, environment.ifname);
    if (!freed.ok()) return io_failure(freed.error());
  }
  if (!removed.ok()) return io_failure(removed.error());
  return std::string();
}

// Collects what is not as prevResult says.
class Check {
 public:
  Check(const Environment& environment, const AddResult& expected) : environment_(environment), expected_(expected) {}

  base::Status look(Ends& ends, Leases& leases) {
    if (base::Status done = look_at_links(ends); !done.ok()) return done;
    if (base::Status done = look_at_pod(ends.pod); !done.ok()) return done;
    if (base::Status done = look_at_node(ends.node); !done.ok()) return done;
    return look_at_leases(leases);
  }
  const std::vector<std::string>& differences() const { return differences_; }

 private:
  void differs(std::string what) { differences_.push_back(std::move(what)); }

  void look_at_link(const std::optional<netlink::Link>& link, const Interface& interface) {
    if (!link) return differs("interface " + interface.name + " is missing");
    std::optional<netlink::Mac> mac = netlink::parse_mac(interface.mac);
    if (mac && *mac != link->mac)
      differs("interface " + interface.name + " has MAC " + netlink::mac_text(link->mac) + ", not " + interface.mac);
    if (!link->up) differs("interface " + interface.name + " is down");
  }

  base::Status look_at_links(Ends& ends) {
    std::string host_name = host_link_name(environment_.container_id, environment_.ifname);
    bool pod_seen = false;
    bool host_seen = false;
    for (std::size_t i = 0; i < expected_.interfaces.size(); ++i) {
      const Interface& interface = expected_.interfaces[i];
      bool of_pod = interface.name == environment_.ifname && interface.sandbox == environment_.netns;
      bool of_host = interface.name == host_name && interface.sandbox.empty();
      if (!of_pod && !of_host) continue;  // another plugin's
      auto link = (of_pod ? ends.pod : ends.node).link(interface.name);
      if (!link.ok()) return link.error();
      look_at_link(link.value(), interface);
      if (of_pod) {
        pod_seen = true;
        pod_interface_ = i;
        if (link.value()) pod_link_ = link.value()->index;
      } else {
        host_seen = true;
        if (link.value()) host_link_ = link.value()->index;
      }
    }
    if (!pod_seen) differs("prevResult has no interface " + environment_.ifname + " in " + environment_.netns);
    if (!host_seen) differs("prevResult has no interface " + host_name + " of the node");
    return {};
  }

  base::Status look_at_pod(netlink::Socket& pod) {
    base::Result<std::vector<netlink::InterfaceAddress>> addresses = pod.addresses();
    if (!addresses.ok()) return addresses.error();
    for (const Ip& ip : expected_.ips) {
      if (ip.interface != pod_interface_) continue;
      ours_.push_back(ip.address);
      netlink::InterfaceAddress wanted{pod_link_, ip.address, ip.prefix_length};
      if (std::find(addresses->begin(), addresses->end(), wanted) == addresses->end())
        differs("address " + ip.address.text() + "/" + std::to_string(ip.prefix_length) + " is missing on " +
                environment_.ifname);
    }
    if (ours_.empty()) differs("prevResult has no address of " + environment_.ifname);
    base::Result<std::vector<netlink::Route>> routes = pod.routes();
    if (!routes.ok()) return routes.error();
    for (const RouteEntry& entry : expected_.routes) {
      bool there = std::any_of(routes->begin(), routes->end(), [&](const netlink::Route& route) {
        return route.destination == entry.destination && (!entry.gateway || route.gateway == entry.gateway);
      });
      if (!there)
        differs("route to " + entry.destination.text() + (entry.gateway ? " via " + entry.gateway->text() : "") +
                " is missing in the pod");
    }
    return {};
  }

  base::Status look_at_node(netlink::Socket& node) {
    base::Result<std::vector<netlink::Route>> routes = node.routes();
    if (!routes.ok()) return routes.error();
    for (const model::Address& address : ours_) {
      bool there = std::any_of(routes->begin(), routes->end(), [&](const netlink::Route& route) {
        return route.destination == model::Prefix::host(address) && route.link_index == host_link_;
      });
      if (!there) differs("the node's route to " + address.text() + " is missing");
    }
    return {};
  }

  base::Status look_at_leases(Leases& leases) {
    base::Result<std::vector<ipam::sys::Lease>> list = leases.list();
    if (!list.ok()) return list.error();
    for (const model::Address& address : ours_) {
      bool there = std::any_of(list->begin(), list->end(), [&](const ipam::sys::Lease& lease) {
        return lease.address == address && lease.owner.container == environment_.container_id &&
               lease.owner.ifname == environment_.ifname;
      });
      if (!there) differs("the lease of " + address.text() + " is missing or another's");
    }
    return {};
  }

  const Environment& environment_;
  const AddResult& expected_;
  std::vector<std::string> differences_;
  std::optional<std::size_t> pod_interface_ = SIZE_MAX;  // matches no address until it is found
  int pod_link_ = 0;
  int host_link_ = 0;
  std::vector<model::Address> ours_;
};

Outcome<std::string> check(const Environment& environment, const Config& config) {
  Outcome<AddResult> expected = parse_result(config.previous);
  if (auto* failure = std::get_if<Failure>(&expected)) return *failure;
  Outcome<Ends> ends = open_ends(environment);
  if (auto* failure = std::get_if<Failure>(&ends)) return *failure;
  base::Result<Leases> leases = Leases::open(config.ipam_dir);
  if (!leases.ok()) return io_failure(leases.error());
  base::Result<ipam::sys::Lock> lock = leases->lock(environment.container_id);
  if (!lock.ok()) return io_failure(lock.error());
  Check check(environment, std::get<AddResult>(expected));
  if (base::Status looked = check.look(std::get<Ends>(ends), leases.value()); !looked.ok())
    return io_failure(looked.error());
  if (check.differences().empty()) return std::string();
  std::string all;
  for (const std::string& each : check.differences()) all += (all.empty() ? "" : "; ") + each;
  return Failure{Code::check_failed, "CHECK: " + check.differences()[0], all};
}

Outcome<std::string> gc(const Environment&, const Config& config) {
  base::Result<Leases> leases = Leases::open_existing(config.ipam_dir);
  if (!leases.ok() && leases.error().code == ENOENT) return std::string();
  if (!leases.ok()) return io_failure(leases.error());
  auto decide = [&](const ipam::sys::Lease& lease) -> base::Result<std::optional<std::string>> {
    std::pair<std::string, std::string> attachment{lease.owner.container, lease.owner.ifname};
    bool valid = std::find(config.valid_attachments.begin(), config.valid_attachments.end(), attachment) !=
                 config.valid_attachments.end();
    if (lease.damaged() || lease.owner.network != config.name || valid) return std::optional<std::string>();
    return std::optional<std::string>("not among the runtime's valid attachments");
  };
  base::Result<ipam::sys::GcReport> freed = leases->gc(decide);
  if (!freed.ok()) return io_failure(freed.error());
  base::Result<netlink::Socket> node = netlink::Socket::open();
  if (!node.ok()) return io_failure(node.error());
  std::string problems;
  if (freed->error) problems = freed->error->text();
  for (const auto& [lease, reason] : freed->freed) {
    base::Status removed = unwire(node.value(), host_link_name(lease.owner.container, lease.owner.ifname));
    if (!removed.ok()) problems += (problems.empty() ? "" : "; ") + removed.error().text();
  }
  if (!problems.empty()) return Failure{Code::io_failure, "GC: not everything could be removed", problems};
  return std::string();
}

Outcome<std::string> status(const Environment&, const Config& config) {
  base::Result<Leases> leases = Leases::open(config.ipam_dir);
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
