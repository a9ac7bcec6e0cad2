#include "lab/wire.h"

namespace bailey::lab {
namespace {

constexpr std::string_view classes[] = {"input", "usage", "machine", "bug"};

}  // namespace

base::Json to_json(const base::Message& message) {
  base::Json args = base::Json::array();
  for (const std::string& arg : message.args) args.push(arg);
  return base::Json::object().set("id", message.id).set("args", std::move(args));
}

base::Message message_from(const base::Json& json) {
  base::Message message{json["id"].as_string(), {}};
  for (const base::Json& arg : json["args"].items()) message.args.push_back(arg.as_string());
  return message;
}

base::Json to_json(const model::InputError& error) {
  base::Json json = base::Json::object();
  json.set("warning", error.severity == model::InputError::Severity::warning).set("code", error.code);
  json.set("file", error.file).set("line", error.position.line).set("column", error.position.column);
  json.set("object", error.object).set("field", error.field).set("expected", to_json(error.expected));
  return json.set("found", to_json(error.found)).set("mend", to_json(error.mend));
}

model::InputError input_error_from(const base::Json& json) {
  model::InputError error;
  if (json["warning"].as_bool()) error.severity = model::InputError::Severity::warning;
  error.code = json["code"].as_string();
  error.file = json["file"].as_string();
  error.position.line = static_cast<std::uint32_t>(json["line"].as_int());
  error.position.column = static_cast<std::uint32_t>(json["column"].as_int());
  error.object = json["object"].as_string();
  error.field = json["field"].as_string();
  error.expected = message_from(json["expected"]);
  error.found = message_from(json["found"]);
  error.mend = message_from(json["mend"]);
  return error;
}

base::Json to_json(const Failure& failure) {
  base::Json errors = base::Json::array();
  for (const model::InputError& error : failure.errors) errors.push(to_json(error));
  base::Json inner = base::Json::object().set("class", classes[static_cast<int>(failure.kind)]);
  inner.set("message", to_json(failure.message)).set("errors", std::move(errors));
  return base::Json::object().set("failure", std::move(inner));
}

std::optional<Failure> failure_from(const base::Json& json) {
  const base::Json* inner = json.find("failure");
  if (!inner) return std::nullopt;
  Failure failure;
  for (int i = 0; i < 4; ++i)
    if (classes[i] == (*inner)["class"].as_string()) failure.kind = static_cast<Failure::Class>(i);
  failure.message = message_from((*inner)["message"]);
  for (const base::Json& error : (*inner)["errors"].items()) failure.errors.push_back(input_error_from(error));
  return failure;
}

base::Json to_json(const Condition& condition) {
  base::Json json = base::Json::object().set("object", condition.object.text()).set("type", condition.type);
  return json.set("status", condition.status)
      .set("reason", condition.reason)
      .set("message", to_json(condition.message));
}

Failure usage_failure(base::Message message) { return {Failure::Class::usage, std::move(message), {}}; }

Failure machine_failure(const base::Error& error) {
  return {Failure::Class::machine, {"lab.machine-refused", {error.text()}}, {}};
}

}  // namespace bailey::lab
