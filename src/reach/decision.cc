#include "reach/decision.h"

namespace bailey::reach {

Decider decider(const model::Object& object, std::string rule, const std::string& field) {
  const model::Source& source = *object.meta.source;
  return {object.meta.ref(), std::move(rule), source.file(), source.at(field)};
}

base::Json to_json(const Decider& by) {
  base::Json out = base::Json::object();
  out.set("object", by.object.text()).set("rule", by.rule);
  return out.set("file", by.file).set("line", by.position.line);
}

base::Json to_json(const std::vector<Decider>& list) {
  base::Json out = base::Json::array();
  for (const Decider& by : list) out.push(to_json(by));
  return out;
}

}  // namespace bailey::reach
