#include "base/clock.h"

#include <sys/timex.h>
#include <time.h>
#include <x86intrin.h>

namespace kvmtsc {
namespace {

Nanoseconds read(clockid_t id) {
  timespec now{};
  ::clock_gettime(id, &now);  // cannot fail for the ids used here
  return std::chrono::seconds(now.tv_sec) + Nanoseconds(now.tv_nsec);
}

class SystemClock final : public Clock {
 public:
  MonotonicTime monotonic() const override { return {read(CLOCK_MONOTONIC)}; }
  RealTime realtime() const override { return {read(CLOCK_REALTIME)}; }
  Nanoseconds monotonic_raw() const override { return read(CLOCK_MONOTONIC_RAW); }

  Nanoseconds suspended() const override {
    // Monotonic is read last: what passes between the two reads must not look like a suspend.
    const Nanoseconds boot = read(CLOCK_BOOTTIME);
    return boot - read(CLOCK_MONOTONIC);
  }

  TimeDiscipline discipline() const override {
    timex state{};
    const int result = ::adjtimex(&state);  // a query (modes = 0) needs no privilege, cannot fail
    return {result != TIME_ERROR && (state.status & STA_UNSYNC) == 0,
            std::chrono::microseconds(state.maxerror)};
  }

  Nanoseconds thread_cpu() const override { return read(CLOCK_THREAD_CPUTIME_ID); }

  std::uint64_t host_tsc() const override {
    // RDTSC alone may execute before earlier loads have finished (Intel SDM vol. 2B, RDTSC).
    _mm_lfence();
    return __rdtsc();
  }
};

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

}  // namespace kvmtsc
