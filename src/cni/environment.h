// What a runtime passes in environment variables (CNI specification, section 2, "Parameters"). Pure.
#pragma once

#include <string>
#include <vector>

#include "cni/protocol.h"

namespace bailey::cni {

enum class Command : std::uint8_t { add, del, check, gc, status, version };

// The variables as they are; empty means not set.
struct Variables {
  std::string command;       // CNI_COMMAND
  std::string container_id;  // CNI_CONTAINERID
  std::string netns;         // CNI_NETNS
  std::string ifname;        // CNI_IFNAME
  std::string args;          // CNI_ARGS
};

// CNI_ARGS: "KEY=VALUE;KEY=VALUE".
struct Arguments {
  std::string ip;
  std::string mac;
  std::string pod_namespace;
  std::string pod_name;
  std::string pod_uid;
};

struct Environment {
  Command command = Command::version;
  std::string container_id;
  std::string netns;
  std::string ifname;
  Arguments args;
};

// Every failure has code 4 and names the variables it is about.
Outcome<Environment> parse_environment(const Variables& variables);

// At most 15 bytes, no '/', ':', blank or control character, not "." or "..", not "all" or "default" (they are
// the kernel's names for all interfaces in sysctls).
bool valid_interface_name(std::string_view name);
// [A-Za-z0-9][A-Za-z0-9_.-]*, for container ids and network names.
bool valid_id(std::string_view id);

}  // namespace bailey::cni
