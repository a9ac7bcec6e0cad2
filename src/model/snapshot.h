// Snapshot: every object that Bailey knows at one moment, as an immutable value.
//
// Sources (files, a lab's socket, a Kubernetes API) speak Events; reduce() turns a Snapshot and events into
// the next Snapshot. Tables that did not change are shared between the two, so a consumer sees by comparing
// pointers what it must look at again. All of this is pure and may be used from any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <tuple>
#include <type_traits>
#include <vector>

#include "model/kubernetes.h"
#include "model/network.h"
#include "model/object.h"

namespace bailey::model {

// All objects of one type, ascending by (kind, namespace, name). Immutable.
template <typename T>
class Table {
 public:
  using Row = std::shared_ptr<const T>;
  Table() = default;
  explicit Table(std::vector<Row> sorted_rows) : rows_(std::move(sorted_rows)) {}

  auto begin() const { return rows_.begin(); }
  auto end() const { return rows_.end(); }
  std::size_t size() const { return rows_.size(); }
  bool empty() const { return rows_.empty(); }
  const std::vector<Row>& rows() const { return rows_; }

  const T* find(const ObjectRef& ref) const {
    auto at = lower(ref);
    return at != rows_.end() && (*at)->meta.ref() == ref ? at->get() : nullptr;
  }
  auto lower(const ObjectRef& ref) const {
    return std::lower_bound(rows_.begin(), rows_.end(), ref,
                            [](const Row& row, const ObjectRef& key) { return before(row->meta, key); });
  }

 private:
  static bool before(const Meta& a, const ObjectRef& b) {
    if (a.kind != b.kind) return a.kind < b.kind;
    if (int order = a.ns.compare(b.ns)) return order < 0;
    return a.name < b.name;
  }
  std::vector<Row> rows_;
};

template <typename... Types>
struct TypeList {
  using Tables = std::tuple<std::shared_ptr<const Table<Types>>...>;
  // The place of T in the list.
  template <typename T>
  static constexpr std::uint8_t index_of() {
    std::uint8_t index = 0;
    bool found = ((std::is_same_v<T, Types> ? true : (++index, false)) || ...);
    return found ? index : std::uint8_t{255};
  }
};

using AllTypes = TypeList<Namespace, Node, Pod, Service, Secret, ConfigMap, Workload, EndpointSlice, Ingress,
                          IngressClass, NetworkPolicy, GatewayClass, Gateway, HTTPRoute, ReferenceGrant, VirtualNetwork,
                          NetworkPeering, NetworkInterface, NetworkSecurityGroup, RouteTable, OnPremisesNetwork,
                          NetworkGateway, GatewayConnection, Cluster, RoleAssignment, RoleDefinition, LoadBalancer,
                          ApplicationGateway, WafPolicy, LabHost, Bastion, AccessGrant>;

// An object of any of these types, shared. (A plain class and not a std::variant: with this many alternatives a
// variant costs every file that copies one seconds to compile.)
class AnyObject {
 public:
  AnyObject() = default;  // holds nothing
  template <typename T>
  AnyObject(std::shared_ptr<T> object)  // NOLINT: implicit on purpose
      : object_(std::move(object)), type_(AllTypes::index_of<std::remove_const_t<T>>()) {
    static_assert(AllTypes::index_of<std::remove_const_t<T>>() != 255, "T is one of the object types");
  }
  // Null where it is of another type.
  template <typename T>
  std::shared_ptr<const T> as() const {
    if (type_ != AllTypes::index_of<T>()) return nullptr;
    return std::static_pointer_cast<const T>(object_);
  }
  const Object& operator*() const { return *object_; }
  const Object* operator->() const { return object_.get(); }
  friend bool operator==(const AnyObject& a, const AnyObject& b) { return a.object_ == b.object_; }

 private:
  std::shared_ptr<const Object> object_;
  std::uint8_t type_ = 255;
};

const Meta& meta(const AnyObject& object);

class Snapshot {
 public:
  Snapshot();  // empty, generation 0
  Snapshot(const Snapshot&);
  Snapshot(Snapshot&&) noexcept;
  Snapshot& operator=(const Snapshot&);
  Snapshot& operator=(Snapshot&&) noexcept;
  ~Snapshot();

  std::uint64_t generation() const { return generation_; }

  // The table of a type: snapshot.all<Pod>().
  template <typename T>
  const Table<T>& all() const {
    return *std::get<std::shared_ptr<const Table<T>>>(tables_);
  }
  // The same as a pointer that keeps the table alive; equal pointers mean equal tables.
  template <typename T>
  std::shared_ptr<const Table<T>> table() const {
    return std::get<std::shared_ptr<const Table<T>>>(tables_);
  }
  template <typename T>
  const T* find(const ObjectRef& ref) const {
    return all<T>().find(ref);
  }
  // For kinds without namespace: snapshot.find<VirtualNetwork>("hub").
  template <typename T>
  const T* find(Kind kind, std::string_view name) const {
    return all<T>().find(ObjectRef{kind, "", std::string(name)});
  }
  const Object* find(const ObjectRef& ref) const;
  // Every object, in the order of the tables.
  std::vector<AnyObject> objects() const;
  std::size_t size() const;

 private:
  friend class Reducer;
  AllTypes::Tables tables_;
  std::uint64_t generation_ = 0;
};

// A watch-shaped event, as the Kubernetes API has them. A bookmark only says how far the source has come.
struct Event {
  enum class Type : std::uint8_t { added, modified, deleted, bookmark } type = Type::added;
  std::optional<AnyObject> object;  // absent for a bookmark; for `deleted` only its ref counts
};

// The snapshot after `events`, in order. added and modified both replace an object of the same ref (a source
// that relists says "added" again); deleting what is not there changes nothing. The generation grows by one
// if any table changed.
Snapshot reduce(const Snapshot& before, const std::vector<Event>& events);
// Shorthand: a snapshot that holds just these; of two with the same ref the later one stays.
Snapshot snapshot_of(std::vector<AnyObject> objects);
// The events that lead from one snapshot to another: deletions first, then additions, then modifications
// (objects whose pointers differ).
std::vector<Event> difference(const Snapshot& before, const Snapshot& after);

}  // namespace bailey::model
