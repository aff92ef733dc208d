// SystemHostClock: the host's own clock, from sysfs, /proc/cpuinfo and the Clock. Sampling thread
// only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/host_root.h"
#include "collectors/host_clock_source.h"
#include "tsc/frequency_meter.h"

namespace kvmtsc {

class SystemHostClock final : public HostClockSource {
 public:
  // `clock` outlives this.
  SystemHostClock(const HostRoot& root, const Clock& clock);

  // Reads <sys>/devices/system/clocksource/clocksource0/current_clocksource and the clocks anew;
  // the flags of <proc>/cpuinfo once. The TSC's frequency becomes known at the second call, if at
  // least 10 ms after the first.
  Result<HostClock> read() override;

 private:
  HostRoot root_;
  const Clock* clock_;
  FrequencyMeter meter_;
  std::optional<std::vector<std::string>> tsc_flags_;
};

}  // namespace kvmtsc
