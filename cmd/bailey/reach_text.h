// Answers of reach, explain and diff: as rows of JSON, and as people read them.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/json.h"
#include "reach/matrix.h"
#include "reach/reach.h"
#include "reach/url.h"
#include "session.h"

namespace bailey::cli {

// A row {from, to, port, family?} that has been checked; empty on anything else.
std::optional<reach::Question> question_of(const base::Json& row);
// The row with the answer's keys behind its own.
base::Json row_json(const base::Json& row, const reach::Answer& answer);

// The verdict, what the far end sees, and what decides, with file and line.
std::string answer_text(const base::Json& row, const reach::Answer& answer, const Session& session);
// The same with every step on the way there and back.
std::string steps_text(const base::Json& row, const reach::Answer& answer, const Session& session);
// The same of a lab's answer to `explain`, and what its packets say of it.
std::string lab_steps_text(const base::Json& told, const Session& session);
std::string url_text(const reach::Url& url, const reach::UrlAnswer& answer, const Session& session);
std::string rows_text(const base::Json& rows, const Session& session);
// A row of an expectations file that was not as expected.
std::string judged_text(const base::Json& row, const Session& session);
// "NetworkPolicy/shop/db spec.ingress[0]  shop.yaml:12"
std::string decider_text(const base::Json& by);

// For each target and port by which workloads it is reached.
std::string matrix_text(reach::Matrix& matrix, const Session& session);
// {from, to, port, verdict, decided_by[]} for every pair.
void each_row(reach::Matrix& matrix, const std::function<void(const base::Json&)>& visit);
// The same rows as JSON lines, in pieces of whole lines.
void matrix_lines(reach::Matrix& matrix, const std::function<void(std::string_view)>& write);
// {endpoints[], groups[]{from, to, port, pairs, allowed}, rows[]}; of more than 20,000 rows `rows_omitted` says how
// many there are.
base::Json matrix_json(reach::Matrix& matrix);

}  // namespace bailey::cli
