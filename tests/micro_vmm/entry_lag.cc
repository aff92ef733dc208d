#include "tests/micro_vmm/entry_lag.h"

#include <sys/ioctl.h>

#include <atomic>
#include <cerrno>
#include <optional>
#include <string>

namespace kvmtsc::micro_vmm {
namespace {

// One entry, counted once; absent when the guest was not reached, for a signal came first.
Result<std::optional<EntryLag>> enter_once(int vcpu_fd, kvm_run& run, const GuestMemory& memory,
                                           unsigned slot, const Clock& clock) {
  const auto before = memory.read_cell(slot);
  const std::uint64_t host_tsc = clock.host_tsc();
  const int entered = ::ioctl(vcpu_fd, KVM_RUN, 0);
  if (entered != 0 && errno != EINTR && errno != EAGAIN) {
    return errno_error(errno, "KVM_RUN");
  }
  if (entered == 0 && run.exit_reason != KVM_EXIT_HLT) {
    return Error{ErrorKind::kUnsupported, "KVM_RUN: exit reason " + std::to_string(run.exit_reason),
                 "start with --guest stamp"};
  }
  const auto after = memory.read_cell(slot);
  const bool complete = entered == 0 && before && after && after->sequence == before->sequence + 2;
  if (!complete) {
    return std::optional<EntryLag>();
  }
  EntryLag lag;
  lag.least = static_cast<std::int64_t>(after->guest_tsc - host_tsc);
  lag.times = 1;
  lag.host_tsc = host_tsc;
  lag.guest_tsc = after->guest_tsc;
  lag.page = memory.read_pvclock(slot);
  return std::optional(lag);
}

}  // namespace

Result<EntryLag> measure_entry_lag(int vcpu_fd, kvm_run& run, const GuestMemory& memory,
                                   unsigned slot, std::uint32_t entries, const Clock& clock) {
  // Whoever made this thread leave KVM_RUN has set it (vcpu_thread.h).
  std::atomic_ref<__u8>(run.immediate_exit).store(0);
  EntryLag lag;
  // An interrupted guest may store an RDTSC from before its next entry. The first of these does not
  // count, for the guest may have been interrupted before.
  bool at_start = false;
  for (std::uint32_t entry = 0; entry <= entries; ++entry) {
    auto one = enter_once(vcpu_fd, run, memory, slot, clock);
    if (!one) {
      return one.error();
    }
    const bool counts = *one && at_start;
    at_start = one->has_value();
    if (counts && (lag.times == 0 || (*one)->least <= lag.least)) {
      (*one)->times += (*one)->least == lag.least ? lag.times : 0;
      lag = **one;
    }
  }
  if (lag.times == 0) {
    return Error{ErrorKind::kTimeout, "no entry reached the guest", "ask for more"};
  }
  return lag;
}

}  // namespace kvmtsc::micro_vmm
