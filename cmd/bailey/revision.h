// Manifests of a git revision, read from the repository's objects: nothing is checked out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "manifest/manifest.h"

namespace bailey::cli {

// Whether the text names a revision: "git:REV:PATH".
bool is_revision(std::string_view text);

// The manifests below PATH (a file or a folder, from the root of the repository; "" is all of it) as REV has them: what
// read_inputs() would take of a folder, sorted by path. REV is whatever git understands (a branch, a tag, HEAD~2). The
// repository is the one that the working folder is in. Documents are named "git:REV:FILE".
base::Result<std::vector<manifest::Document>> read_revision(std::string_view text);

}  // namespace bailey::cli
