// For programs that cannot listen on port 0 and tell which one they got.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace kvmtsc::integration {

// A TCP port of 127.0.0.1 that nobody listened on a moment ago.
Result<std::uint16_t> free_port();

}  // namespace kvmtsc::integration
