// PtraceClockSource: a ClockSource for running, unmodified VMMs.
#pragma once

#include <cstdint>
#include <functional>
#include <map>

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

  std::optional<CallFilters> call_filters(const VmKey& vm) const override;

 private:
  // What filters said when they were asked last.
  struct Verdicts {
    CallVerdict clock;
    std::map<VcpuId, CallVerdict> vcpus;
  };

  // What the kernel returned, and how long the thread was kept from running.
  struct Answer {
    std::int64_t returned = 0;
    Nanoseconds held{0};
  };
  using Calls = std::function<Result<std::int64_t>(SavedState&, MonotonicTime)>;

  // Looks at the VMM, and reads.
  template <typename Reading>
  Result<Reading> prepared(const AttachTarget& vm,
                           const std::function<Result<Reading>(const Prepared&)>& read);
  // Runs `calls` in a thread of the VMM.
  Result<Answer> hold(const AttachTarget& vm, const ProcessLayout& layout, Tid thread,
                      const IntendedCall& intended, MonotonicTime deadline,
                      const Calls& calls) const;
  Result<ClockReading> read_clock_on(const AttachTarget& vm, const Prepared& prepared, Tid thread,
                                     MonotonicTime deadline) const;

  PtraceOptions options_;
  Verdicts& verdicts_of(const VmKey& vm);

  KnownGadgets gadgets_;
  std::map<VmKey, Verdicts> verdicts_;
};

// What a reading of the host's clocks just before and just after KVM_GET_CLOCK brackets.
struct CallBracket {
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
                        std::uint64_t realtime_ns, const CallBracket& bracket);

}  // namespace kvmtsc::injection
