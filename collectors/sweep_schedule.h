// SweepSchedule: when the next sweep is due. Regular sweeps come every interval; a VM's creation or
// end asks for extra ones soon, so that nobody waits for the next regular one. Pure; not
// thread-safe.
#pragma once

#include <optional>

#include "base/clock.h"

namespace kvmtsc {

class SweepSchedule {
 public:
  // The first sweep is due at `now`.
  SweepSchedule(Nanoseconds interval, MonotonicTime now) : interval_(interval), regular_(now) {}

  // A VM came or went. It is looked at twice: soon, and once more when its VMM has had the time to
  // create its vCPUs. A storm of events costs one extra sweep per kEventSpacing at most.
  void vm_event(MonotonicTime now);

  // When the next sweep is due; may lie in the past.
  MonotonicTime due() const;

  // A sweep was begun at `now`.
  void swept(MonotonicTime now);

  // The next regular sweep comes at the earlier of its old and its new time.
  void set_interval(Nanoseconds interval, MonotonicTime now);

  static constexpr Nanoseconds kSoon = std::chrono::milliseconds(50);
  static constexpr Nanoseconds kSettled = std::chrono::milliseconds(700);
  static constexpr Nanoseconds kEventSpacing = std::chrono::milliseconds(250);

 private:
  Nanoseconds interval_;
  MonotonicTime regular_;                 // the next regular sweep
  std::optional<MonotonicTime> soon_;     // the next extra sweep
  std::optional<MonotonicTime> settled_;  // the one after it
  std::optional<MonotonicTime> last_;     // the last sweep of either kind
};

}  // namespace kvmtsc
