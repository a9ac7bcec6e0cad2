// The last flows of a node, as they were told by its packet path, with names in place of numbers. Single thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "base/json.h"
#include "datapath/sys/pod_path.h"
#include "flows/flow.h"

namespace bailey::agent {

// What numbers and addresses mean now.
struct FlowNames {
  std::function<std::string(const model::Address&)> name;  // "pod/ns/name", "node/name", or the address
  // Who decided: the policy by its number, or the first that isolates the pod at this link; "" where none does.
  std::function<std::string(const datapath::sys::PathEvent&)> object;
};

class FlowLog {
 public:
  explicit FlowLog(std::string node, std::size_t size = 8192) : node_(std::move(node)), size_(size) {}

  void add(const datapath::sys::PathEvent& event, const FlowNames& names);
  // Records from number `since` on (absent: all that are kept), at most `most`: {flows[], next, lost}. `lost` counts
  // those that were overwritten before they were asked for.
  base::Json read(std::optional<std::uint64_t> since, std::size_t most) const;
  std::uint64_t next() const { return first_ + records_.size(); }

 private:
  std::string node_;
  std::size_t size_;
  std::deque<flows::Flow> records_;
  std::uint64_t first_ = 0;  // number of the oldest
};

}  // namespace bailey::agent
