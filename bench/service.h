// The service as a process on this host's VMs.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/result.h"
#include "tests/integration/exporter.h"

namespace kvmtsc::bench {

// Returns once it serves a confirmed skew for at least `vcpus` vCPUs. Sweeps at the default
// interval, or that given as the configuration has it ("500ms").
Result<std::unique_ptr<integration::Exporter>> start_service(const std::string& debugfs,
                                                             std::size_t vcpus,
                                                             const std::string& interval = "5s");

}  // namespace kvmtsc::bench
