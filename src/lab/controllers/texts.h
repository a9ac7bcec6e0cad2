// What conditions say, in English and Korean.
#pragma once

#include <span>

#include "base/text.h"

namespace bailey::lab::controllers {

std::span<const base::Text> texts();

}  // namespace bailey::lab::controllers
