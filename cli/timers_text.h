// What a correction made of its guest's timers, on a line. Pure.
#pragma once

#include <string>

#include "cli/output.h"

namespace kvmtsc {

// "3 armed anew, 1 not (vCPU 2: why)". `vcpus` is that of a correction's report (docs/api.md);
// empty where nobody looked at a timer. Text that came from elsewhere is made harmless.
std::string timers_text(const Json& vcpus);

}  // namespace kvmtsc
