// Times as people read them.
#pragma once

#include <string>

namespace kvmtsc {

// "+3.47 ms", "-120 ns", "0 s": three significant digits and the unit that fits, from ps to s; from
// 1000 s on whole seconds.
// Pure.
std::string duration_text(double seconds, bool with_sign = false);

}  // namespace kvmtsc
