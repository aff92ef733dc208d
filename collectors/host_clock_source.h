// HostClockSource: the port through which the sweep reads the host's own clock.
#pragma once

#include "base/result.h"
#include "tsc/host_clock.h"

namespace kvmtsc {

class HostClockSource {
 public:
  virtual ~HostClockSource() = default;

  // What is known now; parts that could not be read are absent in the result. An error only when
  // not even the clocksource is known. Sampling thread only.
  virtual Result<HostClock> read() = 0;
};

}  // namespace kvmtsc
