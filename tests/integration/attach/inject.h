// One whole attach, inject, release cycle on one thread, with calls whose result is known.
#pragma once

#include <atomic>
#include <cstdint>

#include "attach/ptrace/saved_state.h"
#include "base/result.h"

namespace kvmtsc::testing {

struct Injected {
  std::int64_t process = 0;       // getpid() of the tracee
  std::int64_t monotonic_ns = 0;  // its clock_gettime(CLOCK_MONOTONIC), through its memory
};

// Looks at the process, stops `thread`, runs `calls` times getpid and clock_gettime in it, and lets
// it go.
Result<Injected> inject(pid_t process, injection::Tid thread,
                        const injection::AttachPolicy& policy = {}, int calls = 1,
                        Nanoseconds patience = std::chrono::milliseconds(500));

// The same without looking first. `holding`, if given, is 1 while the thread is not its own.
Result<Injected> inject_unseen(const injection::ProcessLayout& layout, injection::Tid thread,
                               const injection::AttachPolicy& policy, int calls,
                               Nanoseconds patience, std::atomic<int>* holding = nullptr);

}  // namespace kvmtsc::testing
