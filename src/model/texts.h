// The texts of what validate() finds, in English and Korean.
#pragma once

#include <span>

#include "base/text.h"

namespace bailey::model {

std::span<const base::Text> texts();

}  // namespace bailey::model
