// Prefixes that do not overlap, with what each is called; asked in logarithmic time what a further one would meet.
#pragma once

#include <cstddef>
#include <iterator>
#include <map>
#include <string>

#include "model/address.h"

namespace bailey::manifest {

class PrefixSet {
 public:
  struct Entry {
    model::Prefix prefix;
    std::string name;
    std::size_t order = 0;  // of adding
  };

  // The entry that was added first among those that overlap the prefix; null where none does.
  const Entry* overlapping(const model::Prefix& prefix) const {
    const Entry* found = nullptr;
    auto at = entries_.upper_bound(prefix.first());
    // A prefix that begins before this one and is not within it can only be the nearest: entries are disjoint.
    if (at != entries_.begin() && std::prev(at)->second.prefix.overlaps(prefix)) found = &std::prev(at)->second;
    for (; at != entries_.end() && at->second.prefix.overlaps(prefix); ++at)
      if (!found || at->second.order < found->order) found = &at->second;
    return found;
  }
  // Whether one entry holds the whole prefix.
  bool contains(const model::Prefix& prefix) const {
    auto at = entries_.upper_bound(prefix.first());
    return at != entries_.begin() && std::prev(at)->second.prefix.contains(prefix);
  }
  bool empty() const { return entries_.empty(); }
  // The prefix overlaps none of those added before.
  void add(const model::Prefix& prefix, std::string name = "") {
    entries_.emplace(prefix.first(), Entry{prefix, std::move(name), entries_.size()});
  }

 private:
  std::map<model::Address, Entry> entries_;
};

}  // namespace bailey::manifest
