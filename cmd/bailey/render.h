// What the lab's documents look like to people. Pure: a document in, text out; unknown keys are ignored and
// missing ones leave a gap, so an older or newer lab can still be shown.
#pragma once

#include <string>

#include "base/json.h"
#include "session.h"

namespace bailey::cli {

// The topology of a `status` document: networks with subnets, the hosts and pods in them, peerings, gateways.
std::string topology(const base::Json& status, const Session& session, bool color);
// One line: name, generation, ready or not, age.
std::string headline(const base::Json& status, const Session& session, bool color);
// The whole `status` document: headline, topology, services, conditions.
std::string status_text(const base::Json& status, const Session& session, bool color);
// Conditions whose status is false, one line each; "" where there are none.
std::string conditions_text(const base::Json& conditions, const Session& session, bool color);

// Rows of a `probe` document as a table, and how many were open, refused, dropped, unreachable.
std::string probe_text(const base::Json& document, const Session& session, bool color);
// A `lab-compare` document: the rows with what each lab answered, then what each lab takes of its subnets.
std::string compare_text(const base::Json& document, const Session& session, bool color);
std::string connections_text(const base::Json& document, const Session& session, bool color);
std::string labs_text(const base::Json& document, const Session& session, bool color);
// {next_hop_type, next_hop_address, source, prefix}
std::string route_text(const base::Json& document, const Session& session);

// "0.42 ms", "12 ms", "3.2 s"
std::string duration_text(double milliseconds);

}  // namespace bailey::cli
