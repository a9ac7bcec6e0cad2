#pragma once

#include <span>

#include "base/text.h"

namespace bailey::cli {

// Of all commands. Those with many texts have a table of their own.
std::span<const base::Text> texts();

std::span<const base::Text> check_texts();
std::span<const base::Text> import_texts();
std::span<const base::Text> plan_texts();
std::span<const base::Text> reach_command_texts();
std::span<const base::Text> flows_command_texts();

}  // namespace bailey::cli
