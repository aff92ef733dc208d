// OffsetSource: a place where VMs are found and their TSC offsets read. Implemented by the folders
// below this one, which do not know each other; used by the sweep alone, in the sampling thread.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "tsc/reading.h"
#include "tsc/vm.h"

namespace kvmtsc {

struct FoundVm {
  VmKey key;
  VmIdentity identity;
};

// How long one reading may take. A kernel that does not answer uses up the first; a thread of ours
// that gets no CPU on a busy host uses up the second alone, and that is no fault of the VM.
struct ReadLimit {
  Nanoseconds cpu{0};    // Clock::thread_cpu() at which it ends
  MonotonicTime latest;  // when it ends in any case
};

class OffsetSource {
 public:
  virtual ~OffsetSource() = default;

  // Stable lower-case word, used as the `collector` label.
  virtual std::string_view name() const = 0;

  // Whether KVM keeps these offsets: it rewrites them by itself where the host's clocksource is not
  // tsc.
  virtual bool kept_by_kvm() const { return true; }

  // The VMs there are now. A VM that cannot be identified is listed with what is known of it. An
  // error means that none could be listed ("no data" is an error, "no VMs" an empty list).
  virtual Result<std::vector<FoundVm>> list() = 0;

  // Whether a vCPU of this VM of the last list() has ever run; absent where that cannot be known.
  virtual std::optional<bool> has_run(const VmKey& /*key*/) { return std::nullopt; }

  // Reads one VM of the last list(). kGone, and no other error, when it has ended, kTimeout
  // when the limit was reached first. Pauses nobody and does not block.
  virtual Result<VmReading> read(const VmKey& key, const ReadLimit& limit) = 0;
};

}  // namespace kvmtsc
