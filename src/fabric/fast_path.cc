// A source belongs to the class that the rules give it: the first group that holds it, else `otherwise`; and is let in
// where the check of its device does. Here both become prefixes of which the longest counts. Prefixes nest or are
// apart, so the common part of two is the longer one, and a prefix of a later group counts only where no earlier group
// holds it whole.
#include "fabric/fast_path.h"

#include <algorithm>
#include <optional>
#include <set>

#include "fabric/topology.h"

namespace bailey::fabric {
namespace {

using model::Family;
using model::Prefix;

using TablesOfMark = std::map<std::uint32_t, std::array<std::uint32_t, 2>>;

// Marks whose packets are looked up in one or two tables and nothing else.
TablesOfMark tables_of_marks(const HostNetwork& fabric) {
  std::map<std::pair<std::uint32_t, Family>, std::vector<std::pair<std::uint32_t, std::uint32_t>>> found;
  for (const KernelRule& rule : fabric.rules)
    if (rule.mark_mask == ~std::uint32_t{0} && !rule.source && rule.table != 0)
      found[{rule.mark, rule.family}].emplace_back(rule.priority, rule.table);
  TablesOfMark out;
  for (auto& [key, tables] : found) {
    std::sort(tables.begin(), tables.end());
    if (tables.size() > 2) continue;
    std::array<std::uint32_t, 2> both{tables[0].second, tables.size() > 1 ? tables[1].second : 0};
    auto other = found.find({key.first, key.second == Family::v4 ? Family::v6 : Family::v4});
    if (other != found.end()) out.emplace(key.first, both);
  }
  return out;
}

std::optional<Prefix> common(const Prefix& a, const Prefix& b) {
  if (a.contains(b)) return b;
  if (b.contains(a)) return a;
  return std::nullopt;
}

// The sources of a device with the marks of their classes, apart from the check.
std::vector<std::pair<Prefix, std::uint32_t>> classes_of(const Filter::Entry& entry) {
  std::vector<std::pair<Prefix, std::uint32_t>> out;
  auto add = [&](const Prefix& prefix, std::uint32_t mark) {
    bool held = std::any_of(out.begin(), out.end(), [&](const auto& row) { return row.first.contains(prefix); });
    if (!held) out.emplace_back(prefix, mark);
  };
  for (const Filter::Entry::Group& group : entry.groups)
    for (const Prefix& prefix : group.sources) add(prefix, group.mark);
  for (Family family : {Family::v4, Family::v6}) add(Prefix::any(family), entry.otherwise);
  return out;
}

// The prefixes that a check lets in; without one, all.
std::vector<Prefix> allowed_by(const Filter::SourceCheck* check) {
  if (!check) return {Prefix::any(Family::v4), Prefix::any(Family::v6)};
  std::vector<Prefix> out;
  for (const model::AddressRange& range : check->allowed)
    for (const Prefix& prefix : range.prefixes()) out.push_back(prefix);
  return out;
}

}  // namespace

FastPath fast_path(const Desired& desired) {
  FastPath out;
  auto fabric = desired.hosts.find(fabric_host);
  if (fabric == desired.hosts.end()) return out;
  for (const Cable& cable : desired.cables)
    for (const CableEnd* end : {&cable.a, &cable.b})
      if (end->host == fabric_host && end->device != desired.filter.internet_device)
        out.devices.push_back({end->device, cable.mtu});
  TablesOfMark tables = tables_of_marks(fabric->second);
  std::map<std::string, const Filter::SourceCheck*> checks;
  for (const Filter::SourceCheck& check : desired.filter.source_checks) checks.emplace(check.device, &check);
  for (const Filter::Entry& entry : desired.filter.entries) {
    // More specific ones later, so that of equal prefixes the more specific class remains.
    std::map<Prefix, std::pair<int, std::uint32_t>> marks;
    auto check = checks.find(entry.device);
    std::vector<Prefix> allowed = allowed_by(check == checks.end() ? nullptr : check->second);
    for (const auto& [prefix, mark] : classes_of(entry)) {
      for (const Prefix& let_in : allowed) {
        std::optional<Prefix> both = common(prefix, let_in);
        if (!both) continue;
        auto [row, fresh] = marks.emplace(*both, std::pair(prefix.length(), mark));
        if (!fresh && row->second.first < prefix.length()) row->second = {prefix.length(), mark};
      }
    }
    for (const auto& [prefix, mark] : marks)
      if (auto known = tables.find(mark.second); known != tables.end())
        out.sources.push_back({entry.device, prefix, known->second});
  }
  std::sort(out.devices.begin(), out.devices.end());
  std::sort(out.sources.begin(), out.sources.end());
  return out;
}

}  // namespace bailey::fabric
