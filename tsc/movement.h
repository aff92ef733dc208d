// Movement: offsets that do not hold still. Plain values and their words; pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tsc/reading.h"

namespace kvmtsc {

struct Movement {
  std::vector<VcpuId> vcpus;  // those that move, ascending; at least one
  bool all = false;           // there are no others
  Nanoseconds lasting{0};     // since the first of them last held still, up to the last reading
  // By how much two vCPUs of the VM may have moved against each other until the next reading, if
  // they go on as they did: the two largest changes between successive readings, together.
  std::uint64_t bound_ticks = 0;
  // Guest ticks a second, where all move together at one steady rate (within a tenth); else absent.
  std::optional<double> ticks_per_second;
};

// One sentence for people: what moves, for how long and how fast, and who may be at it. Nothing in
// debugfs names the author; but a steady movement of all vCPUs is none of separate writes, and
// where the guest was told a faster TSC (`told_error` below -kToldTolerance: catch-up mode,
// KVM_SET_TSC_KHZ above the host's without TSC scaling) KVM moves each vCPU's at its entries, which
// is steady only for one that enters often.
std::string movement_text(const Movement& movement, std::optional<double> told_error);

}  // namespace kvmtsc
