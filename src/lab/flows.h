// Flows of all nodes of a lab, asked from their agents.
#pragma once

#include "lab/hosts.h"
#include "lab/network.h"
#include "lab/questions.h"

namespace bailey::lab {

// {since{host: number}?, max?} -> {flows[] by time, next{host: number}, lost}. What a node tells is the last it
// remembers; a node whose agent does not run tells nothing.
void ask_flows(Hosts& hosts, const base::Json& request, Questions::Answered answered);

// {documents[{file, text}]}: Namespaces, Nodes, Pods with their addresses, and NetworkPolicies, as the lab has them
// now.
base::Json policy_documents(const Network& network);

}  // namespace bailey::lab
