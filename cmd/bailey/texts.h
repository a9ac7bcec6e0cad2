#pragma once

#include <span>

#include "base/text.h"

namespace bailey::cli {

std::span<const base::Text> texts();

}  // namespace bailey::cli
