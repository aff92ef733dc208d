// FrequencyMeter: the host TSC's frequency from readings of it bracketed around another clock.
//
// The longer the time between the first and the last reading, the tighter the bound. Measured
// against CLOCK_MONOTONIC_RAW this is the frequency by which the kernel itself keeps time and which
// KVM hands to guests; how far that is from SI seconds is the discipline's business (HostClock).
// Pure; not thread-safe.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "tsc/host_clock.h"

namespace kvmtsc {

// `raw` was read while the host TSC was between `tsc_before` and `tsc_after`.
struct ClockBracket {
  std::uint64_t tsc_before = 0;
  Nanoseconds raw{0};
  std::uint64_t tsc_after = 0;
};

class FrequencyMeter {
 public:
  // Starts anew when the TSC or the clock went backwards, as it does when a host resumes.
  void observe(const ClockBracket& bracket);

  // Absent until two readings lie at least 10 ms apart. The bound is the sum of both brackets'
  // half-widths and of the clock's resolution (1 ns each), over the time between them.
  std::optional<Frequency> frequency() const;

 private:
  std::optional<ClockBracket> first_;
  ClockBracket last_;
};

}  // namespace kvmtsc
