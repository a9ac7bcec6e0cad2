// What a change of the objects does to who reaches whom, in rows that a person can read: pairs are put together by the
// workloads that their ends belong to, by port, and by what decided before and decides now.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reach/matrix.h"

namespace bailey::reach {

struct Change {
  enum class Kind : std::uint8_t { opened, closed, changed } kind = Kind::changed;
  std::string from;  // "Deployment/shop/web" where workloads own the endpoints, else the endpoint's name
  std::string to;
  model::Port port;
  std::size_t pairs = 0;              // of endpoints
  std::vector<std::string> examples;  // at most three: "pod/shop/a -> pod/shop/b"
  // Absent where an end of the pairs does not exist on that side.
  std::optional<Verdict> before;
  std::optional<Verdict> after;
};
std::string_view name(Change::Kind kind);  // "opened", ...

// The workload that made an endpoint, or its own name.
std::string group_of(const Matrix& matrix, std::size_t endpoint);

// Opened: allowed now and not before; closed: the other way round; changed: allowed or denied as before, but another
// object or rule decides, or the far end sees another source. Where both sides have an endpoint of one name it is the
// same one. Ascending by kind, what decides, from, to and port.
std::vector<Change> diff(Matrix& before, Matrix& after);

// {from, to, port, pairs, examples[], before: {verdict, reason, decided_by[], source_kind: own, node, translated} |
// null, after: ...}
base::Json to_json(const Change& change);
base::Json to_json(const Verdict& verdict);

}  // namespace bailey::reach
