// What nobody can be faster than: the least process, and the kernel's own time for a namespace and a link.
#pragma once

#include "figures.h"

namespace bailey::bench {

// After enter_own_machine().
void measure_floor(const Report& report);

}  // namespace bailey::bench
