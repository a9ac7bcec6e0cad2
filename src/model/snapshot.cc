// Tables are sorted vectors of pointers: a lookup is a binary search, a change copies one vector of
// pointers (8,000 rows: 128 KB), and everything else is shared. Events for one table are gathered and merged
// in a single pass, so that loading N objects costs N log N and not N squared.
#include "model/snapshot.h"

#include <map>

#include "base/check.h"

namespace bailey::model {
namespace {

template <typename T>
using Row = typename Table<T>::Row;

template <typename T>
void fill_empty(std::shared_ptr<const Table<T>>& table) {
  table = std::make_shared<const Table<T>>();
}

// The last word of the events about each ref; null means deleted.
template <typename T>
using Changes = std::map<ObjectRef, Row<T>>;

template <typename T>
bool merge(std::shared_ptr<const Table<T>>& table, const Changes<T>& changes) {
  if (changes.empty()) return false;
  std::vector<Row<T>> rows;
  rows.reserve(table->size() + changes.size());
  bool changed = false;
  auto change = changes.begin();
  auto take_new = [&] {
    if (change->second) {
      rows.push_back(change->second);
      changed = true;
    }
    ++change;
  };
  for (const Row<T>& row : *table) {
    ObjectRef ref = row->meta.ref();
    while (change != changes.end() && change->first < ref) take_new();
    if (change == changes.end() || ref < change->first) {
      rows.push_back(row);
      continue;
    }
    if (change->second != row) changed = true;
    if (change->second) rows.push_back(change->second);
    ++change;
  }
  while (change != changes.end()) take_new();
  if (changed) table = std::make_shared<const Table<T>>(std::move(rows));
  return changed;
}

template <typename T>
void note_change(Changes<T>& changes, const Event& event) {
  Row<T> row = event.object->as<T>();
  if (row) changes[row->meta.ref()] = event.type == Event::Type::deleted ? nullptr : row;
}

template <typename T>
void difference_of(const Snapshot& before, const Snapshot& after, std::vector<Event>& gone, std::vector<Event>& added,
                   std::vector<Event>& modified) {
  std::shared_ptr<const Table<T>> old_table = before.table<T>();
  std::shared_ptr<const Table<T>> new_table = after.table<T>();
  if (old_table == new_table) return;
  for (const Row<T>& row : *old_table)
    if (!new_table->find(row->meta.ref())) gone.push_back({Event::Type::deleted, AnyObject(row)});
  for (const Row<T>& row : *new_table) {
    const T* old_row = old_table->find(row->meta.ref());
    if (!old_row) added.push_back({Event::Type::added, AnyObject(row)});
    if (old_row && old_row != row.get()) modified.push_back({Event::Type::modified, AnyObject(row)});
  }
}

}  // namespace

class Reducer {
 public:
  static void initialise(Snapshot& snapshot) {
    std::apply([](auto&... table) { (fill_empty(table), ...); }, snapshot.tables_);
  }
  template <typename T>
  static bool merge_table(Snapshot& snapshot, const Changes<T>& changes) {
    return merge(std::get<std::shared_ptr<const Table<T>>>(snapshot.tables_), changes);
  }
  static void next_generation(Snapshot& snapshot) { ++snapshot.generation_; }
  template <typename Visit>
  static void each_table(const Snapshot& snapshot, Visit visit) {
    std::apply([&](const auto&... table) { (visit(*table), ...); }, snapshot.tables_);
  }
};

const Meta& meta(const AnyObject& object) { return object->meta; }

Snapshot::Snapshot() { Reducer::initialise(*this); }
Snapshot::Snapshot(const Snapshot&) = default;
Snapshot::Snapshot(Snapshot&&) noexcept = default;
Snapshot& Snapshot::operator=(const Snapshot&) = default;
Snapshot& Snapshot::operator=(Snapshot&&) noexcept = default;
Snapshot::~Snapshot() = default;

const Object* Snapshot::find(const ObjectRef& ref) const {
  const Object* found = nullptr;
  Reducer::each_table(*this, [&](const auto& table) {
    if (!found) found = table.find(ref);
  });
  return found;
}

std::vector<AnyObject> Snapshot::objects() const {
  std::vector<AnyObject> out;
  out.reserve(size());
  Reducer::each_table(*this, [&](const auto& table) { out.insert(out.end(), table.begin(), table.end()); });
  return out;
}

std::size_t Snapshot::size() const {
  std::size_t total = 0;
  Reducer::each_table(*this, [&](const auto& table) { total += table.size(); });
  return total;
}

namespace {

template <typename... Types>
Snapshot reduce_tables(const Snapshot& before, const std::vector<Event>& events, TypeList<Types...>) {
  std::tuple<Changes<Types>...> changes;
  for (const Event& event : events) {
    if (event.type == Event::Type::bookmark || !event.object) continue;
    (note_change<Types>(std::get<Changes<Types>>(changes), event), ...);
  }
  Snapshot after = before;
  bool changed = false;
  (
      [&] {
        if (Reducer::merge_table<Types>(after, std::get<Changes<Types>>(changes))) changed = true;
      }(),
      ...);
  if (changed) Reducer::next_generation(after);
  return after;
}

template <typename... Types>
std::vector<Event> difference_tables(const Snapshot& before, const Snapshot& after, TypeList<Types...>) {
  std::vector<Event> gone;
  std::vector<Event> added;
  std::vector<Event> modified;
  (difference_of<Types>(before, after, gone, added, modified), ...);
  gone.insert(gone.end(), added.begin(), added.end());
  gone.insert(gone.end(), modified.begin(), modified.end());
  return gone;
}

}  // namespace

Snapshot reduce(const Snapshot& before, const std::vector<Event>& events) {
  return reduce_tables(before, events, AllTypes{});
}

Snapshot snapshot_of(std::vector<AnyObject> objects) {
  std::vector<Event> events;
  events.reserve(objects.size());
  for (AnyObject& object : objects) events.push_back({Event::Type::added, std::move(object)});
  return reduce(Snapshot{}, events);
}

std::vector<Event> difference(const Snapshot& before, const Snapshot& after) {
  return difference_tables(before, after, AllTypes{});
}

}  // namespace bailey::model
