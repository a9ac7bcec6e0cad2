// A change runs through seven steps; each starts the next when the agents have answered everything it asked:
//
//   begin          complete, compile, find mistakes; nothing is touched yet
//   remove_pods    pods that are gone, moved or must be made anew (DEL on their nodes)
//   change_fabric  hosts that are gone or new, then links, routes and filter; ports that hosts listen on
//   tell_policies  objects about network policy, to the agents of all nodes
//   add_pods       pods that are new (ADD on their nodes, all nodes side by side)
//   tell_addresses the addresses that new pods have got, to the agents of all nodes
//   finish         report, next change
//
// Removal comes first so that an address is free before it is handed out again, and pods come last so that a packet
// finds its way from the first moment on.
#include "lab/network.h"

#include <algorithm>

#include "io/loop.h"
#include "manifest/objects_json.h"
#include "model/resolve/interfaces.h"
#include "model/validate.h"

namespace bailey::lab {
namespace {

constexpr const char* agent_socket = "/run/bailey/agent/agent.sock";

// For so long an address that a pod had stays with its node where that is possible: others may still send to the pod.
constexpr std::int64_t cooling_ms = 30'000;

// Whether the addresses that the pod was given are still its node's to give: of its ranges, or under kubenet of its
// blocks. They always are, unless a file has claimed one, or the subnet or the pod range has changed.
bool addresses_stand(const model::Snapshot& completed, const RealisedPod& pod) {
  const auto* node = completed.find<model::Node>(model::Kind::Node, pod.host.substr(pod.host.find('/') + 1));
  if (!node || pod.host_network || !pod.pinned.empty()) return true;
  return std::all_of(pod.addresses.begin(), pod.addresses.end(), [&](const model::Address& address) {
    auto holds = [&](const auto& part) { return part.contains(address); };
    return std::any_of(node->pod_ranges.begin(), node->pod_ranges.end(), holds) ||
           std::any_of(node->pod_cidrs.begin(), node->pod_cidrs.end(), holds);
  });
}

bool same_pod(const RealisedPod& a, const RealisedPod& b) {
  return a.host == b.host && a.host_network == b.host_network && a.pinned == b.pinned &&
         a.plugin["networkModel"].as_string() == b.plugin["networkModel"].as_string();
}

base::Json ports_json(const std::set<model::Port>& ports) {
  base::Json list = base::Json::array();
  for (const model::Port& port : ports) list.push(port.text());
  return list;
}

base::Json pod_json(const RealisedPod& pod) {
  base::Json json = base::Json::object();
  json.set("id", pod.container).set("namespace", pod.ref.ns).set("name", pod.ref.name);
  json.set("ports", ports_json(pod.ports)).set("host_network", pod.host_network);
  return json.set("network", pod.plugin);
}

base::Json events_json(const std::vector<model::Event>& events) {
  base::Json list = base::Json::array();
  for (const model::Event& event : events) {
    bool deleted = event.type == model::Event::Type::deleted;
    const model::Meta& meta = model::meta(*event.object);
    base::Json object = base::Json::object().set("kind", model::name(meta.kind));
    object.set("metadata", base::Json::object().set("namespace", meta.ns).set("name", meta.name));
    if (!deleted) object = manifest::json_of(*event.object);
    list.push(base::Json::object().set("type", deleted ? "DELETED" : "MODIFIED").set("object", std::move(object)));
  }
  return list;
}

std::string error_text(const base::Json& answer) {
  if (answer["lost"].as_bool()) return "the host's process ended";
  const base::Json& error = answer["error"];
  std::string text = error["msg"].as_string();
  if (!error["details"].as_string().empty()) text += ": " + error["details"].as_string();
  return text.empty() ? error.dump() : text;
}

std::string container_id(const model::ObjectRef& ref, std::uint64_t number) {
  return (ref.ns + "_" + ref.name).substr(0, 200) + "_" + std::to_string(number);
}

}  // namespace

struct Network::Change {
  std::vector<model::Event> events;
  Done done;
  Progress progress;
  ChangeReport report;
  std::int64_t started_ns = 0;
  std::string phase;
  std::int64_t phase_ns = 0;
  Completion completion;
  model::Snapshot given;
  fabric::Desired desired;
  std::map<model::ObjectRef, Condition> set_aside;
  std::map<model::ObjectRef, RealisedPod> wanted;
  std::size_t open = 0;      // answers that this step still waits for
  std::size_t finished = 0;  // pods done, for progress
  std::size_t total = 0;
  void (Network::*next)(const std::shared_ptr<Change>&) = nullptr;
};

Network::Network(io::Loop& loop, Hosts& hosts, CompleteOptions options)
    : loop_(loop), hosts_(hosts), options_(options) {
  hosts_.on_replaced([this](const std::string& host) { host_replaced(host); });
}

Network::~Network() {
  if (cooled_timer_) loop_.cancel(*cooled_timer_);
}

void Network::change(std::vector<model::Event> events, Done done, Progress progress) {
  auto next = std::make_shared<Change>();
  next->events = std::move(events);
  next->done = std::move(done);
  next->progress = std::move(progress);
  waiting_.push_back(std::move(next));
  start_next();
}

void Network::start_next() {
  if (running_ || waiting_.empty()) return;
  running_ = waiting_.front();
  waiting_.pop_front();
  begin(running_);
}

// Closes the phase that was under way and begins the next; an empty name only closes.
void Network::enter_phase(const std::shared_ptr<Change>& change, const std::string& name) {
  std::int64_t now = io::now_ns();
  if (!change->phase.empty())
    change->report.phases.emplace_back(change->phase, static_cast<double>(now - change->phase_ns) / 1e6);
  change->phase = name;
  change->phase_ns = now;
  if (change->progress && !name.empty())
    change->progress({name, change->finished, change->total, static_cast<double>(now - change->started_ns) / 1e6});
}

void Network::step_done(const std::shared_ptr<Change>& change) {
  if (--change->open == 0) (this->*change->next)(change);
}

void Network::begin(const std::shared_ptr<Change>& change) {
  change->started_ns = io::now_ns();
  enter_phase(change, "compile");
  change->given = model::reduce(given_, change->events);
  settle_objects(*change);
  if (!change->report.errors.empty()) {
    Done done = std::move(change->done);
    ChangeReport report = std::move(change->report);
    running_.reset();
    done(std::move(report));
    start_next();
    return;
  }
  change->desired = fabric::compile(change->completion.snapshot);
  change->wanted = wanted_pods(change->completion.snapshot);
  remove_pods(change);
}

// Completes what was given and looks for mistakes in the whole, since what controllers add (a default cluster, a
// node's interface) must fit too. A change that brings in a mistake is refused. A deletion is not: objects that
// refer to what is gone are set aside, each with a condition, and come back when the reference does.
void Network::settle_objects(Change& change) {
  bool only_deletions = std::all_of(change.events.begin(), change.events.end(), [](const model::Event& event) {
    return event.type == model::Event::Type::deleted;
  });
  model::Snapshot effective = change.given;
  InUse used = in_use();
  while (true) {
    change.completion = complete(effective, assignments_, options_, used);
    bool progress = false;
    for (model::InputError& error : model::validate(change.completion.snapshot)) {
      if (error.severity != model::InputError::Severity::error) continue;
      std::optional<model::ObjectRef> ref = model::ObjectRef::parse(error.object);
      bool tolerated = ref && (only_deletions || set_aside_.contains(*ref));
      if (!tolerated || !remove_object(effective, *ref)) {
        bool again = ref && change.set_aside.contains(*ref);
        if (!again) change.report.errors.push_back(std::move(error));
        continue;
      }
      change.set_aside[*ref] =
          Condition{*ref, "Accepted", false, error.code, {"lab.set-aside", {ref->text(), error.field, error.code}}};
      progress = true;
    }
    if (!change.report.errors.empty() || !progress) return;
  }
}

bool Network::remove_object(model::Snapshot& snapshot, const model::ObjectRef& ref) {
  for (const model::AnyObject& object : snapshot.objects()) {
    if (model::meta(object).ref() != ref) continue;
    snapshot = model::reduce(snapshot, {{model::Event::Type::deleted, object}});
    return true;
  }
  return false;
}

void Network::remove_pods(const std::shared_ptr<Change>& change) {
  enter_phase(change, "remove pods");
  change->open = 1;
  change->next = &Network::change_fabric;
  for (auto& [ref, pod] : pods_) {
    auto wanted = change->wanted.find(ref);
    bool keep = wanted != change->wanted.end() && same_pod(pod, wanted->second) && !pod.condition &&
                addresses_stand(change->completion.snapshot, pod);
    if (keep) continue;
    pod.ready = false;
    ++change->open;
    remove_pod(pod, [this, change, ref = ref] {
      let_go(pods_.at(ref));
      pods_.erase(ref);
      step_done(change);
    });
  }
  step_done(change);
}

// Whatever the plugin answers, the namespace goes with the pod; a lease that stays behind is reclaimed by GC.
void Network::remove_pod(const RealisedPod& pod, std::function<void()> done) {
  base::Json request =
      base::Json::object().set("op", "pod_remove").set("pod", pod.container).set("network", pod.plugin);
  hosts_.ask(pod.host, request, [this, pod, done = std::move(done)](base::Json answer) {
    bool again = answer["lost"].as_bool() && hosts_.has(pod.host) && !hosts_.failed(pod.host);
    again ? remove_pod(pod, done) : done();
  });
}

base::Status Network::change_hosts(const std::map<std::string, HostSpec>& wanted) {
  for (const std::string& host : hosts_.names()) {
    if (wanted.contains(host)) continue;
    applier_.remove_host(host);
    hosts_.stop(host);
    ports_.erase(host);
    kubenet_.erase(host);
    host_conditions_.erase(host);
    told_hosts_.erase(host);
    unpoliced_.erase(host);
  }
  std::vector<HostSpec> fresh;
  for (const auto& [name, host] : wanted)
    if (!hosts_.has(name)) fresh.push_back(host);
  base::Status started = hosts_.start(fresh);
  for (const HostSpec& host : fresh)
    if (started.ok()) started = applier_.add_host(host.name, hosts_.namespaces(host.name).network);
  return started;
}

void Network::change_fabric(const std::shared_ptr<Change>& change) {
  enter_phase(change, "namespaces");
  base::Status done = change_hosts(wanted_hosts(change->completion.snapshot));
  enter_phase(change, "fabric");
  if (done.ok()) {
    base::Result<fabric::sys::Applier::Changes> applied = applier_.apply(change->desired);
    if (!applied.ok()) done = applied.error();
  }
  if (!done.ok()) {
    change->report.failed = done.error();
    applier_.forget();
    (void)change_hosts(wanted_hosts(completed_));
    (void)applier_.apply(desired_);
    return finish(change);
  }
  given_ = change->given;
  completed_ = change->completion.snapshot;
  desired_ = change->desired;
  assignments_ = change->completion.assignments;
  conditions_ = change->completion.conditions;
  set_aside_ = change->set_aside;
  made_ = change->completion.made;
  subnets_ = change->completion.subnets;
  enter_phase(change, "ports");
  change->open = 1;
  change->next = &Network::tell_policies;
  for (const auto& [host, ports] : wanted_ports(completed_)) {
    if (ports_.contains(host) && ports_[host] == ports) continue;
    ports_[host] = ports;
    ++change->open;
    tell_ports(host, [this, change] { step_done(change); });
  }
  std::map<std::string, base::Json> kubenet = wanted_kubenet(completed_);
  for (const auto& [host, node] : kubenet_)
    if (hosts_.has(host)) kubenet.try_emplace(host, base::Json::object());  // no longer: nothing is to be left of it
  for (const auto& [host, node] : kubenet) {
    if (kubenet_.contains(host) && kubenet_[host].dump() == node.dump()) continue;
    ++change->open;
    tell_kubenet(host, node, [this, change] { step_done(change); });
  }
  step_done(change);
}

void Network::tell_kubenet(const std::string& host, const base::Json& node, std::function<void()> done) {
  base::Json request = base::Json::object().set("op", "kubenet").set("node", node);
  hosts_.ask(host, request, [this, host, node, done = std::move(done)](base::Json answer) {
    host_conditions_.erase(host);
    if (answer["ok"].as_bool()) {
      kubenet_[host] = node;
    } else {
      kubenet_.erase(host);  // tried again with the next change
      model::ObjectRef ref{model::Kind::Node, "", host.substr(host.find('/') + 1)};
      host_conditions_[host] =
          Condition{ref, "Realised", false, "MasqueradeFailed", {"lab.masquerade-failed", {error_text(answer)}}};
    }
    done();
  });
}

void Network::tell_ports(const std::string& host, std::function<void()> done) {
  base::Json request = base::Json::object().set("op", "listen").set("ports", ports_json(ports_[host]));
  hosts_.ask(host, request, [done = std::move(done)](base::Json) { done(); });
}

// Policies before pods: a pod's policies are known before it is.
void Network::tell_policies(const std::shared_ptr<Change>& change) {
  enter_phase(change, "policy");
  change->next = &Network::add_pods;
  tell_objects(change);
}

void Network::tell_addresses(const std::shared_ptr<Change>& change) {
  enter_phase(change, "policy");
  change->next = &Network::finish;
  tell_objects(change);
}

// What network policy is about. Pods that have not changed are the same objects as before.
model::Snapshot Network::policy_objects() {
  std::vector<model::AnyObject> objects;
  auto add = [&](const auto& table) { objects.insert(objects.end(), table.begin(), table.end()); };
  add(completed_.all<model::Namespace>());
  add(completed_.all<model::Node>());
  add(completed_.all<model::NetworkPolicy>());
  std::map<model::ObjectRef, ToldPod> pods;
  for (const auto& pod : completed_.all<model::Pod>()) {
    model::ObjectRef ref = pod->meta.ref();
    auto realised = pods_.find(ref);
    const auto& addresses = realised != pods_.end() ? realised->second.addresses : pod->addresses;
    auto before = told_pods_.find(ref);
    ToldPod row{pod, pod};
    if (before != told_pods_.end() && before->second.completed == pod && before->second.told->addresses == addresses) {
      row = before->second;
    } else if (pod->addresses != addresses) {
      auto copy = std::make_shared<model::Pod>(*pod);
      copy->addresses = addresses;
      row.told = std::move(copy);
    }
    objects.emplace_back(row.told);
    pods.emplace(std::move(ref), std::move(row));
  }
  told_pods_ = std::move(pods);
  return model::snapshot_of(std::move(objects));
}

void Network::tell_objects(const std::shared_ptr<Change>& change) {
  model::Snapshot now = policy_objects();
  std::vector<model::Event> changes = model::difference(told_, now);
  base::Json some;
  base::Json all;
  change->open = 1;
  for (const auto& node : completed_.all<model::Node>()) {
    std::string host = host_of_node(node->meta.name);
    bool knows = told_hosts_.contains(host);
    if (!hosts_.has(host) || (knows && changes.empty())) continue;
    base::Json& events = knows ? some : all;
    if (events.is_null()) events = events_json(knows ? changes : model::difference({}, now));
    ++change->open;
    tell_objects_to(host, events, !knows, [this, change] { step_done(change); });
  }
  told_ = std::move(now);
  step_done(change);
}

void Network::tell_objects_to(const std::string& host, const base::Json& events, bool replace,
                              std::function<void()> done) {
  const auto* node = completed_.find<model::Node>(model::Kind::Node, host.substr(host.find('/') + 1));
  bool bridged = node && model::resolve::is_kubenet(completed_, *node);
  base::Json request = base::Json::object().set("op", "policy").set("events", events).set("replace", replace);
  request.set("generation", given_.generation()).set("network_model", bridged ? "kubenet" : "vnet");
  told_hosts_.insert(host);
  hosts_.ask(host, std::move(request), [this, host, done = std::move(done)](base::Json answer) {
    // Who has not got it is told everything the next time; so is a host's new process (host_replaced).
    if (!answer["ok"].as_bool()) told_hosts_.erase(host);
    if (answer["ok"].as_bool())
      unpoliced_.erase(host);
    else if (!answer["lost"].as_bool())
      unpoliced_[host] = error_text(answer);
    done();
  });
}

void Network::add_pods(const std::shared_ptr<Change>& change) {
  for (const auto& [ref, wanted] : change->wanted)
    if (!pods_.contains(ref)) ++change->total;
  enter_phase(change, "pods");
  change->open = 1;
  change->next = &Network::tell_addresses;
  for (const auto& [ref, wanted] : change->wanted) {
    auto at = pods_.find(ref);
    if (at == pods_.end()) {
      RealisedPod pod = wanted;
      pod.container = container_id(ref, next_container_++);
      add_pod(change, std::move(pod), "pod_add");
    } else if (at->second.ports != wanted.ports) {
      RealisedPod pod = at->second;
      pod.ports = wanted.ports;
      add_pod(change, std::move(pod), "pod_attach");
    }
  }
  step_done(change);
}

void Network::add_pod(const std::shared_ptr<Change>& change, RealisedPod pod, const std::string& operation) {
  model::ObjectRef ref = pod.ref;
  pod.busy = true;
  pod.ready = false;
  if (operation == "pod_add") pod.plugin.set("agentSocket", unpoliced_.contains(pod.host) ? "" : agent_socket);
  base::Json request = base::Json::object().set("op", operation).set("pod", pod_json(pod));
  std::string host = pod.host;
  pods_[ref] = std::move(pod);
  ++change->open;
  hosts_.ask(host, request, [this, change, ref, operation](base::Json answer) {
    RealisedPod& realised = pods_.at(ref);
    if (answer["lost"].as_bool() && hosts_.has(realised.host) && !hosts_.failed(realised.host)) {
      // The agent died under it. Its successor removes what is half done and starts anew.
      remove_pod(realised, [this, change, ref] {
        add_pod(change, pods_.at(ref), "pod_add");
        step_done(change);
      });
      return;
    }
    realised.busy = false;
    realised.ready = answer["ok"].as_bool();
    if (realised.ready && operation == "pod_add" && !realised.host_network) {
      realised.addresses.clear();
      for (const base::Json& text : answer["addresses"].items())
        if (std::optional<model::Address> address = model::Address::parse(text.as_string()))
          realised.addresses.push_back(*address);
    }
    if (!realised.ready)
      realised.condition = Condition{ref, "Realised", false, "PluginFailed", {"lab.pod-failed", {error_text(answer)}}};
    ++change->finished;
    if (change->progress && (change->finished % 10 == 0 || change->finished == change->total))
      change->progress(
          {"pods", change->finished, change->total, static_cast<double>(io::now_ns() - change->started_ns) / 1e6});
    step_done(change);
  });
}

void Network::finish(const std::shared_ptr<Change>& finished) {
  std::shared_ptr<Change> change = finished;  // `finished` may be running_ itself
  refresh_current();
  enter_phase(change, "");
  change->report.generation = given_.generation();
  change->report.converged_ms = static_cast<double>(io::now_ns() - change->started_ns) / 1e6;
  change->report.conditions = conditions();
  change->report.made = made_;
  running_.reset();
  change->done(std::move(change->report));
  start_next();
}

std::vector<Condition> Network::conditions() const {
  std::vector<Condition> out = conditions_;
  for (const auto& [ref, condition] : set_aside_) out.push_back(condition);
  for (const auto& [host, condition] : host_conditions_) out.push_back(condition);
  for (const auto& [host, why] : unpoliced_)
    out.push_back({{model::Kind::Node, "", host.substr(host.find('/') + 1)},
                   "Realised",
                   false,
                   "PolicyNotEnforced",
                   {"lab.policy-not-enforced", {why}}});
  for (const auto& [ref, pod] : pods_)
    if (pod.condition) out.push_back(*pod.condition);
  for (const std::string& host : hosts_.names())
    if (hosts_.failed(host))
      out.push_back({{model::Kind::LabHost, "", host}, "Realised", false, "HostFailed", {"lab.host-failed", {host}}});
  return out;
}

void Network::refresh_current() {
  std::map<model::ObjectRef, std::vector<model::Address>> addresses;
  for (const auto& [ref, pod] : pods_) addresses[ref] = pod.addresses;
  model::Snapshot settled = settle(completed_, addresses);
  std::vector<model::Event> events;
  for (const auto& [ref, pod] : pods_) {
    const auto* known = settled.find<model::Pod>(ref);
    if (!known || !known->phase.empty()) continue;
    auto copy = std::make_shared<model::Pod>(*known);
    copy->phase = pod.ready ? "Running" : "Pending";
    events.push_back({model::Event::Type::modified, model::AnyObject(std::shared_ptr<const model::Pod>(copy))});
  }
  current_ = model::reduce(settled, events);
}

void Network::host_replaced(const std::string& host) {
  if (completed_.find<model::Node>(model::Kind::Node, host.substr(host.find('/') + 1)))
    tell_objects_to(host, events_json(model::difference({}, told_)), true, [] {});
  if (ports_.contains(host)) tell_ports(host, [] {});
  for (auto& [ref, pod] : pods_) {
    if (pod.host != host || pod.busy || pod.condition) continue;
    base::Json request = base::Json::object().set("op", "pod_attach").set("pod", pod_json(pod));
    hosts_.ask(host, request, [this, ref = ref](base::Json answer) {
      auto at = pods_.find(ref);
      if (at == pods_.end()) return;
      at->second.ready = answer["ok"].as_bool();
      refresh_current();
    });
  }
}

InUse Network::in_use() {
  std::int64_t now = io::now_ns();
  while (!cooling_.empty() && now - cooling_.front().since_ns >= cooling_ms * 1'000'000) cooling_.pop_front();
  InUse out;
  for (const auto& [ref, pod] : pods_)
    if (!pod.host_network && !pod.addresses.empty())
      out.held[ref] = {pod.host.substr(pod.host.find('/') + 1), pod.addresses};
  for (const Cooling& each : cooling_) out.cooling.push_back(each.address);
  return out;
}

void Network::let_go(const RealisedPod& pod) {
  if (pod.host_network) return;
  for (const model::Address& address : pod.addresses) cooling_.push_back({address, io::now_ns()});
  if (!pod.addresses.empty() && !cooled_timer_) await_cooled();
}

// Once everything has cooled, the nodes give back what they have too much of.
void Network::await_cooled() {
  std::int64_t cool_ns = cooling_.back().since_ns + cooling_ms * 1'000'000;
  std::int64_t wait_ms = std::max<std::int64_t>(0, (cool_ns - io::now_ns()) / 1'000'000 + 1);
  cooled_timer_ = loop_.after(wait_ms, [this] {
    cooled_timer_.reset();
    if (!cooling_.empty() && io::now_ns() < cooling_.back().since_ns + cooling_ms * 1'000'000) return await_cooled();
    change({}, [](ChangeReport) {}, {});
  });
}

}  // namespace bailey::lab
