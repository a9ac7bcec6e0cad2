// Draft: what a completion has decided so far. Internal to the controllers.
//
// Each step reads `now()`, puts changed or new objects and commits them; the next step sees the result. Steps
// read decisions of the last completion from `earlier` and write those that stand to `next`, so that what is not
// asked for any more is forgotten by itself.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "lab/controllers/controllers.h"
#include "lab/controllers/pool.h"
#include "lab/controllers/subnet.h"
#include "model/snapshot.h"

namespace bailey::lab::controllers {

using model::Address;
using model::AddressRange;
using model::Family;
using model::Kind;
using model::ObjectRef;
using model::Prefix;
using model::Snapshot;
using model::SubnetRef;

inline constexpr const char* cluster_label = "bailey.dev/cluster";
inline constexpr Family families[] = {Family::v4, Family::v6};

inline std::string name(Family family) { return family == Family::v4 ? "v4" : "v6"; }
// "10" for counts that are certain to fit; larger ones as a power of two ("2^64").
std::string count_text(model::Uint128 count);

class Draft {
 public:
  Draft(const Snapshot& given, const Assignments& earlier_assignments, const CompleteOptions& complete_options,
        const InUse& what_is_in_use)
      : earlier(earlier_assignments), options(complete_options), in_use(what_is_in_use), now_(given) {}

  const Snapshot& now() const { return now_; }

  template <typename T>
  void put(std::shared_ptr<T> object) {
    pending_.push_back({model::Event::Type::modified, model::AnyObject(std::shared_ptr<const T>(std::move(object)))});
  }
  void remove(const model::AnyObject& object) { pending_.push_back({model::Event::Type::deleted, object}); }
  void commit();

  // A new generated object; `listed` ones are told to the user.
  template <typename T>
  std::shared_ptr<T> generate(Kind kind, std::string ns, std::string object_name, bool listed) {
    auto object = std::make_shared<T>();
    object->meta.kind = kind;
    object->meta.ns = std::move(ns);
    object->meta.name = std::move(object_name);
    object->meta.generated = true;
    if (listed) made.push_back(object->meta.ref());
    return object;
  }

  // `wanted`, or "wanted-2", "wanted-3", ... where the name is taken.
  std::string free_name(Kind kind, const std::string& ns, const std::string& wanted) const;

  // Not as its author wished (or, with `status`, worth to know).
  void condition(ObjectRef object, std::string type, std::string reason, base::Message message, bool status = false);

  // The earlier decision `key` if the pool can still give it, and else nothing.
  std::optional<Address> keep(const std::string& key, AddressPool& pool);
  std::optional<Address> assign(const std::string& key, AddressPool& pool);

  // Name of the cluster that an object of a namespace belongs to: its label, its namespace's, the only one, or the
  // first by name. Empty where the label names none that exists, or no cluster exists.
  std::string cluster_of(const model::Meta& meta) const;
  // The same, with a condition where that was a guess or the label names none.
  std::string tell_cluster_of(const model::Meta& meta);

  const Assignments& earlier;
  const CompleteOptions& options;
  const InUse& in_use;
  Assignments next;
  std::vector<Condition> conditions;
  std::vector<ObjectRef> made;
  std::vector<SubnetUse> uses;

  std::set<std::string> denied_nodes;  // may not join their subnet, or it does not exist, or they run Windows
  std::map<std::pair<SubnetRef, Family>, SubnetAddresses> subnets;

 private:
  Snapshot now_;
  std::vector<model::Event> pending_;
};

// The steps, in the order in which complete() takes them; each is told where it is defined.
void forget_generated(Draft& draft);         // complete.cc
void complete_clusters(Draft& draft);        // defaults.cc
void complete_namespaces(Draft& draft);      // defaults.cc
void make_nodes(Draft& draft);               // nodes.cc
void make_hosts(Draft& draft);               // hosts.cc
void expand_workloads(Draft& draft);         // workloads.cc
void fill_services(Draft& draft);            // fill.cc
void fill_pods(Draft& draft);                // fill.cc
void assign_addresses(Draft& draft);         // addresses.cc
void assign_public_addresses(Draft& draft);  // hosts.cc
void schedule_pods(Draft& draft);            // scheduler.cc
void complete_services(Draft& draft);        // services.cc
void settle_ranges(Draft& draft);            // ranges.cc
void make_slices(Draft& draft);              // slices.cc

// The predicates that DaemonSets share with the scheduler (Kubernetes: taints and tolerations, node selectors).
bool selects(const model::PodSpec& pod, const model::Node& node);
bool tolerates(const model::PodSpec& pod, const model::Taint& taint);
// Taints with what a cordoned or unready node has besides.
std::vector<model::Taint> all_taints(const model::Node& node);

// Addresses that a pod must get: pinned ones, or else those of its status where it came from a file.
std::vector<Address> pins(const model::Pod& pod);

// Whether the pod has an address out of its node's ranges, or is to get one.
bool draws(const model::Pod& pod);

// The addresses of this family in the subnet; null where it has none.
SubnetAddresses* addresses_of(Draft& draft, const SubnetRef& subnet, Family family);

// Key of an assignment: of the n-th range of a node.
std::string range_key(const std::string& node, Family family, std::size_t piece);
// Key of an assignment: of a load balancer's address for a Service.
std::string balancer_key(const model::Meta& service, Family family);

// Whether one of the addresses is of this family.
bool has(const std::vector<Address>& addresses, Family family);

}  // namespace bailey::lab::controllers
