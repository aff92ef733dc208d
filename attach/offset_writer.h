// OffsetWriter: writes TSC offsets to the vCPUs of one VM, atomically as the guest sees it. Used by
// the sampling thread alone, but for foresee(); a read-only set-up constructs none.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "attach/target.h"
#include "base/clock.h"
#include "base/result.h"
#include "tsc/reading.h"

namespace kvmtsc {

struct WantedOffset {
  VcpuId id = 0;
  std::int64_t offset = 0;  // ticks of the guest TSC
  // Where given: nothing is written, to no vCPU, unless this is the offset found there once every
  // vCPU stands still.
  std::optional<std::int64_t> expected = {};
  // Also re-arm the vCPU's TSC-deadline timer (VcpuTimer).
  bool rearm = false;
};

// What became of a vCPU's TSC-deadline timer. KVM makes a timer of the host's out of
// IA32_TSC_DEADLINE when the guest writes it, and does not move that with the offset: it would fire
// late by a step ahead and early by one back, by the guest's own clock. Writing the same deadline
// again, with the new offset in force, mends it.
struct VcpuTimer {
  enum class State {
    kNone,  // KVM had none armed
    kRearmed,
    kNotRearmed,  // or it is not known whether one is armed; `error` says why
  };
  State state = State::kNone;
  std::optional<Error> error;
};

// What is known of one vCPU afterwards. KVM may accept a write and ignore it (protected guests,
// some hosts): only `applied()` is a success. What could not be read is absent.
struct VcpuWrite {
  VcpuId id = 0;
  std::int64_t wanted = 0;
  std::optional<std::int64_t> before;     // read with the vCPU stopped, before the first write
  bool accepted = false;                  // the write call returned 0
  std::optional<std::int64_t> read_back;  // read after all writes
  std::optional<Error> error;             // the first call that failed on this vCPU

  // Set when the writes were put back: what was read after that.
  std::optional<std::int64_t> after_rollback;

  Nanoseconds held{0};  // how long the vCPU was kept from running

  // Absent where nobody asked for it, nothing was written, or no thread runs the vCPU. That a timer
  // was not re-armed is no failure of the write.
  std::optional<VcpuTimer> timer = {};

  bool applied() const { return accepted && read_back == wanted; }
};

enum class WriteOutcome {
  kApplied,     // every vCPU reads back what was wanted
  kRolledBack,  // not so; every vCPU reads back what it had before
  kUncertain,   // not so, and at least one vCPU could not be put back or read: see the vCPUs
};

struct WriteReport {
  WriteOutcome outcome = WriteOutcome::kUncertain;
  std::vector<VcpuWrite> vcpus;  // ascending by id
  std::optional<Error> failure;  // why not kApplied: the first error met
  Nanoseconds held{0};           // from the first vCPU's stop until the last one's release
};

// What a write would come to now, as far as that can be told without stopping anybody.
struct ForeseenWrite {
  // Why a timer that is armed would not be armed anew; absent where nothing stands in the way.
  std::optional<Error> timers = {};
};

class OffsetWriter {
 public:
  virtual ~OffsetWriter() = default;

  // What write() would refuse now, for these vCPUs, as far as that can be told without stopping
  // anybody: the same questions that it asks first. Any thread.
  virtual Result<ForeseenWrite> foresee(const AttachTarget& vm,
                                        std::span<const VcpuId> vcpus) const = 0;

  // Why KVM would accept what write() asks of it for this VM and not do it, where that is known
  // beforehand; else empty. Any thread.
  virtual std::string why_ignored(const AttachTarget& vm) const = 0;

  // Every vCPU of the VM, named in `offsets` or not, is stopped before the first write and none
  // runs before the last read-back, so the guest never executes with some offsets written and
  // others not. On any failure what was written is put back before the vCPUs run, and either way
  // each has its kvmclock written anew first, so that it does not jump, and is re-armed where that
  // was asked for. `deadline` covers all of it, with time kept for putting back.
  //
  // An Error means that nothing was written (kRefused, kExcluded, kPermission, kGone, kTimeout,
  // kConflict when an offset is not the expected one, kInvalid for an empty list or a vCPU named
  // twice). Vital: if this process is killed half way the vCPUs run on, with the offsets written so
  // far; nothing can put those back.
  virtual Result<WriteReport> write(const AttachTarget& vm, std::span<const WantedOffset> offsets,
                                    MonotonicTime deadline) = 0;
};

}  // namespace kvmtsc
