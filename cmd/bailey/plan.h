// What `bailey plan` found out, and the forms in which it is shown.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "plan/advice.h"
#include "plan/picture.h"
#include "plan/plan.h"
#include "plan/ranges.h"
#include "session.h"

namespace bailey::cli {

struct PlanAnswer {
  model::Snapshot given;
  std::vector<plan::ClusterPlan> clusters;    // ascending by name
  std::vector<plan::Comparison> comparisons;  // one for each cluster, as are advices and facts
  std::vector<plan::Advice> advices;
  std::vector<plan::SubnetPlan> subnets;  // of clusters first, then all others in which something lies
  std::vector<plan::Proposal> proposals;
  std::vector<plan::Space> spaces;
};

base::Json plan_json(const PlanAnswer& answer, const Session& session);
// Tables, advice, proposals and the drawing; with `compare` the models side by side.
std::string plan_text(const PlanAnswer& answer, bool compare, const Session& session);
// Bars for each VNet and subnet, as wide as the session's terminal; ASCII where it has no UTF-8.
std::string plan_drawing(const std::vector<plan::Space>& spaces, const Session& session);
// One self-contained page: no scripts, no other files; light and dark as the reader's system has it.
std::string plan_page(const PlanAnswer& answer, const Session& session);

std::string share_text(double share);                // "78 %", "0.3 %"
std::string count_text(std::uint64_t count);         // "27,610"
std::string length_text(std::optional<int> length);  // "/21"; "-" where none is enough

}  // namespace bailey::cli
