#pragma once

#include <span>

#include "base/text.h"

namespace bailey::cli {

std::span<const base::Text> texts();
std::span<const base::Text> import_texts();

}  // namespace bailey::cli
