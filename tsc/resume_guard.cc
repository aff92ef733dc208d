#include "tsc/resume_guard.h"

#include <algorithm>

namespace kvmtsc {

bool ResumeGuard::torn(const VmReading& reading, Nanoseconds suspended) {
  // The two clocks are read one after the other, so their difference wavers by microseconds.
  constexpr Nanoseconds kNoise = std::chrono::milliseconds(10);
  const bool resumed = suspended_ >= Nanoseconds(0) && suspended - suspended_ > kNoise;
  suspended_ = suspended;
  if (resumed) {
    watching_ = true;
    resumed_ = reading.taken;
  }
  if (watching_ && reading.taken - resumed_ <= kPatience) {
    const auto changed = std::ranges::count_if(reading.vcpus, [&](const VcpuReading& vcpu) {
      const auto before = previous_.find(vcpu.id);
      return before == previous_.end() || before->second != vcpu.offset;
    });
    if (changed != 0 && changed != std::ssize(reading.vcpus)) {
      return true;
    }
    // None changed yet: the TSC did not go backwards, or nobody has run; keep watching for the
    // first.
    watching_ = changed == 0;
    if (watching_) {
      return false;
    }
  }
  watching_ = false;
  previous_.clear();
  for (const VcpuReading& vcpu : reading.vcpus) {
    previous_[vcpu.id] = vcpu.offset;
  }
  return false;
}

}  // namespace kvmtsc
