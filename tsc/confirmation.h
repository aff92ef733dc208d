// Confirmation: a skew counts only once two readings agree on it; what they never agree on moves.
//
// Guests and VMMs write offsets one vCPU at a time, and KVM itself aligns vCPUs as they start, so a
// single reading may show a state that nobody is meant to see. But an offset that is another one at
// reading after reading is no passing state, and is said to move. One Confirmation follows one VM.
// Pure (time comes with the readings); not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "tsc/movement.h"
#include "tsc/reading.h"

namespace kvmtsc {

// Changes of one vCPU's offset or scaling ratio.
struct VcpuSteps {
  VcpuId id = 0;
  std::uint64_t count = 0;
  friend bool operator==(const VcpuSteps&, const VcpuSteps&) = default;
};

class Confirmation {
 public:
  // Two readings count as two only when at least `spacing` lies between them, so that a burst of
  // extra sweeps cannot confirm a state that lasted a moment.
  explicit Confirmation(Nanoseconds spacing) : spacing_(spacing) {}

  // From the next observation on.
  void set_spacing(Nanoseconds spacing) { spacing_ = spacing; }

  // Takes in the next reading of the VM. vCPUs whose reading is not trusted neither confirm nor
  // refute anything; vCPUs that are neither in it nor unreadable in it are forgotten.
  void observe(const VmReading& reading);

  // The vCPUs of the last observed reading that are trusted in it and have a confirmed offset, with
  // that offset and ratio (which differ from the reading's while a change awaits its confirmation).
  // Ascending by id.
  std::vector<VcpuReading> confirmed() const;

  // Of each vCPU there is, read or not: how often a trusted reading showed another offset or ratio
  // than the one before it, whether or not it lasted. What a vCPU goes through before it is first
  // confirmed is its birth and does not count, unless it moves. Ascending by id.
  std::vector<VcpuSteps> steps() const;

  // The vCPUs of the last observed reading that move: none of three trusted readings or more,
  // `spacing` apart, confirmed another. A reading that is not trusted ends no movement: it may be
  // that the offset changed while it was read. Absent when there are none, and where the host's
  // clocksource is not tsc.
  std::optional<Movement> movement() const;

 private:
  struct Timeline {
    std::int64_t offset = 0;
    ScalingRatio ratio;
    friend bool operator==(const Timeline&, const Timeline&) = default;
  };
  // What was seen of a vCPU since it last held still.
  struct Unsettled {
    MonotonicTime since;
    MonotonicTime counted;      // the last reading that `readings` counts
    int readings = 0;           // `spacing` apart
    std::uint64_t largest = 0;  // change between two successive readings, in ticks
    int changes = 0;
    double slowest = 0;  // of the changes, in ticks a second, signed
    double fastest = 0;
  };
  struct Vcpu {
    std::optional<Timeline> confirmed;
    std::optional<Timeline> last;  // as last read
    MonotonicTime taken;           // when
    MonotonicTime since;           // the first of the readings that `last` was the same in
    std::optional<Unsettled> unsettled;
    std::uint64_t steps = 0;
    bool trusted_now = false;

    bool moves() const;
  };

  void observe_vcpu(Vcpu& vcpu, const VcpuReading& reading, const VmReading& vm) const;
  void note_change(Vcpu& vcpu, const Timeline& now, const VmReading& vm) const;

  Nanoseconds spacing_;
  std::map<VcpuId, Vcpu> vcpus_;
  bool unstable_ = false;  // the last reading was of an unstable host TSC
};

}  // namespace kvmtsc
