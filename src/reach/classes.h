// Sorting endpoints into classes (matrix.h). Internal to this folder.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reach/world.h"

namespace bailey::reach {

// Which of the prefixes that objects speak of an address is in, as one number: addresses with equal numbers are in the
// same ones.
class Atoms {
 public:
  void add(const model::Prefix& prefix);
  void finish();  // after the last add()
  std::size_t of(const model::Address& address) const;

 private:
  std::vector<model::Address> starts_;  // where a prefix begins, or where one has ended
};

struct Classes {
  std::vector<std::uint32_t> policy;  // of each endpoint
  std::vector<std::uint32_t> way;
  std::size_t policy_count = 0;
  std::size_t way_count = 0;
};

Classes classify(const World& world, const std::vector<Place>& places, model::Family family);

}  // namespace bailey::reach
