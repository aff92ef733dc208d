// The sampling thread's priority.
//
// On a host with far more runnable vCPUs than CPUs the one that watches them must be the last to
// starve. It needs some milliseconds of CPU an interval, so it asks for a nice value and not for a
// real-time policy: a fault of ours that spins would then take a whole CPU from the guests, and
// under real-time throttling from everything of its kind. What it competes with in another control
// group is between the groups, which is for the operator to say (CPUWeight= of the unit).
#pragma once

#include "base/result.h"

namespace kvmtsc {

inline constexpr int kSamplingNice = -15;

// Gives the calling thread, and no other, that nice value. An error where it may not
// (CAP_SYS_NICE, RLIMIT_NICE), with a remedy; the thread then runs on as it was.
Status prefer_this_thread();

}  // namespace kvmtsc
