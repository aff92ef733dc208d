#include "tsc/frequency_meter.h"

namespace kvmtsc {
namespace {

double half_width(const ClockBracket& bracket) {
  return static_cast<double>(bracket.tsc_after - bracket.tsc_before) / 2;
}

}  // namespace

void FrequencyMeter::observe(const ClockBracket& bracket) {
  const bool backwards =
      first_ && (bracket.tsc_before < last_.tsc_after || bracket.raw < last_.raw);
  if (!first_ || backwards) {
    first_ = bracket;
  }
  last_ = bracket;
}

std::optional<Frequency> FrequencyMeter::frequency() const {
  if (!first_ || last_.raw - first_->raw < std::chrono::milliseconds(10)) {
    return std::nullopt;
  }
  const double seconds = std::chrono::duration<double>(last_.raw - first_->raw).count();
  // The distance between the brackets' middles, from integers so that no tick is lost.
  const double ticks = static_cast<double>(last_.tsc_before - first_->tsc_before) +
                       half_width(last_) - half_width(*first_);
  const double hertz = ticks / seconds;
  constexpr double kClockResolution = 2e-9;
  return Frequency{hertz, (half_width(*first_) + half_width(last_)) / seconds +
                              hertz * kClockResolution / seconds};
}

}  // namespace kvmtsc
