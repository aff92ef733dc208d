// EntryLag: how far a guest's RDTSC is from the host's at the moment its vCPU is entered.
//
// lag = (the guest's RDTSC, its first instruction) - (the host's RDTSC, just before KVM_RUN, in the
// same thread) = the vCPU's offset + the ticks that the way into the guest took. The shortest way
// takes nearly the same time each time, on a host that counts instructions exactly the same; so
// the least lags before and after a change differ by what the offset was changed by.
#pragma once

#include <linux/kvm.h>

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/result.h"
#include "tests/micro_vmm/guest_memory.h"

namespace kvmtsc::micro_vmm {

struct EntryLag {
  std::int64_t least = 0;   // ticks
  std::uint32_t times = 0;  // how many of the entries had it
  // Of the last that had it:
  std::uint64_t host_tsc = 0;
  std::uint64_t guest_tsc = 0;
  std::optional<PvclockPage> page;  // as the guest found it; absent without --pvclock
};

// Enters the guest `entries` times, which is one or more; it must be GuestProgram::kStamp. On the
// vCPU's own thread, outside KVM_RUN. Any exit but HLT is an error.
Result<EntryLag> measure_entry_lag(int vcpu_fd, kvm_run& run, const GuestMemory& memory,
                                   unsigned slot, std::uint32_t entries, const Clock& clock);

}  // namespace kvmtsc::micro_vmm
