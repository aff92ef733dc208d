// Readings: what was read of one VM at one time, and whether to trust it. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "tsc/scaling.h"
#include "tsc/trust.h"

namespace kvmtsc {

using VcpuId = std::uint32_t;  // KVM's vCPU id (on x86 the APIC id); need not be contiguous

// "vCPU 3": as messages name it.
inline std::string vcpu_name(VcpuId id) {
  return "vCPU " + std::to_string(id);
}

struct VcpuReading {
  VcpuId id = 0;
  std::int64_t offset = 0;  // ticks of the guest TSC
  ScalingRatio ratio;
  Trust trust = Trust::kTrusted;
};

// A vCPU that is listed but could not be read.
struct VcpuProblem {
  VcpuId id = 0;
  Error error;
};

struct VmReading {
  std::vector<VcpuReading> vcpus;       // ascending by id, ids unique
  std::vector<VcpuProblem> unreadable;  // ascending by id, none of them in `vcpus`
  // The host TSC before the first and after the last vCPU was read: the interval within which all
  // of the above was true, if it was true at once.
  std::uint64_t host_tsc_before = 0;
  std::uint64_t host_tsc_after = 0;
  MonotonicTime taken;            // when the reading was completed
  Trust trust = Trust::kTrusted;  // of the VM as a whole; at least the worst of its vCPUs
};

}  // namespace kvmtsc
