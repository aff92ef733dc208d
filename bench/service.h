// The service as a process, at its default interval, on this host's VMs.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/result.h"
#include "tests/integration/exporter.h"

namespace kvmtsc::bench {

// Returns once it serves a confirmed skew for at least `vcpus` vCPUs.
Result<std::unique_ptr<integration::Exporter>> start_service(const std::string& debugfs,
                                                             std::size_t vcpus);

}  // namespace kvmtsc::bench
