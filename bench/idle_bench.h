// What the service costs while nobody asks it anything.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"
#include "bench/results.h"

namespace kvmtsc::bench {

// The CPU time of the service at its default interval over 30 s without a scrape, with the VMs
// that there are now, of at least `vcpus` vCPUs.
Status measure_idle(const std::string& debugfs, std::size_t vcpus, Results& results);

}  // namespace kvmtsc::bench
