#include "base/clock.h"

#include <time.h>
#include <x86intrin.h>

namespace kvmtsc {
namespace {

Nanoseconds read(clockid_t id) {
  timespec now{};
  ::clock_gettime(id, &now);  // cannot fail for the two ids used here
  return std::chrono::seconds(now.tv_sec) + Nanoseconds(now.tv_nsec);
}

class SystemClock final : public Clock {
 public:
  MonotonicTime monotonic() const override { return {read(CLOCK_MONOTONIC)}; }
  RealTime realtime() const override { return {read(CLOCK_REALTIME)}; }
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
