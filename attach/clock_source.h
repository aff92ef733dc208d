// ClockSource: reads a VM's clock triple and its vCPUs' frequencies, which KVM tells only to the
// process that owns the VM. Used by the sampling thread alone. Implementations hold threads of the
// VMM for some tens of microseconds and report for how long.
#pragma once

#include <cstdint>
#include <optional>

#include "attach/target.h"
#include "base/clock.h"
#include "base/result.h"
#include "tsc/call_filters.h"
#include "tsc/clock_triple.h"
#include "tsc/reading.h"

namespace kvmtsc {

struct ClockReading {
  ClockTriple triple;
  Nanoseconds held{0};  // how long a thread of the VMM (never a vCPU's) was kept from running
};

struct VcpuFrequency {
  VcpuId id = 0;
  std::uint32_t khz = 0;  // KVM_GET_TSC_KHZ of this vCPU: what was asked for (DESIGN fact 10)
  Nanoseconds held{0};    // how long the vCPU's thread was kept from running
};

// Errors of both: kRefused when attaching would not be safe, kExcluded when the operator will not
// have it, kPermission, kGone, kTimeout when the
// deadline passed first, each with a remedy. Whatever the outcome, the VMM runs on.
class ClockSource {
 public:
  virtual ~ClockSource() = default;

  // Whether this VM's clock is meant to be read. Where it is not, that is no failure.
  virtual bool covers(const VmKey& /*vm*/) const { return true; }

  // Pauses no vCPU.
  virtual Result<ClockReading> read_clock(const AttachTarget& vm, MonotonicTime deadline) = 0;

  // What a VMM's system-call filters said when it was attached to last; holds nobody. Absent where
  // there is no VMM that could have any.
  virtual std::optional<CallFilters> call_filters(const VmKey& /*vm*/) const { return {}; }

  // Pauses that one vCPU. Also kNotFound, where no thread runs it.
  virtual Result<VcpuFrequency> read_frequency(const AttachTarget& vm, VcpuId vcpu,
                                               MonotonicTime deadline) = 0;
};

}  // namespace kvmtsc
