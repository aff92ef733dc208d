// One whole attach, inject, release cycle on one thread, with calls whose result is known.
#pragma once

#include <cstdint>

#include "attach/ptrace/saved_state.h"
#include "base/result.h"

namespace kvmtsc::testing {

struct Injected {
  std::int64_t process = 0;       // getpid() of the tracee
  std::int64_t monotonic_ns = 0;  // its clock_gettime(CLOCK_MONOTONIC), through its memory
};

// Stops `thread`, runs `calls` times getpid and clock_gettime in it, and lets it go.
Result<Injected> inject(pid_t process, injection::Tid thread,
                        const injection::AttachPolicy& policy = {}, int calls = 1,
                        Nanoseconds patience = std::chrono::milliseconds(500));

}  // namespace kvmtsc::testing
