#include "tsc/kvmclock_divergence.h"

#include <cmath>

#include "tsc/scaling.h"

namespace kvmtsc {

Divergence KvmclockDivergence::observe(const ClockTriple& triple, std::uint64_t guest_tsc,
                                       const Frequency& frequency) {
  if (!zero_) {
    zero_ = Zero{triple.kvmclock_ns, guest_tsc, triple.bound};
  }
  // long double holds 64 bits, so that years of ticks lose nothing.
  const long double ticks = tick_difference(guest_tsc, zero_->guest_tsc);
  const long double nanoseconds = tick_difference(triple.kvmclock_ns, zero_->kvmclock_ns);
  const long double by_tsc = ticks / static_cast<long double>(frequency.hertz);
  const double bounds = std::chrono::duration<double>(triple.bound + zero_->bound).count();
  return {static_cast<double>(by_tsc - nanoseconds / 1e9L),
          bounds + std::abs(static_cast<double>(by_tsc)) * frequency.bound_hertz / frequency.hertz};
}

}  // namespace kvmtsc
