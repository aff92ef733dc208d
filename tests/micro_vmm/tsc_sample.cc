#include "tests/micro_vmm/tsc_sample.h"

#include <optional>
#include <string>
#include <thread>

namespace kvmtsc::micro_vmm {
namespace {

constexpr Nanoseconds kPatience = std::chrono::milliseconds(500);
constexpr int kAttempts = 16;
constexpr unsigned kPollsBeforeYield = 1024;

Error timed_out(unsigned slot, const char* what) {
  return Error{ErrorKind::kTimeout, "the guest's vCPU in slot " + std::to_string(slot) + " " + what,
               ""};
}

// 1. Read host TSC.  2. See sequence s.  3. Wait for s+4 or later: the store of s+2 came after
// step 2, and the RDTSC of s+4 after that store.  4. Read host TSC.
std::optional<TscSample> sample_once(const GuestMemory& memory, unsigned slot, const Clock& clock) {
  const MonotonicTime deadline = clock.monotonic() + kPatience;
  TscSample sample;
  sample.host_tsc_before = clock.host_tsc();
  std::optional<std::uint32_t> first;
  for (unsigned polls = 1; clock.monotonic() < deadline; ++polls) {
    if (polls % kPollsBeforeYield == 0) {
      std::this_thread::yield();  // the guest may be waiting for this processor
    }
    const auto cell = memory.read_cell(slot);
    if (!cell) {
      continue;
    }
    if (!first) {
      first = cell->sequence;
    } else if (cell->sequence - *first >= 4) {
      sample.host_tsc_after = clock.host_tsc();
      sample.guest_tsc = cell->guest_tsc;
      return sample;
    }
  }
  return std::nullopt;
}

}  // namespace

Result<TscSample> sample_tsc(const GuestMemory& memory, unsigned slot, const Clock& clock) {
  std::optional<TscSample> best;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const auto sample = sample_once(memory, slot, clock);
    if (!sample) {
      return timed_out(slot, "stores no TSC");
    }
    if (!best || sample->width() < best->width()) {
      best = sample;
    }
  }
  return *best;
}

Result<KvmclockSample> sample_kvmclock(const GuestMemory& memory, unsigned slot,
                                       const Clock& clock) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const auto page = memory.read_pvclock(slot);
    auto tsc = sample_tsc(memory, slot, clock);
    if (!tsc) {
      return tsc.error();
    }
    const auto again = memory.read_pvclock(slot);
    // Only a page that was the same before and after tells how this TSC is to be read.
    if (!page || !again || page->version != again->version) {
      continue;
    }
    KvmclockSample sample;
    sample.tsc = *tsc;
    sample.nanoseconds = kvmclock_at(*page, tsc->guest_tsc);
    sample.bound = pvclock_nanoseconds(*page, tsc->width()) / 2 + 1;
    sample.flags = page->flags;
    return sample;
  }
  return timed_out(slot, "has no settled pvclock page");
}

}  // namespace kvmtsc::micro_vmm
