// Choosing goes round robin: after the address that was given last, not from the beginning, so that an address
// that was just given back rests as long as the pool allows before another pod gets it. (A queue of cooling
// addresses would sit in front of next_free: it would say "taken" for them until nothing else is left.)
#include "ipam/pool.h"

#include <algorithm>

namespace bailey::ipam {
namespace {

base::Error bad(const std::string& text, std::string cause) { return {"read address range", text, std::move(cause)}; }

base::Result<model::Prefix> parse_prefix(const std::string& text) {
  model::Prefix::ParseError why{};
  model::Prefix suggestion;
  std::optional<model::Prefix> prefix = model::Prefix::parse(text, &why, &suggestion);
  if (prefix) return *prefix;
  switch (why) {
    case model::Prefix::ParseError::host_bits_set:
      return bad(text, "bits are set beyond the prefix length; the block is " + suggestion.text());
    case model::Prefix::ParseError::bad_length: return bad(text, "the prefix length is not one of its family");
    case model::Prefix::ParseError::not_an_address: break;
  }
  return bad(text, "expected a prefix such as 10.244.1.0/24 or a range such as 10.240.0.10-10.240.0.39");
}

model::AddressRange usable_part(const model::Prefix& prefix) {
  model::AddressRange range{prefix.first(), prefix.last()};
  if (prefix.address().bits() - prefix.length() < 2) return range;
  range.first = range.first.plus(2);
  if (prefix.family() == model::Family::v4)
    range.last = model::Address::from_number(model::Family::v4, range.last.number() - 1);
  return range;
}

}  // namespace

base::Result<Pool> Pool::parse(const std::vector<std::string>& texts) {
  if (texts.empty()) return bad("", "at least one range is needed");
  Pool pool;
  for (const std::string& text : texts) {
    Entry entry;
    entry.text = text;
    if (text.find('-') != std::string::npos) {
      std::optional<model::AddressRange> range = model::AddressRange::parse(text);
      if (!range) return bad(text, "expected first-last, two addresses of one family in ascending order");
      entry.whole = entry.usable = *range;
    } else {
      base::Result<model::Prefix> prefix = parse_prefix(text);
      if (!prefix.ok()) return prefix.error();
      entry.whole = {prefix->first(), prefix->last()};
      entry.usable = usable_part(prefix.value());
      if (entry.usable != entry.whole) entry.block = Block{prefix.value(), prefix->first().plus(1)};
    }
    for (const Entry& other : pool.entries_)
      if (other.whole.contains(entry.whole.first) || entry.whole.contains(other.whole.first))
        return bad(text, "overlaps " + other.text);
    pool.entries_.push_back(std::move(entry));
  }
  return pool;
}

std::vector<const Pool::Entry*> Pool::of(model::Family family) const {
  std::vector<const Entry*> out;
  for (const Entry& entry : entries_)
    if (entry.whole.first.family() == family) out.push_back(&entry);
  return out;
}

std::vector<model::Family> Pool::families() const {
  std::vector<model::Family> out;
  for (model::Family family : {model::Family::v4, model::Family::v6})
    if (has(family)) out.push_back(family);
  return out;
}

Pool::Place Pool::place(const model::Address& address) const {
  for (const Entry& entry : entries_)
    if (entry.whole.contains(address)) return entry.usable.contains(address) ? Place::usable : Place::reserved;
  return Place::outside;
}

model::Uint128 Pool::size(model::Family family) const {
  model::Uint128 sum = 0;
  for (const Entry* entry : of(family)) {
    model::Uint128 count = entry->usable.size();
    if (count == 0 || sum + count < sum) return ~model::Uint128{0};  // 2^128 wrapped round
    sum += count;
  }
  return sum;
}

std::string Pool::text(model::Family family) const {
  std::string out;
  for (const Entry* entry : of(family)) out += (out.empty() ? "" : ", ") + entry->text;
  return out;
}

std::vector<Pool::Block> Pool::blocks(model::Family family) const {
  std::vector<Block> out;
  for (const Entry* entry : of(family))
    if (entry->block) out.push_back(*entry->block);
  return out;
}

std::vector<std::string> Pool::without_gateway(model::Family family) const {
  std::vector<std::string> out;
  for (const Entry* entry : of(family))
    if (!entry->block) out.push_back(entry->text);
  return out;
}

std::optional<model::Address> Pool::next_free(model::Family family, const std::optional<model::Address>& last,
                                              const std::function<bool(const model::Address&)>& taken) const {
  std::vector<const Entry*> ranges = of(family);
  std::size_t begin = 0;
  while (last && begin < ranges.size() && !ranges[begin]->usable.contains(*last)) ++begin;
  bool from_start = !last || begin == ranges.size();
  if (from_start) begin = 0;

  auto search = [&](const model::Address& first, const model::Address& end) -> std::optional<model::Address> {
    for (model::Address each = first;; each = each.plus(1)) {
      if (!taken(each)) return each;
      if (each == end) return std::nullopt;
    }
  };
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const model::AddressRange& range = ranges[(begin + i) % ranges.size()]->usable;
    if (i == 0 && !from_start) {
      if (*last == range.last) continue;
      if (auto found = search(last->plus(1), range.last)) return found;
    } else if (auto found = search(range.first, range.last)) {
      return found;
    }
  }
  if (from_start || ranges.empty()) return std::nullopt;
  return search(ranges[begin]->usable.first, *last);  // round to where it began, the last one included
}

std::string count_text(model::Uint128 count) {
  std::string digits;
  do digits += static_cast<char>('0' + static_cast<int>(count % 10));
  while ((count /= 10) != 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

}  // namespace bailey::ipam
