// KvmclockDivergence: how far a guest's TSC has moved away from its kvmclock since first seen.
//
// Both count the same host ticks, so on a healthy VM they stay together; a difference means that
// one of them was written. One object follows one VM. Pure; not thread-safe.
#pragma once

#include <cstdint>
#include <optional>

#include "tsc/clock_triple.h"
#include "tsc/host_clock.h"

namespace kvmtsc {

struct Divergence {
  double seconds = 0;        // positive: the TSC has gained on the kvmclock
  double bound_seconds = 0;  // half-width: both triples' bounds and the frequency's error over time
};

class KvmclockDivergence {
 public:
  // `guest_tsc` is the reference vCPU's at triple.host_tsc, `frequency` its own. The first call
  // sets the zero.
  Divergence observe(const ClockTriple& triple, std::uint64_t guest_tsc,
                     const Frequency& frequency);

 private:
  struct Zero {
    std::uint64_t kvmclock_ns = 0;
    std::uint64_t guest_tsc = 0;
    Nanoseconds bound{0};
  };
  std::optional<Zero> zero_;
};

}  // namespace kvmtsc
