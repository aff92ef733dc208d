// What a sweep costs: beside the bare reads of the same files, and the first one, which has to find
// out who the VMs are.
#pragma once

#include <string>

#include "base/result.h"
#include "bench/results.h"

namespace kvmtsc::bench {

// Over the VMs that there are now; a pair of measurements during which one came or went does not
// count. An error when that was so nearly always.
Status measure_sweeps(const std::string& debugfs, Results& results);

}  // namespace kvmtsc::bench
