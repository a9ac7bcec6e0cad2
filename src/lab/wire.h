// How failures, mistakes and conditions travel between the supervisor and its clients, as JSON.
#pragma once

#include "base/json.h"
#include "lab/lab.h"

namespace bailey::lab {

base::Json to_json(const base::Message& message);
base::Message message_from(const base::Json& json);

base::Json to_json(const model::InputError& error);
model::InputError input_error_from(const base::Json& json);

// {"failure":{class, message, errors[]}}
base::Json to_json(const Failure& failure);
// Empty where the document is no failure.
std::optional<Failure> failure_from(const base::Json& json);

// {object, type, status, reason, message{id, args}}; the command line renders the message.
base::Json to_json(const Condition& condition);

Failure usage_failure(base::Message message);
Failure machine_failure(const base::Error& error);

}  // namespace bailey::lab
