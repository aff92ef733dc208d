// CorrectionCounts: what became of corrections since the service started. A plain value.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "tsc/hold_histogram.h"

namespace kvmtsc {

struct CorrectionCounts {
  struct OfVm {
    std::uint64_t finished = 0;  // that have a verdict
    std::uint64_t failed = 0;    // of these, with any other than corrected
  };
  std::map<std::string, OfVm> vms;  // by label
  std::uint64_t refused = 0;
  std::uint64_t interrupted = 0;  // found half done at start
  HoldHistogram held;             // how long corrections kept each vCPU from running
};

}  // namespace kvmtsc
