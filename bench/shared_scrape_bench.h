// What a scrape costs beside a bare answer of the same bytes, and the memory of many at once.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"
#include "bench/results.h"

namespace kvmtsc::bench {

// Over the VMs that there are now, with at least `vcpus` vCPUs; plain, and compressed as Prometheus
// asks. The bare answer is that of a process with the service's own server which has nothing but
// these bytes (bare_answer.cc). Each is asked on a connection of its own, in turn.
Status measure_shared_scrapes(const std::string& debugfs, std::size_t vcpus, Results& results);

}  // namespace kvmtsc::bench
