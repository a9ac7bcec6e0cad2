// File systems of the lab: what its processes see in place of the machine's own.
//
// The machine's files are seen as they are, read through a private copy of its mount table; the folders that hold
// state are replaced by empty ones in memory. Nothing that is mounted here is visible outside.
#pragma once

#include <string>

#include "base/result.h"

namespace bailey::lab {

// For the supervisor, in its new mount and pid namespaces: everything private, a fresh /proc, an empty /run.
base::Status prepare_lab_files();

// For a host, in its new mount and network namespace: an own /run with netns and bailey folders, /sys of its
// network, a BPF file system, /etc/hostname, and the host's name.
base::Status prepare_host_files(const std::string& host);

}  // namespace bailey::lab
