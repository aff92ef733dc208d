// TscSample: the guest's own view of its TSC and kvmclock, bracketed by the host TSC. It needs no
// interface of KVM: ground truth for everything that reads offsets. Any thread.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/result.h"
#include "tests/micro_vmm/guest_memory.h"

namespace kvmtsc::micro_vmm {

// The guest executed RDTSC and got `guest_tsc` at some moment in which the host TSC lay in
// [host_tsc_before, host_tsc_after].
struct TscSample {
  std::uint64_t guest_tsc = 0;
  std::uint64_t host_tsc_before = 0;
  std::uint64_t host_tsc_after = 0;
  std::uint64_t width() const { return host_tsc_after - host_tsc_before; }
};

// The narrowest of several samples of the vCPU in `slot`; kTimeout if the guest stores nothing for
// half a second (paused, halted, or starved of CPU).
Result<TscSample> sample_tsc(const GuestMemory& memory, unsigned slot, const Clock& clock);

// kvmclock was `nanoseconds` at some moment within `tsc`'s bracket; so, taken as its value in the
// middle of the bracket, it is right to +-`bound`.
struct KvmclockSample {
  TscSample tsc;
  std::uint64_t nanoseconds = 0;
  std::uint64_t bound = 0;  // nanoseconds
  std::uint8_t flags = 0;   // the page's
};

// Needs a guest that spins and has a pvclock page; kTimeout as above.
Result<KvmclockSample> sample_kvmclock(const GuestMemory& memory, unsigned slot,
                                       const Clock& clock);

}  // namespace kvmtsc::micro_vmm
