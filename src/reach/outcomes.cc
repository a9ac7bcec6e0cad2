#include "reach/outcomes.h"

#include <algorithm>

namespace bailey::reach {
namespace {

void append(std::vector<Decider>& to, const std::vector<Decider>& from) {
  for (const Decider& by : from)
    if (std::find(to.begin(), to.end(), by) == to.end()) to.push_back(by);
}

Verdict denied(std::string reason, const std::vector<Decider>& by) {
  Verdict out;
  out.reason = std::move(reason);
  append(out.decided_by, by);
  return out;
}

}  // namespace

WayOutcome outcome_of(const Passage& passage, const Place& from, const model::Address& source) {
  WayOutcome out;
  out.came = passage.arrived || passage.reply_failed;
  out.whole = passage.arrived;
  if (passage.source != source) {
    bool node = from.node && World::address_of(*from.node, source.family()) == passage.source;
    out.source = node ? Verdict::Source::node : Verdict::Source::translated;
    if (!node) out.translated = passage.source;
  }
  for (const Step& step : passage.steps) {
    std::vector<Decider>* list = nullptr;
    if (!step.allow) {
      out.reason = step.reason;
      list = &out.denied;
    } else if (step.stage == Stage::nsg) {
      list = step.reply ? &out.reply : &out.request;
    } else if (step.stage == Stage::route && !step.by.empty()) {
      out.route = step.by;
    }
    if (list) list->insert(list->end(), step.by.begin(), step.by.end());
  }
  return out;
}

Verdict joined(const PolicyVerdict& egress, const WayOutcome& way, const PolicyVerdict& ingress) {
  if (!egress.allow) return denied("egress-denied", egress.by);
  if (!way.came) return denied(way.reason, way.denied);
  if (!ingress.allow) return denied("ingress-denied", ingress.by);
  if (!way.whole) return denied(way.reason, way.denied);
  Verdict out;
  out.allow = true;
  out.source = way.source;
  for (const auto* list : {&egress.by, &way.request, &ingress.by, &way.reply}) append(out.decided_by, *list);
  if (out.decided_by.empty()) append(out.decided_by, way.route);
  return out;
}

}  // namespace bailey::reach
