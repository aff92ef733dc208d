// PtraceClockSource: a ClockSource for running, unmodified VMMs.
#pragma once

#include "attach/clock_source.h"
#include "attach/ptrace/session.h"

namespace kvmtsc::injection {

class PtraceClockSource : public ClockSource {
 public:
  explicit PtraceClockSource(PtraceOptions options) : options_(std::move(options)) {}

  // KVM_GET_CLOCK on a thread of the VMM that is no vCPU's; kRefused when there is none. If a
  // thread does not stop in time or refuses, others are tried while the deadline allows.
  Result<ClockReading> read_clock(const AttachTarget& vm, MonotonicTime deadline) override;

  Result<VcpuFrequency> read_frequency(const AttachTarget& vm, VcpuId vcpu,
                                       MonotonicTime deadline) override;

 private:
  Result<ClockReading> read_clock_on(const AttachTarget& vm, const Prepared& prepared, Tid thread,
                                     MonotonicTime deadline) const;

  PtraceOptions options_;
};

// What a reading of the host's clocks just before and just after KVM_GET_CLOCK brackets.
struct ClockBracket {
  struct Edge {
    std::uint64_t host_tsc = 0;
    RealTime realtime;
    MonotonicTime monotonic;
  };
  Edge before;
  Edge after;
};

// The triple from what KVM_GET_CLOCK returned: KVM's own values where its flags vouch for them,
// otherwise the middle of the bracket, with half its width as the bound. Pure.
ClockTriple make_triple(std::uint64_t kvmclock_ns, std::uint32_t flags, std::uint64_t host_tsc,
                        std::uint64_t realtime_ns, const ClockBracket& bracket);

}  // namespace kvmtsc::injection
