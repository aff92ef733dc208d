// Verification: watches, sweep by sweep, whether what was written to a VM stays. One a correction;
// not thread-safe: the sampling thread's.
#pragma once

#include "attach/clock_source.h"
#include "base/clock.h"
#include "corrections/correction.h"
#include "tsc/snapshot.h"

namespace kvmtsc {

class Verification {
 public:
  explicit Verification(MonotonicTime written) : written_(written), last_seen_(written) {}

  struct Means {
    const Clock* clock = nullptr;
    ClockSource* clocks = nullptr;  // null: the master clock stays unknown
    Nanoseconds deadline{0};        // after which the verdict is given from what is known then
  };

  // A sweep has ended; `vm` is null when the VM was not in it. Sets facts, and the verdict once
  // there is one: kCorrected when two readings agree with what was written and the master clock is
  // settled, kUncertain when two disagree, the VM is gone or the deadline passes.
  void look(Correction& correction, const VmState* vm, const Means& means);

 private:
  void look_at_offsets(const Correction& correction, const VmState& vm);

  MonotonicTime written_;
  MonotonicTime last_seen_;  // when the last reading that counted was taken
  int agreeing_ = 0;         // such readings in a row that agree with what was written
  int disagreeing_ = 0;
};

}  // namespace kvmtsc
