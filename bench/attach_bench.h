// How long attaching holds the threads of a VMM, and that monitoring holds no vCPU.
#pragma once

#include <string>

#include "base/result.h"
#include "bench/results.h"

namespace kvmtsc::bench {

// One getppid in a thread that waits in ppoll, ours beside the bare sequence: what any machine can
// measure, and the part of a clock reading that is not KVM's.
Status measure_one_call(Results& results);

// With QEMUs of 1, 4 and 16 vCPUs; rows of their own say what the same readings cost where nobody
// has to be attached to.
Status measure_attaching(Results& results);

// The service with attach.mode clock beside a QEMU, for some seconds.
Status measure_monitoring(const std::string& debugfs, Results& results);

}  // namespace kvmtsc::bench
