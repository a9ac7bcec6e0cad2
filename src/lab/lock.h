// The one file that a lab leaves outside: /run/bailey/lab/NAME.lock.
//
// flock(2)ed by the supervisor as long as it lives, with its pid inside. A lock that nobody holds is a lab that is
// gone, however it went; the file may stay and means nothing.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "io/fd.h"

namespace bailey::lab {

inline constexpr const char* lock_folder = "/run/bailey/lab";

bool is_lab_name(const std::string& name);  // 1 to 40 of [A-Za-z0-9_.-], a letter or digit first

// Takes the lock; an error with code EWOULDBLOCK when the lab runs.
base::Result<io::Fd> take_lock(const std::string& lab);
base::Status write_pid(const io::Fd& lock, int pid);

// The supervisor's pid; 0 when the lab does not run (or has only just begun to).
base::Result<int> running_pid(const std::string& lab);
std::vector<std::string> running_labs();

// Removes the file if nobody holds it.
void remove_lock(const std::string& lab);

}  // namespace bailey::lab
