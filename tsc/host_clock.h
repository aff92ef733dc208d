// The host's own clock as it stood at one sweep. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace kvmtsc {

// A frequency and the half-width of the interval in which it lies.
struct Frequency {
  double hertz = 0;
  double bound_hertz = 0;
};

struct HostClock {
  std::string clocksource;             // "tsc", "hpet", ...; empty if unknown
  std::vector<std::string> tsc_flags;  // of /proc/cpuinfo, e.g. "constant_tsc"; sorted

  // Ticks of the host TSC per second of CLOCK_MONOTONIC_RAW; absent until measured.
  std::optional<Frequency> tsc_frequency;

  // adjtimex(2): whether CLOCK_REALTIME is disciplined, and its maximum error.
  std::optional<bool> synchronized;
  std::optional<Nanoseconds> realtime_bound;

  // With any other clocksource KVM adjusts offsets by itself (DESIGN: never judge, never correct).
  bool tsc_is_stable() const { return clocksource == "tsc"; }
};

}  // namespace kvmtsc
