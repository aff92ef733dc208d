// Clock: the seam through which everything that waits or stamps learns the time, so that tests and
// the demo can run on a clock of their own.
#pragma once

#include <chrono>
#include <cstdint>

namespace kvmtsc {

using Nanoseconds = std::chrono::nanoseconds;

// CLOCK_MONOTONIC: for intervals and deadlines; never steps.
struct MonotonicTime {
  Nanoseconds since_boot{0};
  friend auto operator<=>(const MonotonicTime&, const MonotonicTime&) = default;
  friend MonotonicTime operator+(MonotonicTime t, Nanoseconds d) { return {t.since_boot + d}; }
  friend Nanoseconds operator-(MonotonicTime a, MonotonicTime b) {
    return a.since_boot - b.since_boot;
  }
};

// CLOCK_REALTIME: for stamps people read; may step either way at any time.
struct RealTime {
  Nanoseconds since_epoch{0};
  friend auto operator<=>(const RealTime&, const RealTime&) = default;
};

// What the kernel says of CLOCK_REALTIME (adjtimex(2)).
struct TimeDiscipline {
  bool synchronized = false;  // STA_UNSYNC is clear
  Nanoseconds max_error{0};   // maxerror: how far CLOCK_REALTIME may be from UTC
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonotonicTime monotonic() const = 0;
  virtual RealTime realtime() const = 0;
  // CLOCK_MONOTONIC_RAW: the clocksource's own rate, undisciplined.
  virtual Nanoseconds monotonic_raw() const = 0;
  // Time the host has spent suspended since boot: CLOCK_BOOTTIME - CLOCK_MONOTONIC.
  virtual Nanoseconds suspended() const = 0;
  virtual TimeDiscipline discipline() const = 0;
  // CPU time that the calling thread has had: stands still while it waits for a CPU.
  virtual Nanoseconds thread_cpu() const = 0;
  // This CPU's time-stamp counter, read no earlier than everything before it in program order.
  virtual std::uint64_t host_tsc() const = 0;
};

// The machine's clocks. Safe to use from any thread.
const Clock& system_clock();

}  // namespace kvmtsc
