// Networks made by hand, to compare with: two ends, joined by a cable or by routers in a row.
//
//   no router    end ── end                     one subnet
//   n routers    end ── router ── … ── end      each end has one address (/32), each router a route to each end
#pragma once

#include <vector>

#include "io/fd.h"
#include "model/address.h"

namespace bailey::bench {

// Ends the process (must.h) where something cannot be made. The namespaces go with the object.
class Chain {
 public:
  explicit Chain(int routers);
  int client() const { return spaces_.front().get(); }
  int server() const { return spaces_.back().get(); }
  model::Address server_address() const;

 private:
  std::vector<io::Fd> spaces_;  // in a row
};

}  // namespace bailey::bench
