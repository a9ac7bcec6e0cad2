// What decides about a packet: an object, the rule within it, and where that stands.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "model/object.h"
#include "model/source.h"

namespace bailey::reach {

struct Decider {
  model::ObjectRef object;
  std::string
      rule;  // the name of a security rule or route; "spec.ingress[0]" of a policy; "" for the object as a whole
  std::string file;  // "" for what no file holds, such as the default rules of a security group
  model::Position position;
  friend auto operator<=>(const Decider&, const Decider&) = default;
};

// `field` is the path of what decides within the object: "spec.rules[2]".
Decider decider(const model::Object& object, std::string rule, const std::string& field);

// {object, rule, file, line}
base::Json to_json(const Decider& by);
base::Json to_json(const std::vector<Decider>& list);

}  // namespace bailey::reach
