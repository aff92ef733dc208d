// ClockTriple: one VM's kvmclock beside the host's TSC and real time, as KVM_GET_CLOCK gives them.
// Plain values.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace kvmtsc {

struct ClockTriple {
  std::uint64_t host_tsc = 0;     // ticks
  std::uint64_t kvmclock_ns = 0;  // what the guest reads from its kvmclock
  RealTime realtime;              // the host's CLOCK_REALTIME
  std::uint32_t flags = 0;        // KVM_GET_CLOCK's, unchanged; the constants below

  // Half-width of the interval in which host_tsc and realtime hold for kvmclock_ns. KVM takes all
  // three at one instant when its flags say so, and the bound is its rounding of a nanosecond.
  // Otherwise the two were read around the call by this program (`bracketed`) and stand for the
  // middle of that interval.
  Nanoseconds bound{1};
  bool bracketed = false;

  // linux/kvm.h, KVM_CLOCK_TSC_STABLE, KVM_CLOCK_REALTIME, KVM_CLOCK_HOST_TSC.
  static constexpr std::uint32_t kTscStable = 2;
  static constexpr std::uint32_t kRealtime = 4;
  static constexpr std::uint32_t kHostTsc = 8;

  // True while all vCPUs share one offset as far as KVM knows, and the guest's kvmclock is computed
  // from its TSC alone. Also false before the vCPUs have first run: ask master_clock() of
  // snapshot.h.
  bool master_clock() const { return (flags & kTscStable) != 0; }
};

}  // namespace kvmtsc
