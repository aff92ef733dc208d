// ResumeGuard: after a host resumes, tells whether a VM's offsets may be compared yet.
//
// When the host TSC went backwards over a suspend, KVM adjusts each vCPU's offset as that vCPU is
// next loaded (kvm_arch_hardware_enable() in arch/x86/kvm/x86.c). Until all of a VM's vCPUs have
// run, some offsets are old and some new and their differences mean nothing. One guard follows one
// VM. Pure; not thread-safe.
#pragma once

#include <map>

#include "tsc/reading.h"

namespace kvmtsc {

class ResumeGuard {
 public:
  // Takes in the VM's next reading and the host's total time suspended; true while the offsets are
  // torn: since the last resume some vCPUs' offsets have changed and others' have not. Gives up on
  // stragglers after kPatience, since a vCPU that never runs again keeps its old offset for ever
  // and is then rightly shown as skewed.
  bool torn(const VmReading& reading, Nanoseconds suspended);

  static constexpr Nanoseconds kPatience = std::chrono::minutes(10);

 private:
  bool watching_ = false;
  MonotonicTime resumed_;
  Nanoseconds suspended_{-1};                // total at the last reading; negative: none yet
  std::map<VcpuId, std::int64_t> previous_;  // offsets at the last reading before the resume
};

}  // namespace kvmtsc
