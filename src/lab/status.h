// The status document of a lab.
#pragma once

#include "base/json.h"
#include "lab/hosts.h"
#include "lab/network.h"

namespace bailey::lab {

// {name, generation, ready, seconds, ca_file, hosts[], pods[], services[], networks[], conditions[]}. `ca_file` is null
// as long as the lab has no certificate authority. Conditions carry unrendered messages (lab/wire.h).
base::Json status_document(const std::string& lab, double seconds, const Hosts& hosts, const Network& network);

// Ready: nothing is being changed for, every pod answers, every host has its agent.
bool is_ready(const Hosts& hosts, const Network& network);

}  // namespace bailey::lab
