// ClockSampling: reads the clocks of VMs through a ClockSource, each in its turn, and keeps what
// they said. It holds threads of other people's VMMs, so it exists only where the operator allows
// it. Sampling thread only.
#pragma once

#include <map>
#include <set>

#include "attach/clock_source.h"
#include "tsc/snapshot.h"

namespace kvmtsc {

struct ClockSamplingOptions {
  Nanoseconds interval = std::chrono::seconds(10);        // between two readings of one VM's clock
  Nanoseconds deadline = std::chrono::milliseconds(100);  // for each reading
  // For all readings of one sweep: what is due beyond it waits for the next sweep, so that VMMs
  // that do not stop in time cannot hold up the reading of offsets.
  Nanoseconds budget = std::chrono::milliseconds(250);
  // Also read each vCPU's KVM_GET_TSC_KHZ, once and again after a step. This holds the vCPU for
  // some tens of microseconds; without it no vCPU is ever held.
  bool frequencies = false;
};

class ClockSampling {
 public:
  // `source` and `clock` outlive this.
  ClockSampling(ClockSamplingOptions options, ClockSource& source, const Clock& clock)
      : options_(options), source_(&source), clock_(&clock) {}

  // A sweep begins: its budget is whole.
  void begin_sweep() { budget_ends_ = clock_->monotonic() + options_.budget; }

  // Reads what is due of this VM and fills in what is known of its clock. `state` has been read and
  // judged, with `never_ran` as it is now, or could not be read; after this `never_ran` is as it
  // was when the clock was read. Of a VM whose process is not known the clock cannot be read, which
  // is said.
  void observe(VmState& state);

  // The VM's offsets or clock may have been changed: its clock as last read counts for nothing, and
  // is read again at the next sweep.
  void renew(const VmKey& vm);

  // Who may be attached to has changed: the same for all VMs.
  void renew_all();

  // Forgets all VMs but these.
  void keep_only(const std::set<VmKey>& vms);

  const Snapshot::Holds& holds() const { return holds_; }

 private:
  struct Known {
    std::uint32_t khz = 0;
    std::uint64_t steps = 0;  // when it was read
  };
  struct Tracked {
    MonotonicTime due;  // of the next clock reading
    std::optional<ClockTriple> clock;
    MonotonicTime taken;     // of `clock`
    bool never_ran = false;  // at that time
    std::optional<Divergence> divergence;
    std::optional<Error> error;
    std::uint64_t errors = 0;
    bool seemed_gone = false;  // at the last reading
    KvmclockDivergence kvmclock;
    std::map<VcpuId, Known> frequencies;
  };

  void read_clock(const VmState& state, Tracked& tracked);
  void read_frequencies(const VmState& state, Tracked& tracked);
  bool within_budget() const { return clock_->monotonic() < budget_ends_; }
  MonotonicTime deadline() const { return clock_->monotonic() + options_.deadline; }

  ClockSamplingOptions options_;
  ClockSource* source_;
  const Clock* clock_;
  std::map<VmKey, Tracked> tracked_;
  Snapshot::Holds holds_;
  MonotonicTime budget_ends_;
};

}  // namespace kvmtsc
