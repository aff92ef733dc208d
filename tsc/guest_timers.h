// A guest's timers and a correction: which vCPUs' are off by the step unless they are armed anew.
// Pure; any thread.
#pragma once

#include "tsc/correction_plan.h"

namespace kvmtsc {

// Less than this a timer is late, or early, on an ordinary host as well.
inline constexpr Nanoseconds kTimerTolerance = std::chrono::milliseconds(1);

// Whether the vCPU's TSC moves by more than kTimerTolerance, or by an unknown time: then its
// TSC-deadline timer has to be armed anew (VcpuTimer in attach/offset_writer.h).
bool moves_timers(const PlannedVcpu& vcpu);

}  // namespace kvmtsc
