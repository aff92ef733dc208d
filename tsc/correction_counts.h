// CorrectionCounts: what became of corrections since the service started. A plain value.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "tsc/hold_histogram.h"

namespace kvmtsc {

struct CorrectionCounts {
  struct OfVm {
    // By verdict.
    std::uint64_t corrected = 0;
    std::uint64_t not_applied = 0;
    std::uint64_t rolled_back = 0;
    std::uint64_t uncertain = 0;

    // With any verdict other than corrected.
    std::uint64_t failed() const { return not_applied + rolled_back + uncertain; }
  };
  std::map<std::string, OfVm> vms;  // by label
  std::uint64_t refused = 0;
  std::uint64_t interrupted = 0;  // found half done at start
  HoldHistogram held;             // how long corrections kept each vCPU from running
};

}  // namespace kvmtsc
