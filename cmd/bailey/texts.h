#pragma once

#include <span>

#include "base/text.h"

namespace bailey::cli {

std::span<const base::Text> texts();
std::span<const base::Text> check_texts();  // of the command `check`
std::span<const base::Text> plan_texts();   // of the command `plan`

}  // namespace bailey::cli
