// What a scrape costs, beside one of Debian's node exporter, and the memory that the service has
// come to after many.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"
#include "bench/results.h"

namespace kvmtsc::bench {

// Over the VMs that there are now, with at least `vcpus` vCPUs. Each scrape is on a connection of
// its own and as a client sees it, from connect to the last byte; asked for plain, and compressed
// as Prometheus asks. Where the node exporter is missing its rows are skipped.
Status measure_scrapes(const std::string& debugfs, std::size_t vcpus, Results& results);

}  // namespace kvmtsc::bench
