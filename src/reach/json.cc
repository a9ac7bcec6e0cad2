#include "reach/reach.h"

namespace bailey::reach {

base::Json to_json(const Answer& answer) {
  base::Json out = base::Json::object();
  out.set("verdict", answer.allow ? "allow" : "deny");
  out.set("reason", answer.reason.empty() ? base::Json() : base::Json(answer.reason));
  out.set("decided_by", to_json(answer.decided_by));
  out.set("source_seen", answer.source_seen ? base::Json(answer.source_seen->text()) : base::Json());
  out.set("answered_by", answer.answered_by.empty() ? base::Json() : base::Json(answer.answered_by));
  if (answer.endpoints == 1) return out;
  return out.set("endpoints", answer.endpoints).set("endpoints_reached", answer.endpoints_reached);
}

base::Json steps_json(const Answer& answer) {
  base::Json out = base::Json::array();
  for (const Step& step : answer.steps) {
    base::Json row = base::Json::object();
    row.set("direction", step.reply ? "reply" : "request").set("hop", step.hop).set("stage", name(step.stage));
    Decider first = step.by.empty() ? Decider{} : step.by.front();
    row.set("object", step.by.empty() ? base::Json() : base::Json(first.object.text())).set("rule", first.rule);
    row.set("file", first.file).set("line", first.position.line);
    row.set("verdict", step.allow ? "allow" : "deny").set("reason", step.reason);
    base::Json args = base::Json::array();
    for (const std::string& arg : step.note.args) args.push(arg);
    row.set("message", base::Json::object().set("id", step.note.id).set("args", std::move(args)));
    out.push(std::move(row));
  }
  return out;
}

}  // namespace bailey::reach
