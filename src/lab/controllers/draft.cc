#include "lab/controllers/draft.h"

#include <algorithm>

namespace bailey::lab::controllers {

std::string count_text(model::Uint128 count) {
  if (count <= UINT64_MAX) return std::to_string(static_cast<std::uint64_t>(count));
  int bits = 64;
  while (bits < 127 && (count >> (bits + 1)) != 0) ++bits;
  return "2^" + std::to_string(bits);
}

void Draft::commit() {
  now_ = model::reduce(now_, pending_);
  pending_.clear();
}

std::string Draft::free_name(Kind kind, const std::string& ns, const std::string& wanted) const {
  std::string candidate = wanted;
  for (int i = 2; now_.find(ObjectRef{kind, ns, candidate}); ++i) candidate = wanted + "-" + std::to_string(i);
  return candidate;
}

void Draft::condition(ObjectRef object, std::string type, std::string reason, base::Message message, bool status) {
  conditions.push_back({std::move(object), std::move(type), status, std::move(reason), std::move(message)});
}

std::optional<Address> Draft::keep(const std::string& key, AddressPool& pool) {
  auto at = earlier.addresses.find(key);
  if (at == earlier.addresses.end() || !pool.take(at->second)) return std::nullopt;
  next.addresses[key] = at->second;
  return at->second;
}

std::optional<Address> Draft::assign(const std::string& key, AddressPool& pool) {
  std::optional<Address> address = pool.take_lowest();
  if (address) next.addresses[key] = *address;
  return address;
}

namespace {

const std::string* label(const model::Labels& labels, const char* key) {
  auto at = labels.find(key);
  return at == labels.end() ? nullptr : &at->second;
}

const std::string* asked_cluster(const Snapshot& snapshot, const model::Meta& meta) {
  if (const std::string* own = label(meta.labels, cluster_label)) return own;
  const model::Namespace* ns = snapshot.find<model::Namespace>(Kind::Namespace, meta.ns);
  return ns ? label(ns->meta.labels, cluster_label) : nullptr;
}

}  // namespace

std::string Draft::cluster_of(const model::Meta& meta) const {
  const auto& clusters = now_.all<model::Cluster>();
  const std::string* asked = asked_cluster(now_, meta);
  if (asked) return now_.find<model::Cluster>(Kind::Cluster, *asked) ? *asked : "";
  return clusters.empty() ? "" : (*clusters.begin())->meta.name;
}

std::string Draft::tell_cluster_of(const model::Meta& meta) {
  std::string found = cluster_of(meta);
  const std::string* asked = asked_cluster(now_, meta);
  if (asked && found.empty())
    condition(meta.ref(), "Accepted", "ClusterMissing", {"controllers.cluster-missing", {*asked}});
  if (!asked && now_.all<model::Cluster>().size() > 1)
    condition(meta.ref(), "Accepted", "ClusterAssumed", {"controllers.cluster-assumed", {found}}, true);
  return found;
}

bool has(const std::vector<Address>& addresses, Family family) {
  return std::any_of(addresses.begin(), addresses.end(), [&](const Address& a) { return a.family() == family; });
}

}  // namespace bailey::lab::controllers
