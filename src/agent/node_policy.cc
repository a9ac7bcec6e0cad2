#include "agent/node_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "cni/sys/wiring.h"
#include "io/loop.h"
#include "ipam/sys/leases.h"
#include "model/resolve/services.h"
#include "netlink/netlink.h"

namespace bailey::agent {
namespace {

using datapath::sys::PathEvent;
using model::Kind;

bool matters(Kind kind) {
  return kind == Kind::Namespace || kind == Kind::Node || kind == Kind::Pod || kind == Kind::NetworkPolicy;
}

datapath::sys::Settings settings_of(const Config& config) {
  datapath::sys::Settings out;
  out.pins = config.pins;
  out.uplink = config.uplink.value_or("");
  out.routed = config.routed;
  out.redirect = config.redirect;
  out.connections = config.connections;
  out.events_per_second = config.events_per_second;
  return out;
}

const char* direction_field(datapath::Direction direction) {
  return direction == datapath::Direction::ingress ? "ingress" : "egress";
}

}  // namespace

NodePolicy::NodePolicy(const Config& config, datapath::sys::PodPath path)
    : config_(config), path_(std::move(path)), compiler_(config.node, path_.ids()), log_(config.node) {}

base::Result<NodePolicy> NodePolicy::open(const Config& config) {
  base::Result<datapath::sys::PodPath> path = datapath::sys::PodPath::open(settings_of(config));
  if (!path.ok()) return path.error();
  return NodePolicy(config, std::move(path).value());
}

base::Result<ChangeOutcome> NodePolicy::change(const std::vector<model::Event>& events, bool replace) {
  std::vector<model::Event> relevant;
  for (const model::Event& event : events)
    if (event.object && matters(model::meta(*event.object).kind)) relevant.push_back(event);
  objects_ = model::reduce(replace ? model::Snapshot() : objects_, relevant);
  ready_ = true;
  return apply();
}

// The runtime knows first which address a pod of this node has got, and knows best: no other pod has it, whatever its
// object still says.
model::Snapshot NodePolicy::with_attached_addresses() {
  std::map<model::ObjectRef, const Attached*> here;
  std::map<model::Address, const Attached*> holders;
  for (const auto& [link, pod] : attached_) {
    if (!pod.attachment.pod.name.empty()) here[pod.attachment.pod] = &pod;
    for (const model::Address& address : pod.attachment.addresses) holders[address] = &pod;
  }
  std::vector<model::Event> events;
  std::map<model::ObjectRef, Completed> used;
  for (const auto& row : objects_.all<model::Pod>()) {
    auto own = row->spec.node_name == config_.node ? here.find(row->meta.ref()) : here.end();
    std::vector<model::Address> addresses = own != here.end() ? own->second->attachment.addresses : row->addresses;
    if (own == here.end())
      std::erase_if(addresses, [&](const model::Address& address) { return holders.contains(address); });
    bool running = own != here.end() && row->finished();  // its link is here
    if (addresses == row->addresses && !running) continue;
    Completed known = with_addresses_[row->meta.ref()];
    if (known.given != row || known.completed->addresses != addresses) {
      auto copy = std::make_shared<model::Pod>(*row);
      copy->addresses = std::move(addresses);
      if (running) copy->phase = "Running";
      known = {row, std::move(copy)};
    }
    events.push_back({model::Event::Type::modified, model::AnyObject(known.completed)});
    used.emplace(row->meta.ref(), std::move(known));
  }
  with_addresses_ = std::move(used);
  return model::reduce(objects_, events);
}

base::Result<ChangeOutcome> NodePolicy::apply() {
  std::int64_t began = io::now_ns();
  completed_ = with_attached_addresses();
  maps_ = &compiler_.compile(completed_);
  base::Result<datapath::sys::Applied> applied = path_.apply(*maps_);
  names_stand_ = false;
  if (!applied.ok()) {
    last_error_ = applied.error().text();
    return applied.error();
  }
  last_error_.clear();
  last_apply_ms_ = static_cast<double>(io::now_ns() - began) / 1e6;
  longest_apply_ms_ = std::max(longest_apply_ms_, last_apply_ms_);
  return ChangeOutcome{*applied, last_apply_ms_};
}

base::Status NodePolicy::attach(Attached pod) {
  base::Status done = path_.attach(pod.attachment);
  if (!done.ok()) return done;
  // Another sandbox of the pod that was left behind says nothing about it any more.
  std::erase_if(attached_, [&](const auto& row) {
    bool same = row.first != pod.link && !pod.attachment.pod.name.empty() && row.second.ifname == pod.ifname &&
                row.second.attachment.pod == pod.attachment.pod;
    if (same) path_.remove(row.second.attachment.link_index);
    return same;
  });
  std::string link = pod.link;
  attached_[link] = std::move(pod);
  if (!ready_) return {};
  base::Result<ChangeOutcome> applied = apply();
  return applied.ok() ? base::Status() : base::Status(applied.error());
}

void NodePolicy::try_again() {
  if (!last_error_.empty()) (void)apply();
}

bool NodePolicy::in_force(const std::string& link) const {
  auto pod = attached_.find(link);
  if (pod == attached_.end() || !ready_ || !last_error_.empty()) return false;
  const model::ObjectRef& ref = pod->second.attachment.pod;
  return ref.name.empty() || (maps_ && maps_->endpoints.contains(ref));
}

void NodePolicy::detach(const std::string& container, const std::string& ifname) {
  std::erase_if(attached_, [&](const auto& row) {
    bool same = row.second.container == container && row.second.ifname == ifname;
    if (same) path_.remove(row.second.attachment.link_index);
    return same;
  });
}

void NodePolicy::forget_gone() {
  base::Result<netlink::Socket> socket = netlink::Socket::open();
  if (!socket.ok()) return;
  base::Result<std::vector<netlink::Link>> links = socket->links();
  if (!links.ok()) return;
  std::set<int> here;
  for (const netlink::Link& link : *links) here.insert(link.index);
  for (int link : path_.links())
    if (!here.contains(link)) path_.remove(link);
  std::erase_if(attached_, [&](const auto& row) { return !here.contains(row.second.attachment.link_index); });
}

base::Status NodePolicy::find_pods() {
  forget_gone();
  base::Result<ipam::sys::Leases> leases = ipam::sys::Leases::open_to_read(config_.ipam_dir);
  if (!leases.ok()) return leases.error().code == ENOENT ? base::Status() : base::Status(leases.error());
  base::Result<std::vector<ipam::sys::Lease>> list = leases->list();
  if (!list.ok()) return list.error();
  base::Result<netlink::Socket> socket = netlink::Socket::open();
  if (!socket.ok()) return socket.error();
  base::Result<std::vector<netlink::Neighbour>> neighbours = socket->neighbours();
  if (!neighbours.ok()) return neighbours.error();
  std::map<std::string, Attached> found;
  for (const ipam::sys::Lease& lease : *list) {
    if (lease.damaged() || lease.earlier_boot) continue;
    std::string link = cni::sys::host_link_name(lease.owner.container, lease.owner.ifname);
    base::Result<int> index = socket->index_of(link);
    if (!index.ok()) continue;
    Attached& pod = found[link];
    pod.container = lease.owner.container;
    pod.ifname = lease.owner.ifname;
    pod.link = link;
    pod.attachment.link_index = *index;
    if (!lease.owner.pod_name.empty())
      pod.attachment.pod = {Kind::Pod, lease.owner.pod_namespace, lease.owner.pod_name};
    pod.attachment.addresses.push_back(lease.address);
    for (const netlink::Neighbour& neighbour : *neighbours)
      if (neighbour.link_index == *index && neighbour.address == lease.address) pod.attachment.mac = neighbour.mac;
  }
  base::Status first;
  for (auto& [link, pod] : found) {
    base::Status done = path_.attach(pod.attachment);
    if (!done.ok() && first.ok()) first = done;
    attached_[link] = std::move(pod);
  }
  return first;
}

std::string NodePolicy::name_of(const model::Address& address) {
  if (!names_stand_) {
    names_.clear();
    for (const auto& pod : completed_.all<model::Pod>())
      if (!pod->spec.host_network && !pod->finished())
        for (const model::Address& each : model::resolve::pod_addresses(completed_, *pod))
          names_[each] = "pod/" + pod->meta.ns + "/" + pod->meta.name;
    for (const auto& node : completed_.all<model::Node>())
      for (const model::Address& each : node->addresses) names_[each] = "node/" + node->meta.name;
    names_stand_ = true;
  }
  auto known = names_.find(address);
  return known != names_.end() ? known->second : address.text();
}

std::string NodePolicy::decider_of(const PathEvent& event) const {
  if (event.by && maps_) {
    auto policy = maps_->policies.find(event.by->policy);
    return policy != maps_->policies.end() ? policy->second.text() : "";
  }
  if (event.kind != PathEvent::Kind::drop || !event.reason.starts_with("policy-")) return "";
  for (const auto& [link, pod] : attached_) {
    if (pod.attachment.link_index != event.link_index) continue;
    const auto* object = completed_.find<model::Pod>(pod.attachment.pod);
    if (!object) return "";
    for (const auto& policy : completed_.all<model::NetworkPolicy>()) {
      bool speaks = event.reason == std::string("policy-") + direction_field(datapath::Direction::ingress)
                        ? policy->ingress
                        : policy->egress;
      if (speaks && policy->meta.ns == object->meta.ns && policy->pod_selector.matches(object->meta.labels))
        return policy->meta.ref().text();
    }
  }
  return "";
}

base::Status NodePolicy::read_events() {
  FlowNames names{[this](const model::Address& address) { return name_of(address); },
                  [this](const PathEvent& event) { return decider_of(event); }};
  return path_.read_events([&](const PathEvent& event) { log_.add(event, names); });
}

base::Json NodePolicy::status() const {
  base::Json pods = base::Json::array();
  for (const auto& [link, pod] : attached_) {
    base::Json row = base::Json::object().set("container", pod.container).set("namespace", pod.attachment.pod.ns);
    row.set("name", pod.attachment.pod.name).set("link", link).set("pending", !in_force(link));
    base::Json addresses = base::Json::array();
    for (const model::Address& address : pod.attachment.addresses) addresses.push(address.text());
    base::Json isolated = base::Json::object().set("ingress", false).set("egress", false);
    if (auto at = maps_ ? maps_->endpoints.find(pod.attachment.pod) : decltype(maps_->endpoints.end()){};
        maps_ && at != maps_->endpoints.end())
      isolated.set("ingress", at->second.isolated[0]).set("egress", at->second.isolated[1]);
    pods.push(row.set("addresses", std::move(addresses)).set("isolated", std::move(isolated)));
  }
  base::Json out = base::Json::object().set("node", config_.node).set("ready", ready_);
  out.set("source", config_.files.empty() ? "socket" : "files").set("attached_by", path_.attached_by());
  out.set("epoch", path_.epoch()).set("pods", std::move(pods));
  out.set("identities", static_cast<std::int64_t>(maps_ ? maps_->ipcache.size() : 0));
  out.set("entries", static_cast<std::int64_t>(maps_ ? maps_->entries.size() : 0));
  base::Result<datapath::sys::PathCounts> counts = path_.counts();
  if (counts.ok()) {
    base::Json drops = base::Json::object();
    for (const auto& drop : counts->drops) drops.set(drop.reason, drop.packets);
    out.set("drops", std::move(drops));
    out.set("events", base::Json::object().set("left_out", counts->events_left_out).set("lost", counts->events_lost));
  }
  if (base::Result<datapath::sys::PodPath::Use> use = path_.connection_use(); use.ok())
    out.set("connections", base::Json::object()
                               .set("held", use->held)
                               .set("size", use->size)
                               .set("percent", use->held * 100 / std::max<std::uint64_t>(1, use->size)));
  return out.set("last_error", last_error_.empty() ? base::Json() : base::Json(last_error_));
}

std::string NodePolicy::metrics() const {
  std::string out;
  auto metric = [&](const std::string& name, const char* type, const char* help) {
    out += fmt::format("# HELP bailey_policy_{0} {2}\n# TYPE bailey_policy_{0} {1}\n", name, type, help);
  };
  auto one = [&](const std::string& name, const char* type, const char* help, auto value) {
    metric(name, type, help);
    out += fmt::format("bailey_policy_{} {}\n", name, value);
  };
  if (base::Result<datapath::sys::PathCounts> counts = path_.counts(); counts.ok()) {
    metric("drops_total", "counter", "Packets dropped, by reason.");
    for (const auto& drop : counts->drops)
      out += fmt::format("bailey_policy_drops_total{{reason=\"{}\"}} {}\n", drop.reason, drop.packets);
    metric("drop_bytes_total", "counter", "Bytes of packets dropped, by reason.");
    for (const auto& drop : counts->drops)
      out += fmt::format("bailey_policy_drop_bytes_total{{reason=\"{}\"}} {}\n", drop.reason, drop.bytes);
    metric("redirected_packets_total", "counter", "Packets that went past the stack.");
    out += fmt::format("bailey_policy_redirected_packets_total{{to=\"pod\"}} {}\n", counts->to_pod);
    out += fmt::format("bailey_policy_redirected_packets_total{{to=\"uplink\"}} {}\n", counts->to_uplink);
    one("connections_opened_total", "counter", "Connections opened.", counts->connections);
    one("connections_untracked_total", "counter", "Let pass by policy, but not taken by the table.",
        counts->connections_untracked);
    one("events_left_out_total", "counter", "Flow events beyond the budget.", counts->events_left_out);
    one("events_lost_total", "counter", "Flow events that nobody read in time.", counts->events_lost);
  }
  if (base::Result<datapath::sys::PodPath::Use> use = path_.connection_use(); use.ok()) {
    one("connections", "gauge", "Connections in the table.", use->held);
    one("connections_size", "gauge", "Connections that the table can hold.", use->size);
  }
  metric("endpoints", "gauge", "Pods of this node, by whether their policies are in force.");
  auto pending =
      std::count_if(attached_.begin(), attached_.end(), [&](const auto& row) { return !in_force(row.first); });
  out += fmt::format("bailey_policy_endpoints{{state=\"ready\"}} {}\n",
                     static_cast<std::int64_t>(attached_.size()) - pending);
  out += fmt::format("bailey_policy_endpoints{{state=\"pending\"}} {}\n", pending);
  one("identities", "gauge", "Addresses and blocks with an identity.", maps_ ? maps_->ipcache.size() : 0);
  one("entries", "gauge", "Entries of policies.", maps_ ? maps_->entries.size() : 0);
  one("epoch", "counter", "Changes that were made.", path_.epoch());
  one("apply_seconds", "gauge", "How long the last change took.", last_apply_ms_ / 1e3);
  one("apply_seconds_max", "gauge", "How long the longest change took.", longest_apply_ms_ / 1e3);
  return out;
}

}  // namespace bailey::agent
