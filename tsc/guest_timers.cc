#include "tsc/guest_timers.h"

#include <cmath>

namespace kvmtsc {

bool moves_timers(const PlannedVcpu& vcpu) {
  if (!vcpu.jump_seconds) {
    return vcpu.jump_ticks != 0;
  }
  return std::abs(*vcpu.jump_seconds) > static_cast<double>(kTimerTolerance.count()) / 1e9;
}

}  // namespace kvmtsc
