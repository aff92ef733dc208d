#include "collectors/sweep_schedule.h"

#include <algorithm>

namespace kvmtsc {

void SweepSchedule::vm_event(MonotonicTime now) {
  if (!soon_) {
    soon_ = now + kSoon;
    if (last_) {
      soon_ = std::max(*soon_, *last_ + kEventSpacing);
    }
  }
  settled_ = now + kSettled;
}

MonotonicTime SweepSchedule::due() const {
  MonotonicTime due = regular_;
  for (const auto& extra : {soon_, settled_}) {
    if (extra) {
      due = std::min(due, *extra);
    }
  }
  return due;
}

void SweepSchedule::swept(MonotonicTime now) {
  if (now >= regular_) {
    regular_ = regular_ + interval_;
    if (regular_ <= now) {
      regular_ =
          now + interval_;  // sweeps that were missed (suspended, overloaded) are not made up
    }
  }
  for (auto* extra : {&soon_, &settled_}) {
    if (*extra && **extra <= now) {
      extra->reset();
    }
  }
  last_ = now;
}

void SweepSchedule::set_interval(Nanoseconds interval, MonotonicTime now) {
  interval_ = interval;
  regular_ = std::min(regular_, now + interval);
}

}  // namespace kvmtsc
