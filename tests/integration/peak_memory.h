// The memory of a process.
#pragma once

#include <sys/types.h>

#include "base/result.h"

namespace kvmtsc::integration {

// The most that was resident at once since it began (VmHWM of proc(5)), in MiB.
Result<double> peak_resident_mib(pid_t pid);

}  // namespace kvmtsc::integration
