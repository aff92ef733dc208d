// Confirmation: a skew or a step counts only once two readings agree on it.
//
// Guests and VMMs write offsets one vCPU at a time, and KVM itself aligns vCPUs as they start, so a
// single reading may show a state that nobody is meant to see. One Confirmation follows one VM.
// Pure (time comes with the readings); not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "tsc/reading.h"

namespace kvmtsc {

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

  // Confirmed changes of the vCPU's offset or ratio since it was first confirmed; 0 if unknown.
  std::uint64_t steps(VcpuId id) const;

  // True while some trusted vCPU's last reading still awaits its confirmation.
  bool pending() const;

 private:
  struct Timeline {
    std::int64_t offset = 0;
    ScalingRatio ratio;
    friend bool operator==(const Timeline&, const Timeline&) = default;
  };
  struct Candidate {
    Timeline timeline;
    MonotonicTime since;
  };
  struct Vcpu {
    std::optional<Timeline> confirmed;
    std::optional<Candidate> candidate;
    std::uint64_t steps = 0;
    bool trusted_now = false;
  };

  void observe_vcpu(Vcpu& vcpu, const VcpuReading& reading, MonotonicTime taken);

  Nanoseconds spacing_;
  std::map<VcpuId, Vcpu> vcpus_;
};

}  // namespace kvmtsc
