// The status document of a lab.
#pragma once

#include "base/json.h"
#include "lab/hosts.h"
#include "lab/network.h"

namespace bailey::lab {

// {name, generation, ready, seconds, ca_file, hosts[], pods[], clusters[], subnets[], services[], networks[],
// fabric{fast_path, packets, off}, conditions[], made[]}. `ca_file` is null as long as the lab has no certificate
// authority. Conditions carry unrendered messages (lab/wire.h). `subnets` are those with nodes, each family by itself:
// {name: "VNET/SUBNET", family: 4 or 6, size: addresses that can be given, nodes: their own, pods_reserved: in ranges
// of nodes or pinned to, pods_held: those of them that pods have, free}; a count above 2^53 is a text of digits.
// `fabric` tells whether the kernel takes the fast path of the fabric, how many packets went that way, and else why
// not.
base::Json status_document(const std::string& lab, double seconds, const Hosts& hosts, const Network& network);

// Ready: nothing is being changed for, every pod answers, every host has its agent.
bool is_ready(const Hosts& hosts, const Network& network);

}  // namespace bailey::lab
