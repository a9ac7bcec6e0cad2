// Source address translation for what leaves a network namespace, written straight to nf_tables (linux/netfilter/
// nf_tables.h), so that a program which is started for every pod need not load a rule compiler.
//
// A masquerade is one table of each family that it has sources of:
//
//   table ip NAME { chain postrouting { type nat hook postrouting priority 100;
//     ip daddr EXCEPT return    (each of them, and multicast)
//     ip saddr SOURCE masquerade fully-random    (each of them) } }
//
// The table carries a digest of what it was made from, so that setting the same again costs one question to the
// kernel. A change replaces the tables in one transaction; connections that are translated keep their translation.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/address.h"

namespace bailey::netlink {

struct Masquerade {
  std::string name;                    // of the tables, 1 to 200 bytes
  std::vector<model::Prefix> sources;  // at most 200, like `except`
  std::vector<model::Prefix> except;   // destinations that see the source as it is
};

// In the calling thread's namespace. Needs CAP_NET_ADMIN there. Without sources the tables are removed.
base::Status set_masquerade(const Masquerade& wanted);
// What is not there is fine.
base::Status remove_masquerade(const std::string& name);

}  // namespace bailey::netlink
